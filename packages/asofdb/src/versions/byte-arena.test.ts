import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { absentReference, ByteArena, emptyReference, payloadBytesMax } from './byte-arena.ts'
import { type PayloadSlice, sliceOf, slicesEqual } from './payload-slice.ts'

const seed = 1789
const chunkBytes = 2 ** 24
const limit = expect.objectContaining({ code: 'LimitExceeded' })
const bug = expect.objectContaining({ code: 'Bug' })

function contentOf({ bytes, start, end }: PayloadSlice): Uint8Array {
  return bytes.slice(start, end)
}

/** An entry that can be told from others of its size. */
function entryOf(length: number, mark: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(mark)
  if (length > 2) bytes.set([mark ^ 0xff, mark ^ 0x0f], length - 2)
  return bytes
}

describe('a byte arena', () => {
  test('gives back what was put in, whatever comes later', () => {
    const entry = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.nat(300).map((length) => entryOf(length, length & 0xff)),
      fc.nat(40_000).map((length) => entryOf(length, length & 0xff)),
    )
    const property = fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      const arena = new ByteArena()
      const early = entries.map((bytes) => {
        const padded = Uint8Array.of(9, 9, ...bytes, 9)
        const reference = arena.append(padded, 2, 2 + bytes.length)
        return { reference, slice: sliceOf(arena, reference) }
      })
      entries.forEach((bytes, at) => {
        const { reference, slice } = early[at] ?? expect.unreachable()
        const isKept = Buffer.compare(contentOf(slice), bytes) === 0
        const isFound = Buffer.compare(contentOf(sliceOf(arena, reference)), bytes) === 0
        expect([isKept, isFound]).toEqual([true, true])
        expect(reference === emptyReference).toBe(bytes.length === 0)
        expect(reference).not.toBe(absentReference)
      })
    })
    fc.assert(property, { seed, numRuns: 60 })
  })

  test('leaves the rest of a chunk alone when an entry does not fit', () => {
    const arena = new ByteArena()
    const lengths = [chunkBytes - 200, 150, 180, 100, payloadBytesMax, 4]
    const references = lengths.map((length, at) => arena.append(entryOf(length, at + 1), 0, length))
    references.forEach((reference, at) => {
      const length = lengths[at] ?? 0
      const content = contentOf(sliceOf(arena, reference))
      expect(Buffer.compare(content, entryOf(length, at + 1))).toBe(0)
    })
    const chunks = references.map((reference) => Math.floor((reference * 8) / chunkBytes))
    expect(chunks).toEqual([0, 0, 1, 1, 2, 3])
    expect(() => arena.append(new Uint8Array(payloadBytesMax + 1), 0, payloadBytesMax + 1)).toThrow(
      limit,
    )

    const copy = new ByteArena()
    copy.extendTo(arena.length)
    const into = copy.byteRanges(0, arena.length)
    for (const bytes of arena.byteRanges(0, arena.length)) {
      const target = into.next().value ?? expect.unreachable()
      target.set(bytes)
    }
    const areEqual = references.every((reference) =>
      slicesEqual(sliceOf(arena, reference), sliceOf(copy, reference)),
    )
    expect(areEqual).toBe(true)
    expect(copy.length).toBe(arena.length)
  })

  test('forgets what it is shrunk by, and only that', () => {
    const arena = new ByteArena()
    const kept = arena.append(entryOf(100, 7), 0, 100)
    const { length } = arena
    arena.append(entryOf(5000, 8), 0, 5000)
    arena.shrinkTo(length)
    expect(arena.length).toBe(length)
    const again = arena.append(entryOf(3, 9), 0, 3)
    expect(again * 8).toBe(length)
    expect(contentOf(sliceOf(arena, kept))).toEqual(entryOf(100, 7))
    expect(contentOf(sliceOf(arena, again))).toEqual(entryOf(3, 9))
    arena.shrinkTo(0)
    expect(arena.append(Uint8Array.of(1), 0, 1)).toBe(2)
  })

  test('reads references of 32 bits without a sign', () => {
    const arena = new ByteArena()
    const reference = 2 ** 32 - 1
    expect(arena.offsetOf(reference)).toBe(chunkBytes - 8)
    expect(arena.offsetOf(2 ** 31)).toBe(0)
    expect(arena.chunkOf(2 ** 31)).toBeUndefined()
  })

  test('says when there may be no room', () => {
    const arena = new ByteArena()
    arena.mustHaveRoom(2 ** 31)
    expect(() => arena.mustHaveRoom(2 ** 32)).toThrow(limit)
    expect(() => arena.append(new Uint8Array(2), 0, 3)).toThrow(bug)
    expect(() => arena.extendTo(8)).toThrow(bug)
    expect(() => [...arena.byteRanges(0, 24)]).toThrow(bug)
  })
})
