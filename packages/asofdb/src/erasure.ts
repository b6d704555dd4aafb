import type { TransactionCore } from './commit/transaction-core.ts'
import type { KeyInput } from './encoding/ordered-key.ts'
import { keyToLatin1 } from './encoding/ordered-key.ts'
import type { GraphIndexes } from './graph/graph-indexes.ts'
import type { CommitMeta } from './graph/history.ts'
import { type EntityInput, idOf } from './graph/graph-writer.ts'
import type { CompactionReport, CompactOptions } from './compactor.ts'
import { DatabaseError } from './rules/errors.ts'
import type { KnownBackup } from './transfer/known-backups.ts'
import { type EntityKind, kindOf, ordinalOf } from './versions/entity.ts'
import { alwaysSpan } from './versions/periods.ts'
import { checkKeyspace } from './key-transaction.ts'
import { erasureOf, type Removal } from './versions/removals.ts'

/** What to erase: a node or an edge, by id or as read; or a key. */
export type ErasureTarget =
  | EntityInput
  | { readonly keyspace: string; readonly key: KeyInput }

export interface ErasureOptions extends CompactOptions {
  /** Who, why and on what ground: kept with the commit, so say nothing here that must go. */
  readonly meta?: CommitMeta | undefined
}

/** What erasing did, and what it could not reach. */
export interface ErasureReport {
  /** The commit that erased; the newest one where everything was erased before. */
  readonly sequence: number
  /** How many entities, the edges of erased nodes included. */
  readonly nodes: number
  readonly edges: number
  readonly keys: number
  /** How the bytes left memory and files. */
  readonly compaction: CompactionReport
  /** Files of the database that may hold what was erased still, each with the reason. */
  readonly remaining: readonly { readonly name: string; readonly why: string }[]
  /** Backups that may hold it still: those that were last made before this commit, */
  readonly backupsBefore: number
  /** among them these, which the database knows of because it made them. */
  readonly backups: readonly KnownBackup[]
}

/**
 * States in a transaction that entities are to be erased, a node together with every edge that was
 * ever attached to it. What is erased already is passed over.
 */
export function stateErasure(
  core: TransactionCore,
  indexes: GraphIndexes,
  targets: readonly ErasureTarget[],
): readonly Removal[] {
  const erasure = new Erasure(core, indexes)
  for (const target of targets) {
    if (typeof target === 'object' && 'keyspace' in target) erasure.addKey(target)
    else erasure.addEntity(idOf(target))
  }
  return core.removals
}

class Erasure {
  readonly #core: TransactionCore
  readonly #indexes: GraphIndexes
  readonly #seen = new Set<string>()

  constructor(core: TransactionCore, indexes: GraphIndexes) {
    this.#core = core
    this.#indexes = indexes
  }

  addEntity(id: number): void {
    const kind = kindOf(id)
    const isKnown = kind !== undefined && kind !== 'key' && this.#core.knows(kind, ordinalOf(id))
    if (!isKnown) {
      throw new DatabaseError(
        'InvalidArgument',
        `${String(id)} is not the id of a node or an edge of this database; nothing is erased`,
        { details: { id } },
      )
    }
    this.#add(kind, ordinalOf(id))
    if (kind !== 'node') return
    for (const direction of ['out', 'in'] as const) {
      const edges = this.#indexes.adjacency.edges(direction, ordinalOf(id))
      for (const edge of edges) this.#add('edge', edge)
    }
  }

  /** A key that was never written to has nothing to erase. */
  addKey({ keyspace, key }: { readonly keyspace: string; readonly key: KeyInput }): void {
    checkKeyspace(keyspace)
    const { tables, keyIndex } = this.#core
    const symbol = tables.symbols.find(keyspace)
    const ordinal = symbol === undefined ? undefined : keyIndex.find(symbol, keyToLatin1(key))
    if (ordinal !== undefined && tables.key.head(ordinal) >= 0) this.#add('key', ordinal)
  }

  #add(kind: EntityKind, ordinal: number): void {
    const name = `${kind} ${ordinal}`
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    const { tables } = this.#core
    if (tables.removals.erasedAt(kind, ordinal) !== undefined) return
    this.#core.record(kind, ordinal, { span: alwaysSpan, payload: undefined })
    const sequence = tables.commits.sequence + 1
    this.#core.takeAway({ kind: erasureOf(kind), subject: ordinal, sequence })
  }
}
