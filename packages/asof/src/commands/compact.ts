import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { compactionLine } from '../forgetting-lines.ts'
import { jsonText } from '../output/json.ts'
import { styleOf } from '../output/style.ts'
import { withProgress } from '../point-in-history.ts'
import { mustBeAtMost, mustHaveFolder, readOptions, withDatabase } from '../session.ts'

const usage = 'DIR [options]'

export const compactCommand: Command = {
  name: 'compact',
  summary: 'gives back the room of what nobody can see any more',
  usage,
  examples: [
    { command: 'asof compact history', meaning: 'after asof prune DIR --no-compact' },
    { command: 'asof compact history --json', meaning: 'what was gained, for programs' },
  ],
  details: [
    'No answer changes by it: only what a prune or an erasure has put out of sight goes. asof\n' +
      'prune and asof erase do it themselves. Both the old tables and the new are in memory for\n' +
      'that time. Ctrl-C leaves everything as it was.',
  ],
  options: { json: readOptions.json },
  async run(input, context) {
    const folder = mustHaveFolder(input, `compact ${usage}`)
    mustBeAtMost(input, 1, `compact ${usage}`)
    const { terminal } = context
    return withProgress(context, { counts: 'commits' }, (long) =>
      withDatabase(folder, async (database) => {
        const report = await database.compact(long)
        const { sequence } = report
        if (input.flag('json')) terminal.write(jsonText(report))
        else {
          const path = styleOf(terminal).bold(database.path)
          terminal.write(`${path}: compacted as of #${sequence}\n${compactionLine(report)}\n`)
        }
        return exitCodes.ok
      }),
    )
  },
}
