import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { DecodeError } from './decode-error.ts'
import { lz4Decode, lz4Encode } from './lz4.ts'

const seed = 1977
const text =
  'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age ' +
  'of foolishness, it was the epoch of belief'

/** What version 1.9.4 of the command `lz4` of the LZ4 project makes, without its frame. */
const vectors: readonly (readonly [name: string, contents: Uint8Array, block: string])[] = [
  [
    'a text, at its first level',
    Buffer.from(text),
    'f60c497420776173207468652062657374206f662074696d65732c20691a003f776f721b0005306167653400' +
      '69776973646f6d3500031a00aa666f6f6c6973686e65735400f00065706f6368206f662062656c696566',
  ],
  [
    'a text, at its ninth level',
    Buffer.from(text),
    'f60c497420776173207468652062657374206f662074696d65732c20691a003f776f721b0005306167651900' +
      '6f776973646f6d1a0001aa666f6f6c6973686e65733900f00065706f6368206f662062656c696566',
  ],
  ['six hundred zeros', new Uint8Array(600), '1f000100ffff41500000000000'],
  ['one byte', Buffer.from('x'), '1078'],
]

/** Bytes with repetitions of many lengths and distances, some of them far, some overlapping. */
function repetitive(random: RandomStream): Uint8Array {
  const bytes = new Uint8Array(1 + random.below(random.chance(0.1) ? 80_000 : 3000))
  const letters = random.pick([1, 2, 5, 256])
  const longest = random.pick([5, 20, 400])
  for (let at = 0; at < bytes.length; ) {
    if (at === 0 || random.chance(0.4)) {
      bytes[at++] = random.below(letters)
      continue
    }
    const distance = 1 + random.below(random.chance(0.3) ? Math.min(at, 4) : at)
    const end = Math.min(bytes.length, at + 1 + random.below(longest))
    for (; at < end; at++) bytes[at] = bytes[at - distance] ?? 0
  }
  return bytes
}

function encode(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(bytes.length + Math.ceil(bytes.length / 255) + 16)
  const length = lz4Encode(bytes, room)
  expect(length).toBeGreaterThan(0)
  return room.slice(0, length)
}

const guard = 0xa5

/** Decodes with guards around source and target, which must stay as they are. */
function decode(block: Uint8Array, length: number): Uint8Array | 'refused' {
  const source = new Uint8Array(block.length + 64).fill(guard)
  source.set(block, 32)
  const target = new Uint8Array(length + 64).fill(guard)
  let outcome: 'decoded' | 'refused' = 'decoded'
  try {
    lz4Decode(source.subarray(32, 32 + block.length), target.subarray(32, 32 + length))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    if (!(error.offset >= 0 && error.offset <= block.length)) throw error
    outcome = 'refused'
  }
  const isGuarded = target.subarray(0, 32).every((byte) => byte === guard)
  const isGuardedBehind = target.subarray(32 + length).every((byte) => byte === guard)
  if (!isGuarded || !isGuardedBehind) throw new Error('something was written outside the target')
  return outcome === 'refused' ? outcome : target.slice(32, 32 + length)
}

describe('LZ4', () => {
  test.each(vectors)('reads what the project itself makes of %s', (_, contents, block) => {
    const found = decode(Buffer.from(block, 'hex'), contents.length)
    expect(found).toEqual(new Uint8Array(contents))
  })

  test('gives back what it was given', () => {
    const random = new RandomStream(seed)
    for (let nth = 0; nth < 300; nth++) {
      const bytes = repetitive(random.stream(nth))
      expect(Buffer.compare(toBytes(decode(encode(bytes), bytes.length)), bytes)).toBe(0)
    }
    const property = fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      expect(decode(encode(bytes), bytes.length)).toEqual(bytes)
    })
    fc.assert(property, { seed })
  })

  test('keeps the rules for the end of a block', () => {
    const random = new RandomStream(seed)
    for (let nth = 0; nth < 100; nth++) {
      const bytes = repetitive(random.stream(nth))
      const { literalsAtEnd, lastMatchStart } = endOf(encode(bytes))
      if (lastMatchStart === undefined) continue
      expect(literalsAtEnd).toBeGreaterThanOrEqual(5)
      expect(bytes.length - lastMatchStart).toBeGreaterThanOrEqual(12)
    }
  })

  test('makes repetition small, and says so where there is no room', () => {
    const bytes = Buffer.from('0123456789abcdef'.repeat(4096))
    const block = encode(bytes)
    expect(block.length).toBeLessThan(bytes.length / 200)
    for (let room = 0; room < block.length; room++) {
      expect(lz4Encode(bytes, new Uint8Array(room))).toBe(0)
    }
    expect(lz4Encode(bytes, new Uint8Array(block.length))).toBe(block.length)
    const noise = new RandomStream(seed).bytes(5000)
    expect(lz4Encode(noise, new Uint8Array(noise.length - 1))).toBe(0)
  })

  test('refuses a block of another length, and any part of one', () => {
    for (const [, contents, hex] of vectors) {
      const block = Buffer.from(hex, 'hex')
      for (let length = 0; length < block.length; length++) {
        expect(decode(block.subarray(0, length), contents.length)).toBe('refused')
      }
      for (const length of [0, 1, contents.length - 1, contents.length + 1, 1_000_000]) {
        if (length !== contents.length) expect(decode(block, length)).toBe('refused')
      }
      expect(decode(Buffer.concat([block, block]), contents.length)).toBe('refused')
    }
  })

  test('reads nothing outside of whatever it is given, and comes to an end', () => {
    const random = new RandomStream(seed)
    let refused = 0
    for (let nth = 0; nth < 5000; nth++) {
      const drawn = random.stream(nth)
      const bytes = drawn.chance(0.3) ? drawn.bytes(1 + drawn.below(60)) : altered(drawn)
      const length = drawn.below(drawn.chance(0.5) ? 200 : 3000)
      if (decode(bytes, length) === 'refused') refused++
    }
    expect(refused).toBeGreaterThan(4000)
    expect(refused).toBeLessThan(5000)
  })

  test('is not fooled by lengths without an end', () => {
    const endless = new Uint8Array(100_000).fill(255)
    expect(decode(endless, 65_536)).toBe('refused')
    expect(decode(Uint8Array.of(0x1f, 7, 1, 0, ...endless), 65_536)).toBe('refused')
  })
})

/** A block of ours in which a few bytes are others. */
function altered(random: RandomStream): Uint8Array {
  const block = encode(repetitive(random).subarray(0, 200))
  for (let times = random.below(3); times > 0; times--) {
    block[random.below(block.length)] = random.below(256)
  }
  return block
}

function toBytes(found: Uint8Array | 'refused'): Uint8Array {
  if (found === 'refused') throw new Error('a sound block was refused')
  return found
}

/** Where the last match begins in the contents, and how many literals follow it. */
function endOf(block: Uint8Array): { literalsAtEnd: number; lastMatchStart: number | undefined } {
  let at = 0
  let contents = 0
  let lastMatchStart: number | undefined
  const extended = (start: number): number => {
    let length = start
    if (start < 15) return length
    for (let more = 255; more === 255; length += more) more = block[at++] ?? 0
    return length
  }
  for (;;) {
    const token = block[at++] ?? 0
    const literals = extended(token >>> 4)
    at += literals
    contents += literals
    if (at >= block.length) return { literalsAtEnd: literals, lastMatchStart }
    lastMatchStart = contents
    at += 2
    contents += extended(token & 15) + 4
  }
}
