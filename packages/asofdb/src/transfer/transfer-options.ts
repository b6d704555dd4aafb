import type { Compression } from '../encoding/compression.ts'
import type { Instant, InstantInput } from '../encoding/instant.ts'

/** How far a long piece of work has come. */
export interface TransferProgress {
  readonly done: number
  /** Of which `done` is a part; the unit is that of the work: bytes or commits. */
  readonly of: number
}

export interface BackupOptions {
  /** Called now and then with bytes: looked at, copied or found to be there. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
  /** Stops the work with the reason of the signal; the same call finishes it later. */
  readonly signal?: AbortSignal | undefined
}

/** What a backup holds, and what it took. */
export interface BackupReport {
  /** Absolute path. */
  readonly directory: string
  /** The newest commit in the backup, which holds exactly those up to it. */
  readonly sequence: number
  /** System time of that commit; null for a database without commits. */
  readonly system: Instant | null
  /** The newest commit of the backup that was there before; null when there was none. */
  readonly previousSequence: number | null
  readonly filesCopied: number
  readonly bytesCopied: number
  /** Files that were there already, read and found whole. */
  readonly filesReused: number
  readonly bytesReused: number
  /** Names, inside the backup, of what it no longer needs and is gone. */
  readonly removed: readonly string[]
  /** What it no longer needs and could not be removed; the next backup into it tries again. */
  readonly leftBehind: readonly { readonly name: string; readonly why: string }[]
  readonly durationMs: number
}

/** Which commits to take: up to a number, up to a system time, or all of them. Give one or none. */
export interface PointInHistory {
  readonly toSequence?: number | undefined
  /** Commits with a system time at or before this one. */
  readonly toTime?: InstantInput | undefined
}

export interface ForkOptions extends PointInHistory {
  /** How the checkpoint that is written is compressed. Default: `none`. */
  readonly checkpointCompression?: Compression | undefined
  /** Called now and then with commits. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
  /** Stops the work with the reason of the signal; the same call does it later. */
  readonly signal?: AbortSignal | undefined
}

/** A database that was made from another. */
export interface ForkReport {
  /** Absolute path. */
  readonly directory: string
  /** The newest commit in it. */
  readonly sequence: number
  /** System time of that commit; null when there is none. */
  readonly system: Instant | null
  /** Of the new database: random, 32 hexadecimal digits. */
  readonly databaseId: string
  readonly bytesWritten: number
  readonly durationMs: number
}
