import { bytesToLatin1, latin1ToBytes } from '../encoding/text.ts'
import { invariant, must } from '../rules/invariant.ts'
import { OrderedIndex, type OrderedRange } from './ordered-index.ts'
import type { Tables } from './tables.ts'

interface Keyspace {
  readonly byName: Map<string, number>
  readonly ordered: OrderedIndex
}

/**
 * Finds keys: by name and in order, within a keyspace (a symbol). Names are ordered keys as latin1
 * strings. Derived from the key identities when first needed; it knows identities only, whether a
 * key holds a value at some point is for its versions to say.
 */
export class KeyIndex {
  readonly #tables: Tables
  readonly #keyspaces = new Map<number, Keyspace>()
  #known = 0
  #lateKnown = 0

  constructor(tables: Tables) {
    this.#tables = tables
  }

  find(keyspace: number, name: string): number | undefined {
    this.#follow()
    return this.#keyspaces.get(keyspace)?.byName.get(name)
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
    this.#follow()
    const known = this.#keyspaces.get(keyspace)
    if (known !== undefined) yield* known.ordered.range(bounds, isReverse)
  }

  /** Keyspaces that ever held a key. */
  keyspaces(): number[] {
    this.#follow()
    return [...this.#keyspaces.keys()]
  }

  /** Takes in the identities that a batch or a checkpoint brought since the last call. */
  #follow(): void {
    const { keyNames } = this.#tables
    for (; this.#known < keyNames.column.count; this.#known++) {
      if (keyNames.has(this.#known)) this.#addStored(this.#known)
    }
    for (; this.#lateKnown < keyNames.late.length; this.#lateKnown++) {
      this.#addStored(must(keyNames.late[this.#lateKnown], 'an identity that came late'))
    }
  }

  #addStored(ordinal: number): void {
    const { keyNames } = this.#tables
    const keyspace = keyNames.keyspace(ordinal)
    const name = bytesToLatin1(keyNames.bytes(ordinal))
    // A late identity that came before its row was first looked at has been taken in with the row.
    if (this.#keyspaces.get(keyspace)?.byName.get(name) === ordinal) return
    this.#add(ordinal, keyspace, name)
  }

  #add(ordinal: number, keyspace: number, name: string): void {
    let known = this.#keyspaces.get(keyspace)
    if (known === undefined) {
      known = { byName: new Map(), ordered: new OrderedIndex() }
      this.#keyspaces.set(keyspace, known)
    }
    invariant(!known.byName.has(name), 'one key has one identity')
    known.byName.set(name, ordinal)
    const isAdded = known.ordered.add(name, ordinal)
    invariant(isAdded, 'both ways to find keys know the same ones')
  }
}
