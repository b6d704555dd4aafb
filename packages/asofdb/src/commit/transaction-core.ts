import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { type EntityKind, ordinalMax } from '../versions/entity.ts'
import type { KeyIndex } from '../versions/key-index.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import { sliceOf } from '../versions/payload-slice.ts'
import { alwaysSpan, type Span, spanToWords } from '../versions/periods.ts'
import type { RowCounts } from '../versions/commit-table.ts'
import type { Removal } from '../versions/removals.ts'
import type { EdgeEnds, Tables } from '../versions/tables.ts'
import type { VersionEvent } from '../versions/timeline.ts'
import { ReadSet } from './read-set.ts'
import { Savepoints } from './savepoints.ts'
import { type OwnStatement, Tail, type TailPosition } from './tail.ts'

export type Isolation = 'serializable' | 'snapshot'

export interface TransactionStart {
  readonly tables: Tables
  readonly keyIndex: KeyIndex
  /** The applied sequence that the transaction builds on. */
  readonly sequence: number
  /** The transaction's now, microseconds since 1970. */
  readonly now: bigint
  readonly isolation: Isolation
  readonly isReadonly: boolean
  /** Called once, when it is committed or cancelled. */
  readonly onFinished?: (() => void) | undefined
}

/** Where a transaction stood. */
export interface CorePosition {
  readonly tail: TailPosition
  readonly nodes: number
  readonly symbols: number
  readonly removals: number
}

const none: readonly number[] = []
const noRemovals: readonly Removal[] = []
const alwaysInWords = { span: alwaysSpan, words: spanToWords(alwaysSpan) }

/**
 * An open transaction without regard to models: a snapshot, the private tail on top of it, what
 * was read, and the identities it was given.
 */
export class TransactionCore {
  readonly tables: Tables
  readonly keyIndex: KeyIndex
  readonly sequence: number
  #counts: RowCounts
  readonly now: bigint
  readonly isolation: Isolation
  readonly isReadonly: boolean
  readonly tail: Tail
  readonly reads = new ReadSet()
  /** What the commit is to take away from the past; see `takeAway`. */
  #removals: Removal[] | undefined
  /** Symbols that no committed batch defined when they were first used, in that order. */
  #newSymbols: Set<number> | undefined
  readonly #newSymbolsInOrder: number[] = []
  #savepoints: Savepoints<CorePosition> | undefined
  /** Nodes that it created, ascending; its edges are in the tail. */
  readonly #nodes: number[] = []
  /** Nodes and edges whose creation was undone. */
  #undone: { readonly nodes: Set<number>; readonly edges: Set<number> } | undefined
  /** The last span asked about, in words: bulk writes ask about the same one again and again. */
  #words = alwaysInWords
  #state: 'open' | 'committed' | 'cancelled' = 'open'
  readonly #onFinished: (() => void) | undefined

  constructor(start: TransactionStart) {
    this.tables = start.tables
    this.tail = new Tail(start.tables.edgeEnds)
    this.keyIndex = start.keyIndex
    this.sequence = start.sequence
    this.#counts = start.tables.commits.counts(start.sequence)
    this.now = start.now
    this.isolation = start.isolation
    this.isReadonly = start.isReadonly
    this.#onFinished = start.onFinished
  }

  /** The version rows that belong to the snapshot. */
  get counts(): RowCounts {
    return this.#counts
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether what it reads may make it lose a race. */
  get tracksReads(): boolean {
    return this.isolation === 'serializable' && !this.isReadonly
  }

  get removals(): readonly Removal[] {
    return this.#removals ?? noRemovals
  }

  /** Whether there is nothing to commit. */
  get isEmpty(): boolean {
    return this.tail.events.length === 0 && this.removals.length === 0
  }

  /** Has the commit take something away from the past. */
  takeAway(removal: Removal): void {
    this.mustBeWritable()
    invariant(removal.kind !== 'rewritten', 'only compaction makes tables anew')
    invariant(removal.sequence <= this.tables.commits.sequence + 1, 'a horizon is no later commit')
    this.#removals ??= []
    this.#removals.push(removal)
  }

  /** Symbols in use that no committed batch defines yet. */
  unloggedSymbols(): readonly number[] {
    const symbols = this.#newSymbolsInOrder
    if (symbols.length === 0) return none
    return symbols.filter((symbol) => !this.tables.symbols.isLogged(symbol))
  }

  /** Ordinals of keys written to that no committed batch defines yet. */
  unloggedKeys(): readonly number[] {
    if (!this.tail.has('key')) return none
    const keys: number[] = []
    for (const { kind, ordinal, earlier } of this.tail.events) {
      if (kind !== 'key' || earlier !== undefined) continue
      if (this.tables.key.head(ordinal) < 0) keys.push(ordinal)
    }
    return keys
  }

  mustBeOpen(): void {
    if (this.#state === 'open') return
    throw new DatabaseError(
      'TransactionFinished',
      `this transaction was ${this.#state}; start another one with write or begin`,
    )
  }

  /** Throws `Conflict` when the tables that it was begun on have been replaced since. */
  mustBeCurrent(): void {
    if (!this.tables.isReplaced) return
    throw new DatabaseError(
      'Conflict',
      'the database was compacted since this transaction began; run the transaction again',
    )
  }

  mustBeWritable(): void {
    this.mustBeOpen()
    if (this.isReadonly) {
      throw new DatabaseError(
        'TimeReadOnly',
        'this transaction was begun with readonly; begin one without it to write',
      )
    }
  }

  get savepoints(): Savepoints<CorePosition> {
    this.#savepoints ??= new Savepoints(this)
    return this.#savepoints
  }

  /** Where it stands, to be gone back to. */
  position(): CorePosition {
    return {
      tail: this.tail.position(),
      nodes: this.#nodes.length,
      symbols: this.#newSymbolsInOrder.length,
      removals: this.#removals?.length ?? 0,
    }
  }

  /**
   * Undoes what was stated since. Reads stay, because their answers may have led to what follows.
   * Identities are not given out again before the end: what still refers to one finds nothing, and
   * never somebody else.
   */
  takeBackTo(position: CorePosition): void {
    this.mustBeOpen()
    const edges = this.tail.takeBackTo(position.tail)
    const nodes = this.#nodes.splice(position.nodes)
    if (edges.length + nodes.length > 0) {
      this.#undone ??= { nodes: new Set(), edges: new Set() }
      for (const node of nodes) this.#undone.nodes.add(node)
      for (const edge of edges) this.#undone.edges.add(edge)
    }
    // Names that only undone statements used have no place in the batch.
    const symbols = this.#newSymbolsInOrder.splice(position.symbols)
    for (const symbol of symbols) this.#newSymbols?.delete(symbol)
    this.#removals?.splice(position.removals)
    invariant(this.tail.events.length === position.tail.events, 'all that is undone is gone')
  }

  /**
   * The number of a name that this transaction is about to store. To be asked for at each
   * statement: what an undone one used is not defined by the commit.
   */
  symbol(name: string): number {
    const { symbols } = this.tables
    const symbol = symbols.intern(name)
    if (!symbols.isLogged(symbol)) {
      this.#newSymbols ??= new Set()
      if (!this.#newSymbols.has(symbol)) this.#newSymbolsInOrder.push(symbol)
      this.#newSymbols.add(symbol)
    }
    return symbol
  }

  /**
   * Moves the snapshot to the newest applied state, for the checks of a commit that has already
   * been found free of conflicts with it. Returns itself.
   */
  onto(sequence: number): this {
    invariant(this.isOpen, 'only an open transaction is checked')
    invariant(sequence >= this.sequence, 'a snapshot is only moved forwards')
    this.#counts = this.tables.commits.counts(sequence)
    return this
  }

  /** Whether an entity was committed, or is stated about by this transaction. */
  knows(kind: EntityKind, ordinal: number): boolean {
    if (this.tables.versions(kind).head(ordinal) >= 0) return true
    return this.tail.newest(kind, ordinal) !== undefined
  }

  allocateNode(): number {
    invariant(this.isOpen, 'only an open transaction is given identities')
    const ordinal = this.tables.nodesAllocated
    checkOrdinal(ordinal, 'nodes')
    this.tables.nodesAllocated++
    invariant(this.tables.node.head(ordinal) < 0, 'a node that is created has no version yet')
    this.#nodes.push(ordinal)
    return ordinal
  }

  allocateEdge(ends: EdgeEnds): number {
    invariant(this.isOpen, 'only an open transaction is given identities')
    const ordinal = this.tables.edgeEnds.column.count
    checkOrdinal(ordinal, 'edges')
    invariant(this.tables.edge.head(ordinal) < 0, 'an edge that is created has no version yet')
    this.tables.edgeEnds.define(ordinal, ends)
    this.tail.edges.push(ordinal)
    return ordinal
  }

  /** The ordinal of a key, a new one if the key has none yet. */
  allocateKey(keyspace: number, name: string): number {
    invariant(this.isOpen, 'only an open transaction is given identities')
    const ordinal = this.keyIndex.findOrAdd(keyspace, name)
    checkOrdinal(ordinal, 'keys')
    invariant(this.tables.keyNames.has(ordinal), 'a key that is written to has an identity')
    return ordinal
  }

  /** Own statements about an entity and those of the snapshot, newest first. */
  *events(kind: EntityKind, ordinal: number): Generator<VersionEvent> {
    yield* this.tail.of(kind, ordinal)
    yield* storedEvents(this.tables, kind, { ordinal, rows: this.counts[kind] })
  }

  /**
   * Whether the newest statement about an entity, own or stored, is of presence over a whole span:
   * the common case, told without looking at any other. False says nothing.
   */
  newestHolds(kind: EntityKind, ordinal: number, span: Span): boolean {
    const own = this.tail.newest(kind, ordinal)
    if (own !== undefined) {
      return own.payload !== undefined && own.from <= span.from && own.to >= span.to
    }
    if (this.#words.span.from !== span.from || this.#words.span.to !== span.to) {
      this.#words = { span, words: spanToWords(span) }
    }
    const table = this.tables.versions(kind)
    return table.newestHolds(ordinal, this.#counts[kind], this.#words.words)
  }

  record(kind: EntityKind, ordinal: number, statement: OwnStatement): void {
    this.tail.record(kind, ordinal, statement)
  }

  /** The first statement about an entity that this transaction has just been given. */
  recordFirst(kind: EntityKind, ordinal: number, statement: OwnStatement): void {
    this.tail.recordFirst(kind, ordinal, statement)
  }

  markCommitted(): void {
    invariant(this.isOpen, 'a transaction is committed once')
    this.#state = 'committed'
    this.#onFinished?.()
    if (this.#undone !== undefined) this.#giveBack([], [])
  }

  /**
   * Ends the transaction without a commit. Identities are given back when nobody has been given a
   * later one; else they stay unused for ever.
   */
  cancel(): void {
    if (this.#state !== 'open') return
    this.#state = 'cancelled'
    this.#onFinished?.()
    this.#giveBack(this.#nodes, this.tail.edges)
  }

  /** Takes back the identities of what never came to be, from the last one on. */
  #giveBack(nodes: number[], edges: number[]): void {
    const { tables } = this
    const { edgeEnds } = tables
    while (takeOut(tables.nodesAllocated - 1, nodes, this.#undone?.nodes)) tables.nodesAllocated--
    while (takeOut(edgeEnds.column.count - 1, edges, this.#undone?.edges)) {
      edgeEnds.takeBack(edgeEnds.column.count - 1)
    }
    invariant(tables.nodesAllocated >= tables.node.entityCount, 'committed nodes stay allocated')
  }
}

/** Takes an ordinal out of those that ascend or out of the others; false where it is in neither. */
function takeOut(ordinal: number, ascending: number[], others: Set<number> | undefined): boolean {
  if (ascending.at(-1) !== ordinal) return others?.delete(ordinal) === true
  ascending.pop()
  return true
}

/** The stored versions of an entity within a row count, newest first. */
export function* storedEvents(
  tables: Tables,
  kind: EntityKind,
  entity: { readonly ordinal: number; readonly rows: number },
): Generator<VersionEvent> {
  const table = tables.versions(kind)
  for (const row of table.rowsOf(entity.ordinal, entity.rows)) {
    yield new StoredEvent(tables, kind, row)
  }
}

/** A version row as an event; its commit is looked up only when asked for. */
class StoredEvent implements VersionEvent {
  readonly from: bigint
  readonly to: bigint
  readonly payload: PayloadSlice | undefined
  readonly #tables: Tables
  readonly #kind: EntityKind
  readonly #row: number

  constructor(tables: Tables, kind: EntityKind, row: number) {
    const table = tables.versions(kind)
    const reference = table.payloadOf(row)
    this.from = table.from(row)
    this.to = table.to(row)
    this.payload = reference === 0 ? undefined : sliceOf(table.arena, reference)
    this.#tables = tables
    this.#kind = kind
    this.#row = row
  }

  get sequence(): number {
    return this.#tables.commits.sequenceOfRow(this.#kind, this.#row)
  }
}

function checkOrdinal(ordinal: number, what: string): void {
  if (ordinal < ordinalMax) return
  throw new DatabaseError('LimitExceeded', `a database holds at most ${ordinalMax} ${what}`)
}
