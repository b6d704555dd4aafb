import { crc32 } from '../encoding/checksum.ts'
import { isErrno, temporaryName, writeFully } from '../host/files.ts'
import type { FileSystem, Host, HostFile } from '../host/host.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import {
  type CheckpointHeader,
  encodeCheckpointHeader,
  fileSizeOf,
  layOutSections,
  sectionAlignment,
  type SectionEntry,
} from './checkpoint-file.ts'
import { checkpointDirectoryOf, checkpointFileName } from './directory-names.ts'
import type { CheckpointFileInfo } from './manifest.ts'
import { assertLittleEndian } from './platform.ts'
import { storeOf, type TableCounts } from './sections.ts'

/** No piece takes longer than a millisecond or so of the event loop. */
const pieceBytesMax = 1024 * 1024

export interface CheckpointWrite {
  readonly host: Host
  /** The directory of the database. */
  readonly directory: string
  readonly databaseId: string
  readonly generation: number
  readonly tables: Tables
  readonly fromSequence: number
  readonly toSequence: number
  readonly from: TableCounts
  readonly to: TableCounts
  /** The encoded definitions of symbols [from, to). */
  readonly symbols: Uint8Array
  /** Whether to leave the file under its temporary name; the caller renames it. */
  readonly isTemporary?: boolean
}

/**
 * Writes one checkpoint file straight from the memory of the tables and syncs it and its name.
 * What it writes never changes, so commits go on between the pieces. On failure nothing is left
 * of the file, as far as the disk lets it be removed.
 */
export async function writeCheckpointFile(write: CheckpointWrite): Promise<CheckpointFileInfo> {
  assertLittleEndian()
  invariant(write.fromSequence < write.toSequence, 'a checkpoint file holds a commit')
  invariant(write.to.commits === write.toSequence, 'the counts are those of the sequence')
  invariant(write.from.commits === write.fromSequence, 'a file begins where one ended')
  const { files } = write.host
  const parent = checkpointDirectoryOf(write.directory)
  const name = checkpointFileName(write.generation)
  const path = `${parent}/${write.isTemporary === true ? temporaryName(name) : name}`
  // A leftover of an attempt that failed here, or that a crash ended; no manifest names it.
  await removeIfPresent(files, path)
  const file = await files.open(path, 'create')
  let info: CheckpointFileInfo
  try {
    try {
      info = await writeContent(file, name, write)
      await file.sync()
    } catch (error) {
      // The first failure says more than a failed close of the same file could.
      await file.close().catch(() => undefined)
      throw error
    }
    await file.close()
  } catch (error) {
    // What can't be removed is removed at the next opening, because no manifest names it.
    await removeIfPresent(files, path).catch(() => undefined)
    throw error
  }
  try {
    await files.syncDirectory(parent)
  } catch (cause) {
    throw new DatabaseError(
      'Poisoned',
      `the name of a checkpoint could not be made durable (${String(cause)}), and no second ` +
        'attempt would prove anything; mend the cause and open the database again',
      { cause },
    )
  }
  return info
}

async function writeContent(
  file: HostFile,
  name: string,
  write: CheckpointWrite,
): Promise<CheckpointFileInfo> {
  const { from, to, symbols, databaseId, generation, fromSequence, toSequence } = write
  const sections: SectionEntry[] = []
  for (const entry of layOutSections({ from, to, symbolBytes: symbols.length })) {
    const { name: section } = entry
    const ranges =
      section === 'symbols'
        ? [symbols]
        : storeOf(write.tables, section).byteRanges(entry.from, entry.to)
    const checksum = await writeSection({ file, entry, ranges, host: write.host })
    sections.push({ ...entry, checksum })
  }
  const header: CheckpointHeader = { databaseId, generation, fromSequence, toSequence, sections }
  const { bytes, checksum } = encodeCheckpointHeader(header)
  await writeFully(file, bytes, 0)
  const size = fileSizeOf(sections)
  return { name, size, headerChecksum: checksum, fromSequence, toSequence, from, to }
}

/** Writes a section piece by piece; returns its checksum, which covers the filling. */
async function writeSection(parts: {
  readonly file: HostFile
  readonly entry: SectionEntry
  readonly ranges: Iterable<Uint8Array>
  readonly host: Host
}): Promise<number> {
  const { file, entry } = parts
  let checksum = 0
  let position = entry.offset
  for (const range of parts.ranges) {
    for (let start = 0; start < range.length; start += pieceBytesMax) {
      const piece = range.subarray(start, start + pieceBytesMax)
      checksum = crc32(piece, checksum)
      await writeFully(file, piece, position)
      position += piece.length
      await parts.host.timers.yieldTurn()
    }
  }
  const end = entry.offset + entry.length
  invariant(position <= end, 'a section is no longer than its counts say')
  invariant(end - position < sectionAlignment, 'only what aligns the next section is filled up')
  const filling = new Uint8Array(end - position)
  if (filling.length === 0) return checksum
  await writeFully(file, filling, position)
  return crc32(filling, checksum)
}

/** Removes a file that may not be there. */
export async function removeIfPresent(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}
