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

/**
 * One row a commit, sequence 1 first: its system time, the row counts after it and a reference to
 * its metadata. System times strictly increase, so both "as of sequence" and "as of system time"
 * are a binary search away from a set of row counts.
 */
export class CommitTable {
  readonly rows = new WordColumn(6)
  readonly arena = new ByteArena()

  /** The newest sequence; 0 before the first commit. */
  get sequence(): number {
    return this.rows.count
  }

  append(systemTime: bigint, counts: RowCounts, meta: number): void {
    const last = this.sequence
    invariant(last === 0 || systemTime > this.systemTime(last), 'system times strictly increase')
    const row = this.rows.extend()
    this.rows.set(row, highSystem, timeHigh(systemTime))
    this.rows.set(row, lowSystem, timeLow(systemTime))
    this.rows.set(row, nodeRows, counts.node)
    this.rows.set(row, edgeRows, counts.edge)
    this.rows.set(row, keyRows, counts.key)
    this.rows.set(row, metaReference, meta)
  }

  /** Microseconds since 1970. */
  systemTime(sequence: number): bigint {
    const row = sequence - 1
    return timeFromHalves(this.rows.word(row, highSystem), this.rows.word(row, lowSystem))
  }

  counts(sequence: number): RowCounts {
    if (sequence === 0) return { node: 0, edge: 0, key: 0 }
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
    return this.#lastWhere(limit, (sequence) => this.systemTime(sequence) <= micros)
  }

  /** The sequence of the commit that appended a version row. */
  sequenceOfRow(kind: keyof RowCounts, row: number): number {
    const word = kind === 'node' ? nodeRows : kind === 'edge' ? edgeRows : keyRows
    return this.#lastWhere(this.sequence, (seq) => this.rows.word(seq - 1, word) >>> 0 <= row) + 1
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
