import { ByteReader, ByteWriter } from '../encoding/bytes.ts'
import { compressionRatioMax } from '../encoding/compression.ts'
import { DecodeError } from '../encoding/decode-error.ts'
import { invariant } from '../rules/invariant.ts'

/**
 * A section of a compressed checkpoint file: a table, then the blocks it lists. Each block is
 * compressed by itself, so that writing and reading go in small steps and damage is told by block.
 *
 *     0    8   bytes of the section before compression
 *     8    for each block: u32 its bytes as stored, u32 CRC-32 of those and its filling
 *          the blocks, each filled up with zeros to a multiple of 8
 *
 * A block holds `blockBytes` of the section, the last one what is left. One that did not get
 * smaller is stored as it is. The checksum of the section covers the table, and that covers all
 * else; so every length is proved before anything is read or reserved because of it.
 */
export const blockBytes = 64 * 1024

const prefixBytes = 8
const entryBytes = 8

/** Blocks are filled up to a multiple of this. */
const blockAlignment = 8

export interface StoredBlock {
  /** As stored, without its filling. */
  readonly length: number
  readonly checksum: number
}

export interface BlockTable {
  readonly rawBytes: number
  readonly blocks: readonly StoredBlock[]
}

export function blockCount(rawBytes: number): number {
  invariant(rawBytes >= 0, 'nothing is smaller than empty')
  return Math.ceil(rawBytes / blockBytes)
}

export function blockTableBytes(rawBytes: number): number {
  return prefixBytes + blockCount(rawBytes) * entryBytes
}

/** A length filled up. */
export function alignBlock(length: number): number {
  return Math.ceil(length / blockAlignment) * blockAlignment
}

/** Bytes of a block before compression. */
export function rawBytesOf(table: Pick<BlockTable, 'rawBytes'>, index: number): number {
  const rest = table.rawBytes - index * blockBytes
  invariant(index >= 0 && rest > 0, 'a block lies in its section')
  return Math.min(blockBytes, rest)
}

export function encodeBlockTable({ rawBytes, blocks }: BlockTable): Uint8Array {
  invariant(blocks.length === blockCount(rawBytes), 'all of a section is in its blocks')
  const writer = new ByteWriter(blockTableBytes(rawBytes))
  writer.u64(rawBytes)
  for (const [index, { length, checksum }] of blocks.entries()) {
    invariant(isPossible(length, rawBytesOf({ rawBytes }, index)), 'a block can be read again')
    writer.u32(length)
    writer.u32(checksum)
  }
  invariant(writer.length === blockTableBytes(rawBytes), 'a table has the length it is given')
  return writer.view()
}

/** How many bytes a section has before compression, by the first bytes of its table. */
export function rawBytesOfTable(bytes: Uint8Array): number {
  return new ByteReader(bytes).u64()
}

interface SectionLengths {
  readonly rawBytes: number
  /** In the file. */
  readonly length: number
}

/**
 * Whether so many bytes can have become a section of this length. Asked before a table is read or
 * memory reserved, so that both are bounded by what is on the disk.
 */
export function isSectionLength({ rawBytes, length }: SectionLengths): boolean {
  if (rawBytes === 0) return length === 0
  const least = blockTableBytes(rawBytes) + blockCount(rawBytes) * blockAlignment
  return length >= least && rawBytes <= length * compressionRatioMax
}

/** Reads the table of a section of `sectionLength` bytes; `DecodeError` for what nobody wrote. */
export function decodeBlockTable(bytes: Uint8Array, sectionLength: number): BlockTable {
  const reader = new ByteReader(bytes)
  const rawBytes = reader.u64()
  if (bytes.length !== blockTableBytes(rawBytes)) {
    throw new DecodeError('a table of blocks has another length', 0)
  }
  const blocks: StoredBlock[] = []
  let end = bytes.length
  while (reader.remaining > 0) {
    const at = reader.position
    const length = reader.u32()
    const checksum = reader.u32()
    if (!isPossible(length, rawBytesOf({ rawBytes }, blocks.length))) {
      throw new DecodeError(`a block has ${length} bytes, which it can't have`, at)
    }
    blocks.push({ length, checksum })
    end += alignBlock(length)
  }
  if (end === sectionLength) return { rawBytes, blocks }
  throw new DecodeError('the blocks of a section do not end where it does', bytes.length)
}

function isPossible(length: number, rawBytes: number): boolean {
  return length >= 1 && length <= rawBytes && rawBytes <= length * compressionRatioMax
}
