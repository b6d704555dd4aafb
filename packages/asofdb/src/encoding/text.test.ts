import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import {
  bytesToLatin1,
  bytesToName,
  bytesToText,
  compareText,
  generalisedBytesToText,
  latin1ToBytes,
  textBytesMax,
  writeText,
} from './text.ts'

const seed = 1843

/** Text of any code units, with surrogates, whole and halved, more often than chance would. */
const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.constantFrom(0, 0x61, 0xe9, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff),
)
const anyText = fc.array(unit).map((units) => String.fromCharCode(...units))

/** Undefined for a DecodeError; whatever else is thrown fails the test. */
function outcomeOf(decode: () => string): string | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function toBytes(text: string): Uint8Array {
  const target = new Uint8Array(textBytesMax(text))
  return target.subarray(0, writeText(text, target, 0))
}

test('any text, lone surrogates included, comes back from generalised UTF-8', () => {
  const property = fc.property(anyText, (text) => {
    const bytes = toBytes(text)
    expect(generalisedBytesToText(bytes, 0, bytes.length)).toBe(text)
  })
  fc.assert(property, { seed, numRuns: 1000 })
})

test('generalised UTF-8 is UTF-8 for well-formed text, short and long', () => {
  const encoder = new TextEncoder()
  const property = fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
    expect(Buffer.compare(toBytes(text), encoder.encode(text))).toBe(0)
  })
  fc.assert(property, { seed, numRuns: 300 })
})

test('text has one form only: what decodes is what would be written', () => {
  const byte = fc.oneof(
    fc.constantFrom(0xed, 0xa0, 0xb0, 0x80, 0xbf, 0x61, 0xf0, 0xc3),
    fc.integer({ min: 0, max: 255 }),
  )
  const property = fc.property(fc.array(byte, { maxLength: 12 }), (list) => {
    const bytes = new Uint8Array(list)
    const text = outcomeOf(() => generalisedBytesToText(bytes, 0, bytes.length))
    expect(text === undefined || Buffer.compare(toBytes(text), bytes) === 0).toBe(true)
  })
  fc.assert(property, { seed, numRuns: 3000 })
})

test('a surrogate pair written as two characters is refused', () => {
  const bytes = new Uint8Array([0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80])
  expect(() => generalisedBytesToText(bytes, 0, bytes.length)).toThrow(DecodeError)
})

test('text is ordered by code point, which is the order of its bytes', () => {
  const property = fc.property(anyText, anyText, anyText, (prefix, a, b) => {
    const left = prefix + a
    const right = prefix + b
    const bytes = Buffer.compare(toBytes(left), toBytes(right))
    expect(Math.sign(compareText(left, right))).toBe(bytes)
  })
  fc.assert(property, { seed, numRuns: 2000 })
  expect(compareText('\uffff', '\u{10000}')).toBeLessThan(0)
})

test('bytes and Latin-1 strings are the same thing', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const text = bytesToLatin1(bytes)
    expect(text).toHaveLength(bytes.length)
    expect(latin1ToBytes(text)).toEqual(bytes)
  })
  fc.assert(property, { seed })
  expect(() => latin1ToBytes('\u0100')).toThrow(DecodeError)
})

test('names are told apart whatever was read before them', () => {
  const few = fc.array(fc.constantFrom('a', 'b', 'é', '', '\0', 'ab'), { maxLength: 4 })
  const property = fc.property(fc.array(few), (lists) => {
    for (const list of lists) {
      const bytes = new TextEncoder().encode(list.join(''))
      expect(bytesToName(bytes, 0, bytes.length)).toBe(list.join(''))
    }
  })
  fc.assert(property, { seed })
  expect(() => bytesToName(new Uint8Array([0xff]), 0, 1)).toThrow(DecodeError)
})

test('text is read from the middle of bytes', () => {
  for (const text of ['abc', 'a'.repeat(13), 'é', 'x'.repeat(100), '€'.repeat(50)]) {
    const bytes = new TextEncoder().encode(`<${text}>`)
    expect(bytesToText(bytes, 1, bytes.length - 1)).toBe(text)
  }
})
