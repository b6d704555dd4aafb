import { isErrno } from '../host/files.ts'
import type { HostFile } from '../host/host.ts'
import { invariant, must } from '../rules/invariant.ts'
import { FileWindow, ReadRefused } from './file-window.ts'
import type { DamageKind } from './log-ending.ts'
import {
  decodeRecordHeader,
  isBodyIntact,
  recordAlignment,
  recordBytes,
  recordHeaderBytes,
  recordMagic,
  type RecordHeader,
  recordTypes,
  saltToSeed,
} from './record.ts'
import { type DecodedSegmentHeader, decodeSegmentHeader, segmentHeaderBytes } from './segment.ts'
import { attempt, type LogPlace } from './segment-file.ts'

/** One commit as it was logged. The payload is valid only until the callback returns. */
export interface LogRecord {
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly systemTime: bigint
  readonly payload: Uint8Array
  /** Name of the segment, and where in it the record begins. */
  readonly file: string
  readonly offset: number
}

/** What the records so far lead one to expect. Moves on from segment to segment. */
export interface ReadState {
  nextSequence: number
  epoch: number
  /** The highest promise that was met. */
  durableSequence: number
  /** Whether the last record is a `close`. */
  isClosed: boolean
}

/** Where the records of a segment end. Without a `kind` the file ends there, too. */
export interface SegmentEnd {
  readonly offset: number
  readonly kind?: DamageKind | undefined
  readonly sequenceFound?: number | undefined
}

/** What lies behind the first position that can't be read. */
export interface Remains {
  /** Sound commits. */
  readonly commits: number
  readonly promisedSequence: number
  /** The first record that proves the missing one to have been durable. */
  readonly proof?: { readonly header: RecordHeader; readonly offset: number } | undefined
}

/** A record that verifies. The payload is valid only until the callback returns. */
export interface SoundRecord {
  readonly header: RecordHeader
  readonly offset: number
  readonly payload: Uint8Array
}

/** Bytes of a segment in which no sound record begins. */
export interface Stretch {
  readonly offset: number
  readonly length: number
  /** The disk refuses to read them. */
  readonly isRefused: boolean
}

/** A record that verifies, or why there is none at this place. */
type Attempt = { readonly header: RecordHeader; readonly frame: Uint8Array } | Unsound

interface Unsound {
  readonly kind: 'checksum' | 'length' | 'truncated'
}

/** Reads one segment file. Never writes; memory is bounded by the largest record in the file. */
export class SegmentReader {
  readonly file: string
  readonly size: number
  readonly #handle: HostFile
  readonly #window: FileWindow
  #seed: number | undefined

  private constructor(parts: { file: string; handle: HostFile; window: FileWindow }) {
    this.file = parts.file
    this.#handle = parts.handle
    this.#window = parts.window
    this.size = parts.window.size
  }

  /** Undefined when there is no such file. */
  static async open({ host, directory }: LogPlace, file: string) {
    return attempt(`read ${file}`, async () => {
      const handle = await openIfPresent(() => host.files.open(`${directory}/${file}`, 'read'))
      if (!handle) return undefined
      return new SegmentReader({ file, handle, window: await FileWindow.over(handle) })
    })
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  /** Must come before the records, which it gives the salt for. Throws `ReadRefused`. */
  async readHeader(): Promise<DecodedSegmentHeader> {
    if (this.size < segmentHeaderBytes) return { type: 'damaged' }
    const decoded = decodeSegmentHeader(await this.#window.load(0, segmentHeaderBytes))
    if (decoded.type === 'header') this.#seed = saltToSeed(decoded.header.salt)
    return decoded
  }

  /**
   * Reads records until the first position that holds none, and gives the commits to `onCommit`.
   * `state` is what is expected, and afterwards what is expected next.
   */
  async readRecords(
    state: ReadState,
    onCommit: (record: LogRecord) => void,
  ): Promise<SegmentEnd> {
    let offset = segmentHeaderBytes
    invariant(offset <= this.size, 'records are read behind a header that was read')
    while (offset < this.size) {
      const found = this.#peekRecord(offset) ?? (await this.#loadRecord(offset))
      if (found instanceof ReadRefused) return { offset, kind: 'ioError' }
      if ('kind' in found) return { offset, kind: found.kind }
      const { header, frame } = found
      const { sequence } = header
      if (header.epoch < state.epoch) return { offset, kind: 'salt', sequenceFound: sequence }
      const isCommit = header.type === recordTypes.commit
      const expected = isCommit ? state.nextSequence : state.nextSequence - 1
      if (sequence !== expected) return { offset, kind: 'sequenceGap', sequenceFound: sequence }
      state.epoch = header.epoch
      state.isClosed = header.type === recordTypes.close
      state.durableSequence = Math.max(state.durableSequence, header.durableSequence)
      if (isCommit) {
        state.nextSequence = sequence + 1
        const payload = frame.subarray(recordHeaderBytes, recordHeaderBytes + header.payloadLength)
        onCommit({ sequence, systemTime: header.systemTime, payload, file: this.file, offset })
      }
      offset += frame.length
    }
    invariant(offset === this.size, 'records end where the file ends')
    return { offset }
  }

  /**
   * Looks behind a position that can't be read for sound records. Records are looked for at every
   * multiple of the alignment: the header of a segment and all records are such multiples long, so
   * a record that a writer made can begin nowhere else, wherever the hole before it ends.
   *
   * Only those count that could follow: of this segment's salt, of no older epoch, and not of a
   * sequence that was already read. The missing record was durable if one of them promises it. It
   * was, too, if the very commit that is missing is found behind the hole: then what is in the hole
   * is a mark, and marks are synced before anything is written behind them.
   */
  async readRemains(from: number, state: ReadState): Promise<Remains> {
    let commits = 0
    let promisedSequence = 0
    let proof: Remains['proof']
    let offset = from
    invariant(offset % recordAlignment === 0, 'what remains begins where a record could')
    while (offset + recordHeaderBytes <= this.size) {
      const found = await this.#findRecord(offset)
      if (!found) break
      const { header } = found
      if (header.sequence >= state.nextSequence && header.epoch >= state.epoch) {
        const isCommit = header.type === recordTypes.commit
        if (isCommit) commits += 1
        promisedSequence = Math.max(promisedSequence, header.durableSequence)
        const isBehindMark = isCommit && header.sequence === state.nextSequence
        if (isBehindMark || header.durableSequence >= state.nextSequence) {
          proof ??= { header, offset: found.offset }
        }
      }
      offset = found.offset + found.length
    }
    return { commits, promisedSequence, proof }
  }

  /** For a segment whose header can't be read, when the manifest names its salt. */
  trustSalt(salt: bigint): void {
    this.#seed = saltToSeed(salt)
  }

  /**
   * Gives every sound record of the file, and every stretch between them that holds none, in the
   * order of the file. What a stretch had been is not known here.
   */
  async readSound(on: {
    record(record: SoundRecord): void
    stretch(stretch: Stretch): void
  }): Promise<void> {
    let offset = Math.min(segmentHeaderBytes, this.size)
    while (offset < this.size) {
      const attempted = this.#peekRecord(offset) ?? (await this.#loadRecord(offset))
      const isRefused = attempted instanceof ReadRefused
      const found =
        isRefused || 'kind' in attempted
          ? await this.#findRecord(offset)
          : { header: attempted.header, offset, length: attempted.frame.length }
      const end = found?.offset ?? this.size
      if (end > offset) on.stretch({ offset, length: end - offset, isRefused })
      if (found === undefined) break
      const frame = await this.#window.load(found.offset, found.offset + found.length)
      const { payloadLength } = found.header
      const payload = frame.subarray(recordHeaderBytes, recordHeaderBytes + payloadLength)
      on.record({ header: found.header, offset: found.offset, payload })
      offset = found.offset + found.length
    }
  }

  /** The next sound record from `offset` on. What the disk refuses to read holds none. */
  async #findRecord(
    from: number,
  ): Promise<{ header: RecordHeader; offset: number; length: number } | undefined> {
    for (let offset = from; offset + recordHeaderBytes <= this.size; offset += recordAlignment) {
      const word = this.#window.peek(offset, offset + 4) ?? (await this.#loadWord(offset))
      if (!word) offset = (Math.floor(offset / sectorBytes) + 1) * sectorBytes - recordAlignment
      if (!word || !isMagic(word)) continue
      const found = await this.#loadRecord(offset)
      if (found instanceof ReadRefused || 'kind' in found) continue
      return { header: found.header, offset, length: found.frame.length }
    }
    return undefined
  }

  async #loadWord(offset: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#window.load(offset, offset + 4)
    } catch (error) {
      if (error instanceof ReadRefused) return undefined
      throw error
    }
  }

  /** Undefined when the window must move first. */
  #peekRecord(offset: number): Attempt | undefined {
    const bytes = this.#window.peek(offset, offset + recordHeaderBytes)
    const header = bytes && this.#judgeHeader(bytes, offset)
    if (!header || 'kind' in header) return header
    const frame = this.#window.peek(offset, offset + recordBytes(header.payloadLength))
    return frame && this.#judgeBody(header, frame)
  }

  async #loadRecord(offset: number): Promise<Attempt | ReadRefused> {
    if (this.size - offset < recordHeaderBytes) return { kind: 'truncated' }
    try {
      const bytes = await this.#window.load(offset, offset + recordHeaderBytes)
      const header = this.#judgeHeader(bytes, offset)
      if ('kind' in header) return header
      const end = offset + recordBytes(header.payloadLength)
      const frame = await this.#window.load(offset, end)
      return this.#judgeBody(header, frame)
    } catch (error) {
      if (error instanceof ReadRefused) return error
      throw error
    }
  }

  /** A length counts only after its checksum did and when the file has as much. */
  #judgeHeader(bytes: Uint8Array, offset: number): RecordHeader | Unsound {
    const header = decodeRecordHeader(bytes, must(this.#seed, 'the salt of the segment'))
    if (typeof header === 'string') return { kind: header }
    const isWhole = recordBytes(header.payloadLength) <= this.size - offset
    return isWhole ? header : { kind: 'truncated' }
  }

  #judgeBody(header: RecordHeader, frame: Uint8Array): Attempt {
    const seed = must(this.#seed, 'the salt of the segment')
    const isIntact = isBodyIntact(header, frame.subarray(recordHeaderBytes), seed)
    return isIntact ? { header, frame } : { kind: 'checksum' }
  }
}

/** A disk refuses to read whole sectors. */
const sectorBytes = 512

const magicBytes = new Uint8Array(4)
new DataView(magicBytes.buffer).setUint32(0, recordMagic, true)

function isMagic(word: Uint8Array): boolean {
  return magicBytes.every((byte, index) => byte === word[index])
}

async function openIfPresent(open: () => Promise<HostFile>): Promise<HostFile | undefined> {
  try {
    return await open()
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
