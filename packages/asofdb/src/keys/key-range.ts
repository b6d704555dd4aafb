import { keyToLatin1, type KeyInput } from '../encoding/ordered-key.ts'
import { DatabaseError } from '../rules/errors.ts'

/**
 * Which keys, in which direction, which of them. Bounds are places in the order of keys: beside
 * keys, the empty text, no bytes and the empty tuple stand for the place before all others of their
 * kind. Bounds that contradict each other leave nothing.
 */
export interface KeyRange {
  readonly gt?: KeyInput | undefined
  readonly gte?: KeyInput | undefined
  readonly lt?: KeyInput | undefined
  readonly lte?: KeyInput | undefined
  /**
   * Only text that begins so (by code points), bytes that begin so, or tuples whose first elements
   * are these. Empty: all text, all bytes, all tuples.
   */
  readonly prefix?: string | Uint8Array | readonly KeyInput[] | undefined
  /** From the last key to the first. Default: false. */
  readonly reverse?: boolean | undefined
  /** So many entries are passed over first. Default: 0. */
  readonly skip?: number | undefined
  /** At most so many entries are given; 0: none. Default: Infinity. */
  readonly limit?: number | undefined
}

/** Encoded keys from `from` on and before `to`, as latin1 strings; empty where they cross. */
export interface NameRange {
  readonly from: string
  readonly to: string
}

/** A range with everything in it checked. */
export interface CheckedRange extends NameRange {
  readonly isReverse: boolean
  readonly skip: number
  readonly limit: number
}

/** After every encoded key: none begins with this byte. */
const afterAllNames = '\u00ff'
const bytesTag = '\u00f7'
const tupleTag = '\u00fe'

const wholeRange: CheckedRange = {
  from: '',
  to: afterAllNames,
  isReverse: false,
  skip: 0,
  limit: Infinity,
}

/** Throws InvalidKey for bounds and prefixes, InvalidArgument for the rest. */
export function checkRange(range: KeyRange | undefined): CheckedRange {
  if (range === undefined) return wholeRange
  if (typeof range !== 'object' || range === null) {
    throw invalid(`a range is an object such as { gte: 'a', lt: 'b' }, not ${String(range)}`)
  }
  const { gt, gte, lt, lte, prefix, reverse, skip = 0, limit = Infinity } = range
  let { from, to }: NameRange = prefix === undefined ? wholeRange : prefixRange(prefix)
  if (gte !== undefined) from = later(from, boundName(gte))
  if (gt !== undefined) from = later(from, `${boundName(gt)}\0`)
  if (lt !== undefined) to = earlier(to, boundName(lt))
  if (lte !== undefined) to = earlier(to, `${boundName(lte)}\0`)
  if (reverse !== undefined && typeof reverse !== 'boolean') {
    throw invalid(`reverse is true or false, not ${String(reverse)}`)
  }
  checkCount('skip', skip)
  if (limit !== Infinity) checkCount('limit', limit)
  return { from, to, isReverse: reverse === true, skip, limit }
}

/** Refuses what is one key, or none, where a list of keys is asked for. */
export function checkKeys(keys: unknown): void {
  const isList = typeof keys === 'object' && keys !== null && Symbol.iterator in keys
  if (isList && !(keys instanceof Uint8Array)) return
  throw invalid(`a list of keys such as ['a', 'b'] is asked for, not ${String(keys)}`)
}

function checkCount(what: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return
  throw invalid(`${what} is a whole number from 0 on, not ${String(count)}`)
}

/** Where a bound lies; what is empty lies before all others of its kind. */
export function boundName(bound: KeyInput): string {
  if (bound === '') return ''
  if (bound instanceof Uint8Array && bound.length === 0) return bytesTag
  if (Array.isArray(bound) && bound.length === 0) return tupleTag
  return keyToLatin1(bound)
}

function prefixRange(prefix: unknown): NameRange {
  if (typeof prefix === 'string' || prefix instanceof Uint8Array) {
    const from = boundName(prefix)
    return { from, to: afterPrefix(from) }
  }
  if (Array.isArray(prefix)) {
    const from = boundName(prefix)
    return { from, to: `${from}${afterAllNames}` }
  }
  const what = prefix === null ? 'null' : typeof prefix
  throw new DatabaseError(
    'InvalidKey',
    `a prefix is text, bytes or a tuple, not ${what}; use gte and lt for other keys`,
  )
}

/** The first name that doesn't begin with `name`, after those that do. */
function afterPrefix(name: string): string {
  // Text begins with a byte below F5, which is the tag of what comes after all text.
  if (name === '') return '\u00f5'
  let end = name.length
  while (end > 1 && name.charCodeAt(end - 1) === 0xff) end--
  const last = name.charCodeAt(end - 1)
  return name.slice(0, end - 1) + String.fromCharCode(last + 1)
}

function later(a: string, b: string): string {
  return a > b ? a : b
}

function earlier(a: string, b: string): string {
  return a < b ? a : b
}

function invalid(problem: string): DatabaseError {
  return new DatabaseError('InvalidArgument', problem)
}
