import { isAbsolute, resolve } from 'node:path'
import { bytesToHex } from './checkpoint/checkpoint-file.ts'
import { BatchApplier } from './commit/apply.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import { databaseIdBytes } from './log/segment.ts'
import { open } from './open.ts'
import { type InspectionReport, inspectDirectory } from './recovery/examine.ts'
import { writeFreshGeneration } from './recovery/fresh-generation.ts'
import { prepareDirectory, syncNames } from './recovery/open-directory.ts'
import { takeDirectory, type TakenDirectory } from './recovery/placement.ts'
import { previewRecovery, type RecoveryPreview } from './recovery/recover-directory.ts'
import type { RecoveryPolicy, RecoveryReport } from './recovery/report.ts'
import { RetryingFiles } from './recovery/retrying-files.ts'
import { DatabaseError } from './rules/errors.ts'
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
 * done. Throws as `open` does; with `into` also `InvalidArgument` when something is there already.
 */
export async function recover(path: string, options: RecoverOptions = {}): Promise<RecoveryReport> {
  const { policy = 'repair', dryRun = false, into, host = nodeHost() } = options
  if (into !== undefined && dryRun) {
    throw new DatabaseError('InvalidArgument', 'give into or dryRun, not both')
  }
  if (into === undefined && !dryRun) {
    const database = await open(path, { recovery: policy, create: false, host })
    const { recovery } = database
    await database.close()
    return recovery
  }
  const directory = toDirectory(path)
  const tables = new Tables()
  const applied = into === undefined ? policy : 'bestEffort'
  const preview = await locked(host, { directory, create: false }, (taken) =>
    previewRecovery({
      host: taken.host,
      directory,
      policy: applied,
      tables,
      applier: new BatchApplier(tables),
      settings: { nodesValid: 'now' },
    }),
  )
  if (into !== undefined) await writeInto({ host, tables, ...preview }, toDirectory(into))
  return preview.report
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
  const directory = toDirectory(path)
  return locked(host, { directory, create: false }, async (taken) => {
    const reading = new RetryingFiles(taken.host)
    const report = await inspectDirectory({ host: reading.host, directory })
    return { ...report, places: taken.places }
  })
}

function toDirectory(path: string): string {
  if (typeof path !== 'string' || path === '') {
    throw new DatabaseError('InvalidArgument', 'the path of a database is a directory name')
  }
  return isAbsolute(path) ? path : resolve(path)
}

async function locked<T>(
  host: Host,
  of: { readonly directory: string; readonly create: boolean },
  work: (taken: TakenDirectory) => Promise<T>,
): Promise<T> {
  const taken = await takeDirectory({ host, ...of })
  try {
    return await work(taken)
  } catch (error) {
    throw taken.locate(error)
  } finally {
    await taken.lock.release()
  }
}

/** The manifest comes last: before it nobody takes the directory for a whole database. */
async function writeInto(
  { host, tables, settings }: RecoveryPreview & { readonly host: Host; readonly tables: Tables },
  directory: string,
): Promise<void> {
  await prepareDirectory(host.files, directory, true)
  const found = (await host.files.list(directory)).filter((name) => !name.startsWith('LOCK'))
  if (found.length > 0) {
    throw new DatabaseError(
      'InvalidArgument',
      `${directory} is not empty (${found.slice(0, 3).join(', ')}); give an empty directory, or ` +
        'one that is not there yet',
      { details: { directory, found } },
    )
  }
  await locked(host, { directory, create: true }, async () => {
    await syncNames(host.files, directory)
    await writeFreshGeneration({
      host,
      directory,
      tables,
      databaseId: bytesToHex(host.random.bytes(databaseIdBytes)),
      settings,
      revision: 0,
      epoch: 0,
      generation: 0,
      segmentNumber: 0,
      isLogged: true,
      found: undefined,
    })
  })
}
