import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import { relocateDirectory } from './recovery/relocate-directory.ts'
import { absolutePath } from './transfer/target-directory.ts'

export interface RelocateOptions {
  /** Where the log is now: absolute, or relative to the directory of the database. */
  readonly logDirectory?: string | undefined
  /** The same of the checkpoints. */
  readonly checkpointDirectory?: string | undefined
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

/** Where a database keeps its files: absolute paths. */
export interface RelocateReport {
  readonly directory: string
  readonly logDirectory: string
  readonly checkpointDirectory: string
}

/**
 * Tells a database that is not open where its log and its checkpoints are, after you have moved
 * them, or the database. Without paths: they are where they were, and the database is here now.
 * Moves no file. Opening finds out whether everything is there.
 *
 * Throws `InvalidArgument` for a directory that can't be the one, `ForeignFile` for one of another
 * database, `Locked`, `NotADatabase`, `ReadOnly`, `DiskFull`, `IoFailed`.
 */
export async function relocate(
  path: string,
  options: RelocateOptions = {},
): Promise<RelocateReport> {
  const { logDirectory, checkpointDirectory, host = nodeHost() } = options
  const directory = absolutePath(path)
  const wanted = {
    ...(logDirectory === undefined ? {} : { log: logDirectory }),
    ...(checkpointDirectory === undefined ? {} : { checkpoint: checkpointDirectory }),
  }
  const places = await relocateDirectory({ host, directory, wanted })
  return { directory, logDirectory: places.log, checkpointDirectory: places.checkpoint }
}
