import type { Savepoint } from './commit/savepoints.ts'
import type { TransactionCore } from './commit/transaction-core.ts'
import type { ValueInput } from './encoding/value.ts'
import {
  type DeleteOptions,
  type EdgeBounds,
  type EntityInput,
  type EntityReference,
  type GraphSettings,
  GraphWriter,
  type PatchOptions,
  type PutOptions,
} from './graph/graph-writer.ts'
import type { Properties, PropertyChanges } from './graph/payload.ts'
import type { PeriodOptions } from './graph/period-options.ts'
import { schemaKey } from './graph/schema.ts'
import { schemaKeyspace } from './versions/key-names.ts'
import { alwaysPeriod, checkKeyspace, KeyTransaction } from './key-transaction.ts'
import { KeyWriter } from './keys/key-writer.ts'
import {
  type KeyspaceOptions,
  type NamedValueEncoding,
  type ValueInputsByEncoding,
  type ValuesByEncoding,
  valuesOf,
} from './keys/value-encoding.ts'
import { latin1ToKey } from './encoding/ordered-key.ts'
import {
  checkRetention,
  kindOfTarget,
  type Retention,
  type RetentionTarget,
  retentionToKeep,
} from './retention.ts'
import { DatabaseError } from './rules/errors.ts'
import { View } from './view.ts'
import type { ViewContext } from './view-point.ts'

export interface UniqueOptions {
  /** A value may never be used again by another node, at any valid time. */
  readonly over?: 'all time' | undefined
}

/**
 * An open transaction: a view of the database at its start, own writes on top, and the write
 * verbs. All of it becomes one commit, or nothing does. The default period of a write is from the
 * transaction's now, for ever (keys: always).
 */
export class Transaction extends View {
  readonly #core: TransactionCore
  readonly #settings: GraphSettings
  #graphWriter: GraphWriter | undefined

  constructor(context: ViewContext, core: TransactionCore, settings: GraphSettings) {
    super(context, { sequence: core.sequence, counts: core.counts, valid: core.now, core })
    this.#core = core
    this.#settings = settings
  }

  get #graph(): GraphWriter {
    this.#graphWriter ??= new GraphWriter(this.#core, this.context.indexes, this.#settings)
    return this.#graphWriter
  }

  /**
   * Creates a node. Its id is final at once; should the transaction not commit, the id may be given
   * to another.
   */
  createNode(
    labels: string | readonly string[],
    properties?: Properties,
    options?: PeriodOptions,
  ): EntityReference {
    return this.#graph.createNode(labels, properties, options)
  }

  /**
   * Creates an edge. Bounds that are given must lie where both ends hold (checked at commit); an
   * end that is not given is cut to where they do; `bounds: 'clip'` cuts both.
   */
  createEdge(
    source: EntityInput,
    type: string,
    target: EntityInput,
    properties?: Properties,
    options?: PeriodOptions & EdgeBounds,
  ): EntityReference {
    return this.#graph.createEdge({ source, type, target }, properties, options)
  }

  /** States content where nothing is yet; AlreadyExists, with the overlaps, if something is. */
  create(entity: EntityInput, properties: Properties, options?: PutOptions): number {
    return this.#graph.create(entity, properties, options)
  }

  /** States content, replacing what is there. */
  put(entity: EntityInput, properties: Properties, options?: PutOptions): number {
    return this.#graph.put(entity, properties, options)
  }

  /** Changes what is there, part by part; null removes a property. Returns the parts touched. */
  patch(entity: EntityInput, changes: PropertyChanges, options?: PatchOptions): number {
    return this.#graph.patch(entity, changes, options)
  }

  /** As patch, and fills the gaps of the period. Returns the parts that were there. */
  upsert(entity: EntityInput, changes: PropertyChanges, options?: PatchOptions): number {
    return this.#graph.upsert(entity, changes, options)
  }

  /**
   * States absence. A node whose edges hold in the period is refused (ConnectedEdges) unless they
   * are deleted too or `detach` cuts them. Returns the parts removed; 0 is no error.
   */
  delete(entity: EntityInput, options?: DeleteOptions): number {
    return this.#graph.delete(entity, options)
  }

  override keys<Name extends NamedValueEncoding = 'value'>(
    keyspace: string,
    options?: { readonly values?: Name | undefined },
  ): KeyTransaction<ValuesByEncoding[Name], ValueInputsByEncoding[Name]>
  override keys<V>(keyspace: string, options: KeyspaceOptions<V>): KeyTransaction<V, V>
  override keys(
    keyspace: string,
    options?: KeyspaceOptions<unknown>,
  ): KeyTransaction<unknown, unknown> {
    checkKeyspace(keyspace)
    return new KeyTransaction<unknown, unknown>(keyspace, this.context, {
      point: this.point,
      core: this.#core,
      timeZone: this.#settings.timeZone,
      values: valuesOf(options),
    })
  }

  /**
   * Sets a point to go back to within this transaction. To set one costs nothing that grows; to
   * roll back costs what is undone. On a transaction that only reads it has nothing to undo.
   * Identities of what is undone are not given out again in this transaction.
   */
  savepoint(name?: string): Savepoint {
    return this.#core.savepoints.set(name)
  }

  /** As `rollback` of the savepoint that was last set with this name; `NoSavepoint` if none is. */
  rollbackTo(name: string): void {
    this.#core.savepoints.rollbackTo(name)
  }

  /** As `release` of the savepoint that was last set with this name; `NoSavepoint` if none is. */
  release(name: string): void {
    this.#core.savepoints.release(name)
  }

  /** Declares an index over a property of the nodes with a label, for the present and the past. */
  createIndex(label: string, property: string): void {
    this.#declare('index', { label, properties: [property] }, true)
  }

  dropIndex(label: string, property: string): void {
    this.#drop('index', { label, properties: [property] })
  }

  /**
   * Declares that no two nodes with the label hold the same values of these properties at the same
   * valid time. What is there now is checked at commit; past beliefs are not.
   */
  createUnique(label: string, properties: readonly string[], options: UniqueOptions = {}): void {
    this.#declare('unique', { label, properties }, options.over ?? true)
  }

  dropUnique(label: string, properties: readonly string[]): void {
    this.#drop('unique', { label, properties })
  }

  /**
   * Says how long what was known of the nodes with a label, of the edges of a type or of the keys
   * of a keyspace is told. Without a rule that is for ever with nodes and edges, and with keys what
   * the opening says: only what is known now, unless it was opened with another `keyRetention`.
   * `default` takes a rule away. What is older goes at the next `prune`, and by itself when there
   * is as much of it as of all else. What is valid now or was valid in the past is not touched by
   * that, only what was believed before it was corrected or replaced.
   */
  setRetention(of: RetentionTarget, keep: Retention | 'default'): void {
    const { kind, name } = kindOfTarget(of)
    if (kind === 'key') checkKeyspace(name)
    if (keep !== 'default') checkRetention(keep)
    const writer = this.#schemaWriter()
    const key = ['retention', kind, name]
    // Of nodes and edges all is kept where nothing else is said.
    if (keep === 'default' || (keep === 'forever' && kind !== 'key')) {
      writer.delete(key, alwaysPeriod)
      return
    }
    writer.put(key, retentionToKeep(keep), { period: alwaysPeriod, skipUnchanged: true })
  }

  #declare(what: 'index' | 'unique', over: IndexNames, value: ValueInput): void {
    checkNames(over)
    const key = latin1ToKey(schemaKey(what, over))
    this.#schemaWriter().put(key, value, { period: alwaysPeriod, skipUnchanged: true })
  }

  #drop(what: 'index' | 'unique', over: IndexNames): void {
    checkNames(over)
    const key = latin1ToKey(schemaKey(what, over))
    if (this.#schemaWriter().delete(key, alwaysPeriod) > 0) return
    throw new DatabaseError(
      'IndexNotFound',
      `there is no ${what} over ${over.label} (${over.properties.join(', ')}) to drop`,
    )
  }

  #schemaWriter(): KeyWriter {
    return new KeyWriter(schemaKeyspace, this.#core)
  }
}

interface IndexNames {
  readonly label: string
  readonly properties: readonly string[]
}

function checkNames({ label, properties }: IndexNames): void {
  const areNames = [label, ...properties].every((name) => typeof name === 'string' && name !== '')
  if (areNames && properties.length > 0) return
  throw new DatabaseError('InvalidArgument', 'name a label and at least one property')
}
