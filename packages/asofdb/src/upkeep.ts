import type { CommitPipeline } from './commit/commit-pipeline.ts'
import type { TransactionCore } from './commit/transaction-core.ts'
import { type Keep, type KeepRules, Reclaimable } from './compaction/reclaimable.ts'
import {
  type CompactionReport,
  type CompactOptions,
  Compactor,
  versionsIn,
} from './compactor.ts'
import {
  type ErasureOptions,
  type ErasureReport,
  type ErasureTarget,
  stateErasure,
} from './erasure.ts'
import type { Edition } from './edition.ts'
import type { CommitMeta } from './graph/history.ts'
import type { Host } from './host/host.ts'
import {
  type HorizonReport,
  type PruneOptions,
  type PruneReport,
  stateHorizons,
} from './pruning.ts'
import {
  keepToRetention,
  kindOfTarget,
  otherKeyspaces,
  type RetentionRule,
  targetOf,
} from './retention.ts'
import type { Observer } from './observe/observer.ts'
import { DatabaseError, isDatabaseError } from './rules/errors.ts'
import type { CompactionFigures, Storage } from './storage.ts'
import { entityKinds } from './versions/entity.ts'
import type { Removal } from './versions/removals.ts'

export interface UpkeepOptions {
  readonly host: Host
  readonly storage: Storage
  readonly observer: Observer
  readonly pipeline: CommitPipeline
  readonly first: Edition
  /** What is kept of keyspaces without a rule. */
  readonly otherKeyspaces: Keep
  adopt(edition: Edition): void
  /**
   * Commits what `state` puts into a transaction, in one turn; resolves when that is durable, with
   * undefined when it put nothing into it.
   */
  commit(
    state: (core: TransactionCore) => void,
    meta: CommitMeta | undefined,
    onApplied?: () => void,
  ): Promise<number | undefined>
  /** The newest commit known at a system time. */
  sequenceAt(before: NonNullable<PruneOptions['before']>): number
  /** The newest commit known so many milliseconds ago. */
  sequenceBefore(keepMs: number): number
}

/** So many versions must be there to reclaim, at least, before that is done by itself. */
const reclaimedMin = 10_000

/** Where the count of those has to be looked into, that is done after so many versions more. */
const versionsBetweenLooks = 1000

/** Work between two looks at the event loop. */
const sliceMs = 2

/**
 * What a database does to forget: moves horizons, erases, and makes its tables anew. The first two
 * are commits, in force at once and for every state that is recovered; what they leave behind in
 * memory and files goes when the tables are made anew.
 */
export class Upkeep {
  readonly #options: Omit<UpkeepOptions, 'first'>
  readonly #compactor: Compactor
  #edition: Edition
  /** How many versions there are, at least, when there may be enough to reclaim. */
  #versionsAtLook = 0
  #isEnforcing = false
  #isStopped = false
  /** Of the tables that are in use, and of these rules. */
  #reclaimable: { readonly of: Reclaimable; readonly rules: unknown } | undefined

  constructor(options: UpkeepOptions) {
    const { first, ...others } = options
    this.#options = others
    this.#edition = first
    const { host, storage, pipeline } = others
    this.#compactor = new Compactor({
      host,
      storage,
      first,
      adopt: (edition) => {
        this.#edition = edition
        this.#versionsAtLook = 0
        this.#reclaimable = undefined
        others.adopt(edition)
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
    const wanted = await this.#horizonsOf(options)
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
    const sequence = await this.#options.commit(
      (core) => {
        removals = stateErasure(core, this.#edition.indexes, targets)
      },
      options.meta,
      // At once in all tables, whatever becomes of the commit: nobody is to see more than others.
      () => this.#compactor.hide(removals),
    )
    const compaction = await this.compact(options, { isForgetting: true })
    const count = (kind: Removal['kind']): number =>
      removals.filter((removal) => removal.kind === kind).length
    const newest = sequence ?? this.#edition.tables.commits.sequence
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

  /** The rules that are stored, then what holds for keyspaces without one. */
  rules(): RetentionRule[] {
    const stored = this.#edition.indexes.schema.retentions().map(({ kind, name, keep }) => ({
      of: targetOf(kind, name),
      keep: keepToRetention(keep),
    }))
    const others = keepToRetention(this.#options.otherKeyspaces)
    return [...stored, { of: otherKeyspaces, keep: others }]
  }

  /** Called after commits: reclaims when there is enough to gain. Cheap where not. */
  consider(): void {
    const { tables } = this.#edition
    const versions = versionsIn(tables)
    if (versions < this.#versionsAtLook || this.#isEnforcing) return
    const bound = Reclaimable.bound(tables)
    if (!isWorthIt(bound, versions)) {
      this.#versionsAtLook = versions + missing(bound, versions)
      return
    }
    // What fails is tried again after so many versions more.
    this.#versionsAtLook = versions + versionsBetweenLooks
    if (!isWorthIt(Reclaimable.bound(tables, this.#rules()), versions)) return
    this.#isEnforcing = true
    this.#inBackground(this.#enforce().finally(() => (this.#isEnforcing = false)))
  }

  async #enforce(): Promise<void> {
    const { count } = await this.#countReclaimable()
    if (isWorthIt(count, versionsIn(this.#edition.tables))) await this.prune({})
  }

  #rules(): KeepRules {
    const named = this.#edition.indexes.schema.retentions()
    return { named, otherKeyspaces: this.#options.otherKeyspaces }
  }

  /** What the rules let go of what is known now, counted on from the last time. */
  async #countReclaimable(signal?: AbortSignal): Promise<Reclaimable> {
    const { clock, timers } = this.#options.host
    for (;;) {
      const reclaimable = this.#reclaimableOfNow()
      const steps = reclaimable.follow((keep) => this.#horizonOf(keep))
      const sliceEndMs = clock.monotonicMs() + sliceMs
      let isDone: boolean | undefined = false
      while (isDone === false && clock.monotonicMs() < sliceEndMs) isDone = steps.next().done
      if (isDone === true) return reclaimable
      await timers.yieldTurn()
      signal?.throwIfAborted()
      if (this.#isStopped) throw new DatabaseError('Closed', 'the database was closed meanwhile')
    }
  }

  #reclaimableOfNow(): Reclaimable {
    const { tables, indexes } = this.#edition
    const rules = indexes.schema.retentions()
    if (this.#reclaimable?.rules !== rules) {
      this.#reclaimable = { of: new Reclaimable(tables, this.#rules()), rules }
    }
    return this.#reclaimable.of
  }

  /** Goes on with an erasure that a crash or a close cut short. */
  finishErasure(): void {
    if (!this.#edition.tables.removals.hasUnfinishedErasure) return
    this.#inBackground(this.compact())
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!isDatabaseError(error, 'Closed')) this.#options.observer.noteCompaction(error)
    })
  }

  /** Ends what is under way. */
  stop(): Promise<void> {
    this.#isStopped = true
    return this.#compactor.stop()
  }

  async #horizonsOf(options: PruneOptions): Promise<HorizonReport[]> {
    const { labels, types, keyspaces, before } = options
    const given = { node: labels, edge: types, key: keyspaces }
    const named = entityKinds.flatMap((kind) =>
      (given[kind] ?? []).map((name) => targetOf(kind, name)),
    )
    for (const target of named) kindOfTarget(target)
    const isNamed = Object.values(given).some((names) => names !== undefined)
    if (!isNamed && before === undefined) return this.#horizonsByRules(options.signal)
    if (isNamed && named.length === 0) {
      throw new DatabaseError('InvalidArgument', 'name what to prune, or leave the lists out')
    }
    const { storage } = this.#options
    const sequence =
      before === undefined ? storage.acknowledgedSequence : this.#options.sequenceAt(before)
    if (!isNamed) return [{ of: undefined, sequence }]
    return named.map((of) => ({ of, sequence }))
  }

  async #horizonsByRules(signal: AbortSignal | undefined): Promise<HorizonReport[]> {
    // Only keyspaces in which something may go get a horizon where no rule names them.
    const names = (await this.#countReclaimable(signal)).otherKeyspaces()
    const { named, otherKeyspaces: keep } = this.#rules()
    return [
      ...named.map((rule) => ({ of: targetOf(rule.kind, rule.name), keep: rule.keep })),
      ...names.map((name) => ({ of: targetOf('key', name), keep })),
    ].map((rule) => ({ of: rule.of, sequence: this.#horizonOf(rule.keep) }))
  }

  #horizonOf(keep: Keep): number {
    if (keep === 'forever') return 0
    if (keep === 'present') return this.#options.storage.acknowledgedSequence
    return this.#options.sequenceBefore(keep)
  }
}

/** As much as stays: then what is copied to gain room is paid for by what was written. */
function isWorthIt(reclaimable: number, versions: number): boolean {
  return reclaimable >= Math.max(reclaimedMin, versions - reclaimable)
}

/** How many versions more it takes, at least: each may let two go, the one before and itself. */
function missing(reclaimable: number, versions: number): number {
  return Math.ceil(Math.max((reclaimedMin - reclaimable) / 2, (versions - 2 * reclaimable) / 3, 1))
}
