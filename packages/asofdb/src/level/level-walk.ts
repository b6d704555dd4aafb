import { Buffer } from 'node:buffer'
import type { KeyRange } from '../keys/key-range.ts'
import { keyToBytes, type LevelData } from './level-bytes.ts'

/** A range as abstract-level gives it to its private methods: keys encoded, limit -1 for none. */
export interface LevelRange {
  readonly gt?: LevelData | undefined
  readonly gte?: LevelData | undefined
  readonly lt?: LevelData | undefined
  readonly lte?: LevelData | undefined
  readonly reverse: boolean
  readonly limit: number
}

/** Level has no keys but bytes; others that a keyspace may hold are none of its business. */
const allBytes = new Uint8Array(0)

/** The same range for the database: of two lower or upper bounds the including one counts. */
export function toKeyRange({ gt, gte, lt, lte, reverse, limit }: LevelRange): KeyRange {
  return {
    prefix: allBytes,
    gte: gte === undefined ? undefined : keyToBytes(gte),
    gt: gt === undefined || gte !== undefined ? undefined : keyToBytes(gt),
    lte: lte === undefined ? undefined : keyToBytes(lte),
    lt: lt === undefined || lte !== undefined ? undefined : keyToBytes(lt),
    reverse,
    limit: limit < 0 ? Infinity : limit,
  }
}

/** A way over a range from one entry to the next, which can be sent elsewhere within its bounds. */
export class LevelWalk<T> {
  readonly #list: (range: KeyRange) => Iterable<T>
  readonly #range: KeyRange
  #entries: Iterator<T>

  /** `list` gives what a range holds, in its order. The limit is not looked at. */
  constructor(list: (range: KeyRange) => Iterable<T>, range: LevelRange) {
    this.#list = list
    this.#range = toKeyRange({ ...range, limit: -1 })
    this.#entries = list(this.#range)[Symbol.iterator]()
  }

  /** The next one; undefined at the end. */
  next(): T | undefined {
    const { done, value } = this.#entries.next()
    return done === true ? undefined : value
  }

  /** Makes the entry at `target`, or else the one after it in its direction, the next one. */
  seek(target: LevelData): void {
    const key = keyToBytes(target)
    const range = this.#range
    const rest =
      range.reverse === true
        ? { ...range, lt: undefined, lte: key }
        : { ...range, gt: undefined, gte: key }
    const entries = this.#isWithin(key) ? this.#list(rest) : []
    this.#entries = entries[Symbol.iterator]()
  }

  #isWithin(key: Uint8Array): boolean {
    const { gt, gte, lt, lte } = this.#range
    const order = (bound: unknown): number =>
      bound instanceof Uint8Array ? Buffer.compare(key, bound) : 0
    return (
      (gte === undefined || order(gte) >= 0) &&
      (gt === undefined || order(gt) > 0) &&
      (lte === undefined || order(lte) <= 0) &&
      (lt === undefined || order(lt) < 0)
    )
  }
}
