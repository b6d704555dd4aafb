import { BatchApplier } from './commit/apply.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import { open } from './open.ts'
import { type InspectionReport, inspectDirectory } from './recovery/examine.ts'
import { takeDirectory, type TakenDirectory } from './recovery/placement.ts'
import { previewRecovery } from './recovery/recover-directory.ts'
import type { RecoveryPolicy, RecoveryReport } from './recovery/report.ts'
import { RetryingFiles } from './recovery/retrying-files.ts'
import { DatabaseError } from './rules/errors.ts'
import { copyDatabase } from './transfer/copy-database.ts'
import { absolutePath, mustBeApart } from './transfer/target-directory.ts'
import { Tables } from './versions/tables.ts'

export interface RecoverOptions {
  /** Default: `repair`. */
  readonly policy?: RecoveryPolicy | undefined
  /** Only look: change nothing, and report what would be done. */
  readonly dryRun?: boolean | undefined
  /**
   * A directory that is empty or not there yet: every commit that can be applied is written to it,
   * as a database of its own, and the damaged one is left as it is.
   */
  readonly into?: string | undefined
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

export interface InspectOptions {
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

/**
 * Recovers a database that is not open, and closes it again. Resolves with what was found and
 * done. Throws as `open` does; with `into` also what `restore` throws for its target, which a crash
 * leaves so that the same call begins again.
 */
export async function recover(path: string, options: RecoverOptions = {}): Promise<RecoveryReport> {
  const { policy = 'repair', dryRun = false, into, host = nodeHost() } = options
  if (into !== undefined && dryRun) {
    throw new DatabaseError('InvalidArgument', 'give into or dryRun, not both')
  }
  const directory = absolutePath(path)
  const target = into === undefined ? undefined : absolutePath(into)
  if (target === undefined && !dryRun) {
    const database = await open(path, { recovery: policy, create: false, host })
    const { recovery } = database
    await database.close()
    return recovery
  }
  const tables = new Tables()
  const { report, databaseId, settings } = await locked(host, directory, (taken) => {
    if (target !== undefined) mustBeApart({ source: directory, places: taken.places, target })
    return previewRecovery({
      host: taken.host,
      directory,
      policy: target === undefined ? policy : 'bestEffort',
      tables,
      applier: new BatchApplier(tables),
      settings: { nodesValid: 'now' },
    })
  })
  if (target !== undefined) {
    const { sequence } = tables.commits
    const of = { host, tables, sequence, sourceId: databaseId, settings }
    await copyDatabase({ ...of, into: target, options: {} })
  }
  return report
}

/**
 * Reads every file of a database that is not open and names all damage: file, offset, the commits
 * it concerns. Changes nothing. Throws `NotADatabase`, `Locked`, `FormatTooNew`, `IoFailed`, and
 * `Corrupt` where nothing is left to go by.
 */
export async function inspect(
  path: string,
  options: InspectOptions = {},
): Promise<InspectionReport> {
  const { host = nodeHost() } = options
  const directory = absolutePath(path)
  return locked(host, directory, async (taken) => {
    const reading = new RetryingFiles(taken.host)
    const report = await inspectDirectory({ host: reading.host, directory })
    return { ...report, places: taken.places }
  })
}

async function locked<T>(
  host: Host,
  directory: string,
  work: (taken: TakenDirectory) => T | Promise<T>,
): Promise<T> {
  const taken = await takeDirectory({ host, directory, create: false })
  try {
    return await work(taken)
  } catch (error) {
    throw taken.locate(error)
  } finally {
    await taken.lock.release()
  }
}
