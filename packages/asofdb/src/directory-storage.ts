import type { ManifestStore } from './checkpoint/manifest-store.ts'
import { hexToBytes } from './checkpoint/checkpoint-file.ts'
import { isCheckpointDue } from './checkpoint/checkpoint-policy.ts'
import { Checkpointer, type CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import { logDirectoryOf } from './checkpoint/directory-names.ts'
import type { BatchApplier, LoggedBatch } from './commit/apply.ts'
import { type DirectoryLock, type Host, LockHeldError } from './host/host.ts'
import type { LogDurability } from './log/durability.ts'
import { LogWriter, type LogWriterOptions } from './log/log-writer.ts'
import {
  type LogPosition,
  openDirectory,
  prepareDirectory,
} from './recovery/open-directory.ts'
import type { RecoveryReport } from './recovery/report.ts'
import { type DerivedCheck, verify, type VerifyReport } from './recovery/verify.ts'
import { DatabaseError, isDatabaseError } from './rules/errors.ts'
import type { Storage } from './storage.ts'
import type { Tables } from './versions/tables.ts'

export interface DirectoryOptions {
  readonly host: Host
  /** Absolute path. */
  readonly directory: string
  readonly durability: LogDurability | 'checkpoint'
  readonly create: boolean
  readonly nodesValid: 'now' | 'always' | undefined
  readonly segmentBytesMax: number
  readonly syncEveryMs: number
  readonly checkpointLogBytes: number
}

/** The parts that storage fills and reads. */
export interface StoredState {
  readonly tables: Tables
  readonly applier: BatchApplier
}

interface OpenedParts extends StoredState {
  readonly options: DirectoryOptions
  readonly lock: DirectoryLock
  readonly manifests: ManifestStore
  readonly recovery: RecoveryReport
}

/**
 * A database in a directory: log, checkpoints, manifest, and the lock that makes this process the
 * owner. Opens with recovery, ends with a checkpoint and a log that says it was closed.
 */
export class DirectoryStorage implements Storage {
  readonly recovery: RecoveryReport
  readonly #parts: OpenedParts
  readonly #checkpointer: Checkpointer
  #writer: LogWriter | undefined
  #acknowledged: number
  #poison: DatabaseError | undefined
  /** Bytes of the batches taken; where there is no log, all there is to go by. */
  #batchBytes = 0
  #batchBytesAtCheckpoint = 0
  #failures = 0
  #lastFailureMs = 0
  #lastFailure: unknown
  #closing: Promise<void> | undefined

  private constructor(parts: OpenedParts) {
    const { options, manifests, tables } = parts
    this.recovery = parts.recovery
    this.#parts = parts
    this.#acknowledged = tables.commits.sequence
    this.#checkpointer = new Checkpointer({
      host: options.host,
      directory: options.directory,
      tables,
      manifests,
      untilDurable: (sequence) => this.#untilDurable(sequence),
      dropLogBefore: (sequence) => this.#writer?.dropBefore(sequence) ?? Promise.resolve([]),
    })
  }

  /**
   * Takes the directory, recovers what is there into empty tables, and starts the log. Throws
   * `Locked` with the holder, `NotADatabase`, `Corrupt`, `ForeignFile`, `FormatTooNew`, `ReadOnly`.
   */
  static async open(options: DirectoryOptions, state: StoredState): Promise<DirectoryStorage> {
    const { host, directory } = options
    await prepareDirectory(host.files, directory, options.create)
    const lock = await takeLock(host, directory)
    try {
      const isLogged = options.durability !== 'checkpoint'
      const opened = await openDirectory({
        host,
        directory,
        ...state,
        create: options.create,
        settings: { nodesValid: options.nodesValid ?? 'now' },
        isLogged,
      })
      const { manifests, report } = opened
      const parts = { ...state, options, lock, manifests, recovery: report }
      const storage = new DirectoryStorage(parts)
      if (options.durability !== 'checkpoint') {
        await storage.#startLog(options.durability, opened.log)
      }
      return storage
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** As chosen when the database was created. */
  get nodesValid(): 'now' | 'always' {
    return this.#parts.manifests.current.settings['nodesValid'] === 'always' ? 'always' : 'now'
  }

  get acknowledgedSequence(): number {
    return this.#acknowledged
  }

  get logBytes(): number {
    return this.#writer?.bytesSinceStart ?? 0
  }

  get checkpointBytes(): number {
    return this.#checkpointer.byteLength
  }

  /** Why the last background checkpoint failed; undefined when it did not. */
  get checkpointFailure(): unknown {
    return this.#lastFailure
  }

  append(batch: LoggedBatch): void {
    this.#writer?.append(batch)
    this.#batchBytes += batch.payload.length
  }

  acknowledged(sequence: number): Promise<void> {
    if (this.#writer !== undefined) return this.#writer.acknowledged(sequence)
    this.#acknowledge(sequence)
    return Promise.resolve()
  }

  mustBeWritable(): void {
    if (this.#poison !== undefined) throw this.#poison
  }

  async checkpoint(): Promise<CheckpointReport> {
    this.mustBeWritable()
    const batchBytes = this.#batchBytes
    const report = await this.#checkpointer.checkpoint().catch((error: unknown) => {
      // One failure that nobody can tell the end of is enough to take nothing more.
      if (isDatabaseError(error, 'Poisoned')) this.#poison ??= error
      throw error
    })
    this.#batchBytesAtCheckpoint = Math.max(this.#batchBytesAtCheckpoint, batchBytes)
    this.#failures = 0
    this.#lastFailure = undefined
    return report
  }

  verify(derived: readonly DerivedCheck[]): Promise<VerifyReport> {
    const { options, tables, manifests } = this.#parts
    const { host, directory } = options
    const durableSequence = (): number => this.#writer?.durableSequence ?? this.#acknowledged
    return verify({ host, tables, derived, stored: { directory, manifests, durableSequence } })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The lock goes last and in any case: nobody may find the directory free before. */
  async #close(): Promise<void> {
    const failures: unknown[] = []
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        failures.push(error)
      }
    }
    if (this.#poison === undefined) await attempt(() => this.#checkpointer.checkpoint())
    await attempt(async () => this.#writer?.close())
    await attempt(() => this.#parts.lock.release())
    if (this.#poison === undefined && failures.length > 0) throw failures[0]
  }

  async #startLog(durability: LogDurability, position: LogPosition): Promise<void> {
    const { options, manifests } = this.#parts
    const writerOptions: LogWriterOptions = {
      host: options.host,
      directory: logDirectoryOf(options.directory),
      databaseId: hexToBytes(manifests.current.databaseId),
      epoch: manifests.current.epoch,
      durability,
      segmentBytesMax: options.segmentBytesMax,
      syncEveryMs: options.syncEveryMs,
      onSegment: async (segments) => {
        await manifests.nameSegments(segments)
      },
      onAcknowledged: (sequence) => {
        this.#acknowledge(sequence)
      },
      onPoison: (error) => {
        this.#poison = error
      },
    }
    this.#writer =
      position.type === 'create'
        ? await LogWriter.create(writerOptions, position)
        : await LogWriter.resume(writerOptions, position.tail)
  }

  #acknowledge(sequence: number): void {
    if (sequence > this.#acknowledged) this.#acknowledged = sequence
    this.#checkpointIfDue()
  }

  #untilDurable(sequence: number): Promise<void> {
    if (this.#writer === undefined || this.#writer.durableSequence >= sequence) {
      return Promise.resolve()
    }
    return this.#writer.flush()
  }

  #checkpointIfDue(): void {
    const { clock } = this.#parts.options.host
    const isDue = isCheckpointDue({
      logBytes: this.#batchBytes - this.#batchBytesAtCheckpoint,
      checkpointLogBytes: this.#parts.options.checkpointLogBytes,
      failures: this.#failures,
      sinceFailureMs: this.#failures === 0 ? 0 : clock.monotonicMs() - this.#lastFailureMs,
    })
    if (!isDue || this.#checkpointer.isRunning || this.#closing !== undefined) return
    this.checkpoint().catch((error: unknown) => {
      this.#failures++
      this.#lastFailureMs = clock.monotonicMs()
      this.#lastFailure = error
    })
  }
}

async function takeLock(host: Host, directory: string): Promise<DirectoryLock> {
  try {
    return await host.files.lock(directory)
  } catch (error) {
    if (error instanceof LockHeldError) throw locked(directory, error)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isReadOnly = code === 'EROFS' || code === 'EACCES' || code === 'EPERM'
    throw new DatabaseError(
      isReadOnly ? 'ReadOnly' : 'IoFailed',
      `the directory ${directory} can't be taken for writing (${code || String(error)}); ` +
        'check its permissions and the file system',
      { cause: error, details: { directory } },
    )
  }
}

function locked(directory: string, { holder }: LockHeldError): DatabaseError {
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid} on ${holder.hostName} since ${isoTime(holder.sinceMs)}`
  return new DatabaseError(
    'Locked',
    `the database ${directory} is owned by ${who}; close it there, or wait until that process ends`,
    { details: { directory, ...holder } },
  )
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
