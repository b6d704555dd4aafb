/** Every way to read a keyspace, held against the model. */
import { isDeepStrictEqual, inspect } from 'node:util'
import type {
  CustomValueEncoding,
  KeyEntry,
  KeyInput,
  KeyRange,
  KeyView,
  NamedValueEncoding,
  Value,
} from 'asofdb'
import type { RandomStream } from '../../simulation/random.ts'
import type { KeyDraw } from './keys-draw.ts'
import { compareKeys } from './naive-key-order.ts'
import type { NaiveEntry, NaiveView, Statement } from './naive-keyspaces.ts'

export interface KeyspaceRule {
  readonly name: string
  /** How its values are drawn. */
  readonly kind: NamedValueEncoding
  readonly values: NamedValueEncoding | CustomValueEncoding<Value>
  readonly keep: 'forever' | 'present' | { readonly keepMs: number } | undefined
}

const wrapped: CustomValueEncoding<Value> = {
  encode: (value) => ['wrapped', value],
  decode: (stored) => {
    const [tag, value] = Array.isArray(stored) ? stored : []
    if (tag !== 'wrapped' || value === undefined) throw new Error('not wrapped')
    return value
  },
}

export const keyspaceRules: readonly KeyspaceRule[] = [
  { name: 'kept', kind: 'value', values: 'value', keep: 'forever' },
  { name: 'kept as text', kind: 'text', values: 'text', keep: 'forever' },
  { name: 'present', kind: 'json', values: 'json', keep: 'present' },
  { name: 'aged', kind: 'bytes', values: 'bytes', keep: { keepMs: 500 } },
  { name: 'without a rule', kind: 'value', values: wrapped, keep: undefined },
]

export class Difference extends Error {}

/** What was done: put into words only when it comes to that. */
export type What = string | (() => string)

export function mustBeEqual(what: What, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  const show = (value: unknown) => inspect(value, { depth: 8, breakLength: 100 })
  const done = typeof what === 'string' ? what : what()
  throw new Difference(`${done}\nexpected: ${show(expected)}\nactual:   ${show(actual)}`)
}

/** Instants and large integers come back in one form: the order says whether keys are the same. */
function mustBeSameKeys(
  what: What,
  actual: readonly KeyInput[],
  expected: readonly KeyInput[],
): void {
  const isSame =
    actual.length === expected.length &&
    actual.every((key, index) => compareKeys(key, expected[index] ?? '') === 0)
  if (!isSame) mustBeEqual(what, actual, expected)
}

function mustBeEntries(
  what: What,
  actual: readonly KeyEntry[],
  expected: readonly NaiveEntry[],
): void {
  mustBeSameKeys(what, actual.map(({ key }) => key), expected.map(([key]) => key))
  mustBeEqual(what, actual.map(({ value }) => value), expected.map(([, value]) => value))
}

export interface ReadPlace {
  readonly rule: KeyspaceRule
  readonly keys: KeyView
  readonly model: NaiveView
  readonly draw: KeyDraw
  readonly random: RandomStream
}

/** One random read of one keyspace. */
export async function readSomething(place: ReadPlace): Promise<void> {
  const { keys, model, draw, random, rule } = place
  const space = rule.name
  const choice = random.below(16)
  if (choice < 4) {
    const key = draw.key()
    mustBeEqual(() => `get ${inspect(key)} of ${space}`, keys.get(key), model.get(space, key))
  } else if (choice === 4) {
    const key = draw.key()
    const expected = model.get(space, key) !== undefined
    mustBeEqual(() => `has ${inspect(key)} of ${space}`, keys.has(key), expected)
  } else if (choice === 5) {
    const wanted = draw.keys(5)
    const expected = wanted.map((key) => model.get(space, key))
    mustBeEqual(() => `getMany ${inspect(wanted)} of ${space}`, keys.getMany(wanted), expected)
  } else if (choice === 6) walkCursor(place)
  else if (choice === 7) walkEnds(place)
  else if (choice === 8) readVersions(place, draw.range())
  else if (choice === 9) readTimeline(place)
  else await readRange(place, draw.range())
}

async function readRange(place: ReadPlace, range: KeyRange): Promise<void> {
  const { keys, model, rule, random } = place
  const what = () => `range ${inspect(range)} of ${rule.name}`
  const entries = keys.range(range)
  const expected = model.range(rule.name, range)
  const expectedKeys = expected.map(([key]) => key)
  switch (random.below(8)) {
    case 0:
      return mustBeEqual(what, entries.count(), expected.length)
    case 1:
      return mustBeSameKeys(what, [...entries.keys()], expectedKeys)
    case 2:
      return mustBeEqual(what, entries.values().toArray(), expected.map(([, value]) => value))
    case 3: {
      const first = entries.first()
      const found = first === undefined ? [] : [first]
      return mustBeEntries(what, found, expected.slice(0, 1))
    }
    case 4: {
      const walked: KeyEntry[] = []
      for await (const entry of entries) walked.push(entry)
      return mustBeEntries(what, walked, expected)
    }
    case 5: {
      const stopAt = random.below(4)
      const walked: KeyEntry[] = []
      for (const entry of entries) if (walked.push(entry) > stopAt) break
      return mustBeEntries(what, walked, expected.slice(0, stopAt + 1))
    }
    default:
      return mustBeEntries(what, entries.toArray(), expected)
  }
}

/** Everything of a keyspace, and of one that keeps its history all of that. */
export function readEverything(place: Omit<ReadPlace, 'draw' | 'random'>): void {
  const { keys, model, rule } = place
  const what = () => `all of ${rule.name}`
  mustBeEntries(what, keys.range().toArray(), model.range(rule.name, {}))
  const backwards = keys.range({ reverse: true }).toArray()
  mustBeEntries(what, backwards, model.range(rule.name, { reverse: true }))
  readVersions(place, {})
}

/** A walk over a range that is held on to while others write: it is of the moment it began. */
export class HeldWalk {
  readonly #entries: Iterator<KeyEntry>
  readonly #expected: readonly NaiveEntry[]
  readonly #what: string
  #at = 0

  constructor({ keys, model, rule, draw }: ReadPlace) {
    const range = draw.range()
    this.#entries = keys.range(range)[Symbol.iterator]()
    this.#expected = model.range(rule.name, range)
    this.#what = `range ${inspect(range)} of ${rule.name} as of ${model.sequence}`
  }

  /** Whether it can still go on. */
  step(): boolean {
    const expected = this.#expected[this.#at]
    const { done, value } = this.#entries.next()
    const what = `${this.#what}, entry ${this.#at}`
    mustBeEntries(what, done === true ? [] : [value], expected === undefined ? [] : [expected])
    this.#at += 1
    return expected !== undefined
  }
}

function walkEnds({ keys, model, rule, random, draw }: ReadPlace): void {
  const range = draw.range()
  const ends = keys.range(range).ends()
  const expected = model.range(rule.name, range)
  const what = () => `both ends of ${inspect(range)} of ${rule.name}`
  const isFair = random.chance(0.7)
  while (expected.length > 0) {
    const isFront = isFair ? random.chance(0.5) : random.chance(0.95)
    const wanted = isFront ? expected.shift() : expected.pop()
    const entry = isFront ? ends.front() : ends.back()
    if (wanted !== undefined) mustBeEntries(what, entry === undefined ? [] : [entry], [wanted])
  }
  mustBeEqual(what, [ends.front(), ends.back()], [undefined, undefined])
}

const moves = ['next', 'next', 'next', 'prev', 'prev', 'seek', 'seekForPrev'] as const

function walkCursor({ keys, model, rule, random, draw }: ReadPlace): void {
  const { skip: _, limit: __, reverse: ___, ...bounds } = draw.range()
  const cursor = keys.cursor(bounds)
  const entries = model.range(rule.name, bounds)
  let at: number | 'off' | undefined
  for (let count = 1 + random.below(8); count > 0; count -= 1) {
    const move = random.chance(0.1)
      ? random.pick(['seekToFirst', 'seekToLast'] as const)
      : random.pick(moves)
    const key = draw.key()
    const isThere =
      move === 'seek' || move === 'seekForPrev' ? cursor[move](key) : cursor[move]()
    at = placeAfter(move, { at, key, entries })
    const wanted = at === 'off' ? undefined : entries[at]
    if (wanted === undefined) at = 'off'
    const what = () => `cursor ${move} ${inspect(key)} in ${inspect(bounds)} of ${rule.name}`
    mustBeEqual(what, [isThere, cursor.isValid], [wanted !== undefined, wanted !== undefined])
    if (wanted === undefined) continue
    mustBeEntries(what, [{ key: cursor.key, value: cursor.value }], [wanted])
  }
}

function placeAfter(
  move: (typeof moves)[number] | 'seekToFirst' | 'seekToLast',
  from: {
    readonly at: number | 'off' | undefined
    readonly key: KeyInput
    readonly entries: readonly NaiveEntry[]
  },
): number | 'off' {
  const { at, key, entries } = from
  if (move === 'seekToFirst' || (move === 'next' && at === undefined)) return 0
  if (move === 'seekToLast' || (move === 'prev' && at === undefined)) return entries.length - 1
  if (move === 'seek') {
    const found = entries.findIndex(([one]) => compareKeys(one, key) >= 0)
    return found < 0 ? 'off' : found
  }
  if (move === 'seekForPrev') return entries.findLastIndex(([one]) => compareKeys(one, key) <= 0)
  if (at === 'off' || at === undefined) return 'off'
  return move === 'next' ? at + 1 : at - 1
}

function readVersions(place: Omit<ReadPlace, 'draw' | 'random'>, range: KeyRange): void {
  const { keys, model, rule } = place
  const what = () => `versions ${inspect(range)} of ${rule.name}`
  const told: { key: KeyInput; statements: Statement[] }[] = []
  for (const { key, sequence = Infinity, value, isDeleted } of keys.versions(range)) {
    const last = told.at(-1)
    const statement = { sequence, value: isDeleted === true ? undefined : value }
    if (last !== undefined && compareKeys(last.key, key) === 0) last.statements.push(statement)
    else told.push({ key, statements: [statement] })
  }
  if (rule.keep === 'forever') {
    const expected = model.versions(rule.name, range)
    mustBeSameKeys(what, told.map(({ key }) => key), expected.map(([key]) => key))
    const statements = expected.map(([, list]) => list)
    return mustBeEqual(what, told.map((one) => one.statements), statements)
  }
  // Of others something was forgotten: what is told is the end of what was stated.
  for (const { key, statements } of told) {
    const all = model.statementsOf(model.keyspaces.find(rule.name, key))
    mustBeEqual(() => `${what()}, ${inspect(key)}`, statements, all.slice(-statements.length))
  }
}

function readTimeline({ keys, model, rule, draw }: ReadPlace): void {
  const key = draw.key()
  const value = model.get(rule.name, key)
  const told = keys.timeline(key).map((part) => part.value)
  const expected = value === undefined ? [] : [value]
  mustBeEqual(() => `timeline of ${inspect(key)} of ${rule.name}`, told, expected)
}
