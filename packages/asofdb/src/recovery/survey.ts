import { hexToBytes } from '../checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryOf,
  generationOfName,
  logDirectoryName,
  logDirectoryOf,
  manifestName,
  rootNameKind,
  unfinishedName,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { decodeManifest, isManifest, type Manifest } from '../checkpoint/manifest.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import type { BatchApplier } from '../commit/apply.ts'
import type { Host } from '../host/host.ts'
import type { LogReport } from '../log/log-ending.ts'
import { parseSegmentName, segmentHeaderBytes, segmentsFrom } from '../log/segment.ts'
import { invariant } from '../rules/invariant.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import type { Tables } from '../versions/tables.ts'
import type { ReadProgress } from './read-progress.ts'
import { type Replay, replayLog } from './replay.ts'
import type { Damage } from './report.ts'
import { type CheckpointSurvey, listIfPresent, surveyCheckpoints } from './survey-checkpoint.ts'
import type { Facts } from './verdict.ts'

export interface SurveyOptions {
  readonly host: Host
  readonly directory: string
  /** Whether a database may be created when there is none. */
  readonly create: boolean
  /** Empty ones; they are filled with what is found, and are worthless unless it is accepted. */
  readonly tables: Tables
  readonly applier: BatchApplier
  /** Told how many bytes there are to read. */
  readonly progress?: ReadProgress | undefined
}

/** What lies in the directory, without regard to what its manifest says. */
export interface RootSurvey {
  /** Names that are not ours. */
  readonly strangers: readonly string[]
  /** Files that show that a database was in use here. */
  readonly traces: readonly string[]
  /** What an ended creation or an ended change of the manifest leaves. */
  readonly leftovers: readonly string[]
}

/** Everything that opening goes by. */
export interface Evidence {
  readonly facts: Facts
  readonly root: RootSurvey
  readonly manifest: { readonly manifest: Manifest; readonly bytes: Uint8Array } | undefined
  /** Why the manifest, or a file of the log, can't be used. */
  readonly problem: DatabaseError | undefined
  readonly checkpoint: CheckpointSurvey | undefined
  readonly replay: Replay | undefined
  /** The newest commit in the tables. */
  readonly recoveredSequence: number
  /** The highest commit that something says to have been durable. */
  readonly floorSequence: number
  readonly damage: readonly Damage[]
}

/**
 * Reads everything and writes nothing. Throws only when files can't be reached, `IoFailed`, and for
 * a directory that a backup or a copy was not finished in, `NotADatabase`.
 */
export async function survey(options: SurveyOptions): Promise<Evidence> {
  const { host, directory, create } = options
  const root = await attempt(`look at ${directory}`, () => surveyRoot(host, directory))
  const path = `${directory}/${manifestName}`
  const bytes = await attempt('read its manifest', () => readWholeFile(host.files, path))
  invariant(options.tables.commits.sequence === 0, 'tables are filled from the start')
  if (bytes === undefined && root.strangers.includes(unfinishedName)) throw unfinished(directory)
  const found = readManifest(bytes)
  const facts = {
    ...noFacts,
    hasManifest: bytes !== undefined,
    hasTraces: root.traces.length > 0,
    hasStrangers: root.strangers.length > 0,
    mayCreate: create,
    isManifestOurs: bytes !== undefined && isManifest(bytes),
    isManifestWhole: 'manifest' in found || found.error?.code === 'FormatTooNew',
    isManifestNewer: !('manifest' in found) && found.error?.code === 'FormatTooNew',
  }
  if (!('manifest' in found) || bytes === undefined) {
    return { ...noEvidence, facts, root, problem: 'error' in found ? found.error : undefined }
  }
  return surveyContent(options, { facts, root, manifest: found.manifest, bytes })
}

/** No policy makes a database of the half of one: who began it can finish it. */
function unfinished(directory: string): DatabaseError {
  return new DatabaseError(
    'NotADatabase',
    `a backup or a copy into ${directory} was begun and not finished (its file ${unfinishedName} ` +
      'says what); run the same command again, or delete the directory',
    { details: { directory } },
  )
}

const noFacts: Facts = {
  hasManifest: false,
  hasTraces: false,
  hasStrangers: false,
  mayCreate: false,
  isManifestOurs: false,
  isManifestWhole: false,
  isManifestNewer: false,
  hasForeignFile: false,
  hasNewerFile: false,
  isManifestStale: false,
  isCheckpointUsable: false,
  isLogWhole: false,
  isFloorReached: false,
  isLogBehind: false,
  isLogTorn: false,
  isCheckpointDamaged: false,
}

const noEvidence = {
  manifest: undefined,
  problem: undefined,
  checkpoint: undefined,
  replay: undefined,
  recoveredSequence: 0,
  floorSequence: 0,
  damage: [],
} as const

async function surveyRoot(host: Host, directory: string): Promise<RootSurvey> {
  const { files } = host
  const strangers: string[] = []
  const traces: string[] = []
  const leftovers: string[] = []
  for (const name of await listIfPresent(files, directory)) {
    const kind = rootNameKind(name)
    if (kind === 'stranger') strangers.push(name)
    else if (kind === 'previousManifest') traces.push(name)
    else if (kind === 'temporary') leftovers.push(name)
  }
  for (const name of await listIfPresent(files, logDirectoryOf(directory))) {
    if (parseSegmentName(name) === undefined) continue
    const status = await files.stat(`${logDirectoryOf(directory)}/${name}`)
    const path = `${logDirectoryName}/${name}`
    if ((status?.size ?? 0) > segmentHeaderBytes) traces.push(path)
    else leftovers.push(path)
  }
  for (const name of await listIfPresent(files, checkpointDirectoryOf(directory))) {
    if (generationOfName(name) !== undefined) traces.push(`checkpoint/${name}`)
  }
  return { strangers, traces, leftovers }
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainFailure(what, error)
  }
}

type ReadManifest = { readonly manifest: Manifest } | { readonly error: DatabaseError | undefined }

function readManifest(bytes: Uint8Array | undefined): ReadManifest {
  if (bytes === undefined) return { error: undefined }
  try {
    return { manifest: decodeManifest(bytes) }
  } catch (error) {
    if (error instanceof DatabaseError) return { error }
    throw error
  }
}

interface Found {
  readonly facts: Facts
  readonly root: RootSurvey
  readonly manifest: Manifest
  readonly bytes: Uint8Array
}

async function surveyContent(options: SurveyOptions, found: Found): Promise<Evidence> {
  const { host, directory, tables } = options
  const { manifest, bytes, root } = found
  options.progress?.expect(await bytesToRead(host, directory, manifest))
  const checkpoint = await attempt('read its checkpoint', () =>
    surveyCheckpoints({ files: host.files, directory, manifest, tables }),
  )
  const evidence = { ...noEvidence, root, manifest: { manifest, bytes }, checkpoint }
  const facts = {
    ...found.facts,
    hasForeignFile: checkpoint.foreign.length > 0,
    hasNewerFile: checkpoint.newer.length > 0,
    isManifestStale: checkpoint.fromLater.length > 0,
    isCheckpointUsable: checkpoint.loaded !== undefined,
  }
  const { loaded, damage } = checkpoint
  if (loaded === undefined) return { ...evidence, facts, damage }
  const replay = await readLogOf(options, manifest, loaded.sequence)
  if (replay instanceof DatabaseError) {
    return { ...evidence, facts: { ...facts, hasNewerFile: true }, problem: replay, damage }
  }
  const recoveredSequence = tables.commits.sequence
  invariant(recoveredSequence >= loaded.sequence, 'a log only adds to a checkpoint')
  const lastApplied = Math.max(loaded.sequence, replay.lastSequence)
  invariant(recoveredSequence === lastApplied, 'the tables hold what was loaded and applied')
  const floorSequence = Math.max(manifest.durableSequence, replay.log?.durableSequence ?? 0)
  const logDamage = damageOf(replay)
  invariant(logDamage !== undefined || replay.log !== undefined, 'a log without end is damaged')
  const isForeign = logDamage?.kind === 'foreign'
  const isStale = logDamage?.kind === 'missing' && logDamage.evidence === 'laterSegment'
  return {
    ...evidence,
    replay,
    recoveredSequence,
    floorSequence,
    damage: logDamage === undefined ? damage : [logDamage, ...damage],
    facts: {
      ...facts,
      hasForeignFile: facts.hasForeignFile || isForeign,
      isManifestStale: facts.isManifestStale || isStale,
      isLogWhole: logDamage === undefined,
      isFloorReached: recoveredSequence >= floorSequence,
      isLogBehind: isBehind(replay.log, loaded.sequence),
      isLogTorn: replay.log?.ending.type === 'torn',
      isCheckpointDamaged: damage.length > 0,
    },
  }
}

/** The files of the checkpoint in force, and of the log that goes on after it. */
async function bytesToRead(host: Host, directory: string, manifest: Manifest): Promise<number> {
  const { checkpoint, segments } = manifest
  let bytes = checkpoint.files.reduce((sum, file) => sum + file.size, 0)
  for (const { name } of segmentsFrom(segments, checkpoint.sequence + 1)) {
    const path = `${logDirectoryOf(directory)}/${name}`
    bytes += (await attempt(`look at ${name}`, () => host.files.stat(path)))?.size ?? 0
  }
  return bytes
}

function isBehind(log: LogReport | undefined, sequence: number): boolean {
  return log !== undefined && log.segments > 0 && log.lastSequence < sequence
}

/**
 * Segments before the one that goes on after the loaded checkpoint are there for a damaged
 * checkpoint only, and not read. What the manifest promises of the log counts beyond the loaded
 * checkpoint: up to there nothing depends on the log.
 */
async function readLogOf(
  { host, directory, applier }: SurveyOptions,
  manifest: Manifest,
  loadedSequence: number,
): Promise<Replay | DatabaseError> {
  const { durableSequence, segments } = manifest
  const expected = segmentsFrom(segments, loadedSequence + 1)
  invariant(expected.at(-1) === segments.at(-1), 'the end of the log is always read')
  try {
    return await replayLog(
      {
        host,
        directory: logDirectoryOf(directory),
        databaseId: hexToBytes(manifest.databaseId),
        expected,
        firstSequence: loadedSequence + 1,
        durableSequenceFloor: durableSequence > loadedSequence ? durableSequence : 0,
      },
      applier,
    )
  } catch (error) {
    if (isDatabaseError(error, 'FormatTooNew')) return error
    throw explainFailure('read its log', error)
  }
}

function damageOf({ log, nonsense }: Replay): Damage | undefined {
  if (nonsense !== undefined) {
    const { record, cause } = nonsense
    return {
      kind: 'contents',
      file: `${logDirectoryName}/${record.file}`,
      offset: record.offset,
      sequenceExpected: record.sequence,
      evidence: 'manifest',
      what: `the record is sound but can't be applied: ${cause.message}`,
    }
  }
  if (log?.ending.type !== 'damaged') return undefined
  const { file, evidenceAt, type: _, ...rest } = log.ending
  return {
    ...rest,
    file: `${logDirectoryName}/${file}`,
    evidenceAt: evidenceAt && { ...evidenceAt, file: `${logDirectoryName}/${evidenceAt.file}` },
    what: `commit ${rest.sequenceExpected} can't be read there`,
  }
}
