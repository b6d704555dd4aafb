import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { valueBytesMax, valueDepthMax } from '../rules/limits.ts'
import { anyValue } from '../../../../test/encoding/arbitrary-values.ts'
import { ByteReader, ByteWriter, DecodeError } from './bytes.ts'
import { Float, float, LocalDate, ZonedDateTime } from './calendar.ts'
import { FOREVER, Instant } from './instant.ts'
import { valueTag } from './value-format.ts'
import { decodeValue, encodeValue, readValue, type Value, valueEnd } from './value.ts'

const seed = 1842

function encode(value: unknown): Uint8Array {
  const writer = new ByteWriter()
  encodeValue(writer, value, 'value')
  return writer.copy()
}

function roundTrip(value: unknown): Value {
  const bytes = encode(value)
  expect(valueEnd(bytes, 0)).toBe(bytes.length)
  return decodeValue(bytes, 0)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** What a value is when it comes back: a Date as an Instant, a safe bigint as a number … */
function stored(value: Value): Value {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Instant.from(value)
  if (value instanceof Float) {
    const isKept = Number.isSafeInteger(value.value) && !Object.is(value.value, -0)
    return isKept ? value : value.value
  }
  if (Array.isArray(value)) return value.map(stored)
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value as Record<string, Value>)
  return Object.fromEntries(entries.map(([name, item]) => [name, stored(item)]))
}

describe('round trip', () => {
  test('every value comes back, exactly', () => {
    const property = fc.property(anyValue, (value) => {
      expect(isDeepStrictEqual(roundTrip(value), stored(value))).toBe(true)
    })
    fc.assert(property, { seed, numRuns: 1500 })
  })

  test('what comes back has the same bytes', () => {
    const property = fc.property(anyValue, (value) => {
      const bytes = encode(value)
      expect(hex(encode(decodeValue(bytes, 0)))).toBe(hex(bytes))
    })
    fc.assert(property, { seed, numRuns: 700 })
  })

  test('integers, floats and bigints each come back as what they were', () => {
    expect(roundTrip(1)).toBe(1)
    expect(roundTrip(1n)).toBe(1)
    expect(roundTrip(float(1))).toStrictEqual(new Float(1))
    expect(roundTrip(float(1.5))).toBe(1.5)
    expect(roundTrip(-0)).toBe(-0)
    expect(roundTrip(2 ** 53)).toBe(2 ** 53)
    expect(roundTrip(2n ** 53n)).toBe(2n ** 53n)
    expect(roundTrip(-(2n ** 63n))).toBe(-(2n ** 63n))
    expect(roundTrip(Number.NaN)).toBeNaN()
    expect(roundTrip(-Infinity)).toBe(-Infinity)
  })

  test('an own __proto__ key is a key', () => {
    const value = JSON.parse('{"__proto__": {"admin": true}, "a": 1}') as Value
    const back = roundTrip(value) as Record<string, Value>
    expect(Object.keys(back).sort()).toEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(back['admin']).toBeUndefined()
  })

  test('bytes and vectors are copies of their own, aligned', () => {
    const vector = new Float32Array([1, Number.NaN, -0])
    const writer = new ByteWriter()
    writer.u8(0xff)
    encodeValue(writer, vector, 'v')
    const at = writer.length
    encodeValue(writer, new Uint8Array([1, 2]), 'b')
    const encoded = Buffer.from(writer.copy())
    const back = decodeValue(encoded, 1) as Float32Array
    const bytes = decodeValue(encoded, at) as Uint8Array
    encoded.fill(0)
    expect(back).toStrictEqual(vector)
    expect(back.byteOffset).toBe(0)
    expect(bytes).toStrictEqual(new Uint8Array([1, 2]))
  })

  test('a Buffer comes back as a Uint8Array, maps of other realms as plain maps', () => {
    expect(roundTrip(Buffer.from([7]))).toStrictEqual(new Uint8Array([7]))
    expect(roundTrip(runInNewContext('({ a: [1] })'))).toStrictEqual({ a: [1] })
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 })
  })

  test('Temporal values come back as ours', () => {
    const date = { [Symbol.toStringTag]: 'Temporal.PlainDate', toString: () => '2024-02-29' }
    class PlainDate {
      readonly [Symbol.toStringTag] = date[Symbol.toStringTag]
      toString = date.toString
    }
    expect(roundTrip([new PlainDate()])).toStrictEqual([LocalDate.from('2024-02-29')])
    expect(roundTrip(FOREVER)).toBe(FOREVER)
  })

  test('a zone that the runtime does not know can be read', () => {
    const known = encode(ZonedDateTime.of(Instant.from(0n), 'Europe/Paris'))
    const text = new TextEncoder().encode('Europe/Parix')
    known.set(text, known.length - text.length)
    expect((decodeValue(known, 0) as ZonedDateTime).zone).toBe('Europe/Parix')
  })
})

describe('bytes', () => {
  test.each<[string, unknown, string]>([
    ['null', null, '00'],
    ['true', true, '02'],
    ['0', 0, '40'],
    ['63', 63, '7f'],
    ['64', 64, '038001'],
    ['-1', -1, '0301'],
    ['2^53', 2n ** 53n, '040000000000002000'],
    ['1.5', 1.5, '05000000000000f83f'],
    ['empty text', '', '80'],
    ['short text', 'hé', '8368c3a9'],
    ['a lone surrogate', '\ud800', '070100d8'],
    ['bytes', new Uint8Array([1, 2]), '08020102'],
    ['an instant', Instant.from('1970-01-01T00:00:01.000000002Z'), '090202'],
    ['a date', LocalDate.from('2024-02-29'), '0ad01f021d'],
    ['a list', [1, null], '0f03000000024100'],
    ['a map', { b: 1, a: 2 }, '10070000000281614281 6241'.replace(' ', '')],
    ['a vector', new Float32Array([1]), '11010000803f'],
  ])('of %s', (_name, value, expected) => {
    expect(hex(encode(value))).toBe(expected)
  })

  test('equal values are equal bytes, whatever order their keys were set in', () => {
    expect(hex(encode({ a: 1, b: { d: 1, c: 2 } }))).toBe(hex(encode({ b: { c: 2, d: 1 }, a: 1 })))
    expect(hex(encode({ 10: 1, 9: 1, a: 1 }))).toBe(hex(encode({ a: 1, 9: 1, 10: 1 })))
    expect(hex(encode(Number.NaN))).toBe(hex(encode(0 / 0)))
    expect(hex(encode(5n))).toBe(hex(encode(5)))
    const ms = 1_700_000_000_123
    expect(hex(encode(new Date(ms)))).toBe(hex(encode(Instant.from(BigInt(ms) * 1000n))))
  })

  test('different values are different bytes', () => {
    const values = [1, float(1), '1', true, null, 0, -0, float(0), [], {}, '', [1], [[1]], { 1: 1 }]
    const more = [2 ** 53, 2n ** 53n, new Uint8Array(0), new Float32Array(0), '\0', [null]]
    const seen = new Set([...values, ...more].map((value) => hex(encode(value))))
    expect(seen.size).toBe(values.length + more.length)
  })
})

describe('what can not be stored', () => {
  function refusal(value: unknown): unknown {
    const writer = new ByteWriter()
    writer.u8(1)
    try {
      encodeValue(writer, value, 'properties')
    } catch (error) {
      return writer.length === 1 ? error : 'something is left in the writer'
    }
    return undefined
  }

  class Person {
    name = 'Ada'
  }
  const holed = [1]
  holed[2] = 3

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an instance', new Person()],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a RegExp', /x/],
    ['another typed array', new Float64Array(1)],
    ['a buffer', new ArrayBuffer(1)],
    ['a boxed number', Object(1)],
    ['a list with a hole', holed],
    ['an integer of 65 bits', 2n ** 63n],
    ['an invalid Date', new Date(Number.NaN)],
    ['a key that is a symbol', { [Symbol('k')]: 1 }],
    ['a promise', Promise.resolve(1)],
  ])('%s is InvalidValue', (_name, value) => {
    for (const given of [value, [value], { a: value }]) {
      expect(refusal(given)).toEqual(expect.objectContaining({ code: 'InvalidValue' }))
    }
  })

  test('the error names the place', () => {
    const error = refusal({ address: { lines: ['a', undefined], city: 'b' } })
    expect(error).toEqual(
      expect.objectContaining({
        message: expect.stringContaining('properties.address.lines[1]: undefined'),
        details: { path: 'properties.address.lines[1]' },
      }),
    )
    expect(String(refusal(holed))).toMatch(/properties\[1\]: the list has a hole/)
    expect(refusal(undefined)).toEqual(
      expect.objectContaining({ details: { path: 'properties' } }),
    )
  })

  test('a value that contains itself is refused at once', () => {
    const list: unknown[] = []
    list.push(list, list)
    expect(refusal(list)).toEqual(expect.objectContaining({ code: 'InvalidValue' }))
    const map: Record<string, unknown> = { a: {} }
    map['a'] = { b: [map] }
    expect(String(refusal(map))).toMatch(/contains itself/)
  })

  test('the same list twice, side by side, is fine', () => {
    const list = [1]
    expect(roundTrip([list, list])).toStrictEqual([[1], [1]])
  })

  test('depth has a limit, and what is within it can be read', () => {
    let value: Value = 1
    for (let depth = 0; depth < valueDepthMax; depth++) {
      value = depth % 2 === 0 ? [value] : { value }
    }
    expect(roundTrip(value)).toStrictEqual(value)
    expect(String(refusal([value]))).toMatch(/deeper than 100/)
  })

  test('size has a limit', () => {
    const tooLarge = expect.objectContaining({ code: 'LimitExceeded' })
    expect(refusal(new Uint8Array(valueBytesMax + 1))).toEqual(tooLarge)
    expect(refusal('x'.repeat(valueBytesMax))).toEqual(tooLarge)
    const half = new Uint8Array(valueBytesMax / 2)
    expect(refusal([half, half])).toEqual(tooLarge)
  })

  test('a list of lists that share everything stops at the size limit', () => {
    let value: unknown = new Uint8Array(1 << 20)
    for (let depth = 0; depth < 90; depth++) value = [value, value]
    expect(refusal(value)).toEqual(expect.objectContaining({ code: 'LimitExceeded' }))
  })
})

/** Undefined for a DecodeError; whatever else is thrown fails the test. */
function outcomeOf<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** What is wrong with how bytes that nobody wrote are read. */
function faultOf(bytes: Uint8Array): string | undefined {
  const end = outcomeOf(() => valueEnd(bytes, 0))
  const value = outcomeOf(() => decodeValue(bytes, 0))
  if (value === undefined) return undefined
  if (end === undefined) return 'decoded, but its end is not found'
  return hex(encode(value)) === hex(bytes.subarray(0, end)) ? undefined : 'another form is read'
}

describe('reading', () => {
  test('values stand one after the other', () => {
    const property = fc.property(fc.array(anyValue, { maxLength: 6 }), (values) => {
      const writer = new ByteWriter()
      for (const value of values) encodeValue(writer, value, 'v')
      const reader = new ByteReader(writer.view())
      let offset = 0
      for (const value of values) {
        expect(isDeepStrictEqual(readValue(reader), stored(value))).toBe(true)
        offset = valueEnd(reader.bytes, offset)
        expect(reader.position).toBe(offset)
      }
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('any bytes are a value in its one form, or a DecodeError', () => {
    const tags = Object.values(valueTag)
    const tagged = fc.tuple(fc.constantFrom(...tags), fc.uint8Array({ maxLength: 20 }))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      tagged.map(([tag, rest]) => new Uint8Array([tag, ...rest])),
    )
    const property = fc.property(bytes, (foreign) => {
      expect(faultOf(foreign)).toBeUndefined()
    })
    fc.assert(property, { seed, numRuns: 3000 })
  })

  test('a damaged value is another value in its one form, or a DecodeError', () => {
    const property = fc.property(anyValue, fc.nat(), fc.nat(255), (value, at, byte) => {
      const bytes = encode(value)
      bytes[at % bytes.length] = byte
      expect(faultOf(bytes)).toBeUndefined()
      expect(faultOf(bytes.subarray(0, at % bytes.length))).toBeUndefined()
    })
    fc.assert(property, { seed, numRuns: 3000 })
  })

  test.each([
    ['a small integer in the long form', '0302'],
    ['a safe integer in eight bytes', '040100000000000000'],
    ['a short text in the long form', '060161'],
    ['well-formed text as UTF-16', '07016100'],
    ['another NaN', '05010000000000f87f'],
    ['month 13', '0ad01f0d01'],
    ['an instant outside the range', '09feffffffffffff1f00'],
    ['keys out of order', '10070000000281624281 6141'],
    ['a key twice', '10070000000281614281 6141'],
    ['a key that is a number', '1003000000014141'],
    ['a list longer than it says', '0f02000000024100'],
    ['a list shorter than it says', '0f0400000002410000'],
    ['a count beyond all bytes', '0f05000000ffffffff7f'],
    ['an unknown tag', '3f'],
    ['no bytes', ''],
  ])('%s is refused', (_name, text) => {
    const bytes = new Uint8Array(Buffer.from(text.replace(' ', ''), 'hex'))
    expect(() => decodeValue(bytes, 0)).toThrow(DecodeError)
  })

  test('a list that can not be whole is refused before it is read', () => {
    const read = (text: string): Value => decodeValue(Buffer.from(text, 'hex'), 0)
    expect(() => read('0f09000000014100')).toThrow(/cut off/)
    expect(() => read('0f02000000054141414141')).toThrow(/count is too large/)
    expect(() => read('1003000000028161418162')).toThrow(/count is too large/)
  })

  test('an offset outside the bytes is refused', () => {
    for (const offset of [-1, 2, 1.5, Number.NaN]) {
      expect(() => decodeValue(new Uint8Array([0x40]), offset)).toThrow(DecodeError)
    }
  })

  test('nesting without end is refused, not followed', () => {
    const bytes = new Uint8Array(6 * 5000)
    const view = new DataView(bytes.buffer)
    for (let at = 0; at < bytes.length; at += 6) {
      bytes[at] = valueTag.list
      view.setUint32(at + 1, bytes.length - at - 5, true)
      bytes[at + 5] = 1
    }
    expect(() => decodeValue(bytes, 0)).toThrow(/too deep/)
  })
})

test('what is cut off or too long is refused, where it is short too', () => {
  const integer = valueTag.integer
  for (const bytes of [[], [integer], [integer, 0x80], [valueTag.shortText + 2, 1]]) {
    const encoded = Uint8Array.from(bytes)
    expect(() => valueEnd(encoded, 0), `end of ${String(bytes)}`).toThrow(DecodeError)
    expect(() => decodeValue(encoded, 0), String(bytes)).toThrow(DecodeError)
  }
  expect(() => decodeValue(Uint8Array.of(integer, 0x80, 0), 0)).toThrow(DecodeError)
  expect(decodeValue(Uint8Array.of(integer, 0x80, 1), 0)).toBe(64)
  expect(decodeValue(Uint8Array.of(integer, 0xff, 127), 0)).toBe(-8192)
  expect(decodeValue(Uint8Array.of(integer, 0x80, 0x80, 1), 0)).toBe(8192)
})
