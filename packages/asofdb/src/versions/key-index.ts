import { latin1ToBytes } from '../encoding/text.ts'
import { invariant, must } from '../rules/invariant.ts'
import { type ImagedIndex, IndexShelf, piecesOfNumbers, wordsOfSection } from './index-shelf.ts'
import { OrderedIndex, type OrderedRange } from './ordered-index.ts'
import type { Tables } from './tables.ts'

interface Keyspace {
  readonly byName: Map<string, number>
  readonly ordered: OrderedIndex
  /** Whether it came from an image: then a name that is not in `byName` may be in `ordered`. */
  readonly isPacked: boolean
}

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
  readonly #keyspaces = new Map<number, Keyspace>()
  #known = 0
  #lateKnown = 0
  #removalsKnown = 0

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
    yield piecesOfNumbers(this.#ordinalsWithin(rows, counts))
    yield piecesOfNumbers(counts)
  }

  *#ordinalsWithin(rows: number, counts: number[]): Generator<number> {
    for (const [keyspace, { ordered }] of this.#keyspaces) {
      let count = 0
      for (const { value } of ordered.range({})) {
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
    for (const ordinal of others) this.#addStored(ordinal)
    return true
  }

  #keyspacesOf(ordinals: Int32Array, counts: Int32Array): Map<number, Keyspace> | undefined {
    const { keyNames } = this.#tables
    const keyspaces = new Map<number, Keyspace>()
    let start = 0
    for (let at = 0; at < counts.length; at += 2) {
      const [symbol = -1, count = -1] = counts.subarray(at, at + 2)
      const end = start + count
      if (count < 0 || end > ordinals.length || keyspaces.has(symbol)) return undefined
      const part = ordinals.subarray(start, end)
      if (!part.every((one) => keyNames.has(one) && keyNames.keyspace(one) === symbol)) {
        return undefined
      }
      const ordered = new OrderedIndex()
      const ordinalAt = (index: number): number => part[index] ?? 0
      ordered.restore({
        count,
        key: (index) => keyNames.text(ordinalAt(index)),
        value: ordinalAt,
      })
      keyspaces.set(symbol, { byName: new Map(), ordered, isPacked: true })
      start = end
    }
    return start === ordinals.length ? keyspaces : undefined
  }

  find(keyspace: number, name: string): number | undefined {
    this.follow()
    const known = this.#keyspaces.get(keyspace)
    if (known === undefined) return undefined
    return known.byName.get(name) ?? this.#findInOrder(known, name)
  }

  /** A name that only the order knows is taken down, so that it is found at once the next time. */
  #findInOrder(known: Keyspace, name: string): number | undefined {
    if (!known.isPacked) return undefined
    const ordinal = known.ordered.lastValueOf(name)
    if (ordinal === undefined || this.#tables.removals.erasedAt('key', ordinal) !== undefined) {
      return undefined
    }
    known.byName.set(name, ordinal)
    return ordinal
  }

  /** The ordinal of a key; a key never seen is given the next one. */
  findOrAdd(keyspace: number, name: string): number {
    const known = this.find(keyspace, name)
    if (known !== undefined) return known
    const { keyNames } = this.#tables
    const ordinal = keyNames.column.count
    invariant(this.#known === ordinal, 'every identity is known before one is added')
    keyNames.define(ordinal, { keyspace, bytes: latin1ToBytes(name) })
    this.#add(ordinal, keyspace, name)
    this.#known = ordinal + 1
    return ordinal
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
    if (known !== undefined) yield* known.ordered.range(bounds, isReverse)
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
    const byName = this.#keyspaces.get(keyNames.keyspace(ordinal))?.byName
    const name = keyNames.text(ordinal)
    if (byName?.get(name) === ordinal) byName.delete(name)
  }

  #addStored(ordinal: number): void {
    const { keyNames } = this.#tables
    const keyspace = keyNames.keyspace(ordinal)
    const name = keyNames.text(ordinal)
    this.#add(ordinal, keyspace, name)
  }

  #add(ordinal: number, keyspace: number, name: string): void {
    let known = this.#keyspaces.get(keyspace)
    if (known === undefined) {
      known = { byName: new Map(), ordered: new OrderedIndex(), isPacked: false }
      this.#keyspaces.set(keyspace, known)
    }
    const found = known.byName.get(name) ?? this.#findInOrder(known, name)
    if (found === undefined || found < ordinal) known.byName.set(name, ordinal)
    // A late identity that came before its row was first looked at has been taken in with the row.
    known.ordered.add(name, ordinal)
  }
}
