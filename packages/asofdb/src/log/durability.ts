/**
 * When a commit of a logged database counts as done, and what that may lose. Atomicity, order and
 * the detection of damage hold in every mode: what is lost is always the newest commits, all of
 * them from some sequence on. (`checkpoint` and `memory` keep no log.)
 */
export type LogDurability = 'sync' | 'interval' | 'os'

export interface DurabilityMode {
  /** What must have returned before a commit is acknowledged. */
  readonly acknowledgedAfter: 'sync' | 'write'
  /** What causes a sync, besides a new segment, a flush and closing. */
  readonly syncedBy: 'each group of commits' | 'a timer' | 'the operating system'
  /** Acknowledged commits that the death of the process may take. */
  readonly lostWithProcess: string
  /** Acknowledged commits that the death of the machine may take. */
  readonly lostWithMachine: string
}

export const durabilityModes: Readonly<Record<LogDurability, DurabilityMode>> = {
  sync: {
    acknowledgedAfter: 'sync',
    syncedBy: 'each group of commits',
    lostWithProcess: 'none',
    lostWithMachine: 'none',
  },
  interval: {
    acknowledgedAfter: 'write',
    syncedBy: 'a timer',
    lostWithProcess: 'none',
    lostWithMachine: 'those of the last `syncEveryMs` and of the sync under way',
  },
  os: {
    acknowledgedAfter: 'write',
    syncedBy: 'the operating system',
    lostWithProcess: 'none',
    lostWithMachine: 'all since the last new segment, flush or close; usually those of 30 seconds',
  },
}
