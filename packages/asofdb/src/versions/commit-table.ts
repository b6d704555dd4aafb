import { invariant } from '../rules/invariant.ts'
import { ByteArena } from './byte-arena.ts'
import { timeFromHalves, timeHigh, timeLow } from '../encoding/instant.ts'
import { WordColumn } from './word-column.ts'

/** How many version rows of each kind exist as of a commit: what a snapshot consists of. */
export interface RowCounts {
  readonly node: number
  readonly edge: number
  readonly key: number
}

const highSystem = 0
const lowSystem = 1
const nodeRows = 2
const edgeRows = 3
const keyRows = 4
const metaReference = 5

const beforeAll = -(2n ** 63n)

/**
 * One row a commit, sequence 1 first: its system time, the row counts after it and a reference to
 * its metadata. System times strictly increase, so both "as of sequence" and "as of system time"
 * are a binary search away from a set of row counts.
 */
export class CommitTable {
  readonly rows = new WordColumn(6)
  readonly arena = new ByteArena()

  /** The newest system time and its sequence: asked for again and again, made of words once. */
  #last = { sequence: 0, systemTime: beforeAll }

  /** The newest sequence; 0 before the first commit. */
  get sequence(): number {
    return this.rows.count
  }

  /** System time of the newest commit, microseconds; the smallest integer before any. */
  get lastSystemTime(): bigint {
    const { sequence } = this
    if (this.#last.sequence !== sequence) {
      const systemTime = sequence === 0 ? beforeAll : this.systemTime(sequence)
      this.#last = { sequence, systemTime }
    }
    return this.#last.systemTime
  }

  append(systemTime: bigint, counts: RowCounts, meta: number): void {
    const last = this.sequence
    invariant(systemTime > this.lastSystemTime, 'system times strictly increase')
    const before = this.counts(last)
    const keepsRows =
      counts.node >= before.node && counts.edge >= before.edge && counts.key >= before.key
    invariant(keepsRows, 'a commit takes no version rows away')
    invariant(meta >= 0 && meta < 2 ** 32, 'a metadata reference has 32 bits')
    const row = this.rows.extend()
    this.rows.set(row, highSystem, timeHigh(systemTime))
    this.rows.set(row, lowSystem, timeLow(systemTime))
    this.rows.set(row, nodeRows, counts.node)
    this.rows.set(row, edgeRows, counts.edge)
    this.rows.set(row, keyRows, counts.key)
    this.rows.set(row, metaReference, meta)
    invariant(BigInt.asIntN(64, systemTime) === systemTime, 'a system time fits in 64 bits')
    this.#last = { sequence: this.sequence, systemTime }
  }

  /** Microseconds since 1970. */
  systemTime(sequence: number): bigint {
    const row = sequence - 1
    return timeFromHalves(this.rows.word(row, highSystem), this.rows.word(row, lowSystem))
  }

  counts(sequence: number): RowCounts {
    if (sequence === 0) return { node: 0, edge: 0, key: 0 }
    invariant(sequence > 0 && sequence <= this.sequence, 'a snapshot is of a commit that exists')
    const row = sequence - 1
    return {
      node: this.rows.word(row, nodeRows) >>> 0,
      edge: this.rows.word(row, edgeRows) >>> 0,
      key: this.rows.word(row, keyRows) >>> 0,
    }
  }

  metaOf(sequence: number): number {
    return this.rows.word(sequence - 1, metaReference) >>> 0
  }

  /** The newest sequence up to `limit` whose system time is at or before `micros`; 0 if none. */
  sequenceAt(micros: bigint, limit: number): number {
    invariant(limit >= 0 && limit <= this.sequence, 'a search ends at a commit that exists')
    return this.#lastWhere(limit, (sequence) => this.systemTime(sequence) <= micros)
  }

  /** The sequence of the commit that appended a version row. */
  sequenceOfRow(kind: keyof RowCounts, row: number): number {
    const word = kind === 'node' ? nodeRows : kind === 'edge' ? edgeRows : keyRows
    const before = this.#lastWhere(
      this.sequence,
      (sequence) => this.rows.word(sequence - 1, word) >>> 0 <= row,
    )
    invariant(row >= 0 && before < this.sequence, 'a version row belongs to a commit')
    return before + 1
  }

  /** The last sequence in 1 … limit for which a condition that then fails for good holds. */
  #lastWhere(limit: number, holds: (sequence: number) => boolean): number {
    let low = 0
    let high = limit
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (holds(middle)) low = middle
      else high = middle - 1
    }
    return low
  }
}
