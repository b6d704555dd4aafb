import { bytesToHex } from '../checkpoint/checkpoint-file.ts'
import { checkpointDirectoryOf } from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import type { CheckpointFileInfo, Manifest, Settings } from '../checkpoint/manifest.ts'
import { ManifestStore } from '../checkpoint/manifest-store.ts'
import { countTables, zeroCounts } from '../checkpoint/sections.ts'
import { removeIfPresent, writeCheckpointFile } from '../checkpoint/write-checkpoint.ts'
import { TableRewrite } from '../compaction/table-rewrite.ts'
import { checkCompression } from '../encoding/compression.ts'
import { microsToInstant } from '../encoding/instant.ts'
import { temporaryName } from '../host/files.ts'
import { mustSeeEverything } from '../graph/horizons.ts'
import type { Host } from '../host/host.ts'
import { databaseIdBytes } from '../log/segment.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import { checkFile, copyDamaged } from './checkpoint-copy.ts'
import { withoutBackups } from './known-backups.ts'
import { TargetDirectory } from './target-directory.ts'
import type { ForkOptions, ForkReport } from './transfer-options.ts'

export interface CopyRequest {
  readonly host: Host
  /** Hold at least the commits up to `sequence`. */
  readonly tables: Tables
  /** The newest commit to take. */
  readonly sequence: number
  /** Of the source; something else for one that has no id. */
  readonly sourceId: string
  readonly settings: Settings
  /** Absolute path. */
  readonly into: string
  readonly options: ForkOptions
}

/** Work between two looks at the event loop. */
const sliceMs = 4

/**
 * Makes a database with the commits up to a sequence: applies their batches to tables of their own,
 * as a replay does, and writes those as the first checkpoint.
 *
 * A crash leaves a directory that is marked as unfinished and is no database, because its manifest
 * comes last; the same call begins again. After the manifest is in force it is a database, and the
 * same call only takes the mark away.
 */
export async function copyDatabase(request: CopyRequest): Promise<ForkReport> {
  const { host, into, sequence, sourceId } = request
  checkCompression(request.options.checkpointCompression)
  mustSeeEverything(request.tables, sequence)
  const startMs = host.clock.monotonicMs()
  const target = await TargetDirectory.take({
    host,
    directory: into,
    purpose: 'copy',
    sourceId,
  })
  try {
    const manifest =
      target.found === undefined
        ? await make(request, target)
        : await mustBeSame(target.found.manifest, request)
    await target.finish()
    const [file] = manifest.checkpoint.files
    const system = systemOf(request)
    return {
      directory: into,
      sequence,
      system: system === undefined ? null : microsToInstant(system),
      databaseId: manifest.databaseId,
      bytesWritten: file?.size ?? 0,
      durationMs: host.clock.monotonicMs() - startMs,
    }
  } catch (error) {
    throw explainFailure(`make a database in ${into}`, error)
  } finally {
    await target.release()
  }
}

async function make(request: CopyRequest, target: TargetDirectory): Promise<Manifest> {
  const { host, into, sequence } = request
  const { files } = host
  await target.begin()
  const directory = checkpointDirectoryOf(into)
  for (const name of await target.checkpointNames()) {
    await removeIfPresent(files, `${directory}/${name}`)
  }
  const tables = await replay(request)
  const databaseId = bytesToHex(host.random.bytes(databaseIdBytes))
  const written = sequence === 0 ? [] : [await writeTables(request, tables, databaseId)]
  request.options.signal?.throwIfAborted()
  for (const { name } of written) {
    await files.rename(temporaryName(`${directory}/${name}`), `${directory}/${name}`)
  }
  await files.syncDirectory(directory)
  const state = { sequence, files: written }
  const store = await ManifestStore.create(
    { files, directory: into },
    {
      databaseId,
      revision: 1,
      epoch: 1,
      isLogged: true,
      generation: written.length,
      settings: settingsOf(request),
      checkpoint: state,
      previous: state,
      segments: [],
      segmentNumber: 0,
      durableSequence: sequence,
    },
  )
  return store.current
}

/** Those of the source, and where the database comes from. It is nobody's backup. */
function settingsOf(request: CopyRequest): Settings {
  const { backup: _, ...kept } = withoutBackups(request.settings)
  const { sourceId, sequence } = request
  const system = String(systemOf(request) ?? '')
  return { ...kept, origin: { database: sourceId, sequence, system } }
}

/** Makes tables with the commits up to the sequence, a little at a time. */
async function replay({ host, tables, sequence, options }: CopyRequest): Promise<Tables> {
  const rewrite = new TableRewrite(tables, sequence)
  const { target } = rewrite
  const steps = rewrite.run()
  let sliceStartMs = host.clock.monotonicMs()
  while (steps.next().value === 'more') {
    if (host.clock.monotonicMs() - sliceStartMs < sliceMs) continue
    options.onProgress?.({ done: target.commits.sequence, of: sequence })
    await host.timers.yieldTurn()
    options.signal?.throwIfAborted()
    sliceStartMs = host.clock.monotonicMs()
  }
  invariant(target.commits.sequence === sequence, 'exactly the commits asked for are taken')
  options.onProgress?.({ done: sequence, of: sequence })
  return rewrite.finish()
}

/** Writes the first checkpoint under its temporary name and reads it back. */
async function writeTables(
  { host, into, sequence, options }: CopyRequest,
  tables: Tables,
  databaseId: string,
): Promise<CheckpointFileInfo> {
  const to = countTables(tables)
  const info = await writeCheckpointFile({
    host,
    directory: into,
    databaseId,
    generation: 1,
    tables,
    fromSequence: 0,
    toSequence: sequence,
    from: zeroCounts(),
    to,
    compression: options.checkpointCompression,
    isTemporary: true,
  })
  const path = `${checkpointDirectoryOf(into)}/${temporaryName(info.name)}`
  const fault = await checkFile({ host, path, databaseId, info })
  if (fault !== undefined) throw copyDamaged(path, fault)
  return info
}

/**
 * What is there already counts only if it is this very copy, whole, and nobody has used it since:
 * then a crash came after it was done and before anybody was told.
 */
async function mustBeSame(found: Manifest, request: CopyRequest): Promise<Manifest> {
  const { host, into } = request
  const { origin } = settingsOf(request)
  const isOurs = JSON.stringify(found.settings['origin']) === JSON.stringify(origin)
  if (!isOurs || found.revision !== 1) {
    throw new DatabaseError(
      'AlreadyExists',
      `there is a database in ${into} already, with commits up to ` +
        `${found.checkpoint.sequence} or later; give an empty directory`,
      { details: { directory: into, databaseId: found.databaseId } },
    )
  }
  const { databaseId } = found
  for (const info of found.checkpoint.files) {
    const path = `${checkpointDirectoryOf(into)}/${info.name}`
    const fault = await checkFile({ host, path, databaseId, info })
    if (fault !== undefined) throw copyDamaged(path, fault)
  }
  return found
}

/** Undefined for the moment before the first commit. */
function systemOf({ tables, sequence }: CopyRequest): bigint | undefined {
  return sequence === 0 ? undefined : tables.commits.systemTime(sequence)
}
