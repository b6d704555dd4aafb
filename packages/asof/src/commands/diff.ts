import type { Database, EntityState, NetDiffEntry } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { stateTitle } from '../describe.ts'
import {
  compare,
  countsText,
  edgeDifferenceLines,
  nodeDifferenceLines,
  totalOf,
} from '../difference.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import { type Moment, parseMoment, viewAt } from '../moment.ts'
import { jsonText } from '../output/json.ts'
import { moreLines } from '../output/more-lines.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { periodText } from '../output/value-text.ts'
import { labelLike } from '../selector.ts'
import { mustHaveFolder, readOptions, viewJson, viewText, withDatabase } from '../session.ts'

const usage = 'DIR [FROM TO] [options]'
const limitDefault = 30

export const diffCommand: Command = {
  name: 'diff',
  summary: 'what differs between two points of the two times',
  usage,
  examples: [
    { command: 'asof diff history 2024-01-01 2024-06-30', meaning: 'what changed in the world' },
    {
      command: 'asof diff history --system 2024-01-01..now --valid 2023-12-31',
      meaning: 'what we have learned since about one day',
    },
    {
      command: 'asof diff history --system #10..#20 --net',
      meaning: 'the same about all days: for each thing the time in which the beliefs differ',
    },
    { command: 'asof diff history 2024 2025 --label File -n 100', meaning: 'only some nodes' },
  ],
  details: [
    [
      'FROM and TO are valid times, as is --valid FROM..TO. With --system FROM..TO two states of',
      'knowledge are compared. A single time holds for both sides.',
    ].join('\n'),
  ],
  options: {
    ...readOptions,
    valid: { type: 'string', value: 'TIME or A..B', help: 'valid time of both sides, or of each' },
    system: { type: 'string', value: 'TIME or A..B', help: 'system time of both, or of each' },
    net: { type: 'boolean', help: 'with --system A..B: over all of valid time' },
    label: { type: 'string', value: 'LABEL', help: 'only nodes with this label' },
    edges: { type: 'boolean', help: 'list edges too' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, `diff ${usage}`)
    const sides = readSides(input)
    const limit = input.count('limit', { byDefault: limitDefault, min: 0 })
    return withDatabase(folder, (database) =>
      input.flag('net')
        ? showNet({ database, input, context, limit }, sides)
        : showDifference({ database, input, context, limit }, sides),
    )
  },
}

interface Side {
  readonly valid: Moment
  readonly system: Moment
}

interface Sides {
  readonly before: Side
  readonly after: Side
}

interface Comparing {
  readonly database: Database
  readonly input: Arguments
  readonly context: CommandContext
  readonly limit: number
}

function readSides(input: Arguments): Sides {
  const [, from, to, extra] = input.positionals
  if (extra !== undefined || (from !== undefined && to === undefined)) {
    throw usageFailure('give two times, FROM and TO', { hint: `usage: asof diff ${usage}` })
  }
  if (from !== undefined && input.text('valid') !== undefined) {
    throw usageFailure('give FROM and TO, or --valid, not both')
  }
  const valid = from === undefined ? input.text('valid') : `${from}..${to ?? ''}`
  const [validBefore, validAfter] = readPair(valid, '--valid')
  const [systemBefore, systemAfter] = readPair(input.text('system'), '--system')
  if (validBefore === validAfter && systemBefore === systemAfter) {
    throw usageFailure('there is nothing to compare: both sides are at the same times', {
      hint: 'asof diff DIR 2024-01-01 2024-06-30, or --system #10..#20',
    })
  }
  return {
    before: { valid: validBefore, system: systemBefore },
    after: { valid: validAfter, system: systemAfter },
  }
}

/** `A..B`, or one time for both. */
function readPair(text: string | undefined, option: string): [Moment, Moment] {
  const [from = 'now', to] = (text ?? 'now').split('..')
  const first = parseMoment({ text: from, option })
  return [first, to === undefined ? first : parseMoment({ text: to, option })]
}

function showDifference({ database, input, context, limit }: Comparing, sides: Sides): number {
  const { terminal } = context
  const before = viewAt(database, sides.before)
  const after = viewAt(database, sides.after)
  const word = input.text('label')
  const label =
    word === undefined ? undefined : (labelLike(after, word) ?? labelLike(before, word) ?? word)
  const found = compare(database, { before, after, limit, label })
  if (input.flag('json')) {
    const views = { before: viewJson(database, before), after: viewJson(database, after) }
    terminal.write(jsonText({ ...views, ...found }))
    return exitCodes.ok
  }
  const style = styleOf(terminal)
  const lines = [
    `${style.bold('before')}  ${viewText(database, before)}`,
    `${style.bold('after')}   ${viewText(database, after)}`,
    '',
    `nodes: ${countsText(found.nodeCounts)}`,
    ...nodeDifferenceLines(found.nodes, terminal),
    ...moreLines(totalOf(found.nodeCounts) - found.nodes.length),
  ]
  if (label === undefined) lines.push(`edges: ${countsText(found.edgeCounts)}`)
  if (input.flag('edges')) {
    lines.push(...edgeDifferenceLines(found.edges, { before, after }, terminal))
    lines.push(...moreLines(totalOf(found.edgeCounts) - found.edges.length))
  }
  terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}

/** Differences of knowledge over all valid time. */
function showNet({ database, input, context, limit }: Comparing, sides: Sides): number {
  const { terminal } = context
  const from = { sequence: viewAt(database, sides.before).sequence }
  const to = { sequence: viewAt(database, sides.after).sequence }
  const entries: NetDiffEntry[] = []
  let more = 0
  for (const entry of database.netDiff({ from, to })) {
    if (entry.kind === 'edge' && !input.flag('edges')) continue
    if (entries.length < limit) entries.push(entry)
    else more++
  }
  if (input.flag('json')) {
    terminal.write(jsonText({ from, to, entries, more }))
    return exitCodes.ok
  }
  const title = (state: EntityState | undefined): string =>
    state === undefined ? '∅' : stateTitle(state)
  const rows = entries.map(({ id, kind, valid, before, after }) => [
    `  ${kind}:${id}`,
    periodText(valid),
    `${title(before)} → ${title(after)}`,
  ])
  const style = styleOf(terminal)
  const lines = [
    style.bold(`what #${to.sequence} knows otherwise than #${from.sequence}`),
    ...tableLines(rows, terminal.columns),
    ...moreLines(more),
  ]
  terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}
