import type { ReadStretch } from '../commit/key-reads.ts'
import type { OwnEvent } from '../commit/tail.ts'
import type { TransactionCore } from '../commit/transaction-core.ts'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import { decodeValue, type Value } from '../encoding/value.ts'
import { invariant } from '../rules/invariant.ts'
import type { RowCounts } from '../versions/commit-table.ts'
import type { KeyIndex } from '../versions/key-index.ts'
import type { KeyIndexCursor } from '../versions/key-index-cursor.ts'
import { entryStart, type PayloadSlice, sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import type { VersionPoint } from '../versions/version-point.ts'
import type { NameRange } from './key-range.ts'

/** Where keys are read. */
export interface KeyReadPoint {
  readonly tables: Tables
  readonly keyIndex: KeyIndex
  readonly counts: RowCounts
  /** Valid time, microseconds since 1970. */
  readonly valid: bigint
  readonly core?: TransactionCore | undefined
}

/** What a point holds of keys, by their ordinals. */
export class KeyStates {
  readonly tables: Tables
  readonly core: TransactionCore | undefined
  readonly valid: bigint
  readonly rows: number
  readonly #point: VersionPoint

  constructor({ tables, counts, valid, core }: KeyReadPoint) {
    this.tables = tables
    this.core = core
    this.valid = valid
    this.rows = counts.key
    this.#point = { rows: counts.key, high: timeHigh(valid), low: timeLow(valid) }
  }

  get point(): VersionPoint {
    return this.#point
  }

  /** What a key holds, decoded; undefined: nothing. */
  value(ordinal: number): Value | undefined {
    const own = this.#own(ordinal)
    if (own !== undefined) {
      const { payload } = own
      return payload === undefined ? undefined : decodeValue(payload.bytes, payload.start)
    }
    const { arena } = this.tables.key
    const reference = this.tables.key.payloadAt(ordinal, this.#point)
    if (reference === 0) return undefined
    const bytes = arena.chunkOf(reference)
    return decodeValue(bytes, entryStart(bytes, arena.offsetOf(reference)))
  }

  /** The same as it is stored. */
  slice(ordinal: number): PayloadSlice | undefined {
    const own = this.#own(ordinal)
    if (own !== undefined) return own.payload
    const { key } = this.tables
    const reference = key.payloadAt(ordinal, this.#point)
    return reference === 0 ? undefined : sliceOf(key.arena, reference)
  }

  holds(ordinal: number): boolean {
    const own = this.#own(ordinal)
    if (own !== undefined) return own.payload !== undefined
    return this.tables.key.payloadAt(ordinal, this.#point) !== 0
  }

  /** The newest statement of the transaction itself that covers the point. */
  #own(ordinal: number): OwnEvent | undefined {
    const { core, valid } = this
    if (core === undefined) return undefined
    let own = core.tail.newest('key', ordinal)
    while (own !== undefined && !(own.from <= valid && valid < own.to)) own = own.earlier
    return own
  }

  /** Whether anything was ever stated about a key. */
  hasHistory(ordinal: number): boolean {
    if (this.core?.tail.newest('key', ordinal) !== undefined) return true
    const { key } = this.tables
    const newest = key.newestWithin(ordinal, this.rows)
    return newest >= 0 && newest >= key.firstSeen(ordinal)
  }
}

/** Where a walk stands. */
export interface KeyPlace {
  /** Whether it stands on a key. */
  readonly isOn: boolean
  readonly name: string
  readonly ordinal: number
  /** What the key holds, as it is stored. */
  value(): Value
}

export interface KeyWalkParts {
  readonly keyspace: string
  readonly keyIndex: KeyIndex
  readonly states: KeyStates
  readonly range: NameRange
  /** Keys from this ordinal on are passed over, because they were made after the walk began. */
  readonly ordinalsEnd: number
  /** Whether keys that hold nothing now but have a history are met, too. */
  readonly isThroughHistory: boolean
}

/**
 * Goes over the keys of a range, both ways. What it has gone over is what the transaction has read,
 * and no more: from where it was told to look up to where it found something, or to the end of the
 * range.
 */
export class KeyWalk {
  /** The encoded key it stands on. */
  name = ''
  ordinal = -1
  /** Whether it stands on a key. */
  isOn = false
  readonly #parts: KeyWalkParts
  readonly #states: KeyStates
  readonly #core: TransactionCore | undefined
  readonly #ordinalsEnd: number
  readonly #from: string
  readonly #to: string
  #cursor: KeyIndexCursor | undefined
  #stretch: ReadStretch | undefined

  constructor(parts: KeyWalkParts) {
    this.#parts = parts
    this.#states = parts.states
    const { core } = parts.states
    this.#core = core?.tracksReads === true ? core : undefined
    this.#ordinalsEnd = parts.ordinalsEnd
    this.#from = parts.range.from
    this.#to = parts.range.to
  }

  /** Goes to the first key from `name` on. */
  seekAtOrAfter(name: string): boolean {
    const from = name > this.#from ? name : this.#from
    this.#endStretch()
    if (from >= this.#to) return this.#standNowhere()
    const cursor = this.#settledCursor()
    return this.#goForwards(cursor?.seekAtOrAfter(from) === true ? cursor : undefined, from)
  }

  /** Goes to the last key before `name`. */
  seekBefore(name: string): boolean {
    const to = name < this.#to ? name : this.#to
    this.#endStretch()
    if (to <= this.#from) return this.#standNowhere()
    const cursor = this.#settledCursor()
    return this.#goBackwards(cursor?.seekBefore(to) === true ? cursor : undefined, to)
  }

  seekToFirst(): boolean {
    return this.seekAtOrAfter(this.#from)
  }

  seekToLast(): boolean {
    return this.seekBefore(this.#to)
  }

  /** Goes on from the key it stands on. */
  next(): boolean {
    const cursor = this.#cursor
    return this.#goForwards(cursor?.next() === true ? cursor : undefined, this.name)
  }

  previous(): boolean {
    const cursor = this.#cursor
    return this.#goBackwards(cursor?.previous() === true ? cursor : undefined, this.name)
  }

  /** What the key it stands on holds. */
  value(): Value {
    const value = this.#states.value(this.ordinal)
    invariant(value !== undefined, 'a walk stands on a key that holds something')
    return value
  }

  /** Says that it will not go on. */
  end(): void {
    this.#endStretch()
  }

  #goForwards(start: KeyIndexCursor | undefined, from: string): boolean {
    let cursor = start
    while (cursor !== undefined && cursor.key < this.#to) {
      if (this.#isThere(cursor.value)) {
        this.#noteRead(from, cursor.key, true)
        return this.#standOn(cursor)
      }
      if (!cursor.next()) cursor = undefined
    }
    this.#noteRead(from, this.#to, false)
    return this.#standNowhere()
  }

  #goBackwards(start: KeyIndexCursor | undefined, to: string): boolean {
    let cursor = start
    while (cursor !== undefined && cursor.key >= this.#from) {
      if (this.#isThere(cursor.value)) {
        this.#noteRead(cursor.key, to, false)
        return this.#standOn(cursor)
      }
      if (!cursor.previous()) cursor = undefined
    }
    this.#noteRead(this.#from, to, false)
    return this.#standNowhere()
  }

  #isThere(ordinal: number): boolean {
    if (ordinal >= this.#ordinalsEnd) return false
    const states = this.#states
    return this.#parts.isThroughHistory ? states.hasHistory(ordinal) : states.holds(ordinal)
  }

  #standOn(cursor: KeyIndexCursor): boolean {
    this.name = cursor.key
    this.ordinal = cursor.value
    this.isOn = true
    return true
  }

  #standNowhere(): boolean {
    this.isOn = false
    return false
  }

  /** The keyspace may come to exist by a write of the transaction itself. */
  #settledCursor(): KeyIndexCursor | undefined {
    if (this.#cursor !== undefined) return this.#cursor
    const { keyspace, keyIndex, states } = this.#parts
    const symbol = states.tables.symbols.find(keyspace)
    if (symbol !== undefined) this.#cursor = keyIndex.cursor(symbol)
    return this.#cursor
  }

  /** Grows the stretch that was read, which the walk is at one end of, or begins one. */
  #noteRead(from: string, to: string, includesTo: boolean): void {
    if (this.#core === undefined) return
    const stretch = this.#stretch
    if (stretch === undefined) {
      this.#stretch = { from, to, includesTo, isOpen: true }
      this.#core.reads.keys.add(this.#parts.keyspace, this.#stretch)
      return
    }
    if (from < stretch.from) stretch.from = from
    if (to < stretch.to) return
    stretch.includesTo = to === stretch.to ? stretch.includesTo || includesTo : includesTo
    stretch.to = to
  }

  #endStretch(): void {
    if (this.#stretch === undefined) return
    this.#stretch.isOpen = false
    this.#stretch = undefined
  }
}
