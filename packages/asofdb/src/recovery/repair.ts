import {
  checkpointDirectoryName,
  checkpointDirectoryOf,
  logDirectoryName,
  logDirectoryOf,
  manifestName,
  previousManifestName,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { removeIfPresent } from '../checkpoint/write-checkpoint.ts'
import { isErrno, readFully, writeFully } from '../host/files.ts'
import type { FileSystem, HostFile } from '../host/host.ts'
import { recordAlignment } from '../log/record.ts'
import { segmentHeaderBytes } from '../log/segment.ts'
import { invariant } from '../rules/invariant.ts'

/**
 * The only code that cuts or removes what recovery found, and that makes the directories of a
 * database. Each step is harmless when a crash ends it or when it is done again: it takes away
 * only what the verdict has found to be nobody's.
 */
export interface RepairPlace {
  readonly files: FileSystem
  readonly directory: string
}

/** The end of a log, as it is to be. */
export interface SegmentEnd {
  readonly name: string
  readonly offset: number
  /** The last record says that the database was closed. */
  readonly isClosed: boolean
}

const pieceBytes = 1024 * 1024

/**
 * Ends a segment of the log at `offset` and makes it durable, even when there is nothing to cut:
 * after the death of a process the last records may be in the cache only, and from now on they are
 * seen and built upon. A sync alone would not do where one has failed before that death: the cache
 * counts its pages as clean, so the next sync succeeds and writes nothing. So they are written
 * again, as they are; a crash meanwhile leaves the same bytes. Segments before the last were synced
 * before the last was begun.
 */
export async function settleSegment(
  { files, directory }: RepairPlace,
  { name, offset, isClosed }: SegmentEnd,
): Promise<void> {
  invariant(offset >= segmentHeaderBytes, 'the header of a segment is not cut')
  invariant(offset % recordAlignment === 0, 'a segment ends where a record does')
  try {
    const file = await files.open(`${logDirectoryOf(directory)}/${name}`, 'write')
    try {
      const size = await file.size()
      invariant(size >= offset, 'what was read is still there')
      if (size > offset) await file.truncate(offset)
      if (!isClosed) await writeAgain(file, offset)
      await file.sync()
      invariant((await file.size()) === offset, 'the tail of the log is cut')
    } finally {
      await file.close()
    }
  } catch (error) {
    throw explainFailure('settle the end of its log', error)
  }
}

async function writeAgain(file: HostFile, end: number): Promise<void> {
  const piece = new Uint8Array(Math.min(pieceBytes, end - segmentHeaderBytes))
  for (let position = segmentHeaderBytes; position < end; position += piece.length) {
    const part = piece.subarray(0, end - position)
    const count = await readFully(file, part, position)
    invariant(count === part.length, 'what was read is still there')
    await writeFully(file, part, position)
  }
}

export interface RemovedOrphans {
  readonly removed: readonly string[]
  readonly left: readonly string[]
}

/** Removes leftovers, by path inside the directory. What can't be removed is told, and stays. */
export async function removeOrphans(
  { files, directory }: RepairPlace,
  paths: readonly string[],
): Promise<RemovedOrphans> {
  const removed: string[] = []
  const left: string[] = []
  for (const path of paths) {
    invariant(path !== manifestName && path !== previousManifestName, 'manifests are kept')
    invariant(!path.split('/').includes('..'), 'only what is in the directory is removed')
    const isGone = await removeIfPresent(files, `${directory}/${path}`).then(
      () => true,
      () => false,
    )
    if (isGone) removed.push(path)
    else left.push(path)
  }
  invariant(removed.length + left.length === paths.length, 'every leftover is accounted for')
  return { removed, left }
}

/** Makes what a database consists of besides its manifest, durably. */
export async function makeSubdirectories({ files, directory }: RepairPlace): Promise<void> {
  try {
    for (const path of [logDirectoryOf(directory), checkpointDirectoryOf(directory)]) {
      await makeIfAbsent(files, path)
    }
    await files.syncDirectory(directory)
  } catch (error) {
    throw explainFailure(`make ${logDirectoryName} and ${checkpointDirectoryName}`, error)
  }
}

export async function makeIfAbsent(files: FileSystem, path: string): Promise<void> {
  try {
    await files.makeDirectory(path)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
  }
}
