import type { TransactionCore } from './commit/transaction-core.ts'
import type { InstantInput } from './encoding/instant.ts'
import type { KeyInput } from './encoding/ordered-key.ts'
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
import { type PeriodOptions, writePeriod } from './graph/period-options.ts'
import { schemaKey, schemaKeyspace } from './graph/schema.ts'
import { type KeyWritePeriod, KeyWriter } from './keys/key-writer.ts'
import { latin1ToKey } from './encoding/ordered-key.ts'
import { checkRetention, kindOfTarget, type Retention, type RetentionTarget } from './retention.ts'
import { DatabaseError } from './rules/errors.ts'
import { alwaysSpan } from './versions/periods.ts'
import { KeyView, View, type ViewContext, type ViewPoint } from './view.ts'

export interface KeyWriteOptions extends PeriodOptions {
  /** Record nothing where nothing would change. */
  readonly skipUnchanged?: boolean | undefined
}

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

  override keys(keyspace: string): KeyTransaction {
    checkKeyspace(keyspace)
    return new KeyTransaction(keyspace, this.context, {
      point: this.point,
      core: this.#core,
      settings: this.#settings,
    })
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
   * of a keyspace is told. Default: for ever. What is older goes at the next `prune`, and by itself
   * when versions have doubled since the last time. What is valid now or was valid in the past is
   * not touched by that, only what was believed before it was corrected or replaced.
   */
  setRetention(of: RetentionTarget, keep: Retention): void {
    const { kind, name } = kindOfTarget(of)
    if (kind === 'key') checkKeyspace(name)
    checkRetention(keep)
    const writer = this.#schemaWriter()
    const key = ['retention', kind, name]
    if (keep === 'forever') writer.delete(key, alwaysPeriod)
    else {
      const value = keep === 'present' ? keep : keep.keepMs
      writer.put(key, value, { period: alwaysPeriod, skipUnchanged: true })
    }
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

/** Refuses what is no name of a user's keyspace. */
export function checkKeyspace(keyspace: unknown): void {
  if (typeof keyspace === 'string' && keyspace !== '' && keyspace !== schemaKeyspace) return
  throw new DatabaseError(
    'InvalidArgument',
    `a keyspace is a non-empty name other than '${schemaKeyspace}'`,
  )
}

interface IndexNames {
  readonly label: string
  readonly properties: readonly string[]
}

const alwaysPeriod: KeyWritePeriod = { span: alwaysSpan, isUntilNext: false }

function checkNames({ label, properties }: IndexNames): void {
  const areNames = [label, ...properties].every((name) => typeof name === 'string' && name !== '')
  if (areNames && properties.length > 0) return
  throw new DatabaseError('InvalidArgument', 'name a label and at least one property')
}

interface KeyTransactionParts {
  readonly point: ViewPoint
  readonly core: TransactionCore
  readonly settings: GraphSettings
}

/** One keyspace within a transaction. Writes hold always, unless a period is given. */
export class KeyTransaction extends KeyView {
  readonly #writer: KeyWriter
  readonly #core: TransactionCore
  readonly #settings: GraphSettings

  constructor(keyspace: string, context: ViewContext, parts: KeyTransactionParts) {
    super(keyspace, context, parts.point)
    this.#writer = new KeyWriter(keyspace, parts.core)
    this.#core = parts.core
    this.#settings = parts.settings
  }

  put(key: KeyInput, value: ValueInput, options: KeyWriteOptions = {}): number {
    const skipUnchanged = options.skipUnchanged === true
    return this.#writer.put(key, value, { period: this.#period(options), skipUnchanged })
  }

  /** Returns the parts removed; 0 is no error. */
  delete(key: KeyInput, options: PeriodOptions = {}): number {
    return this.#writer.delete(key, this.#period(options))
  }

  #period(options: KeyWriteOptions): KeyWritePeriod {
    const { validFrom, validTo, valid, until } = options
    const isDefault =
      validFrom === undefined && validTo === undefined && valid === undefined && until === undefined
    if (isDefault) return alwaysPeriod
    const context = { now: this.#core.now, timeZone: this.#settings.timeZone }
    const { span, isUntilNext } = writePeriod({ validFrom, validTo, valid, until }, context)
    return { span, isUntilNext }
  }
}

export type { InstantInput }
