import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { DecodeError } from '../encoding/decode-error.ts'
import {
  alignBlock,
  blockBytes,
  type BlockTable,
  blockTableBytes,
  decodeBlockTable,
  encodeBlockTable,
  isSectionLength,
  rawBytesOf,
} from './block-table.ts'

const seed = 1985

function makeTable(random: RandomStream): BlockTable {
  const count = 1 + random.below(6)
  const rawBytes = (count - 1) * blockBytes + 1 + random.below(blockBytes)
  const blocks = Array.from({ length: count }, (_, index) => {
    const most = rawBytesOf({ rawBytes }, index)
    const least = Math.ceil(most / 1000)
    return { length: least + random.below(most - least + 1), checksum: random.word() }
  })
  return { rawBytes, blocks }
}

function sectionLengthOf({ rawBytes, blocks }: BlockTable): number {
  return blocks.reduce((sum, { length }) => sum + alignBlock(length), blockTableBytes(rawBytes))
}

describe('the table of the blocks of a section', () => {
  test('comes back as it was written', () => {
    const random = new RandomStream(seed)
    for (let nth = 0; nth < 100; nth++) {
      const table = makeTable(random.stream(nth))
      const bytes = encodeBlockTable(table)
      const length = sectionLengthOf(table)
      expect(bytes.length).toBe(blockTableBytes(table.rawBytes))
      expect(isSectionLength({ rawBytes: table.rawBytes, length })).toBe(true)
      expect(decodeBlockTable(bytes, length)).toEqual(table)
    }
  })

  test('with any wild length is refused, or its blocks fill their section', () => {
    const random = new RandomStream(seed)
    let refused = 0
    for (let nth = 0; nth < 1000; nth++) {
      const drawn = random.stream(nth)
      const table = makeTable(drawn)
      const bytes = encodeBlockTable(table).slice()
      const length = sectionLengthOf(table)
      bytes[drawn.below(bytes.length)] = drawn.below(256)
      try {
        const found = decodeBlockTable(bytes, length)
        expect(sectionLengthOf(found)).toBe(length)
        expect(found.blocks).toHaveLength(table.blocks.length)
        for (const [index, block] of found.blocks.entries()) {
          expect(block.length).toBeLessThanOrEqual(rawBytesOf(found, index))
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        refused++
      }
    }
    expect(refused).toBeGreaterThan(200)
  })

  test('that is too short, too long or of another section is refused', () => {
    const table = makeTable(new RandomStream(seed))
    const bytes = encodeBlockTable(table)
    const length = sectionLengthOf(table)
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(() => decodeBlockTable(bytes.subarray(0, cut), length)).toThrow(DecodeError)
    }
    for (const other of [length - 8, length + 8, 0]) {
      expect(() => decodeBlockTable(bytes, other)).toThrow(DecodeError)
    }
  })
})

describe('the length of a compressed section', () => {
  test('bounds what it can have been before', () => {
    const isPossible = (rawBytes: number, length: number) => isSectionLength({ rawBytes, length })
    expect(isPossible(0, 0)).toBe(true)
    expect(isPossible(0, 8)).toBe(false)
    expect(isPossible(1, 24)).toBe(true)
    expect(isPossible(1, 16)).toBe(false)
    expect(isPossible(2 ** 40, 2 ** 20)).toBe(false)
    expect(isPossible(Number.MAX_SAFE_INTEGER, 2 ** 32)).toBe(false)
  })
})
