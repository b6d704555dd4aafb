import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { type OrderedEntry, OrderedIndex, type OrderedRange } from './ordered-index.ts'

const seed = 1066

function compare(a: OrderedEntry, b: OrderedEntry): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.value - b.value
}

function isWithin(key: string, { gt, gte, lt, lte }: OrderedRange): boolean {
  if (gt !== undefined && key <= gt) return false
  if (gte !== undefined && key < gte) return false
  if (lt !== undefined && key >= lt) return false
  return lte === undefined || key <= lte
}

/** Every combination of bounds over a few keys, contradictory ones included. */
function boundsOf(keys: readonly string[]): OrderedRange[] {
  const found: OrderedRange[] = []
  const some: (string | undefined)[] = [undefined, ...keys]
  for (const low of some) {
    for (const high of some) {
      for (const one of low === undefined ? [{}] : [{ gt: low }, { gte: low }]) {
        for (const other of high === undefined ? [{}] : [{ lt: high }, { lte: high }]) {
          found.push({ ...one, ...other })
        }
      }
    }
  }
  return [...found, { gt: keys[0], gte: keys[1] }, { lt: keys[1], lte: keys[0] }]
}

function differences(index: OrderedIndex, sorted: readonly OrderedEntry[], keys: string[]) {
  const wrong: OrderedRange[] = []
  for (const bounds of boundsOf(keys)) {
    const wanted = sorted.filter(({ key }) => isWithin(key, bounds))
    for (const isReverse of [false, true]) {
      const found = [...index.range(bounds, isReverse)]
      if (isReverse) found.reverse()
      const isSame =
        found.length === wanted.length &&
        found.every((entry, at) => compare(entry, wanted[at] ?? entry) === 0)
      if (!isSame) wrong.push(bounds)
    }
  }
  return wrong
}

const ways = [false, true]
const orders = ['ascending', 'descending', 'at random'] as const

describe('an ordered index', () => {
  test('gives what a sorted list gives, for all bounds and both ways', () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', '\u00ff'), maxLength: 2 })
    const entry = fc.record({ key, value: fc.nat(3) })
    const bounds = fc.array(key, { minLength: 2, maxLength: 3 })
    const property = fc.property(fc.array(entry, { maxLength: 30 }), bounds, (entries, keys) => {
      const index = new OrderedIndex()
      const known: OrderedEntry[] = []
      for (const one of entries) {
        const isKnown = known.some((other) => compare(one, other) === 0)
        expect(index.add(one.key, one.value)).toBe(!isKnown)
        if (!isKnown) known.push(one)
      }
      expect(index.count).toBe(known.length)
      expect(differences(index, known.sort(compare), keys)).toEqual([])
      for (const wanted of keys) {
        const values = known.filter((one) => one.key === wanted).map(({ value }) => value)
        const found = [...index.range({ gte: wanted, lte: wanted })].map(({ value }) => value)
        expect(found).toEqual(values)
        expect(index.lastValueOf(wanted)).toBe(values.at(-1))
      }
    })
    fc.assert(property, { seed, numRuns: 100 })
  })

  test.each(orders)('splits where entries come %s', (order) => {
    const index = new OrderedIndex()
    const random = new RandomStream(`ordered ${order}`)
    const entries = Array.from({ length: 20_000 }, (_, at) => {
      const number = order === 'at random' ? random.below(7000) : at >> 1
      return { key: String(number).padStart(6, '0'), value: at & 1 }
    })
    if (order === 'descending') entries.reverse()
    const known = new Map<string, OrderedEntry>()
    for (const entry of entries) {
      index.add(entry.key, entry.value)
      known.set(`${entry.key} ${entry.value}`, entry)
    }
    const sorted = [...known.values()].sort(compare)
    expect(index.count).toBe(sorted.length)
    const keys = ['', '000000', '003333', '004444x', '999999']
    expect(differences(index, sorted, keys)).toEqual([])
  })

  test.each(ways)('goes on when entries come meanwhile, in reverse: %s', (isReverse) => {
    const random = new RandomStream('meanwhile')
    const index = new OrderedIndex()
    const name = (number: number): string => String(number).padStart(5, '0')
    const early: string[] = []
    for (let number = 0; number < 3000; number += 3) {
      index.add(name(number), 1)
      early.push(name(number))
    }
    const met: string[] = []
    const given = new Set<string>()
    for (const { key, value } of index.range({ gte: name(300), lt: name(2700) }, isReverse)) {
      met.push(key)
      expect(given.has(`${key} ${value}`)).toBe(false)
      given.add(`${key} ${value}`)
      for (let more = 0; more < 4; more++) index.add(name(random.below(3000)), random.below(3))
    }
    const sorted = [...met].sort()
    if (isReverse) sorted.reverse()
    expect(met).toEqual(sorted)
    const wanted = early.filter((key) => key >= name(300) && key < name(2700))
    expect(wanted.filter((key) => !met.includes(key))).toEqual([])
    const all = [...index.range({})]
    expect(all).toHaveLength(index.count)
  })

  test('refuses what is no ordinal', () => {
    const bug = expect.objectContaining({ code: 'Bug' })
    expect(() => new OrderedIndex().add('a', -1)).toThrow(bug)
    expect(() => new OrderedIndex().add('a', 0.5)).toThrow(bug)
  })
})
