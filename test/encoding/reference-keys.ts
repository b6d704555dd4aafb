/**
 * Keys and their order as docs/keys.md tells them, in the plainest words: what the encodings of the
 * engine are held against.
 */
import fc from 'fast-check'
import { Instant, type KeyInput } from '../../packages/asofdb/src/index.ts'

export type Tuple = readonly KeyInput[]

export function isTuple(key: unknown): key is Tuple {
  return Array.isArray(key)
}

/** What a key is when it comes back. */
export function storedKey(key: KeyInput): KeyInput {
  if (key instanceof Date) return Instant.from(key)
  if (typeof key === 'bigint') return Number.isSafeInteger(Number(key)) ? Number(key) : key
  if (typeof key === 'number') {
    const isWide = Number.isInteger(key) && key >= -(2 ** 63) && key < 2 ** 63
    return isWide && !Number.isSafeInteger(key) ? BigInt(key) : key + 0
  }
  return isTuple(key) ? key.map(storedKey) : key
}

/** Text, booleans, numbers, bytes, instants, tuples: in this order. */
function rank(key: KeyInput): number {
  if (typeof key === 'string') return 0
  if (typeof key === 'boolean') return 1
  if (typeof key === 'number' || typeof key === 'bigint') return 2
  if (key instanceof Uint8Array) return 3
  return isTuple(key) ? 5 : 4
}

/** Negative, zero or positive, as `a` comes before, with or after `b`. */
export function compareReferenceKeys(a: KeyInput, b: KeyInput): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a === 'string' && typeof b === 'string') {
    return compareLists(codePoints(a), codePoints(b), (left, right) => left - right)
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return compareLists([...a], [...b], (left, right) => left - right)
  }
  if (isTuple(a) && isTuple(b)) return compareLists(a, b, compareReferenceKeys)
  const [left, right] = [amountOf(a), amountOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** What booleans, numbers and instants are compared by: `<` is exact between number and bigint. */
function amountOf(key: KeyInput): number | bigint {
  if (typeof key === 'boolean') return key ? 1 : 0
  if (typeof key === 'number' || typeof key === 'bigint') return key
  if (key instanceof Date) return BigInt(key.getTime()) * 1_000_000n
  if (key instanceof Instant) return key.epochNanoseconds
  throw new Error('a key of one amount')
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0)
}

function compareLists<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (left: T, right: T) => number,
): number {
  for (const [index, left] of a.entries()) {
    const right = b[index]
    if (right === undefined) return 1
    const order = compare(left, right)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Whether a key is one of those that a prefix asks for. */
export function hasReferencePrefix(key: KeyInput, prefix: string | Uint8Array | Tuple): boolean {
  const isSame = (parts: readonly KeyInput[], others: readonly KeyInput[]): boolean =>
    others.every((other, index) => {
      const part = parts[index]
      return part !== undefined && compareReferenceKeys(part, other) === 0
    })
  if (typeof prefix === 'string') {
    return typeof key === 'string' && isSame(codePoints(key), codePoints(prefix))
  }
  if (prefix instanceof Uint8Array) {
    return key instanceof Uint8Array && isSame([...key], [...prefix])
  }
  return isTuple(key) && isSame(key, prefix)
}

const texts = [
  'a',
  'ab',
  'b',
  'a\0',
  'a\0b',
  'é',
  '😀',
  '😀a',
  '\ud83d',
  '\ud83e',
  '\uffff',
  '\u{10ffff}',
]
const bytes = [[0], [0, 0], [0, 255], [1], [255], [255, 255], [255, 0], [97]]
const numbers = [
  0,
  -1,
  1,
  1.5,
  -1.5,
  2 ** 31,
  5e-324,
  -5e-324,
  Infinity,
  -Infinity,
  2 ** 53,
  2 ** 60,
  -(2 ** 63),
  2 ** 63,
]
const bigints = [0n, 7n, 2n ** 53n + 1n, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n]
const instants = [0n, 1n, -1n, 1_700_000_000_000_000n, 1_700_000_000_000_001n]

const anyAtom: fc.Arbitrary<KeyInput> = fc.oneof(
  { arbitrary: fc.constantFrom(...texts), weight: 4 },
  { arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }), weight: 1 },
  { arbitrary: fc.constantFrom(...numbers), weight: 2 },
  { arbitrary: fc.integer({ min: 0, max: 9 }), weight: 2 },
  { arbitrary: fc.constantFrom(...bigints), weight: 1 },
  { arbitrary: fc.boolean(), weight: 1 },
  { arbitrary: fc.constantFrom(...bytes).map((list) => new Uint8Array(list)), weight: 2 },
  { arbitrary: fc.constantFrom(...instants).map((micros) => Instant.from(micros)), weight: 1 },
  { arbitrary: fc.constantFrom(0, 1000).map((ms) => new Date(ms)), weight: 1 },
)

/** Keys of all types from small pools, so that random ones meet, and lie beside each other. */
export const anyCloseKey: fc.Arbitrary<KeyInput> = fc.letrec<{ key: KeyInput; tuple: KeyInput[] }>(
  (tie) => ({
    key: fc.oneof(
      { depthSize: 'small', maxDepth: 2 },
      { arbitrary: anyAtom, weight: 3 },
      { arbitrary: tie('tuple'), weight: 1 },
    ),
    tuple: fc.array(fc.oneof(tie('key'), fc.constantFrom<KeyInput>('', new Uint8Array(0))), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
).key

export const anyPrefix: fc.Arbitrary<string | Uint8Array | KeyInput[]> = fc.oneof(
  fc.constantFrom('', 'a', 'a\0', '😀', '\ud83d', '\uffff', '\u{10ffff}'),
  fc.constantFrom([], [0], [255], [255, 255]).map((list) => new Uint8Array(list)),
  fc.array(anyCloseKey, { maxLength: 2 }),
)
