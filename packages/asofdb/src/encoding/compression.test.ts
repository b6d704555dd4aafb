import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import {
  checkCompression,
  compressBlock,
  compressionNumber,
  compressionOf,
  compressions,
  decompressBlock,
} from './compression.ts'
import { DecodeError } from './decode-error.ts'

const seed = 1951
const scratch = new Uint8Array(70_000)

function sample(random: RandomStream): Uint8Array {
  const bytes = random.bytes(1 + random.below(4000))
  const letters = random.pick([1, 3, 256])
  return bytes.map((byte) => byte % letters)
}

describe.each(compressions)('a block compressed with %s', (compression) => {
  test('comes back as it was, and never got larger', () => {
    const random = new RandomStream(seed)
    for (let nth = 0; nth < 60; nth++) {
      const block = sample(random.stream(nth))
      const stored = compressBlock(compression, block, scratch).slice()
      expect(stored.length).toBeLessThanOrEqual(block.length)
      const target = new Uint8Array(block.length)
      decompressBlock(compression, stored, target)
      expect(Buffer.compare(target, block)).toBe(0)
    }
  })

  test('is stored as it is where it does not get smaller', () => {
    const noise = new RandomStream(seed).bytes(5000)
    expect(compressBlock(compression, noise, scratch)).toBe(noise)
  })

  test('gives a DecodeError for whatever else is there, and the right length or nothing', () => {
    const random = new RandomStream(seed)
    let refused = 0
    for (let nth = 0; nth < 500; nth++) {
      const drawn = random.stream(nth)
      const block = sample(drawn).subarray(0, 500)
      const stored = compressBlock(compression, block, scratch).slice()
      stored[drawn.below(stored.length)] = drawn.below(256)
      const length = drawn.chance(0.5) ? block.length : drawn.below(2000)
      const part = stored.subarray(0, drawn.chance(0.7) ? stored.length : drawn.below(600))
      try {
        decompressBlock(compression, part, new Uint8Array(length))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        refused++
      }
    }
    expect(refused).toBeGreaterThan(200)
  })
})

describe('compressions', () => {
  test('refuse contents that end early or go on', () => {
    const block = new Uint8Array(10_000).fill(7)
    for (const compression of ['lz4', 'deflate'] as const) {
      const stored = compressBlock(compression, block, scratch).slice()
      expect(stored.length).toBeLessThan(200)
      for (const length of [0, 1, 9_999, 10_001, 65_536]) {
        const target = new Uint8Array(length)
        expect(() => decompressBlock(compression, stored, target)).toThrow(DecodeError)
      }
    }
  })

  test('have one number each, and no other number is one', () => {
    for (const name of compressions) expect(compressionOf(compressionNumber[name])).toBe(name)
    for (const number of [3, 4, 2 ** 31]) expect(compressionOf(number)).toBeUndefined()
  })

  test('are refused by any other name', () => {
    const other = 'zip' as (typeof compressions)[number]
    expect(() => checkCompression(other)).toThrow(/one of none, lz4, deflate, not zip/)
    expect(() => checkCompression(undefined)).not.toThrow()
  })
})
