import { checkpointDirectoryOf } from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import type { CheckpointState, Manifest } from '../checkpoint/manifest.ts'
import { ManifestStore } from '../checkpoint/manifest-store.ts'
import { countTables, zeroCounts } from '../checkpoint/sections.ts'
import { writeCheckpointFile } from '../checkpoint/write-checkpoint.ts'
import { databaseIdBytes } from '../log/segment.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import type { Basis, Place } from './inventory.ts'
import { makeSubdirectories } from './repair.ts'

/** The numbers are the highest that were ever used; the ones written are the next. */
type Used = Pick<
  Basis,
  'databaseId' | 'settings' | 'revision' | 'epoch' | 'generation' | 'segmentNumber'
>

export interface FreshGeneration extends Place, Used {
  readonly tables: Tables
  readonly isLogged: boolean
  /** Bytes of the manifest that is there; undefined when there is none. */
  readonly found: Uint8Array | undefined
}

/**
 * Writes all tables as one checkpoint beside whatever is there, and puts a manifest in force that
 * names nothing else: one swap, before which nothing has changed and after which all has.
 */
export async function writeFreshGeneration(fresh: FreshGeneration): Promise<ManifestStore> {
  const { host, directory, found, isLogged, databaseId, settings, segmentNumber } = fresh
  const place = { files: host.files, directory }
  await makeSubdirectories(place)
  invariant(databaseId.length === 2 * databaseIdBytes, 'an id is written in hexadecimal digits')
  const generation = fresh.generation + 1
  const checkpoint = await writeTables(fresh, generation)
  invariant(checkpoint.sequence === fresh.tables.commits.sequence, 'all of the tables is written')
  const manifest: Manifest = {
    databaseId,
    revision: fresh.revision + 1,
    epoch: fresh.epoch + 1,
    isLogged,
    generation,
    settings,
    checkpoint,
    previous: checkpoint,
    segments: [],
    segmentNumber,
    durableSequence: checkpoint.sequence,
  }
  return ManifestStore.replace(place, found, manifest)
}

/** Nothing, for tables without a commit. */
async function writeTables(
  { host, directory, tables, databaseId }: FreshGeneration,
  generation: number,
): Promise<CheckpointState> {
  const { sequence } = tables.commits
  if (sequence === 0) return { sequence, files: [] }
  const from = zeroCounts()
  const to = countTables(tables)
  invariant(to.commits === sequence, 'tables end with a commit')
  try {
    const file = await writeCheckpointFile({
      host,
      directory,
      tables,
      databaseId,
      generation,
      fromSequence: 0,
      toSequence: sequence,
      from,
      to,
    })
    invariant(file.toSequence === sequence, 'a checkpoint holds what was there when it began')
    return { sequence, files: [file] }
  } catch (error) {
    throw explainFailure(`write ${checkpointDirectoryOf(directory)}`, error)
  }
}
