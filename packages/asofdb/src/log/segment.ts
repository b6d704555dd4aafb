import { ByteReader, ByteWriter } from '../encoding/bytes.ts'
import { crc32 } from '../encoding/checksum.ts'
import { invariant } from '../rules/invariant.ts'
import { type FieldDescription, recordAlignment } from './record.ts'

/**
 * The segment: one file of the log. It begins with a header of `segmentHeaderBytes`, a block of its
 * own, so that no record shares a sector with it; records follow.
 *
 * The header is written and synced, and the name with it, before the manifest names the segment;
 * the manifest names it before it takes a record. It is never written again. So a header that can't
 * be read is what a crash left of a segment nobody used if the manifest doesn't name it, and damage
 * if it does. What the header says of the segment before was true and synced when it was written:
 * an earlier segment that ends elsewhere has been damaged since.
 *
 * No file is used twice. The salt is drawn at random for each segment and seeds every checksum in
 * it, so no bytes of another segment, database or time count as its records.
 */
export const segmentHeaderBytes = 4096

export const segmentFormatVersion = 1

/** `AsOfLog` and a zero. */
const magic = Uint8Array.of(0x41, 0x73, 0x4f, 0x66, 0x4c, 0x6f, 0x67, 0)

export const databaseIdBytes = 16

const checksumOffset = segmentHeaderBytes - 4

/** The header, field by field, as the documents show it. */
export const segmentFields: readonly FieldDescription[] = [
  { name: 'magic', offset: 0, size: 8, meaning: '`AsOfLog` and a zero byte' },
  { name: 'formatVersion', offset: 8, size: 4, meaning: '1' },
  { name: 'epoch', offset: 12, size: 4, meaning: 'of the opening that made the segment' },
  { name: 'databaseId', offset: 16, size: 16, meaning: 'random, the same in all files' },
  { name: 'number', offset: 32, size: 8, meaning: 'of the segment, dense from 1' },
  { name: 'firstSequence', offset: 40, size: 8, meaning: 'of the first commit it may hold' },
  { name: 'salt', offset: 48, size: 8, meaning: 'random, seeds every checksum of its records' },
  { name: 'previousNumber', offset: 56, size: 8, meaning: 'of the segment before; 0: none' },
  { name: 'previousLastSequence', offset: 64, size: 8, meaning: 'its last commit' },
  { name: 'previousEndOffset', offset: 72, size: 8, meaning: 'its size in bytes, all synced' },
  { name: 'reserved', offset: 80, size: checksumOffset - 80, meaning: 'zeros' },
  { name: 'checksum', offset: checksumOffset, size: 4, meaning: 'CRC-32 of all bytes before' },
]

invariant(
  segmentFields.reduce((end, field) => (field.offset === end ? end + field.size : -1), 0) ===
    segmentHeaderBytes,
  'the fields of a segment fill its header without gaps',
)
invariant(segmentHeaderBytes % recordAlignment === 0, 'the first record of a segment is aligned')

/** What the manifest keeps of a segment. */
export interface SegmentInfo {
  /** File name inside the directory of the log. */
  readonly name: string
  /** Dense from 1 over the life of a log. */
  readonly number: number
  /** The opening of the database that made it. */
  readonly epoch: number
  readonly firstSequence: number
  /** 64 random bits, as a signed integer. */
  readonly salt: bigint
}

/** How the segment before ended, when a segment was made. */
export interface PreviousSegment {
  readonly number: number
  readonly lastSequence: number
  readonly endOffset: number
}

export interface SegmentHeader extends SegmentInfo {
  readonly databaseId: Uint8Array
  /** Undefined in the first segment of a log. */
  readonly previous: PreviousSegment | undefined
}

/**
 * Names sort as their segments do. The epoch keeps a name from being used twice: a segment that a
 * crash left unused has the first sequence of the one made in its stead.
 */
export function segmentName(of: { firstSequence: number; epoch: number }): string {
  invariant(of.firstSequence >= 1 && of.epoch >>> 0 === of.epoch, 'a name has room for both')
  const sequence = of.firstSequence.toString(16).padStart(16, '0')
  return `log-${sequence}-${of.epoch.toString(16).padStart(8, '0')}.seg`
}

/** Undefined for a name that `segmentName` doesn't make. */
export function parseSegmentName(
  name: string,
): { firstSequence: number; epoch: number } | undefined {
  const parts = /^log-([0-9a-f]{16})-([0-9a-f]{8})\.seg$/.exec(name)
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined
  const firstSequence = Number.parseInt(parts[1], 16)
  if (!Number.isSafeInteger(firstSequence)) return undefined
  return { firstSequence, epoch: Number.parseInt(parts[2], 16) }
}

/**
 * The segments that are still needed when everything below `sequence` is held elsewhere: those that
 * may hold it or a later one, and the last one always. `segments` are in order.
 */
export function segmentsFrom<Segment extends SegmentInfo>(
  segments: readonly Segment[],
  sequence: number,
): Segment[] {
  return segments.filter((_, index) => {
    const next = segments[index + 1]
    return next === undefined || next.firstSequence > sequence
  })
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  invariant(header.databaseId.length === databaseIdBytes, 'a database id has 16 bytes')
  invariant(header.number >= 1 && header.firstSequence >= 1, 'segments and commits count from 1')
  invariant(header.name === segmentName(header), 'the name of a segment follows from its header')
  const { previous } = header
  const isNext = !previous || previous.lastSequence + 1 === header.firstSequence
  invariant(isNext, 'a segment begins where the one before ended')
  const writer = new ByteWriter(segmentHeaderBytes)
  writer.bytes(magic)
  writer.u32(segmentFormatVersion)
  writer.u32(header.epoch)
  writer.bytes(header.databaseId)
  writer.u64(header.number)
  writer.u64(header.firstSequence)
  writer.i64(header.salt)
  writer.u64(previous?.number ?? 0)
  writer.u64(previous?.lastSequence ?? 0)
  writer.u64(previous?.endOffset ?? 0)
  writer.bytes(new Uint8Array(checksumOffset - writer.length))
  writer.u32(crc32(writer.view()))
  invariant(writer.length === segmentHeaderBytes, 'a segment header fills its block')
  return writer.view()
}

/**
 * What a block at the start of a segment file says. `damaged`: it is not what a writer made;
 * `newer`: a later version of this program made it.
 */
export type DecodedSegmentHeader =
  | { readonly type: 'header'; readonly header: SegmentHeader }
  | { readonly type: 'damaged' }
  | { readonly type: 'newer'; readonly formatVersion: number }

/** Magic, version and checksum have the same places in every version of the format. */
export function decodeSegmentHeader(bytes: Uint8Array): DecodedSegmentHeader {
  if (bytes.length !== segmentHeaderBytes) return { type: 'damaged' }
  const reader = new ByteReader(bytes)
  const isOurs = reader.take(magic.length).every((byte, index) => byte === magic[index])
  const checksum = new ByteReader(bytes, checksumOffset).u32()
  if (!isOurs || checksum !== crc32(bytes.subarray(0, checksumOffset))) return { type: 'damaged' }
  const formatVersion = reader.u32()
  if (formatVersion > segmentFormatVersion) return { type: 'newer', formatVersion }
  const epoch = reader.u32()
  const databaseId = reader.take(databaseIdBytes).slice()
  const number = reader.u64()
  const firstSequence = reader.u64()
  const salt = reader.i64()
  const previousNumber = reader.u64()
  const lastSequence = reader.u64()
  const endOffset = reader.u64()
  if (number < 1 || firstSequence < 1) return { type: 'damaged' }
  const previous =
    previousNumber === 0 ? undefined : { number: previousNumber, lastSequence, endOffset }
  const name = segmentName({ firstSequence, epoch })
  return {
    type: 'header',
    header: { name, number, epoch, firstSequence, salt, databaseId, previous },
  }
}
