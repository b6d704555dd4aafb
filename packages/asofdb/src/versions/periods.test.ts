import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyInt64 } from '../../../../test/encoding/arbitrary-values.ts'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import {
  beginningMicros,
  checkPeriod,
  foreverMicros,
  intersectSpans,
  PeriodTable,
  type Span,
  spanToWords,
  subtractSpans,
} from './periods.ts'

const seed = 1815
const bug = expect.objectContaining({ code: 'Bug' })

/** Instants around the places where one word carries into the other. */
const anyMicros = fc.oneof(
  anyInt64,
  fc.constantFrom(beginningMicros, foreverMicros, -1n, 0n, 1n, 2n ** 31n, 2n ** 32n, -(2n ** 31n)),
  fc.bigInt(-(2n ** 34n), 2n ** 34n),
)
const anySpan: fc.Arbitrary<Span> = fc
  .tuple(anyMicros, anyMicros)
  .filter(([one, other]) => one !== other)
  .map(([one, other]) => (one < other ? { from: one, to: other } : { from: other, to: one }))

function intern(table: PeriodTable, span: Span): number {
  const { fromHigh, fromLow, toHigh, toLow } = spanToWords(span)
  return table.intern(fromHigh, fromLow, toHigh, toLow)
}

describe('a table of periods', () => {
  test('answers as the bounds themselves do', () => {
    const property = fc.property(
      fc.array(anySpan, { minLength: 1, maxLength: 30 }),
      fc.array(anyMicros, { minLength: 1, maxLength: 10 }),
      (spans, instants) => {
        const table = new PeriodTable()
        const periods = spans.map((span) => intern(table, span))
        const bounds = spans.flatMap(({ from, to }) => [from, to])
        periods.forEach((period, at) => {
          const { from, to } = spans[at] ?? expect.unreachable()
          const wrong: unknown[] = []
          if (table.from(period) !== from || table.to(period) !== to) wrong.push('bounds')
          if (table.isEndless(period) !== (to === foreverMicros)) wrong.push('endless')
          for (const instant of [...instants, ...bounds]) {
            const high = timeHigh(instant)
            const low = timeLow(instant)
            const isCovered = from <= instant && instant < to
            if (table.covers(period, high, low) !== isCovered) wrong.push(['covers', instant])
            const isForEver = from <= instant && to === foreverMicros
            const isFound = table.coversForEver(period, high, low)
            if (isFound !== isForEver) wrong.push(['covers for ever', instant])
          }
          for (const other of spans) {
            const isInside = from <= other.from && other.to <= to
            const isFound = table.contains(period, spanToWords(other))
            if (isFound !== isInside) wrong.push(['contains', other])
          }
          expect(wrong).toEqual([])
        })
      },
    )
    fc.assert(property, { seed, numRuns: 100 })
  })

  test('shares a period that was just used', () => {
    const table = new PeriodTable()
    const first = intern(table, { from: 5n, to: foreverMicros })
    expect(intern(table, { from: 5n, to: foreverMicros })).toBe(first)
    expect(intern(table, { from: 5n, to: 6n })).not.toBe(first)
    expect(table.column.count).toBe(2)
  })

  test('refuses an empty one', () => {
    const table = new PeriodTable()
    expect(() => intern(table, { from: 5n, to: 5n })).toThrow(bug)
    expect(() => intern(table, { from: 2n ** 32n, to: 0xffff_ffffn })).toThrow(bug)
    expect(() => checkPeriod({ from: 5n, to: 5n }, String)).toThrow('is empty')
    expect(() => checkPeriod({ from: 6n, to: 5n }, String)).toThrow('is inverted')
  })
})

test('spans are cut and intersected as sets of instants are', () => {
  const small = fc
    .tuple(fc.nat(12), fc.integer({ min: 1, max: 8 }))
    .map(([from, length]) => ({ from: BigInt(from), to: BigInt(from + length) }))
  const instantsOf = (spans: readonly Span[]): bigint[] =>
    spans.flatMap(({ from, to }) =>
      Array.from({ length: Number(to - from) }, (_, at) => from + BigInt(at)),
    )
  const property = fc.property(small, fc.array(small, { maxLength: 4 }), (span, others) => {
    const covered = instantsOf(others)
    const sorted: Span[] = [...new Set(covered)]
      .sort((a, b) => Number(a - b))
      .map((from) => ({ from, to: from + 1n }))
    const rest = subtractSpans(span, sorted)
    expect(instantsOf(rest)).toEqual(instantsOf([span]).filter((at) => !covered.includes(at)))
    for (const other of others) {
      const common = intersectSpans(span, other)
      const both = instantsOf([span]).filter((at) => instantsOf([other]).includes(at))
      expect(instantsOf(common === undefined ? [] : [common])).toEqual(both)
    }
  })
  fc.assert(property, { seed, numRuns: 300 })
})
