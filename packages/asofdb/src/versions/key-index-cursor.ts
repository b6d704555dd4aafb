import type { KeyspaceIndex } from './keyspace-index.ts'
import type { EntryRun, OrderedCursor } from './ordered-cursor.ts'

/**
 * A place among the keys of one keyspace: their names as ordered keys in latin1, and their
 * ordinals. A name that has several ordinals, because its key was erased or pruned and written
 * anew, is met once for each, the earliest first. It stands on a key or nowhere: before its first
 * seek, and after a step or a seek that found none.
 *
 * Keys may be added between any two calls: the next step goes on from the key that the cursor
 * stands on, and meets those that were added further on.
 */
export class KeyIndexCursor {
  /** Takes in what is stored; undefined while the keyspace has no key. */
  readonly #follow: () => KeyspaceIndex | undefined
  #keyspace: KeyspaceIndex | undefined
  #cursor: OrderedCursor | undefined

  constructor(follow: () => KeyspaceIndex | undefined) {
    this.#follow = follow
  }

  get isOnEntry(): boolean {
    return this.#cursor?.isOnEntry === true
  }

  /** The name it stands on; that of the last one if it stands nowhere. */
  get key(): string {
    return this.#cursor === undefined ? '' : this.#cursor.key
  }

  /** The ordinal of the key it stands on. */
  get value(): number {
    return this.#cursor === undefined ? -1 : this.#cursor.value
  }

  /** Moves to the first key at or after (key, ordinal): without an ordinal, of any. */
  seekAtOrAfter(key: string, value = -1): boolean {
    return this.#followed()?.seekAtOrAfter(key, value) === true
  }

  /** Moves to the last key before (key, ordinal): with Infinity the last one of the name. */
  seekBefore(key: string, value = -1): boolean {
    return this.#followed()?.seekBefore(key, value) === true
  }

  seekToLast(): boolean {
    return this.#followed()?.seekToLast() === true
  }

  next(): boolean {
    if (this.#keyspace === undefined || this.#cursor === undefined) return false
    if (this.#keyspace.isWaiting) this.#keyspace.settled()
    return this.#cursor.next()
  }

  previous(): boolean {
    if (this.#keyspace === undefined || this.#cursor === undefined) return false
    if (this.#keyspace.isWaiting) this.#keyspace.settled()
    return this.#cursor.previous()
  }

  /** As `take` of an ordered cursor. */
  take(run: EntryRun, max: number, isReverse: boolean): number {
    return this.#cursor === undefined ? 0 : this.#cursor.take(run, max, isReverse)
  }

  #followed(): OrderedCursor | undefined {
    this.#keyspace = this.#follow()
    if (this.#keyspace === undefined) return undefined
    const ordered = this.#keyspace.settled()
    this.#cursor ??= ordered.cursor()
    return this.#cursor
  }
}
