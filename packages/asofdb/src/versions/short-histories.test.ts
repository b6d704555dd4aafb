import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { foreverMicros, spanToWords } from './periods.ts'
import { VersionTable } from './version-table.ts'

const entities = 12_000

/** A version with its own row as payload, so that an answer tells which one was found. */
function append(table: VersionTable, entity: number, span: { from: bigint; to: bigint }): void {
  const { fromHigh, fromLow, toHigh, toLow } = spanToWords(span)
  const period = table.periods.intern(fromHigh, fromLow, toHigh, toLow)
  table.append(entity, period, table.count + 1)
}

describe('histories of a few versions', () => {
  test.each([true, false])('stay right as they grow, wide heads: %s', (hasWideHeads) => {
    const random = new RandomStream(`short histories ${hasWideHeads}`)
    const table = new VersionTable({ hasWideHeads })
    const rowsOf = Array.from({ length: entities }, () => new Array<number>())
    const periods: { from: number; to: number }[] = []
    const wrong: string[] = []
    for (let round = 0; round < 9; round++) {
      for (let entity = 0; entity < entities; entity++) {
        if (round > 0 && !random.chance(0.8)) continue
        const from = random.below(10)
        const to = random.chance(0.6) ? Infinity : from + 1 + random.below(10)
        const end = to === Infinity ? foreverMicros : BigInt(to)
        append(table, entity, { from: BigInt(from), to: end })
        rowsOf[entity]?.push(periods.push({ from, to }) - 1)
      }
      for (let entity = 0; entity < entities; entity++) {
        const point = { rows: random.below(table.count + 1), high: 0, low: random.below(20) }
        const expected = rowsOf[entity]?.findLast((row) => {
          const { from, to } = periods[row] ?? expect.unreachable()
          return row < point.rows && from <= point.low && point.low < to
        })
        const found = table.payloadAt(entity, point) - 1
        if (found !== (expected ?? -1)) wrong.push(`${entity}: ${found} is not ${expected}`)
      }
      expect(wrong).toEqual([])
    }
  })

  test('know of no version that was appended after they were last complete', () => {
    const table = new VersionTable({ hasWideHeads: true })
    const span = { from: 5n, to: 100n }
    for (let row = 0; row < 3; row++) append(table, 0, { from: BigInt(row), to: 4n })
    for (let row = 3; row < 20; row++) {
      // The block is looked at just before, as of the state that the next version ends.
      expect(table.payloadAt(0, { rows: row, high: 0, low: 3 })).toBe(3)
      append(table, row % 2, span)
      const newest = row % 2 === 0 ? row + 1 : row === 3 ? 0 : row
      expect(table.payloadAt(0, { rows: row + 1, high: 0, low: 6 })).toBe(newest)
      expect(table.payloadAt(0, { rows: row + 1, high: 0, low: 3 })).toBe(3)
    }
  })

  test('take memory only of those whose past was asked for and has several versions', () => {
    const table = new VersionTable({ hasWideHeads: true })
    const span = { from: 5n, to: foreverMicros }
    for (let entity = 0; entity < 1000; entity++) append(table, entity, span)
    const before = table.byteLength
    for (let entity = 0; entity < 1000; entity++) {
      expect(table.payloadAt(entity, { rows: 1000, high: 0, low: 5 })).toBe(entity + 1)
      expect(table.payloadAt(entity, { rows: 1000, high: 0, low: 4 })).toBe(0)
      expect(table.payloadAt(entity, { rows: entity, high: 0, low: 5 })).toBe(0)
    }
    expect(table.byteLength).toBe(before)
    append(table, 3, span)
    const grown = table.byteLength
    expect(table.payloadAt(3, { rows: 1000, high: 0, low: 5 })).toBe(4)
    expect(table.byteLength).toBeGreaterThan(grown)
  })
})
