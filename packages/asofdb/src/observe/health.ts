import type { Instant } from '../encoding/instant.ts'
import type { CheckpointFailure } from './checkpoint-meter.ts'

/**
 * `ok`: nothing to do. `degraded`: everything works, and something should be looked at.
 * `readonly`: reads go on, writes are refused until the database is opened again. `failed`: not to
 * be used any more; open it again.
 */
export type HealthStatus = 'ok' | 'degraded' | 'readonly' | 'failed'

/** Worst first. */
export const statusByCode = {
  /** The database is closed, or being closed. */
  Closed: 'failed',
  /** A commit is in the log that memory could not take: reads would be wrong. */
  BehindLog: 'failed',
  /** The log, or a checkpoint, failed in a way that no second attempt could mend. */
  Poisoned: 'readonly',
  /** Too much is in no checkpoint, because checkpoints fail; passes when one is made. */
  LogFull: 'readonly',
  /** Opened so: what was found could only be read. */
  ReadOnly: 'readonly',
  /** The log grows, and opening takes longer. */
  CheckpointFailing: 'degraded',
  /** What was pruned or erased is not shown any more, but its bytes are still there. */
  CompactionFailing: 'degraded',
  /** System time runs more than an hour ahead of the wall clock, because that was set back. */
  ClockAhead: 'degraded',
  /** A listener to events has thrown; nobody else was harmed by it. */
  ListenerFailing: 'degraded',
} as const satisfies Record<string, HealthStatus>

export type HealthCode = keyof typeof statusByCode

export interface HealthReason {
  readonly code: HealthCode
  /** For people: what it is and what to do. */
  readonly message: string
  /** When it was first noticed, by the wall clock. */
  readonly since: Instant
}

export interface Health {
  /** That of the worst reason; `ok` when there is none. */
  readonly status: HealthStatus
  /** Worst first. */
  readonly reasons: readonly HealthReason[]
  /** Applied commits that a power cut could take, and the bytes of their records. */
  readonly unsynced: { readonly commits: number; readonly bytes: number }
  readonly checkpoint: {
    /** The newest commit that the last checkpoint holds; 0 before the first. */
    readonly sequence: number
    /** Milliseconds since it was finished; null when that was before this opening, or never. */
    readonly ageMs: number | null
    /** Bytes of the records that the log has taken since; opening has to read them. */
    readonly logBytes: number
    /** null while checkpoints don't fail. */
    readonly failure: CheckpointFailure | null
  }
  /** How often a listener to events has thrown since the opening. */
  readonly listenerFailures: number
}

/** The status that reasons come to, and the reasons in the order of their weight. */
export function weigh(reasons: readonly HealthReason[]): Pick<Health, 'status' | 'reasons'> {
  const codes = Object.keys(statusByCode)
  const ordered = [...reasons].sort(
    (left, right) => codes.indexOf(left.code) - codes.indexOf(right.code),
  )
  const [worst] = ordered
  return { status: worst === undefined ? 'ok' : statusByCode[worst.code], reasons: ordered }
}
