import { Duration, Float, LocalDate, LocalDateTime, LocalTime, ZonedDateTime } from './calendar.ts'
import { Instant } from './instant.ts'
import { temporalToValue } from './temporal.ts'
import { compareText } from './text.ts'
import type { ValueInput } from './value-format.ts'

/**
 * The one order of values and of types, which keys and property indexes follow too. Types ascend
 * as listed here. Within a type:
 *
 * - false before true; numbers by what they amount to, whether stored as integer or float, NaN
 *   after Infinity; text by code point; bytes as unsigned numbers, a prefix first
 * - instants, dates and times by time; zoned date-times by instant, then zone; durations by mean
 *   length, then months, then days
 * - lists item by item, a prefix first; vectors likewise
 * - maps as lists of their keys and values, by ascending key
 *
 * It is an order of meanings: it returns zero for 1 and 1.0 and for 0 and -0, though these differ
 * when stored.
 */
export const typeRank = {
  null: 0,
  text: 1,
  boolean: 2,
  number: 3,
  bytes: 4,
  instant: 5,
  localDate: 6,
  localTime: 7,
  localDateTime: 8,
  zonedDateTime: 9,
  duration: 10,
  list: 11,
  vector: 12,
  map: 13,
} as const

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareValues(a: ValueInput, b: ValueInput): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  return compareRanked(ranked(a), ranked(b))
}

type Ranked =
  | { readonly rank: typeof typeRank.null }
  | { readonly rank: typeof typeRank.text; readonly value: string }
  | { readonly rank: typeof typeRank.boolean; readonly value: boolean }
  | { readonly rank: typeof typeRank.number; readonly value: number | bigint }
  | { readonly rank: typeof typeRank.bytes; readonly value: Uint8Array }
  | { readonly rank: typeof typeRank.instant; readonly value: Instant }
  | { readonly rank: typeof typeRank.localDate; readonly value: LocalDate }
  | { readonly rank: typeof typeRank.localTime; readonly value: LocalTime }
  | { readonly rank: typeof typeRank.localDateTime; readonly value: LocalDateTime }
  | { readonly rank: typeof typeRank.zonedDateTime; readonly value: ZonedDateTime }
  | { readonly rank: typeof typeRank.duration; readonly value: Duration }
  | { readonly rank: typeof typeRank.list; readonly value: readonly ValueInput[] }
  | { readonly rank: typeof typeRank.vector; readonly value: Float32Array }
  | { readonly rank: typeof typeRank.map; readonly value: object }

/** A value with its type found, and with its kin (Date, Float, Temporal) made one. */
export function ranked(value: ValueInput): Ranked {
  switch (typeof value) {
    case 'string':
      return { rank: typeRank.text, value }
    case 'number':
    case 'bigint':
      return { rank: typeRank.number, value }
    case 'boolean':
      return { rank: typeRank.boolean, value }
    default:
      return value === null ? { rank: typeRank.null } : rankedObject(value)
  }
}

function rankedObject(value: Exclude<ValueInput, null> & object): Ranked {
  if (value instanceof Float) return { rank: typeRank.number, value: value.value }
  if (value instanceof Uint8Array) return { rank: typeRank.bytes, value }
  if (value instanceof Float32Array) return { rank: typeRank.vector, value }
  if (value instanceof Date) return { rank: typeRank.instant, value: Instant.from(value) }
  const time = rankedTime(value) ?? rankedTime(temporalToValue(value))
  if (time !== undefined) return time
  return isList(value) ? { rank: typeRank.list, value } : { rank: typeRank.map, value }
}

function isList(value: object): value is readonly ValueInput[] {
  return Array.isArray(value)
}

function rankedTime(value: object | undefined): Ranked | undefined {
  if (value instanceof Instant) return { rank: typeRank.instant, value }
  if (value instanceof LocalDate) return { rank: typeRank.localDate, value }
  if (value instanceof LocalTime) return { rank: typeRank.localTime, value }
  if (value instanceof LocalDateTime) return { rank: typeRank.localDateTime, value }
  if (value instanceof ZonedDateTime) return { rank: typeRank.zonedDateTime, value }
  if (value instanceof Duration) return { rank: typeRank.duration, value }
  return undefined
}

function compareRanked(a: Ranked, b: Ranked): number {
  if (a.rank === typeRank.text && b.rank === a.rank) return compareText(a.value, b.value)
  if (a.rank === typeRank.boolean && b.rank === a.rank) return Number(a.value) - Number(b.value)
  if (a.rank === typeRank.number && b.rank === a.rank) return compareNumbers(a.value, b.value)
  if (a.rank === typeRank.bytes && b.rank === a.rank) return compareBytes(a.value, b.value)
  if (a.rank === typeRank.list && b.rank === a.rank) return compareLists(a.value, b.value)
  if (a.rank === typeRank.vector && b.rank === a.rank) return compareLists(a.value, b.value)
  if (a.rank === typeRank.map && b.rank === a.rank) {
    return compareLists(mapToList(a.value), mapToList(b.value))
  }
  return a.rank - b.rank || compareTimes(a, b)
}

function compareTimes(a: Ranked, b: Ranked): number {
  if (a.rank === typeRank.instant && b.rank === a.rank) return Instant.compare(a.value, b.value)
  if (a.rank === typeRank.localDate && b.rank === a.rank) return LocalDate.compare(a.value, b.value)
  if (a.rank === typeRank.localTime && b.rank === a.rank) return LocalTime.compare(a.value, b.value)
  if (a.rank === typeRank.localDateTime && b.rank === a.rank) {
    return LocalDateTime.compare(a.value, b.value)
  }
  if (a.rank === typeRank.zonedDateTime && b.rank === a.rank) {
    return ZonedDateTime.compare(a.value, b.value)
  }
  if (a.rank === typeRank.duration && b.rank === a.rank) return Duration.compare(a.value, b.value)
  return 0
}

/** Exact between number and bigint, as comparison in JavaScript is. NaN is the largest. */
function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1
  if (a > b) return 1
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function compareLists(a: ArrayLike<ValueInput>, b: ArrayLike<ValueInput>): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) {
    const order = compareValues(a[at] ?? null, b[at] ?? null)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function mapToList(map: object): ValueInput[] {
  const entries: [name: string, value: ValueInput][] = Object.entries(map)
  return entries.sort(([a], [b]) => compareText(a, b)).flat(1)
}
