import { bytesToHex } from '../checkpoint/checkpoint-file.ts'
import { logDirectoryName } from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { filesOf, type Manifest, type Settings } from '../checkpoint/manifest.ts'
import { ManifestStore } from '../checkpoint/manifest-store.ts'
import type { BatchApplier } from '../commit/apply.ts'
import { isErrno } from '../host/files.ts'
import type { FileSystem, Host } from '../host/host.ts'
import type { LogTail } from '../log/segment-chain.ts'
import { databaseIdBytes } from '../log/segment.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant, must } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import { quarantine, type QuarantineOptions } from './quarantine.ts'
import { refusal } from './refusal.ts'
import { makeIfAbsent, makeSubdirectories, removeOrphans, settleSegment } from './repair.ts'
import {
  memoryRecoveryReport,
  type RecoveryOutcome,
  type RecoveryPolicy,
  type RecoveryReport,
} from './report.ts'
import type { ReadProgress } from './read-progress.ts'
import { RetryingFiles } from './retrying-files.ts'
import { type Evidence, survey } from './survey.ts'
import { checkpointPath } from './survey-checkpoint.ts'
import { judge } from './verdict.ts'

export interface OpenDirectoryOptions {
  readonly host: Host
  /** Absolute path of an existing directory, whose lock the caller holds. */
  readonly directory: string
  /** Empty; filled on return. Nothing of them is to be used when opening fails. */
  readonly tables: Tables
  readonly applier: BatchApplier
  /** Whether to make a database when there is none. */
  readonly create: boolean
  /** Kept in the manifest when a database is made; else what the manifest has holds. */
  readonly settings: Settings
  /** Whether commits go to a log this time; see `Manifest.isLogged`. */
  readonly isLogged: boolean
  /** Default: `strict`. Only what every policy opens is opened here; see `recoverDirectory`. */
  readonly policy?: RecoveryPolicy | undefined
  /** Told of each read. */
  readonly progress?: ReadProgress | undefined
}

/** Where the log goes on: what `LogWriter.create` or `LogWriter.resume` need. */
export type LogPosition =
  | { readonly type: 'create'; readonly firstSequence: number; readonly number: number }
  | { readonly type: 'resume'; readonly tail: LogTail }

export interface OpenedDirectory {
  readonly manifests: ManifestStore
  /** As it is in force now, with the epoch of this opening. */
  readonly manifest: Manifest
  readonly report: RecoveryReport
  readonly log: LogPosition
}

/**
 * Opens the files of a database for writing: looks at everything, decides, repairs what a crash
 * left, and puts a manifest with the next epoch in force. Until the decision nothing is changed,
 * and when it is a refusal, nothing at all.
 *
 * Throws `NotADatabase`, `Corrupt`, `ForeignFile`, `FormatTooNew`, and `IoFailed` or `DiskFull`
 * when the file system fails.
 */
export async function openDirectory(options: OpenDirectoryOptions): Promise<OpenedDirectory> {
  const { host, directory, tables, applier, create, progress, policy = 'strict' } = options
  const reading = new RetryingFiles(host, (bytes) => progress?.noteRead(bytes))
  invariant(tables.commits.sequence === 0, 'a database is opened into empty tables')
  const startMs = host.clock.monotonicMs()
  const evidence = await survey({
    host: reading.host,
    directory,
    create,
    tables,
    applier,
    progress,
  })
  const { letter, reaction } = judge(evidence.facts, policy)
  const { retries } = reading
  switch (reaction.kind) {
    case 'salvage':
    case 'refuse':
      throw refusal(directory, { evidence, letter })
    case 'create': {
      const made = await createDirectory(options, evidence)
      const durationMs = host.clock.monotonicMs() - startMs
      const report = { ...made.report, policy, row: letter, retries, durationMs }
      return { ...made, report }
    }
    case 'open': {
      const opened = await openFound(options, evidence, reaction.outcome)
      const durationMs = host.clock.monotonicMs() - startMs
      const report = { ...opened.report, policy, row: letter, retries, durationMs }
      return { ...opened, report }
    }
  }
}

/**
 * Makes the directory of a database, and those above it, when it is to be created. Comes before
 * the lock, which needs it. Throws `NotADatabase` when it isn't there or is no directory.
 */
export async function prepareDirectory(
  files: FileSystem,
  directory: string,
  create: boolean,
): Promise<void> {
  const missing: string[] = []
  try {
    for (let path = directory; ; path = parentOf(path)) {
      const status = await files.stat(path)
      if (status?.type === 'directory') break
      if (status !== undefined) throw notADirectory(path)
      if (!create) throw notADirectory(directory)
      missing.push(path)
      if (parentOf(path) === path) break
    }
    for (const path of missing.reverse()) {
      await makeIfAbsent(files, path)
      await files.syncDirectory(parentOf(path))
    }
  } catch (error) {
    throw explainFailure(`make ${directory}`, error)
  }
}

const foreignCodes = ['EACCES', 'EPERM', 'EROFS', 'ENOENT'] as const

/**
 * Makes the name of a directory durable, and the names of those above it. An earlier attempt may
 * have made them and been killed before it synced them: then the directories are there, but a
 * power cut would take them, and with them every commit acknowledged since. Who may not open a
 * directory above has not made it; what a file system has no name for needs none.
 */
export async function syncNames(files: FileSystem, directory: string): Promise<void> {
  for (let path = directory; parentOf(path) !== path; path = parentOf(path)) {
    try {
      await files.syncDirectory(parentOf(path))
    } catch (error) {
      if (foreignCodes.some((code) => isErrno(error, code))) return
      throw explainFailure(`sync ${parentOf(path)}`, error)
    }
  }
}

function notADirectory(path: string): DatabaseError {
  return new DatabaseError(
    'NotADatabase',
    `there is no directory ${path}; check the path, or open with create: true to make a database`,
    { details: { directory: path } },
  )
}

/** `/` is its own parent, and so is whatever has no separator. */
function parentOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  if (end < 0) return path
  const parent = path.slice(0, end)
  return parent === '' || parent.endsWith(':') ? path.slice(0, end + 1) : parent
}

async function createDirectory(
  options: OpenDirectoryOptions,
  { root }: Evidence,
): Promise<OpenedDirectory> {
  const { host, directory, settings, isLogged } = options
  const place = { files: host.files, directory }
  invariant(root.traces.length === 0, 'no database is made over one that was in use')
  invariant(root.strangers.length === 0, 'no database is made among other things')
  await syncNames(host.files, directory)
  await makeSubdirectories(place)
  const { removed, left } = await removeOrphans(place, root.leftovers)
  const nothing = { sequence: 0, files: [] }
  const manifests = await ManifestStore.create(place, {
    databaseId: bytesToHex(host.random.bytes(databaseIdBytes)),
    revision: 1,
    epoch: 1,
    isLogged,
    generation: 0,
    settings,
    checkpoint: nothing,
    previous: nothing,
    segments: [],
    segmentNumber: 0,
    durableSequence: 0,
  })
  const report = {
    ...memoryRecoveryReport(),
    manifest: { file: 'MANIFEST', revision: 1, epoch: 1 },
    orphansRemoved: removed,
    orphansLeft: left,
  }
  const log = { type: 'create', firstSequence: 1, number: 1 } as const
  return { manifests, manifest: manifests.current, report, log }
}

async function openFound(
  options: OpenDirectoryOptions,
  evidence: Evidence,
  verdict: RecoveryOutcome,
): Promise<OpenedDirectory> {
  const { host, directory } = options
  const place = { files: host.files, directory }
  const { manifest: found, bytes } = must(evidence.manifest, 'the manifest')
  const { facts, recoveredSequence } = evidence
  invariant(facts.isLogWhole && facts.isCheckpointUsable, 'nothing damaged is opened')
  invariant(recoveredSequence >= evidence.floorSequence, 'nothing durable is missing')
  invariant(options.tables.commits.sequence === recoveredSequence, 'the tables are the evidence')
  const tail = tailOf(evidence, found)
  invariant(tail === undefined || tail.lastSequence === recoveredSequence, 'the log goes on there')
  // Cut and synced before the manifest can promise anything of it.
  const last = tail?.segments.at(-1)
  if (tail !== undefined && last !== undefined) {
    const { offset, isClosed } = tail
    await settleSegment(place, { name: last.name, offset, isClosed })
  }
  await makeSubdirectories(place)
  const quarantined =
    options.policy === 'repair' ? await quarantine({ ...options, ...damagedFiles(evidence) }) : []
  const manifests = ManifestStore.of(place, found, bytes)
  const manifest = await manifests.update(current => nextManifest(current, options, evidence))
  invariant(manifest.epoch === found.epoch + 1, 'each opening has its epoch')
  invariant(manifest.checkpoint.sequence <= recoveredSequence, 'a checkpoint is a part of it all')
  invariant(
    tail === undefined || manifest.segments === found.segments,
    'a log that goes on keeps its segments',
  )
  const { removed, left } = await removeOrphans(place, orphansOf(evidence, manifest))
  const isUnlogged = facts.isLogBehind && !found.isLogged
  const outcome = isUnlogged && !facts.isCheckpointDamaged ? 'clean' : verdict
  const repairs = { orphansRemoved: removed, orphansLeft: left, quarantined }
  const report = { ...describe(evidence, outcome), ...repairs }
  const log: LogPosition =
    tail === undefined
      ? {
          type: 'create',
          firstSequence: recoveredSequence + 1,
          number: manifest.segmentNumber + 1,
        }
      : { type: 'resume', tail }
  return { manifests, manifest, report, log }
}

/** Undefined when the log starts again: it has no segment, or ends before the checkpoint. */
function tailOf({ replay, facts }: Evidence, found: Manifest): LogTail | undefined {
  const tail = replay?.log?.tail
  if (tail === undefined || facts.isLogBehind) return undefined
  return { ...tail, segments: found.segments }
}

/** The manifest of this opening; without repairs only its epoch is another. */
function nextManifest(
  current: Manifest,
  { isLogged }: OpenDirectoryOptions,
  { facts, recoveredSequence, checkpoint }: Evidence,
): Manifest {
  const loaded = must(checkpoint?.loaded, 'the checkpoint that was loaded')
  invariant(loaded.sequence <= current.checkpoint.sequence, 'no checkpoint comes from nowhere')
  // Without the log, or without the files, between them the one before leads nowhere.
  const isAlone = facts.isLogBehind || facts.isCheckpointDamaged
  return {
    ...current,
    epoch: current.epoch + 1,
    isLogged,
    checkpoint: loaded,
    previous: isAlone ? loaded : current.previous,
    segments: facts.isLogBehind ? [] : current.segments,
    durableSequence: Math.max(current.durableSequence, recoveredSequence),
  }
}

/** What a healing drops; a repair keeps it. */
function damagedFiles({
  damage,
  facts,
}: Evidence): Pick<QuarantineOptions, 'suspects' | 'damage' | 'skipped'> {
  invariant(facts.isCheckpointDamaged === damage.length > 0, 'a healing drops checkpoint files')
  const suspects = damage.map(({ file, what }) => ({ file, why: what }))
  return { suspects, damage, skipped: { records: 0, ranges: [] } }
}

/** Paths of what the manifest that is now in force does not name. */
function orphansOf(evidence: Evidence, manifest: Manifest): string[] {
  const { replay, root, checkpoint } = evidence
  const found = must(evidence.manifest, 'the manifest').manifest
  const named = new Set(manifest.segments.map(segment => segment.name))
  const segments = [...(replay?.log?.orphans ?? []), ...found.segments.map(one => one.name)]
  const files = new Set(filesOf(manifest).map(file => file.name))
  const replaced = filesOf(found).filter(file => !files.has(file.name))
  const paths = [
    ...root.leftovers.filter(path => !path.includes('/')),
    ...segments.filter(name => !named.has(name)).map(name => `${logDirectoryName}/${name}`),
    ...(checkpoint?.orphans ?? []),
    ...replaced.map(file => checkpointPath(file.name)),
  ]
  const orphans = [...new Set(paths)]
  const isNamed = (path: string) => files.has(nameOf(path)) || named.has(nameOf(path))
  invariant(!orphans.some(isNamed), 'nothing that is in force is removed')
  return orphans
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The report of an opening in which nothing is missing. */
export function describe(evidence: Evidence, outcome: RecoveryOutcome): RecoveryReport {
  const { facts, replay, recoveredSequence, floorSequence, damage } = evidence
  const { manifest } = must(evidence.manifest, 'the manifest')
  const loaded = must(evidence.checkpoint?.loaded, 'the checkpoint that was loaded')
  const log = must(replay?.log, 'the report of the log')
  const { ending } = log
  invariant(ending.type !== 'damaged', 'nothing damaged is opened')
  const replaced = facts.isCheckpointDamaged
    ? damage.map(one => ({
        file: one.file,
        how: `dropped: the checkpoint of commit ${loaded.sequence} and the log hold all of it`,
      }))
    : []
  const restarted =
    outcome === 'healed' && facts.isLogBehind
      ? [{ file: logDirectoryName, how: 'it ended before the checkpoint; it starts again there' }]
      : []
  return {
    ...memoryRecoveryReport(),
    outcome,
    isCleanShutdown: ending.type === 'clean' && ending.closed,
    manifest: { file: 'MANIFEST', revision: manifest.revision, epoch: manifest.epoch },
    checkpoint:
      loaded.sequence === 0
        ? null
        : {
            sequence: loaded.sequence,
            generation: manifest.generation,
            files: loaded.files.map(file => checkpointPath(file.name)),
            bytes: loaded.files.reduce((sum, file) => sum + file.size, 0),
          },
    replayed: {
      segments: log.segments,
      records: log.records,
      bytes: log.bytes,
      firstSequence: replay?.firstSequence ?? 0,
      lastSequence: replay?.lastSequence ?? 0,
    },
    recoveredSequence,
    durableFloorSequence: floorSequence,
    tornTail:
      ending.type === 'torn'
        ? {
            file: `${logDirectoryName}/${ending.file}`,
            offset: ending.offset,
            bytesDiscarded: ending.bytesDiscarded,
            recordsDiscarded: ending.recordsDiscarded,
            firstSequenceDiscarded: ending.sequenceExpected,
          }
        : null,
    damage,
    seenSequence: Math.max(recoveredSequence, floorSequence),
    healed: [...replaced, ...restarted],
  }
}
