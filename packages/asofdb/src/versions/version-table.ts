import { ByteArena, absentReference } from './byte-arena.ts'
import { HistoryIndex } from './history-index.ts'
import { PeriodTable } from './periods.ts'
import { WordColumn } from './word-column.ts'

/** A point on both axes as one table sees it: a row count and an instant in two words. */
export interface VersionPoint {
  /** System time: rows from this one on are not known yet. */
  readonly rows: number
  /** Valid time, as `highWord` and `lowWord` give it. */
  readonly high: number
  readonly low: number
}

const entityWord = 0
const previousWord = 1
const periodWord = 2
const payloadWord = 3

/** Chains longer than this are searched through a `HistoryIndex`. */
const chainStepsMax = 24

/**
 * The versions of one kind of entity: the truth, append-only, in commit order.
 *
 * Row: entity ordinal, previous row of the same entity plus one (0: none), period, payload
 * reference (0: absent). "As known at sequence S" is a row count, so a snapshot copies nothing.
 * The heads (newest row of each entity) are derived; a reader of an older state skips the rows
 * beyond its count along the chain.
 */
export class VersionTable {
  readonly rows = new WordColumn(4)
  readonly periods = new PeriodTable()
  readonly arena = new ByteArena()
  readonly #heads = new WordColumn(1)
  readonly #histories = new Map<number, HistoryIndex>()

  get count(): number {
    return this.rows.count
  }

  /** Entities that have, or once were given, an ordinal: 0 … entityCount-1. */
  get entityCount(): number {
    return this.#heads.count
  }

  /** Bytes of memory held by heads and rows, payloads apart. */
  get byteLength(): number {
    return this.rows.byteLength + this.#heads.byteLength + this.periods.column.byteLength
  }

  append(entity: number, period: number, payload: number): number {
    const row = this.rows.extend()
    this.rows.set(row, entityWord, entity)
    this.rows.set(row, periodWord, period)
    this.rows.set(row, payloadWord, payload)
    this.rows.set(row, previousWord, this.#link(entity, row))
    return row
  }

  /** Derives the heads of rows [from, count) that a checkpoint brought back. */
  linkHeads(from: number): void {
    const end = this.rows.count
    let entities = this.#heads.count
    for (let row = from; row < end; row++) {
      const entity = this.rows.word(row, entityWord)
      if (entity >= entities) {
        entities = Math.max(entity + 1, Math.min(entities * 2, end))
        this.#heads.extendTo(entities)
      }
      this.#heads.set(entity, 0, row + 1)
    }
    while (entities > 0 && this.#heads.word(entities - 1, 0) === 0) entities--
    this.#heads.shrinkTo(entities)
  }

  /** The newest row of an entity, or -1. */
  head(entity: number): number {
    return entity < this.#heads.count ? this.#heads.word(entity, 0) - 1 : -1
  }

  entityOf(row: number): number {
    return this.rows.word(row, entityWord)
  }

  /** The row that preceded `row` for the same entity, or -1. */
  previous(row: number): number {
    return this.rows.word(row, previousWord) - 1
  }

  periodOf(row: number): number {
    return this.rows.word(row, periodWord)
  }

  /** The payload reference, unsigned; 0 when the row states absence. */
  payloadOf(row: number): number {
    return this.rows.word(row, payloadWord) >>> 0
  }

  from(row: number): bigint {
    return this.periods.from(this.periodOf(row))
  }

  to(row: number): bigint {
    return this.periods.to(this.periodOf(row))
  }

  /** The newest row within the first `rows` of an entity, or -1. */
  newestWithin(entity: number, rows: number): number {
    let row = this.head(entity)
    for (let steps = 0; row >= rows; row = this.previous(row)) {
      if (++steps > chainStepsMax) return this.#history(entity).newestBelow(rows)
    }
    return row
  }

  /**
   * The state function of the semantics: the row of the newest version known at the point whose
   * period contains its instant; -1 if there is none or it states absence. O(1) for the present,
   * O(log² n) in n versions of the entity for any other point.
   */
  resolve(entity: number, point: VersionPoint): number {
    let row = this.head(entity)
    const rows = this.rows
    for (let steps = 0; row >= 0; ) {
      const chunk = rows.chunkOf(row)
      const at = (row & 0xffff) << 2
      if (row < point.rows) {
        const period = chunk[at + periodWord] as number
        if (this.periods.covers(period, point.high, point.low)) {
          return chunk[at + payloadWord] === absentReference ? -1 : row
        }
      }
      row = (chunk[at + previousWord] as number) - 1
      if (++steps > chainStepsMax) {
        const found = this.#history(entity).covering(point)
        return found >= 0 && this.payloadOf(found) === absentReference ? -1 : found
      }
    }
    return -1
  }

  /** Rows of an entity within the first `rows`, newest first. */
  *rowsOf(entity: number, rows: number): Generator<number> {
    for (let row = this.newestWithin(entity, rows); row >= 0; row = this.previous(row)) yield row
  }

  #link(entity: number, row: number): number {
    this.#heads.extendTo(entity + 1)
    const head = this.#heads.word(entity, 0)
    this.#heads.set(entity, 0, row + 1)
    return head
  }

  /** The history index of a long-lived entity, built when first asked for, then kept up. */
  #history(entity: number): HistoryIndex {
    let history = this.#histories.get(entity)
    if (history === undefined) {
      history = new HistoryIndex(this)
      this.#histories.set(entity, history)
    }
    history.follow(this.head(entity))
    return history
  }
}
