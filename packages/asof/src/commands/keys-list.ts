import type { KeyInput, KeyRange, KeyView, Value, View } from 'asofdb'
import type { Arguments } from '../arguments.ts'
import type { Command, CommandContext } from '../command.ts'
import { exitCodes, usageFailure } from '../failure.ts'
import {
  boundOptions,
  hasBounds,
  keyOptions,
  keyViewOf,
  limitOf,
  notationHelp,
  orderOptions,
  pointOptions,
  rangeOf,
  shownKey,
} from '../keys/key-arguments.ts'
import { LineOutput, standardOutput } from '../keys/line-output.ts'
import { valueToJson } from '../keys/typed-json.ts'
import { printable } from '../output/display-width.ts'
import { jsonText } from '../output/json.ts'
import { countText } from '../output/number-text.ts'
import { styleOf } from '../output/style.ts'
import { tableLines } from '../output/table.ts'
import { valueText } from '../output/value-text.ts'
import { mustBeAtMost, mustHaveFolder, viewJson, viewText, withDatabase } from '../session.ts'

const usage = 'keys list DIR [SPACE]'
const limitDefault = 100
/** So many lines are aligned with each other. */
const rowsAligned = 500

export const keysListCommand: Command = {
  name: 'keys list',
  summary: 'keys and values in the order of the keys; without SPACE, the keyspaces',
  usage: 'DIR [SPACE] [options]',
  examples: [
    { command: 'asof keys list db', meaning: 'the keyspaces, and how many keys each has' },
    { command: 'asof keys list db users', meaning: `its first ${limitDefault} keys` },
    {
      command: 'asof keys list db users --prefix a --reverse -n 10',
      meaning: 'the last ten with a',
    },
    {
      command: 'asof keys list db events --gte \'["eu",2024]\' --lt \'["eu",2025]\' -k',
      meaning: 'tuples within bounds',
    },
    {
      command: 'asof keys list db users --json',
      meaning: 'all of them, a line of typed JSON each',
    },
    {
      command: 'asof keys list db users --keys-only --json | wc -l',
      meaning: 'as fast as it gets',
    },
    { command: 'asof keys list db users --count --sequence 12', meaning: 'how many there were' },
  ],
  details: [
    [
      `As text it shows ${limitDefault} keys unless --limit says how many; as JSON lines,`,
      'which are written as fast as they are read and no faster, all of them. Keys are in one',
      'order: text by code point, then booleans, numbers, bytes, instants, tuples.',
    ].join('\n'),
    notationHelp,
  ],
  options: {
    ...keyOptions,
    ...boundOptions,
    ...orderOptions,
    limit: { type: 'string', short: 'n', value: 'N', help: 'at most so many keys; 0: none' },
    'keys-only': { type: 'boolean', help: 'no values' },
    'values-only': { type: 'boolean', help: 'no keys' },
    count: { type: 'boolean', help: 'only how many there are' },
    ...pointOptions,
    json: { type: 'boolean', help: 'a line of typed JSON for each key' },
  },
  async run(input, context) {
    const folder = mustHaveFolder(input, usage)
    mustBeAtMost(input, 2, usage)
    const shape = shapeOf(input)
    const [, keyspace] = input.positionals
    if (keyspace === undefined) mustNameKeyspace(input)
    const range = rangeOf(input)
    return withDatabase(folder, (database) => {
      const view = keyViewOf(database, input)
      if (keyspace === undefined) {
        return listKeyspaces(view, {
          input,
          context,
          where: { text: viewText(database, view), json: viewJson(database, view) },
        })
      }
      const listing = { keys: view.keys(keyspace), range, shape, input, context }
      if (input.flag('count')) return showCount(listing)
      return input.flag('json') ? listJson(listing) : listText(listing)
    })
  },
}

/** What is shown of an entry. */
interface Shape {
  readonly hasKeys: boolean
  readonly hasValues: boolean
}

function shapeOf(input: Arguments): Shape {
  const chosen = ['keys-only', 'values-only', 'count'].filter((name) => input.flag(name))
  if (chosen.length > 1) {
    throw usageFailure(`give one of ${chosen.map((name) => `--${name}`).join(' and ')}`)
  }
  return { hasKeys: !input.flag('values-only'), hasValues: !input.flag('keys-only') }
}

function mustNameKeyspace(input: Arguments): void {
  const names = ['keys-only', 'values-only', 'count', 'reverse'].filter((name) => input.flag(name))
  if (names.length === 0 && !hasBounds(input) && input.text('limit') === undefined) return
  throw usageFailure('of which keyspace?', {
    hint: `usage: asof ${usage}; asof keys list DIR tells the keyspaces`,
  })
}

interface KeyspaceListing {
  readonly input: Arguments
  readonly context: CommandContext
  readonly where: { readonly text: string; readonly json: object }
}

function listKeyspaces(view: View, { input, context, where }: KeyspaceListing): number {
  const { terminal } = context
  const keyspaces = view.keyspaces().map((name) => ({
    keyspace: name,
    keys: view.keys(name).range().count(),
  }))
  if (input.flag('json')) {
    terminal.write(jsonText({ view: where.json, keyspaces }))
    return exitCodes.ok
  }
  const rows = keyspaces.map(({ keyspace, keys }) => [`  ${printable(keyspace)}`, countText(keys)])
  const lines = [styleOf(terminal).bold(where.text), ...tableLines(rows, terminal.columns)]
  if (rows.length === 0) lines.push('  no key is known')
  terminal.write(`${lines.join('\n')}\n`)
  return exitCodes.ok
}

interface Listing {
  readonly keys: KeyView
  readonly range: KeyRange
  readonly shape: Shape
  readonly input: Arguments
  readonly context: CommandContext
}

function showCount({ keys, range, input, context }: Listing): number {
  const count = keys.range({ ...range, limit: limitOf(input, Infinity) }).count()
  context.terminal.write(`${count}\n`)
  return exitCodes.ok
}

interface ShownEntry {
  readonly key?: KeyInput
  readonly value?: Value
}

/** Only what is shown is decoded. */
async function* entriesOf(
  { keys, range, shape }: Listing,
  limit: number,
): AsyncGenerator<ShownEntry> {
  const entries = keys.range({ ...range, limit })
  if (shape.hasKeys && shape.hasValues) yield* entries
  else if (shape.hasKeys) for await (const key of entries.keys()) yield { key }
  else for await (const value of entries.values()) yield { value }
}

async function listJson(listing: Listing): Promise<number> {
  const { context, input } = listing
  const lines = new LineOutput(standardOutput(context), context.signal)
  for await (const { key, value } of entriesOf(listing, limitOf(input, Infinity))) {
    lines.addJson({
      ...(key === undefined ? {} : { key: valueToJson(key) }),
      ...(value === undefined ? {} : { value: valueToJson(value) }),
    })
    if (lines.isFull && !(await lines.flush())) break
  }
  await lines.flush()
  return lines.stopReason === 'interrupted' ? exitCodes.interrupted : exitCodes.ok
}

async function listText(listing: Listing): Promise<number> {
  const { context, input } = listing
  const { terminal } = context
  const limit = limitOf(input, limitDefault)
  const lines = new LineOutput(standardOutput(context), context.signal)
  let rows: string[][] = []
  let count = 0
  const handOver = (): Promise<boolean> => {
    for (const line of tableLines(rows, terminal.columns)) lines.add(line)
    rows = []
    return lines.flush()
  }
  for await (const { key, value } of entriesOf(listing, limit + 1)) {
    if (++count > limit) {
      await handOver()
      const how = `--limit shows more of them, --json all`
      terminal.note(`… and more; ${how}\n`)
      break
    }
    rows.push([
      ...(key === undefined ? [] : [shownKey(key)]),
      ...(value === undefined ? [] : [valueText(value)]),
    ])
    if (rows.length >= rowsAligned && !(await handOver())) break
  }
  await handOver()
  return lines.stopReason === 'interrupted' ? exitCodes.interrupted : exitCodes.ok
}
