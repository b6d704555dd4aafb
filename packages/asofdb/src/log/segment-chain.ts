import { isErrno } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import type { LogMeter } from '../observe/log-meter.ts'
import { invariant, must } from '../rules/invariant.ts'
import type { LogMode } from './durability.ts'
import type { LogEntry } from './group-commit.ts'
import { RecordEncoder, recordBytes, recordTypes } from './record.ts'
import {
  type PreviousSegment,
  segmentHeaderBytes,
  type SegmentInfo,
  segmentName,
  segmentsFrom,
} from './segment.ts'
import { attempt, SegmentFile } from './segment-file.ts'
import { SyncPace } from './sync-pace.ts'

export interface SegmentChainOptions {
  readonly host: Host
  /** Absolute path of an existing directory. */
  readonly directory: string
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  /** Higher with each opening of the database; durable before the log is written to. */
  readonly epoch: number
  readonly mode: LogMode
  /** Most bytes written at once, so that a bounded queue is refilled while a part is written. */
  readonly groupBytesMax?: number | undefined
  /** A segment is ended before it would grow beyond this; a larger record has one of its own. */
  readonly segmentBytesMax: number
  /** Counts groups and syncs, for whoever asks. */
  readonly meter?: LogMeter | undefined
  /**
   * All segments, oldest first, after one was made and before its first record. Resolves when the
   * manifest names them durably. Must not wait for the writer of this log.
   */
  onSegment(segments: readonly SegmentInfo[]): Promise<void>
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

/** A group ends at this size, so that its buffer stays small, unless it should end earlier. */
const groupBytesDefault = 8 * 1024 * 1024

const noPayload = new Uint8Array(0)

/**
 * The segments of a log, written to at the end: encodes groups of commits, starts segments, syncs,
 * and keeps count of what is written and what is durable. What fails here is never tried again;
 * the writer above sees to that.
 */
export class SegmentChain {
  readonly #options: SegmentChainOptions
  readonly #encoder = new RecordEncoder()
  readonly #pace = new SyncPace()
  #segment: SegmentFile
  #segments: readonly SegmentInfo[]
  #writtenSequence: number
  #durableSequence: number
  /** Of the records written by this opening, and of those that a sync has covered. */
  #writtenBytes = 0
  #durableBytes = 0
  /** Sizes of the segments before the one in use. */
  readonly #endedBytes: Map<SegmentInfo, number>
  /** Of the records that were expected and whose group is not over. */
  #queuedBytes = 0
  #isLastRecordClose: boolean
  #syncing: Promise<void> | undefined

  private constructor(
    options: SegmentChainOptions,
    segment: SegmentFile,
    tail: Omit<LogTail, 'offset'> & { readonly endedBytes: Map<SegmentInfo, number> },
  ) {
    invariant(options.segmentBytesMax > segmentHeaderBytes, 'a segment has room for a record')
    invariant(tail.segments.at(-1)?.name === segment.info.name, 'the last segment is written to')
    this.#options = options
    this.#segment = segment
    this.#segments = tail.segments
    this.#writtenSequence = tail.lastSequence
    this.#durableSequence = tail.lastSequence
    this.#isLastRecordClose = tail.isClosed
    this.#endedBytes = tail.endedBytes
  }

  static async create(
    options: SegmentChainOptions,
    { firstSequence, number }: { firstSequence: number; number: number },
  ): Promise<SegmentChain> {
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
    const tail = { segments, lastSequence, isClosed: false, endedBytes: new Map() }
    return new SegmentChain(options, segment, tail)
  }

  static async resume(options: SegmentChainOptions, tail: LogTail): Promise<SegmentChain> {
    const info = must(tail.segments.at(-1), 'the last segment of a log')
    invariant(info.epoch <= options.epoch, 'epochs never go down')
    invariant(tail.lastSequence >= info.firstSequence - 1, 'a segment begins where one ended')
    const endedBytes = await sizesOf(options, tail.segments.slice(0, -1))
    const segment = await SegmentFile.resume(options, info, tail.offset)
    return new SegmentChain(options, segment, { ...tail, endedBytes })
  }

  get segments(): readonly SegmentInfo[] {
    return this.#segments
  }

  /** The newest commit that was written, and the newest one that a sync has covered. */
  get writtenSequence(): number {
    return this.#writtenSequence
  }

  get durableSequence(): number {
    return this.#durableSequence
  }

  /** Bytes of the records written by this opening that a sync has covered. */
  get durableBytes(): number {
    return this.#durableBytes
  }

  /** Bytes of all segments. */
  get byteLength(): number {
    let bytes = this.#segment.endOffset
    for (const segment of this.#segments) bytes += this.#endedBytes.get(segment) ?? 0
    return bytes
  }

  /** Bytes of the records on their way: expected, and not yet as far as the mode takes a group. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** A write failed and may have left a part of it at the end of the segment. */
  get isTorn(): boolean {
    return this.#segment.isTorn
  }

  /**
   * Has the memory ready for one more queued record: later there is nobody left to refuse, because
   * the commit is applied. Throws RangeError when there is none. Returns the size of the record.
   */
  expect(payloadLength: number): number {
    const bytes = recordBytes(payloadLength)
    const queuedBytes = this.#queuedBytes + bytes
    this.#encoder.reserve(Math.max(bytes, Math.min(queuedBytes, this.#groupBytesMax)))
    this.#queuedBytes = queuedBytes
    return bytes
  }

  /** Gives back memory that only unusually large records needed. */
  rest(): void {
    if (this.#queuedBytes === 0) this.#encoder.shrink()
  }

  /** See `GroupSink`. A group never spans two segments. */
  groupLength(queue: readonly LogEntry[]): number {
    let bytes = 0
    let length = 0
    let roomBytes = this.#groupBytesMax
    for (const { payload } of queue) {
      const next = recordBytes(payload.length)
      if (length === 0) roomBytes = Math.min(this.#groupBytesMax, this.#roomFor(next))
      else if (bytes + next > roomBytes) break
      bytes += next
      length += 1
    }
    return length
  }

  /** See `GroupSink`. */
  commitNow(group: readonly LogEntry[]): boolean {
    const { log, fsync } = this.#options.mode
    // Nobody waits for an asynchronous log, so it takes nothing from those who run.
    if (log === 'async' || !this.#pace.isQuick || this.#mustRotateFor(group)) return false
    if (groupBytes(group) > writeNowBytesMax) return false
    const { clock } = this.#options.host
    const startMs = clock.monotonicMs()
    const bytes = this.#encode(group)
    this.#segment.writeNow(bytes)
    this.#noteWritten(group, bytes.length)
    if (fsync === 'always') {
      const sync = this.#beginSync()
      this.#segment.syncDataNow()
      this.#endSync(sync)
    }
    this.#noteOver(bytes.length)
    this.#pace.noteOwn(clock.monotonicMs() - startMs)
    return true
  }

  /** See `GroupSink`. */
  async commit(group: readonly LogEntry[]): Promise<void> {
    if (this.#mustRotateFor(group)) await this.#rotate()
    const { mode, host } = this.#options
    const startMs = host.clock.monotonicMs()
    const bytes = this.#encode(group)
    const isSmall = bytes.length <= writeNowBytesMax && mode.log === 'sync'
    if (isSmall && this.#pace.isQuick) this.#segment.writeNow(bytes)
    else await this.#segment.write(bytes)
    this.#noteWritten(group, bytes.length)
    if (mode.fsync === 'always') {
      const sync = this.#beginSync()
      await this.#segment.syncData()
      this.#endSync(sync)
    }
    this.#noteOver(bytes.length)
    this.#pace.noteThread(host.clock.monotonicMs() - startMs)
  }

  /** Takes what a failed write left off the file, durably. */
  cutBack(): Promise<void> {
    return this.#segment.cutBack()
  }

  /** Resolves when everything up to `sequence`, which is written, is synced. */
  async syncUpTo(sequence: number): Promise<void> {
    invariant(sequence <= this.#writtenSequence, 'only what is written can be synced')
    while (this.#durableSequence < sequence) await (this.#syncing ?? this.#startSync())
  }

  /** Says in the log, durably, that it is closed; a log that says so already stays as it is. */
  async writeClose(): Promise<void> {
    if (this.#isLastRecordClose) return
    await this.#writeMark(recordTypes.close)
    this.#isLastRecordClose = true
  }

  /** Says in the log, durably, that everything in it is durable. */
  async writeFence(): Promise<void> {
    await this.#writeMark(recordTypes.fence)
    this.#isLastRecordClose = false
  }

  /** Ends the segment in use, unless nothing is in it. */
  async rotate(): Promise<void> {
    if (this.#segment.endOffset > segmentHeaderBytes) await this.#rotate()
  }

  /** Removes the segments that hold nothing from `sequence` on and are not `named`. */
  async dropBefore(sequence: number, named: readonly SegmentInfo[]): Promise<string[]> {
    const { host, directory } = this.#options
    const isNamed = ({ name }: SegmentInfo): boolean => named.some((one) => one.name === name)
    const needed = segmentsFrom(this.#segments, sequence)
    const kept = new Set([...needed, ...this.#segments.filter(isNamed)])
    const removed: string[] = []
    await attempt('remove a segment that is no longer needed', async () => {
      for (const segment of this.#segments) {
        if (kept.has(segment)) continue
        invariant(segment.number < this.#segment.info.number, 'the segment in use stays')
        await removeIfPresent(host, `${directory}/${segment.name}`)
        removed.push(segment.name)
        this.#segments = this.#segments.filter((one) => one !== segment)
        this.#endedBytes.delete(segment)
      }
      if (removed.length > 0) await host.files.syncDirectory(directory)
    })
    return removed
  }

  /** Closes the file, once a sync under way has ended. */
  async close(): Promise<void> {
    // Whoever started the sync hears how it went.
    await this.#syncing?.catch(() => undefined)
    await attempt('close its file', () => this.#segment.close())
  }

  async #writeMark(type: typeof recordTypes.close | typeof recordTypes.fence): Promise<void> {
    const sequence = this.#writtenSequence
    await this.syncUpTo(sequence)
    invariant(this.#durableSequence === sequence, 'a mark promises what is durable')
    invariant(this.#writtenSequence === sequence, 'nothing is written beside a mark')
    const { epoch } = this.#options
    const mark = { type, sequence, systemTime: 0n, durableSequence: sequence, epoch }
    this.#encoder.reserve(recordBytes(0))
    this.#encoder.reset()
    this.#encoder.add({ ...mark, payload: noPayload }, this.#segment.seed)
    await this.#segment.write(this.#encoder.view())
    await this.#segment.syncData()
  }

  #encode(group: readonly LogEntry[]): Uint8Array {
    const encoder = this.#encoder
    encoder.reserve(groupBytes(group))
    encoder.reset()
    const type = recordTypes.commit
    const durableSequence = this.#durableSequence
    const { epoch } = this.#options
    for (const { sequence, systemTime, payload } of group) {
      const record = { type, sequence, systemTime, durableSequence, epoch, payload }
      encoder.add(record, this.#segment.seed)
    }
    const bytes = encoder.view()
    invariant(bytes.length === groupBytes(group), 'a group has the size it was counted with')
    return bytes
  }

  #noteWritten(group: readonly LogEntry[], bytes: number): void {
    const last = must(group.at(-1), 'the last commit of a group')
    invariant(last.sequence === this.#writtenSequence + group.length, 'groups leave no gap')
    this.#writtenSequence = last.sequence
    this.#isLastRecordClose = false
    this.#writtenBytes += bytes
    this.#options.meter?.noteGroup(group.length)
  }

  #noteOver(bytes: number): void {
    this.#queuedBytes -= bytes
    invariant(this.#queuedBytes >= 0, 'every record was expected')
  }

  get #groupBytesMax(): number {
    return this.#options.groupBytesMax ?? groupBytesDefault
  }

  /** What is written at this moment is what a sync covers. */
  #beginSync(): SyncUnderWay {
    const startMs = this.#options.host.clock.monotonicMs()
    return { startMs, sequence: this.#writtenSequence, bytes: this.#writtenBytes }
  }

  #endSync({ startMs, sequence, bytes }: SyncUnderWay): void {
    invariant(sequence <= this.#writtenSequence, 'a sync covers only what was written')
    if (sequence > this.#durableSequence) this.#durableSequence = sequence
    if (bytes > this.#durableBytes) this.#durableBytes = bytes
    this.#options.meter?.noteSync(this.#options.host.clock.monotonicMs() - startMs)
  }

  /** Bytes for records in the segment that a record of this size goes to. */
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
    const lastSequence = this.#writtenSequence
    await this.syncUpTo(lastSequence)
    invariant(this.#durableSequence === lastSequence, 'all is durable before a segment ends')
    invariant(!old.isTorn, 'a segment that a write failed on is not gone on from')
    const previous = { number: old.info.number, lastSequence, endOffset: old.endOffset }
    const place = { firstSequence: lastSequence + 1, number: previous.number + 1, previous }
    const segment = await createSegment(this.#options, place)
    invariant(this.#writtenSequence === lastSequence, 'nothing is written beside a rotation')
    this.#segment = segment
    this.#segments = [...this.#segments, segment.info]
    this.#endedBytes.set(old.info, old.endOffset)
    await attempt('close a full segment', () => old.close())
    await this.#options.onSegment(this.#segments)
    this.#options.meter?.noteRotation({
      ended: old.info.name,
      endedBytes: old.endOffset,
      begun: segment.info.name,
      segments: this.#segments.length,
    })
  }

  /** Syncs what is written at this moment. */
  #startSync(): Promise<void> {
    const sync = this.#beginSync()
    // A failed one stays, so that whoever asks for a sync later meets the same failure.
    this.#syncing = this.#segment.syncData().then(() => {
      this.#endSync(sync)
      this.#syncing = undefined
    })
    return this.#syncing
  }
}

interface SyncUnderWay {
  readonly startMs: number
  /** What it covers. */
  readonly sequence: number
  readonly bytes: number
}

async function sizesOf(
  { host, directory }: SegmentChainOptions,
  segments: readonly SegmentInfo[],
): Promise<Map<SegmentInfo, number>> {
  return attempt('look at its segments', async () => {
    const sizes = new Map<SegmentInfo, number>()
    for (const segment of segments) {
      const status = await host.files.stat(`${directory}/${segment.name}`)
      sizes.set(segment, status?.size ?? 0)
    }
    return sizes
  })
}

function groupBytes(group: readonly LogEntry[]): number {
  let bytes = 0
  for (const { payload } of group) bytes += recordBytes(payload.length)
  return bytes
}

function createSegment(
  options: SegmentChainOptions,
  place: { firstSequence: number; number: number; previous: PreviousSegment | undefined },
): Promise<SegmentFile> {
  const { host, databaseId, epoch } = options
  const salt = host.random.bytes(8)
  return SegmentFile.create(options, {
    ...place,
    name: segmentName({ firstSequence: place.firstSequence, epoch }),
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
