import { crc32 } from '../encoding/checksum.ts'
import { compressBlock, type Compression } from '../encoding/compression.ts'
import { writeFully } from '../host/files.ts'
import type { HostFile, Timers } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import {
  alignBlock,
  blockBytes,
  blockCount,
  blockTableBytes,
  encodeBlockTable,
  rawBytesOf,
  type StoredBlock,
} from './block-table.ts'
import { alignSection, sectionAlignment } from './checkpoint-file.ts'
import { encodeSymbols } from './sections.ts'

/** No piece and no block takes longer than a millisecond of the event loop. */
const pieceBytesMax = 256 * 1024

/** Compressed blocks are collected up to so many bytes before they are written. */
const groupBytes = 512 * 1024

/** Definitions of symbols that are encoded in one turn. */
const symbolsPerTurn = 4096

export interface SectionWrite {
  readonly file: HostFile
  readonly timers: Timers
  readonly compression: Compression
  /** Where it begins in the file. */
  readonly offset: number
  /** All bytes of the section, which never change. */
  readonly ranges: Iterable<Uint8Array>
  readonly rawBytes: number
}

/** A section as it lies in the file, filling included. */
export interface StoredSection {
  readonly length: number
  readonly checksum: number
}

/** Writes a section piece by piece; commits go on in between. */
export async function writeSection(write: SectionWrite): Promise<StoredSection> {
  invariant(write.offset % sectionAlignment === 0, 'sections are aligned')
  if (write.rawBytes === 0) return { length: 0, checksum: 0 }
  return write.compression === 'none' ? writePlain(write) : writeBlocks(write)
}

/** Straight from the memory of the tables. */
async function writePlain({ file, timers, offset, ...of }: SectionWrite): Promise<StoredSection> {
  const length = alignSection(of.rawBytes)
  let checksum = 0
  let written = 0
  for (const piece of piecesOf(of.ranges, pieceBytesMax)) {
    invariant(written + piece.length <= of.rawBytes, 'a section keeps to its room')
    checksum = crc32(piece, checksum)
    await writeFully(file, piece, offset + written)
    written += piece.length
    await timers.yieldTurn()
  }
  invariant(written === of.rawBytes, 'a section is as long as its counts say')
  const filling = new Uint8Array(length - written)
  if (filling.length === 0) return { length, checksum }
  await writeFully(file, filling, offset + written)
  return { length, checksum: crc32(filling, checksum) }
}

/** Blocks first, then the table before them, whose room is known. */
async function writeBlocks(write: SectionWrite): Promise<StoredSection> {
  const { file, timers, compression, offset, rawBytes } = write
  const tableBytes = blockTableBytes(rawBytes)
  const blocks: StoredBlock[] = []
  const scratch = new Uint8Array(blockBytes)
  const group = new Uint8Array(groupBytes)
  let grouped = 0
  let position = offset + tableBytes
  const flush = async () => {
    await writeFully(file, group.subarray(0, grouped), position)
    position += grouped
    grouped = 0
  }
  for (const block of blocksOf(write.ranges)) {
    invariant(block.length === rawBytesOf({ rawBytes }, blocks.length), 'blocks are full')
    const stored = compressBlock(compression, block, scratch)
    invariant(stored.length <= block.length, 'compression makes nothing larger')
    const end = grouped + alignBlock(stored.length)
    invariant(end <= group.length, 'a group has room for one more block')
    group.set(stored, grouped)
    group.fill(0, grouped + stored.length, end)
    blocks.push({ length: stored.length, checksum: crc32(group.subarray(grouped, end)) })
    grouped = end
    if (grouped + blockBytes > group.length) await flush()
    await timers.yieldTurn()
  }
  invariant(blocks.length === blockCount(rawBytes), 'a section is as long as its counts say')
  if (grouped > 0) await flush()
  const table = encodeBlockTable({ rawBytes, blocks })
  invariant(table.length === tableBytes, 'the table has the room that was left for it')
  await writeFully(file, table, offset)
  return { length: position - offset, checksum: crc32(table) }
}

/** The same bytes in pieces of at most so many. */
function* piecesOf(ranges: Iterable<Uint8Array>, bytesMax: number): Generator<Uint8Array> {
  for (const range of ranges) {
    for (let start = 0; start < range.length; start += bytesMax) {
      yield range.subarray(start, start + bytesMax)
    }
  }
}

/** The same bytes in blocks, all full but the last. A block is good until the next is asked for. */
function* blocksOf(ranges: Iterable<Uint8Array>): Generator<Uint8Array> {
  const joined = new Uint8Array(blockBytes)
  let length = 0
  for (const range of ranges) {
    let start = 0
    while (start < range.length) {
      const left = range.length - start
      if (length === 0 && left >= blockBytes) {
        yield range.subarray(start, start + blockBytes)
        start += blockBytes
        continue
      }
      const taken = Math.min(left, blockBytes - length)
      joined.set(range.subarray(start, start + taken), length)
      length += taken
      start += taken
      if (length < blockBytes) continue
      yield joined
      length = 0
    }
  }
  if (length > 0) yield joined.subarray(0, length)
}

/** The encoded definitions [from, to) of symbols, which never change; a part of them a turn. */
export async function encodeSymbolsSlowly(
  { tables, timers }: { readonly tables: Tables; readonly timers: Timers },
  from: number,
  to: number,
): Promise<Uint8Array[]> {
  invariant(from <= to && to <= tables.symbols.count, 'only logged symbols are encoded')
  const parts: Uint8Array[] = []
  for (let start = from; start < to; start += symbolsPerTurn) {
    if (start > from) await timers.yieldTurn()
    parts.push(encodeSymbols(tables, start, Math.min(start + symbolsPerTurn, to)))
  }
  return parts
}
