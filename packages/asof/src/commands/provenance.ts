import type { Command } from '../command.ts'
import { foundTitle } from '../describe.ts'
import { absentFailure, exitCodes, usageFailure } from '../failure.ts'
import { provenanceLines, provenanceOf } from '../history-report.ts'
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
const limitDefault = 12

export const provenanceCommand: Command = {
  name: 'provenance',
  summary: 'what was believed to hold when, when that was believed, and who said so',
  usage,
  examples: [
    { command: 'asof provenance history file:README.md', meaning: 'every belief about a file' },
    {
      command: 'asof provenance history node:5 --system 2024-06-01',
      meaning: 'only what was known on a day',
    },
    { command: 'asof provenance history key:import:git/position -n 3', meaning: 'of a key' },
  ],
  details: [
    [
      'The picture shows rectangles: valid time to the right, system time downwards. A side',
      'without a line is open: it holds, or is believed, for ever.',
    ].join('\n'),
    selectorHelp,
  ],
  options: readOptions,
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `provenance ${usage}`)
    mustBeAtMost(input, 2, `provenance ${usage}`)
    const [, selector] = input.positionals
    if (selector === undefined) {
      throw usageFailure('the provenance of what?', { hint: `usage: asof provenance ${usage}` })
    }
    const limit = input.count('limit', { byDefault: limitDefault })
    return withDatabase(folder, (database) => {
      const view = viewOf(database, input)
      const found = find(database, view, selector)
      const entries = provenanceOf(view, found)
      const title = foundTitle(found, view)
      if (entries.length === 0)
        throw absentFailure(`${title} is not known, ${viewText(database, view)}`)
      if (input.flag('json')) {
        const shown = entries.slice(Math.max(0, entries.length - limit))
        const more = entries.length - shown.length
        const answer = { what: title, provenance: shown, more }
        terminal.write(jsonText({ view: viewJson(database, view), ...answer }))
        return exitCodes.ok
      }
      const lines = [
        styleOf(terminal).bold(title),
        `  ${viewText(database, view)}`,
        '',
        ...provenanceLines(entries, { terminal, limit }),
      ]
      terminal.write(`${lines.join('\n')}\n`)
      return exitCodes.ok
    })
  },
}
