import { restore } from 'asofdb'
import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { forkText } from '../fork-report.ts'
import { jsonText } from '../output/json.ts'
import { pointOf, pointOptions, withProgress } from '../point-in-history.ts'
import { mustBeAtMost, mustHaveFolder, mustHaveTarget, readOptions } from '../session.ts'

const usage = 'BACKUP --into DIR [options]'

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'makes a database from a backup, whole or as of a point in its history',
  usage,
  examples: [
    { command: 'asof restore /mnt/backup/history --into history', meaning: 'all of it' },
    {
      command: 'asof restore /mnt/backup/history --into before --to-sequence 1200',
      meaning: 'commits up to #1200',
    },
    {
      command: 'asof restore /mnt/backup/history --into before --to-time 2024-06-01T12:00:00Z',
      meaning: 'what was known then',
    },
  ],
  details: [
    'BACKUP is a backup, or the directory of a database that nobody has open. It is read with\n' +
      'every check that opening makes, and not changed; damage is refused with exit code 3.\n' +
      'Commits keep their numbers, system times and metadata; the new database gets an id of\n' +
      'its own.',
  ],
  options: {
    into: { type: 'string', value: 'DIR', help: 'a directory that is new or empty' },
    ...pointOptions,
    json: readOptions.json,
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `restore ${usage}`)
    mustBeAtMost(input, 1, `restore ${usage}`)
    const into = mustHaveTarget(input, `restore ${usage}`)
    const point = pointOf(input)
    const { terminal } = context
    return withProgress(context, { counts: 'commits' }, async (long) => {
      const report = await restore(folder, into, { ...point, ...long })
      terminal.write(input.flag('json') ? jsonText(report) : forkText(report, terminal))
      return exitCodes.ok
    })
  },
}
