/** The order of keys and what a prefix is, said again in the plainest way. */
import { Instant, type KeyInput } from 'asofdb'

/** Text, booleans, numbers, bytes, instants, tuples. */
function rankOf(key: KeyInput): number {
  if (typeof key === 'string') return 0
  if (typeof key === 'boolean') return 1
  if (typeof key === 'number' || typeof key === 'bigint') return 2
  if (key instanceof Uint8Array) return 3
  return Array.isArray(key) ? 5 : 4
}

export function compareKeys(left: KeyInput, right: KeyInput): number {
  const ranks = rankOf(left) - rankOf(right)
  if (ranks !== 0) return ranks
  if (typeof left === 'string' && typeof right === 'string') {
    return compareLists(codePoints(left), codePoints(right), (a, b) => a - b)
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return compareLists([...left], [...right], (a, b) => a - b)
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return compareLists<KeyInput>(left, right, compareKeys)
  }
  const [a, b] = [scalarOf(left), scalarOf(right)]
  return a < b ? -1 : a > b ? 1 : 0
}

function scalarOf(key: KeyInput): number | bigint {
  if (typeof key === 'number' || typeof key === 'bigint') return key
  if (typeof key === 'boolean') return key ? 1 : 0
  if (key instanceof Date || key instanceof Instant) return Instant.from(key).epochMicroseconds
  throw new Error('no scalar key')
}

/** By the first difference; what begins another comes before it. */
function compareLists<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (a: T, b: T) => number,
): number {
  for (const [index, one] of left.entries()) {
    const other = right[index]
    if (other === undefined) return 1
    const order = compare(one, other)
    if (order !== 0) return order
  }
  return left.length - right.length
}

const points = new Map<string, readonly number[]>()

function codePoints(text: string): readonly number[] {
  let found = points.get(text)
  if (found === undefined) {
    found = Array.from(text, (one) => one.codePointAt(0) ?? 0)
    points.set(text, found)
  }
  return found
}

export type KeyPrefix = string | Uint8Array | readonly KeyInput[]

export function hasPrefix(key: KeyInput, prefix: KeyPrefix): boolean {
  if (typeof prefix === 'string') {
    return typeof key === 'string' && startsWith(codePoints(key), codePoints(prefix), isSame)
  }
  if (prefix instanceof Uint8Array) {
    return key instanceof Uint8Array && startsWith([...key], [...prefix], isSame)
  }
  const isEqual = (a: KeyInput, b: KeyInput) => compareKeys(a, b) === 0
  return Array.isArray(key) && startsWith<KeyInput>(key, prefix, isEqual)
}

function startsWith<T>(
  list: readonly T[],
  start: readonly T[],
  isEqual: (a: T, b: T) => boolean,
): boolean {
  if (list.length < start.length) return false
  return start.every((one, index) => list.slice(index, index + 1).every((at) => isEqual(at, one)))
}

function isSame(a: number, b: number): boolean {
  return a === b
}
