import { DatabaseError, isDatabaseError, messageOf } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { describeMode, type DurabilityMode } from './durability.ts'
import { GroupCommit, type LogEntry } from './group-commit.ts'
import { recordPayloadBytesMax } from './record.ts'
import type { SegmentInfo } from './segment.ts'
import { type LogTail, SegmentChain, type SegmentChainOptions } from './segment-chain.ts'
import { explain, isDiskFull } from './segment-file.ts'
import { TurnPace } from './turn-pace.ts'

export type { LogEntry } from './group-commit.ts'
export type { LogTail } from './segment-chain.ts'

export interface LogWriterOptions extends SegmentChainOptions {
  /**
   * Bytes of records on their way after which `room` makes callers wait. Default: no limit, for a
   * log whose callers wait for it.
   */
  readonly queueBytesMax?: number | undefined
  /**
   * After this long without a commit a fence is written and synced, which promises that the last
   * commits were durable, so that damage to them can't pass for a torn tail. Absent: never.
   */
  readonly fenceAfterMs?: number | undefined
  /**
   * Everything up to `sequence` has the durability asked for. Called in order, in the turn of the
   * acknowledgement and before any promise resolves. Must not throw.
   */
  onAcknowledged(sequence: number): void
  /** The writer has failed for good. Called once, before any promise rejects. Must not throw. */
  onPoison(error: DatabaseError): void
}

/**
 * The end of the log: takes commits in sequence, makes them durable in groups, and refuses for
 * ever after a failure.
 *
 * A failed sync is final. After one the kernel may count pages as clean that never reached the
 * disk, so a second sync can succeed without making anything durable; the only way to learn what
 * the disk holds is to open the database again. A full disk is final too: the write is cut off the
 * file, but later commits were built on the rows of the rejected ones, which are applied in memory,
 * so going on would log commits whose ground is missing.
 */
export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #chain: SegmentChain
  readonly #group: GroupCommit
  readonly #mode: DurabilityMode
  #roomCalls: (() => void)[] = []
  #bytesSinceStart = 0
  #fencedSequence: number
  #cancelSync: (() => void) | undefined
  #cancelFence: (() => void) | undefined
  #poisoned: DatabaseError | undefined
  #closing: Promise<void> | undefined

  private constructor(options: LogWriterOptions, chain: SegmentChain) {
    const { mode, host } = options
    invariant(typeof mode.fsync === 'string' || mode.fsync.everyMs > 0, 'a timer has an interval')
    this.#options = options
    this.#mode = describeMode(mode)
    this.#chain = chain
    this.#fencedSequence = chain.writtenSequence
    this.#group = new GroupCommit({
      turns: new TurnPace(host),
      isAwaited: mode.log === 'sync',
      lastSequence: chain.writtenSequence,
      sink: {
        groupLength: (queue) => chain.groupLength(queue),
        commitNow: (group) => chain.commitNow(group),
        commit: (group) => chain.commit(group),
        fail: (group, error) => this.#fail(group, error),
        acknowledge: (sequence) => this.#acknowledge(sequence),
      },
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
    return new LogWriter(options, await SegmentChain.create(options, { firstSequence, number }))
  }

  /** Goes on with a log that recovery has read to its end, and cut and synced there. */
  static async resume(options: LogWriterOptions, at: LogTail): Promise<LogWriter> {
    return new LogWriter(options, await SegmentChain.resume(options, at))
  }

  /**
   * The newest commit that was written and, where every group is synced, synced. An asynchronous
   * log is behind what its owner has acknowledged.
   */
  get acknowledgedSequence(): number {
    return this.#group.acknowledgedSequence
  }

  /** The newest commit that a sync has covered. */
  get durableSequence(): number {
    return this.#chain.durableSequence
  }

  /** Bytes of the records appended to this writer. */
  get bytesSinceStart(): number {
    return this.#bytesSinceStart
  }

  /** Bytes of the records appended to this writer that no sync has covered. */
  get unsyncedBytes(): number {
    return this.#bytesSinceStart - this.#chain.durableBytes
  }

  /** Bytes of all segments. */
  get byteLength(): number {
    return this.#chain.byteLength
  }

  /** Oldest first; the last one takes the records. */
  get segments(): readonly SegmentInfo[] {
    return this.#chain.segments
  }

  /**
   * Takes a commit; it is written soon. The payload must not change until it is acknowledged.
   * Throws, and takes nothing: `Poisoned`, `Closed`, `LimitExceeded`; RangeError without memory.
   */
  append(entry: LogEntry): void {
    this.#mustBeUsable()
    const { length } = entry.payload
    if (length > recordPayloadBytesMax) {
      throw new DatabaseError(
        'LimitExceeded',
        `a commit of ${length} bytes is over the limit of ${recordPayloadBytesMax}: split it`,
      )
    }
    invariant(entry.sequence === this.#group.lastSequence + 1, 'commits are appended in sequence')
    const bytes = this.#chain.expect(length)
    this.#group.enqueue(entry)
    this.#bytesSinceStart += bytes
  }

  /**
   * Resolves when the commit has the durability asked for; rejects with `DiskFull` or `Poisoned`
   * when that can't be. A rejected commit may be found after the next opening, whole.
   */
  acknowledged(sequence: number): Promise<void> {
    return this.#group.acknowledged(sequence)
  }

  /** Whether the queue is at its bound. Who appends only else exceeds it by one commit at most. */
  get isFull(): boolean {
    const { queueBytesMax = Infinity } = this.#options
    return this.#poisoned === undefined && this.#chain.queuedBytes >= queueBytesMax
  }

  /** For a full queue: resolves when it may have room, or never will again; look then. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#roomCalls.push(resolve))
  }

  /** Resolves when everything appended so far is synced, whatever the mode. */
  async flush(): Promise<void> {
    this.#mustBeUsable()
    await this.synced(this.#group.lastSequence)
  }

  /** Resolves when the log is synced up to `sequence`, whatever the mode; rejects as above. */
  async synced(sequence: number): Promise<void> {
    await this.#group.acknowledged(sequence)
    await this.#syncUpTo(sequence)
  }

  /**
   * Writes and syncs what is left and a record that says so, and closes the file. After a failure
   * it only closes the file. Rejects when something wasn't done; the file is closed even then.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Ends the segment in use, so that what was appended so far lies in segments that can go. */
  async rotate(): Promise<void> {
    this.#mustBeUsable()
    await this.#group.acknowledged(this.#group.lastSequence)
    await this.#exclusively(() => this.#chain.rotate())
  }

  /**
   * Removes the segments that hold nothing from `sequence` on, and returns their names. The
   * manifest must not name them any more, durably: `segmentsFrom` tells which it still has to.
   * Those `named` stay: the manifest may not know yet of a segment that was just begun.
   */
  async dropBefore(sequence: number, named: readonly SegmentInfo[] = []): Promise<string[]> {
    this.#mustBeUsable()
    return this.#chain.dropBefore(sequence, named)
  }

  #acknowledge(sequence: number): void {
    const { durableSequence, writtenSequence } = this.#chain
    const isSynced = this.#mode.syncedBy === 'each group of commits'
    const covered = isSynced ? durableSequence : writtenSequence
    invariant(sequence <= covered, 'acknowledged is only what is as durable as was asked for')
    this.#options.onAcknowledged(sequence)
    this.#chain.rest()
    this.#syncSoon()
    this.#fenceSoon()
    this.#wakeCallers()
  }

  #wakeCallers(): void {
    const calls = this.#roomCalls
    if (calls.length > 0) this.#roomCalls = []
    for (const resolve of calls) resolve()
  }

  async #fail(group: readonly LogEntry[], error: unknown): Promise<unknown> {
    if (isDatabaseError(error, 'DiskFull')) return this.#poison(error, group)
    // A sync that finds no room is no write that finds none: what it lost can't be told.
    if (!isDiskFull(error) || !this.#chain.isTorn) return this.#poison(error)
    try {
      await this.#chain.cutBack()
    } catch (cutError) {
      return this.#poison(cutError)
    }
    return this.#poison(explain('take the commit', error), group)
  }

  async #close(): Promise<void> {
    this.#cancelSync?.()
    this.#cancelFence?.()
    let failure: unknown
    try {
      if (!this.#poisoned) {
        await this.#group.acknowledged(this.#group.lastSequence)
        await this.#exclusively(() => this.#chain.writeClose())
      }
    } catch (error) {
      failure = error
    }
    // Poisoned or not, what is under way ends before the file goes.
    while (!this.#group.isIdle) await this.#group.idle()
    await this.#chain.close().catch((error: unknown) => {
      failure ??= error
    })
    if (failure !== undefined) throw explain('close the log', failure)
  }

  /** Throws `Poisoned` when it can't be done. */
  async #syncUpTo(sequence: number): Promise<void> {
    if (this.#poisoned) throw this.#poisoned
    try {
      await this.#chain.syncUpTo(sequence)
    } catch (error) {
      throw this.#poison(error)
    }
  }

  /** Runs `work` between two groups; a failure poisons. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    await this.#group.exclusively(async () => {
      if (this.#poisoned) throw this.#poisoned
      try {
        await work()
      } catch (error) {
        throw this.#poison(error)
      }
    })
  }

  #syncSoon(): void {
    const { host, mode } = this.#options
    if (typeof mode.fsync === 'string' || this.#cancelSync) return
    if (!this.#isOpen() || this.#isSynced()) return
    this.#cancelSync = host.timers.after(mode.fsync.everyMs, () => {
      this.#cancelSync = undefined
      if (!this.#isOpen() || this.#isSynced()) return
      // The failure has poisoned the writer, which tells everybody.
      this.#syncUpTo(this.#chain.writtenSequence).catch(() => undefined)
    })
  }

  #fenceSoon(): void {
    const { fenceAfterMs, host } = this.#options
    if (fenceAfterMs === undefined || this.#cancelFence || !this.#isOpen()) return
    const sequence = this.#chain.writtenSequence
    if (sequence === this.#fencedSequence) return
    this.#cancelFence = host.timers.after(fenceAfterMs, () => {
      this.#cancelFence = undefined
      if (!this.#isOpen()) return
      if (!this.#group.isIdle || this.#chain.writtenSequence > sequence) return this.#fenceSoon()
      this.#fencedSequence = sequence
      // The failure has poisoned the writer, which tells everybody.
      this.#exclusively(() => this.#chain.writeFence()).catch(() => undefined)
    })
  }

  #isSynced(): boolean {
    return this.#chain.durableSequence === this.#chain.writtenSequence
  }

  #isOpen(): boolean {
    return this.#poisoned === undefined && this.#closing === undefined
  }

  #mustBeUsable(): void {
    if (this.#poisoned) throw this.#poisoned
    if (this.#closing) throw new DatabaseError('Closed', 'the log is closed: open it again')
  }

  /** One way and once. `group` is what the error itself is about; all else hears of the poison. */
  #poison(error: unknown, group: readonly LogEntry[] = []): DatabaseError {
    if (this.#poisoned) return this.#poisoned
    const reason = messageOf(error)
    const poison = new DatabaseError(
      'Poisoned',
      `the log could not be written (${reason}); nothing more is accepted: mend the cause, ` +
        'then close the database and open it again',
      { cause: error },
    )
    this.#poisoned = poison
    this.#cancelSync?.()
    this.#cancelFence?.()
    this.#options.onPoison(poison)
    this.#group.halt({ error: poison, group, groupError: isDatabaseError(error) ? error : poison })
    this.#wakeCallers()
    return poison
  }
}
