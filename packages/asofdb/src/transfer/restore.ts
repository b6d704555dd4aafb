import { BatchApplier } from '../commit/apply.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import { instantToMicros, microsToInstant } from '../encoding/instant.ts'
import type { Host } from '../host/host.ts'
import { nodeHost } from '../host/node-host.ts'
import { takeDirectory, type TakenDirectory } from '../recovery/placement.ts'
import { refusal } from '../recovery/refusal.ts'
import { survey } from '../recovery/survey.ts'
import { judge } from '../recovery/verdict.ts'
import { DatabaseError } from '../rules/errors.ts'
import { must } from '../rules/invariant.ts'
import { Tables } from '../versions/tables.ts'
import { copyDatabase } from './copy-database.ts'
import { absolutePath, mustBeApart } from './target-directory.ts'
import type { ForkOptions, ForkReport, PointInHistory } from './transfer-options.ts'

export interface RestoreOptions extends ForkOptions {
  /** The zone of a `toTime` written without an offset, an IANA name. Default: UTC. */
  readonly timeZone?: string | undefined
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

/**
 * Makes a database in `into` from the directory of a database or a backup: all of it, or its
 * commits up to a sequence or a system time, each with its number, system time and metadata. The
 * source is read with every check that opening makes, and not changed; damage is refused.
 *
 * Throws `Locked` when the source is open (fork it there), `Corrupt` and what else opening throws;
 * `NotADatabase` and `AlreadyExists` for a target that is not empty; `InvalidArgument` for a
 * sequence that is not there, `TimeInFuture`; `DiskFull`, `IoFailed`.
 */
export async function restore(
  from: string,
  into: string,
  options: RestoreOptions = {},
): Promise<ForkReport> {
  const outside = options.host ?? nodeHost()
  const source = absolutePath(from)
  const target = absolutePath(into)
  await mustBeDirectory(outside, source)
  const taken = await takeDirectory({
    host: outside,
    directory: source,
    create: false,
    // A source that can't be written to needs no lock: nobody can write there.
    isReadOnlyEnough: true,
  })
  const { lock } = taken
  try {
    mustBeApart({ source, places: taken.places, target })
    const { tables, manifest } = await readSource(taken, source)
    return await copyDatabase({
      host: outside,
      tables,
      sequence: resolvePoint(options, { host: outside, tables }),
      sourceId: manifest.databaseId,
      settings: manifest.settings,
      into: target,
      options,
    })
  } finally {
    await lock.release()
  }
}

async function readSource(
  { host, locate }: TakenDirectory,
  directory: string,
): Promise<{ tables: Tables; manifest: Manifest }> {
  const tables = new Tables()
  const applier = new BatchApplier(tables)
  try {
    const evidence = await survey({ host, directory, create: false, tables, applier })
    const { letter, reaction } = judge(evidence.facts, 'strict')
    if (reaction.kind !== 'open') throw refusal(directory, { evidence, letter })
    return { tables, manifest: must(evidence.manifest, 'the manifest').manifest }
  } catch (error) {
    throw locate(error)
  }
}

async function mustBeDirectory({ files }: Host, directory: string): Promise<void> {
  const status = await files.stat(directory)
  if (status?.type === 'directory') return
  throw new DatabaseError('NotADatabase', `there is no directory ${directory}; check the path`, {
    details: { directory },
  })
}

function resolvePoint(
  { toSequence, toTime, timeZone }: PointInHistory & { readonly timeZone?: string | undefined },
  { host, tables }: { readonly host: Host; readonly tables: Tables },
): number {
  const { commits } = tables
  const newest = commits.sequence
  if (toSequence !== undefined && toTime !== undefined) {
    throw new DatabaseError('InvalidArgument', 'give toSequence or toTime, not both')
  }
  if (toSequence !== undefined) {
    if (Number.isInteger(toSequence) && toSequence >= 0 && toSequence <= newest) return toSequence
    throw new DatabaseError(
      'InvalidArgument',
      `there is no commit ${String(toSequence)}; the newest is ${newest}`,
    )
  }
  if (toTime === undefined) return newest
  const micros = instantToMicros(toTime, timeZone ?? 'UTC')
  const wall = BigInt(host.clock.wallMicros())
  if (micros > wall && (newest === 0 || micros > commits.systemTime(newest))) {
    throw new DatabaseError(
      'TimeInFuture',
      `system time ${microsToInstant(micros).toString()} has not come yet; give an earlier one, ` +
        'or none for all commits',
      { details: { system: micros } },
    )
  }
  return commits.sequenceAt(micros, newest)
}
