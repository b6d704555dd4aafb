import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { PostingLists } from './posting-lists.ts'

const seed = 1517

function numbersOf(lists: PostingLists, owner: number): number[] {
  const count = lists.count(owner)
  if (count === 0) return []
  const start = lists.startOf(owner)
  const words = lists.blockOf(owner).subarray(start, start + count * lists.width)
  return [...words]
}

/** What the lists should hold, companions beside the numbers where there is room for them. */
function wordsOf(numbers: readonly number[] | undefined, width: number): number[] {
  const sorted = [...(numbers ?? [])].sort((a, b) => a - b)
  return sorted.flatMap((number) => (width === 1 ? [number] : [number, number ^ 0xabc]))
}

const widths = [1, 2] as const

describe.each(widths)('posting lists of width %i', (width) => {
  test('hold what was appended, in order', () => {
    const posting = fc.tuple(fc.nat(5), fc.nat(30))
    const anyPostings = fc.uniqueArray(posting, { maxLength: 60, selector: String })
    const property = fc.property(anyPostings, (all) => {
      const lists = new PostingLists(width)
      const model = new Map<number, number[]>()
      for (const [owner, number] of all) {
        const known = model.get(owner) ?? []
        const isLast = known.every((other) => other < number)
        expect(lists.append(owner, { number, companion: number ^ 0xabc })).toBe(isLast)
        model.set(owner, [...known, number])
      }
      for (let owner = 0; owner < 7; owner++) {
        expect(lists.count(owner)).toBe(model.get(owner)?.length ?? 0)
        expect(numbersOf(lists, owner)).toEqual(wordsOf(model.get(owner), width))
      }
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('keep very many lists of every length apart, loaded at once or one by one', () => {
    const random = new RandomStream(`lists of width ${width}`)
    const first = 100
    const owners: number[] = []
    // The longest list outgrows the pool and its first block of its own.
    for (let at = 0; at < 60_000; at++) {
      const isCommon = at % 4 === 0
      owners.push(isCommon ? first + 3 : first + random.below(random.chance(0.5) ? 40 : 3000))
    }
    const triples = new Int32Array(owners.length * 3)
    const oneByOne = new PostingLists(width)
    const loaded = new PostingLists(width)
    const model = new Map<number, number[]>()
    owners.forEach((owner, number) => {
      const companion = number ^ 0xabc
      triples.set([owner, number, companion], number * 3)
      oneByOne.append(owner, { number, companion })
      const known = model.get(owner)
      if (known === undefined) model.set(owner, [number])
      else known.push(number)
    })
    loaded.load(triples, first)
    const wrong: number[] = []
    for (let owner = 0; owner < first + 3001; owner++) {
      const wanted = String(wordsOf(model.get(owner), width))
      if (String(numbersOf(oneByOne, owner)) !== wanted) wrong.push(owner)
      if (String(numbersOf(loaded, owner)) !== wanted) wrong.push(-owner)
    }
    expect(wrong).toEqual([])
    expect(model.get(first + 3)?.length).toBeGreaterThan(2 ** 13)
    expect(loaded.byteLength).toBeLessThan(oneByOne.byteLength * 1.5)

    // What was loaded grows on, in and out of order.
    for (const owner of [first + 3, first + 5, first + 2999]) {
      const lists = loaded
      const known = model.get(owner) ?? []
      const middle = known[known.length >> 1] ?? 0
      lists.append(owner, { number: 70_000, companion: 70_000 ^ 0xabc })
      const missing = middle + 1
      const isThere = known.includes(missing)
      if (!isThere) lists.append(owner, { number: missing, companion: missing ^ 0xabc })
      const wanted = [...known, 70_000, ...(isThere ? [] : [missing])]
      expect(String(numbersOf(lists, owner))).toBe(String(wordsOf(wanted, width)))
    }
  })

  test('load in order what comes out of order', () => {
    const lists = new PostingLists(width)
    lists.load(Int32Array.of(4, 9, 9 ^ 0xabc, 5, 1, 1 ^ 0xabc, 4, 2, 2 ^ 0xabc), 4)
    expect(numbersOf(lists, 4)).toEqual(wordsOf([9, 2], width))
    expect(numbersOf(lists, 5)).toEqual(wordsOf([1], width))
    expect(numbersOf(lists, 3)).toEqual([])
  })

  test('use outgrown blocks again', () => {
    const lists = new PostingLists(width)
    for (let owner = 0; owner < 2000; owner++) {
      for (let number = 0; number < 16; number++) lists.append(owner, { number, companion: 0 })
    }
    // 2000 lists of 16 postings; what they outgrew on the way is used by those that come later.
    expect(lists.byteLength).toBeLessThan(2000 * 16 * width * 4 * 3)
    // Among them those of lists that are loaded.
    lists.load(Int32Array.of(2000, 7, 7 ^ 0xabc, 2001, 8, 8 ^ 0xabc), 2000)
    expect(numbersOf(lists, 2000)).toEqual(wordsOf([7], width))
    expect(numbersOf(lists, 2001)).toEqual(wordsOf([8], width))
  })
})
