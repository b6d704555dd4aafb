import { timeFromHalves, timeHigh, timeLow } from '../encoding/instant.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { beginningMicros, foreverMicros } from '../rules/limits.ts'
import { WordColumn, wordColumnChunkMask } from './word-column.ts'

export { beginningMicros, foreverMicros }

/** A half-open span [from, to) of valid or system time, in microseconds since 1970. */
export interface Span {
  readonly from: bigint
  readonly to: bigint
}

/** A span as the words that tables hold. */
export interface SpanWords {
  readonly fromHigh: number
  readonly fromLow: number
  readonly toHigh: number
  readonly toLow: number
}

export function spanToWords(span: Span): SpanWords {
  return {
    fromHigh: timeHigh(span.from),
    fromLow: timeLow(span.from),
    toHigh: timeHigh(span.to),
    toLow: timeLow(span.to),
  }
}

export const alwaysSpan: Span = { from: beginningMicros, to: foreverMicros }

export function intersectSpans(a: Span, b: Span): Span | undefined {
  const from = a.from > b.from ? a.from : b.from
  const to = a.to < b.to ? a.to : b.to
  return from < to ? { from, to } : undefined
}

/** The parts of `span` that none of `covered` (sorted, disjoint) covers. */
export function subtractSpans(span: Span, covered: readonly Span[]): Span[] {
  invariant(span.from < span.to, 'a span that is cut is not empty')
  const rest: Span[] = []
  let from = span.from
  for (const cut of covered) {
    if (cut.to <= from) continue
    if (cut.from >= span.to) break
    if (cut.from > from) rest.push({ from, to: cut.from })
    if (cut.to > from) from = cut.to
  }
  if (from < span.to) rest.push({ from, to: span.to })
  return rest
}

const cacheSlots = 1024

// A plain number of this module: what is imported, the runtime loads and checks at every turn.
const chunkMask = wordColumnChunkMask

/**
 * The distinct periods of a table, so that a version refers to one by a 32-bit number. Interning
 * is lossy on purpose (a direct-mapped cache of recent periods): a bulk load repeats few periods
 * and shares them, a table whose periods all differ pays 4 bytes for the reference and no index.
 * Two rows may hold equal periods; nothing compares references.
 *
 * Each instant is two words, high (signed) and low (unsigned bits), so that reading the past
 * allocates no bigint.
 */
export class PeriodTable {
  readonly column = new WordColumn(4)
  readonly #cache = new Int32Array(cacheSlots).fill(-1)

  intern(fromHigh: number, fromLow: number, toHigh: number, toLow: number): number {
    let hash = Math.imul(fromHigh, 0x9e3779b1) ^ Math.imul(fromLow, 0x85ebca6b)
    hash ^= Math.imul(toHigh, 0xc2b2ae35) ^ Math.imul(toLow, 0x27d4eb2f)
    const slot = ((hash ^ (hash >>> 15)) >>> 0) % cacheSlots
    const cached = this.#cache[slot] ?? -1
    const column = this.column
    if (cached >= 0) {
      const same =
        column.word(cached, 0) === fromHigh &&
        column.word(cached, 1) === fromLow &&
        column.word(cached, 2) === toHigh &&
        column.word(cached, 3) === toLow
      if (same) return cached
    }
    const isPositive =
      fromHigh < toHigh || (fromHigh === toHigh && fromLow >>> 0 < toLow >>> 0)
    invariant(isPositive, 'a stored period ends after it begins')
    const row = column.extend()
    column.set(row, 0, fromHigh)
    column.set(row, 1, fromLow)
    column.set(row, 2, toHigh)
    column.set(row, 3, toLow)
    this.#cache[slot] = row
    return row
  }

  /** Whether the period contains an instant given by its two words. */
  covers(period: number, high: number, low: number): boolean {
    const chunk = this.column.chunkOf(period)
    const at = (period & chunkMask) << 2
    const fromHigh = chunk[at] as number
    if (fromHigh > high) return false
    if (fromHigh === high && (chunk[at + 1] as number) >>> 0 > low >>> 0) return false
    const toHigh = chunk[at + 2] as number
    return toHigh > high || (toHigh === high && (chunk[at + 3] as number) >>> 0 > low >>> 0)
  }

  /** Whether the period contains a whole span. */
  contains(period: number, span: SpanWords): boolean {
    const chunk = this.column.chunkOf(period)
    const at = (period & chunkMask) << 2
    const fromHigh = chunk[at] as number
    if (fromHigh > span.fromHigh) return false
    const fromLow = (chunk[at + 1] as number) >>> 0
    if (fromHigh === span.fromHigh && fromLow > span.fromLow >>> 0) return false
    const toHigh = chunk[at + 2] as number
    const toLow = (chunk[at + 3] as number) >>> 0
    return toHigh > span.toHigh || (toHigh === span.toHigh && toLow >= span.toLow >>> 0)
  }

  /** Whether the period contains an instant and has no end. */
  coversForEver(period: number, high: number, low: number): boolean {
    const chunk = this.column.chunkOf(period)
    const at = (period & chunkMask) << 2
    if (chunk[at + 2] !== 0x7fffffff || chunk[at + 3] !== -1) return false
    const fromHigh = chunk[at] as number
    return fromHigh < high || (fromHigh === high && (chunk[at + 1] as number) >>> 0 <= low >>> 0)
  }

  isEndless(period: number): boolean {
    return this.column.word(period, 2) === 0x7fffffff && this.column.word(period, 3) === -1
  }

  from(period: number): bigint {
    return timeFromHalves(this.column.word(period, 0), this.column.word(period, 1))
  }

  to(period: number): bigint {
    return timeFromHalves(this.column.word(period, 2), this.column.word(period, 3))
  }
}

/** Refuses an empty or inverted period. */
export function checkPeriod(span: Span, describe: (micros: bigint) => string): void {
  if (span.from < span.to) return
  const from = describe(span.from)
  const to = describe(span.to)
  throw new DatabaseError(
    'InvalidPeriod',
    `the period [${from}, ${to}) is ${span.from === span.to ? 'empty' : 'inverted'}: ` +
      'its end must be later than its start',
    { details: { from: span.from, to: span.to } },
  )
}
