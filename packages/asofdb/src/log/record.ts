import { crc32 } from '../encoding/checksum.ts'
import { invariant } from '../rules/invariant.ts'

/**
 * The record: one framed, checksummed entry of the log. A commit is exactly one record, so it is
 * there whole or not at all.
 *
 * **Bytes.** A header of `recordHeaderBytes` as `recordFields` lists it, the payload, then zeros up
 * to a multiple of `recordAlignment`. Numbers are little-endian. Both checksums are CRC-32 over the
 * eight bytes of the segment's salt followed by what they cover.
 *
 * **A record counts** when its header checksum fits, every field has a value that a writer can give
 * it, the payload lies within the file, the payload checksum fits and the padding is zero. The
 * order matters: a length is believed only after the checksum over it.
 *
 * **Reading.** Records follow one another without gaps from the end of the segment's header.
 * Commits have dense sequences; a `close` or a `fence` repeats the sequence of the last commit
 * before it; epochs never go down. The first position where this fails is the end of what can be
 * read; whether that is a torn tail or damage is decided by `log-reader.ts`.
 *
 * **Why a crash is safe.** A header torn from its payload fails the payload checksum; bytes of an
 * earlier use of the space fail through the salt, which is drawn anew for each segment; zeros fail
 * because neither magic nor type is zero. Unsynced records reach the disk in any order, so sound
 * records behind a hole prove nothing by themselves. Each record therefore says how far the log was
 * known to be durable when it was made: if that reaches into the hole, the hole had been on the
 * disk and is damage; if it doesn't, nobody was ever told that the hole was durable.
 */
export const recordMagic = 0xa50f_c0de

/** No type is 0. */
export const recordTypes = { commit: 1, close: 2, fence: 3 } as const

export type RecordType = (typeof recordTypes)[keyof typeof recordTypes]

export const recordHeaderBytes = 48

/** Every record begins at a multiple of this, counted from the start of its file. */
export const recordAlignment = 8

export const recordPayloadBytesMax = 2 ** 30

const at = {
  magic: 0,
  type: 4,
  flags: 5,
  reserved: 6,
  payloadLength: 8,
  payloadChecksum: 12,
  sequence: 16,
  systemTime: 24,
  durableSequence: 32,
  epoch: 40,
  headerChecksum: 44,
} as const

export interface FieldDescription {
  readonly name: string
  readonly offset: number
  readonly size: number
  readonly meaning: string
}

/** The header, field by field, as the documents show it. */
export const recordFields: readonly FieldDescription[] = [
  { name: 'magic', offset: at.magic, size: 4, meaning: '0xa50fc0de' },
  { name: 'type', offset: at.type, size: 1, meaning: '1 commit, 2 close, 3 fence' },
  { name: 'flags', offset: at.flags, size: 1, meaning: '0' },
  { name: 'reserved', offset: at.reserved, size: 2, meaning: '0' },
  {
    name: 'payloadLength',
    offset: at.payloadLength,
    size: 4,
    meaning: 'bytes of the payload without padding, at most 2^30; 0 unless a commit',
  },
  {
    name: 'payloadChecksum',
    offset: at.payloadChecksum,
    size: 4,
    meaning: 'CRC-32 of the salt and the payload',
  },
  {
    name: 'sequence',
    offset: at.sequence,
    size: 8,
    meaning: 'of the commit; in other types that of the last commit before',
  },
  {
    name: 'systemTime',
    offset: at.systemTime,
    size: 8,
    meaning: 'microseconds since 1970, signed; 0 unless a commit',
  },
  {
    name: 'durableSequence',
    offset: at.durableSequence,
    size: 8,
    meaning: 'the highest sequence known to be durable when the record was made',
  },
  {
    name: 'epoch',
    offset: at.epoch,
    size: 4,
    meaning: 'of the opening of the database that wrote the record',
  },
  {
    name: 'headerChecksum',
    offset: at.headerChecksum,
    size: 4,
    meaning: 'CRC-32 of the salt and the 44 bytes before',
  },
]

invariant(
  recordFields.reduce((end, field) => (field.offset === end ? end + field.size : -1), 0) ===
    recordHeaderBytes,
  'the fields of a record fill its header without gaps',
)
invariant(recordHeaderBytes % recordAlignment === 0, 'the header of a record keeps the alignment')

export interface RecordHeader {
  readonly type: RecordType
  readonly payloadLength: number
  readonly payloadChecksum: number
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly systemTime: bigint
  readonly durableSequence: number
  readonly epoch: number
}

/** What is written; the encoder adds the lengths and checksums. */
export interface RecordContent {
  readonly type: RecordType
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly systemTime: bigint
  readonly durableSequence: number
  readonly epoch: number
  readonly payload: Uint8Array
}

/** Bytes of a whole record, padding included. */
export function recordBytes(payloadLength: number): number {
  const padding = -payloadLength & (recordAlignment - 1)
  return recordHeaderBytes + payloadLength + padding
}

/** The checksum of the salt alone, with which all checksums of a segment go on. */
export function saltToSeed(salt: bigint): number {
  invariant(BigInt.asIntN(64, salt) === salt, 'a salt has 64 bits')
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, salt, true)
  return crc32(bytes)
}

const firstCapacity = 64 * 1024

/** Lays records one behind another into a buffer that is used again and again. */
export class RecordEncoder {
  #bytes = new Uint8Array(firstCapacity)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** Bytes of the records added since the last reset. */
  get length(): number {
    return this.#length
  }

  /**
   * Makes room for `count` bytes in all; throws RangeError when the memory can't be had. What was
   * taken by `view` before stays as it is; what was added and not taken is gone.
   */
  reserve(count: number): void {
    if (count <= this.#bytes.length) return
    const capacity = Math.max(count, Math.min(this.#bytes.length * 2, count + firstCapacity))
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
    this.#length = 0
  }

  reset(): void {
    this.#length = 0
  }

  /** Gives back the memory that only an unusually large record needed. */
  shrink(): void {
    if (this.#bytes.length <= 16 * firstCapacity) return
    this.#bytes = new Uint8Array(firstCapacity)
    this.#view = new DataView(this.#bytes.buffer)
    this.#length = 0
  }

  /** The records added since the last reset, valid until the next one. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  add(record: RecordContent, seed: number): void {
    const { payload } = record
    invariant(record.durableSequence <= record.sequence, 'no record promises what comes after it')
    invariant(payload.length <= recordPayloadBytesMax, 'a payload is no longer than the format has')
    invariant(record.epoch >>> 0 === record.epoch, 'an epoch has 32 bits')
    const isCommit = record.type === recordTypes.commit
    invariant(isCommit || payload.length === 0, 'only a commit has a payload')
    const start = this.#length
    const end = start + recordBytes(payload.length)
    invariant(end <= this.#bytes.length, 'room for a record was made before it was added')
    const view = this.#view
    view.setUint32(start + at.magic, recordMagic, true)
    // The type in the lowest byte; flags and the reserved bytes above it are zero.
    view.setUint32(start + at.type, record.type, true)
    view.setUint32(start + at.payloadLength, payload.length, true)
    view.setUint32(start + at.payloadChecksum, crc32(payload, seed), true)
    setSafe(view, start + at.sequence, record.sequence)
    view.setBigInt64(start + at.systemTime, record.systemTime, true)
    setSafe(view, start + at.durableSequence, record.durableSequence)
    view.setUint32(start + at.epoch, record.epoch, true)
    const covered = this.#bytes.subarray(start, start + at.headerChecksum)
    view.setUint32(start + at.headerChecksum, crc32(covered, seed), true)
    this.#bytes.set(payload, start + recordHeaderBytes)
    this.#bytes.fill(0, start + recordHeaderBytes + payload.length, end)
    this.#length = end
  }
}

function setSafe(view: DataView, offset: number, value: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, 'a sequence is a safe integer from 0')
  view.setUint32(offset, value % 0x1_0000_0000, true)
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true)
}

/**
 * The header at the start of `bytes`, or why there is none: `checksum` when these are not the bytes
 * a writer made, `length` when they are and the length is one that no writer gives.
 */
export function decodeRecordHeader(
  bytes: Uint8Array,
  seed: number,
): RecordHeader | 'checksum' | 'length' {
  if (bytes.length < recordHeaderBytes) return 'length'
  const view = new DataView(bytes.buffer, bytes.byteOffset, recordHeaderBytes)
  if (view.getUint32(at.magic, true) !== recordMagic) return 'checksum'
  const checksum = crc32(bytes.subarray(0, at.headerChecksum), seed)
  if (view.getUint32(at.headerChecksum, true) !== checksum) return 'checksum'
  const type = toType(view.getUint32(at.type, true))
  const sequence = getSafe(view, at.sequence)
  const durableSequence = getSafe(view, at.durableSequence)
  if (type === undefined || sequence === undefined || durableSequence === undefined) {
    return 'checksum'
  }
  const isCommit = type === recordTypes.commit
  if (durableSequence > sequence || (isCommit && durableSequence === sequence)) return 'checksum'
  const payloadLength = view.getUint32(at.payloadLength, true)
  if (payloadLength > (isCommit ? recordPayloadBytesMax : 0)) return 'length'
  return {
    type,
    payloadLength,
    payloadChecksum: view.getUint32(at.payloadChecksum, true),
    sequence,
    systemTime: view.getBigInt64(at.systemTime, true),
    durableSequence,
    epoch: view.getUint32(at.epoch, true),
  }
}

/** Whether `body`, all that follows the header, is the payload of this header and its padding. */
export function isBodyIntact(header: RecordHeader, body: Uint8Array, seed: number): boolean {
  const { payloadLength, payloadChecksum } = header
  invariant(
    body.length === recordBytes(payloadLength) - recordHeaderBytes,
    'the body of a record is judged as a whole',
  )
  for (let index = payloadLength; index < body.length; index++) {
    if (body[index] !== 0) return false
  }
  return crc32(body.subarray(0, payloadLength), seed) === payloadChecksum
}

function toType(word: number): RecordType | undefined {
  if (word === recordTypes.commit) return recordTypes.commit
  if (word === recordTypes.close) return recordTypes.close
  if (word === recordTypes.fence) return recordTypes.fence
  return undefined
}

function getSafe(view: DataView, offset: number): number | undefined {
  const high = view.getUint32(offset + 4, true)
  if (high > 0x1f_ffff) return undefined
  return high * 0x1_0000_0000 + view.getUint32(offset, true)
}
