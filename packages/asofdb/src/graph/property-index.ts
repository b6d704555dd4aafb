import { valueToIndexKey } from '../encoding/ordered-key.ts'
import { decodeValue } from '../encoding/value.ts'
import { packedKeysOf, savePackedKeys } from '../versions/packed-keys.ts'
import { type ImagedIndex, IndexShelf } from '../versions/index-shelf.ts'
import { OrderedIndex, type OrderedRange } from '../versions/ordered-index.ts'
import { type PayloadSlice, sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import { findField, hasLabel } from './payload.ts'

/** What an index is over: nodes with a label, by one property or, for uniqueness, several. */
export interface IndexedProperties {
  readonly label: string
  readonly properties: readonly string[]
}

/**
 * Node ordinals by the value of a property (or the values of several), for every value a version
 * with the label ever had. Derived from the node versions when first needed, then kept up. An
 * entry is a candidate: whether the node has that value at some point is for its versions to say.
 * One index serves the present and the past alike.
 */
export class PropertyIndex implements ImagedIndex {
  readonly over: IndexedProperties
  readonly name: string
  readonly kind = 'node'
  readonly format = 1
  readonly #tables: Tables
  readonly #shelf: IndexShelf
  readonly #entries = new OrderedIndex()
  #known = 0

  constructor(tables: Tables, over: IndexedProperties, shelf: IndexShelf = new IndexShelf()) {
    this.#tables = tables
    this.over = over
    this.name = `${over.label} (${over.properties.join(', ')})`
    this.#shelf = shelf
    shelf.add(this)
  }

  get stamp(): number {
    return this.#known
  }

  rowsToSave(rowsMax: number): number {
    return this.#known <= rowsMax ? this.#known : 0
  }

  save(): Iterable<Iterable<Uint8Array>> {
    return savePackedKeys(this.#entries)
  }

  load(sections: readonly Uint8Array[], rows: number): boolean {
    const packed = packedKeysOf(sections)
    if (packed === undefined) return false
    this.#entries.restore(packed)
    this.#known = rows
    return true
  }

  get count(): number {
    return this.#entries.count
  }

  /** Candidates for a range of keys as `indexKeyOf` gives them, in key order; may repeat a node. */
  *candidates(range: OrderedRange): Generator<number> {
    this.follow()
    for (const entry of this.#entries.range(range)) yield entry.value
  }

  follow(): void {
    const { node, symbols } = this.#tables
    if (this.#known === node.count) return
    if (this.#known === 0) this.#shelf.load(this)
    const label = symbols.find(this.over.label)
    for (; this.#known < node.count; this.#known++) {
      const reference = label === undefined ? 0 : node.payloadOf(this.#known)
      if (reference === 0) continue
      const slice = sliceOf(node.arena, reference)
      if (!hasLabel(slice, label ?? -1)) continue
      const key = indexKeyOf(this.#tables, slice, this.over.properties)
      if (key !== undefined) this.#entries.add(key, node.entityOf(this.#known))
    }
  }
}

/**
 * The ordered key of a payload's value, of several values for a compound key; undefined when one
 * is missing or of a kind that no index holds (null, list, map, vector).
 */
export function indexKeyOf(
  tables: Tables,
  slice: PayloadSlice,
  properties: readonly string[],
): string | undefined {
  let compound = ''
  for (const property of properties) {
    const symbol = tables.symbols.find(property)
    const at = symbol === undefined ? -1 : findField(slice, symbol)
    const key = at < 0 ? undefined : valueToIndexKey(decodeValue(slice.bytes, at))
    if (key === undefined) return undefined
    if (properties.length === 1) return key
    compound += `${key.length}:${key}`
  }
  return compound
}
