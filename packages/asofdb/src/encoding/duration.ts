import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import {
  daySeconds,
  durationDaysMax,
  durationMonthsMax,
  durationSecondsMax,
  monthSecondsMean,
  timeTextCharactersMax,
} from '../rules/limits.ts'
import { fractionToText } from './iso-text.ts'

const billion = 1_000_000_000n

export interface DurationParts {
  readonly months?: number
  readonly days?: number
  readonly seconds?: number | bigint
  readonly nanoseconds?: number | bigint
}

/**
 * A length of time in three parts that no fixed rate connects: months, days and exact time. Each
 * part may be negative. Two durations are equal when all parts are, so a day is not 24 hours.
 */
export class Duration {
  readonly months: number
  readonly days: number
  /** Whole seconds of the exact part, rounded down; a bigint, as it may pass 2^53. */
  readonly wholeSeconds: bigint
  /** Nanoseconds after the whole seconds, 0 … 999,999,999. */
  readonly nanoseconds: number

  /** Nanoseconds beyond a second are carried over. Throws InvalidValue. */
  constructor(parts: DurationParts) {
    const months = checkWhole('months', parts.months ?? 0, durationMonthsMax)
    const days = checkWhole('days', parts.days ?? 0, durationDaysMax)
    const total =
      wholeToBigint('seconds', parts.seconds ?? 0) * billion +
      wholeToBigint('nanoseconds', parts.nanoseconds ?? 0)
    const nanoseconds = ((total % billion) + billion) % billion
    const seconds = (total - nanoseconds) / billion
    if (seconds > durationSecondsMax || seconds < -durationSecondsMax) {
      throw refused(`${seconds} seconds are out of range`)
    }
    this.months = months
    this.days = days
    this.wholeSeconds = seconds
    this.nanoseconds = Number(nanoseconds)
  }

  /** Reads ISO 8601, such as P1Y2M3DT4H5M6.789S; every part may have a sign. InvalidValue. */
  static from(this: void, text: string): Duration {
    const match = text.length <= timeTextCharactersMax ? pattern.exec(text) : null
    if (match === null || /[PT]$/.test(text)) {
      throw refused(`'${text.slice(0, 64)}' is not ISO 8601, as in P1Y2M3DT4H5M6.5S`)
    }
    const sign = match[1] === '-' ? -1n : 1n
    const part = (index: number): bigint => sign * BigInt((match[index] ?? '0').replace('+', ''))
    const months = part(2) * 12n + part(3)
    const days = part(4) * 7n + part(5)
    const seconds = part(6) * 3600n + part(7) * 60n + part(8)
    const isNegative = (match[8] ?? '').startsWith('-') !== (sign < 0n)
    const fraction = BigInt((match[9] ?? '').slice(0, 9).padEnd(9, '0'))
    return new Duration({
      months: Number(months),
      days: Number(days),
      seconds,
      nanoseconds: isNegative ? -fraction : fraction,
    })
  }

  /** Whole seconds of the exact part, rounded down; inexact beyond 2^53. */
  get seconds(): number {
    return Number(this.wholeSeconds)
  }

  /** The exact part in nanoseconds. */
  get timeNanoseconds(): bigint {
    return this.wholeSeconds * billion + BigInt(this.nanoseconds)
  }

  /** Whole seconds when a month counts as the average month and a day as 24 hours. */
  get meanSeconds(): bigint {
    const monthsAndDays =
      BigInt(this.months) * BigInt(monthSecondsMean) + BigInt(this.days) * BigInt(daySeconds)
    return monthsAndDays + this.wholeSeconds
  }

  /**
   * Orders by mean length, and durations of the same mean length by months and then days; zero
   * means equal.
   */
  static compare(this: void, a: Duration, b: Duration): number {
    const left = a.meanSeconds
    const right = b.meanSeconds
    if (left !== right) return left < right ? -1 : 1
    return a.nanoseconds - b.nanoseconds || a.months - b.months || a.days - b.days
  }

  equals(other: Duration): boolean {
    return (
      this.months === other.months &&
      this.days === other.days &&
      this.wholeSeconds === other.wholeSeconds &&
      this.nanoseconds === other.nanoseconds
    )
  }

  /** ISO 8601: years and months, days, then hours, minutes and seconds; PT0S when empty. */
  toString(): string {
    const years = Math.trunc(this.months / 12)
    const dateText =
      partToText(years, 'Y') + partToText(this.months % 12, 'M') + partToText(this.days, 'D')
    const timeText = timeToIso(this.timeNanoseconds)
    if (timeText === '') return dateText === '' ? 'PT0S' : `P${dateText}`
    return `P${dateText}T${timeText}`
  }

  toJSON(): string {
    return this.toString()
  }
}

const pattern = new RegExp(
  '^([+-]?)P(?:([+-]?\\d+)Y)?(?:([+-]?\\d+)M)?(?:([+-]?\\d+)W)?(?:([+-]?\\d+)D)?' +
    '(?:T(?:([+-]?\\d+)H)?(?:([+-]?\\d+)M)?(?:([+-]?\\d+)(?:[.,](\\d+))?S)?)?$',
)

function partToText(count: number | bigint, unit: string): string {
  return Number(count) === 0 ? '' : `${count}${unit}`
}

/** Hours, minutes and seconds, each with the sign of the whole. */
function timeToIso(nanoseconds: bigint): string {
  const isNegative = nanoseconds < 0n
  const magnitude = isNegative ? -nanoseconds : nanoseconds
  const sign = isNegative ? '-' : ''
  const total = magnitude / billion
  const hours = partToText(total / 3600n, 'H')
  const minutes = partToText((total / 60n) % 60n, 'M')
  const fraction = fractionToText(Number(magnitude % billion))
  const seconds = total % 60n === 0n && fraction === '' ? '' : `${total % 60n}${fraction}S`
  return [hours, minutes, seconds].map((part) => (part === '' ? '' : sign + part)).join('')
}

function checkWhole(name: string, count: number, countMax: number): number {
  if (!Number.isSafeInteger(count)) throw refused(`${name} must be a whole number`)
  if (Math.abs(count) > countMax) throw refused(`${count} ${name} are out of range`)
  return count + 0
}

function wholeToBigint(name: string, count: number | bigint): bigint {
  if (typeof count === 'bigint') return count
  if (!Number.isSafeInteger(count)) throw refused(`${name} must be a whole number or a bigint`)
  return BigInt(count)
}

function refused(problem: string): DatabaseError {
  return new DatabaseError('InvalidValue', `not a duration: ${problem}`)
}

invariant(monthSecondsMean * 4800 === 146_097 * daySeconds, 'the mean month is exact')
