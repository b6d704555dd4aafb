import type { KeyInput } from '../encoding/ordered-key.ts'
import type { Value } from '../encoding/value.ts'
import type { CheckedRange } from './key-range.ts'
import type { KeyReader } from './key-reader.ts'
import type { KeyBlocks } from './key-blocks.ts'
import type { KeyPlace, KeyWalk } from './key-walk.ts'

export interface KeyEntry<V = Value> {
  readonly key: KeyInput
  readonly value: V
}

/** What entries are read through. */
export interface EntrySource<V> {
  readonly reader: KeyReader<V>
  readonly range: CheckedRange
  /** Throws when the view can no longer be read. */
  mustBeReadable(): void
  /** Lets the rest of the program have a turn. */
  yieldTurn(): Promise<void>
}

/** One way over a range, with its direction, skip and limit. */
export class KeyScan {
  readonly place: KeyPlace
  /** Where a transaction has no part in it: the quicker way. */
  readonly #blocks: KeyBlocks | undefined
  readonly #walk: KeyWalk | undefined
  readonly #isReverse: boolean
  #skip: number
  #rest: number
  #hasBegun = false

  constructor(reader: KeyReader<unknown>, range: CheckedRange, isThroughHistory = false) {
    this.#blocks = isThroughHistory ? undefined : reader.blocks(range)
    if (this.#blocks === undefined) {
      this.#walk = reader.walk(range, { isBounded: true, isThroughHistory })
      this.place = this.#walk
    } else {
      this.#walk = undefined
      this.place = this.#blocks
    }
    this.#isReverse = range.isReverse
    this.#skip = range.skip
    this.#rest = range.limit
  }

  /** Goes to the next key that is to be given; false: there is none, and never will be. */
  step(): boolean {
    if (this.#rest <= 0) return this.end()
    while (this.#go()) {
      if (this.#skip-- > 0) continue
      this.#rest--
      return true
    }
    return this.end()
  }

  end(): false {
    this.#rest = 0
    this.#walk?.end()
    return false
  }

  #go(): boolean {
    if (this.#blocks !== undefined) return this.#blocks.next()
    const walk = this.#walk
    if (walk === undefined) return false
    if (this.#hasBegun) return this.#isReverse ? walk.previous() : walk.next()
    this.#hasBegun = true
    return this.#isReverse ? walk.seekToLast() : walk.seekToFirst()
  }
}
