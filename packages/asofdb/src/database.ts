import type { CommitPipeline } from './commit/commit-pipeline.ts'
import { type InstantInput, instantToMicros, microsToInstant } from './encoding/instant.ts'
import type { GraphSettings } from './graph/graph-writer.ts'
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
import type { EventName, Listener } from './observe/events.ts'
import type { Health } from './observe/health.ts'
import type { Observer } from './observe/observer.ts'
import { DatabaseError } from './rules/errors.ts'
import { collectHealth, collectStats, type Stats } from './storage.ts'
import type { Storage, VerifyReport } from './storage.ts'
import type { CompactionReport, CompactOptions } from './compactor.ts'
import { CurrentKeys } from './current-keys.ts'
import type { ErasureOptions, ErasureReport, ErasureTarget } from './erasure.ts'
import { type CommitInfo, OpenTransaction } from './open-transaction.ts'
import type { PruneOptions, PruneReport } from './pruning.ts'
import type { RetentionRule } from './retention.ts'
import type { Transaction } from './transaction.ts'
import { copyDatabase } from './transfer/copy-database.ts'
import { absolutePath, mustBeApart } from './transfer/target-directory.ts'
import type {
  BackupOptions,
  BackupReport,
  ForkOptions,
  ForkReport,
} from './transfer/transfer-options.ts'
import {
  type BeginOptions,
  encodeMeta,
  type ImportOptions,
  TransactionRunner,
  type WriteOptions,
} from './transaction-runner.ts'
import { Upkeep } from './upkeep.ts'
import { type Coordinates, type KeyView, View, type ViewContext, type ViewPoint } from './view.ts'
import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import type { RecoveryReport } from './recovery/report.ts'
import type { Generation } from './generation.ts'
import type { GraphReader } from './graph/graph-reader.ts'
import { Horizons, mustSeeEverything } from './graph/horizons.ts'
import { beginningMicros } from './versions/periods.ts'
import { kindOf, ordinalOf } from './versions/entity.ts'
import type { LiveTables } from './versions/live-tables.ts'
import type { Tables } from './versions/tables.ts'

/** The parts that `open` wires together. */
export interface DatabaseParts {
  readonly path: string
  readonly host: Host
  readonly observer: Observer
  readonly live: LiveTables
  readonly generation: Generation
  readonly pipeline: CommitPipeline
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
  /** Another one after each compaction. */
  #context: ViewContext
  readonly #storage: Storage
  #current: View | undefined
  #currentMicros = 0
  #lastCommitView: View | undefined
  /** The reader of that view and its sequence, kept apart because most reads go there. */
  #readerAtLastCommit: GraphReader | undefined
  #readerSequence = 0
  readonly #runner: TransactionRunner
  readonly #upkeep: Upkeep
  #closing: Promise<void> | undefined

  constructor(parts: DatabaseParts) {
    this.path = parts.path
    this.#parts = parts
    this.#storage = parts.storage
    this.#context = this.#contextOf(parts.generation)
    const { host, storage, pipeline, settings, observer, generation: first } = parts
    this.#runner = new TransactionRunner({
      host,
      storage,
      pipeline,
      settings,
      context: () => this.#context,
      mustBeOpen: () => this.#mustBeOpen(),
      onSettled: () => this.#upkeep.consider(),
    })
    this.#upkeep = new Upkeep({
      host,
      storage,
      observer,
      pipeline,
      first,
      adopt: (generation) => this.#adopt(generation),
      commit: (state, meta) => this.#runner.runNow(state, meta),
      sequenceAt: (system) => this.#sequenceOf({ system }),
      sequenceBefore: (keepMs) => {
        const micros = this.#nowMicros() - BigInt(Math.ceil(keepMs * 1000))
        return this.#tables.commits.sequenceAt(micros, this.sequence)
      },
    })
    this.#upkeep.finishErasure()
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
    return observer.watchWrite('write', () => this.#runner.run(body, options, undefined))
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
    return observer.watchWrite('import', () => this.#runner.run(body, options, system))
  }

  /** Opens a transaction that ends with `commit` or `cancel`; prefer `write`. */
  begin(options: BeginOptions = {}): OpenTransaction {
    this.#mustBeOpen()
    if (options.readonly !== true) this.#parts.storage.mustBeWritable()
    this.#storage.mustSupport(options.durability)
    const core = this.#runner.begin(options, undefined)
    const commit = async (): Promise<CommitInfo | undefined> => {
      this.#mustBeOpen()
      try {
        while (this.#storage.isBehind && !core.isReadonly) await this.#runner.untilRoom()
        if (!core.isReadonly) this.#storage.mustBeWritable()
      } catch (error) {
        core.cancel()
        throw error
      }
      const sequence = this.#parts.pipeline.commit(core, { meta: encodeMeta(options.meta) })
      if (sequence === undefined) return undefined
      await this.#runner.settled(sequence, options.durability)
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
    return new CurrentKeys(keyspace, {
      context: () => this.#context,
      now: () => View.pointOf(this.#now()),
      atLastCommit: () => this.#lastCommit(),
    })
  }

  /** Nodes and edges that differ between two views, with what they were in each. Lazy. */
  diff(before: View, after: View): Generator<DiffEntry> {
    this.#mustBeOpen()
    this.#mustSeeGraph(Math.min(before.sequence, after.sequence))
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
    this.#mustSeeGraph(Math.min(from, to), options.id)
    return netDifferences(this.#context, { from, to }, options)
  }

  /** The commits in (after, to], oldest first, with everything each stated. Lazy. */
  changes(selection: ChangesSelection = {}): Generator<CommitRecord> {
    this.#mustBeOpen()
    mustSeeEverything(this.#tables, Math.min(selection.after ?? 0, this.sequence))
    return changesBetween(this.#context, selection, this.sequence)
  }

  /** A commit by its number; undefined when there is none that readers see. */
  commit(sequence: number): CommitInfo | undefined {
    this.#mustBeOpen()
    if (!Number.isInteger(sequence) || sequence < 1 || sequence > this.sequence) return undefined
    const tables = this.#tables
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
    const { host, settings, storage, path } = this.#parts
    const into = absolutePath(directory)
    if (path !== ':memory:') {
      mustBeApart({ source: absolutePath(path), places: storage.places, target: into })
    }
    const { origin } = storage
    return copyDatabase({
      host,
      tables: this.#tables,
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

  /**
   * Gives back the memory and the disk space of what nobody can see any more, while commits and
   * reads go on. No answer changes by it. A transaction that is open for longer than a second
   * meanwhile meets `Conflict` when it commits. Throws `Closed`, `ReadOnly`, `DiskFull`,
   * `IoFailed`.
   */
  compact(options: CompactOptions = {}): Promise<CompactionReport> {
    return this.#whileOpen(() => this.#upkeep.compact(options))
  }

  /**
   * Sets horizons: what was invisible from there on is forgotten, and who asks as of an earlier
   * point gets `HistoryPruned`. Without options, where the retention rules put them. Everything
   * that is known at the horizon stays, the past of valid time included. Throws `TimeInFuture`,
   * `InvalidArgument`, and what `compact` throws.
   */
  prune(options: PruneOptions = {}): Promise<PruneReport> {
    return this.#whileOpen(() => this.#upkeep.prune(options))
  }

  /**
   * Erases nodes with all their edges, edges, or keys, name included, as if they had never been
   * told: at every point of both times they are absent. Resolves when no file of the database holds
   * a byte of their payloads any more. Ids stay taken; writing to one is `Erased`. Names of labels,
   * types, properties and keyspaces stay, and so does the metadata of commits. Throws
   * `InvalidArgument` for what is not there, and what `compact` throws; where it was committed
   * before something failed, the next opening goes on with it.
   */
  erase(
    target: ErasureTarget | readonly ErasureTarget[],
    options: ErasureOptions = {},
  ): Promise<ErasureReport> {
    const targets = Array.isArray(target) ? target : [target]
    return this.#whileOpen(() => this.#upkeep.erase(targets, options))
  }

  /** How long the past is told, where that is not for ever; see `setRetention`. */
  retention(): RetentionRule[] {
    this.#mustBeOpen()
    return this.#upkeep.rules()
  }

  /** Reads every file and checks everything against everything. Changes nothing. */
  verify(): Promise<VerifyReport> {
    this.#mustBeOpen()
    return this.#parts.storage.verify(graphIndexChecks(this.#context.indexes))
  }

  /** How much there is of everything, and how it went since the opening. */
  stats(): Stats {
    this.#mustBeOpen()
    const { storage, observer, pipeline } = this.#parts
    const { openTransactions } = pipeline
    const { indexes } = this.#context
    const compaction = this.#upkeep.figures
    const tables = this.#tables
    return collectStats({ tables, indexes, storage, observer, openTransactions, compaction })
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
    const stopped = this.#upkeep.stop()
    return stopped.then(() => storage.close()).then(
      () => observer.noteClosed(undefined),
      (error: unknown) => {
        observer.noteClosed(error)
        throw error
      },
    )
  }

  async #whileOpen<T>(work: () => Promise<T>): Promise<T> {
    this.#mustBeOpen()
    return work()
  }

  get #tables(): Tables {
    return this.#context.indexes.tables
  }

  #contextOf({ indexes, keyIndex }: Generation): ViewContext {
    const { timeZone } = this.#parts.settings
    return { indexes, keyIndex, timeZone, mustBeReadable: () => this.#mustBeOpen() }
  }

  /** Refuses a comparison with a state of the graph of which something was pruned. */
  #mustSeeGraph(sequence: number, id?: number): void {
    const horizons = Horizons.at(this.#tables, sequence)
    if (horizons === undefined) return
    const kind = id === undefined ? undefined : kindOf(id)
    if (id !== undefined && kind !== undefined) return horizons.mustSee(kind, ordinalOf(id))
    for (const one of ['node', 'edge'] as const) horizons.mustSeeAll(one, undefined)
  }

  /** Goes over to other tables with the same commits. Views made before stay with theirs. */
  #adopt(generation: Generation): void {
    const { pipeline, live } = this.#parts
    live.replace(generation.tables)
    pipeline.adopt(generation)
    this.#context = this.#contextOf(generation)
    this.#current = undefined
    this.#lastCommitView = undefined
    this.#readerAtLastCommit = undefined
  }

  #mustBeOpen(): void {
    if (this.#closing === undefined) return
    throw new DatabaseError('Closed', `the database ${this.path} is closed; open it again`)
  }

  /** max(wall clock, last commit): a writer sees its own default writes at once. */
  #nowMicros(): bigint {
    const wall = BigInt(this.#parts.host.clock.wallMicros())
    const { sequence } = this
    const last = sequence === 0 ? wall : this.#tables.commits.systemTime(sequence)
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
    const valid = sequence === 0 ? beginningMicros : this.#tables.commits.systemTime(sequence)
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
    const counts = this.#tables.commits.counts(sequence)
    const horizons = Horizons.at(this.#tables, sequence)
    const point: ViewPoint = { sequence, counts, valid, horizons }
    return new View(this.#context, point)
  }

  /** The commits known at a system time or sequence; the newest when neither is given. */
  #sequenceOf(at: Coordinates): number {
    const { pipeline } = this.#parts
    const tables = this.#tables
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
