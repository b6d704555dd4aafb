import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyBytesMax, keyDepthMax } from '../rules/limits.ts'
import {
  anyBytes,
  anyInstant,
  anyInt64,
  anyNumber,
  anyScalar,
  anyText,
} from '../../../../test/encoding/arbitrary-values.ts'
import { DecodeError } from './bytes.ts'
import { Duration, float } from './calendar.ts'
import { Instant } from './instant.ts'
import {
  bytesToKey,
  bytesToLatin1,
  type KeyInput,
  keyToBytes,
  keyToLatin1,
  latin1ToBytes,
  latin1ToKey,
  valuesToIndexKey,
  valueToIndexKey,
} from './ordered-key.ts'
import { compareValues, type Value } from './value.ts'

const seed = 1871
const invalid = expect.objectContaining({ code: 'InvalidKey' })

const anyAtom: fc.Arbitrary<KeyInput> = fc.oneof(
  anyText,
  anyBytes,
  anyNumber.filter((number) => !Number.isNaN(number)),
  anyInt64,
  fc.boolean(),
  anyInstant,
  fc.date({ noInvalidDate: true }),
)
const anyTuple = fc.letrec<{ key: KeyInput; tuple: KeyInput[] }>((tie) => ({
  key: fc.oneof({ depthSize: 'small' }, anyAtom, tie('tuple')),
  tuple: fc.array(tie('key'), { maxLength: 4 }),
})).tuple

function isEmpty(key: KeyInput): boolean {
  const isSized = typeof key === 'string' || key instanceof Uint8Array || Array.isArray(key)
  return isSized && key.length === 0
}

const anyKey = fc.oneof(anyAtom, anyTuple).filter((key) => !isEmpty(key))

/** Undefined for a DecodeError; whatever else is thrown fails the test. */
function outcomeOf(decode: () => KeyInput): KeyInput | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** What a key is when it comes back. */
function stored(key: KeyInput): KeyInput {
  if (key instanceof Date) return Instant.from(key)
  if (typeof key === 'bigint') return Number.isSafeInteger(Number(key)) ? Number(key) : key
  if (typeof key === 'number') {
    const isInt64 = Number.isInteger(key) && key >= -(2 ** 63) && key < 2 ** 63
    return isInt64 && !Number.isSafeInteger(key) ? BigInt(key) : key + 0
  }
  return Array.isArray(key) ? key.map(stored) : key
}

/** Keys are ordered like values, where a tuple is a list. */
function compareKeys(a: KeyInput, b: KeyInput): number {
  return Math.sign(compareValues(a as Value, b as Value))
}

describe('keys', () => {
  test('every key comes back', () => {
    const property = fc.property(anyKey, (key) => {
      const bytes = keyToBytes(key)
      expect(bytesToKey(bytes)).toStrictEqual(stored(key))
      expect(keyToLatin1(key)).toBe(bytesToLatin1(bytes))
      expect(latin1ToKey(keyToLatin1(key))).toStrictEqual(stored(key))
      expect(latin1ToBytes(keyToLatin1(key))).toStrictEqual(bytes)
    })
    fc.assert(property, { seed, numRuns: 1500 })
  })

  test('the order of bytes is the order of keys', () => {
    const property = fc.property(anyKey, anyKey, (a, b) => {
      const order = compareKeys(a, b)
      expect(Buffer.compare(keyToBytes(a), keyToBytes(b))).toBe(order)
      const [left, right] = [keyToLatin1(a), keyToLatin1(b)]
      expect(left < right ? -1 : left > right ? 1 : 0).toBe(order)
    })
    fc.assert(property, { seed, numRuns: 3000 })
  })

  test('the order holds among keys of one kind', () => {
    const kinds = [anyText, anyBytes, anyInstant, fc.oneof(anyNumber, anyInt64)]
    const pairs = fc.oneof(...kinds.map((kind) => fc.tuple<KeyInput[]>(kind, kind)))
    const property = fc.property(pairs, fc.boolean(), ([a = 0, b = 0], isInside) => {
      if (Number.isNaN(a) || Number.isNaN(b)) return
      if (!isInside && (isEmpty(a) || isEmpty(b))) return
      const [left, right] = isInside ? [[a, 1], [b, 1]] : [a, b]
      expect(Buffer.compare(keyToBytes(left), keyToBytes(right))).toBe(compareKeys(left, right))
    })
    fc.assert(property, { seed, numRuns: 3000 })
  })

  test('a tuple sorts before the longer ones that it begins, and FF after them all', () => {
    const property = fc.property(anyTuple, anyTuple, (prefix, rest) => {
      if (prefix.length === 0 || rest.length === 0) return
      const short = keyToLatin1(prefix)
      const long = keyToLatin1([...prefix, ...rest])
      expect(long.startsWith(short)).toBe(true)
      expect(short < long && long < `${short}\u00ff`).toBe(true)
    })
    fc.assert(property, { seed, numRuns: 500 })
  })

  test('text in ASCII is its own key', () => {
    expect(keyToLatin1('customers:12')).toBe('customers:12')
    expect([...keyToBytes('ab')]).toEqual([0x61, 0x62])
    expect(latin1ToKey('ab')).toBe('ab')
    expect(keyToLatin1('é')).toBe('\u00c3\u00a9')
  })

  test('keys have the documented bytes', () => {
    expect(Buffer.from(keyToBytes(1)).toString('hex')).toBe('f6bff0000000000000')
    expect(Buffer.from(keyToBytes(-1)).toString('hex')).toBe('f6400fffffffffffff')
    expect(Buffer.from(keyToBytes(true)).toString('hex')).toBe('f501')
    const tuple = ['a\0', [new Uint8Array([0])], false]
    expect(Buffer.from(keyToBytes(tuple)).toString('hex')).toBe('fe016100ff00fef700ff0000f500')
  })

  test('numbers and bigints of one amount are one key', () => {
    expect(keyToBytes(5n)).toStrictEqual(keyToBytes(5))
    expect(keyToBytes(-0)).toStrictEqual(keyToBytes(0))
    expect(keyToBytes(2n ** 60n)).toStrictEqual(keyToBytes(2 ** 60))
    expect(bytesToKey(keyToBytes(2 ** 60))).toBe(2n ** 60n)
    expect(bytesToKey(keyToBytes(2 ** 63))).toBe(2 ** 63)
  })
})

describe('what is no key', () => {
  const deep = (depth: number): KeyInput => (depth === 0 ? 1 : [deep(depth - 1)])
  const circular: KeyInput[] = []
  circular.push(circular)

  test.each<[string, unknown]>([
    ['empty text', ''],
    ['empty bytes', new Uint8Array(0)],
    ['an empty tuple', []],
    ['NaN', Number.NaN],
    ['an integer of 65 bits', 2n ** 63n],
    ['an invalid Date', new Date(Number.NaN)],
    ['null', null],
    ['undefined', undefined],
    ['a map', { a: 1 }],
    ['a Float', float(1)],
    ['null in a tuple', ['a', null]],
    ['a hole in a tuple', Array.from({ length: 1 })],
    ['text that is too long', 'x'.repeat(keyBytesMax + 1)],
    ['text that is too long in UTF-8', 'é'.repeat(keyBytesMax / 2 + 1)],
    ['bytes that are too long', new Uint8Array(keyBytesMax)],
    ['a tuple that is too long', ['x'.repeat(keyBytesMax - 10), 'x'.repeat(10)]],
    ['a tuple that is too deep', deep(keyDepthMax + 1)],
    ['a tuple that contains itself', circular],
  ])('%s', (_name, key) => {
    expect(() => keyToBytes(key as KeyInput)).toThrow(invalid)
    expect(() => keyToLatin1(key as KeyInput)).toThrow(invalid)
  })

  test('the longest and deepest keys are kept', () => {
    for (const key of ['x'.repeat(keyBytesMax), 'é'.repeat(keyBytesMax / 2), deep(keyDepthMax)]) {
      expect(bytesToKey(keyToBytes(key))).toStrictEqual(key)
    }
  })

  test('a refused key leaves nothing behind for the next', () => {
    expect(() => keyToBytes(['abc', Number.NaN])).toThrow(invalid)
    expect([...keyToBytes(true)]).toEqual([0xf5, 1])
  })

  test('any bytes are a key in its one form, or a DecodeError', () => {
    const byte = fc.oneof(
      fc.constantFrom(0, 1, 0xf5, 0xf6, 0xf7, 0xf8, 0xfe, 0xff, 0x61),
      fc.integer({ min: 0, max: 255 }),
    )
    const random = fc.array(byte, { maxLength: 16 }).map((list) => new Uint8Array(list))
    const damaged = fc.tuple(anyKey, fc.nat(), byte).map(([key, at, value]) => {
      const bytes = keyToBytes(key)
      bytes[at % bytes.length] = value
      return bytes
    })
    const property = fc.property(fc.oneof(random, damaged), (bytes) => {
      const key = outcomeOf(() => bytesToKey(bytes))
      expect(key === undefined ? bytes : keyToBytes(key)).toStrictEqual(bytes)
    })
    fc.assert(property, { seed, numRuns: 5000 })
  })

  test.each([
    ['minus zero', 'f67fffffffffffffff'],
    ['NaN', 'f6fff8000000000000'],
    ['an integer far from its double', 'f6c34000000000000000ff'],
    ['an element that no key has', 'fef907e80000010100'],
    ['a tuple with an end', 'fe0161000000'],
    ['no bytes', ''],
  ])('%s is refused', (_name, text) => {
    expect(() => bytesToKey(Buffer.from(text, 'hex'))).toThrow(DecodeError)
  })

  test('nesting without end is refused, not followed', () => {
    expect(() => bytesToKey(new Uint8Array(50_000).fill(0xfe))).toThrow(DecodeError)
  })
})

describe('index keys', () => {
  function order(a: string | undefined, b: string | undefined): number {
    if (a === undefined || b === undefined) throw new Error('a scalar has an index key')
    return a < b ? -1 : a > b ? 1 : 0
  }

  test('their order is the order of values', () => {
    const property = fc.property(anyScalar, anyScalar, (a, b) => {
      const expected = Math.sign(compareValues(a, b))
      expect(order(valueToIndexKey(a), valueToIndexKey(b))).toBe(expected)
    })
    fc.assert(property, { seed, numRuns: 4000 })
  })

  test('several values are ordered by the first that differs', () => {
    const property = fc.property(anyScalar, anyScalar, anyScalar, (a, b, c) => {
      const expected = Math.sign(compareValues([a, b], [c, b]) || compareValues([b, a], [b, c]))
      expect(order(valuesToIndexKey([a, b]), valuesToIndexKey([c, b]))).toBe(expected)
      expect(order(valuesToIndexKey([b, a]), valuesToIndexKey([b, c]))).toBe(expected)
    })
    fc.assert(property, { seed, numRuns: 1500 })
  })

  test('what differs late or in length only is told apart', () => {
    const month = [Duration.from('PT2629746S'), Duration.from('P1M')]
    expect(order(valueToIndexKey(month[0] ?? null), valueToIndexKey(month[1] ?? null))).toBe(-1)
    const [short, long] = [new Uint8Array([1]), new Uint8Array([1, 0])]
    expect(order(valuesToIndexKey([short, true]), valuesToIndexKey([long, '']))).toBe(-1)
    expect(order(valuesToIndexKey(['a', true]), valuesToIndexKey(['a\0', '']))).toBe(-1)
  })

  test('values that compare as equal share a key', () => {
    expect(valueToIndexKey(1)).toBe(valueToIndexKey(float(1)))
    expect(valueToIndexKey(0)).toBe(valueToIndexKey(-0))
    expect(valueToIndexKey(new Date(1))).toBe(valueToIndexKey(Instant.from(1000n)))
    expect(valueToIndexKey('')).toBe('')
  })

  test('what is no scalar has no key', () => {
    for (const value of [null, [], {}, new Float32Array(1), [1], { a: 1 }]) {
      expect(valueToIndexKey(value)).toBeUndefined()
      expect(valuesToIndexKey(['a', value])).toBeUndefined()
    }
  })
})
