import type { IndexImageReport } from '../checkpoint/index-images.ts'
import type { DamageKind, Evidence, EvidencePlace } from '../log/log-ending.ts'

/**
 * How an opening reacts to what it finds; what counts as damage is the same for all of them.
 *
 * - `strict`: whatever may have cost something acknowledged refuses to open.
 * - `bestEffort`: what can be proved whole is opened, for reading only, and no file is changed.
 * - `repair`: what can be proved whole is written anew beside the old, what is damaged or can't be
 *   applied goes to `quarantine/`, and the database opens for writing.
 */
export type RecoveryPolicy = (typeof recoveryPolicies)[number]

export const recoveryPolicies = ['strict', 'bestEffort', 'repair'] as const

/**
 * `created`: there was nothing, now there is an empty database. `clean`: everything was as it was
 * left. `recovered`: a crash had left an unfinished end, which no one was ever told of; it is gone.
 * `healed`: something derived was damaged and replaced, and nothing is missing. `degraded`: opened
 * for reading only, at what can be proved whole. `repaired`: that was written anew, and the rest is
 * in quarantine.
 */
export type RecoveryOutcome =
  | 'created'
  | 'clean'
  | 'recovered'
  | 'healed'
  | 'degraded'
  | 'repaired'

/** Damaged bytes: which, and how that is known. */
export interface Damage {
  /** Those of the log, and `contents`: sound bytes that say something impossible. */
  readonly kind: DamageKind | 'contents'
  /** Relative to the directory of the database. */
  readonly file: string
  /** Bytes from the start of the file. */
  readonly offset: number
  /** Bytes among which the damage is: those of one checksum. Absent where it has no end. */
  readonly length?: number | undefined
  /** The commits whose bytes these are, as far as that can be told. */
  readonly commits?: SequenceRange | undefined
  /** The commit that should have been there; absent where the damage is no record's. */
  readonly sequenceExpected?: number | undefined
  readonly sequenceFound?: number | undefined
  /** What proves that the bytes had been durable. */
  readonly evidence: Evidence
  readonly evidenceAt?: EvidencePlace | undefined
  /** In words. */
  readonly what: string
}

/** Commits from `first` to `last`, both included. */
export interface SequenceRange {
  readonly first: number
  readonly last: number
}

/** Commits from `first` on; up to `last`, or nobody can say up to which. */
export interface LostCommits {
  readonly first: number
  readonly last: number | null
}

/** A file that was copied to quarantine, or would be. Paths are relative to the directory. */
export interface QuarantinedFile {
  /** Where it was. */
  readonly file: string
  /** Where its bytes are kept; a description lies beside, with `.json` behind the name. */
  readonly path: string
  readonly bytes: number
  readonly why: string
}

/** Whole commits that were found and can't be applied, because one before them is missing. */
export interface SkippedCommits {
  readonly records: number
  readonly ranges: readonly SequenceRange[]
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
  /** Commits that were found whole, and not applied because of a gap before them. */
  readonly skipped: SkippedCommits
  /** Commits that had been there and are not among the recovered. */
  readonly lost: LostCommits | null
  /** The largest sequence that anything sound names: of a record, a promise or a checkpoint. */
  readonly seenSequence: number
  readonly quarantined: readonly QuarantinedFile[]
  /** Reads that failed, were tried again, and may have succeeded then. */
  readonly retries: number
  /**
   * The images of indexes that were found, or would have been needed: brought up to date whenever
   * it is asked for, as an index is only loaded, or derived, when somebody asks it something.
   */
  readonly indexes: readonly IndexImageReport[]
  readonly isReadOnly: boolean
  /** Null when the database takes writes. */
  readonly readOnlyReason: string | null
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
    skipped: { records: 0, ranges: [] },
    lost: null,
    seenSequence: 0,
    quarantined: [],
    retries: 0,
    indexes: [],
    isReadOnly: false,
    readOnlyReason: null,
    durationMs: 0,
  }
}
