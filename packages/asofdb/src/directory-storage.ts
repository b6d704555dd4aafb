import type { Settings } from './checkpoint/manifest.ts'
import type { ManifestStore } from './checkpoint/manifest-store.ts'
import { hexToBytes } from './checkpoint/checkpoint-file.ts'
import { BackgroundCheckpoints } from './checkpoint/background-checkpoints.ts'
import type { CheckpointTriggers } from './checkpoint/checkpoint-policy.ts'
import { Checkpointer, type CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import { IndexImages } from './checkpoint/index-images.ts'
import { removeIfPresent } from './checkpoint/write-checkpoint.ts'
import type { PartPaths } from './checkpoint/paths-file.ts'
import type { Places } from './checkpoint/placed-files.ts'
import {
  logDirectoryName,
  logDirectoryOf,
  quarantineDirectoryName,
} from './checkpoint/directory-names.ts'
import type { BatchApplier, LoggedBatch } from './commit/apply.ts'
import type { Compression } from './encoding/compression.ts'
import type { DirectoryLock, Host } from './host/host.ts'
import { parseSegmentName } from './log/segment.ts'
import { describeMode, type LogMode } from './log/durability.ts'
import { checkWriteDurability, type WriteDurability } from './log/durability-options.ts'
import { LogWriter, type LogWriterOptions } from './log/log-writer.ts'
import { TurnPace } from './log/turn-pace.ts'
import type { LogPosition } from './recovery/open-directory.ts'
import { takeDirectory, type TakenDirectory } from './recovery/placement.ts'
import { recoverDirectory } from './recovery/recover-directory.ts'
import type { Observer } from './observe/observer.ts'
import { ReadProgress } from './recovery/read-progress.ts'
import type { RecoveryPolicy, RecoveryReport } from './recovery/report.ts'
import { listIfPresent } from './recovery/survey-checkpoint.ts'
import { type DerivedCheck, verify, type VerifyReport } from './recovery/verify.ts'
import { type DatabaseError, isDatabaseError, messageOf } from './rules/errors.ts'
import { Backups } from './transfer/backups.ts'
import type { KnownBackup } from './transfer/known-backups.ts'
import type { BackupOptions, BackupReport } from './transfer/transfer-options.ts'
import { ReadOnlyStorage } from './read-only-storage.ts'
import type { Storage, StorageFigures } from './storage.ts'
import type { CommitTable } from './versions/commit-table.ts'
import type { LiveTables } from './versions/live-tables.ts'

export interface DirectoryOptions {
  readonly host: Host
  readonly observer: Observer
  /** Absolute path. */
  readonly directory: string
  /** Where log and checkpoints are to lie, or must lie. */
  readonly paths: PartPaths
  /** `off`: checkpoints alone. */
  readonly mode: LogMode | 'off'
  readonly create: boolean
  readonly nodesValid: 'now' | 'always' | undefined
  readonly segmentBytesMax: number
  /** Bytes of commits an asynchronous log may be behind. */
  readonly logQueueBytesMax: number
  readonly checkpoints: CheckpointTriggers
  readonly checkpointCompression: Compression
  readonly recovery: RecoveryPolicy
  /** From how many rows on an index is worth an image; Infinity: none is kept. */
  readonly indexImageRowsMin: number
}

/** The parts that storage fills and reads. */
export interface StoredState {
  readonly live: LiveTables
  readonly applier: BatchApplier
}

interface OpenedParts extends Pick<StoredState, 'live'> {
  readonly options: DirectoryOptions
  readonly lock: DirectoryLock
  readonly places: Places
  readonly manifests: ManifestStore
  readonly recovery: RecoveryReport
  readonly images: IndexImages
}

/**
 * A database in a directory: log, checkpoints, manifest, and the lock that makes this process the
 * owner. Opens with recovery, ends with a checkpoint and a log that says it was closed.
 */
export class DirectoryStorage implements Storage {
  readonly #parts: OpenedParts
  readonly #checkpointer: Checkpointer
  readonly #background: BackgroundCheckpoints
  readonly #backups: Backups
  readonly #turns: TurnPace
  #writer: LogWriter | undefined
  #acknowledged: number
  #poison: DatabaseError | undefined
  /** How often files were to forget, and how many of those times a checkpoint has seen to. */
  #forgetsAsked = 0
  #forgetsDone = 0
  #closing: Promise<void> | undefined

  private constructor(parts: OpenedParts) {
    const { options, manifests, live } = parts
    this.#parts = parts
    this.#acknowledged = live.current.commits.sequence
    this.#checkpointer = new Checkpointer({
      host: options.host,
      directory: options.directory,
      live,
      manifests,
      compression: options.checkpointCompression,
      untilDurable: (sequence) => this.#untilDurable(sequence),
      dropLogBefore: (sequence, named) =>
        this.#writer?.dropBefore(sequence, named) ?? Promise.resolve([]),
      onStarted: (sequence) => options.observer.checkpoints.noteStarted(sequence),
    })
    this.#background = new BackgroundCheckpoints({
      host: options.host,
      live,
      triggers: options.checkpoints,
      sequence: manifests.current.checkpoint.sequence,
      logBytes: bytesToReplay(parts.recovery),
      symbols: manifests.current.checkpoint.files.at(-1)?.to.symbols ?? 0,
      meter: options.observer.checkpoints,
      make: () => this.#checkpoint(),
    })
    this.#turns = new TurnPace(options.host)
    this.#backups = new Backups({
      host: options.host,
      directory: options.directory,
      places: parts.places,
      live,
      manifests,
      keepFiles: () => this.#checkpointer.keepFiles(),
      checkpoint: () => this.checkpoint(),
    })
  }

  /**
   * Takes the directory, recovers what is there into empty tables, and starts the log. Throws
   * `Locked` with the holder, `NotADatabase`, `Corrupt`, `ForeignFile`, `FormatTooNew`, `ReadOnly`.
   */
  static async open(
    options: DirectoryOptions,
    state: StoredState,
  ): Promise<DirectoryStorage | ReadOnlyStorage> {
    const { paths: wanted } = options
    const taken = await takeDirectory({ ...options, wanted })
    try {
      return await DirectoryStorage.#openTaken({ ...options, host: taken.host }, state, taken)
    } catch (error) {
      await taken.lock.release()
      throw taken.locate(error)
    }
  }

  static async #openTaken(
    options: DirectoryOptions,
    state: StoredState,
    { lock, places }: TakenDirectory,
  ): Promise<DirectoryStorage | ReadOnlyStorage> {
    const { host, directory, observer, mode } = options
    const progress = progressOf(options)
    const recovered = await recoverDirectory({
      host,
      directory,
      tables: state.live.current,
      applier: state.applier,
      create: options.create,
      settings: { nodesValid: options.nodesValid ?? 'now' },
      isLogged: mode !== 'off',
      policy: options.recovery,
      progress,
    })
    progress?.end()
    if (recovered.type === 'readOnly') {
      const { live } = state
      return new ReadOnlyStorage({ ...recovered, live, host, observer, lock, places })
    }
    const { opened } = recovered
    const { manifests, report } = opened
    const images = await IndexImages.open({
      host,
      directory,
      databaseId: manifests.current.databaseId,
      live: state.live,
      rowsMin: options.indexImageRowsMin,
      durableSequence: () => storage.figures().durableSequence,
    })
    state.live.current.shelf.loadFrom(images)
    const { live } = state
    const parts = { live, options, lock, places, manifests, recovery: report, images }
    const storage = new DirectoryStorage(parts)
    try {
      if (mode !== 'off') await storage.#startLog(mode, opened.log)
    } catch (error) {
      await images.close(false)
      throw error
    }
    return storage
  }

  get recovery(): RecoveryReport {
    const { recovery, images } = this.#parts
    return { ...recovery, indexes: images.report() }
  }

  get acknowledgedSequence(): number {
    return this.#acknowledged
  }

  figures(): StorageFigures {
    const { sequence, files } = this.#parts.manifests.current.checkpoint
    const { logBytes } = this.#background
    const durableSequence = Math.max(this.#writer?.durableSequence ?? 0, sequence)
    return {
      durableSequence,
      log: {
        bytes: this.#writer?.byteLength ?? 0,
        segments: this.#writer?.segments.length ?? 0,
        bytesSinceCheckpoint: logBytes,
        unsyncedCommits: this.#parts.live.current.commits.sequence - durableSequence,
        unsyncedBytes: this.#writer?.unsyncedBytes ?? logBytes,
      },
      checkpoint: { sequence, files: files.length, bytes: this.#checkpointer.byteLength },
      unsaved: this.#background.unsaved,
      indexImages: figuresOf(this.#parts.images),
    }
  }

  append(batch: LoggedBatch): void {
    this.#writer?.append(batch)
    this.#background.noteBatch(batch.payload.length)
  }

  acknowledged(sequence: number): Promise<void> {
    if (this.#writer !== undefined && this.#isAwaited) return this.#writer.acknowledged(sequence)
    // Applied is all there is to wait for.
    this.#acknowledge(sequence)
    return this.#turns.rest()
  }

  mustBeWritable(): void {
    this.#mustBeSound()
    this.#background.mustHaveRoom()
  }

  get isBehind(): boolean {
    return this.#writer?.isFull === true || this.#background.isBehind
  }

  room(): Promise<void> {
    const { isBehind } = this.#background
    return this.#writer === undefined || isBehind ? this.#background.room() : this.#writer.room()
  }

  mustSupport(durability: WriteDurability | undefined): void {
    checkWriteDurability(durability)
  }

  async keep(sequence: number, durability: WriteDurability): Promise<void> {
    if (this.#writer === undefined) return this.#keepInCheckpoint(sequence)
    if (durability === 'sync') await this.#writer.synced(sequence)
    else await this.#writer.acknowledged(sequence)
  }

  checkpoint(): Promise<CheckpointReport> {
    this.#mustBeSound()
    return this.#background.make()
  }

  forgetFiles(): void {
    this.#forgetsAsked++
  }

  backupsBefore(sequence: number): readonly KnownBackup[] {
    return this.#backups.before(sequence)
  }

  async quarantined(): Promise<{ readonly name: string; readonly why: string }[]> {
    const { host, directory } = this.#parts.options
    const why = 'it was damaged and put aside, and may hold anything; remove it yourself'
    const names = await listIfPresent(host.files, `${directory}/${quarantineDirectoryName}`)
    return names.map((name) => ({ name: `${quarantineDirectoryName}/${name}`, why }))
  }

  get places(): Places {
    return this.#parts.places
  }

  get origin(): { readonly databaseId: string; readonly settings: Settings } {
    const { databaseId, settings } = this.#parts.manifests.current
    return { databaseId, settings }
  }

  backup(directory: string, options: BackupOptions): Promise<BackupReport> {
    return this.#backups.make(directory, options)
  }

  async verify(derived: readonly DerivedCheck[]): Promise<VerifyReport> {
    const { options, live, manifests, images } = this.#parts
    const { host, directory } = options
    const tables = live.current
    // Without a writer the log that may lie there is of an earlier opening, and grows no more.
    const durableSequence = (): number =>
      this.#writer?.durableSequence ?? manifests.current.checkpoint.sequence
    const commits = (): CommitTable => live.current.commits
    const stored = { directory, manifests, durableSequence, commits }
    const report = await verify({ host, tables, derived, stored })
    await images.check()
    return { ...report, indexImages: images.report() }
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
    const told = this.#poison
    this.#background.stop()
    await this.#backups.stop()
    if (told === undefined) await attempt(() => this.#background.make())
    await attempt(async () => this.#writer?.close())
    await this.#parts.images.close(this.#poison === undefined)
    await attempt(() => this.#parts.lock.release())
    if (told === undefined && failures.length > 0) throw failures[0]
    // Nobody may have been told yet that commits which were acknowledged may not be there.
    if (told !== undefined && this.#isAheadOfDisk) throw told
  }

  /** Whether commits were acknowledged that no sync has covered. */
  get #isAheadOfDisk(): boolean {
    const durable = this.#writer?.durableSequence ?? 0
    return this.#acknowledged > Math.max(durable, this.#background.sequence)
  }

  get #isAwaited(): boolean {
    const { mode } = this.#parts.options
    return mode !== 'off' && describeMode(mode).acknowledgedAfter !== 'apply'
  }

  #mustBeSound(): void {
    if (this.#poison !== undefined) throw this.#poison
  }

  async #checkpoint(): Promise<CheckpointReport> {
    try {
      const report =
        this.#forgetsDone === this.#forgetsAsked
          ? await this.#checkpointer.checkpoint()
          : await this.#checkpointAlone()
      this.#parts.images.begin()
      return report
    } catch (error) {
      // One failure that nobody can tell the end of is enough to take nothing more.
      if (isDatabaseError(error, 'Poisoned')) this.#fail(error)
      throw error
    }
  }

  /** After the log has begun another segment: the ones before hold nothing that is needed then. */
  async #checkpointAlone(): Promise<CheckpointReport> {
    const asked = this.#forgetsAsked
    await this.#writer?.rotate()
    const report = await this.#checkpointer.checkpoint('alone')
    const images = await this.#parts.images.forget()
    this.#forgetsDone = asked
    const log = await this.#dropEarlierLog()
    const removed = [...report.removed, ...log.removed]
    return { ...report, removed, leftBehind: [...report.leftBehind, ...log.leftBehind, ...images] }
  }

  /** Removes the segments of earlier openings that nobody has removed and nothing names. */
  async #dropEarlierLog(): Promise<Pick<CheckpointReport, 'removed' | 'leftBehind'>> {
    const { options, manifests } = this.#parts
    const { files } = options.host
    const folder = logDirectoryOf(options.directory)
    const removed: string[] = []
    const leftBehind: { name: string; why: string }[] = []
    const tryTo = async (name: string, work: () => Promise<void>): Promise<void> => {
      await work().catch((error: unknown) => leftBehind.push({ name, why: messageOf(error) }))
    }
    // What a writer begins meanwhile is of later commits.
    const start = manifests.current.segments[0]?.firstSequence ?? Infinity
    await tryTo(logDirectoryName, async () => {
      for (const file of await files.list(folder)) {
        const { firstSequence = Infinity } = parseSegmentName(file) ?? {}
        if (firstSequence >= start) continue
        const name = `${logDirectoryName}/${file}`
        await tryTo(name, async () => {
          await removeIfPresent(files, `${folder}/${file}`)
          removed.push(name)
        })
      }
      if (removed.length > 0) await files.syncDirectory(folder)
    })
    return { removed, leftBehind }
  }

  #fail(poison: DatabaseError): void {
    this.#poison ??= poison
    this.#parts.options.observer.notePoisoned(this.#poison)
    this.#background.stop()
  }

  /** Where there is no log, a checkpoint is all that can keep a commit. */
  async #keepInCheckpoint(sequence: number): Promise<void> {
    while (this.#background.sequence < sequence) {
      if (this.#closing !== undefined) return this.#closing
      await this.checkpoint()
    }
  }

  async #startLog(mode: LogMode, position: LogPosition): Promise<void> {
    const { options, manifests } = this.#parts
    const writerOptions: LogWriterOptions = {
      host: options.host,
      directory: logDirectoryOf(options.directory),
      databaseId: hexToBytes(manifests.current.databaseId),
      epoch: manifests.current.epoch,
      mode,
      segmentBytesMax: options.segmentBytesMax,
      meter: options.observer.log,
      ...(mode.log === 'sync' ? {} : boundsOf(options.logQueueBytesMax)),
      onSegment: async (segments) => {
        await manifests.nameSegments(segments)
      },
      onAcknowledged: (sequence) => {
        this.#acknowledge(sequence)
      },
      onPoison: (error) => {
        this.#fail(error)
      },
    }
    this.#writer =
      position.type === 'create'
        ? await LogWriter.create(writerOptions, position)
        : await LogWriter.resume(writerOptions, position.tail)
  }

  #acknowledge(sequence: number): void {
    if (sequence > this.#acknowledged) this.#acknowledged = sequence
    this.#parts.options.observer.noteAcknowledged(sequence)
    this.#background.consider()
  }

  #untilDurable(sequence: number): Promise<void> {
    if (this.#writer === undefined || this.#writer.durableSequence >= sequence) {
      return Promise.resolve()
    }
    return this.#writer.flush()
  }
}

/** Bytes of the log that opening had to read because of commits that no checkpoint has. */
function bytesToReplay({ replayed }: RecoveryReport): number {
  // Segments may be kept for the checkpoint before, though the newest has all that is in them.
  return replayed.records === 0 ? 0 : replayed.bytes
}

/** The queue is written in parts, so that it takes commits again before all of it is written. */
function boundsOf(queueBytesMax: number): { queueBytesMax: number; groupBytesMax: number } {
  return { queueBytesMax, groupBytesMax: Math.ceil(queueBytesMax / 4) }
}

function figuresOf(images: IndexImages): StorageFigures['indexImages'] {
  const { count, byteLength, lastFailure } = images
  const why = lastFailure === undefined ? null : messageOf(lastFailure)
  return { files: count, bytes: byteLength, lastFailure: why }
}

/** Sizes are only asked for where somebody wants to know. */
function progressOf({ observer, recovery }: DirectoryOptions): ReadProgress | undefined {
  if (!observer.events.isListened('recovering')) return undefined
  return new ReadProgress({
    passes: recovery === 'strict' ? 1 : 2,
    tell: (progress) => observer.noteRecovering(progress),
  })
}
