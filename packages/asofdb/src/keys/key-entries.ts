import { latin1ToKey, type KeyInput } from '../encoding/ordered-key.ts'
import type { Value } from '../encoding/value.ts'
import { KeyEnds } from './key-ends.ts'
import { type EntrySource, type KeyEntry, KeyScan } from './key-scan.ts'
import type { KeyPlace } from './key-walk.ts'

/** So many entries an asynchronous walk gives before it lets others have a turn. */
const entriesPerTurn = 256

/**
 * What a range holds, or one side of it. Lazy: nothing is read before it is iterated, and each
 * iteration starts anew. An asynchronous iteration lets the event loop have a turn now and then.
 */
export class KeyListing<T> implements Iterable<T>, AsyncIterable<T> {
  readonly #source: EntrySource<unknown>
  readonly #show: (place: KeyPlace) => T

  constructor(source: EntrySource<unknown>, show: (place: KeyPlace) => T) {
    this.#source = source
    this.#show = show
  }

  [Symbol.iterator](): IterableIterator<T> {
    return new ListingIterator(this.#source, this.#show)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    let given = 0
    for (const one of this) {
      yield one
      if (++given % entriesPerTurn === 0) await this.#source.yieldTurn()
    }
  }

  toArray(): T[] {
    return [...this]
  }

  /** The first of them; undefined when there is none. */
  first(): T | undefined {
    for (const one of this) return one
    return undefined
  }

  /** How many there are. Decodes nothing. */
  count(): number {
    this.#source.mustBeReadable()
    const scan = new KeyScan(this.#source.reader, this.#source.range)
    let count = 0
    while (scan.step()) count++
    return count
  }
}

/** The entries of a range, in key order or in reverse. */
export class KeyEntries<V = Value> extends KeyListing<KeyEntry<V>> {
  readonly #source: EntrySource<V>

  constructor(source: EntrySource<V>) {
    const { reader } = source
    super(source, (place) => ({
      key: latin1ToKey(place.name),
      value: reader.valueAt(place),
    }))
    this.#source = source
  }

  /** The keys alone; no value is looked at. */
  keys(): KeyListing<KeyInput> {
    return new KeyListing(this.#source, ({ name }) => latin1ToKey(name))
  }

  /** The values alone; no key is decoded. */
  values(): KeyListing<V> {
    const { reader } = this.#source
    return new KeyListing(this.#source, (place) => reader.valueAt(place))
  }

  /** Both ends of the range, to walk from them towards each other. */
  ends(): KeyEnds<V> {
    return new KeyEnds(this.#source)
  }
}

class ListingIterator<T> implements IterableIterator<T> {
  readonly #source: EntrySource<unknown>
  readonly #show: (place: KeyPlace) => T
  readonly #scan: KeyScan

  constructor(source: EntrySource<unknown>, show: (place: KeyPlace) => T) {
    source.mustBeReadable()
    this.#source = source
    this.#show = show
    this.#scan = new KeyScan(source.reader, source.range)
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<T, undefined> {
    this.#source.mustBeReadable()
    if (!this.#scan.step()) return { done: true, value: undefined }
    return { done: false, value: this.#show(this.#scan.place) }
  }

  return(): IteratorResult<T, undefined> {
    this.#scan.end()
    return { done: true, value: undefined }
  }
}
