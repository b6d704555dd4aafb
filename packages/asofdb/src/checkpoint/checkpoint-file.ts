import { ByteReader, ByteWriter } from '../encoding/bytes.ts'
import { crc32 } from '../encoding/checksum.ts'
import { type Compression, compressionNumber, compressionOf } from '../encoding/compression.ts'
import { invariant } from '../rules/invariant.ts'
import { isSectionLength } from './block-table.ts'
import {
  type SectionName,
  sectionNames,
  sectionRecord,
  type TableCounts,
  unitBytes,
} from './sections.ts'

/**
 * The checkpoint file: what the tables gained between two commits, one section for each column and
 * arena, written once and never changed. All live files in a row are the tables up to the sequence
 * of the checkpoint.
 *
 * **Bytes.** Numbers are little-endian.
 *
 *     0    8   magic: `AsOfCkp` and a zero byte
 *     8    4   format version, 2; 1 has the sections up to `keyBytes` only
 *     12   4   bytes of the header, its checksum included
 *     16   16  database id
 *     32   8   generation: of the checkpoint that wrote the file
 *     40   8   from sequence: the last commit that the file before holds; 0: none
 *     48   8   to sequence: the last commit in this file
 *     56   4   number of sections
 *     60   4   compression of the sections: 0 none, 1 LZ4, 2 deflate; 0 in version 1
 *     64       for each section: u32 its number (`sections.ts`), u32 CRC-32 of its bytes,
 *              u64 from, u64 to (rows, bytes of the arena, or definitions), u64 offset, u64 length
 *              of its bytes in the file
 *              u32 zero, u32 CRC-32 of the header before it
 *              the sections, one behind another: rows as they are in memory, arena bytes as they
 *              are, definitions of symbols encoded; each filled up with zeros to a multiple of 8.
 *              Where they are compressed, each is a table and blocks instead: `block-table.ts`
 *
 * **What makes a file count.** The manifest names it with its size and the checksum of its header;
 * the header holds the checksum of each section (of its table of blocks, which holds theirs, where
 * it is compressed) and where the sections lie, without gaps up to the end of the file. So every
 * byte is covered by a checksum, and the bytes of another file, generation or database never fit.
 *
 * **Reading.** Rows and arena bytes are read straight into the memory they live in, or decompressed
 * into it; nothing is decoded. Heads, which are derived, are linked by one pass over the rows.
 *
 * **Why a crash is safe.** Nothing refers to the file until the manifest does, which happens after
 * file and directory were synced. The header is written last, so that a file that a crash left
 * half-way shows no header; it is removed at the next opening.
 */
export const checkpointFormatVersion = 2

const magic = Uint8Array.of(0x41, 0x73, 0x4f, 0x66, 0x43, 0x6b, 0x70, 0)
const fixedBytes = 64
const entryBytes = 40
const trailerBytes = 8
const sectionsMax = 1024
/** Files of version 1 have the first so many sections. */
const sectionsOfVersion1 = 15

/** Sections and the header fill up to a multiple of this. */
export const sectionAlignment = 8

/** Enough to learn how long the header is. */
export const headerPrefixBytes = fixedBytes

export interface SectionEntry {
  readonly name: SectionName
  readonly checksum: number
  readonly from: number
  readonly to: number
  readonly offset: number
  /** Filling included. */
  readonly length: number
}

export interface CheckpointHeader {
  /** 32 hexadecimal digits. */
  readonly databaseId: string
  readonly generation: number
  readonly fromSequence: number
  readonly toSequence: number
  readonly compression: Compression
  readonly sections: readonly SectionEntry[]
}

/** A length filled up to the alignment. */
export function alignSection(length: number): number {
  return Math.ceil(length / sectionAlignment) * sectionAlignment
}

export const headerBytes = fixedBytes + sectionNames.length * entryBytes + trailerBytes

invariant(headerBytes % sectionAlignment === 0, 'the first section is aligned')
invariant(sectionNames.length <= sectionsMax, 'a header of today is one that can be read')

export interface EncodedHeader {
  readonly bytes: Uint8Array
  readonly checksum: number
}

export function encodeCheckpointHeader(header: CheckpointHeader): EncodedHeader {
  const { sections } = header
  invariant(header.databaseId.length === 32, 'a database id has 16 bytes')
  invariant(header.fromSequence < header.toSequence, 'a checkpoint file holds a commit')
  invariant(
    sections.length === sectionNames.length &&
      sections.every((section, index) => section.name === sectionNames[index]),
    'every section is there, in order',
  )
  const writer = new ByteWriter(headerBytes)
  writer.bytes(magic)
  writer.u32(checkpointFormatVersion)
  writer.u32(headerBytes)
  writer.bytes(hexToBytes(header.databaseId))
  writer.u64(header.generation)
  writer.u64(header.fromSequence)
  writer.u64(header.toSequence)
  writer.u32(sections.length)
  writer.u32(compressionNumber[header.compression])
  for (const section of sections) {
    writer.u32(sectionNames.indexOf(section.name) + 1)
    writer.u32(section.checksum)
    writer.u64(section.from)
    writer.u64(section.to)
    writer.u64(section.offset)
    writer.u64(section.length)
  }
  writer.u32(0)
  const checksum = crc32(writer.view())
  writer.u32(checksum)
  invariant(writer.length === headerBytes, 'the header of a checkpoint has the length it states')
  invariant(headerLength(writer.view()) === headerBytes, 'what is written can be read')
  return { bytes: writer.copy(), checksum }
}

/** How long the header is, by its first bytes; undefined when they are no header. */
export function headerLength(prefix: Uint8Array): number | undefined {
  if (prefix.length < fixedBytes) return undefined
  if (!magic.every((byte, index) => prefix[index] === byte)) return undefined
  const length = new ByteReader(prefix, 12).u32()
  const isPossible = length >= fixedBytes + trailerBytes && length % sectionAlignment === 0
  return isPossible && length <= fixedBytes + sectionsMax * entryBytes + trailerBytes
    ? length
    : undefined
}

/**
 * What the bytes of a header say. `damaged`: they are not what a writer made; `newer`: a later
 * version of this program made them.
 */
export type DecodedCheckpointHeader =
  | { readonly type: 'header'; readonly header: CheckpointHeader; readonly checksum: number }
  | { readonly type: 'damaged' }
  | { readonly type: 'newer'; readonly formatVersion: number }

/** Magic, version, header length and checksum have their places in every version of the format. */
export function decodeCheckpointHeader(bytes: Uint8Array): DecodedCheckpointHeader {
  if (headerLength(bytes) !== bytes.length) return { type: 'damaged' }
  const checksum = new ByteReader(bytes, bytes.length - 4).u32()
  if (checksum !== crc32(bytes.subarray(0, bytes.length - 4))) return { type: 'damaged' }
  const reader = new ByteReader(bytes, magic.length)
  const formatVersion = reader.u32()
  if (formatVersion > checkpointFormatVersion) return { type: 'newer', formatVersion }
  // The length of the header, which headerLength has compared with the bytes.
  reader.skip(4)
  const databaseId = bytesToHex(reader.take(16))
  const generation = reader.u64()
  const fromSequence = reader.u64()
  const toSequence = reader.u64()
  const count = reader.u32()
  const compression = compressionOf(reader.u32())
  if (compression === undefined) return { type: 'damaged' }
  if (bytes.length !== fixedBytes + count * entryBytes + trailerBytes) return { type: 'damaged' }
  const names = formatVersion === 1 ? sectionNames.slice(0, sectionsOfVersion1) : sectionNames
  if (count !== names.length) return { type: 'damaged' }
  const sections: SectionEntry[] = []
  let offset = bytes.length
  for (const name of names) {
    const section = decodeEntry(reader, { name, compression, offset })
    if (section === undefined) return { type: 'damaged' }
    sections.push(section)
    offset += section.length
  }
  const header = { databaseId, generation, fromSequence, toSequence, compression, sections }
  return { type: 'header', header, checksum }
}

interface ExpectedEntry {
  readonly name: SectionName
  readonly compression: Compression
  readonly offset: number
}

/** Every section is there, in order and without gaps; each length is possible for its counts. */
function decodeEntry(reader: ByteReader, expected: ExpectedEntry): SectionEntry | undefined {
  const { name, compression } = expected
  invariant(expected.offset % sectionAlignment === 0, 'sections are aligned')
  if (reader.remaining < entryBytes + trailerBytes) return undefined
  const number = reader.u32()
  const checksum = reader.u32()
  const from = reader.u64()
  const to = reader.u64()
  const offset = reader.u64()
  const length = reader.u64()
  const isOurs = sectionNames[number - 1] === name && offset === expected.offset && from <= to
  if (!isOurs || length % sectionAlignment !== 0) return undefined
  const entry = { name, checksum, from, to, offset, length }
  const rawBytes = rawBytesOfSection(entry)
  if (rawBytes === undefined) return entry
  const isFitting =
    compression === 'none'
      ? length === alignSection(rawBytes)
      : isSectionLength({ rawBytes, length })
  return isFitting ? entry : undefined
}

/** Bytes of a section before compression; undefined for symbols, whose count does not tell. */
export function rawBytesOfSection({ name, from, to }: SectionEntry): number | undefined {
  return name === 'symbols' ? undefined : (to - from) * unitBytes[name]
}

/** Where a section list ends: the size of the file. */
export function fileSizeOf(sections: readonly SectionEntry[]): number {
  const last = sections.at(-1)
  return last === undefined ? headerBytes : last.offset + last.length
}

/** How far a file reaches back, and how far it goes. */
export function countsOf(header: CheckpointHeader): { from: TableCounts; to: TableCounts } {
  const byName = new Map(header.sections.map(section => [section.name, section]))
  return {
    from: sectionRecord(name => byName.get(name)?.from ?? 0),
    to: sectionRecord(name => byName.get(name)?.to ?? 0),
  }
}

export function bytesToHex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

/** The bytes of an even number of hexadecimal digits. */
export function hexToBytes(text: string): Uint8Array {
  invariant(/^(?:[0-9a-f]{2})*$/.test(text), 'an id is written in hexadecimal digits')
  const bytes = new Uint8Array(text.length / 2)
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16)
  }
  return bytes
}
