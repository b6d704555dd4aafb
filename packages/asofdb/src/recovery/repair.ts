import {
  checkpointDirectoryName,
  checkpointDirectoryOf,
  logDirectoryName,
  logDirectoryOf,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { removeIfPresent } from '../checkpoint/write-checkpoint.ts'
import { isErrno } from '../host/files.ts'
import type { FileSystem } from '../host/host.ts'

/**
 * The only code that cuts or removes what recovery found, and that makes the directories of a
 * database. Each step is harmless when a crash ends it or when it is done again: it takes away
 * only what the verdict has found to be nobody's.
 */
export interface RepairPlace {
  readonly files: FileSystem
  readonly directory: string
}

/**
 * Ends a segment of the log at `offset` and syncs it. The sync is due even when there is nothing to
 * cut: after the death of a process the last records may be in the cache only, and from now on they
 * are seen and built upon.
 */
export async function settleSegment(
  { files, directory }: RepairPlace,
  { name, offset }: { readonly name: string; readonly offset: number },
): Promise<void> {
  try {
    const file = await files.open(`${logDirectoryOf(directory)}/${name}`, 'write')
    try {
      if ((await file.size()) > offset) await file.truncate(offset)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw explainFailure('settle the end of its log', error)
  }
}

/** Removes leftovers, by path inside the directory. What can't be removed stays, and is reported. */
export async function removeOrphans(
  { files, directory }: RepairPlace,
  paths: readonly string[],
): Promise<{ readonly removed: string[]; readonly left: string[] }> {
  const removed: string[] = []
  const left: string[] = []
  for (const path of paths) {
    const isGone = await removeIfPresent(files, `${directory}/${path}`).then(
      () => true,
      () => false,
    )
    if (isGone) removed.push(path)
    else left.push(path)
  }
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
