import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyScalar, anyValue } from '../../../../test/encoding/arbitrary-values.ts'
import { ByteWriter } from './bytes.ts'
import { Duration, float, LocalDate, LocalDateTime, LocalTime, ZonedDateTime } from './calendar.ts'
import { BEGINNING, FOREVER, Instant } from './instant.ts'
import { compareValues, encodeValue, type Value } from './value.ts'

const seed = 1835

function hex(value: Value): string {
  const writer = new ByteWriter()
  encodeValue(writer, value, 'value')
  return Buffer.from(writer.view()).toString('hex')
}

/** Each line ascends, and so do the lines. */
const lines: Value[][] = [
  [null],
  ['', '\0', 'A', 'a', 'aa', 'b', 'é', '\ud7ff', '\ud800', '\uffff', '\u{10000}', '\u{10ffff}'],
  [false, true],
  [-Infinity, -1e300, -(2n ** 63n), -(2 ** 53), -1.5, -1, 0, 5e-324, 0.5, 1, 1.5, 2],
  [2 ** 53 - 1, 2 ** 53, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 63n - 1n, 2 ** 63, 1e300],
  [Infinity, Number.NaN],
  [[], [0], [0, 0], [1], [255]].map((list) => new Uint8Array(list)),
  [BEGINNING, Instant.from(-1n), Instant.from({ epochNanoseconds: -1n }), new Date(0), FOREVER],
  ['-999999999-01-01', '2023-12-31', '2024-01-01'].map(LocalDate.from),
  ['00:00', '00:00:00.000000001', '23:59'].map(LocalTime.from),
  ['2024-01-01T00:00', '2024-01-01T00:01', '2024-01-02'].map(LocalDateTime.from),
  ['2024-01-01T00:00+01:00', '2024-01-01T00:00Z'].map(ZonedDateTime.from),
  ['P-1Y', 'PT0S', 'PT1S', 'PT24H', 'P1D', 'P1M'].map(Duration.from),
  [[], [null], [1], [1, 'a'], [1, 0], [2], [[]]],
  [[], [-1], [1], [1, 1], [Number.NaN]].map((list) => new Float32Array(list)),
  [{}, { a: 1 }, { a: 1, b: 0 }, { a: 2 }, { b: 0 }],
]
const ascending = lines.flat(1)

describe('the order of values', () => {
  test('types and values ascend as documented', () => {
    for (const [left, a] of ascending.entries()) {
      for (const [right, b] of ascending.entries()) {
        const order = Math.sign(compareValues(a, b))
        expect(order, `${left} and ${right}`).toBe(Math.sign(left - right))
      }
    }
  })

  test('equal amounts are equal, however they are stored', () => {
    expect(compareValues(1, float(1))).toBe(0)
    expect(compareValues(0, -0)).toBe(0)
    expect(compareValues(2 ** 53, 2n ** 53n)).toBe(0)
    expect(compareValues(Number.NaN, float(Number.NaN))).toBe(0)
    expect(compareValues(new Date(5), Instant.from(5000n))).toBe(0)
    expect(compareValues({ a: 1, b: [2] }, { b: [float(2)], a: 1n })).toBe(0)
  })

  test('it is an order', () => {
    const triple = fc.tuple(anyValue, anyValue, anyValue)
    const property = fc.property(triple, ([a, b, c]) => {
      expect(compareValues(a, a)).toBe(0)
      expect(Math.sign(compareValues(a, b))).toBe(0 - Math.sign(compareValues(b, a)))
      const sorted = [a, b, c].sort(compareValues)
      expect(compareValues(sorted[0] ?? null, sorted[2] ?? null)).toBeLessThanOrEqual(0)
    })
    fc.assert(property, { seed, numRuns: 1000 })
  })

  test('values of the same bytes compare as equal', () => {
    const property = fc.property(anyScalar, anyScalar, (a, b) => {
      const isSameOrOther = hex(a) !== hex(b) || compareValues(a, b) === 0
      expect(isSameOrOther).toBe(true)
    })
    fc.assert(property, { seed, numRuns: 500 })
  })
})
