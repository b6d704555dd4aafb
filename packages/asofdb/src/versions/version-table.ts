import { invariant } from '../rules/invariant.ts'
import { ByteArena, absentReference } from './byte-arena.ts'
import { ordinalMax } from './entity.ts'
import { EndlessPayloads } from './endless-payloads.ts'
import { HistoryIndex } from './history-index.ts'
import { shortHistoryMax, ShortHistories } from './short-histories.ts'
import { PeriodTable, type SpanWords } from './periods.ts'
import type { VersionPoint } from './version-point.ts'
import { WordColumn, wordColumnChunkMask } from './word-column.ts'

/** What a row says. */
export interface NewVersion {
  readonly entity: number
  readonly period: number
  readonly payload: number
}

/** Words of a head: the newest row plus one (0: none), and in a wide head what that row says. */
const headRowWord = 0
const headPeriodWord = 1
const headPayloadWord = 2

const entityWord = 0
const previousWord = 1
const periodWord = 2
const payloadWord = 3

// Plain numbers of this module: what is imported, the runtime loads and checks anew at every turn.
const chunkMask = wordColumnChunkMask
const absent = absentReference

/** Chains longer than this are searched through a `HistoryIndex`. */
const chainStepsMax = shortHistoryMax

/**
 * The versions of one kind of entity: the truth, append-only, in commit order.
 *
 * Row: entity ordinal, previous row of the same entity plus one (0: none; negative: earlier ones
 * were pruned, as the row of the removals says whose number plus one it is), period, payload
 * reference (0: absent). "As known at sequence S" is a row count, so a snapshot copies nothing.
 *
 * The heads (newest row of each entity) are derived; a reader of an older state skips the rows
 * beyond its count along the chain. A wide head repeats the period and payload of the newest row,
 * which saves reading the present a trip to memory: 8 bytes an entity, worth it for nodes and keys
 * but not for edges, which traversals check by other means.
 */
export class VersionTable {
  readonly rows = new WordColumn(4)
  readonly periods = new PeriodTable()
  readonly arena = new ByteArena()
  readonly #heads: WordColumn
  /** Of tables with wide heads: what most reads of the present are answered by. */
  readonly #endless = new EndlessPayloads()
  readonly #short = new ShortHistories(this)
  readonly #histories = new Map<number, HistoryIndex>()
  /** Entities that were erased, with the first row that may be seen of them. */
  #erased: Map<number, number> | undefined
  #entitiesWithRows = 0
  #absentHeads = 0

  constructor(options: { readonly hasWideHeads: boolean }) {
    this.#heads = new WordColumn(options.hasWideHeads ? 3 : 1)
  }

  get count(): number {
    return this.rows.count
  }

  /** Entities that have, or once were given, an ordinal: 0 … entityCount-1. */
  get entityCount(): number {
    return this.#heads.count
  }

  /** Entities of which there is a row, and may be seen. */
  get entitiesWithRows(): number {
    return this.#entitiesWithRows
  }

  /** Entities whose newest row states absence; counted where heads are wide. */
  get absentHeads(): number {
    return this.#absentHeads
  }

  /** Bytes of memory held by heads and rows, payloads apart. */
  get byteLength(): number {
    const derived = this.#heads.byteLength + this.#endless.byteLength + this.#short.byteLength
    return this.rows.byteLength + derived + this.periods.column.byteLength
  }

  append(entity: number, period: number, payload: number): number {
    invariant(entity >= 0 && entity <= ordinalMax, 'a version is about an ordinal')
    invariant(period >= 0 && period < this.periods.column.count, 'the period of a version is there')
    invariant(payload >= 0 && payload < 2 ** 32, 'a payload reference has 32 bits')
    const row = this.rows.extend()
    this.rows.set(row, entityWord, entity)
    this.rows.set(row, periodWord, period)
    this.rows.set(row, payloadWord, payload)
    this.#heads.extendTo(entity + 1)
    this.rows.set(row, previousWord, this.#heads.word(entity, headRowWord))
    this.#setHead(entity, row)
    return row
  }

  /**
   * As `append`, of an entity none of whose rows is there, though it had earlier ones: they were
   * pruned, as row `removal` of the removals says.
   */
  appendPruned(row: NewVersion, removal: number): number {
    invariant(this.head(row.entity) < 0, 'what was pruned is older than what is there')
    invariant(removal >= 0 && removal < 2 ** 31 - 2, 'a removal has a row')
    const added = this.append(row.entity, row.period, row.payload)
    this.rows.set(added, previousWord, -1 - removal)
    return added
  }

  /** The row of the removals by which rows older than this one were pruned; -1: none were. */
  prunedBefore(row: number): number {
    const word = this.rows.word(row, previousWord)
    return word < 0 ? -1 - word : -1
  }

  /** The oldest row of an entity, or -1. */
  oldest(entity: number): number {
    let oldest = -1
    for (let row = this.head(entity); row >= 0; row = this.previous(row)) oldest = row
    return oldest
  }

  /**
   * No row of an entity before `firstRow` is seen from now on, at no point, because it was erased;
   * a row from there on, if there is one, states its absence for all time. The bytes stay until
   * the tables are made anew.
   */
  hideBefore(entity: number, firstRow: number): void {
    const head = this.head(entity)
    const isAbsent = head < firstRow || this.payloadOf(head) === absent
    invariant(isAbsent, 'what was erased is absent')
    this.#erased ??= new Map()
    this.#erased.set(entity, firstRow)
    this.#short.forget(entity)
    this.#histories.delete(entity)
    if (head >= firstRow || head < 0) return
    this.#endless.clear(entity)
    this.#entitiesWithRows--
    const { stride } = this.#heads
    if (stride > 1 && this.#heads.word(entity, headPayloadWord) === absent) this.#absentHeads--
    this.#heads.set(entity, headRowWord, 0)
  }

  isErased(entity: number): boolean {
    return this.#erased !== undefined && this.#erased.has(entity)
  }

  /** The first row of an entity that may be seen: not 0 for an entity that was erased. */
  firstSeen(entity: number): number {
    return this.#erased?.get(entity) ?? 0
  }

  /** Derives the heads of rows [from, count) that a checkpoint brought back. */
  linkHeads(from: number): void {
    const end = this.rows.count
    invariant(from >= 0 && from <= end, 'heads are linked from a row of the table on')
    for (let row = from; row < end; row++) {
      const entity = this.rows.word(row, entityWord)
      invariant(entity >= 0 && entity <= ordinalMax, 'a stored version is about an ordinal')
      this.#heads.extendTo(entity + 1)
      this.#setHead(entity, row)
    }
  }

  /** The newest row of an entity, or -1. */
  head(entity: number): number {
    return entity < this.#heads.count ? this.#heads.word(entity, headRowWord) - 1 : -1
  }

  entityOf(row: number): number {
    return this.rows.word(row, entityWord)
  }

  /** The row that preceded `row` for the same entity, or -1. */
  previous(row: number): number {
    const word = this.rows.word(row, previousWord)
    return word > 0 ? word - 1 : -1
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
    invariant(rows >= 0 && rows <= this.rows.count, 'a snapshot knows rows that exist')
    if (this.#erased !== undefined && rows <= this.firstSeen(entity)) return -1
    let row = this.head(entity)
    for (let steps = 0; row >= rows; row = this.previous(row)) {
      if (++steps > chainStepsMax) return this.#history(entity).newestBelow(rows)
    }
    return row
  }

  /** Fetches at once what `payloadAt` will look at first; gives nothing that has a meaning. */
  lookAhead(entities: Int32Array, count: number): number {
    return this.#endless.lookAhead(entities, count)
  }

  /**
   * The state function of the semantics: the payload of the newest version known at the point
   * whose period contains its instant, as a reference; 0 if there is none or it states absence.
   * O(1) for the present, O(log² n) in n versions of the entity for any other point.
   */
  payloadAt(entity: number, point: VersionPoint): number {
    const endless = this.#endless.payloadAt(entity, point)
    if (endless !== 0) return endless >>> 0
    const past = this.#short.payloadAt(entity, point)
    if (past !== undefined) return past >>> 0
    const heads = this.#heads
    if (entity >= heads.count) return absent
    const chunk = heads.chunkOf(entity)
    const at = (entity & chunkMask) * heads.stride
    const row = (chunk[at + headRowWord] as number) - 1
    if (heads.stride === 1) return this.#payloadFrom(row, entity, point)
    if (row < 0) return absent
    if (row < point.rows) {
      const period = chunk[at + headPeriodWord] as number
      if (this.periods.covers(period, point.high, point.low)) {
        return (chunk[at + headPayloadWord] as number) >>> 0
      }
    }
    return this.#earlierPayload(entity, row, point)
  }

  /** Without a wide head: the newest row, then those before it. */
  #payloadFrom(row: number, entity: number, point: VersionPoint): number {
    if (row < 0) return absent
    const chunk = this.rows.chunkOf(row)
    const at = (row & chunkMask) << 2
    if (row < point.rows) {
      const period = chunk[at + periodWord] as number
      if (this.periods.covers(period, point.high, point.low)) {
        return (chunk[at + payloadWord] as number) >>> 0
      }
    }
    if (chunk[at + previousWord] === 0) return absent
    return this.#earlierPayload(entity, row, point)
  }

  /** Where the newest row of an entity, its head, is known not to answer. */
  #earlierPayload(entity: number, head: number, point: VersionPoint): number {
    if (this.#erased !== undefined && this.#erased.has(entity)) return absent
    const payload = this.#short.earlierPayloadAt(entity, head, point)
    return payload === undefined ? this.#longHistoryAt(entity, point) : payload >>> 0
  }

  #longHistoryAt(entity: number, point: VersionPoint): number {
    const found = this.#history(entity).covering(point)
    return found < 0 ? absent : this.payloadOf(found)
  }

  /**
   * The payload of the newest row of an entity if it is known, covers the point, never ends: as
   * the word that tables hold.
   */
  openEndedPayload(entity: number, point: VersionPoint): number {
    const reference = this.#endless.payloadAt(entity, point)
    return reference !== 0 ? reference : this.#openEndedHead(entity, point)
  }

  #openEndedHead(entity: number, point: VersionPoint): number {
    const heads = this.#heads
    if (entity >= heads.count) return absent
    const chunk = heads.chunkOf(entity)
    const at = (entity & chunkMask) * heads.stride
    const row = (chunk[at + headRowWord] as number) - 1
    if (row < 0 || row >= point.rows || heads.stride === 1) return absent
    const period = chunk[at + headPeriodWord] as number
    if (!this.periods.coversForEver(period, point.high, point.low)) return absent
    return chunk[at + headPayloadWord] as number
  }

  /** Whether the newest row of an entity within the first `rows` is present over a whole span. */
  newestHolds(entity: number, rows: number, span: SpanWords): boolean {
    const row = this.newestWithin(entity, rows)
    if (row < 0 || this.payloadOf(row) === absentReference) return false
    return this.periods.contains(this.periodOf(row), span)
  }

  /** Rows of an entity within the first `rows`, newest first. */
  *rowsOf(entity: number, rows: number): Generator<number> {
    const first = this.firstSeen(entity)
    for (let row = this.newestWithin(entity, rows); row >= first; row = this.previous(row)) {
      yield row
    }
  }

  #setHead(entity: number, row: number): void {
    const heads = this.#heads
    const isFirst = heads.word(entity, headRowWord) === 0
    if (isFirst) this.#entitiesWithRows++
    heads.set(entity, headRowWord, row + 1)
    if (heads.stride === 1) return
    const period = this.rows.word(row, periodWord)
    const payload = this.rows.word(row, payloadWord)
    if (!isFirst && heads.word(entity, headPayloadWord) === absent) this.#absentHeads--
    if (payload === absent) this.#absentHeads++
    heads.set(entity, headPeriodWord, period)
    heads.set(entity, headPayloadWord, payload)
    const endless = this.#endless
    if (payload === absent || !this.periods.isEndless(period)) return endless.clear(entity)
    const { column } = this.periods
    endless.set(entity, payload, { row, high: column.word(period, 0), low: column.word(period, 1) })
  }

  /** The history index of a long-lived entity, built when first asked for, then kept up. */
  #history(entity: number): HistoryIndex {
    let history = this.#histories.get(entity)
    if (history === undefined) {
      history = new HistoryIndex(this)
      this.#histories.set(entity, history)
    }
    history.follow(this.head(entity))
    invariant(history.newest === this.head(entity), 'a history reaches up to the newest row')
    return history
  }
}
