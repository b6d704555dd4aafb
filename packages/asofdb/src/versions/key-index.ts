import { invariant, must } from '../rules/invariant.ts'
import { type ImagedIndex, IndexShelf, piecesOfNumbers, wordsOfSection } from './index-shelf.ts'
import { KeyIndexCursor } from './key-index-cursor.ts'
import { KeyspaceIndex } from './keyspace-index.ts'
import type { OrderedRange } from './ordered-index.ts'
import type { Tables } from './tables.ts'

const noBytes = new Uint8Array(0)

/** Names of an image that are taken into the tables at every search: a few microseconds. */
const hashedPerSearch = 64

/**
 * Finds keys: by name and in order, within a keyspace (a symbol). Names are ordered keys as latin1
 * strings. Derived from the key identities when first needed; it knows identities only, whether a
 * key holds a value at some point is for its versions to say.
 *
 * A name whose key was erased, or pruned as a whole, may get another identity: the one with the
 * highest ordinal is the one that is found. In order, earlier ones are met as well; they hold
 * nothing at any point that may still be looked at.
 */
export class KeyIndex implements ImagedIndex {
  readonly name = 'keys'
  readonly kind = 'key'
  readonly format = 1
  readonly #tables: Tables
  readonly #shelf: IndexShelf
  readonly #keyspaces = new Map<number, KeyspaceIndex>()
  #known = 0
  #lateKnown = 0
  #removalsKnown = 0
  /** Ordinals below this came with an image and are, so far, only found in order. */
  #unhashed = 0

  constructor(tables: Tables, shelf: IndexShelf = new IndexShelf()) {
    this.#tables = tables
    this.#shelf = shelf
    shelf.add(this)
  }

  get stamp(): number {
    return this.#known + this.#lateKnown + this.#removalsKnown
  }

  /** Identities that have no version among the rows are left out, so any number of rows will do. */
  rowsToSave(rowsMax: number): number {
    if (this.#known === 0) return 0
    this.follow()
    return rowsMax
  }

  /** Two sections: the ordinals of each keyspace in order; of each its symbol and how many. */
  *save(rows: number): Generator<Iterable<Uint8Array>> {
    const counts: number[] = []
    yield this.#piecesInOrder(rows, counts)
    yield piecesOfNumbers(counts)
  }

  /** Putting keys in order takes turns as well: each gives a piece without bytes. */
  *#piecesInOrder(rows: number, counts: number[]): Generator<Uint8Array> {
    for (const known of this.#keyspaces.values()) {
      for (const _step of known.settleInSteps()) yield noBytes
    }
    yield* piecesOfNumbers(this.#ordinalsWithin(rows, counts))
  }

  *#ordinalsWithin(rows: number, counts: number[]): Generator<number> {
    for (const [keyspace, known] of this.#keyspaces) {
      let count = 0
      for (const value of known.settled().values()) {
        if (!this.#isWithin(value, rows)) continue
        count++
        yield value
      }
      counts.push(keyspace, count)
    }
  }

  /** Whether a key has a version among so many rows. */
  #isWithin(ordinal: number, rows: number): boolean {
    return this.#tables.key.newestWithin(ordinal, rows) >= 0
  }

  load(sections: readonly Uint8Array[], rows: number): boolean {
    const [ordinals, counts] = sections.map(wordsOfSection)
    if (ordinals === undefined || counts === undefined) return false
    const { keyNames } = this.#tables
    const others: number[] = []
    let count = 0
    for (let ordinal = 0; ordinal < keyNames.column.count; ordinal++) {
      if (!keyNames.has(ordinal)) continue
      if (this.#isWithin(ordinal, rows)) count++
      else others.push(ordinal)
    }
    if (ordinals.length !== count) return false
    const keyspaces = this.#keyspacesOf(ordinals, counts)
    if (keyspaces === undefined) return false
    for (const [keyspace, loaded] of keyspaces) this.#keyspaces.set(keyspace, loaded)
    this.#known = keyNames.column.count
    this.#lateKnown = keyNames.late.length
    this.#unhashed = this.#known
    for (const ordinal of others) this.#addStored(ordinal)
    return true
  }

  #keyspacesOf(ordinals: Int32Array, counts: Int32Array): Map<number, KeyspaceIndex> | undefined {
    const { keyNames } = this.#tables
    const keyspaces = new Map<number, KeyspaceIndex>()
    let start = 0
    for (let at = 0; at < counts.length; at += 2) {
      const [symbol = -1, count = -1] = counts.subarray(at, at + 2)
      const end = start + count
      if (count < 0 || end > ordinals.length || keyspaces.has(symbol)) return undefined
      const part = ordinals.subarray(start, end)
      if (!part.every((one) => keyNames.has(one) && keyNames.keyspace(one) === symbol)) {
        return undefined
      }
      const known = new KeyspaceIndex(keyNames)
      known.restore(part)
      keyspaces.set(symbol, known)
      start = end
    }
    return start === ordinals.length ? keyspaces : undefined
  }

  find(keyspace: number, name: string): number | undefined {
    this.follow()
    const known = this.#keyspaces.get(keyspace)
    return known === undefined ? undefined : this.#findIn(known, name)
  }

  #findIn(known: KeyspaceIndex, name: string): number | undefined {
    if (this.#unhashed > 0) this.#hashSome()
    const found = known.names.find(name)
    if (found >= 0) return found
    return this.#unhashed > 0 ? this.#findInOrder(known, name) : undefined
  }

  /** Names that came with an image, the latest first: what is found first is what counts. */
  #hashSome(): void {
    const { keyNames } = this.#tables
    invariant(this.#unhashed <= keyNames.column.count, 'what an image brought has identities')
    const end = Math.max(0, this.#unhashed - hashedPerSearch)
    while (this.#unhashed > end) {
      const ordinal = --this.#unhashed
      if (!keyNames.has(ordinal)) continue
      const known = this.#keyspaces.get(keyNames.keyspace(ordinal))
      if (known !== undefined) this.#hash(known, ordinal)
    }
  }

  #hash(known: KeyspaceIndex, ordinal: number): void {
    known.names.addStored(ordinal)
    if (this.#tables.removals.erasedAt('key', ordinal) !== undefined) known.names.forget(ordinal)
  }

  /** Where not every name is in the tables yet. */
  #findInOrder(known: KeyspaceIndex, name: string): number | undefined {
    const ordinal = known.lastInOrder(name)
    if (ordinal !== undefined) this.#hash(known, ordinal)
    const found = known.names.find(name)
    return found < 0 ? undefined : found
  }

  /** The ordinal of a key; a key never seen is given the next one. */
  findOrAdd(keyspace: number, name: string): number {
    this.follow()
    const known = this.#keyspaceOf(keyspace)
    const found = this.#findIn(known, name)
    if (found !== undefined) return found
    const { keyNames } = this.#tables
    invariant(this.#known === keyNames.column.count, 'every identity is known before one is added')
    const ordinal = keyNames.add(keyspace, name)
    known.addFound(ordinal)
    invariant(ordinal === this.#known, 'ordinals are given one after another')
    this.#known = ordinal + 1
    return ordinal
  }

  /**
   * A cursor over the keys of a keyspace, which stands nowhere yet. It stays good while keys are
   * added, those of a keyspace that had none included.
   */
  cursor(keyspace: number): KeyIndexCursor {
    return new KeyIndexCursor(() => {
      this.follow()
      return this.#keyspaces.get(keyspace)
    })
  }

  /** Ordinals of the keys within bounds, in key order or in reverse. */
  *range(
    keyspace: number,
    bounds: OrderedRange,
    isReverse: boolean,
  ): Generator<{
    readonly key: string
    readonly value: number
  }> {
    this.follow()
    const known = this.#keyspaces.get(keyspace)
    if (known !== undefined) yield* known.settled().range(bounds, isReverse)
  }

  /** Keyspaces that ever held a key. */
  keyspaces(): number[] {
    this.follow()
    return [...this.#keyspaces.keys()]
  }

  /** Takes in the identities that a batch or a checkpoint brought since the last call. */
  follow(): void {
    const { keyNames } = this.#tables
    if (this.#known === 0 && keyNames.column.count > 0) this.#shelf.load(this)
    for (; this.#known < keyNames.column.count; this.#known++) {
      if (keyNames.has(this.#known)) this.#addStored(this.#known)
    }
    for (; this.#lateKnown < keyNames.late.length; this.#lateKnown++) {
      this.#addStored(must(keyNames.late[this.#lateKnown], 'an identity that came late'))
    }
    const { removals } = this.#tables
    for (; this.#removalsKnown < removals.count; this.#removalsKnown++) {
      const removal = removals.at(this.#removalsKnown)
      if (removal?.kind === 'erasedKey') this.#forget(removal.subject)
    }
  }

  /** An erased key is found no more; whoever writes to its name makes another one. */
  #forget(ordinal: number): void {
    const { keyNames } = this.#tables
    if (!keyNames.has(ordinal)) return
    const known = this.#keyspaces.get(keyNames.keyspace(ordinal))
    // What has not been taken into the tables yet is left out when its turn comes.
    if (known !== undefined) known.names.forget(ordinal)
  }

  #addStored(ordinal: number): void {
    const { keyNames } = this.#tables
    invariant(keyNames.has(ordinal), 'a stored key has an identity')
    const known = this.#keyspaceOf(keyNames.keyspace(ordinal))
    if (this.#unhashed > 0) this.#findInOrder(known, keyNames.text(ordinal))
    known.addStored(ordinal)
  }

  #keyspaceOf(symbol: number): KeyspaceIndex {
    let known = this.#keyspaces.get(symbol)
    if (known === undefined) {
      known = new KeyspaceIndex(this.#tables.keyNames)
      this.#keyspaces.set(symbol, known)
    }
    return known
  }
}
