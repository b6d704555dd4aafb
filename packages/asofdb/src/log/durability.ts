/**
 * When a commit of a logged database counts as done, and what that may lose. Atomicity, order and
 * the detection of damage hold in every mode: what is lost is always the newest commits, all of
 * them from some sequence on. (Without a log there are checkpoints alone, and no mode of a log.)
 */

/** When the log is synced: after each group of commits, so long after a write, or never. */
export type Fsync = 'always' | { readonly everyMs: number } | 'never'

export interface LogMode {
  /** `sync`: a commit is acknowledged when the log has it; `async`: as soon as it is applied. */
  readonly log: 'sync' | 'async'
  readonly fsync: Fsync
}

export interface DurabilityMode {
  /** What must have happened before a commit is acknowledged. */
  readonly acknowledgedAfter: 'sync' | 'write' | 'apply'
  /** What causes a sync, besides a new segment, a flush and closing. */
  readonly syncedBy: 'each group of commits' | 'a timer' | 'the operating system'
  /** Whether the death of the process may take acknowledged commits: those in the queue. */
  readonly mayLoseWithProcess: boolean
  /** Whether the death of the machine may take acknowledged commits. */
  readonly mayLoseWithMachine: boolean
}

export function describeMode({ log, fsync }: LogMode): DurabilityMode {
  const isSyncedInGroups = fsync === 'always'
  const unsynced = fsync === 'never' ? 'the operating system' : 'a timer'
  const isAsync = log === 'async'
  return {
    acknowledgedAfter: isAsync ? 'apply' : isSyncedInGroups ? 'sync' : 'write',
    syncedBy: isSyncedInGroups ? 'each group of commits' : unsynced,
    mayLoseWithProcess: isAsync,
    mayLoseWithMachine: isAsync || !isSyncedInGroups,
  }
}
