import { ByteReader, ByteWriter } from '../encoding/bytes.ts'
import { crc32 } from '../encoding/checksum.ts'
import { invariant } from '../rules/invariant.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import type { Tables } from '../versions/tables.ts'
import { bytesToHex, hexToBytes } from './checkpoint-file.ts'

/**
 * The image of an index: what was derived from the first rows of a version table, kept so that the
 * next opening need not derive it again. Nothing relies on it: no manifest names it, and whatever
 * does not fit is derived anew.
 *
 * **Bytes.** Numbers are little-endian. The header, then the sections one behind another, without
 * gaps up to the end of the file:
 *
 *     the fields of `imageFields`
 *     the name of the index, in UTF-8
 *     for each section: u64 its length, u32 CRC-32 of its bytes, u32 zero
 *     u32 CRC-32 of the header before it
 *
 * What a section holds is the business of the index; its format has a number of its own.
 *
 * **What makes it count.** Every checksum fits, the file ends with the last section, and it is of
 * these tables: of this database, of a commit that they have, with as many rows as they had then,
 * after the same removals and rewrites, and its last commits are theirs (`commitsChecksum`). So an
 * image never shows what the tables do not have, also when the log has lost its end and the numbers
 * of commits were given again.
 *
 * **Why a crash is safe.** It is built under a temporary name, its header last, and renamed when it
 * is synced.
 */
export const imageFormatVersion = 1

const magic = Uint8Array.of(0x41, 0x73, 0x4f, 0x66, 0x49, 0x64, 0x78, 0)

/** Where the fields of the header are. */
export const imageFields = [
  { name: 'magic', offset: 0, size: 8, meaning: '`AsOfIdx` and a zero byte' },
  { name: 'formatVersion', offset: 8, size: 4, meaning: '1' },
  { name: 'headerBytes', offset: 12, size: 4, meaning: 'of the header, its checksum included' },
  { name: 'databaseId', offset: 16, size: 16, meaning: 'as in the manifest' },
  { name: 'sequence', offset: 32, size: 8, meaning: 'of the newest commit that is taken in' },
  { name: 'rows', offset: 40, size: 8, meaning: 'of the version table that are taken in' },
  { name: 'rewrites', offset: 48, size: 4, meaning: 'how often the tables had been made anew' },
  { name: 'removals', offset: 52, size: 4, meaning: 'rows of the section `removals` by then' },
  {
    name: 'commitsChecksum',
    offset: 56,
    size: 4,
    meaning: 'CRC-32 of the system times and row counts of the last 4,096 commits up to `sequence`',
  },
  { name: 'kind', offset: 60, size: 4, meaning: 'of the version table: 0 node, 1 edge, 2 key' },
  { name: 'indexFormat', offset: 64, size: 4, meaning: 'of the sections of this index' },
  { name: 'sections', offset: 68, size: 4, meaning: 'how many there are' },
  { name: 'nameBytes', offset: 72, size: 4, meaning: 'of the name of the index' },
] as const

const fixedBytes = 76
const entryBytes = 16
const checksumBytes = 4
const sectionsMax = 16
const nameBytesMax = 64 * 1024
const commitsCompared = 4096

/** Enough to learn how long the header is. */
export const imagePrefixBytes = fixedBytes

export interface ImageSection {
  readonly length: number
  readonly checksum: number
}

export interface ImageHeader {
  readonly databaseId: string
  readonly sequence: number
  readonly rows: number
  readonly rewrites: number
  readonly removals: number
  readonly commitsChecksum: number
  readonly kind: EntityKind
  readonly indexFormat: number
  readonly name: string
  readonly sections: readonly ImageSection[]
}

/** Bytes of a header. */
export function imageHeaderBytes(name: string, sections: number): number {
  const nameBytes = new TextEncoder().encode(name).length
  return fixedBytes + nameBytes + sections * entryBytes + checksumBytes
}

/** Whether an index of this name can have an image. */
export function isImageName(name: string): boolean {
  return new TextEncoder().encode(name).length <= nameBytesMax
}

export function encodeImageHeader(header: ImageHeader): Uint8Array {
  const { sections, name } = header
  invariant(sections.length <= sectionsMax, 'an image has a few sections')
  invariant(isImageName(name), 'an index with a longer name has no image')
  const length = imageHeaderBytes(name, sections.length)
  const writer = new ByteWriter(length)
  writer.bytes(magic)
  writer.u32(imageFormatVersion)
  writer.u32(length)
  writer.bytes(hexToBytes(header.databaseId))
  writer.u64(header.sequence)
  writer.u64(header.rows)
  writer.u32(header.rewrites)
  writer.u32(header.removals)
  writer.u32(header.commitsChecksum)
  writer.u32(entityKinds.indexOf(header.kind))
  writer.u32(header.indexFormat)
  writer.u32(sections.length)
  const nameBytes = new TextEncoder().encode(name)
  writer.u32(nameBytes.length)
  writer.bytes(nameBytes)
  for (const section of sections) {
    writer.u64(section.length)
    writer.u32(section.checksum)
    writer.u32(0)
  }
  writer.u32(crc32(writer.view()))
  invariant(writer.length === length, 'the header of an image has the length it states')
  return writer.copy()
}

/** How long the header is, by its first bytes; undefined when they are no header. */
export function imageHeaderLength(prefix: Uint8Array): number | undefined {
  if (prefix.length < fixedBytes) return undefined
  if (!magic.every((byte, at) => prefix[at] === byte)) return undefined
  const length = new ByteReader(prefix, 12).u32()
  const lengthMax = fixedBytes + nameBytesMax + sectionsMax * entryBytes + checksumBytes
  return length >= fixedBytes + checksumBytes && length <= lengthMax ? length : undefined
}

/** `newer`: a later release wrote it. */
export type DecodedImageHeader =
  | { readonly type: 'header'; readonly header: ImageHeader }
  | { readonly type: 'damaged' }
  | { readonly type: 'newer' }

export function decodeImageHeader(bytes: Uint8Array): DecodedImageHeader {
  const damaged = { type: 'damaged' } as const
  if (imageHeaderLength(bytes) !== bytes.length) return damaged
  const end = bytes.length - checksumBytes
  if (new ByteReader(bytes, end).u32() !== crc32(bytes.subarray(0, end))) return damaged
  const reader = new ByteReader(bytes, magic.length)
  if (reader.u32() > imageFormatVersion) return { type: 'newer' }
  // The length of the header, which imageHeaderLength has compared with the bytes.
  reader.skip(4)
  const databaseId = bytesToHex(reader.take(16))
  const sequence = reader.u64()
  const rows = reader.u64()
  const rewrites = reader.u32()
  const removals = reader.u32()
  const commitsChecksum = reader.u32()
  const kind = entityKinds[reader.u32()]
  const indexFormat = reader.u32()
  const count = reader.u32()
  const nameBytes = reader.u32()
  if (kind === undefined || fixedBytes + nameBytes + count * entryBytes !== end) return damaged
  const name = new TextDecoder().decode(reader.take(nameBytes))
  const sections: ImageSection[] = []
  for (let index = 0; index < count; index++) {
    const length = reader.u64()
    const checksum = reader.u32()
    if (reader.u32() !== 0) return damaged
    sections.push({ length, checksum })
  }
  const what = { databaseId, sequence, rows, rewrites, removals, commitsChecksum }
  return { type: 'header', header: { ...what, kind, indexFormat, name, sections } }
}

/** The size of the file. */
export function imageBytes(header: ImageHeader): number {
  const start = imageHeaderBytes(header.name, header.sections.length)
  return header.sections.reduce((sum, section) => sum + section.length, start)
}

/** What an image is of: the tables as they were after a commit. */
export type ImageState = Pick<
  ImageHeader,
  'sequence' | 'rows' | 'rewrites' | 'removals' | 'commitsChecksum'
>

/**
 * The state of the tables that has so many rows of a kind and no more, the newest one up to a
 * commit; undefined when no commit ended with them.
 */
export function stateWithRows(
  tables: Tables,
  wanted: { readonly kind: EntityKind; readonly rows: number; readonly sequenceMax: number },
): ImageState | undefined {
  const { commits, removals } = tables
  const { kind, rows, sequenceMax } = wanted
  invariant(sequenceMax <= commits.sequence, 'an image is of commits that are there')
  const total = tables.versions(kind).count
  const next = rows < total ? commits.sequenceOfRow(kind, rows) : commits.sequence + 1
  const sequence = Math.min(next - 1, sequenceMax)
  if (sequence < 1 || commits.counts(sequence)[kind] !== rows) return undefined
  const commitsChecksum = checksumOfCommits(tables, sequence)
  return { sequence, rows, rewrites: removals.rewrites, removals: removals.count, commitsChecksum }
}

/** Why an image is not one of these tables, in words; undefined when it is. */
export function misfitOf(
  header: ImageHeader,
  of: { readonly tables: Tables; readonly databaseId: string },
): string | undefined {
  const { tables, databaseId } = of
  const { commits, removals } = tables
  const { sequence, rows, kind } = header
  if (header.databaseId !== databaseId) return 'it is of another database'
  if (sequence > commits.sequence) return `it is of commit ${sequence}, which is not there`
  if (header.rewrites !== removals.rewrites) return 'the tables have been made anew since'
  if (header.removals !== removals.count) return 'something was taken away since'
  if (sequence < 1 || commits.counts(sequence)[kind] !== rows) {
    return `it is not of the ${rows} rows that it says`
  }
  const isSame = header.commitsChecksum === checksumOfCommits(tables, sequence)
  return isSame ? undefined : `commit ${sequence} is another one by now`
}

/** Metadata references are left out: they differ with the way in which the tables were filled. */
function checksumOfCommits({ commits }: Tables, sequence: number): number {
  const first = Math.max(1, sequence - commitsCompared + 1)
  const writer = new ByteWriter((sequence - first + 1) * 20)
  for (let number = first; number <= sequence; number++) {
    const { node, edge, key } = commits.counts(number)
    writer.i64(commits.systemTime(number))
    for (const count of [node, edge, key]) writer.u32(count)
  }
  return crc32(writer.view())
}
