import type { TransactionCore } from './commit/transaction-core.ts'
import type { CompactionReport, CompactOptions } from './compactor.ts'
import type { InstantInput } from './encoding/instant.ts'
import type { CommitMeta } from './graph/history.ts'
import { kindOfTarget, type RetentionTarget } from './retention.ts'
import { pruningOf, type Removal } from './versions/removals.ts'

export interface PruneOptions extends CompactOptions {
  /**
   * The horizon: what was invisible from here on goes. Default: now for what is named, and what
   * the retention rules say where nothing is named either.
   */
  readonly before?: InstantInput | undefined
  /** A horizon for what has these names only. Default: for everything. */
  readonly labels?: readonly string[] | undefined
  readonly types?: readonly string[] | undefined
  readonly keyspaces?: readonly string[] | undefined
  /** Who, why and from what source: kept with the commit. */
  readonly meta?: CommitMeta | undefined
  /** Whether to give the memory and the disk space back at once. Default: true. */
  readonly compact?: boolean | undefined
}

/** A horizon that a prune has set or moved. */
export interface HorizonReport {
  /** What it is of; undefined: everything. */
  readonly of: RetentionTarget | undefined
  /** The first commit as of which questions are answered. */
  readonly sequence: number
}

export interface PruneReport {
  /** The commit that set the horizons; undefined when none had to be moved. */
  readonly sequence: number | undefined
  readonly horizons: readonly HorizonReport[]
  readonly compaction: CompactionReport | undefined
}

/** States in a transaction that horizons move on; those that are there already are passed over. */
export function stateHorizons(
  core: TransactionCore,
  horizons: readonly HorizonReport[],
): HorizonReport[] {
  const { removals, symbols } = core.tables
  const moved: HorizonReport[] = []
  for (const horizon of horizons) {
    const { of, sequence } = horizon
    let removal: Removal
    let now: number
    if (of === undefined) {
      removal = { kind: 'prunedEverything', subject: 0, sequence }
      now = removals.pruningOfAll?.sequence ?? 0
    } else {
      const { kind, name } = kindOfTarget(of)
      const symbol = symbols.find(name)
      now = symbol === undefined ? 0 : (removals.pruning(kind, symbol)?.sequence ?? 0)
      // A name that nobody has used has no past.
      if (symbol === undefined) continue
      removal = { kind: pruningOf(kind), subject: core.symbol(name), sequence }
    }
    if (sequence <= now) continue
    core.takeAway(removal)
    moved.push(horizon)
  }
  return moved
}
