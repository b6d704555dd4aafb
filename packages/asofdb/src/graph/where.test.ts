import { describe, expect, test } from 'vitest'
import { float, LocalDate } from '../encoding/calendar.ts'
import { compareValues, type ValueInput } from '../encoding/value.ts'
import { SymbolTable } from '../versions/symbol-table.ts'
import { encodePayload } from './payload.ts'
import { conditionsOf, type ValueRange, type Where } from './where.ts'

const symbols = new SymbolTable()

/** Whether a node with these properties satisfies the conditions. */
function accepts(where: Where, properties: Record<string, ValueInput>): boolean {
  const slice = encodePayload(['Person'], properties, (name) => symbols.intern(name))
  return conditionsOf(where, symbols).every((condition) => condition.matches(slice))
}

const numbers = [-1.5, 0, 1, 1.5, 2, 2n ** 60n, Infinity]
const texts = ['', 'a', 'ab', 'b', 'ä', '\u{1f600}']
const others = [true, false, Uint8Array.of(1), new Date(0), LocalDate.from('2020-01-01')]
const bounds = ['gt', 'gte', 'lt', 'lte'] as const

function isMet(value: ValueInput, bound: (typeof bounds)[number], limit: ValueInput): boolean {
  const order = compareValues(value, limit)
  if (bound === 'gt') return order > 0
  if (bound === 'gte') return order >= 0
  return bound === 'lt' ? order < 0 : order <= 0
}

describe('conditions on properties', () => {
  test.each([
    ['numbers', numbers],
    ['texts', texts],
  ] as const)('compare %s by their order, alone and in pairs', (_what, values) => {
    const wrong: unknown[] = []
    for (const value of values) {
      for (const limit of values) {
        for (const bound of bounds) {
          const wanted = isMet(value, bound, limit)
          if (accepts({ x: { [bound]: limit } }, { x: value }) !== wanted) {
            wrong.push([value, bound, limit])
          }
          const range: ValueRange = { gte: values[1], [bound]: limit }
          const isBoth = wanted && (bound === 'gte' || isMet(value, 'gte', values[1] ?? null))
          if (accepts({ x: range }, { x: value }) !== isBoth) wrong.push([value, range])
        }
        const isEqual = compareValues(value, limit) === 0
        if (accepts({ x: limit }, { x: value }) !== isEqual) wrong.push([value, '=', limit])
      }
    }
    expect(wrong).toEqual([])
  })

  test('never hold across types', () => {
    const kinds: ValueInput[][] = [numbers, texts, ...others.map((one) => [one])]
    const crossed: unknown[] = []
    kinds.forEach((values, at) => {
      kinds.forEach((limits, other) => {
        const areBooleans = typeof values[0] === 'boolean' && typeof limits[0] === 'boolean'
        if (at === other || areBooleans) return
        for (const value of values) {
          for (const limit of limits) {
            const found = bounds.filter((bound) => accepts({ x: { [bound]: limit } }, { x: value }))
            const isEqual = accepts({ x: limit }, { x: value })
            if (found.length > 0 || isEqual) crossed.push([value, limit])
          }
        }
      })
    })
    expect(crossed).toEqual([])
    expect(accepts({ x: { gt: 1, lt: 'z' } }, { x: 5 })).toBe(false)
    expect(accepts({ x: { gt: 'a', lt: 5 } }, { x: 'b' })).toBe(false)
    expect(accepts({ x: { gt: 'a', lt: 5 } }, { x: 3 })).toBe(false)
  })

  test('take numbers for what they are worth', () => {
    expect(accepts({ x: 1 }, { x: 1n })).toBe(true)
    expect(accepts({ x: float(1) }, { x: 1 })).toBe(true)
    for (const value of others) expect(accepts({ x: value }, { x: value })).toBe(true)
    expect(accepts({ x: { gte: 2n, lte: 2 } }, { x: 2 })).toBe(true)
  })

  test('compare lists and maps as a whole', () => {
    expect(accepts({ x: [1, 'a'] }, { x: [1, 'a'] })).toBe(true)
    expect(accepts({ x: [1, 'a'] }, { x: [1, 'b'] })).toBe(false)
    expect(accepts({ x: [1] }, { x: [1, 1] })).toBe(false)
    expect(accepts({ x: { a: 1 } }, { x: { a: 1 } })).toBe(true)
    expect(accepts({ x: { a: 1 } }, { x: { a: 2 } })).toBe(false)
    expect(accepts({ x: {} }, { x: {} })).toBe(true)
  })

  test('do not hold where there is nothing', () => {
    expect(accepts({ never: 1 }, { x: 1 })).toBe(false)
    expect(accepts({ x: null }, { y: 1 })).toBe(false)
    expect(accepts({ x: 1, y: 2 }, { x: 1, y: 2 })).toBe(true)
    expect(accepts({ x: 1, y: 2 }, { x: 1, y: 3 })).toBe(false)
    expect(accepts({}, {})).toBe(true)
  })

  test('with bounds that have no order are refused', () => {
    const invalid = expect.objectContaining({ code: 'InvalidArgument' })
    expect(() => accepts({ x: { gt: [1] } }, { x: 1 })).toThrow(invalid)
    expect(() => accepts({ x: { lte: null } }, { x: 1 })).toThrow(invalid)
    expect(() => accepts({ x: { gt: undefined } }, { x: 'a' })).toThrow(invalid)
  })
})
