import { latin1ToKey, type KeyInput } from '../encoding/ordered-key.ts'
import type { Value } from '../encoding/value.ts'
import { DatabaseError } from '../rules/errors.ts'
import type { EntrySource } from './key-scan.ts'
import { boundName } from './key-range.ts'
import type { KeyWalk } from './key-walk.ts'

/**
 * A place among the entries of a range, to be moved at will. It skips keys that hold nothing, and
 * in a transaction it meets own writes, also those made since it was opened. Off either end it is
 * not valid, until it is told where to go.
 */
export class KeyCursor<V = Value> {
  readonly #source: EntrySource<V>
  readonly #walk: KeyWalk
  #hasBegun = false

  /** Only the bounds of the range count. */
  constructor(source: EntrySource<V>) {
    this.#source = source
    this.#walk = source.reader.walk(source.range, { isBounded: false })
  }

  /** Goes to the first key within bounds that is `key` or later; whether there is one. */
  seek(key: KeyInput): boolean {
    const name = boundName(key)
    this.#begin()
    return this.#walk.seekAtOrAfter(name)
  }

  /** Goes to the last key within bounds that is `key` or earlier; whether there is one. */
  seekForPrev(key: KeyInput): boolean {
    const name = boundName(key)
    this.#begin()
    return this.#walk.seekBefore(`${name}\0`)
  }

  seekToFirst(): boolean {
    this.#begin()
    return this.#walk.seekToFirst()
  }

  seekToLast(): boolean {
    this.#begin()
    return this.#walk.seekToLast()
  }

  /** Goes to the next key; to the first one if it has not been moved yet. */
  next(): boolean {
    if (!this.#hasBegun) return this.seekToFirst()
    this.#begin()
    return this.#walk.isOn && this.#walk.next()
  }

  /** Goes to the key before; to the last one if it has not been moved yet. */
  prev(): boolean {
    if (!this.#hasBegun) return this.seekToLast()
    this.#begin()
    return this.#walk.isOn && this.#walk.previous()
  }

  /** Whether it stands on an entry: not so once the transaction has deleted it. */
  get isValid(): boolean {
    return this.#walk.isOn && this.#source.reader.states.holds(this.#walk.ordinal)
  }

  /** Throws InvalidArgument where it stands on no entry; see `isValid`. */
  get key(): KeyInput {
    this.#mustBeValid()
    return latin1ToKey(this.#walk.name)
  }

  /** Throws InvalidArgument where it stands on no entry; see `isValid`. */
  get value(): V {
    this.#mustBeValid()
    return this.#source.reader.valueAt(this.#walk)
  }

  #begin(): void {
    this.#source.mustBeReadable()
    this.#hasBegun = true
  }

  #mustBeValid(): void {
    this.#source.mustBeReadable()
    if (this.isValid) return
    throw new DatabaseError(
      'InvalidArgument',
      'the cursor stands on no entry; ask isValid first, or move it with a seek',
    )
  }
}
