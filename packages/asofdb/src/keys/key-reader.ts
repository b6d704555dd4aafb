import { storedEvents } from '../commit/transaction-core.ts'
import { keyToLatin1, type KeyInput } from '../encoding/ordered-key.ts'
import { decodeValue, type Value } from '../encoding/value.ts'
import { keyId } from '../versions/entity.ts'
import { entryStart, type PayloadSlice } from '../versions/payload-slice.ts'
import type { VersionEvent } from '../versions/timeline.ts'
import { KeyBlocks } from './key-blocks.ts'
import type { CheckedRange, NameRange } from './key-range.ts'
import { type KeyPlace, type KeyReadPoint, KeyStates, KeyWalk } from './key-walk.ts'
import type { ValueCodec } from './value-encoding.ts'

/** One keyspace at one point of the two times. Keys are given encoded: see `keyToLatin1`. */
export class KeyReader<V = Value> {
  readonly keyspace: string
  readonly codec: ValueCodec<V>
  readonly point: KeyReadPoint
  readonly states: KeyStates
  #symbol: number | undefined

  constructor(keyspace: string, codec: ValueCodec<V>, point: KeyReadPoint) {
    this.keyspace = keyspace
    this.codec = codec
    this.point = point
    this.states = new KeyStates(point)
  }

  /** The value of a key; undefined when it has none at this point. */
  get(key: KeyInput): V | undefined {
    const name = keyToLatin1(key)
    const ordinal = this.find(name)
    const value = ordinal === undefined ? undefined : this.states.value(ordinal)
    this.#dependOn(name, value === undefined ? undefined : ordinal)
    return value === undefined ? undefined : this.codec.decode(value, name)
  }

  /**
   * The value if what is known of the key now holds from the point on for ever: then it holds at
   * every later instant too. Undefined says nothing.
   */
  getOpenEnded(key: KeyInput): V | undefined {
    const name = keyToLatin1(key)
    const ordinal = this.find(name)
    if (ordinal === undefined) return undefined
    const { arena } = this.point.tables.key
    const reference = this.point.tables.key.openEndedPayload(ordinal, this.states.point)
    if (reference === 0) return undefined
    const bytes = arena.chunkOf(reference)
    const value = decodeValue(bytes, entryStart(bytes, arena.offsetOf(reference)))
    return this.codec.decode(value, name)
  }

  /** Whether it is known without a look at the clock that the key holds something. */
  hasOpenEnded(key: KeyInput): boolean {
    const ordinal = this.find(keyToLatin1(key))
    if (ordinal === undefined) return false
    return this.point.tables.key.openEndedPayload(ordinal, this.states.point) !== 0
  }

  has(key: KeyInput): boolean {
    const name = keyToLatin1(key)
    const ordinal = this.find(name)
    const isThere = ordinal !== undefined && this.states.holds(ordinal)
    this.#dependOn(name, isThere ? ordinal : undefined)
    return isThere
  }

  /** What a key holds; a read that the transaction depends on, whatever it finds. */
  sliceOf(name: string): PayloadSlice | undefined {
    const ordinal = this.find(name)
    const slice = ordinal === undefined ? undefined : this.states.slice(ordinal)
    this.#dependOn(name, slice === undefined ? undefined : ordinal)
    return slice
  }

  /** Every version of a key known at this point, newest first. */
  events(key: KeyInput): Iterable<VersionEvent> {
    const name = keyToLatin1(key)
    const ordinal = this.find(name)
    this.#dependOn(name, ordinal)
    return ordinal === undefined ? [] : this.eventsOf(ordinal)
  }

  eventsOf(ordinal: number): Iterable<VersionEvent> {
    const { core, counts, tables } = this.point
    if (core !== undefined) return core.events('key', ordinal)
    return storedEvents(tables, 'key', { ordinal, rows: counts.key })
  }

  /** The value where a walk or a scan stands. */
  valueAt(place: KeyPlace): V {
    return this.codec.decode(place.value(), place.name)
  }

  decode(name: string, slice: PayloadSlice): V {
    return this.codec.decode(decodeValue(slice.bytes, slice.start), name)
  }

  /** The keys of a range that hold something, the quick way, if there is one. */
  blocks(range: CheckedRange): KeyBlocks | undefined {
    const { core, keyIndex, tables } = this.point
    const symbol = tables.symbols.find(this.keyspace)
    if (core !== undefined || symbol === undefined) return undefined
    return new KeyBlocks({
      tables,
      cursor: keyIndex.cursor(symbol),
      point: this.states.point,
      from: range.from,
      to: range.to,
      isReverse: range.isReverse,
      ordinalsEnd: tables.keyNames.column.count,
    })
  }

  /** A walk over a range; `isBounded` leaves out keys that are made while it is under way. */
  walk(
    range: NameRange,
    options: { readonly isBounded: boolean; readonly isThroughHistory?: boolean },
  ): KeyWalk {
    const { keyIndex, tables } = this.point
    return new KeyWalk({
      keyspace: this.keyspace,
      keyIndex,
      states: this.states,
      range,
      ordinalsEnd: options.isBounded ? tables.keyNames.column.count : Infinity,
      isThroughHistory: options.isThroughHistory === true,
    })
  }

  /** The ordinal of a key, if it was ever written to. */
  find(name: string): number | undefined {
    this.#symbol ??= this.point.tables.symbols.find(this.keyspace)
    return this.#symbol === undefined ? undefined : this.point.keyIndex.find(this.#symbol, name)
  }

  /** A key that holds nothing is a name that another transaction might put something under. */
  #dependOn(name: string, ordinal: number | undefined): void {
    const { core } = this.point
    if (core?.tracksReads !== true) return
    if (ordinal === undefined) core.reads.keys.addName({ keyspace: this.keyspace, name })
    else core.reads.add(keyId(ordinal))
  }
}
