import type { DamageKind, Evidence, EvidencePlace } from '../log/log-ending.ts'

/** How an opening reacts to what it finds. Others are to come as further columns of the verdict. */
export type RecoveryPolicy = 'strict'

/**
 * `created`: there was nothing, now there is an empty database. `clean`: everything was as it was
 * left. `recovered`: a crash had left an unfinished end, which no one was ever told of; it is gone.
 * `healed`: something derived was damaged and replaced, and nothing is missing.
 */
export type RecoveryOutcome = 'created' | 'clean' | 'recovered' | 'healed'

/** Damaged bytes: which, and how that is known. */
export interface Damage {
  /** Those of the log, and `contents`: sound bytes that say something impossible. */
  readonly kind: DamageKind | 'contents'
  /** Relative to the directory of the database. */
  readonly file: string
  /** Bytes from the start of the file. */
  readonly offset: number
  /** The commit that should have been there; absent where the damage is no record's. */
  readonly sequenceExpected?: number | undefined
  readonly sequenceFound?: number | undefined
  /** What proves that the bytes had been durable. */
  readonly evidence: Evidence
  readonly evidenceAt?: EvidencePlace | undefined
  /** In words. */
  readonly what: string
}

/** What opening found and did. Fields are stable. */
export interface RecoveryReport {
  readonly policy: RecoveryPolicy
  readonly outcome: RecoveryOutcome
  /** The row of the decision table that applied. */
  readonly row: string
  /** The last use of the database ended with `close`. */
  readonly isCleanShutdown: boolean
  readonly manifest: {
    readonly file: string
    readonly revision: number
    readonly epoch: number
  } | null
  /** What was read back; null when there was no checkpoint. */
  readonly checkpoint: {
    readonly sequence: number
    readonly generation: number
    readonly files: readonly string[]
    readonly bytes: number
  } | null
  /** What was applied from the log. */
  readonly replayed: {
    readonly segments: number
    readonly records: number
    readonly bytes: number
    /** 0 when nothing was applied. */
    readonly firstSequence: number
    readonly lastSequence: number
  }
  readonly recoveredSequence: number
  /** The highest commit that something proves to have been durable; never above the recovered. */
  readonly durableFloorSequence: number
  /** The unfinished end of the log, which was cut. */
  readonly tornTail: {
    readonly file: string
    readonly offset: number
    readonly bytesDiscarded: number
    readonly recordsDiscarded: number
    readonly firstSequenceDiscarded: number
  } | null
  readonly damage: readonly Damage[]
  readonly healed: readonly { readonly file: string; readonly how: string }[]
  /** Leftovers of a crash that were removed. */
  readonly orphansRemoved: readonly string[]
  /** Leftovers that could not be removed; they do no harm. */
  readonly orphansLeft: readonly string[]
  readonly durationMs: number
}

/** The report of a database that has no files. */
export function memoryRecoveryReport(): RecoveryReport {
  return {
    policy: 'strict',
    outcome: 'created',
    row: 'A',
    isCleanShutdown: true,
    manifest: null,
    checkpoint: null,
    replayed: { segments: 0, records: 0, bytes: 0, firstSequence: 0, lastSequence: 0 },
    recoveredSequence: 0,
    durableFloorSequence: 0,
    tornTail: null,
    damage: [],
    healed: [],
    orphansRemoved: [],
    orphansLeft: [],
    durationMs: 0,
  }
}
