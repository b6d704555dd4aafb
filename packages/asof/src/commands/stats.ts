import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Health, Stats } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import { jsonLine, jsonText } from '../output/json.ts'
import {
  bytesText,
  countText,
  indexNoun,
  millisecondsText,
  plural,
  secondsText,
} from '../output/number-text.ts'
import { type Style, styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import type { Terminal } from '../output/terminal.ts'
import { instantText } from '../output/value-text.ts'
import {
  mustBeAtMost,
  mustHaveFolder,
  readOptions,
  viewOf,
  viewText,
  withDatabase,
} from '../session.ts'

const usage = 'DIR [options] or DIR --watch [SECONDS] [--json]'
const secondsDefault = 2
const secondsMin = 0.1
const secondsMax = 86_400

export const statsCommand: Command = {
  name: 'stats',
  summary: 'how much there is, where it takes room, how it is, and what opening found',
  usage,
  examples: [
    { command: 'asof stats history', meaning: 'counts, bytes and health' },
    { command: 'asof stats history --json', meaning: 'for programs' },
    { command: 'asof stats history --watch 5', meaning: 'again every 5 seconds, until Ctrl-C' },
    {
      command: 'asof stats history --watch --json',
      meaning: `a JSON object on a line, every ${secondsDefault} seconds`,
    },
  ],
  details: [
    'Counts are of entities that ever were, and of all their versions.',
    [
      'A database has one owner. While asof watches, that is asof: a program that wants to open it',
      'gets Locked. For a program that owns its database there are db.stats() and db.health().',
    ].join('\n'),
  ],
  options: {
    json: readOptions.json,
    valid: readOptions.valid,
    system: readOptions.system,
    watch: { type: 'boolean', help: 'print the figures of now again and again' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `stats ${usage}`)
    if (input.flag('watch')) {
      mustBeAtMost(input, 2, `stats ${usage}`)
      const everyMs = secondsOf(input) * 1000
      return withDatabase(folder, (database) => watch(database, { input, context, everyMs }))
    }
    mustBeAtMost(input, 1, `stats ${usage}`)
    return withDatabase(folder, (database) => showOnce(database, input, context.terminal))
  },
}

function showOnce(database: Database, input: Arguments, terminal: Terminal): number {
  const stats = database.stats()
  const health = database.health()
  const { recovery, path } = database
  const view = viewOf(database, input)
  const held = { nodes: countAll(view.nodes()), edges: countAll(view.edges()) }
  if (input.flag('json')) {
    const first = database.commit(1)
    const last = database.commit(database.sequence)
    const commits = { first, last }
    terminal.write(jsonText({ path, ...stats, held, commits, health, recovery }))
    return exitCodes.ok
  }
  const style = styleOf(terminal)
  const lines = [
    style.bold(path),
    ...tableLines(
      [
        ['  commits', countText(stats.sequence), spanText(database)],
        ...figureRows(stats, health),
        ['  opening', recovery.outcome, openingText(recovery)],
      ],
      terminal.columns,
    ),
    ...reasonLines(health, style),
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
}

interface Watch {
  readonly input: Arguments
  readonly context: CommandContext
  readonly everyMs: number
}

/** Until interrupted, which is how watching ends. */
async function watch(database: Database, { input, context, everyMs }: Watch): Promise<number> {
  const { terminal, signal } = context
  const style = styleOf(terminal)
  const { path } = database
  while (!signal.aborted) {
    const at = new Date()
    const stats = database.stats()
    const health = database.health()
    if (input.flag('json')) {
      terminal.write(jsonLine({ at, path, ...stats, health }))
    } else {
      const rows = [['  commits', countText(stats.sequence), ''], ...figureRows(stats, health)]
      const lines = [
        `${style.bold(path)}  ${at.toISOString()}`,
        ...tableLines(rows, terminal.columns),
        ...reasonLines(health, style),
      ]
      terminal.write(`${lines.join('\n')}\n\n`)
    }
    // Interrupted is all that can be wrong with it.
    await sleep(everyMs, undefined, { signal }).catch(() => undefined)
  }
  return exitCodes.interrupted
}

function secondsOf(input: Arguments): number {
  for (const name of ['valid', 'system']) {
    if (input.text(name) === undefined) continue
    throw usageFailure(`--watch shows the figures of now, so --${name} has no place beside it`)
  }
  const text = input.positionals[1]
  if (text === undefined) return secondsDefault
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (seconds >= secondsMin && seconds <= secondsMax) return seconds
  throw usageFailure(
    `--watch takes a number of seconds from ${secondsMin} to ${secondsMax}, not '${text}'`,
    { hint: `usage: asof stats ${usage}` },
  )
}

function figureRows(stats: Stats, health: Health): string[][] {
  const { entities, versions, bytes, log, checkpoint, compaction, indexImages } = stats
  const { files, lastFailure } = indexImages
  const failed = lastFailure === null ? '' : `; the last attempt to write failed: ${lastFailure}`
  const imageText = `of ${plural(files, indexNoun)}${failed}`
  const imageRow = ['  images', bytesText(bytes.indexImages), imageText]
  const horizonRow = [
    '  horizons',
    countText(compaction.horizons),
    `the past before them was pruned; ${plural(compaction.count, 'compaction')} since the opening`,
  ]
  const { syncs, groups } = log
  const syncRow = [
    '  syncs',
    countText(syncs.count),
    `half within ${millisecondsText(syncs.p50Ms)}, 99 % within ${millisecondsText(syncs.p99Ms)}, ` +
      `slowest ${millisecondsText(syncs.maxMs)}; ${groupsText(groups)}`,
  ]
  return [
    ['  nodes', countText(entities.nodes), plural(versions.nodes, 'version')],
    ['  edges', countText(entities.edges), plural(versions.edges, 'version')],
    ['  keys', countText(entities.keys), plural(versions.keys, 'version')],
    ['  symbols', countText(stats.symbols), 'names of labels, types, properties, keyspaces'],
    ['  memory', bytesText(bytes.tables + bytes.payloads + bytes.adjacency), memoryText(bytes)],
    [
      '  log',
      bytesText(bytes.log),
      `${plural(log.segments, 'segment')}, ${bytesText(log.bytesSinceCheckpoint)} since the ` +
        `last checkpoint, ${bytesText(log.unsyncedBytes)} not synced`,
    ],
    ['  checkpoint', bytesText(bytes.checkpoint), checkpointText(checkpoint)],
    ...(indexImages.files === 0 && indexImages.lastFailure === null ? [] : [imageRow]),
    ...(syncs.count === 0 ? [] : [syncRow]),
    ...(compaction.horizons === 0 && compaction.count === 0 ? [] : [horizonRow]),
    ['  health', health.status, plural(stats.transactions.open, 'open transaction')],
  ]
}

function reasonLines({ reasons }: Health, style: Style): string[] {
  return reasons.map(
    ({ code, message, since }) =>
      `  ${style.removed(code)} since ${instantText(since)}: ${message}`,
  )
}

function groupsText({ count, commits }: Stats['log']['groups']): string {
  return `${(commits / Math.max(count, 1)).toFixed(1)} commits a group`
}

function checkpointText({ sequence, last }: Stats['checkpoint']): string {
  if (sequence === 0) return 'none yet'
  const made =
    last === null
      ? ''
      : `, made ${secondsText(last.ageMs / 1000)} ago in ${millisecondsText(last.durationMs)}`
  return `up to commit ${countText(sequence)}${made}`
}

function spanText(database: Database): string {
  const first = database.commit(1)
  const last = database.commit(database.sequence)
  if (first === undefined || last === undefined) return ''
  return `${instantText(first.system)} … ${instantText(last.system)}`
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
