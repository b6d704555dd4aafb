import { bytesBetween, countTables, zeroCounts } from './checkpoint/sections.ts'
import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import { TableRewrite } from './compaction/table-rewrite.ts'
import { type Edition, editionOf } from './edition.ts'
import type { GraphIndexes } from './graph/graph-indexes.ts'
import type { Host } from './host/host.ts'
import { DatabaseError, isDatabaseError } from './rules/errors.ts'
import type { CompactionFigures, Storage } from './storage.ts'
import type { TransferProgress } from './transfer/transfer-options.ts'
import { entityKinds } from './versions/entity.ts'
import { erasedKindOf, type Removal } from './versions/removals.ts'
import type { Tables } from './versions/tables.ts'

export interface CompactOptions {
  /** Called now and then with commits: those whose versions have been looked at. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
  /** Stops the work with the reason of the signal as long as the tables are the old ones. */
  readonly signal?: AbortSignal | undefined
}

/** What compacting did. Bytes are those of the tables, indexes apart. */
export interface CompactionReport {
  /** The newest commit at the moment in which the new tables took over. */
  readonly sequence: number
  readonly versionsDropped: number
  readonly versionsKept: number
  readonly bytesBefore: number
  readonly bytesAfter: number
  readonly durationMs: number
  /** The checkpoint that put the new tables on the disk. */
  readonly checkpoint: CheckpointReport
}

export interface CompactorOptions {
  readonly host: Host
  readonly storage: Storage
  readonly first: Edition
  /** Goes over to another edition, at once. */
  adopt(edition: Edition): void
  /** Transactions that would meet a conflict if the tables were replaced now. */
  openTransactions(): number
}

/** Work between two looks at the event loop. */
const sliceMs = 2

/** How long open transactions are given to end before they meet a conflict instead. */
const patienceMs = 1000
const pauseMs = 5

/**
 * Makes the tables anew without what nobody can see any more, while commits and reads go on, and
 * puts them on the disk. Memory holds both for that time; views and snapshots made before keep the
 * old ones as long as they are held.
 */
export class Compactor {
  readonly #options: Omit<CompactorOptions, 'first'>
  #edition: Edition
  /** What views may still hold of earlier editions: their indexes, and by those the tables. */
  #earlier: WeakRef<GraphIndexes>[] = []
  #figures: CompactionFigures = { count: 0, versionsDropped: 0, lastDurationMs: null }
  #last: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(options: CompactorOptions) {
    const { first, ...others } = options
    this.#options = others
    this.#edition = first
  }

  get figures(): CompactionFigures {
    return this.#figures
  }

  /**
   * Compacts, one at a time; with `isForgetting`, so that no file stays that is older than the new
   * tables. Throws `Closed` when it is stopped meanwhile.
   */
  compact(
    options: CompactOptions = {},
    { isForgetting }: { readonly isForgetting: boolean } = { isForgetting: false },
  ): Promise<CompactionReport> {
    const next = this.#last.then(() => this.#run(options, isForgetting))
    this.#last = next.catch(() => undefined)
    return next
  }

  /** Ends what is under way; the tables stay as they are. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#last
  }

  /** Hides what a commit has erased from the views of earlier editions. */
  hide(removals: readonly Removal[]): void {
    const held = this.#earlier.map((reference) => reference.deref())
    for (const indexes of held) {
      if (indexes === undefined) continue
      for (const { kind, subject } of removals) {
        const erased = erasedKindOf(kind)
        if (erased === undefined) continue
        const table = indexes.tables.versions(erased)
        if (table.head(subject) < 0) continue
        table.hideBefore(subject, table.count)
        if (erased === 'edge') indexes.adjacency.settled.unsettle(subject)
      }
    }
  }

  async #run(options: CompactOptions, isForgetting: boolean): Promise<CompactionReport> {
    const { host, storage } = this.#options
    this.#mustGoOn(options)
    mustTakeCheckpoints(storage)
    const startMs = host.clock.monotonicMs()
    const { tables } = this.#edition
    const bytesBefore = bytesOf(tables)
    const rewrite = new TableRewrite(tables)
    const next = await this.#rewrite(rewrite, options)
    // Another compaction may have dropped the bytes before, and may have left files behind.
    if (isForgetting) storage.forgetFiles()
    const report = {
      sequence: next.tables.commits.sequence,
      versionsDropped: rewrite.versionsDropped,
      versionsKept: versionsIn(next.tables),
      bytesBefore,
      bytesAfter: bytesOf(next.tables),
    }
    const checkpoint = await storage.checkpoint()
    const durationMs = host.clock.monotonicMs() - startMs
    this.#figures = {
      count: this.#figures.count + 1,
      versionsDropped: this.#figures.versionsDropped + report.versionsDropped,
      lastDurationMs: durationMs,
    }
    return { ...report, checkpoint, durationMs }
  }

  /** Resolves in the turn after the new edition took over. */
  async #rewrite(rewrite: TableRewrite, options: CompactOptions): Promise<Edition> {
    const { clock, timers } = this.#options.host
    const next = editionOf(rewrite.target)
    const used = this.#edition.indexes
    const steps = rewrite.run()
    let patienceEndMs: number | undefined
    for (;;) {
      const sliceEndMs = clock.monotonicMs() + sliceMs
      let step: 'more' | 'caughtUp' = 'more'
      while (step === 'more' && clock.monotonicMs() < sliceEndMs) step = steps.next().value
      next.indexes.followAs(used)
      const { sequence } = rewrite.target.commits
      options.onProgress?.({ done: sequence, of: used.tables.commits.sequence })
      if (step === 'more') {
        await timers.yieldTurn()
      } else {
        patienceEndMs ??= clock.monotonicMs() + patienceMs
        const isPatient = clock.monotonicMs() < patienceEndMs
        if (!isPatient || this.#options.openTransactions() === 0) return this.#adopt(rewrite, next)
        await new Promise<void>((resolve) => void timers.after(pauseMs, resolve))
      }
      this.#mustGoOn(options)
    }
  }

  #adopt(rewrite: TableRewrite, next: Edition): Edition {
    const isErasing = this.#edition.tables.removals.hasUnfinishedErasure
    rewrite.finish()
    this.#earlier = this.#earlier.filter((reference) => reference.deref() !== undefined)
    this.#earlier.push(new WeakRef(this.#edition.indexes))
    this.#edition = next
    this.#options.adopt(next)
    if (isErasing) this.#options.storage.forgetFiles()
    return next
  }

  #mustGoOn({ signal }: CompactOptions): void {
    signal?.throwIfAborted()
    if (!this.#isStopped) return
    throw new DatabaseError('Closed', 'the database was closed while it was being compacted')
  }
}

/** A log that is full is no hindrance: the checkpoint that follows makes room. */
function mustTakeCheckpoints(storage: Storage): void {
  try {
    storage.mustBeWritable()
  } catch (error) {
    if (!isDatabaseError(error, 'LogFull')) throw error
  }
}

function bytesOf(tables: Tables): number {
  return bytesBetween(zeroCounts(), countTables(tables))
}

export function versionsIn(tables: Tables): number {
  return entityKinds.reduce((sum, kind) => sum + tables.versions(kind).count, 0)
}
