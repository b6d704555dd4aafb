import type { CommitPipeline } from './commit/commit-pipeline.ts'
import type { TransactionCore } from './commit/transaction-core.ts'
import { type CompactionReport, type CompactOptions, Compactor } from './compactor.ts'
import {
  type ErasureOptions,
  type ErasureReport,
  type ErasureTarget,
  stateErasure,
} from './erasure.ts'
import type { Generation } from './generation.ts'
import type { CommitMeta } from './graph/history.ts'
import type { Host } from './host/host.ts'
import {
  type HorizonReport,
  type PruneOptions,
  type PruneReport,
  stateHorizons,
} from './pruning.ts'
import { kindOfTarget, type RetentionRule, targetOf } from './retention.ts'
import type { Observer } from './observe/observer.ts'
import { DatabaseError, isDatabaseError } from './rules/errors.ts'
import type { CompactionFigures, Storage } from './storage.ts'
import { entityKinds } from './versions/entity.ts'
import type { Removal } from './versions/removals.ts'
import type { Tables } from './versions/tables.ts'

export interface UpkeepOptions {
  readonly host: Host
  readonly storage: Storage
  readonly observer: Observer
  readonly pipeline: CommitPipeline
  readonly first: Generation
  adopt(generation: Generation): void
  /**
   * Commits what `state` puts into a transaction, in one turn; resolves when that is durable, with
   * undefined when it put nothing into it.
   */
  commit(
    state: (core: TransactionCore) => void,
    meta: CommitMeta | undefined,
  ): Promise<number | undefined>
  /** The newest commit known at a system time. */
  sequenceAt(before: NonNullable<PruneOptions['before']>): number
  /** The newest commit known so many milliseconds ago. */
  sequenceBefore(keepMs: number): number
}

/** Retention is looked at again when there are so many versions more, at least. */
const versionsMoreMin = 10_000

/**
 * What a database does to forget: moves horizons, erases, and makes its tables anew. The first two
 * are commits, in force at once and for every state that is recovered; what they leave behind in
 * memory and files goes when the tables are made anew.
 */
export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #compactor: Compactor
  #generation: Generation
  /** Versions from which on retention is looked at again. */
  #versionsDue: number
  #isEnforcing = false

  constructor(options: UpkeepOptions) {
    this.#options = options
    this.#generation = options.first
    this.#versionsDue = dueAfter(options.first.tables)
    const { host, storage, pipeline } = options
    this.#compactor = new Compactor({
      host,
      storage,
      first: options.first,
      adopt: (generation) => {
        this.#generation = generation
        this.#versionsDue = dueAfter(generation.tables)
        options.adopt(generation)
      },
      openTransactions: () => pipeline.openTransactions,
    })
  }

  get figures(): CompactionFigures {
    return this.#compactor.figures
  }

  /** See `Database.compact`. */
  async compact(
    options: CompactOptions = {},
    how?: { readonly isForgetting: boolean },
  ): Promise<CompactionReport> {
    const report = await this.#compactor.compact(options, how)
    this.#options.observer.noteCompaction(undefined)
    return report
  }

  /** See `Database.prune`. */
  async prune(options: PruneOptions): Promise<PruneReport> {
    const wanted = this.#horizonsOf(options)
    let horizons: HorizonReport[] = []
    const sequence = await this.#options.commit((core) => {
      horizons = stateHorizons(core, wanted)
    }, options.meta)
    const isCompacting = options.compact !== false && sequence !== undefined
    const compaction = isCompacting ? await this.compact(options) : undefined
    return { sequence, horizons: sequence === undefined ? [] : horizons, compaction }
  }

  /** See `Database.erase`. */
  async erase(
    targets: readonly ErasureTarget[],
    options: ErasureOptions,
  ): Promise<ErasureReport> {
    let removals: readonly Removal[] = []
    const sequence = await this.#options.commit((core) => {
      removals = stateErasure(core, this.#generation.indexes, targets)
    }, options.meta)
    this.#compactor.hide(removals)
    const compaction = await this.compact(options, { isForgetting: true })
    const count = (kind: Removal['kind']): number =>
      removals.filter((removal) => removal.kind === kind).length
    const newest = sequence ?? this.#generation.tables.commits.sequence
    return {
      sequence: newest,
      nodes: count('erasedNode'),
      edges: count('erasedEdge'),
      keys: count('erasedKey'),
      compaction,
      remaining: [
        ...compaction.checkpoint.leftBehind,
        ...(await this.#options.storage.quarantined()),
      ],
      backupsBefore: newest,
      backups: this.#options.storage.backupsBefore(newest),
    }
  }

  /** The rules that are in force. */
  rules(): RetentionRule[] {
    return this.#generation.indexes.schema.retentions().map(({ kind, name, keepMs }) => ({
      of: targetOf(kind, name),
      keep: keepMs === undefined ? 'present' : { keepMs },
    }))
  }

  /** Called after commits: enforces retention when there is enough to gain. Cheap where not. */
  consider(): void {
    const { tables } = this.#generation
    if (versionsIn(tables) < this.#versionsDue || this.#isEnforcing) return
    this.#versionsDue = dueAfter(tables)
    if (this.rules().length === 0) return
    this.#isEnforcing = true
    // What fails is tried again when there are twice as many versions.
    this.#inBackground(this.prune({}).finally(() => (this.#isEnforcing = false)))
  }

  /** Goes on with an erasure that a crash or a close cut short. */
  finishErasure(): void {
    if (!this.#generation.tables.removals.hasUnfinishedErasure) return
    this.#inBackground(this.compact())
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!isDatabaseError(error, 'Closed')) this.#options.observer.noteCompaction(error)
    })
  }

  /** Ends what is under way. */
  stop(): Promise<void> {
    return this.#compactor.stop()
  }

  #horizonsOf(options: PruneOptions): HorizonReport[] {
    const { labels, types, keyspaces, before } = options
    const given = { node: labels, edge: types, key: keyspaces }
    const named = entityKinds.flatMap((kind) =>
      (given[kind] ?? []).map((name) => targetOf(kind, name)),
    )
    for (const target of named) kindOfTarget(target)
    const isNamed = Object.values(given).some((names) => names !== undefined)
    if (!isNamed && before === undefined) {
      return this.rules().map(({ of, keep }) => ({ of, sequence: this.#horizonOf(keep) }))
    }
    if (isNamed && named.length === 0) {
      throw new DatabaseError('InvalidArgument', 'name what to prune, or leave the lists out')
    }
    const { storage } = this.#options
    const sequence =
      before === undefined ? storage.acknowledgedSequence : this.#options.sequenceAt(before)
    if (!isNamed) return [{ of: undefined, sequence }]
    return named.map((of) => ({ of, sequence }))
  }

  #horizonOf(keep: RetentionRule['keep']): number {
    if (keep === 'forever') return 0
    const { storage } = this.#options
    if (keep === 'present') return storage.acknowledgedSequence
    return this.#options.sequenceBefore(keep.keepMs)
  }
}

function versionsIn(tables: Tables): number {
  return tables.node.count + tables.edge.count + tables.key.count
}

/** Twice as many: then what is copied to gain room is paid for by what was written. */
function dueAfter(tables: Tables): number {
  const versions = versionsIn(tables)
  return Math.max(versions * 2, versions + versionsMoreMin)
}
