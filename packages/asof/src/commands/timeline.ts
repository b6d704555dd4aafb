import type { Command } from '../command.ts'
import { foundTitle } from '../describe.ts'
import { absentFailure, exitCodes, usageFailure } from '../failure.ts'
import { timelineLines, timelineOf } from '../history-report.ts'
import { jsonText } from '../output/json.ts'
import { styleOf } from '../output/style.ts'
import { find, selectorHelp } from '../selector.ts'
import {
  mustBeAtMost,
  mustHaveFolder,
  readOptions,
  viewJson,
  viewOf,
  viewText,
  withDatabase,
} from '../session.ts'

const usage = 'DIR WHAT [options]'
const limitDefault = 20

export const timelineCommand: Command = {
  name: 'timeline',
  summary: 'what held when, as known now or at an earlier time',
  usage,
  examples: [
    { command: 'asof timeline history file:README.md', meaning: 'the life of a file' },
    {
      command: 'asof timeline history file:README.md --system 2024-06-01',
      meaning: 'the same, as it was known on a day',
    },
    { command: 'asof timeline history node:5 --json', meaning: 'for programs' },
  ],
  details: [selectorHelp],
  options: readOptions,
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `timeline ${usage}`)
    mustBeAtMost(input, 2, `timeline ${usage}`)
    const [, selector] = input.positionals
    if (selector === undefined)
      throw usageFailure('the timeline of what?', { hint: `usage: asof timeline ${usage}` })
    const limit = input.count('limit', { byDefault: limitDefault })
    return withDatabase(folder, (database) => {
      const view = viewOf(database, input)
      const found = find(database, view, selector)
      const entries = timelineOf(view, found)
      const title = foundTitle(found, view)
      if (entries.length === 0)
        throw absentFailure(`${title} never holds, ${viewText(database, view)}`)
      if (input.flag('json')) {
        const shown = entries.slice(Math.max(0, entries.length - limit))
        const more = entries.length - shown.length
        terminal.write(
          jsonText({ view: viewJson(database, view), what: title, timeline: shown, more }),
        )
        return exitCodes.ok
      }
      const lines = [
        styleOf(terminal).bold(title),
        `  ${viewText(database, view)}`,
        '',
        ...timelineLines(entries, { terminal, limit }),
      ]
      terminal.write(`${lines.join('\n')}\n`)
      return exitCodes.ok
    })
  },
}
