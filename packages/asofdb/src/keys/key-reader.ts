import { storedEvents, type TransactionCore } from '../commit/transaction-core.ts'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import { keyToLatin1, latin1ToKey, type KeyInput } from '../encoding/ordered-key.ts'
import { decodeValue, type Value } from '../encoding/value.ts'
import type { RowCounts } from '../versions/commit-table.ts'
import { keyId } from '../versions/entity.ts'
import type { KeyIndex } from '../versions/key-index.ts'
import type { OrderedRange } from '../versions/ordered-index.ts'
import { entryStart, type PayloadSlice, sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import type { VersionEvent } from '../versions/timeline.ts'
import type { VersionPoint } from '../versions/version-point.ts'
import { dependOnRange } from './key-dependency.ts'

/** Which keys, in which direction, at most how many. Bounds are keys of the keyspace. */
export interface KeyRange {
  readonly gt?: KeyInput | undefined
  readonly gte?: KeyInput | undefined
  readonly lt?: KeyInput | undefined
  readonly lte?: KeyInput | undefined
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
}

export interface KeyEntry {
  readonly key: KeyInput
  readonly value: Value
}

export interface KeyReadPoint {
  readonly tables: Tables
  readonly keyIndex: KeyIndex
  readonly counts: RowCounts
  /** Valid time, microseconds since 1970. */
  readonly valid: bigint
  readonly core?: TransactionCore | undefined
}

/** One keyspace at one point of the two times. */
export class KeyReader {
  readonly keyspace: string
  readonly #point: KeyReadPoint
  readonly #versionPoint: VersionPoint

  constructor(keyspace: string, point: KeyReadPoint) {
    const { valid, counts } = point
    this.keyspace = keyspace
    this.#point = point
    this.#versionPoint = { rows: counts.key, high: timeHigh(valid), low: timeLow(valid) }
  }

  /** The value of a key; undefined when it has none at this point. */
  get(key: KeyInput): Value | undefined {
    const slice = this.#find(keyToLatin1(key))
    return slice === undefined ? undefined : decodeValue(slice.bytes, slice.start)
  }

  /**
   * The value if what is known of the key now holds from the point on for ever: then it holds at
   * every later instant too. Undefined says nothing.
   */
  getOpenEnded(key: KeyInput): Value | undefined {
    const { keyIndex, tables } = this.#point
    const symbol = this.#symbol()
    const ordinal = symbol === undefined ? undefined : keyIndex.find(symbol, keyToLatin1(key))
    if (ordinal === undefined) return undefined
    const reference = tables.key.openEndedPayload(ordinal, this.#versionPoint)
    if (reference === 0) return undefined
    const bytes = tables.key.arena.chunkOf(reference)
    return decodeValue(bytes, entryStart(bytes, tables.key.arena.offsetOf(reference)))
  }

  has(key: KeyInput): boolean {
    return this.#find(keyToLatin1(key)) !== undefined
  }

  /** Keys within bounds that hold a value, in key order or in reverse. Lazy. */
  *range(range: KeyRange = {}): Generator<KeyEntry> {
    const { core, keyIndex } = this.#point
    let rest = range.limit ?? Infinity
    const symbol = this.#symbol()
    const bounds = encodeBounds(range)
    if (core !== undefined) dependOnRange(core, this.keyspace, bounds)
    if (symbol === undefined || rest <= 0) return
    // Keys that the caller makes while it walks are left out: it might never come to an end.
    const ordinalsEnd = this.#point.tables.keyNames.column.count
    for (const { key, value: ordinal } of keyIndex.range(symbol, bounds, range.reverse === true)) {
      if (ordinal >= ordinalsEnd) continue
      const slice = this.#slice(ordinal)
      if (slice === undefined) continue
      yield { key: latin1ToKey(key), value: decodeValue(slice.bytes, slice.start) }
      if (--rest <= 0) return
    }
  }

  /** Every version of a key known at this point, newest first. */
  events(key: KeyInput): Iterable<VersionEvent> {
    const { core, counts, keyIndex, tables } = this.#point
    const name = keyToLatin1(key)
    const symbol = this.#symbol()
    const ordinal = symbol === undefined ? undefined : keyIndex.find(symbol, name)
    if (core !== undefined) this.#dependOnKey(core, name, ordinal)
    if (ordinal === undefined) return []
    if (core !== undefined) return core.events('key', ordinal)
    return storedEvents(tables, 'key', { ordinal, rows: counts.key })
  }

  #symbol(): number | undefined {
    return this.#point.tables.symbols.find(this.keyspace)
  }

  #find(name: string): PayloadSlice | undefined {
    const { core, keyIndex } = this.#point
    const symbol = this.#symbol()
    const ordinal = symbol === undefined ? undefined : keyIndex.find(symbol, name)
    if (core !== undefined) this.#dependOnKey(core, name, ordinal)
    return ordinal === undefined ? undefined : this.#slice(ordinal)
  }

  /** An unknown key is a range that another transaction might put it into. */
  #dependOnKey(core: TransactionCore, name: string, ordinal: number | undefined): void {
    if (ordinal !== undefined) core.reads.add(keyId(ordinal))
    else dependOnRange(core, this.keyspace, { gte: name, lte: name })
  }

  #slice(ordinal: number): PayloadSlice | undefined {
    const { core, tables, valid } = this.#point
    let own = core?.tail.newest('key', ordinal)
    for (; own !== undefined; own = own.earlier) {
      if (own.from <= valid && valid < own.to) return own.payload
    }
    const reference = tables.key.payloadAt(ordinal, this.#versionPoint)
    return reference === 0 ? undefined : sliceOf(tables.key.arena, reference)
  }
}

function encodeBounds(range: KeyRange): OrderedRange {
  const encode = (key: KeyInput | undefined): string | undefined =>
    key === undefined ? undefined : keyToLatin1(key)
  return {
    gt: encode(range.gt),
    gte: encode(range.gte),
    lt: encode(range.lt),
    lte: encode(range.lte),
  }
}
