import { ByteWriter } from '../encoding/bytes.ts'
import { describeKey } from '../encoding/describe-key.ts'
import { bytesToKey } from '../encoding/ordered-key.ts'
import type { Host } from '../host/host.ts'
import type { Observer } from '../observe/observer.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant, must } from '../rules/invariant.ts'
import { type EntityKind, entityId, entityKinds } from '../versions/entity.ts'
import type { KeyIndex } from '../versions/key-index.ts'
import { type KeyNames, schemaKeyspace } from '../versions/key-names.ts'
import type { EdgeTable, Tables } from '../versions/tables.ts'
import { rowsMax } from '../versions/word-column.ts'
import type { BatchApplier, LoggedBatch } from './apply.ts'
import { type BatchContent, type EdgeDefinition, encodeBatch, type KeyDefinition } from './batch.ts'
import { type Isolation, TransactionCore } from './transaction-core.ts'

/** Where batches go to become durable. */
export interface CommitLog {
  /** Takes a batch, in sequence; throws when the log can take no more. */
  append(batch: LoggedBatch): void
  /** Resolves when the batch is as durable as was asked for; rejects when it can't be. */
  acknowledged(sequence: number): Promise<void>
}

/** A rule over the final state of a transaction, checked inside the commit's own turn. */
export interface CommitCheck {
  /** Throws the `DatabaseError` that says what is violated. `core` sees the newest state. */
  check(core: TransactionCore): void
}

/** What commits are built on and applied to. */
export interface CommitTarget {
  readonly tables: Tables
  readonly keyIndex: KeyIndex
  readonly applier: BatchApplier
  readonly checks: readonly CommitCheck[]
}

export interface CommitOptions {
  /** Encoded metadata (who, why, source). */
  readonly meta: Uint8Array | undefined
  /** Import mode: the system time to give, microseconds since 1970. */
  readonly system?: bigint | undefined
}

/**
 * Turns transactions into commits. Everything from validation to applying happens in one
 * synchronous section, so commits are totally ordered without a lock; only durability is awaited.
 * Writers build on what is applied, readers see what is acknowledged.
 */
export class CommitPipeline {
  readonly #host: Host
  #tables: Tables
  #keyIndex: KeyIndex
  #applier: BatchApplier
  #checks: readonly CommitCheck[]
  readonly #writer = new ByteWriter()
  readonly #observer: Observer | undefined
  #openTransactions = 0
  readonly #onFinished = (): void => {
    this.#openTransactions--
    invariant(this.#openTransactions >= 0, 'a transaction ends once')
  }
  #log: CommitLog
  #readFloor: bigint
  /** Set when memory fell behind the log: nothing may be built on it any more. */
  #failure: unknown
  #clockAheadMicros = 0n

  constructor(
    parts: {
      readonly host: Host
      readonly log: CommitLog
      readonly observer?: Observer | undefined
    } & CommitTarget,
  ) {
    this.#observer = parts.observer
    this.#host = parts.host
    this.#log = parts.log
    this.#tables = parts.tables
    this.#keyIndex = parts.keyIndex
    this.#applier = parts.applier
    this.#checks = parts.checks
    this.#readFloor = this.lastSystemTime
  }

  /**
   * Goes on with other tables, which hold the same commits. What was begun on the ones before and
   * states something can't be committed any more: it meets `Conflict`.
   */
  adopt(target: CommitTarget): void {
    const { tables } = target
    invariant(tables.commits.sequence === this.appliedSequence, 'no commit is left behind')
    invariant(tables.commits.lastSystemTime === this.lastSystemTime, 'they are the same commits')
    this.#tables = tables
    this.#keyIndex = target.keyIndex
    this.#applier = target.applier
    this.#checks = target.checks
  }

  get appliedSequence(): number {
    return this.#tables.commits.sequence
  }

  /** Transactions that are neither committed nor cancelled. */
  get openTransactions(): number {
    return this.#openTransactions
  }

  /** System time of the newest applied commit, microseconds; the smallest integer before any. */
  get lastSystemTime(): bigint {
    return this.#tables.commits.lastSystemTime
  }

  /** How far system time runs ahead of the wall clock, because the clock was set back. */
  get clockAheadMicros(): bigint {
    return this.#clockAheadMicros
  }

  /** No commit will get a system time at or before `micros`, because someone has read there. */
  raiseReadFloor(micros: bigint): void {
    if (micros > this.#readFloor) this.#readFloor = micros
  }

  begin(options: {
    isolation: Isolation
    isReadonly: boolean
    system?: bigint | undefined
    /** The state to build on. Default: everything applied. */
    sequence?: number | undefined
  }): TransactionCore {
    const { commits } = this.#tables
    const wall = BigInt(this.#host.clock.wallMicros())
    const last = this.lastSystemTime
    const now = options.system ?? (wall > last ? wall : last + 1n)
    const core = new TransactionCore({
      tables: this.#tables,
      keyIndex: this.#keyIndex,
      sequence: options.sequence ?? commits.sequence,
      now,
      isolation: options.isolation,
      isReadonly: options.isReadonly,
      onFinished: this.#onFinished,
    })
    this.#openTransactions++
    return core
  }

  /**
   * Commits a transaction: validated, numbered, enqueued and applied when it returns its sequence;
   * undefined when it stated nothing. Await `acknowledged` before telling anyone. Throws an error
   * of kind retry when it lost to a commit since its snapshot, and whatever a check throws; then
   * nothing of it remains.
   */
  commit(core: TransactionCore, options: CommitOptions): number | undefined {
    core.mustBeOpen()
    try {
      if (core.isEmpty) {
        core.cancel()
        return undefined
      }
      core.mustBeCurrent()
      invariant(core.tables === this.#tables, 'a transaction is committed where it was begun')
      if (this.#failure !== undefined) throw behindItsLog(this.#failure)
      this.#validate(core)
      const systemTime = this.#systemTimeFor(core, options.system)
      const sequence = this.appliedSequence + 1
      this.#writer.reset()
      invariant(sequence > core.sequence, 'a commit is later than what it was begun on')
      encodeBatch(this.#writer, this.#contentOf(core, options.meta), this.#tables)
      const { bytes, start, end } = this.#writer.cut()
      const batch = { sequence, systemTime, payload: bytes.subarray(start, end) }
      this.#mustHaveRoom(core, batch.payload.length)
      this.#log.append(batch)
      this.#applyLogged(batch)
      core.markCommitted()
      return sequence
    } catch (error) {
      core.cancel()
      throw error
    }
  }

  /** Refuses what the tables could not take, before it is in the log for ever. */
  #mustHaveRoom(core: TransactionCore, bytes: number): void {
    for (const kind of entityKinds) {
      const { count, arena } = this.#tables.versions(kind)
      arena.mustHaveRoom(bytes)
      if (count + core.tail.events.length <= rowsMax) continue
      throw new DatabaseError(
        'LimitExceeded',
        `a database holds at most ${rowsMax} versions of ${kind}s; split it`,
      )
    }
    this.#tables.keyNames.arena.mustHaveRoom(bytes)
    this.#tables.commits.arena.mustHaveRoom(bytes)
  }

  #applyLogged(batch: LoggedBatch): void {
    try {
      this.#applier.apply(batch)
      invariant(this.appliedSequence === batch.sequence, 'a commit advances the sequence by one')
    } catch (error) {
      this.#failure = error
      const failure = behindItsLog(error)
      this.#observer?.noteBehindLog(failure)
      throw failure
    }
  }

  /** Resolves when a commit is as durable as the database promises. */
  acknowledged(sequence: number): Promise<void> {
    return this.#log.acknowledged(sequence)
  }

  /** First committer wins; then what was read; then the rules over the final state. */
  #validate(core: TransactionCore): void {
    const hasRivals = core.sequence !== this.appliedSequence
    if (hasRivals) this.#refuseRivals(core)
    for (const check of this.#checks) {
      try {
        check.check(core.onto(this.appliedSequence))
      } catch (error) {
        if (!hasRivals || !(error instanceof DatabaseError) || error.kind !== 'invalid') throw error
        throw new DatabaseError(
          'Conflict',
          `another transaction committed first (${error.message}); run this one again`,
          { cause: error, details: error.details },
        )
      }
    }
  }

  /** Every row that commits since the snapshot added is held against what was written and read. */
  #refuseRivals(core: TransactionCore): void {
    const isSerializable = core.isolation === 'serializable'
    for (const kind of entityKinds) {
      const table = this.#tables.versions(kind)
      const isInReadKeys = kind === 'key' ? core.reads.keysIfAny?.test(this.#tables) : undefined
      for (let row = core.counts[kind]; row < table.count; row++) {
        const ordinal = table.entityOf(row)
        const isWritten = core.tail.newest(kind, ordinal) !== undefined
        const isRead =
          isSerializable &&
          !isWritten &&
          (core.reads.has(entityId(kind, ordinal)) ||
            isInReadKeys?.(ordinal) === true ||
            core.reads.isChangedBy(kind, ordinal))
        if (isWritten || isRead) throw this.#conflict(kind, ordinal, isWritten)
      }
    }
  }

  /** Keys that the engine keeps for itself are not told apart from what they stand for. */
  #conflict(kind: EntityKind, ordinal: number, isWritten: boolean): DatabaseError {
    const id = entityId(kind, ordinal)
    const how = isWritten ? 'written' : 'read'
    const { keyNames, symbols } = this.#tables
    const keyspace = kind === 'key' ? symbols.name(keyNames.keyspace(ordinal)) : undefined
    if (keyspace === undefined || keyspace === schemaKeyspace) {
      return new DatabaseError(
        'Conflict',
        `${kind} ${id}, which this transaction has ${how}, was changed by another commit since ` +
          'it began; run the transaction again',
        { details: { id, entity: kind, how } },
      )
    }
    const key = bytesToKey(keyNames.bytes(ordinal))
    return new DatabaseError(
      isWritten ? 'KeyWriteConflict' : 'KeyReadConflict',
      `the key ${describeKey(key)} of keyspace ${keyspace}, which this transaction has ${how}, ` +
        'was changed by another commit since it began; run the transaction again',
      { details: { keyspace, key, id } },
    )
  }

  #systemTimeFor(core: TransactionCore, system: bigint | undefined): bigint {
    const wall = BigInt(this.#host.clock.wallMicros())
    const last = this.lastSystemTime
    if (system !== undefined) {
      if (system <= last || system <= this.#readFloor) {
        throw new DatabaseError(
          'NotMonotonic',
          'the system time of an imported commit must be later than the last commit',
          { details: { system, last } },
        )
      }
      return system
    }
    let time = wall
    if (time <= last) time = last + 1n
    if (time <= this.#readFloor) time = this.#readFloor + 1n
    if (time < core.now) time = core.now
    this.#clockAheadMicros = time > wall ? time - wall : 0n
    invariant(time > last && time > this.#readFloor, 'system time moves on past all that was read')
    invariant(time >= core.now, 'a commit is not known before what it says of its now')
    return time
  }

  #contentOf(core: TransactionCore, meta: Uint8Array | undefined): BatchContent {
    const { edgeEnds, keyNames } = this.#tables
    return {
      meta,
      symbols: core.unloggedSymbols(),
      edges: new DefinedEdges(core.tail.edges, edgeEnds),
      keys: new DefinedKeys(core.unloggedKeys(), keyNames),
      removals: core.removals,
      events: core.tail.events,
    }
  }
}

/** Edges by their ordinals, each looked up in the table when its turn comes. */
class DefinedEdges implements Iterable<EdgeDefinition> {
  readonly #ordinals: readonly number[]
  readonly #edgeEnds: EdgeTable

  constructor(ordinals: readonly number[], edgeEnds: EdgeTable) {
    this.#ordinals = ordinals
    this.#edgeEnds = edgeEnds
  }

  get length(): number {
    return this.#ordinals.length
  }

  *[Symbol.iterator](): Generator<EdgeDefinition> {
    for (const ordinal of this.#ordinals) yield { ordinal, ...this.#edgeEnds.ends(ordinal) }
  }
}

/** Keys likewise. */
class DefinedKeys {
  readonly #ordinals: readonly number[]
  readonly #keyNames: KeyNames

  constructor(ordinals: readonly number[], keyNames: KeyNames) {
    this.#ordinals = ordinals
    this.#keyNames = keyNames
  }

  get length(): number {
    return this.#ordinals.length
  }

  at(index: number): KeyDefinition {
    const ordinal = must(this.#ordinals[index], 'the ordinal of a key')
    const { bytes, start, end } = this.#keyNames.slice(ordinal)
    return { ordinal, keyspace: this.#keyNames.keyspace(ordinal), bytes, start, end }
  }
}

function behindItsLog(cause: unknown): DatabaseError {
  return new DatabaseError(
    'Poisoned',
    `a commit is in the log but could not be applied (${String(cause)}); open the database again`,
    { cause },
  )
}
