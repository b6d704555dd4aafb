import type { LogTail } from './segment-chain.ts'

/** How a log ends, as far as its files tell. Recovery branches on `type`. */
export type LogEnding = CleanEnding | TornEnding | DamagedEnding

/** Every byte is a record. */
export interface CleanEnding {
  readonly type: 'clean'
  /** Whether the last record says that the log was closed. */
  readonly closed: boolean
}

/**
 * What a crash leaves of writes that no sync had covered, or what can't be told from it. Nothing in
 * the files says that it had been durable. To be cut off, at `offset`, before anything is written.
 */
export interface TornEnding {
  readonly type: 'torn'
  readonly file: string
  readonly offset: number
  readonly bytesDiscarded: number
  /** Sound commits behind the first hole; they are discarded too. */
  readonly recordsDiscarded: number
  /** The first sequence that isn't there. */
  readonly sequenceExpected: number
}

/**
 * - `checksum`: these are not the bytes that were written.
 * - `length`: a record of a size that no writer gives, or bytes behind the end of a segment.
 * - `sequenceGap`: a sound record that isn't the next one.
 * - `salt`: a sound header or record of another use of the place.
 * - `truncated`: the file ends too early.
 * - `missing`: a segment the manifest names isn't there, or one with records isn't named.
 * - `ioError`: the disk refuses to read.
 * - `foreign`: a segment of another database.
 */
export type DamageKind =
  | 'checksum'
  | 'length'
  | 'sequenceGap'
  | 'salt'
  | 'truncated'
  | 'missing'
  | 'ioError'
  | 'foreign'

/**
 * Why this is damage and no torn tail.
 *
 * - `durablePromise`: a sound record behind it says that it had been durable.
 * - `closeRecord`: so does a record of a close.
 * - `laterSegment`: a later segment was begun, before which all of this was synced.
 * - `manifest`: the manifest names the segment, or promises the sequence.
 * - `readRefused`: the disk itself says so.
 */
export type Evidence =
  | 'durablePromise'
  | 'closeRecord'
  | 'laterSegment'
  | 'manifest'
  | 'readRefused'

export interface EvidencePlace {
  readonly file: string
  readonly offset: number
  readonly sequence: number
}

/** Something was stored durably and isn't there as it was. */
export interface DamagedEnding {
  readonly type: 'damaged'
  readonly file: string
  readonly offset: number
  readonly kind: DamageKind
  /** The first sequence that can't be read. */
  readonly sequenceExpected: number
  readonly sequenceFound?: number | undefined
  readonly evidence: Evidence
  readonly evidenceAt?: EvidencePlace | undefined
}

export interface LogReport {
  readonly ending: LogEnding
  /**
   * Where the log ends, for `LogWriter.resume`: the proven prefix, once a torn tail is cut off.
   * Undefined when it is damaged, when the manifest names no segment, and when the log ends before
   * the first sequence that was asked for, so that going on in it would leave a gap.
   */
  readonly tail: LogTail | undefined
  /** The last commit of the proven prefix; below the first wanted one when there is none. */
  readonly lastSequence: number
  /** The highest sequence that anything sound says had been durable. */
  readonly durableSequence: number
  /** Segments, commits given to the caller, and bytes that were read. */
  readonly segments: number
  readonly records: number
  readonly bytes: number
  /** Files that are no part of the log any more, or never were: what a crash may leave. */
  readonly orphans: readonly string[]
}
