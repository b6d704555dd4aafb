import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32, crc32Portable } from './checksum.ts'

const seed = 1852
const checkText = new TextEncoder().encode('123456789')

test('the sum of the check text is the published one', () => {
  expect(crc32(checkText)).toBe(0xcbf43926)
  expect(crc32Portable(checkText)).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

test('both forms agree on any bytes of any length and any seed', () => {
  const bytes = fc.uint8Array({ maxLength: 600, size: 'max' })
  const property = fc.property(bytes, fc.nat(0xffff_ffff), (part, start) => {
    expect(crc32(part, start)).toBe(crc32Portable(part, start))
  })
  fc.assert(property, { seed, numRuns: 300 })
})

test('a sum can be taken in pieces', () => {
  const bytes = fc.uint8Array({ maxLength: 500, size: 'max' })
  const property = fc.property(bytes, fc.nat(500), (whole, cut) => {
    const [first, second] = [whole.subarray(0, cut), whole.subarray(cut)]
    expect(crc32(second, crc32(first))).toBe(crc32(whole))
    expect(crc32Portable(second, crc32Portable(first))).toBe(crc32Portable(whole))
  })
  fc.assert(property, { seed, numRuns: 200 })
})

test('every single flipped bit changes the sum', () => {
  const bytes = new Uint8Array(64).map((_, index) => index * 7)
  const sum = crc32Portable(bytes)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice()
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(crc32Portable(damaged)).not.toBe(sum)
  }
})
