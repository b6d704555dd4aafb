import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WordColumn } from './word-column.ts'

const seed = 2024
const bug = expect.objectContaining({ code: 'Bug' })

/** The words of rows [from, to) as the byte ranges give them. */
function wordsOf(column: WordColumn, from: number, to: number): number[] {
  const words: number[] = []
  for (const bytes of column.byteRanges(from, to)) {
    words.push(...new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4))
  }
  return words
}

describe('a word column', () => {
  test('does what a list of rows does', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('extend' as const), value: fc.integer() }),
      fc.record({ do: fc.constant('extendTo' as const), count: fc.nat(700) }),
      fc.record({ do: fc.constant('shrinkTo' as const), count: fc.nat(700) }),
    )
    const property = fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 60 }),
      (stride, steps) => {
        const column = new WordColumn(stride)
        const model: number[][] = []
        for (const one of steps) {
          if (one.do === 'extend') {
            const row = column.extend()
            expect(row).toBe(model.length)
            column.set(row, stride - 1, one.value)
            model.push([...Array<number>(stride - 1).fill(0), one.value])
          } else if (one.do === 'extendTo') {
            column.extendTo(one.count)
            while (model.length < one.count) model.push(Array<number>(stride).fill(0))
          } else {
            column.shrinkTo(one.count)
            model.length = Math.min(model.length, one.count)
          }
        }
        expect(column.count).toBe(model.length)
        const words = model.flat()
        const areKept = wordsOf(column, 0, column.count).every((word, at) => word === words[at])
        expect(areKept).toBe(true)
      },
    )
    fc.assert(property, { seed, numRuns: 100 })
  })

  test.each([1, 63, 64, 65, 65_535, 65_536, 65_537, 131_072, 200_000])(
    'keeps %i rows, reached at once or one by one',
    (count) => {
      const atOnce = new WordColumn(2)
      atOnce.extendTo(count)
      const oneByOne = new WordColumn(2)
      for (let row = 0; row < count; row++) {
        oneByOne.extend()
        oneByOne.set(row, 1, row ^ 0x5555)
        atOnce.set(row, 1, row ^ 0x5555)
      }
      let wrong = 0
      for (let row = 0; row < count; row++) {
        const word = row ^ 0x5555
        if (oneByOne.word(row, 1) !== word || atOnce.word(row, 1) !== word) wrong++
      }
      expect(wrong).toBe(0)
      expect(oneByOne.count).toBe(atOnce.count)
    },
  )

  test('gives ranges that end at chunks', () => {
    const column = new WordColumn(1)
    column.extendTo(140_000)
    for (let row = 0; row < 140_000; row++) column.set(row, 0, row)
    const words = wordsOf(column, 65_530, 131_080)
    expect(words).toHaveLength(65_550)
    expect(words.every((word, at) => word === 65_530 + at)).toBe(true)
    expect([...column.byteRanges(65_530, 131_080)]).toHaveLength(3)
  })

  test('refuses ranges and counts that make no sense', () => {
    const column = new WordColumn(1)
    column.extendTo(3)
    expect(() => [...column.byteRanges(0, 4)]).toThrow(bug)
    expect(() => [...column.byteRanges(2, 1)]).toThrow(bug)
    expect(() => column.shrinkTo(-1)).toThrow(bug)
    expect(() => column.extendTo(2 ** 31)).toThrow(bug)
    expect(() => new WordColumn(0)).toThrow(bug)
  })
})
