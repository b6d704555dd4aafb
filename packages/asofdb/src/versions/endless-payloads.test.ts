import { describe, expect, test } from 'vitest'
import { EndlessPayloads } from './endless-payloads.ts'

describe('payloads of endless versions', () => {
  test('are found by the points beyond the bounds of their zone, and by no other', () => {
    const payloads = new EndlessPayloads()
    payloads.set(0, 7, { row: 0, high: -5, low: -1 })
    payloads.set(1, 8, { row: 4, high: 2, low: -3 })
    const at = (rows: number, high: number, low: number) =>
      [0, 1].map((entity) => payloads.payloadAt(entity, { rows, high, low }))
    expect(at(5, 2, -3)).toEqual([7, 8])
    expect(at(5, 3, 0)).toEqual([7, 8])
    expect(at(5, 2, -4)).toEqual([0, 0])
    expect(at(5, 2, 5)).toEqual([0, 0])
    expect(at(5, 1, -1)).toEqual([0, 0])
    expect(at(4, 3, 0)).toEqual([0, 0])
  })

  test('keep their zones apart', () => {
    const payloads = new EndlessPayloads()
    payloads.set(5000, 9, { row: 50, high: 9, low: 0 })
    payloads.set(100, 7, { row: 3, high: 0, low: 0 })
    const at = (entity: number) => payloads.payloadAt(entity, { rows: 51, high: 1, low: 0 })
    expect([100, 5000, 101, 4000, 9000].map(at)).toEqual([7, 0, 0, 0, 0])
    expect(payloads.payloadAt(100, { rows: 4, high: 1, low: 0 })).toBe(7)
    expect(payloads.payloadAt(5000, { rows: 51, high: 9, low: 0 })).toBe(9)
  })

  test('are forgotten when a version follows that ends, and found again after the next', () => {
    const payloads = new EndlessPayloads()
    payloads.clear(70_000)
    payloads.set(70_000, -2, { row: 1, high: 0, low: 0 })
    const at = (rows: number) => payloads.payloadAt(70_000, { rows, high: 0, low: 0 })
    expect(at(2)).toBe(-2)
    payloads.clear(70_000)
    expect(at(3)).toBe(0)
    payloads.set(70_000, 3, { row: 3, high: 0, low: 0 })
    expect([at(3), at(4)]).toEqual([0, 3])
  })
})
