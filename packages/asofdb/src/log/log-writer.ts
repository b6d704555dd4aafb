import { isErrno } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { invariant, must } from '../rules/invariant.ts'
import { durabilityModes, type LogDurability } from './durability.ts'
import { GroupCommit, type GroupSink, type LogEntry } from './group-commit.ts'
import { SyncPace } from './sync-pace.ts'
import { RecordEncoder, recordBytes, recordPayloadBytesMax, recordTypes } from './record.ts'
import { type PreviousSegment, segmentHeaderBytes, type SegmentInfo, segmentName, segmentsFrom } from './segment.ts'
import { attempt, explain, isDiskFull, SegmentFile } from './segment-file.ts'

export interface LogWriterOptions {
  readonly host: Host
  /** Absolute path of an existing directory. */
  readonly directory: string
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  /** Higher with each opening of the database; durable before the log is written to. */
  readonly epoch: number
  readonly durability: LogDurability
  /** For `interval`: the longest time from a write to the start of the sync that covers it. */
  readonly syncEveryMs: number
  /** A segment is closed before it would grow beyond this; a larger record has one of its own. */
  readonly segmentBytesMax: number
  /**
   * After this long without a commit a fence is written and synced, which promises that the last
   * commits were durable, so that damage to them can't pass for a torn tail. Absent: never.
   */
  readonly fenceAfterMs?: number
  /**
   * Everything up to `sequence` has the durability asked for. Called in order, in the turn of the
   * acknowledgement and before any promise resolves. Must not throw.
   */
  onAcknowledged(sequence: number): void
  /**
   * All segments, oldest first, after one was made and before its first record. Resolves when the
   * manifest names them durably. Must not wait for this writer.
   */
  onSegment(segments: readonly SegmentInfo[]): Promise<void>
  /** The writer has failed for good. Called once. */
  onPoison(error: DatabaseError): void
}

/** Where recovery found the log to end and, if need be, has cut it. */
export interface LogTail {
  /** All segments the manifest names, oldest first; the last one is written on. */
  readonly segments: readonly SegmentInfo[]
  /** Size in bytes of the last segment. */
  readonly offset: number
  readonly lastSequence: number
  /** Whether the last record is a `close`. */
  readonly isClosed: boolean
}

/** Groups no larger than this are written without leaving the turn: a copy into the page cache. */
const writeNowBytesMax = 64 * 1024

/** A group ends at this size, so that its buffer stays small. */
const groupBytesMax = 8 * 1024 * 1024

/**
 * The end of the log: takes commits in sequence, makes them durable in groups, starts segments, and
 * refuses for ever after a failure.
 *
 * A failed sync is final. After one the kernel may count pages as clean that never reached the
 * disk, so a second sync can succeed without making anything durable; the only way to learn what
 * the disk holds is to open the database again. A full disk is final too: the write is cut off the
 * file, but later commits were built on the rows of the rejected ones, which are applied in memory,
 * so going on would log commits whose ground is missing.
 */
export class LogWriter implements GroupSink {
  readonly #options: LogWriterOptions
  readonly #encoder = new RecordEncoder()
  readonly #pace = new SyncPace()
  readonly #group: GroupCommit
  #segment: SegmentFile
  #segments: readonly SegmentInfo[]
  #writtenSequence: number
  #durableSequence: number
  #bytesSinceStart = 0
  #queuedBytes = 0
  #isLastRecordClose: boolean
  #isFenced = false
  #syncing: Promise<void> | undefined
  #cancelSync: (() => void) | undefined
  #cancelFence: (() => void) | undefined
  #poisoned: DatabaseError | undefined
  #closing: Promise<void> | undefined

  private constructor(options: LogWriterOptions, segment: SegmentFile, tail: LogTail) {
    invariant(options.segmentBytesMax > segmentHeaderBytes, 'a segment has room for a record')
    this.#options = options
    this.#segment = segment
    this.#segments = tail.segments
    this.#writtenSequence = tail.lastSequence
    this.#durableSequence = tail.lastSequence
    this.#isLastRecordClose = tail.isClosed
    this.#group = new GroupCommit({
      timers: options.host.timers,
      sink: this,
      lastSequence: tail.lastSequence,
    })
  }

  /**
   * Starts a log with its first segment, for commits from `firstSequence` on. `number` counts the
   * segments over the whole life of a database. Throws `DiskFull`, `IoFailed`, and what `onSegment`
   * throws.
   */
  static async create(
    options: LogWriterOptions,
    { firstSequence = 1, number = 1 }: { firstSequence?: number; number?: number } = {},
  ): Promise<LogWriter> {
    const segment = await createSegment(options, { firstSequence, number, previous: undefined })
    const segments = [segment.info]
    try {
      await options.onSegment(segments)
    } catch (error) {
      // That the manifest couldn't be written is what the caller must hear.
      await segment.close().catch(() => undefined)
      throw error
    }
    const lastSequence = firstSequence - 1
    return new LogWriter(options, segment, { segments, offset: 0, lastSequence, isClosed: false })
  }

  /** Goes on with a log that recovery has read to its end, and cut and synced there. */
  static async resume(options: LogWriterOptions, at: LogTail): Promise<LogWriter> {
    const info = must(at.segments.at(-1), 'the last segment of a log')
    invariant(info.epoch <= options.epoch, 'epochs never go down')
    const segment = await SegmentFile.resume(options, info, at.offset)
    return new LogWriter(options, segment, at)
  }

  /** The newest commit with the durability asked for. */
  get acknowledgedSequence(): number {
    return this.#group.acknowledgedSequence
  }

  /** The newest commit that a sync has covered. */
  get durableSequence(): number {
    return this.#durableSequence
  }

  /** Bytes of the records appended to this writer. */
  get bytesSinceStart(): number {
    return this.#bytesSinceStart
  }

  /** Oldest first; the last one takes the records. */
  get segments(): readonly SegmentInfo[] {
    return this.#segments
  }

  /**
   * Takes a commit; it is written soon. The payload must not change until it is acknowledged.
   * Throws, and takes nothing: `Poisoned`, `Closed`, `LimitExceeded`, and RangeError without memory.
   */
  append(entry: LogEntry): void {
    this.#mustBeWritable()
    const { length } = entry.payload
    if (length > recordPayloadBytesMax) {
      throw new DatabaseError(
        'LimitExceeded',
        `a commit of ${length} bytes is over the limit of ${recordPayloadBytesMax}: split it`,
      )
    }
    const bytes = recordBytes(length)
    const queuedBytes = this.#queuedBytes + bytes
    // While there is still somebody to refuse: later the commit is applied.
    this.#encoder.reserve(Math.max(bytes, Math.min(queuedBytes, groupBytesMax)))
    this.#group.enqueue(entry)
    this.#queuedBytes = queuedBytes
    this.#bytesSinceStart += bytes
  }

  /**
   * Resolves when the commit has the durability asked for; rejects with `DiskFull` or `Poisoned`
   * when that can't be. A rejected commit may be found after the next opening, whole.
   */
  acknowledged(sequence: number): Promise<void> {
    return this.#group.acknowledged(sequence)
  }

  /** Resolves when everything appended so far is synced, whatever the mode. */
  async flush(): Promise<void> {
    this.#mustBeUsable()
    const target = this.#group.lastSequence
    await this.#group.acknowledged(target)
    await this.#syncUpTo(target)
  }

  /**
   * Writes and syncs what is left and a record that says so, and closes the file. After a failure
   * it only closes the file. Rejects when something wasn't done; the file is closed even then.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /**
   * Removes the segments that hold nothing from `sequence` on, and returns their names. The manifest
   * must not name them any more, durably: `segmentsFrom` tells which ones it still has to.
   */
  async dropBefore(sequence: number): Promise<string[]> {
    this.#mustBeUsable()
    const { host, directory } = this.#options
    const kept = new Set(segmentsFrom(this.#segments, sequence))
    const removed: string[] = []
    await attempt('remove a segment that is no longer needed', async () => {
      for (const segment of this.#segments) {
        if (kept.has(segment)) continue
        invariant(segment !== this.#segments.at(-1), 'the segment in use stays')
        await removeIfPresent(host, `${directory}/${segment.name}`)
        removed.push(segment.name)
        this.#segments = this.#segments.filter((one) => one !== segment)
      }
      if (removed.length > 0) await host.files.syncDirectory(directory)
    })
    return removed
  }

  groupLength(queue: readonly LogEntry[]): number {
    let bytes = 0
    let length = 0
    let roomBytes = groupBytesMax
    for (const { payload } of queue) {
      const next = recordBytes(payload.length)
      if (length === 0) roomBytes = Math.min(groupBytesMax, this.#roomFor(next))
      else if (bytes + next > roomBytes) break
      bytes += next
      length += 1
    }
    return length
  }

  commitNow(group: readonly LogEntry[], isAlone: boolean): boolean {
    const { acknowledgedAfter } = durabilityModes[this.#options.durability]
    const isSynced = acknowledgedAfter === 'sync'
    if ((isSynced && !isAlone) || !this.#pace.isQuick || this.#mustRotateFor(group)) return false
    const { clock } = this.#options.host
    const startMs = clock.monotonicMs()
    const bytes = this.#encode(group)
    if (bytes.length > writeNowBytesMax) return false
    this.#segment.writeNow(bytes)
    this.#noteWritten(group)
    if (isSynced) {
      this.#segment.syncDataNow()
      this.#noteDurable(this.#writtenSequence)
    }
    this.#pace.note(clock.monotonicMs() - startMs)
    return true
  }

  async commit(group: readonly LogEntry[]): Promise<void> {
    if (this.#mustRotateFor(group)) await this.#rotate()
    const { host, durability } = this.#options
    const bytes = this.#encode(group)
    const startMs = host.clock.monotonicMs()
    if (bytes.length <= writeNowBytesMax && this.#pace.isQuick) this.#segment.writeNow(bytes)
    else await this.#segment.write(bytes)
    this.#noteWritten(group)
    if (durabilityModes[durability].acknowledgedAfter === 'sync') {
      const covered = this.#writtenSequence
      await this.#segment.syncData()
      this.#noteDurable(covered)
    }
    this.#pace.note(host.clock.monotonicMs() - startMs)
  }

  async fail(group: readonly LogEntry[], error: unknown): Promise<void> {
    if (isDatabaseError(error, 'DiskFull')) return this.#poison(error, group)
    // A sync that finds no room is no write that finds none: what it lost can't be told.
    if (!isDiskFull(error) || !this.#segment.isTorn) return this.#poison(error)
    try {
      await this.#segment.cutBack()
    } catch (cutError) {
      return this.#poison(cutError)
    }
    this.#poison(explain('take the commit', error), group)
  }

  acknowledge(sequence: number): void {
    invariant(sequence <= this.#writtenSequence, 'nothing is acknowledged before it is written')
    this.#options.onAcknowledged(sequence)
    this.#syncSoon()
    this.#fenceSoon()
    if (this.#group.queuedCount === 0) this.#encoder.shrink()
  }

  async #close(): Promise<void> {
    this.#cancelSync?.()
    this.#cancelFence?.()
    let failure: unknown
    try {
      if (!this.#poisoned) {
        await this.#group.acknowledged(this.#group.lastSequence)
        await this.#group.exclusively(() => this.#finish())
      }
    } catch (error) {
      failure = error
    }
    // Poisoned or not, what is under way ends before the file goes.
    while (!this.#group.isIdle) await this.#group.idle()
    await this.#syncing
    await attempt('close its file', () => this.#segment.close()).catch((error: unknown) => {
      failure ??= error
    })
    if (failure !== undefined && !isDatabaseError(failure)) this.#poison(failure)
    if (failure !== undefined) throw this.#poisoned ?? failure
  }

  async #finish(): Promise<void> {
    await this.#syncUpTo(this.#group.lastSequence)
    if (this.#isLastRecordClose) return
    await this.#writeMark(recordTypes.close)
    this.#isLastRecordClose = true
  }

  /** Writes and syncs a record that says how far everything is durable. */
  async #writeMark(type: 2 | 3): Promise<void> {
    const sequence = this.#writtenSequence
    invariant(this.#durableSequence === sequence, 'a mark promises what is durable')
    const { epoch } = this.#options
    this.#encoder.reserve(recordBytes(0))
    this.#encoder.reset()
    const mark = { type, sequence, systemTime: 0n, durableSequence: sequence, epoch }
    this.#encoder.add({ ...mark, payload: new Uint8Array(0) }, this.#segment.seed)
    try {
      await this.#segment.write(this.#encoder.view())
      await this.#segment.syncData()
    } catch (error) {
      this.#poison(error)
      throw this.#poisoned ?? error
    }
  }

  #encode(group: readonly LogEntry[]): Uint8Array {
    const encoder = this.#encoder
    let bytes = 0
    for (const { payload } of group) bytes += recordBytes(payload.length)
    encoder.reserve(bytes)
    encoder.reset()
    const type = recordTypes.commit
    const durableSequence = this.#durableSequence
    const { epoch } = this.#options
    for (const { sequence, systemTime, payload } of group) {
      const record = { type, sequence, systemTime, durableSequence, epoch, payload }
      encoder.add(record, this.#segment.seed)
    }
    return encoder.view()
  }

  #noteWritten(group: readonly LogEntry[]): void {
    const last = must(group.at(-1), 'the last commit of a group')
    invariant(last.sequence === this.#writtenSequence + group.length, 'groups leave no gap')
    this.#writtenSequence = last.sequence
    this.#isLastRecordClose = false
    this.#isFenced = false
    this.#queuedBytes -= this.#encoder.length
  }

  #noteDurable(sequence: number): void {
    invariant(sequence <= this.#writtenSequence, 'a sync covers only what was written')
    if (sequence > this.#durableSequence) this.#durableSequence = sequence
  }

  /** Bytes of records that the segment taking a record of this size has left. */
  #roomFor(bytes: number): number {
    const { segmentBytesMax } = this.#options
    const left = segmentBytesMax - this.#segment.endOffset
    return bytes <= left ? left : segmentBytesMax - segmentHeaderBytes
  }

  #mustRotateFor(group: readonly LogEntry[]): boolean {
    const { endOffset } = this.#segment
    const first = must(group[0], 'the first commit of a group')
    const end = endOffset + recordBytes(first.payload.length)
    return end > this.#options.segmentBytesMax && endOffset > segmentHeaderBytes
  }

  /**
   * Ends the segment in use and begins the next. The order keeps every promise true: all of the old
   * one is synced before the new header says how it ended; the new one has a durable header and
   * name before the manifest names it, and the manifest names it before it has a record. A crash
   * in between leaves at most a segment without records that nobody names.
   */
  async #rotate(): Promise<void> {
    const old = this.#segment
    await this.#syncUpTo(this.#writtenSequence)
    const previous = {
      number: old.info.number,
      lastSequence: this.#writtenSequence,
      endOffset: old.endOffset,
    }
    const firstSequence = this.#writtenSequence + 1
    const number = previous.number + 1
    const segment = await createSegment(this.#options, { firstSequence, number, previous })
    this.#segment = segment
    this.#segments = [...this.#segments, segment.info]
    await attempt('close a full segment', () => old.close())
    await this.#options.onSegment(this.#segments)
  }

  /** Throws `Poisoned` when it can't be done. */
  async #syncUpTo(sequence: number): Promise<void> {
    while (this.#durableSequence < sequence) {
      this.#mustBeUsable()
      await (this.#syncing ?? this.#startSync())
    }
  }

  /** Syncs what is written at this moment. Never rejects: a failure poisons. */
  #startSync(): Promise<void> {
    const covered = this.#writtenSequence
    const sync = async () => {
      try {
        await this.#segment.syncData()
        this.#noteDurable(covered)
      } catch (error) {
        this.#poison(error)
      }
      this.#syncing = undefined
    }
    this.#syncing = sync()
    return this.#syncing
  }

  #syncSoon(): void {
    const { durability, host, syncEveryMs } = this.#options
    if (durabilityModes[durability].syncedBy !== 'a timer' || this.#cancelSync) return
    if (this.#durableSequence === this.#writtenSequence || this.#closing) return
    this.#cancelSync = host.timers.after(syncEveryMs, () => {
      this.#cancelSync = undefined
      if (this.#poisoned || this.#closing) return
      const sync = this.#syncing ?? this.#startSync()
      void sync.then(() => this.#syncSoon())
    })
  }

  #fenceSoon(): void {
    const { fenceAfterMs, host } = this.#options
    if (fenceAfterMs === undefined || this.#cancelFence || this.#isFenced || this.#closing) return
    const sequence = this.#writtenSequence
    this.#cancelFence = host.timers.after(fenceAfterMs, () => {
      this.#cancelFence = undefined
      if (this.#poisoned || this.#closing) return
      if (this.#group.isIdle && this.#writtenSequence === sequence) void this.#fence()
      else this.#fenceSoon()
    })
  }

  /** Never rejects: a failure poisons. */
  async #fence(): Promise<void> {
    const write = async () => {
      await this.#syncUpTo(this.#writtenSequence)
      await this.#writeMark(recordTypes.fence)
      this.#isFenced = true
    }
    await this.#group.exclusively(write).catch((error: unknown) => this.#poison(error))
  }

  #mustBeWritable(): void {
    if (this.#poisoned) throw this.#poisoned
    if (this.#closing) throw new DatabaseError('Closed', 'the database is closed: open it again')
  }

  #mustBeUsable(): void {
    this.#mustBeWritable()
  }

  /** One way and once. `group` is what the error itself is about; all else hears of the poison. */
  #poison(error: unknown, group: readonly LogEntry[] = []): void {
    if (this.#poisoned) return
    const reason = error instanceof Error ? error.message : String(error)
    const poison = new DatabaseError(
      'Poisoned',
      `the log could not be written (${reason}); nothing more is accepted: mend the cause, ` +
        'then close the database and open it again',
      { cause: error },
    )
    this.#poisoned = poison
    this.#cancelSync?.()
    this.#cancelFence?.()
    this.#group.halt(poison, group, isDatabaseError(error) ? error : poison)
    this.#options.onPoison(poison)
  }
}

function createSegment(
  options: LogWriterOptions,
  place: { firstSequence: number; number: number; previous: PreviousSegment | undefined },
): Promise<SegmentFile> {
  const { host, databaseId, epoch } = options
  const salt = host.random.bytes(8)
  const name = segmentName({ firstSequence: place.firstSequence, epoch })
  return SegmentFile.create(options, {
    ...place,
    name,
    epoch,
    databaseId,
    salt: new DataView(salt.buffer, salt.byteOffset, salt.length).getBigInt64(0, true),
  })
}

async function removeIfPresent(host: Host, path: string): Promise<void> {
  try {
    await host.files.remove(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}
