import type { PeriodTable } from './periods.ts'
import type { VersionPoint } from './version-point.ts'
import { WordColumn, wordColumnChunkMask } from './word-column.ts'

/** Entities with more versions than this are searched through a `HistoryIndex`. */
export const shortHistoryMax = 24

const countBits = 5
const countMask = (1 << countBits) - 1
/** In place of a count: the entity has more versions than a block takes. */
const isLong = countMask
const recordWordsBits = 2
const poolChunkBits = 18
const poolChunkWords = 1 << poolChunkBits
const recordsPerChunkBits = poolChunkBits - recordWordsBits
const recordsPerChunk = 1 << recordsPerChunkBits
const recordWords = 1 << recordWordsBits
/** As many as the bits of a place beside the count can name. */
const recordsMax = 2 ** (32 - countBits)
const chunkMask = wordColumnChunkMask

const payloadWord = 1
const highWord = 2
const lowWord = 3

/** Words of a place: the number of the first record and, in the low bits, how many; 0: no block. */
const blockWord = 0
/** A block holds all versions of its entity among so many rows of the table. */
const rowsWord = 1

/** The rows of a table, as far as a history needs them. */
export interface HistoryRows {
  readonly count: number
  readonly periods: PeriodTable
  periodOf(row: number): number
  /** The payload reference; 0 when the row states absence. */
  payloadOf(row: number): number
  /** The row that preceded `row` for the same entity, or -1. */
  previous(row: number): number
}

/**
 * The versions of entities with a few of them side by side, so that reading the past takes one
 * trip to memory instead of one a version: the rows of an entity lie far apart.
 *
 * A block is made when the past of an entity is first asked for, so who only reads the present
 * pays nothing. Records, oldest first, are four words: row, payload, and the start of an endless
 * period in two words; of a period that ends, row has its bits inverted and the period's number
 * takes the third word. A block says how many rows of the table there were when it was last found
 * to be complete, so that reading any state up to then looks at nothing else. Beyond that it is
 * good as long as it ends with the newest row of its entity; an outgrown one is made anew. It is a
 * cache: dropping it loses nothing.
 */
export class ShortHistories {
  readonly #table: HistoryRows
  readonly #places = new WordColumn(2)
  readonly #pool: Int32Array[] = []
  /** First records of blocks given up, by their count of records. */
  readonly #free: number[][] = []
  #end = 0

  constructor(table: HistoryRows) {
    this.#table = table
  }

  get byteLength(): number {
    let bytes = this.#places.byteLength
    for (const chunk of this.#pool) bytes += chunk.byteLength
    return bytes
  }

  /**
   * The payload of the newest version of an entity that is known at the point and covers it, where
   * the newest of all, in row `head`, is known not to be that: as the word that tables hold, 0 for
   * none and for absence, undefined when the entity has too many.
   */
  earlierPayloadAt(entity: number, head: number, point: VersionPoint): number | undefined {
    let block = this.#blockOf(entity)
    if (!this.#endsWith(block, head)) block = this.#make(entity, head)
    const count = block & countMask
    if (count === isLong) return undefined
    if (count === 0) return 0
    this.#places.set(entity, rowsWord, this.#table.count)
    return this.#search(block, point)
  }

  /** As `earlierPayloadAt`, of any version, where the block at hand is known to hold them all. */
  payloadAt(entity: number, point: VersionPoint): number | undefined {
    const places = this.#places
    if (entity >= places.count) return undefined
    const chunk = places.chunkOf(entity)
    const at = (entity & chunkMask) * 2
    const block = chunk[at + blockWord] as number
    const count = block & countMask
    if (count === 0 || count === isLong) return undefined
    return (chunk[at + rowsWord] as number) < point.rows ? undefined : this.#search(block, point)
  }

  /** Drops the block of an entity. */
  forget(entity: number): void {
    const old = this.#blockOf(entity)
    if (old === 0) return
    this.#places.set(entity, blockWord, 0)
    if ((old & countMask) === isLong) return
    ;(this.#free[old & countMask] ??= []).push(old >>> countBits)
  }

  #search(place: number, point: VersionPoint): number {
    const count = place & countMask
    const words = this.#pool[place >>> (countBits + recordsPerChunkBits)] as Int32Array
    const first = ((place >>> countBits) << recordWordsBits) & (poolChunkWords - 1)
    const { rows, high, low } = point
    for (let at = first + ((count - 1) << recordWordsBits); at >= first; at -= recordWords) {
      const row = words[at] as number
      if (row < 0) {
        if (~row >= rows) continue
        const period = words[at + highWord] as number
        if (!this.#table.periods.covers(period, high, low)) continue
      } else {
        if (row >= rows) continue
        const from = words[at + highWord] as number
        if (from > high) continue
        if (from === high && (words[at + lowWord] as number) >>> 0 > low >>> 0) continue
      }
      return words[at + payloadWord] as number
    }
    return 0
  }

  /** Whether a place is that of a block whose last record is of this row, or needs no block. */
  #endsWith(place: number, head: number): boolean {
    const count = place & countMask
    if (count === 0 || count === isLong) return count === isLong
    const last = (place >>> countBits) + count - 1
    const words = this.#pool[last >>> recordsPerChunkBits] as Int32Array
    const row = words[(last << recordWordsBits) & (poolChunkWords - 1)] as number
    return row === head || ~row === head
  }

  #blockOf(entity: number): number {
    return entity < this.#places.count ? this.#places.word(entity, blockWord) : 0
  }

  /** Makes the block of an entity of several versions, in place of one that has fallen behind. */
  #make(entity: number, head: number): number {
    if (this.#table.previous(head) < 0) return 0
    const old = this.#blockOf(entity)
    if (old !== 0) (this.#free[old & countMask] ??= []).push(old >>> countBits)
    const rows: number[] = []
    for (let row = head; row >= 0 && rows.length <= shortHistoryMax; ) {
      rows.push(row)
      row = this.#table.previous(row)
    }
    const first = rows.length > shortHistoryMax ? -1 : this.#allocate(rows.length)
    const place = first < 0 ? isLong : (first << countBits) | rows.length
    this.#places.extendTo(entity + 1)
    this.#places.set(entity, blockWord, place)
    if (first < 0) return place
    rows.reverse()
    for (const [index, row] of rows.entries()) this.#write(first + index, row)
    return place
  }

  /** Room for so many records in one chunk; -1 when there is none left. */
  #allocate(count: number): number {
    const reused = this.#free[count]?.pop()
    if (reused !== undefined) return reused
    const left = recordsPerChunk - (this.#end & (recordsPerChunk - 1))
    if (count > left) this.#end += left
    const first = this.#end
    if (first + count > recordsMax) return -1
    const index = first >>> recordsPerChunkBits
    const words = ((first & (recordsPerChunk - 1)) + count) << recordWordsBits
    const old = this.#pool[index]
    if (old === undefined || old.length < words) {
      const firstWords = index > 0 ? poolChunkWords : 1024
      const larger = new Int32Array(old === undefined ? firstWords : old.length * 2)
      if (old !== undefined) larger.set(old)
      this.#pool[index] = larger
    }
    this.#end += count
    return first
  }

  #write(record: number, row: number): void {
    const words = this.#pool[record >>> recordsPerChunkBits] as Int32Array
    const at = (record << recordWordsBits) & (poolChunkWords - 1)
    const { periods } = this.#table
    const period = this.#table.periodOf(row)
    const isEndless = periods.isEndless(period)
    words[at] = isEndless ? row : ~row
    words[at + payloadWord] = this.#table.payloadOf(row)
    words[at + highWord] = isEndless ? periods.column.word(period, 0) : period
    words[at + lowWord] = isEndless ? periods.column.word(period, 1) : 0
  }
}
