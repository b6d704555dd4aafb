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
import type { Keep } from './compaction/reclaimable.ts'
import type { Host } from './host/host.ts'
import type { EventName, Listener } from './observe/events.ts'
import type { Health } from './observe/health.ts'
import type { Observer } from './observe/observer.ts'
import { DatabaseError } from './rules/errors.ts'
import { collectHealth, collectStats, type Stats } from './storage.ts'
import type { Storage, VerifyReport } from './storage.ts'
import type { CompactionReport, CompactOptions } from './compactor.ts'
import { CurrentKeys } from './current-keys.ts'
import { CurrentViews } from './current-views.ts'
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
import type { KeyView } from './key-view.ts'
import {
  type KeyspaceOptions,
  type NamedValueEncoding,
  type ValuesByEncoding,
  valuesOf,
} from './keys/value-encoding.ts'
import { View } from './view.ts'
import type { Coordinates, ViewContext } from './view-point.ts'
import { type Watch, Watches, type WatchOptions } from './watch.ts'
import type { WatchSelection } from './watch-selection.ts'
import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import type { RecoveryReport } from './recovery/report.ts'
import type { Edition } from './edition.ts'
import { Horizons, mustSeeEverything } from './graph/horizons.ts'
import { kindOf, ordinalOf } from './versions/entity.ts'
import type { LiveTables } from './versions/live-tables.ts'
import type { Tables } from './versions/tables.ts'

/** The parts that `open` wires together. */
export interface DatabaseParts {
  readonly path: string
  readonly host: Host
  readonly observer: Observer
  readonly live: LiveTables
  readonly edition: Edition
  readonly pipeline: CommitPipeline
  readonly settings: GraphSettings
  readonly storage: Storage
  /** What is kept of keyspaces without a rule; milliseconds where it is a number. */
  readonly otherKeyspaces: Keep
}

/** A program that names more keyspaces than this pays for the others each time. */
const keyspacesKeptMax = 256

/**
 * An open database. Reads answer at once, from what is durable; without further words they look
 * at now, as best known now. Writes resolve when they are as durable as the database was opened
 * to be.
 */
export class Database {
  readonly path: string
  /** Without the first edition, which is not to be held longer than it is in use. */
  readonly #parts: Omit<DatabaseParts, 'edition'>
  readonly #storage: Storage
  readonly #views: CurrentViews
  readonly #runner: TransactionRunner
  readonly #upkeep: Upkeep
  readonly #watches: Watches
  /** Those asked for without options: each keeps what it takes to be asked again. */
  readonly #keyspaces = new Map<string, KeyView<unknown>>()
  #closing: Promise<void> | undefined

  constructor(parts: DatabaseParts) {
    this.path = parts.path
    const { edition: first, ...others } = parts
    this.#parts = others
    this.#storage = parts.storage
    const { host, storage, pipeline, settings, observer } = others
    const { clock } = host
    this.#views = new CurrentViews({ clock, pipeline, storage }, this.#contextOf(first))
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
      otherKeyspaces: parts.otherKeyspaces,
      adopt: (edition) => this.#adopt(edition),
      commit: (...how) => this.#runner.runNow(...how),
      sequenceAt: (system) => this.#views.sequenceOf({ system }),
      sequenceBefore: (keepMs) => {
        const micros = this.#views.nowMicros() - BigInt(Math.ceil(keepMs * 1000))
        return this.#tables.commits.sequenceAt(micros, this.sequence)
      },
    })
    this.#watches = new Watches({
      context: () => this.#context,
      acknowledgedSequence: () => storage.acknowledgedSequence,
      onAcknowledged: (wake) => observer.on('commit', wake),
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
    const system = instantToMicros(options.system, this.#context.timeZone)
    if (system > this.#views.nowMicros()) {
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
    const views = this.#views
    const { timeZone } = this.#context
    const valid = at.valid === undefined ? views.nowMicros() : instantToMicros(at.valid, timeZone)
    return views.at(views.sequenceOf(at), valid)
  }

  /** What the database would have answered at an instant: both times set to it. */
  rewind(instant: InstantInput): View {
    return this.asOf({ valid: instant, system: instant })
  }

  /** A view of this moment that stays: later commits don't change it. */
  snapshot(): View {
    this.#mustBeOpen()
    return this.#views.at(this.sequence, this.#views.nowMicros())
  }

  node(id: number): ReturnType<View['node']> {
    // What holds from the last commit on for ever holds now, whatever the clock says: reading the
    // clock would cost more than reading the node.
    return this.#views.readerAtLastCommit().openEndedNode(id) ?? this.#views.now().node(id)
  }

  edge(id: number): ReturnType<View['edge']> {
    return this.#views.now().edge(id)
  }

  nodes(...args: Parameters<View['nodes']>): ReturnType<View['nodes']> {
    return this.#views.now().nodes(...args)
  }

  edges(type?: string): ReturnType<View['edges']> {
    return this.#views.now().edges(type)
  }

  out(...args: Parameters<View['out']>): ReturnType<View['out']> {
    return this.#views.now().out(...args)
  }

  in(...args: Parameters<View['in']>): ReturnType<View['in']> {
    return this.#views.now().in(...args)
  }

  targets(id: number, type?: string): number[] {
    return this.#views.now().targets(id, type)
  }

  sources(id: number, type?: string): number[] {
    return this.#views.now().sources(id, type)
  }

  timeline(...args: Parameters<View['timeline']>): ReturnType<View['timeline']> {
    return this.#views.now().timeline(...args)
  }

  provenance(id: number): ReturnType<View['provenance']> {
    return this.#views.now().provenance(id)
  }

  match(...args: Parameters<View['match']>): ReturnType<View['match']> {
    return this.#views.now().match(...args)
  }

  /**
   * A keyspace as it is now, at each call anew; one never written to is empty. Values are anything
   * that can be stored, unless an encoding is given.
   */
  keys<Name extends NamedValueEncoding = 'value'>(
    keyspace: string,
    options?: { readonly values?: Name | undefined },
  ): KeyView<ValuesByEncoding[Name]>
  keys<V>(keyspace: string, options: KeyspaceOptions<V>): KeyView<V>
  keys(keyspace: string, options?: KeyspaceOptions<unknown>): KeyView<unknown> {
    this.#mustBeOpen()
    const named = options === undefined ? this.#keyspaces.get(keyspace) : undefined
    if (named !== undefined) return named
    const points = {
      context: () => this.#context,
      now: () => View.pointOf(this.#views.now()),
      atLastCommit: () => View.pointOf(this.#views.lastCommit()),
    }
    const keys = new CurrentKeys(keyspace, points, valuesOf(options))
    if (options === undefined && this.#keyspaces.size < keyspacesKeptMax) {
      this.#keyspaces.set(keyspace, keys)
    }
    return keys
  }

  /** Names of the keyspaces in which anything was ever stated about a key; see `View`. */
  keyspaces(): string[] {
    return this.#views.now().keyspaces()
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
    const from = this.#views.sequenceOf(options.from)
    const to = this.#views.sequenceOf(options.to)
    this.#mustSeeGraph(Math.min(from, to), options.id)
    return netDifferences(this.#context, { from, to }, options)
  }

  /** The commits in (after, to], oldest first, with everything each stated. Lazy. */
  changes(selection: ChangesSelection = {}): Generator<CommitRecord> {
    this.#mustBeOpen()
    mustSeeEverything(this.#tables, Math.min(selection.after ?? 0, this.sequence))
    return changesBetween(this.#context, selection, this.sequence)
  }

  /**
   * Commits as they are acknowledged, in their order, each once and with what is of interest in it:
   * changes of keys, of nodes with a label, of edges of a type, of entities by their ids, or all.
   * From now on, or after a commit that was seen before: none is left out between. It waits for
   * ever; see `Watch` for how it ends.
   *
   * Throws `InvalidArgument`, `InvalidKey`, and `HistoryPruned` where something after that commit
   * is not told any more. The iteration throws that, too, for who is more than one compaction
   * behind; `Closed` when the database is closed; and the reason of the signal.
   */
  watch(selection?: WatchSelection, options: WatchOptions = {}): Watch {
    this.#mustBeOpen()
    return this.#watches.start(selection, options)
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
    const { origin, places } = storage
    if (places !== undefined) mustBeApart({ source: absolutePath(path), places, target: into })
    return copyDatabase({
      host,
      tables: this.#tables,
      sequence: this.#views.sequenceOf({
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

  /**
   * How long the past is told: the rules that are stored, and what holds for other keyspaces. All
   * else is told for ever. See `setRetention` and `keyRetention`.
   */
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
    this.#views.forget()
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #close(): Promise<void> {
    const { observer, storage } = this.#parts
    observer.noteClosing()
    this.#runner.stop()
    this.#watches.wakeAll()
    const stopped = this.#upkeep.stop()
    return stopped
      .then(() => storage.close())
      .then(
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

  get #context(): ViewContext {
    return this.#views.context
  }

  get #tables(): Tables {
    return this.#context.indexes.tables
  }

  #contextOf({ indexes, keyIndex }: Edition): ViewContext {
    const { host, settings } = this.#parts
    return {
      indexes,
      keyIndex,
      timeZone: settings.timeZone,
      mustBeReadable: () => this.#mustBeOpen(),
      yieldTurn: () => host.timers.yieldTurn(),
    }
  }

  /** Refuses a comparison with a state of the graph of which something was pruned. */
  #mustSeeGraph(sequence: number, id?: number): void {
    const horizons = Horizons.at(this.#tables, sequence)
    if (horizons === undefined) return
    const kind = id === undefined ? undefined : kindOf(id)
    if (id !== undefined && kind !== undefined) return horizons.mustSee(kind, ordinalOf(id))
    for (const one of ['node', 'edge'] as const) horizons.mustSeeAll(one, undefined)
  }

  #adopt(edition: Edition): void {
    const { pipeline, live } = this.#parts
    this.#watches.adopt(this.#context)
    live.replace(edition.tables)
    pipeline.adopt(edition)
    this.#views.adopt(this.#contextOf(edition))
  }

  #mustBeOpen(): void {
    if (this.#closing === undefined) return
    throw new DatabaseError('Closed', `the database ${this.path} is closed; open it again`)
  }
}
