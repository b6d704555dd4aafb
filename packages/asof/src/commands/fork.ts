import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { forkText } from '../fork-report.ts'
import { jsonText } from '../output/json.ts'
import { pointOf, pointOptions, withProgress } from '../point-in-history.ts'
import {
  mustBeAtMost,
  mustHaveFolder,
  mustHaveTarget,
  readOptions,
  withDatabase,
} from '../session.ts'

const usage = 'DIR --into OTHER [options]'

export const forkCommand: Command = {
  name: 'fork',
  summary: 'makes a second database that goes its own way from some point on',
  usage,
  examples: [
    { command: 'asof fork history --into trial', meaning: 'try something on a copy' },
    {
      command: 'asof fork history --into trial --to-sequence 1200',
      meaning: 'as if nothing after #1200 had been written',
    },
    {
      command: 'asof fork history --into trial --to-time 2024-06-01',
      meaning: 'as it was known on a day',
    },
  ],
  details: [
    'Commits keep their numbers, system times and metadata; the new database gets an id of its\n' +
      'own, and nothing of what came later. A database that another process has open is forked\n' +
      'by that one: db.fork(directory).',
  ],
  options: {
    into: { type: 'string', value: 'OTHER', help: 'a directory that is new or empty' },
    ...pointOptions,
    json: readOptions.json,
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `fork ${usage}`)
    mustBeAtMost(input, 1, `fork ${usage}`)
    const into = mustHaveTarget(input, `fork ${usage}`)
    const point = pointOf(input)
    const { terminal } = context
    return withProgress(context, { counts: 'commits' }, (long) =>
      withDatabase(folder, async (database) => {
        const report = await database.fork(into, { ...point, ...long })
        terminal.write(input.flag('json') ? jsonText(report) : forkText(report, terminal))
        return exitCodes.ok
      }),
    )
  },
}
