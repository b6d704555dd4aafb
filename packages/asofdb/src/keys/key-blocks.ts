import { decodeValue, type Value } from '../encoding/value.ts'
import { absentReference, type ByteArena } from '../versions/byte-arena.ts'
import type { KeyIndexCursor } from '../versions/key-index-cursor.ts'
import { entryStart } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import type { VersionPoint } from '../versions/version-point.ts'

/** Entries of the first block, and at most of one: each is so much larger than the one before. */
const firstEntries = 4
const entriesMax = 64
const growth = 4

/** Words of a cache line: of a payload the first two lines are fetched ahead. */
const lineWords = 16

export interface KeyBlocksParts {
  readonly tables: Tables
  /** Of the keyspace. */
  readonly cursor: KeyIndexCursor
  /** The point of the two times that is read. */
  readonly point: VersionPoint
  /** Encoded keys: from the first one up to, but without, the other. */
  readonly from: string
  readonly to: string
  readonly isReverse: boolean
  /** Keys from this ordinal on are passed over, because they were made after the walk began. */
  readonly ordinalsEnd: number
}

/**
 * Goes over the keys of a range that hold something, as a `KeyWalk` does, where no transaction
 * has statements of its own: some entries at a time, so that what has to be fetched from memory is
 * asked for side by side. A payload lies anywhere; one after another each would be waited for.
 *
 * Use: `next()` says whether there is another entry; then `name`, `ordinal` and `value()` are its.
 * What is added meanwhile is met or not; what is stated meanwhile is beyond the point.
 */
export class KeyBlocks {
  /** The encoded key it stands on. */
  name = ''
  ordinal = -1
  isOn = false
  readonly #parts: KeyBlocksParts
  readonly #arena: ByteArena
  readonly #keys: string[] = []
  readonly #values = new Int32Array(entriesMax)
  readonly #references = new Int32Array(entriesMax)
  #reference = 0
  #at = 0
  #count = 0
  #size = firstEntries
  #hasBegun = false
  #hasEnded = false
  #hasLookedAhead = false
  /** So that looking ahead is not left out as useless. */
  #seen = 0

  constructor(parts: KeyBlocksParts) {
    this.#parts = parts
    this.#arena = parts.tables.key.arena
  }

  /** Of what was looked at, no meaning. */
  get seen(): number {
    return this.#seen
  }

  next(): boolean {
    while (this.#at >= this.#count) if (!this.#fill()) return (this.isOn = false)
    const at = this.#at++
    this.isOn = true
    this.name = this.#keys[at] as string
    this.ordinal = this.#values[at] as number
    this.#reference = this.#references[at] as number
    return true
  }

  /** What the key holds, decoded. */
  value(): Value {
    if (!this.#hasLookedAhead) this.#lookAhead()
    const reference = this.#reference >>> 0
    const bytes = this.#arena.chunkOf(reference)
    return decodeValue(bytes, entryStart(bytes, this.#arena.offsetOf(reference)))
  }

  /** Takes the next entries; false: there are none. */
  #fill(): boolean {
    if (this.#hasEnded || !this.#go()) return false
    const { cursor, isReverse } = this.#parts
    const run = { keys: this.#keys, values: this.#values }
    const taken = this.#within(cursor.take(run, this.#size, isReverse))
    this.#size = Math.min(this.#size * growth, entriesMax)
    this.#at = 0
    this.#count = this.#keepPresent(taken)
    this.#hasLookedAhead = false
    return true
  }

  #go(): boolean {
    const { cursor, from, to, isReverse } = this.#parts
    if (this.#hasBegun) return isReverse ? cursor.previous() : cursor.next()
    this.#hasBegun = true
    if (from >= to) return false
    return isReverse ? cursor.seekBefore(to) : cursor.seekAtOrAfter(from)
  }

  /** How many of the entries taken are within the range. */
  #within(taken: number): number {
    const { from, to, isReverse } = this.#parts
    const keys = this.#keys
    let count = taken
    if (isReverse) while (count > 0 && (keys[count - 1] as string) < from) count--
    else while (count > 0 && (keys[count - 1] as string) >= to) count--
    if (count < taken || taken === 0) this.#hasEnded = true
    return count
  }

  /** Drops the entries that hold nothing at the point; how many are left. */
  #keepPresent(count: number): number {
    const { tables, point, ordinalsEnd } = this.#parts
    const keys = this.#keys
    const values = this.#values
    const references = this.#references
    this.#seen |= tables.key.lookAhead(values, count)
    let kept = 0
    for (let at = 0; at < count; at++) {
      const ordinal = values[at] as number
      if (ordinal >= ordinalsEnd) continue
      const reference = tables.key.payloadAt(ordinal, point)
      if (reference === absentReference) continue
      keys[kept] = keys[at] as string
      values[kept] = ordinal
      references[kept++] = reference
    }
    return kept
  }

  /** Has the names and the first lines of the payloads fetched, all at once. */
  #lookAhead(): void {
    this.#hasLookedAhead = true
    const arena = this.#arena
    let seen = 0
    for (let at = this.#at; at < this.#count; at++) {
      const reference = (this.#references[at] as number) >>> 0
      const words = arena.wordsOf(reference)
      const first = arena.wordOffsetOf(reference)
      // A chunk is a power of two long, so a place beyond its end is one within it.
      const second = (first + lineWords) & (words.length - 1)
      seen |= (words[first] as number) | (words[second] as number)
    }
    for (let at = this.#at; at < this.#count; at++) seen += (this.#keys[at] as string).length
    this.#seen |= seen
  }
}
