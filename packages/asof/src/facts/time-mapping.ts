import { BEGINNING, DatabaseError, FOREVER, Instant } from 'asofdb'
import { usageFailure } from '../failure.ts'
import { ownText } from './own-text.ts'

/** How the input writes time: ISO 8601, a year, or a count of units since a zero. */
export const timeFormats = [
  'iso',
  'year',
  'day',
  'hour',
  'minute',
  'second',
  'millisecond',
] as const
export type TimeFormat = (typeof timeFormats)[number]

/** Units that `lasts` may name. */
const unitMicros = new Map<string, bigint>([
  ['millisecond', 1_000n],
  ['second', 1_000_000n],
  ['minute', 60_000_000n],
  ['hour', 3_600_000_000n],
  ['day', 86_400_000_000n],
])

export interface TimeOptions {
  readonly format: TimeFormat
  /** What the number 0 means, when units are counted. Default: 1970. */
  readonly zero?: string | undefined
  /** The end that is written is the first instant after the period, not the last unit in it. */
  readonly ends?: 'inclusive' | 'exclusive' | undefined
  /** How long a fact without an end holds: a unit, or 'year'. Default: for ever. */
  readonly lasts?: string | undefined
  /** Text in the place of an end that means: still holds. */
  readonly openEnds: readonly string[]
  /** Text in the place of a start that means: since always. */
  readonly openStarts: readonly string[]
}

/** When a fact holds, in microseconds since 1970. */
export interface FactPeriod {
  readonly from: bigint
  readonly to: bigint
}

/** Period, or why there is none. */
export type ReadPeriod = FactPeriod | { readonly problem: string }

/** Years and days repeat in a file; what they mean is kept for the next time. */
const rememberedMax = 100_000

/** Reads the times of facts. */
export class TimeMapping {
  readonly #options: TimeOptions
  readonly #zero: bigint
  readonly #isInclusive: boolean
  readonly #starts = new Map<string, bigint>()
  readonly #ends = new Map<string, bigint>()

  constructor(options: TimeOptions) {
    this.#options = options
    const { format, lasts } = options
    if (options.zero !== undefined && !unitMicros.has(format)) {
      throw usageFailure(`--zero needs --time with a unit that is counted, not ${format}`)
    }
    if (lasts !== undefined && lasts !== 'year' && !unitMicros.has(lasts)) {
      throw usageFailure(`--lasts takes year, ${[...unitMicros.keys()].reverse().join(', ')}`)
    }
    this.#zero = options.zero === undefined ? 0n : readZero(options.zero)
    // A year, a day and an hour are stretches of time; the others are as good as instants.
    const isStretch = format === 'year' || format === 'day' || format === 'hour'
    this.#isInclusive = (options.ends ?? (isStretch ? 'inclusive' : 'exclusive')) === 'inclusive'
    if (this.#isInclusive && format === 'iso') {
      throw usageFailure('--ends inclusive needs --time with a unit: an instant has no length')
    }
  }

  /** `to` is undefined when the input has no such column. */
  read(from: string, to: string | undefined): ReadPeriod {
    try {
      const start = this.#start(from)
      const end = this.#end(to, { start, from })
      if (start < end) return { from: start, to: end }
      return { problem: `ends (${to ?? ''}) before it begins (${from})` }
    } catch (error) {
      if (error instanceof UnreadableTime) return { problem: error.message }
      throw error
    }
  }

  #start(text: string): bigint {
    const known = this.#starts.get(text)
    if (known !== undefined) return known
    const { openStarts } = this.#options
    const micros = openStarts.includes(text) ? BEGINNING.epochMicroseconds : this.#parse(text, 0)
    remember(this.#starts, text, micros)
    return micros
  }

  #end(text: string | undefined, begun: { readonly start: bigint; readonly from: string }): bigint {
    const { openEnds, lasts } = this.#options
    if (text === undefined || text === '') {
      return lasts === undefined ? FOREVER.epochMicroseconds : this.#after(begun, lasts)
    }
    const known = this.#ends.get(text)
    if (known !== undefined) return known
    const isOpen = openEnds.includes(text)
    const step = this.#isInclusive ? 1 : 0
    const micros = isOpen ? FOREVER.epochMicroseconds : this.#parse(text, step)
    remember(this.#ends, text, micros)
    return micros
  }

  /** The end of a fact that begins at `start` and lasts for one unit. */
  #after(begun: { readonly start: bigint; readonly from: string }, lasts: string): bigint {
    const micros = unitMicros.get(lasts)
    if (micros !== undefined) return begun.start + micros
    if (begun.start === BEGINNING.epochMicroseconds) return begun.start
    const date = new Date(Number(begun.start / 1000n))
    date.setUTCFullYear(date.getUTCFullYear() + 1)
    return BigInt(date.getTime()) * 1000n
  }

  /** The instant a text means, `step` units later. */
  #parse(text: string, step: number): bigint {
    const { format } = this.#options
    if (format === 'iso') return parseIso(text)
    const count = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(count)) {
      throw new UnreadableTime(`'${text}' is not a whole number (--time ${format})`)
    }
    const micros =
      format === 'year'
        ? yearMicros(count + step)
        : this.#zero + BigInt(count + step) * (unitMicros.get(format) ?? 1n)
    if (micros > -instantMicrosMax && micros < instantMicrosMax) return micros
    throw new UnreadableTime(`'${text}' is further away than any instant`)
  }
}

const instantMicrosMax = 8_640_000_000_000_000_000n

class UnreadableTime extends Error {}

/** The first instant of a year; year 0 is 1 BC, -1 is 2 BC. */
function yearMicros(year: number): bigint {
  const date = new Date(0)
  date.setUTCFullYear(year)
  const ms = date.getTime()
  return Number.isNaN(ms) ? instantMicrosMax : BigInt(ms) * 1000n
}

function parseIso(text: string): bigint {
  try {
    return Instant.from(text.trim()).epochMicroseconds
  } catch (error) {
    if (error instanceof DatabaseError) throw new UnreadableTime(error.message)
    throw error
  }
}

function readZero(text: string): bigint {
  try {
    return Instant.from(text).epochMicroseconds
  } catch (error) {
    if (error instanceof DatabaseError) throw usageFailure(`--zero: ${error.message}`)
    throw error
  }
}

function remember(known: Map<string, bigint>, text: string, micros: bigint): void {
  if (known.size >= rememberedMax) known.clear()
  known.set(ownText(text), micros)
}
