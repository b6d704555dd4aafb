import type { Database } from 'asofdb'
import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { jsonText } from '../output/json.ts'
import { bytesText, countText, plural, secondsText } from '../output/number-text.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { instantText } from '../output/value-text.ts'
import {
  mustBeAtMost,
  mustHaveFolder,
  readOptions,
  viewOf,
  viewText,
  withDatabase,
} from '../session.ts'

const usage = 'DIR [options]'

export const statsCommand: Command = {
  name: 'stats',
  summary: 'how much there is, where it takes room, and what opening found',
  usage,
  examples: [
    { command: 'asof stats history', meaning: 'counts and bytes' },
    { command: 'asof stats history --json', meaning: 'for programs' },
  ],
  details: ['Counts are of entities that ever were, and of all their versions.'],
  options: { json: readOptions.json, valid: readOptions.valid, system: readOptions.system },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `stats ${usage}`)
    mustBeAtMost(input, 1, `stats ${usage}`)
    return withDatabase(folder, (database) => {
      const stats = database.stats()
      const { recovery, path } = database
      const view = viewOf(database, input)
      const held = { nodes: countAll(view.nodes()), edges: countAll(view.edges()) }
      const first = database.commit(1)
      const last = database.commit(database.sequence)
      if (input.flag('json')) {
        const commits = { first, last }
        terminal.write(jsonText({ path, ...stats, held, commits, recovery }))
        return exitCodes.ok
      }
      const style = styleOf(terminal)
      const { entities, versions, bytes } = stats
      const span =
        first === undefined || last === undefined
          ? ''
          : `${instantText(first.system)} … ${instantText(last.system)}`
      const rows = [
        ['  commits', countText(stats.sequence), span],
        ['  nodes', countText(entities.nodes), plural(versions.nodes, 'version')],
        ['  edges', countText(entities.edges), plural(versions.edges, 'version')],
        ['  keys', countText(entities.keys), plural(versions.keys, 'version')],
        ['  symbols', countText(stats.symbols), 'names of labels, types, properties, keyspaces'],
        ['  memory', bytesText(bytes.tables + bytes.payloads + bytes.adjacency), memoryText(bytes)],
        ['  log', bytesText(bytes.log), 'since the last checkpoint'],
        ['  checkpoint', bytesText(bytes.checkpoint), ''],
        ['  opening', recovery.outcome, openingText(recovery)],
      ]
      const lines = [
        style.bold(path),
        ...tableLines(rows, terminal.columns),
        style.bold(viewText(database, view)),
        ...tableLines(
          [
            ['  nodes', countText(held.nodes)],
            ['  edges', countText(held.edges)],
          ],
          terminal.columns,
        ),
      ]
      terminal.write(`${lines.join('\n')}\n`)
      return exitCodes.ok
    })
  },
}

function countAll(items: Iterable<unknown>): number {
  let count = 0
  for (const _ of items) count++
  return count
}

function memoryText(bytes: { tables: number; payloads: number; adjacency: number }): string {
  const { tables, payloads, adjacency } = bytes
  const parts = [
    `tables ${bytesText(tables)}`,
    `payloads ${bytesText(payloads)}`,
    `adjacency ${bytesText(adjacency)}`,
  ]
  return parts.join(', ')
}

function openingText(recovery: Database['recovery']): string {
  const { replayed, durationMs } = recovery
  const torn = recovery.tornTail
  const cut = torn === null ? '' : `, ${bytesText(torn.bytesDiscarded)} of an unfinished end cut`
  return `${plural(replayed.records, 'record')} replayed in ${secondsText(durationMs / 1000)}${cut}`
}
