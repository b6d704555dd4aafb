import { DatabaseError } from '../rules/errors.ts'
import {
  beginningMicros,
  daySeconds,
  foreverMicros,
  instantMicrosMax,
  instantSecondsMax,
} from '../rules/limits.ts'
import { civilToDays, daysToCivil } from './gregorian.ts'
import { IsoParser, timeToText, twoDigits, yearToText } from './iso-text.ts'
import { localToEpochSeconds } from './time-zone.ts'

/**
 * What is accepted where an instant is expected: a `Date`, ISO 8601 text, microseconds since 1970
 * as a bigint, an `Instant`, or anything that has nanoseconds since 1970, such as
 * `Temporal.Instant`.
 */
export type InstantInput = Date | string | bigint | Instant | { readonly epochNanoseconds: bigint }

const billion = 1_000_000_000n
const million = 1_000_000n
/** Whole seconds whose microseconds are still a safe integer. */
const safeSecondsMax = 9_000_000_000
/** The whole seconds, rounded down, of the two open ends: they are no other instant's. */
const foreverSeconds = Number(foreverMicros / million)
const beginningSeconds = Number(beginningMicros / million) - 1

/**
 * A point on the time line, exact to the nanosecond, in the proleptic Gregorian calendar without
 * leap seconds. Immutable. `FOREVER` and `BEGINNING` are instants later and earlier than all
 * others.
 */
export class Instant {
  /** Whole seconds since 1970-01-01T00:00:00Z, rounded down. */
  readonly epochSeconds: number
  /** Nanoseconds after the whole second, 0 … 999,999,999. */
  readonly nanosecond: number

  private constructor(epochSeconds: number, nanosecond: number) {
    this.epochSeconds = epochSeconds
    this.nanosecond = nanosecond
  }

  /**
   * The instant of any accepted input; text without an offset is read in `timeZone`. Throws
   * InvalidInstant.
   */
  static from(input: InstantInput, timeZone: string = 'UTC'): Instant {
    if (input instanceof Instant) return input
    if (typeof input === 'string') return textToInstant(input, timeZone)
    if (typeof input === 'bigint') return microsToInstant(checkMicros(input, input))
    if (input instanceof Date) return dateToInstant(input)
    return nanosecondsToInstant(foreignNanoseconds(input))
  }

  /** The instant of stored parts, or undefined when no instant has them. */
  static ofStored(epochSeconds: number, nanosecond: number): Instant | undefined {
    if (Math.abs(epochSeconds) > instantSecondsMax) {
      const end = epochSeconds > 0 ? FOREVER : BEGINNING
      return end.epochSeconds === epochSeconds && end.nanosecond === nanosecond ? end : undefined
    }
    if (!(nanosecond >= 0 && nanosecond <= 999_999_999)) return undefined
    if (epochSeconds === instantSecondsMax && nanosecond !== 0) return undefined
    return new Instant(epochSeconds, nanosecond)
  }

  /** From whole seconds and the nanoseconds after them, both already checked. */
  static ofChecked(epochSeconds: number, nanosecond: number): Instant {
    if (epochSeconds === foreverSeconds) return FOREVER
    if (epochSeconds === beginningSeconds) return BEGINNING
    return new Instant(epochSeconds, nanosecond)
  }

  /** Negative, zero or positive as `a` is earlier than, equal to or later than `b`. */
  static compare(this: void, a: Instant, b: Instant): number {
    return a.epochSeconds - b.epochSeconds || a.nanosecond - b.nanosecond
  }

  /** Nanoseconds since 1970. */
  get epochNanoseconds(): bigint {
    return BigInt(this.epochSeconds) * billion + BigInt(this.nanosecond)
  }

  /** Microseconds since 1970, rounded down. */
  get epochMicroseconds(): bigint {
    return secondsToMicros(this.epochSeconds, this.nanosecond)
  }

  /** False for `FOREVER` and `BEGINNING`. */
  get isFinite(): boolean {
    return Math.abs(this.epochSeconds) <= instantSecondsMax
  }

  /** Rounded down to the millisecond. Throws InvalidInstant for an open end. */
  toDate(): Date {
    if (!this.isFinite) {
      throw new DatabaseError('InvalidInstant', `${String(this)} is an open end and has no Date`)
    }
    return new Date(this.epochSeconds * 1000 + Math.floor(this.nanosecond / 1_000_000))
  }

  /** ISO 8601 in UTC, such as 2024-02-29T12:30:00.250Z; 'infinity' and '-infinity'. */
  toString(): string {
    if (!this.isFinite) return this.epochSeconds > 0 ? 'infinity' : '-infinity'
    return `${localSecondsToText(this.epochSeconds, this.nanosecond)}Z`
  }

  toJSON(): string {
    return this.toString()
  }

  equals(other: Instant): boolean {
    return this.epochSeconds === other.epochSeconds && this.nanosecond === other.nanosecond
  }

  /** Makes an open end; only this file does. */
  static openEnd(this: void, end: 'forever' | 'beginning'): Instant {
    const isForever = end === 'forever'
    const micros = isForever ? foreverMicros : beginningMicros
    const seconds = isForever ? foreverSeconds : beginningSeconds
    return new Instant(seconds, Number(micros - BigInt(seconds) * million) * 1000)
  }
}

/** The open end of a period: later than every other instant. */
export const FOREVER: Instant = Object.freeze(Instant.openEnd('forever'))

/** The open start of a period: earlier than every other instant. */
export const BEGINNING: Instant = Object.freeze(Instant.openEnd('beginning'))

/** The date and time of day, without a zone, of seconds that count from 1970 on local clocks. */
export function localSecondsToText(localSeconds: number, nanosecond: number): string {
  const days = Math.floor(localSeconds / daySeconds)
  const { year, month, day } = daysToCivil(days)
  const date = `${yearToText(year)}-${twoDigits(month)}-${twoDigits(day)}`
  return `${date}T${timeToText({ secondOfDay: localSeconds - days * daySeconds, nanosecond })}`
}

/**
 * Any accepted input as microseconds since 1970, rounded down; text without an offset is read in
 * `timeZone` (an IANA name, 'UTC' or an offset). Throws InvalidInstant.
 */
export function instantToMicros(input: InstantInput, timeZone: string): bigint {
  if (typeof input === 'string') return textToMicros(input, timeZone)
  if (typeof input === 'bigint') return checkMicros(input, input)
  if (input instanceof Instant) return input.epochMicroseconds
  if (input instanceof Date) return dateToMicros(input)
  const nanoseconds = foreignNanoseconds(input)
  return checkMicros(floorDivide(nanoseconds, 1000n), nanoseconds)
}

/** The instant of microseconds that the database has stored. */
export function microsToInstant(micros: bigint): Instant {
  const number = Number(micros)
  if (Number.isSafeInteger(number)) {
    const seconds = Math.floor(number / 1_000_000)
    return Instant.ofChecked(seconds, (number - seconds * 1_000_000) * 1000)
  }
  const seconds = floorDivide(micros, million)
  return Instant.ofChecked(Number(seconds), Number(micros - seconds * million) * 1000)
}

const halves = new BigInt64Array(1)
const halfWords = new Int32Array(halves.buffer)
const lowIndex = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1
const highIndex = 1 - lowIndex

/** The upper 32 bits of an instant in microseconds, signed. */
export function timeHigh(micros: bigint): number {
  halves[0] = micros
  return halfWords[highIndex] as number
}

/** The lower 32 bits of an instant in microseconds, as the signed reading of those bits. */
export function timeLow(micros: bigint): number {
  halves[0] = micros
  return halfWords[lowIndex] as number
}

/** The instant in microseconds of its two halves; `low` counts by its bits, signed or not. */
export function timeFromHalves(high: number, low: number): bigint {
  halfWords[lowIndex] = low
  halfWords[highIndex] = high
  return halves[0] as bigint
}

const parser = new IsoParser()

function textToMicros(text: string, timeZone: string): bigint {
  if (text === 'infinity') return foreverMicros
  if (text === '-infinity') return beginningMicros
  return secondsToMicros(textToSeconds(text, timeZone), parser.fields.nanosecond)
}

function textToInstant(text: string, timeZone: string): Instant {
  if (text === 'infinity') return FOREVER
  if (text === '-infinity') return BEGINNING
  const seconds = textToSeconds(text, timeZone)
  return Instant.ofChecked(seconds, parser.fields.nanosecond)
}

/** The whole seconds of the text; its nanoseconds stay in the parser. Checks the range. */
function textToSeconds(text: string, timeZone: string): number {
  const problem = parser.parse(text, 'date-time')
  if (problem !== undefined) throw invalid(text, problem)
  const fields = parser.fields
  if (fields.zone !== undefined) {
    throw invalid(text, 'a zone in brackets belongs to ZonedDateTime.from, not to an instant')
  }
  const local =
    civilToDays(fields) * daySeconds + fields.hour * 3600 + fields.minute * 60 + fields.second
  let seconds = local
  if (fields.offsetSeconds !== undefined) seconds -= fields.offsetSeconds
  else if (timeZone !== 'UTC') seconds = localToEpochSeconds(timeZone, local)
  return checkSeconds(seconds, fields.nanosecond, text)
}

/** Refuses seconds outside the range of finite instants: InvalidInstant, naming `input`. */
export function checkSeconds(seconds: number, nanosecond: number, input: unknown): number {
  const isInRange =
    seconds >= -instantSecondsMax &&
    (seconds < instantSecondsMax || (seconds === instantSecondsMax && nanosecond === 0))
  if (!isInRange) throw invalid(input, outOfRange)
  return seconds
}

const outOfRange = 'it is outside -271821-04-20 … +275760-09-13, the range of Date'

function checkMicros(micros: bigint, input: unknown): bigint {
  const isInRange = micros >= -instantMicrosMax && micros <= instantMicrosMax
  if (isInRange || micros === foreverMicros || micros === beginningMicros) return micros
  throw invalid(input, outOfRange)
}

function secondsToMicros(seconds: number, nanosecond: number): bigint {
  const micros = Math.floor(nanosecond / 1000)
  if (Math.abs(seconds) <= safeSecondsMax) return BigInt(seconds * 1_000_000 + micros)
  return BigInt(seconds) * million + BigInt(micros)
}

function dateToMicros(date: Date): bigint {
  const ms = dateMs(date)
  return Math.abs(ms) <= safeSecondsMax * 1000 ? BigInt(ms * 1000) : BigInt(ms) * 1000n
}

function dateMs(date: Date): number {
  const ms = date.getTime()
  if (Number.isNaN(ms)) throw invalid('Invalid Date', 'the Date was made from something unreadable')
  return ms
}

function dateToInstant(date: Date): Instant {
  const ms = dateMs(date)
  const seconds = Math.floor(ms / 1000)
  return Instant.ofChecked(seconds, (ms - seconds * 1000) * 1_000_000)
}

function nanosecondsToInstant(nanoseconds: bigint): Instant {
  const micros = floorDivide(nanoseconds, 1000n)
  checkMicros(micros, nanoseconds)
  const seconds = floorDivide(nanoseconds, billion)
  const nanosecond = Number(nanoseconds - seconds * billion)
  if (micros !== foreverMicros && micros !== beginningMicros) {
    checkSeconds(Number(seconds), nanosecond, nanoseconds)
  }
  return Instant.ofChecked(Number(seconds), nanosecond)
}

/** The nanoseconds of Temporal.Instant, Temporal.ZonedDateTime or the like. */
function foreignNanoseconds(input: unknown): bigint {
  if (typeof input === 'object' && input !== null && 'epochNanoseconds' in input) {
    const nanoseconds = input.epochNanoseconds
    if (typeof nanoseconds === 'bigint') return nanoseconds
  }
  if (typeof input === 'number') {
    throw invalid(
      input,
      'a number may mean seconds, milliseconds or microseconds: ' +
        'pass new Date(milliseconds) or BigInt(microseconds)',
    )
  }
  throw invalid(input, 'pass a Date, ISO 8601 text, bigint microseconds or a Temporal.Instant')
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient
}

function invalid(input: unknown, problem: string): DatabaseError {
  const shown = typeof input === 'string' ? `'${input.slice(0, 64)}'` : describe(input)
  return new DatabaseError('InvalidInstant', `${shown} is not an instant: ${problem}`, {
    details: { input },
  })
}

function describe(input: unknown): string {
  if (typeof input === 'bigint') return `${input}n`
  if (typeof input === 'object' && input !== null) return 'an object'
  return String(input)
}
