import { keyToLatin1, latin1ToKey } from '../encoding/ordered-key.ts'
import { bytesToLatin1 } from '../encoding/text.ts'
import { decodeValue } from '../encoding/value.ts'
import type { IndexShelf } from '../versions/index-shelf.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import type { KeyIndex } from '../versions/key-index.ts'
import { schemaKeyspace } from '../versions/key-names.ts'
import { sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import type { TransactionCore } from '../commit/transaction-core.ts'
import { type IndexedProperties, PropertyIndex } from './property-index.ts'


export interface UniqueDefinition extends IndexedProperties {
  /** A value may never be used again by another node, at any valid time. */
  readonly isForAllTime: boolean
}

/** How a definition is written as a key: what it is, the label, the properties. */
export function schemaKey(what: 'index' | 'unique', over: IndexedProperties): string {
  return keyToLatin1([what, over.label, ...over.properties])
}

/**
 * The declared indexes and unique constraints. They are keys of a reserved keyspace, so they are
 * logged, checkpointed and replicated like everything else; this reads them and keeps their
 * derived indexes.
 */
export class Schema {
  readonly #tables: Tables
  readonly #keyIndex: KeyIndex
  readonly #shelf: IndexShelf
  readonly #indexes = new Map<string, PropertyIndex>()
  #declared: Declared = { indexes: [], uniques: [], retentions: [] }
  #known = -1

  constructor(tables: Tables, keyIndex: KeyIndex, shelf: IndexShelf) {
    this.#tables = tables
    this.#shelf = shelf
    this.#keyIndex = keyIndex
  }

  indexes(): readonly IndexedProperties[] {
    this.#follow()
    return this.#declared.indexes
  }

  uniques(): readonly UniqueDefinition[] {
    this.#follow()
    return this.#declared.uniques
  }

  /** How long the past is told, where a rule says so. The same list until a rule changes. */
  retentions(): readonly RetentionDefinition[] {
    this.#follow()
    return this.#declared.retentions
  }

  /** The index over a label and properties, if one is declared (a unique constraint is one). */
  index(label: string, properties: readonly string[]): PropertyIndex | undefined {
    const isThis = (over: IndexedProperties): boolean =>
      over.label === label &&
      over.properties.length === properties.length &&
      over.properties.every((property, at) => property === properties[at])
    const isDeclared = this.indexes().some(isThis) || this.uniques().some(isThis)
    return isDeclared ? this.#indexFor({ label, properties }) : undefined
  }

  /** The index that a constraint is checked with, also before its definition is committed. */
  uniqueIndex(unique: UniqueDefinition): PropertyIndex {
    return this.#indexFor(unique)
  }

  /** Has the indexes that another schema has. */
  prepareAs(other: Schema): void {
    for (const { over } of other.#indexes.values()) this.#indexFor(over)
  }

  /** Unique constraints that a transaction declares itself. */
  declaredBy(core: TransactionCore): UniqueDefinition[] {
    const symbol = this.#tables.symbols.find(schemaKeyspace)
    const found: UniqueDefinition[] = []
    if (symbol === undefined || !core.tail.has('key')) return found
    for (const { ordinal, payload } of core.tail.newestOf('key')) {
      if (payload === undefined || this.#tables.keyNames.keyspace(ordinal) !== symbol) continue
      const { bytes, start } = payload
      const definition = parse(this.#tables.keyNames.bytes(ordinal), decodeValue(bytes, start))
      if (definition?.what === 'unique') found.push(definition)
    }
    return found
  }

  #indexFor(over: IndexedProperties): PropertyIndex {
    const key = schemaKey('index', over)
    let index = this.#indexes.get(key)
    if (index === undefined) {
      index = new PropertyIndex(this.#tables, over, this.#shelf)
      this.#indexes.set(key, index)
    }
    return index
  }

  /** Reads the definitions again if any key has changed. They are few. */
  #follow(): void {
    const { key, keyNames, symbols } = this.#tables
    if (this.#known === key.count) return
    const symbol = symbols.find(schemaKeyspace)
    const hasChanged = this.#known < 0 || this.#schemaChangedSince(this.#known, symbol)
    this.#known = key.count
    if (!hasChanged || symbol === undefined) return
    this.#declared = { indexes: [], uniques: [], retentions: [] }
    for (const { value: ordinal } of this.#keyIndex.range(symbol, {}, false)) {
      const head = key.head(ordinal)
      const reference = head < 0 ? 0 : key.payloadOf(head)
      if (reference === 0) continue
      const { bytes, start } = sliceOf(key.arena, reference)
      const value = decodeValue(bytes, start)
      const retention = parseRetention(keyNames.bytes(ordinal), value)
      if (retention !== undefined) this.#declared.retentions.push(retention)
      const definition = parse(keyNames.bytes(ordinal), value)
      if (definition?.what === 'index') this.#declared.indexes.push(definition)
      if (definition?.what === 'unique') this.#declared.uniques.push(definition)
    }
  }

  #schemaChangedSince(from: number, symbol: number | undefined): boolean {
    const { key, keyNames } = this.#tables
    for (let row = from; row < key.count; row++) {
      if (keyNames.keyspace(key.entityOf(row)) === symbol) return true
    }
    return false
  }
}

/** How long what was known of the entities of a kind with a name is told. */
export interface RetentionDefinition {
  readonly kind: EntityKind
  readonly name: string
  /** Milliseconds of system time; `present`: only what is known now. */
  readonly keep: 'forever' | 'present' | number
}

interface Declared {
  readonly indexes: IndexedProperties[]
  readonly uniques: UniqueDefinition[]
  readonly retentions: RetentionDefinition[]
}

function parseRetention(nameBytes: Uint8Array, value: unknown): RetentionDefinition | undefined {
  const parts = latin1ToKey(bytesToLatin1(nameBytes))
  if (!Array.isArray(parts) || parts[0] !== 'retention') return undefined
  const [, kindName, name] = parts
  const kind = entityKinds.find((one) => one === kindName)
  if (kind === undefined || typeof name !== 'string') return undefined
  const isKeep = value === 'forever' || value === 'present' || typeof value === 'number'
  return isKeep ? { kind, name, keep: value } : undefined
}

type Definition = UniqueDefinition & { readonly what: string }

function parse(nameBytes: Uint8Array, value: unknown): Definition | undefined {
  const parts = latin1ToKey(bytesToLatin1(nameBytes))
  if (!Array.isArray(parts)) return undefined
  const [what, label, ...properties] = parts
  if (typeof what !== 'string' || typeof label !== 'string') return undefined
  const names = properties.filter((property) => typeof property === 'string')
  return { what, label, properties: names, isForAllTime: value === 'all time' }
}
