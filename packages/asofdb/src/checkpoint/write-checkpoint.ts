import type { Compression } from '../encoding/compression.ts'
import { isErrno, temporaryName, writeFully } from '../host/files.ts'
import type { FileSystem, Host, HostFile } from '../host/host.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import {
  type CheckpointHeader,
  encodeCheckpointHeader,
  fileSizeOf,
  headerBytes,
  type SectionEntry,
} from './checkpoint-file.ts'
import { checkpointDirectoryOf, checkpointFileName } from './directory-names.ts'
import type { CheckpointFileInfo } from './manifest.ts'
import { assertLittleEndian } from './platform.ts'
import { sectionNames, storeOf, type TableCounts, unitBytes } from './sections.ts'
import { encodeSymbolsSlowly, writeSection } from './write-sections.ts'

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
  /** Default: `none`. */
  readonly compression?: Compression | undefined
  /** Whether to leave the file under its temporary name; the caller renames it. */
  readonly isTemporary?: boolean
}

/**
 * Writes one checkpoint file from the memory of the tables and syncs it and its name.
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
  const { from, to, databaseId, generation, fromSequence, toSequence, tables } = write
  const { compression = 'none' } = write
  const { timers } = write.host
  const symbols = await encodeSymbolsSlowly({ tables, timers }, from.symbols, to.symbols)
  const sections: SectionEntry[] = []
  let offset = headerBytes
  for (const section of sectionNames) {
    const count = to[section] - from[section]
    invariant(count >= 0, 'a section does not end before it starts')
    const content =
      section === 'symbols'
        ? { ranges: symbols, rawBytes: symbols.reduce((sum, part) => sum + part.length, 0) }
        : {
            ranges: storeOf(tables, section).byteRanges(from[section], to[section]),
            rawBytes: count * unitBytes[section],
          }
    const stored = await writeSection({ file, timers, compression, offset, ...content })
    sections.push({ name: section, from: from[section], to: to[section], offset, ...stored })
    offset += stored.length
  }
  const header: CheckpointHeader = {
    databaseId,
    generation,
    fromSequence,
    toSequence,
    compression,
    sections,
  }
  const { bytes, checksum } = encodeCheckpointHeader(header)
  await writeFully(file, bytes, 0)
  const size = fileSizeOf(sections)
  invariant(size === offset, 'a file ends with its last section')
  return { name, size, headerChecksum: checksum, fromSequence, toSequence, from, to }
}

/** Removes a file that may not be there. */
export async function removeIfPresent(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}
