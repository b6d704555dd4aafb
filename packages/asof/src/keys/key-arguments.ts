import type { CommitMeta, Database, Instant, KeyInput, KeyRange, PeriodOptions, View } from 'asofdb'
import type { Arguments, OptionSpecs } from '../arguments.ts'
import { keyText } from '../describe.ts'
import { usageFailure } from '../failure.ts'
import { parseMoment, viewAt } from '../moment.ts'
import { printable } from '../output/display-width.ts'
import { readOptions } from '../session.ts'
import { NotationError, parseTypedKey, typedText } from './typed-json.ts'

/** The point of the two times that a read looks at. */
export const pointOptions = {
  valid: readOptions.valid,
  system: readOptions.system,
  sequence: { type: 'string', value: 'N', help: 'short for --system "#N", a commit by its number' },
} as const satisfies OptionSpecs

export const keyOptions = {
  'json-key': {
    type: 'boolean',
    short: 'k',
    help: 'KEY and bounds are typed JSON: 7, true, ["user",7], {"$bytes":"AQI="}',
  },
} as const satisfies OptionSpecs

/** Which keys. */
export const boundOptions = {
  gt: { type: 'string', value: 'KEY', help: 'only keys after this one' },
  gte: { type: 'string', value: 'KEY', help: 'only this key and those after it' },
  lt: { type: 'string', value: 'KEY', help: 'only keys before this one' },
  lte: { type: 'string', value: 'KEY', help: 'only this key and those before it' },
  prefix: {
    type: 'string',
    value: 'KEY',
    help: 'only keys that begin so; with -k also of a list: ["user"]',
  },
} as const satisfies OptionSpecs

/** In which order, and which of them. */
export const orderOptions = {
  reverse: { type: 'boolean', short: 'r', help: 'from the last key to the first' },
  skip: { type: 'string', value: 'N', help: 'pass over so many first' },
} as const satisfies OptionSpecs

/** Who writes, and why. */
export const metaOptions = {
  who: { type: 'string', value: 'TEXT', help: 'who says so; kept with the commit' },
  why: { type: 'string', value: 'TEXT', help: 'why; kept with the commit' },
} as const satisfies OptionSpecs

/** When in the world it holds. */
export const periodOptions = {
  from: { type: 'string', value: 'TIME', help: 'holds from then on (default: always)' },
  to: { type: 'string', value: 'TIME', help: 'holds until then; without --from: from now on' },
} as const satisfies OptionSpecs

/** How keys and values are typed, for the help of every command that takes or gives them. */
export const notationHelp = [
  'Typed JSON is JSON, with what JSON lacks as an object of one member: {"$bytes":"AQI="},',
  '{"$int":"9007199254740993"}, {"$instant":"2024-06-01T12:00:00Z"}, {"$number":"NaN"},',
  '{"$float":1}, {"$date":"2024-06-01"}, {"$time":…}, {"$datetime":…}, {"$duration":"P1D"},',
  '{"$zoned":["2024-06-01T10:00:00Z","Europe/Paris"]}, {"$vector":[0.5,1]}. A tuple is a list.',
  'What begins with a dash goes behind -- (asof keys get db space -k -- -5).',
].join('\n')

/** The point that was asked for. */
export function keyViewOf(database: Database, input: Arguments): View {
  const sequence = input.text('sequence')
  const system = input.text('system')
  if (sequence !== undefined && system !== undefined) {
    throw usageFailure('give --system or --sequence, not both')
  }
  if (sequence !== undefined && !/^#?\d{1,15}$/.test(sequence)) {
    throw usageFailure(`--sequence takes the number of a commit, not '${sequence}'`)
  }
  const known = sequence === undefined ? (system ?? 'now') : `#${sequence.replace('#', '')}`
  return viewAt(database, {
    valid: parseMoment({ text: input.text('valid') ?? 'now', option: '--valid' }),
    system: parseMoment({ text: known, option: '--system' }),
  })
}

/** What was typed, and where, for messages. */
export interface Typed {
  readonly text: string
  readonly place: string
}

/** A key as typed: text, or typed JSON with `--json-key`. */
export function keyOf(input: Arguments, { text, place }: Typed): KeyInput {
  return input.flag('json-key') ? typed(place, () => parseTypedKey(text)) : text
}

/** What `read` makes of an argument; what it does not understand is a wrong command line. */
export function typed<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof NotationError)) throw error
    throw usageFailure(`${place} is no typed JSON: ${error.message}`, {
      hint: 'put it in single quotes, such as \'["user",7]\'; asof keys get --help has more',
    })
  }
}

const bounds = ['gt', 'gte', 'lt', 'lte'] as const

export type Bounds = Pick<KeyRange, 'gt' | 'gte' | 'lt' | 'lte' | 'prefix'>

export function boundsOf(input: Arguments): Bounds {
  const range: { -readonly [Name in keyof Bounds]: Bounds[Name] } = {}
  for (const name of bounds) {
    const text = input.text(name)
    if (text !== undefined) range[name] = keyOf(input, { text, place: `--${name}` })
  }
  const text = input.text('prefix')
  if (text === undefined) return range
  const prefix = keyOf(input, { text, place: '--prefix' })
  if (!isPrefix(prefix)) {
    throw usageFailure('--prefix takes text, bytes or a list', {
      hint: 'other keys have no beginning; --gte and --lt take any key',
    })
  }
  return { ...range, prefix }
}

function isPrefix(key: KeyInput): key is string | Uint8Array | readonly KeyInput[] {
  return typeof key === 'string' || key instanceof Uint8Array || Array.isArray(key)
}

export function hasBounds(input: Arguments): boolean {
  return [...bounds, 'prefix'].some((name) => input.text(name) !== undefined)
}

/** Bounds, order and skip. */
export function rangeOf(input: Arguments): KeyRange {
  const skip = input.count('skip', { byDefault: 0, min: 0 })
  return { ...boundsOf(input), reverse: input.flag('reverse'), skip }
}

/** As many as `--limit` says. */
export function limitOf(input: Arguments, byDefault: number): number {
  return input.text('limit') === undefined
    ? byDefault
    : input.count('limit', { byDefault: 0, min: 0 })
}

export function metaOf(input: Arguments): CommitMeta | undefined {
  const who = input.text('who')
  const why = input.text('why')
  if (who === undefined && why === undefined) return undefined
  return { ...(who === undefined ? {} : { who }), ...(why === undefined ? {} : { why }) }
}

export function hasPeriod(input: Arguments): boolean {
  return input.text('from') !== undefined || input.text('to') !== undefined
}

/** Always, where neither end was given. */
export function periodOf(input: Arguments): PeriodOptions {
  const from = timeOf(input, 'from')
  const to = timeOf(input, 'to')
  return {
    ...(from === undefined ? {} : { validFrom: from }),
    ...(to === undefined ? {} : { validTo: to }),
  }
}

function timeOf(input: Arguments, name: 'from' | 'to'): Instant | undefined {
  const text = input.text(name)
  if (text === undefined) return undefined
  const moment = parseMoment({ text, option: `--${name}` })
  if (moment.kind === 'instant') return moment.instant
  if (moment.kind === 'now' && name === 'from') return undefined
  throw usageFailure(`--${name} takes a time such as 2024-06-01 or 2024-06-01T12:30:00Z`)
}

/**
 * How a command that writes opens a database: what its keys held is for the rules that are kept in
 * it, and for its programs, to forget, and for nobody who happens to write a key.
 */
export const openForWriting = { keyRetention: 'forever' } as const

/** Keyspace and key, for people. */
export function titleOf(keyspace: string, key: KeyInput): string {
  return `${printable(keyspace)}/${shownKey(key)}`
}

/** A key for people: text as it is, anything else as typed JSON. */
export function shownKey(key: KeyInput): string {
  return typeof key === 'string' ? keyText(key) : typedText(key)
}

/** The second word. */
export function mustHaveKeyspace(input: Arguments, usage: string): string {
  const [, keyspace] = input.positionals
  if (keyspace !== undefined && keyspace !== '') return keyspace
  throw usageFailure('which keyspace?', {
    hint: `usage: asof ${usage}; asof keys list DIR tells what there is`,
  })
}

/** The third word. */
export function mustHaveKey(input: Arguments, usage: string): KeyInput {
  const [, , text] = input.positionals
  if (text === undefined) throw usageFailure('which key?', { hint: `usage: asof ${usage}` })
  return keyOf(input, { text, place: 'KEY' })
}
