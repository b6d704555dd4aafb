import type { CommitPipeline } from './commit/commit-pipeline.ts'
import type { Isolation, TransactionCore } from './commit/transaction-core.ts'
import { ByteWriter } from './encoding/bytes.ts'
import { type InstantInput, instantToMicros, microsToInstant } from './encoding/instant.ts'
import { encodeValue } from './encoding/value.ts'
import type { GraphSettings } from './graph/graph-writer.ts'
import type { CommitMeta } from './graph/history.ts'
import { metaOf } from './graph/history.ts'
import { changesBetween, type ChangesSelection, type CommitRecord } from './changes.ts'
import {
  compareViews,
  type DiffEntry,
  netDifferences,
  type NetDiffEntry,
  type NetDiffOptions,
} from './compare.ts'
import { graphIndexChecks } from './graph/index-checks.ts'
import type { Host } from './host/host.ts'
import type { WriteDurability } from './log/durability-options.ts'
import type { EventName, Listener } from './observe/events.ts'
import type { Health } from './observe/health.ts'
import type { Observer } from './observe/observer.ts'
import { DatabaseError, isDatabaseError } from './rules/errors.ts'
import { collectHealth, collectStats, type Stats } from './storage.ts'
import type { Storage, VerifyReport } from './storage.ts'
import { CurrentKeys } from './current-keys.ts'
import { type CommitInfo, OpenTransaction } from './open-transaction.ts'
import { Transaction } from './transaction.ts'
import { copyDatabase } from './transfer/copy-database.ts'
import { absolutePath, mustBeApart } from './transfer/target-directory.ts'
import type {
  BackupOptions,
  BackupReport,
  ForkOptions,
  ForkReport,
} from './transfer/transfer-options.ts'
import { type Coordinates, type KeyView, View, type ViewContext, type ViewPoint } from './view.ts'
import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import type { RecoveryReport } from './recovery/report.ts'
import type { GraphReader } from './graph/graph-reader.ts'
import { beginningMicros } from './versions/periods.ts'
import type { Tables } from './versions/tables.ts'

export interface WriteOptions {
  /** Who, why and from what source: kept with the commit, shown by provenance and changes. */
  readonly meta?: CommitMeta | undefined
  /** Default: serializable. */
  readonly isolation?: Isolation | undefined
  /**
   * What this commit must survive before the call resolves, beyond what the database was opened
   * to promise: `sync` a power cut, `os` the death of the process. Others are not held up, and
   * readers see the commit as early as any. Less than the database promises changes nothing.
   */
  readonly durability?: WriteDurability | undefined
  /** How often a closure that lost a race runs again. Default: 10. */
  readonly retries?: number | undefined
}

export interface ImportOptions extends WriteOptions {
  /** The system time of the commit: later than the last commit, not in the future. */
  readonly system: InstantInput
}

export interface BeginOptions extends Omit<WriteOptions, 'retries'> {
  readonly readonly?: boolean | undefined
}

const retriesDefault = 10
const retryDelayMs = 2

/** The parts that `open` wires together. */
export interface DatabaseParts {
  readonly path: string
  readonly host: Host
  readonly observer: Observer
  readonly tables: Tables
  readonly pipeline: CommitPipeline
  readonly context: Omit<ViewContext, 'mustBeReadable'>
  readonly settings: GraphSettings
  readonly storage: Storage
}

/**
 * An open database. Reads answer at once, from what is durable; without further words they look
 * at now, as best known now. Writes resolve when they are as durable as the database was opened
 * to be.
 */
export class Database {
  readonly path: string
  readonly #parts: DatabaseParts
  readonly #context: ViewContext
  readonly #storage: Storage
  #current: View | undefined
  #currentMicros = 0
  #lastCommitView: View | undefined
  /** The reader of that view and its sequence, kept apart because most reads go there. */
  #readerAtLastCommit: GraphReader | undefined
  #readerSequence = 0
  #closing: Promise<void> | undefined

  constructor(parts: DatabaseParts) {
    this.path = parts.path
    this.#parts = parts
    this.#storage = parts.storage
    this.#context = { ...parts.context, mustBeReadable: () => this.#mustBeOpen() }
  }

  /** What opening found and did. */
  get recovery(): RecoveryReport {
    return this.#parts.storage.recovery
  }

  /** The number of the newest commit that readers see. */
  get sequence(): number {
    return this.#parts.storage.acknowledgedSequence
  }

  /**
   * Runs `body` in a transaction and commits what it stated; resolves with its result when that is
   * durable. A body that loses a race runs again, so it should do nothing else than use `tx`. An
   * error thrown by it cancels the transaction.
   */
  write<T>(body: (tx: Transaction) => T | Promise<T>, options: WriteOptions = {}): Promise<T> {
    if ('system' in options) {
      return Promise.reject(
        new DatabaseError(
          'TimeReadOnly',
          'the system time of a commit is given by the database; to replay an older history use ' +
            'import',
        ),
      )
    }
    const { observer } = this.#parts
    return observer.watchWrite('write', () => this.#write(body, options, undefined))
  }

  /** As `write`, but with a system time of the past: for taking over a history in its order. */
  async import<T>(body: (tx: Transaction) => T | Promise<T>, options: ImportOptions): Promise<T> {
    this.#mustBeOpen()
    this.#mustBeOpen()
    const system = instantToMicros(options.system, this.#context.timeZone)
    if (system > this.#nowMicros()) {
      throw new DatabaseError(
        'TimeInFuture',
        `the system time ${microsToInstant(system).toString()} of an import is in the future`,
        { details: { system } },
      )
    }
    if (system <= this.#parts.pipeline.lastSystemTime) {
      throw new DatabaseError(
        'NotMonotonic',
        'the system time of an imported commit must be later than that of the last commit, ' +
          microsToInstant(this.#parts.pipeline.lastSystemTime).toString(),
        { details: { system, last: this.#parts.pipeline.lastSystemTime } },
      )
    }
    const { observer } = this.#parts
    return observer.watchWrite('import', () => this.#write(body, options, system))
  }

  /** Opens a transaction that ends with `commit` or `cancel`; prefer `write`. */
  begin(options: BeginOptions = {}): OpenTransaction {
    this.#mustBeOpen()
    if (options.readonly !== true) this.#parts.storage.mustBeWritable()
    this.#storage.mustSupport(options.durability)
    const core = this.#begin(options, undefined)
    const commit = async (): Promise<CommitInfo | undefined> => {
      this.#mustBeOpen()
      try {
        while (this.#storage.isBehind && !core.isReadonly) await this.#untilRoom()
        if (!core.isReadonly) this.#storage.mustBeWritable()
      } catch (error) {
        core.cancel()
        throw error
      }
      const sequence = this.#parts.pipeline.commit(core, { meta: encodeMeta(options.meta) })
      if (sequence === undefined) return undefined
      await this.#settled(sequence, options.durability)
      return this.commit(sequence)
    }
    const { observer, settings } = this.#parts
    return new OpenTransaction(this.#context, core, {
      settings,
      commit: () => observer.watchWrite('commit', commit),
    })
  }

  /**
   * A view at other coordinates. TimeInFuture for a system time later than now, or than that of a
   * commit that is not durable yet: the answer could not be repeated.
   */
  asOf(at: Coordinates): View {
    this.#mustBeOpen()
    const valid =
      at.valid === undefined ? this.#nowMicros() : instantToMicros(at.valid, this.#context.timeZone)
    return this.#viewAt(this.#sequenceOf(at), valid)
  }

  /** What the database would have answered at an instant: both times set to it. */
  rewind(instant: InstantInput): View {
    return this.asOf({ valid: instant, system: instant })
  }

  /** A view of this moment that stays: later commits don't change it. */
  snapshot(): View {
    this.#mustBeOpen()
    return this.#viewAt(this.sequence, this.#nowMicros())
  }

  node(id: number): ReturnType<View['node']> {
    // What holds from the last commit on for ever holds now, whatever the clock says: reading the
    // clock would cost more than reading the node.
    const reader = this.#readerAtLastCommit
    if (reader !== undefined && this.#readerSequence === this.#storage.acknowledgedSequence) {
      return reader.openEndedNode(id) ?? this.#now().node(id)
    }
    return this.#atLastCommit().openEndedNode(id) ?? this.#now().node(id)
  }

  edge(id: number): ReturnType<View['edge']> {
    return this.#now().edge(id)
  }

  nodes(...args: Parameters<View['nodes']>): ReturnType<View['nodes']> {
    return this.#now().nodes(...args)
  }

  edges(type?: string): ReturnType<View['edges']> {
    return this.#now().edges(type)
  }

  out(...args: Parameters<View['out']>): ReturnType<View['out']> {
    return this.#now().out(...args)
  }

  in(...args: Parameters<View['in']>): ReturnType<View['in']> {
    return this.#now().in(...args)
  }

  targets(id: number, type?: string): number[] {
    return this.#now().targets(id, type)
  }

  sources(id: number, type?: string): number[] {
    return this.#now().sources(id, type)
  }

  timeline(...args: Parameters<View['timeline']>): ReturnType<View['timeline']> {
    return this.#now().timeline(...args)
  }

  provenance(id: number): ReturnType<View['provenance']> {
    return this.#now().provenance(id)
  }

  match(...args: Parameters<View['match']>): ReturnType<View['match']> {
    return this.#now().match(...args)
  }

  /** A keyspace as it is now, at each call anew; one never written to is empty. */
  keys(keyspace: string): KeyView {
    this.#mustBeOpen()
    return new CurrentKeys(keyspace, this.#context, {
      now: () => View.pointOf(this.#now()),
      atLastCommit: () => this.#lastCommit(),
    })
  }

  /** Nodes and edges that differ between two views, with what they were in each. Lazy. */
  diff(before: View, after: View): Generator<DiffEntry> {
    this.#mustBeOpen()
    return compareViews(this.#context, before, after)
  }

  /**
   * Where two states of knowledge differ: for each node and edge the maximal spans of valid time in
   * which they do. A rewrite with equal values gives nothing. Lazy.
   */
  netDiff(options: NetDiffOptions): Generator<NetDiffEntry> {
    this.#mustBeOpen()
    const from = this.#sequenceOf(options.from)
    const to = this.#sequenceOf(options.to)
    return netDifferences(this.#context, { from, to }, options)
  }

  /** The commits in (after, to], oldest first, with everything each stated. Lazy. */
  changes(selection: ChangesSelection = {}): Generator<CommitRecord> {
    this.#mustBeOpen()
    return changesBetween(this.#context, selection, this.sequence)
  }

  /** A commit by its number; undefined when there is none that readers see. */
  commit(sequence: number): CommitInfo | undefined {
    this.#mustBeOpen()
    if (!Number.isInteger(sequence) || sequence < 1 || sequence > this.sequence) return undefined
    const { tables } = this.#parts
    return {
      sequence,
      system: microsToInstant(tables.commits.systemTime(sequence)),
      meta: metaOf(tables, sequence),
    }
  }

  /** Writes what is new since the last checkpoint, so that opening needs less of the log. */
  checkpoint(): Promise<CheckpointReport> {
    this.#mustBeOpen()
    return this.#parts.storage.checkpoint()
  }

  /**
   * Brings a directory to the newest commit: a backup is a database directory with the same id, and
   * one that is there already is brought up to date with what it doesn't have. Commits go on
   * meanwhile; the report says up to which one the backup holds them. What is written is read back.
   *
   * Throws `NotADatabase` and `AlreadyExists` for a directory that holds something else, `Corrupt`
   * when a file of this database is damaged, `Closed` when it is closed meanwhile, `DiskFull`,
   * `IoFailed`. After a failure the backup that was there before is as it was.
   */
  async backup(directory: string, options: BackupOptions = {}): Promise<BackupReport> {
    this.#mustBeOpen()
    return this.#parts.storage.backup(directory, options)
  }

  /**
   * Makes a database of its own, with an id of its own, from the commits up to a sequence or a
   * system time, or from all that readers see: each with its number, system time and metadata.
   * Throws `NotADatabase` and `AlreadyExists` for a directory that is not empty; `InvalidArgument`,
   * `TimeInFuture` for a point that is not there; `DiskFull`, `IoFailed`.
   */
  async fork(directory: string, options: ForkOptions = {}): Promise<ForkReport> {
    this.#mustBeOpen()
    const { toSequence, toTime } = options
    const { host, tables, settings, storage, path } = this.#parts
    const into = absolutePath(directory)
    if (path !== ':memory:') mustBeApart({ source: absolutePath(path), target: into })
    const { origin } = storage
    return copyDatabase({
      host,
      tables,
      sequence: this.#sequenceOf({
        ...(toSequence === undefined ? {} : { sequence: toSequence }),
        ...(toTime === undefined ? {} : { system: toTime }),
      }),
      sourceId: origin.databaseId,
      settings: { ...origin.settings, nodesValid: settings.nodesValid },
      into,
      options,
    })
  }

  /** Reads every file and checks everything against everything. Changes nothing. */
  verify(): Promise<VerifyReport> {
    this.#mustBeOpen()
    return this.#parts.storage.verify(graphIndexChecks(this.#context.indexes))
  }

  /** How much there is of everything, and how it went since the opening. */
  stats(): Stats {
    this.#mustBeOpen()
    const { tables, storage, context, observer, pipeline } = this.#parts
    const { openTransactions } = pipeline
    return collectStats({ tables, indexes: context.indexes, storage, observer, openTransactions })
  }

  /**
   * Whether all is well, and if not, what is the matter, since when, and what to do. Cheap; touches
   * no file; answers once the database is closed, too.
   */
  health(): Health {
    const { observer, pipeline, storage } = this.#parts
    return collectHealth(storage, observer, pipeline.lastSystemTime)
  }

  /**
   * Calls `listener` at each event of this name, until the function that is returned is called.
   * Listeners are called in the microtasks of the turn in which it happened; what one throws is
   * counted in `health` and harms nobody. Throws `InvalidArgument` for a name that is no event.
   */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    this.#mustBeOpen()
    return this.#parts.observer.on(name, listener)
  }

  /** Finishes what is under way, makes a last checkpoint, and lets go of the directory. */
  close(): Promise<void> {
    this.#lastCommitView = undefined
    this.#readerAtLastCommit = undefined
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #close(): Promise<void> {
    const { observer, storage } = this.#parts
    observer.noteClosing()
    return storage.close().then(
      () => observer.noteClosed(undefined),
      (error: unknown) => {
        observer.noteClosed(error)
        throw error
      },
    )
  }

  async #write<T>(
    body: (tx: Transaction) => T | Promise<T>,
    options: WriteOptions,
    system: bigint | undefined,
  ): Promise<T> {
    const retries = options.retries ?? retriesDefault
    const meta = encodeMeta(options.meta)
    this.#storage.mustSupport(options.durability)
    for (let attempt = 0; ; attempt++) {
      this.#mustBeOpen()
      while (this.#storage.isBehind) await this.#untilRoom()
      this.#storage.mustBeWritable()
      const core = this.#begin(options, system)
      let result: T
      try {
        const made = body(new Transaction(this.#context, core, this.#parts.settings))
        result = made instanceof Promise ? await made : made
        this.#mustBeOpen()
        // In the turn of the commit, so that those who waited together don't all go together.
        while (this.#storage.isBehind) await this.#untilRoom()
        this.#storage.mustBeWritable()
      } catch (error) {
        core.cancel()
        throw error
      }
      let sequence: number | undefined
      try {
        sequence = this.#parts.pipeline.commit(core, { meta, system })
      } catch (error) {
        if (!isDatabaseError(error, 'Conflict') || attempt >= retries) throw error
        await this.#pause(attempt)
        continue
      }
      if (sequence !== undefined) await this.#settled(sequence, options.durability)
      return result
    }
  }

  /** Waits while log or checkpoint is behind; others may have taken the room when it resolves. */
  async #untilRoom(): Promise<void> {
    await this.#storage.room()
    this.#mustBeOpen()
  }

  async #settled(sequence: number, durability: WriteDurability | undefined): Promise<void> {
    await this.#parts.pipeline.acknowledged(sequence)
    if (durability !== undefined) await this.#storage.keep(sequence, durability)
  }

  /** Before running again: rivals that started together should not meet together again. */
  #pause(attempt: number): Promise<void> {
    const { timers, random } = this.#parts.host
    if (attempt === 0) return timers.yieldTurn()
    const delayMs = retryDelayMs * 2 ** Math.min(attempt, 8) * random.fraction()
    return new Promise((resolve) => void timers.after(delayMs, resolve))
  }

  #begin(options: BeginOptions, system: bigint | undefined): TransactionCore {
    const isolation = options.isolation ?? 'serializable'
    if (isolation !== 'serializable' && isolation !== 'snapshot') {
      throw new DatabaseError(
        'InvalidArgument',
        `isolation is 'serializable' or 'snapshot', not ${String(isolation)}`,
      )
    }
    const isReadonly = options.readonly === true
    // Who only reads sees what is acknowledged; who writes builds on everything applied.
    const sequence = isReadonly ? this.sequence : undefined
    return this.#parts.pipeline.begin({ isolation, isReadonly, system, sequence })
  }

  #mustBeOpen(): void {
    if (this.#closing === undefined) return
    throw new DatabaseError('Closed', `the database ${this.path} is closed; open it again`)
  }

  /** max(wall clock, last commit): a writer sees its own default writes at once. */
  #nowMicros(): bigint {
    const wall = BigInt(this.#parts.host.clock.wallMicros())
    const { sequence } = this
    const last = sequence === 0 ? wall : this.#parts.tables.commits.systemTime(sequence)
    return wall > last ? wall : last
  }

  /** The graph at the instant of the last commit. */
  #atLastCommit(): GraphReader {
    const view = this.#lastCommit()
    this.#readerAtLastCommit = View.readerOf(view)
    this.#readerSequence = view.sequence
    return this.#readerAtLastCommit
  }

  #lastCommit(): View {
    const known = this.#lastCommitView
    if (known !== undefined && known.sequence === this.sequence) return known
    this.#mustBeOpen()
    const { sequence } = this
    const valid = sequence === 0 ? beginningMicros : this.#parts.tables.commits.systemTime(sequence)
    this.#lastCommitView = this.#viewAt(sequence, valid)
    return this.#lastCommitView
  }

  /** The view of now, kept while neither the clock nor the last commit has moved. */
  #now(): View {
    this.#mustBeOpen()
    const micros = this.#parts.host.clock.wallMicros()
    const current = this.#current
    if (current !== undefined && micros === this.#currentMicros) {
      if (current.sequence === this.sequence) return current
    }
    this.#currentMicros = micros
    this.#current = this.#viewAt(this.sequence, this.#nowMicros())
    return this.#current
  }

  #viewAt(sequence: number, valid: bigint): View {
    const counts = this.#parts.tables.commits.counts(sequence)
    const point: ViewPoint = { sequence, counts, valid }
    return new View(this.#context, point)
  }

  /** The commits known at a system time or sequence; the newest when neither is given. */
  #sequenceOf(at: Coordinates): number {
    const { tables, pipeline } = this.#parts
    if (at.sequence !== undefined) {
      if (at.system !== undefined) {
        throw new DatabaseError('InvalidArgument', 'give system or sequence, not both')
      }
      if (Number.isInteger(at.sequence) && at.sequence >= 0 && at.sequence <= this.sequence) {
        return at.sequence
      }
      throw new DatabaseError(
        'InvalidArgument',
        `there is no commit ${String(at.sequence)}; the newest is ${this.sequence}`,
      )
    }
    if (at.system === undefined) return this.sequence
    const micros = instantToMicros(at.system, this.#context.timeZone)
    if (micros > this.#nowMicros()) {
      throw new DatabaseError(
        'TimeInFuture',
        `system time ${microsToInstant(micros).toString()} has not come yet; an answer as of it ` +
          'could not be repeated',
        { details: { system: micros } },
      )
    }
    const { commits } = tables
    const { sequence } = this
    if (sequence < commits.sequence && micros >= commits.systemTime(sequence + 1)) {
      throw new DatabaseError(
        'TimeInFuture',
        `a commit of system time ${microsToInstant(commits.systemTime(sequence + 1)).toString()} ` +
          'is not durable yet, so an answer as of then could not be repeated; leave system out ' +
          'to read what is known now, or ask again',
        { details: { system: micros } },
      )
    }
    pipeline.raiseReadFloor(micros)
    return commits.sequenceAt(micros, sequence)
  }
}

function encodeMeta(meta: CommitMeta | undefined): Uint8Array | undefined {
  if (meta === undefined) return undefined
  const given = Object.entries(meta).filter(([, text]) => text !== undefined)
  for (const [name, text] of given) {
    if (typeof text === 'string' && (name === 'who' || name === 'why' || name === 'source'))
      continue
    throw new DatabaseError('InvalidArgument', 'meta takes who, why and source, each a string')
  }
  if (given.length === 0) return undefined
  const writer = new ByteWriter()
  encodeValue(writer, Object.fromEntries(given), 'meta')
  return writer.copy()
}
