import { invariant } from '../rules/invariant.ts'
import type { PeriodTable } from './periods.ts'
import type { VersionPoint } from './version-point.ts'

const fanout = 8

/** The rows of a table, as far as a history needs them. */
export interface HistoryRows {
  readonly periods: PeriodTable
  periodOf(row: number): number
  /** The row that preceded `row` for the same entity, or -1. */
  previous(row: number): number
}

/**
 * Finds the version that holds at (V, S) among very many versions of one entity.
 *
 * The entity's rows, oldest first, are the leaves of a tree of fan-out 8 (the logarithmic method
 * of Bentley and Saxe, as in log-structured merge trees): a block of level k covers 8^k
 * consecutive versions and holds, for every instant, the newest of them that covers it, as a
 * sorted list of boundaries. A prefix of the history is at most 7 blocks of each level; they are
 * asked from the newest on, each by binary search, until one answers. O(log² n) a question,
 * O(log n) amortised a version, O(n log n) words of memory. It is a cache: dropping it loses
 * nothing.
 */
export class HistoryIndex {
  readonly #table: HistoryRows
  #rows: number[] = []
  /** levels[k][i] covers versions [i * 8^(k+1), (i + 1) * 8^(k+1)). */
  readonly #levels: Block[][] = []

  constructor(table: HistoryRows) {
    this.#table = table
  }

  /** The newest row taken in, or -1. */
  get newest(): number {
    return this.#rows[this.#rows.length - 1] ?? -1
  }

  /** Takes in the versions up to `head`, the entity's newest row. */
  follow(head: number): void {
    const known = this.newest
    if (head === known) return
    invariant(head > known, 'the newest row of an entity only moves on')
    const added: number[] = []
    let row = head
    while (row > known) {
      added.push(row)
      row = this.#table.previous(row)
    }
    invariant(row === known, 'the rows of an entity form one chain')
    invariant(added[0] === head, 'what is added ends with the newest row')
    for (let index = added.length - 1; index >= 0; index--) this.#add(added[index] as number)
  }

  /** The newest row below `rows`, or -1. */
  newestBelow(rows: number): number {
    const count = this.#countBelow(rows)
    return count === 0 ? -1 : (this.#rows[count - 1] as number)
  }

  /** The newest row below `point.rows` whose period covers the instant, or -1. */
  covering(point: VersionPoint): number {
    const { periods } = this.#table
    let end = this.#countBelow(point.rows)
    while (end > 0) {
      let level = -1
      let size = 1
      while (end % (size * fanout) === 0 && level + 1 < this.#levels.length) {
        size *= fanout
        level++
      }
      if (level < 0) {
        const row = this.#rows[end - 1] as number
        if (periods.covers(this.#table.periodOf(row), point.high, point.low)) return row
      } else {
        const block = this.#levels[level]?.[end / size - 1]
        invariant(block !== undefined, 'every full block of a history exists')
        const row = block.rowAt(point.high, point.low)
        if (row >= 0) return row
      }
      end -= size
    }
    return -1
  }

  #countBelow(rows: number): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#rows[middle] as number) < rows) low = middle + 1
      else high = middle
    }
    return low
  }

  #add(row: number): void {
    this.#rows.push(row)
    const count = this.#rows.length
    let size = fanout
    for (let level = 0; count % size === 0; level++, size *= fanout) {
      const blocks = (this.#levels[level] ??= [])
      const parts: Block[] = []
      for (let child = 0; child < fanout; child++) {
        const below = this.#levels[level - 1]
        const index = count / (size / fanout) - fanout + child
        const part =
          below === undefined ? Block.ofRow(this.#table, this.#rows[index] as number) : below[index]
        if (part !== undefined) parts.push(part)
      }
      invariant(parts.length === fanout, 'a block is made of full blocks')
      blocks.push(parts.reduce((older, newer) => Block.merge(older, newer)))
    }
  }
}

/** Sorted boundaries; from boundary i to the next, `rows[i]` answers (-1: no version of here). */
class Block {
  readonly #highs: Int32Array
  readonly #lows: Uint32Array
  readonly #rows: Int32Array

  private constructor(highs: Int32Array, lows: Uint32Array, rows: Int32Array) {
    this.#highs = highs
    this.#lows = lows
    this.#rows = rows
  }

  static ofRow(table: HistoryRows, row: number): Block {
    const column = table.periods.column
    const period = table.periodOf(row)
    const highs = Int32Array.of(column.word(period, 0), column.word(period, 2))
    const lows = Uint32Array.of(column.word(period, 1), column.word(period, 3))
    invariant(row >= 0, 'a block is made of rows that exist')
    return new Block(highs, lows, Int32Array.of(row, -1))
  }

  /** What holds of either, the newer one first. */
  static merge(older: Block, newer: Block): Block {
    const capacity = older.#rows.length + newer.#rows.length
    const highs = new Int32Array(capacity)
    const lows = new Uint32Array(capacity)
    const rows = new Int32Array(capacity)
    let count = 0
    let olderNext = 0
    let newerNext = 0
    while (olderNext < older.#rows.length || newerNext < newer.#rows.length) {
      const order = compareHeads({ block: older, at: olderNext }, { block: newer, at: newerNext })
      const source = order <= 0 ? older : newer
      const at = order <= 0 ? olderNext : newerNext
      if (order <= 0) olderNext++
      if (order >= 0) newerNext++
      const fromNewer = newerNext > 0 ? (newer.#rows[newerNext - 1] as number) : -1
      const fromOlder = olderNext > 0 ? (older.#rows[olderNext - 1] as number) : -1
      const row = fromNewer >= 0 ? fromNewer : fromOlder
      if (count > 0 ? rows[count - 1] === row : row < 0) continue
      highs[count] = source.#highs[at] as number
      lows[count] = source.#lows[at] as number
      rows[count++] = row
    }
    invariant(count > 0 && rows[count - 1] === -1, 'beyond its last boundary a block says nothing')
    return new Block(highs.slice(0, count), lows.slice(0, count), rows.slice(0, count))
  }

  rowAt(high: number, low: number): number {
    const unsignedLow = low >>> 0
    let start = 0
    let end = this.#rows.length
    while (start < end) {
      const middle = (start + end) >>> 1
      const boundary = this.#highs[middle] as number
      const isBefore =
        boundary < high || (boundary === high && (this.#lows[middle] as number) <= unsignedLow)
      if (isBefore) start = middle + 1
      else end = middle
    }
    return start === 0 ? -1 : (this.#rows[start - 1] as number)
  }

  boundaryHigh(at: number): number | undefined {
    return this.#highs[at]
  }

  boundaryLow(at: number): number {
    return this.#lows[at] as number
  }
}

interface Cursor {
  readonly block: Block
  readonly at: number
}

/** Negative when the next boundary of `a` comes first; an exhausted block comes last. */
function compareHeads(a: Cursor, b: Cursor): number {
  const aHigh = a.block.boundaryHigh(a.at)
  const bHigh = b.block.boundaryHigh(b.at)
  if (aHigh === undefined) return 1
  if (bHigh === undefined) return -1
  return aHigh - bHigh || a.block.boundaryLow(a.at) - b.block.boundaryLow(b.at)
}
