import { bytesEqual } from '../encoding/bytes.ts'
import { isErrno } from '../host/files.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { ReadRefused } from './file-window.ts'
import type {
  DamagedEnding,
  DamageKind,
  EvidencePlace,
  LogEnding,
  LogReport,
} from './log-ending.ts'
import { recordTypes } from './record.ts'
import {
  databaseIdBytes,
  parseSegmentName,
  segmentHeaderBytes,
  type SegmentHeader,
  type SegmentInfo,
} from './segment.ts'
import { attempt, type LogPlace } from './segment-file.ts'
import {
  type LogRecord,
  type ReadState,
  type SegmentEnd,
  SegmentReader,
} from './segment-reader.ts'

export type { LogRecord } from './segment-reader.ts'

export interface LogReadOptions extends LogPlace {
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  /** The segments that the manifest names, oldest first. */
  readonly expected: readonly SegmentInfo[]
  /** The first commit wanted: the one after the checkpoint. Those before are only verified. */
  readonly firstSequence: number
  /** The newest commit that something outside of the log, the manifest, says to be durable. */
  readonly durableSequenceFloor: number
}

/** What the file of a segment begins with. */
type Beginning = { readonly header: SegmentHeader } | { readonly kind: DamageKind }

/**
 * Reads a log from its first segment to its end, gives every sound commit from `firstSequence` on
 * to `onRecord`, in order, and says how the log ends. Reads everything once, writes nothing, and
 * never goes on behind something it can't read: the commits given are a prefix of those logged.
 *
 * **Torn tail or damage.** A position that holds no record is damage if something sound says that
 * it held one durably: a later segment, which was begun after all before it was synced; a record
 * behind it that promises it, or a close; the manifest. Without such evidence nobody was told that
 * it was durable, and it is the torn tail that an ordinary crash leaves, with holes and with sound
 * records behind them, since unsynced writes reach the disk in any order. A read that the disk
 * refuses is damage always, never the end of a file.
 *
 * The one case that can't be told: damage to the last group of commits, with nothing synced after
 * it, is the same bytes as a torn write. A close, a fence or a promise of the manifest settles it.
 *
 * Throws `FormatTooNew` for segments of a later version, and `IoFailed` when files can't be opened
 * or listed. What `onRecord` throws comes through.
 */
export async function readLog(
  options: LogReadOptions,
  onRecord: (record: LogRecord) => void,
): Promise<LogReport> {
  const reading = new LogReading(options, onRecord)
  return reading.run()
}

class LogReading {
  readonly #options: LogReadOptions
  readonly #onRecord: (record: LogRecord) => void
  readonly #state: ReadState
  readonly #orphans: string[] = []
  #segments = 0
  #records = 0
  #bytes = 0
  #endOffset = 0

  constructor(options: LogReadOptions, onRecord: (record: LogRecord) => void) {
    const { expected } = options
    invariant(options.databaseId.length === databaseIdBytes, 'a database id has 16 bytes')
    invariant(options.firstSequence >= 1, 'commits count from 1')
    invariant(
      expected.every((one, index) => one.number > (expected[index - 1]?.number ?? 0)),
      'the manifest names segments in order',
    )
    invariant(
      expected.length > 0 || options.durableSequenceFloor < options.firstSequence,
      'a manifest that promises commits of the log names segments',
    )
    this.#options = options
    this.#onRecord = onRecord
    const nextSequence = expected[0]?.firstSequence ?? options.firstSequence
    this.#state = { nextSequence, epoch: 0, durableSequence: 0, isClosed: false }
  }

  async run(): Promise<LogReport> {
    const stray = await this.#judgeStrays()
    const ending = this.#chooseEnding(await this.#readExpected(stray), stray)
    const { expected, firstSequence, durableSequenceFloor } = this.#options
    const { nextSequence, isClosed } = this.#state
    const lastSequence = nextSequence - 1
    const canResume = ending.type !== 'damaged' && lastSequence >= firstSequence - 1
    return {
      ending,
      tail:
        canResume && expected.length > 0
          ? { segments: expected, offset: this.#endOffset, lastSequence, isClosed }
          : undefined,
      lastSequence,
      durableSequence: Math.max(this.#state.durableSequence, durableSequenceFloor),
      segments: this.#segments,
      records: this.#records,
      bytes: this.#bytes,
      orphans: this.#orphans,
    }
  }

  /**
   * Damage in what the manifest names comes first in the log, damage beside it next. But where a
   * later segment shows that the manifest went back, what that names may be gone for good reason.
   */
  #chooseEnding(ending: LogEnding | undefined, stray: DamagedEnding | undefined): LogEnding {
    const isStale = stray?.evidence === 'laterSegment'
    const isExplained = isStale && ending?.type === 'damaged' && ending.kind === 'missing'
    if (ending?.type === 'damaged' && !isExplained) return ending
    if (stray) return { ...stray, sequenceExpected: this.#state.nextSequence }
    return ending ?? { type: 'clean', closed: this.#state.isClosed }
  }

  /**
   * Looks at segments that are not expected. One from before the first expected is not needed, or
   * was dropped and not yet removed; one without records, or whose header never was whole, was
   * being made when a crash came. Neither is a part of the log. But records are written only to
   * segments that are named, so a later one that has some means that the manifest went back.
   */
  async #judgeStrays(): Promise<DamagedEnding | undefined> {
    const { host, directory, expected, firstSequence } = this.#options
    const named = new Set(expected.map((segment) => segment.name))
    const start = expected[0] ?? { firstSequence, epoch: 0 }
    const names = await attempt('list its files', async () => {
      try {
        return await host.files.list(directory)
      } catch (error) {
        // Without the directory no segment is there, and those that are named will be missed.
        if (isErrno(error, 'ENOENT')) return []
        throw error
      }
    })
    let found: DamagedEnding | undefined
    for (const name of names) {
      const place = parseSegmentName(name)
      if (!place || named.has(name)) continue
      const damage = await this.#judgeStray(name, isBefore(place, start))
      if (damage) found ??= damage
      else this.#orphans.push(name)
    }
    return found
  }

  async #judgeStray(name: string, isDropped: boolean): Promise<DamagedEnding | undefined> {
    const reader = await SegmentReader.open(this.#options, name)
    if (!reader) return undefined
    try {
      const beginning = await this.#readBeginning(reader)
      if ('kind' in beginning) {
        if (beginning.kind !== 'foreign') return undefined
        return { ...this.#damage(reader.file, 0, 'foreign'), evidence: 'manifest' }
      }
      if (isDropped) return undefined
      const any = { nextSequence: 0, epoch: 0, durableSequence: 0, isClosed: false }
      const { proof } = await reader.readRemains(segmentHeaderBytes, any)
      if (!proof) return undefined
      const evidenceAt = { file: name, offset: proof.offset, sequence: proof.header.sequence }
      return { ...this.#damage(name, 0, 'missing'), evidence: 'laterSegment', evidenceAt }
    } finally {
      await reader.close()
    }
  }

  async #readExpected(stray: DamagedEnding | undefined): Promise<LogEnding | undefined> {
    const { expected, firstSequence } = this.#options
    const [first] = expected
    if (!first) return undefined
    if (first.firstSequence > firstSequence) {
      const gap = this.#damage(first.name, 0, 'sequenceGap')
      const sequenceFound = first.firstSequence
      return { ...gap, sequenceExpected: firstSequence, sequenceFound, evidence: 'manifest' }
    }
    for (const [index, segment] of expected.entries()) {
      const ending = await this.#readSegment({ segment, next: expected[index + 1], stray })
      if (ending) return ending
    }
    return undefined
  }

  /** Undefined when the segment ends as it should and nothing says that there was more. */
  async #readSegment(of: {
    segment: SegmentInfo
    next: SegmentInfo | undefined
    stray: DamagedEnding | undefined
  }): Promise<LogEnding | undefined> {
    const { segment, next } = of
    const reader = await SegmentReader.open(this.#options, segment.name)
    if (!reader) return { ...this.#damage(segment.name, 0, 'missing'), evidence: 'manifest' }
    try {
      const beginning = await this.#readBeginning(reader)
      const kind = 'kind' in beginning ? beginning.kind : compareHeader(beginning.header, segment)
      if (kind) {
        const evidence = kind === 'ioError' ? 'readRefused' : 'manifest'
        return { ...this.#damage(segment.name, 0, kind), evidence }
      }
      this.#segments += 1
      this.#state.epoch = Math.max(this.#state.epoch, segment.epoch)
      this.#state.isClosed = false
      const end = await reader.readRecords(this.#state, (record) => this.#give(record))
      this.#endOffset = end.offset
      this.#bytes += end.offset
      if (next) return await this.#judgeInnerEnd(end, segment, next)
      return await this.#judgeLastEnd(end, reader, of.stray)
    } finally {
      await reader.close()
    }
  }

  #give(record: LogRecord): void {
    if (record.sequence < this.#options.firstSequence) return
    const expected = this.#options.firstSequence + this.#records
    invariant(record.sequence === expected, 'commits are given in sequence')
    this.#records += 1
    this.#onRecord(record)
  }

  /** All of a segment was synced before the next one was begun, so nothing in it may be amiss. */
  async #judgeInnerEnd(
    end: SegmentEnd,
    segment: SegmentInfo,
    next: SegmentInfo,
  ): Promise<LogEnding | undefined> {
    const { nextSequence } = this.#state
    const ended = await this.#readPreviousEnd(next, segment)
    let { kind, sequenceFound } = end
    if (!kind && nextSequence < next.firstSequence) kind = 'truncated'
    if (!kind && nextSequence > next.firstSequence) {
      kind = 'sequenceGap'
      sequenceFound = next.firstSequence
    }
    if (!kind && ended !== undefined && end.offset < ended) kind = 'truncated'
    if (!kind && ended !== undefined && end.offset > ended) kind = 'length'
    if (!kind) return undefined
    if (kind === 'ioError') {
      return { ...this.#damage(segment.name, end.offset, kind), evidence: 'readRefused' }
    }
    const evidenceAt = { file: next.name, offset: 0, sequence: next.firstSequence }
    const damage = this.#damage(segment.name, end.offset, kind)
    return { ...damage, sequenceFound, evidence: 'laterSegment', evidenceAt }
  }

  async #judgeLastEnd(
    end: SegmentEnd,
    reader: SegmentReader,
    stray: DamagedEnding | undefined,
  ): Promise<LogEnding | undefined> {
    const { offset, kind, sequenceFound } = end
    const { nextSequence } = this.#state
    if (kind === 'ioError') {
      return { ...this.#damage(reader.file, offset, kind), evidence: 'readRefused' }
    }
    const remains = kind && (await reader.readRemains(offset, this.#state))
    const promised = remains?.promisedSequence ?? 0
    this.#state.durableSequence = Math.max(this.#state.durableSequence, promised)
    const damage = { ...this.#damage(reader.file, offset, kind ?? 'truncated'), sequenceFound }
    if (remains?.proof) {
      const { header, offset: proofOffset } = remains.proof
      const evidenceAt: EvidencePlace = {
        file: reader.file,
        offset: proofOffset,
        sequence: header.sequence,
      }
      const evidence = header.type === recordTypes.close ? 'closeRecord' : 'durablePromise'
      return { ...damage, evidence, evidenceAt }
    }
    if (this.#options.durableSequenceFloor >= nextSequence) {
      return { ...damage, evidence: 'manifest' }
    }
    if (!kind) return undefined
    if (stray?.evidence === 'laterSegment') {
      return { ...damage, evidence: 'laterSegment', evidenceAt: stray.evidenceAt }
    }
    invariant(reader.size > offset, 'a torn tail has something to cut off')
    return {
      type: 'torn',
      file: reader.file,
      offset,
      bytesDiscarded: reader.size - offset,
      recordsDiscarded: remains?.commits ?? 0,
      sequenceExpected: nextSequence,
    }
  }

  /** Where the header of `next` says that `segment` ended; undefined when it can't be read. */
  async #readPreviousEnd(next: SegmentInfo, segment: SegmentInfo): Promise<number | undefined> {
    const reader = await SegmentReader.open(this.#options, next.name)
    if (!reader) return undefined
    try {
      const beginning = await this.#readBeginning(reader)
      if ('kind' in beginning || compareHeader(beginning.header, next)) return undefined
      const { previous } = beginning.header
      return previous?.number === segment.number ? previous.endOffset : undefined
    } finally {
      await reader.close()
    }
  }

  async #readBeginning(reader: SegmentReader): Promise<Beginning> {
    try {
      const decoded = await reader.readHeader()
      switch (decoded.type) {
        case 'damaged':
          return { kind: reader.size < segmentHeaderBytes ? 'truncated' : 'checksum' }
        case 'newer':
          throw new DatabaseError(
            'FormatTooNew',
            `${reader.file} has format ${decoded.formatVersion}, which a later version of this ` +
              'program made: open it with that one',
            { details: { file: reader.file, formatVersion: decoded.formatVersion } },
          )
        case 'header': {
          const { databaseId } = decoded.header
          const isOurs = bytesEqual(databaseId, this.#options.databaseId)
          return isOurs ? { header: decoded.header } : { kind: 'foreign' }
        }
      }
    } catch (error) {
      if (error instanceof ReadRefused) return { kind: 'ioError' }
      throw error
    }
  }

  /** Damage at a place, but for the evidence. */
  #damage(file: string, offset: number, kind: DamageKind): Omit<DamagedEnding, 'evidence'> {
    const sequenceExpected = this.#state.nextSequence
    return { type: 'damaged', file, offset, kind, sequenceExpected }
  }
}

/**
 * Segments are in the order of their first commits. Of two with the same one the earlier holds
 * none, only the close of an opening that made none: a later opening began the other.
 */
function isBefore(place: SegmentPlace, start: SegmentPlace): boolean {
  if (place.firstSequence !== start.firstSequence) return place.firstSequence < start.firstSequence
  return place.epoch < start.epoch
}

type SegmentPlace = Pick<SegmentInfo, 'firstSequence' | 'epoch'>

/** Undefined when the header is the one that the manifest names. */
function compareHeader(header: SegmentHeader, named: SegmentInfo): DamageKind | undefined {
  const isNamed =
    header.name === named.name && header.number === named.number && header.salt === named.salt
  return isNamed ? undefined : 'salt'
}
