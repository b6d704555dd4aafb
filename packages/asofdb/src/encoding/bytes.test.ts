import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isDatabaseError } from '../rules/errors.ts'
import { ByteReader, type ByteSlice, ByteWriter, DecodeError, idleWriter } from './bytes.ts'

const seed = 1815

type Field =
  | ['u8' | 'u16' | 'u32' | 'u64' | 'varuint' | 'varint' | 'f64', number]
  | ['i64', bigint]
  | ['string', string]
  | ['bytes', Uint8Array]

const safe = Number.MAX_SAFE_INTEGER
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.tuple(fc.constant('u8' as const), fc.integer({ min: 0, max: 0xff })),
  fc.tuple(fc.constant('u16' as const), fc.integer({ min: 0, max: 0xffff })),
  fc.tuple(fc.constant('u32' as const), fc.integer({ min: 0, max: 0xffff_ffff })),
  fc.tuple(fc.constant('u64' as const), fc.maxSafeNat()),
  fc.tuple(fc.constant('varuint' as const), fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(300))),
  fc.tuple(fc.constant('varint' as const), fc.oneof(fc.maxSafeInteger(), fc.integer())),
  fc.tuple(fc.constant('f64' as const), fc.double()),
  fc.tuple(fc.constant('i64' as const), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.tuple(fc.constant('string' as const), fc.string({ unit: 'binary', maxLength: 200 })),
  fc.tuple(fc.constant('bytes' as const), fc.uint8Array()),
)

function write(writer: ByteWriter, [kind, value]: Field): void {
  if (kind === 'i64') writer.i64(value)
  else if (kind === 'string') writer.string(value)
  else if (kind === 'bytes') writer.bytes(value)
  else writer[kind](value)
}

function read(reader: ByteReader, [kind, value]: Field): unknown {
  if (kind === 'bytes') return new Uint8Array(reader.take(value.length))
  return reader[kind]()
}

describe('writer and reader', () => {
  test('every sequence of fields is read back as it was written', () => {
    const property = fc.property(fc.array(field), (fields) => {
      const writer = new ByteWriter(1)
      for (const one of fields) write(writer, one)
      const reader = new ByteReader(writer.copy())
      for (const one of fields) expect(read(reader, one)).toStrictEqual(one[1])
      expect(reader.remaining).toBe(0)
      expect(reader.position).toBe(writer.length)
    })
    fc.assert(property, { seed, numRuns: 300 })
  })

  test('the extremes of each number are kept', () => {
    const writer = new ByteWriter()
    for (const value of [0, 127, 128, 2 ** 32 - 1, 2 ** 32, 2 ** 35, safe]) writer.varuint(value)
    for (const value of [0, -1, 63, -64, 64, -(2 ** 31), 2 ** 30, safe, -safe]) writer.varint(value)
    writer.u64(safe)
    writer.f64(-0)
    const reader = new ByteReader(writer.view())
    for (const value of [0, 127, 128, 2 ** 32 - 1, 2 ** 32, 2 ** 35, safe]) {
      expect(reader.varuint()).toBe(value)
    }
    for (const value of [0, -1, 63, -64, 64, -(2 ** 31), 2 ** 30, safe, -safe]) {
      expect(reader.varint()).toBe(value)
    }
    expect(reader.u64()).toBe(safe)
    expect(reader.f64()).toBe(-0)
  })

  test('numbers have the documented bytes', () => {
    const writer = new ByteWriter()
    writer.u16(0x0102)
    writer.u32(0x01020304)
    writer.varuint(300)
    writer.varint(-1)
    writer.f64(1)
    writer.string('é')
    expect([...writer.view()]).toEqual([
      2, 1, 4, 3, 2, 1, 0xac, 2, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 2, 0xc3, 0xa9,
    ])
  })

  test('every NaN is written with the same bits', () => {
    const odd = new Float64Array(new Uint8Array([1, 2, 3, 4, 5, 6, 0xff, 0xff]).buffer)
    const writer = new ByteWriter()
    writer.f64(odd[0] ?? 0)
    expect([...writer.view()]).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x7f])
  })

  test('a length that UTF-8 makes longer than the text is still right', () => {
    for (const text of ['é'.repeat(63), 'é'.repeat(64), '€'.repeat(60), '😀'.repeat(5000)]) {
      const writer = new ByteWriter()
      writer.string(text)
      expect(new ByteReader(writer.view()).string()).toBe(text)
    }
  })

  test('text with half a surrogate pair is refused and leaves nothing behind', () => {
    const writer = new ByteWriter()
    writer.u8(7)
    expect(() => writer.string('a\ud800')).toThrow(/surrogate/)
    expect([...writer.view()]).toEqual([7])
  })

  test('patch, truncate, copy and reset', () => {
    const writer = new ByteWriter()
    writer.u32(0)
    writer.u8(9)
    writer.patchU32(0, 0xdeadbeef)
    const copy = writer.copy()
    writer.truncate(4)
    expect(writer.length).toBe(4)
    expect(new ByteReader(copy).u32()).toBe(0xdeadbeef)
    writer.reset()
    writer.u8(1)
    expect([...copy]).toEqual([0xef, 0xbe, 0xad, 0xde, 9])
    expect(() => writer.patchU32(0, 1)).toThrow(/patch/)
  })

  test('a number that does not fit is a bug of the caller', () => {
    const writer = new ByteWriter()
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => writer.varuint(value)).toThrow(/invariant/)
    }
    for (const value of [0.5, 2 ** 53, Number.NaN]) {
      expect(() => writer.varint(value)).toThrow(/invariant/)
    }
    expect(() => writer.i64(2n ** 63n)).toThrow(/invariant/)
  })
})

describe('reader on bytes that nobody wrote', () => {
  const reads = ['u8', 'u16', 'u32', 'i64', 'u64', 'f64', 'varuint', 'varint', 'string'] as const

  test('throws nothing but DecodeError', () => {
    const step = fc.oneof(fc.constantFrom(...reads), fc.nat(20))
    const property = fc.property(fc.uint8Array(), fc.array(step), (bytes, steps) => {
      const reader = new ByteReader(bytes)
      let failure: unknown
      try {
        for (const one of steps) {
          if (typeof one === 'number') reader.take(one)
          else reader[one]()
        }
      } catch (error) {
        failure = error
      }
      const isExpected = failure instanceof DecodeError && isDatabaseError(failure, 'Corrupt')
      expect(failure === undefined || isExpected).toBe(true)
      expect(reader.position).toBeLessThanOrEqual(bytes.length)
    })
    fc.assert(property, { seed, numRuns: 1000 })
  })

  test.each([
    ['a longer form of a number', [0x80, 0x00]],
    ['a number above 2^53-1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10]],
    ['a number of nine bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a number that is cut off', [0x80]],
    ['nothing', []],
  ])('varuint and varint refuse %s', (_name, bytes) => {
    expect(() => new ByteReader(new Uint8Array(bytes)).varuint()).toThrow(DecodeError)
  })

  test('varint refuses a longer form of a number', () => {
    expect(() => new ByteReader(new Uint8Array([0x81, 0x00])).varint()).toThrow(DecodeError)
  })

  test('u64 refuses a number above 2^53-1', () => {
    const bytes = new Uint8Array([0, 0, 0, 0, 0, 0, 0x20, 0])
    expect(() => new ByteReader(bytes).u64()).toThrow(DecodeError)
  })

  test('the end that was given counts, not the end of the array', () => {
    const reader = new ByteReader(new Uint8Array([1, 2, 3, 4, 5]), 1, 4)
    expect(() => reader.u32()).toThrow(DecodeError)
    expect(reader.u16()).toBe(0x0302)
    expect(reader.remaining).toBe(1)
    expect(() => new ByteReader(new Uint8Array(2), 1, 3)).toThrow(DecodeError)
    expect(() => new ByteReader(new Uint8Array(2), 3)).toThrow(DecodeError)
  })

  test('an error says where', () => {
    const reader = new ByteReader(new Uint8Array([1, 2, 3]))
    reader.u8()
    expect(() => reader.u32()).toThrow(expect.objectContaining({ offset: 1 }))
  })

  test('bytes that are not UTF-8 are refused, short and long', () => {
    for (const length of [2, 100]) {
      const bytes = new Uint8Array(length + 1).fill(0xff)
      bytes[0] = length
      expect(() => new ByteReader(bytes).string()).toThrow(/UTF-8/)
    }
  })
})

describe('slices cut off a writer', () => {
  /** Pieces of any size, among them some larger than a block. */
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 0, max: 40_000 }).map((length) => new Uint8Array(length).fill(length)),
  )

  test('keep what was written into them, whatever is written after', () => {
    const pieces = fc.array(piece, { maxLength: 4, size: 'max' })
    const step = fc.record({ pieces, isKept: fc.boolean() })
    const property = fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const writer = new ByteWriter()
      const kept: { readonly slice: ByteSlice; readonly wanted: Buffer }[] = []
      for (const { pieces, isKept } of steps) {
        for (const bytes of pieces) writer.slice({ bytes, start: 0, end: bytes.length })
        const wanted = Buffer.concat(pieces)
        expect(writer.length).toBe(wanted.length)
        expect(Buffer.compare(writer.view(), wanted)).toBe(0)
        if (isKept) kept.push({ slice: writer.cut(), wanted })
        else writer.reset()
      }
      for (const { slice, wanted } of kept) {
        expect(Buffer.compare(slice.bytes.subarray(slice.start, slice.end), wanted)).toBe(0)
      }
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('count positions from where the last one ended', () => {
    const writer = new ByteWriter()
    writer.string('first')
    writer.cut()
    writer.u32(1)
    writer.string('éé')
    writer.patchU32(0, 7)
    writer.patchU8(4, 9)
    writer.truncate(5)
    expect([...writer.copy()]).toEqual([7, 0, 0, 0, 9])
    expect([...writer.view(4)]).toEqual([9])
  })

  test('a small one keeps no large array alive', () => {
    const writer = new ByteWriter()
    writer.bytes(new Uint8Array(1_000_000))
    expect(writer.cut().bytes.length).toBeGreaterThanOrEqual(1_000_000)
    writer.u8(1)
    expect(writer.cut().bytes.length).toBeLessThan(100)
  })

  test('an idle writer is never one that is in use', () => {
    const first = idleWriter()
    first.u8(1)
    const second = idleWriter()
    second.u8(2)
    expect([...first.view(), ...second.view()]).toEqual([1, 2])
    first.reset()
    expect(idleWriter()).toBe(first)
  })
})
