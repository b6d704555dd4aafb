import {
  checkpointDirectoryOf,
  logDirectoryName,
  logDirectoryOf,
  manifestName,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import type { Settings } from '../checkpoint/manifest.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import { isErrno } from '../host/files.ts'
import type { FileSystem } from '../host/host.ts'
import { parseSegmentName, segmentHeaderBytes } from '../log/segment.ts'
import { invariant, must } from '../rules/invariant.ts'
import { bytesToHex } from '../checkpoint/checkpoint-file.ts'
import { reportOf, salvageDirectory, type SalvagedDirectory, surveyAside } from './examine.ts'
import { writeFreshGeneration } from './fresh-generation.ts'
import {
  describe,
  openDirectory,
  type OpenDirectoryOptions,
  type OpenedDirectory,
} from './open-directory.ts'
import { planQuarantine, quarantine } from './quarantine.ts'
import { refusal } from './refusal.ts'
import { removeOrphans } from './repair.ts'
import {
  memoryRecoveryReport,
  type QuarantinedFile,
  type RecoveryPolicy,
  type RecoveryReport,
} from './report.ts'
import { RetryingFiles } from './retrying-files.ts'
import type { Suspect } from './salvage.ts'
import { type Evidence, survey } from './survey.ts'
import { checkpointPath } from './survey-checkpoint.ts'
import { judge, type Verdict } from './verdict.ts'

export interface RecoverDirectoryOptions extends OpenDirectoryOptions {
  readonly policy: RecoveryPolicy
}

/** A directory that is open for reading only holds no manifest and no log to write to. */
export type RecoveredDirectory =
  | { readonly type: 'writable'; readonly opened: OpenedDirectory }
  | {
      readonly type: 'readOnly'
      readonly report: RecoveryReport
      readonly databaseId: string
      readonly settings: Settings
    }

/**
 * Opens the files of a database by a policy. `strict` reads everything once; the others look first
 * and fill the tables then, so they read twice. Throws as `openDirectory` does.
 */
export async function recoverDirectory(
  options: RecoverDirectoryOptions,
): Promise<RecoveredDirectory> {
  const { policy, create, progress } = options
  if (policy === 'strict') return { type: 'writable', opened: await openDirectory(options) }
  const reading = new RetryingFiles(options.host, (bytes) => progress?.noteRead(bytes))
  const place = { host: reading.host, directory: options.directory, progress }
  const evidence = await surveyAside(place, create)
  const verdict = judge(evidence.facts, policy)
  if (verdict.reaction.kind !== 'salvage') {
    return { type: 'writable', opened: await openDirectory(options) }
  }
  return salvageAndOpen(options, { evidence, verdict, reading })
}

interface Reading {
  readonly evidence: Evidence
  readonly verdict: Verdict
  readonly reading: RetryingFiles
}

async function salvageAndOpen(
  options: RecoverDirectoryOptions,
  read: Reading,
): Promise<RecoveredDirectory> {
  const { host, policy } = options
  const startMs = host.clock.monotonicMs()
  const { evidence, verdict, reading } = read
  const salvaged = await salvageDirectory({ ...options, host: reading.host, evidence, verdict })
  const report = (): RecoveryReport => ({
    ...memoryRecoveryReport(),
    ...reportOf(evidence, salvaged),
    policy,
    outcome: policy === 'repair' ? 'repaired' : 'degraded',
    row: verdict.letter,
    retries: reading.retries,
    durationMs: host.clock.monotonicMs() - startMs,
  })
  if (policy !== 'repair') {
    const readOnlyReason = reasonOf(salvaged)
    const degraded = { ...report(), isReadOnly: true, readOnlyReason }
    const { databaseId, settings } = salvaged.basis
    return { type: 'readOnly', report: degraded, databaseId, settings }
  }
  invariant(verdict.reaction.kind === 'salvage', 'only what the verdict names is repaired')
  const repaired = await repair(options, read, salvaged)
  return {
    type: 'writable',
    opened: { ...repaired.opened, report: { ...report(), ...repaired.done } },
  }
}

function reasonOf({ lost, damage, basis }: SalvagedDirectory): string {
  const [first] = damage
  const where = first === undefined ? '' : `${first.file} is damaged at byte ${first.offset}`
  if (lost !== null) {
    const missing =
      lost.last === null
        ? `commits from ${lost.first} on, nobody can say how many, may be missing`
        : `commits ${lost.first} to ${lost.last} are missing`
    return where === '' ? missing : `${where}, and ${missing}`
  }
  if (!basis.isNamed) return `${where}, so nobody can say how many commits there were`
  return `${where}; no commit is known to be missing`
}

interface Repaired {
  readonly opened: Omit<OpenedDirectory, 'report'>
  readonly done: Pick<RecoveryReport, 'quarantined' | 'orphansRemoved' | 'orphansLeft'>
}

/**
 * Copies what can't be kept to the quarantine, durably; takes away what would be mistaken for a
 * part of the log afterwards; puts a manifest over a new checkpoint in force; removes the rest. A
 * crash before the manifest leaves the database as damaged as it was, with copies beside it, and a
 * crash after it leaves leftovers that any opening removes.
 */
async function repair(
  options: RecoverDirectoryOptions,
  { evidence }: Reading,
  salvaged: SalvagedDirectory,
): Promise<Repaired> {
  const { host, directory, tables, isLogged } = options
  const { basis, inventory } = salvaged
  const place = { files: host.files, directory }
  const suspects = suspectsOf(salvaged, evidence)
  const { damage, log } = salvaged
  const quarantined = await quarantine({
    host,
    directory,
    suspects,
    damage,
    skipped: log.skipped,
  })
  const misleading = misleadingFiles(salvaged)
  const kept = new Set(quarantined.map(({ file }) => file))
  invariant(
    misleading.every((path) => kept.has(path) || isEmptySegment(salvaged, path)),
    'nothing is removed that has no copy',
  )
  const unreadable = quarantined.filter(({ file }) =>
    damage.some((one) => one.file === file && one.kind === 'ioError'),
  )
  await mustTakeAway(options, misleading, unreadable)
  const manifests = await writeFreshGeneration({
    ...basis,
    host,
    directory,
    tables,
    isLogged,
    found: await readWholeFile(host.files, `${directory}/${manifestName}`),
  })
  const manifest = manifests.current
  invariant(manifest.epoch === basis.epoch + 1, 'each opening has its epoch')
  invariant(manifest.segments.length === 0, 'the log begins anew after a repair')
  const old = [
    ...[...inventory.checkpoints.keys()].map(checkpointPath),
    ...[...inventory.segments.keys()].map((name) => `${logDirectoryName}/${name}`),
    ...evidence.root.leftovers.filter((path) => !path.includes('/')),
  ].filter((path) => !misleading.includes(path))
  const refused = unreadable.filter(({ file }) => old.includes(file))
  const moved = refused.map(({ file }) => file)
  await mustTakeAway(options, moved, refused)
  const rest = old.filter((path) => !moved.includes(path))
  const { removed, left } = await removeOrphans(place, rest)
  const firstSequence = tables.commits.sequence + 1
  invariant(firstSequence === manifest.checkpoint.sequence + 1, 'the log goes on behind it')
  const number = manifest.segmentNumber + 1
  return {
    opened: { manifests, manifest, log: { type: 'create', firstSequence, number } },
    done: {
      quarantined,
      orphansRemoved: [...misleading, ...moved, ...removed],
      orphansLeft: left,
    },
  }
}

/** The old manifest goes with the files it names: it has the salts that their checksums need. */
function suspectsOf({ suspects }: SalvagedDirectory, { facts }: Evidence): Suspect[] {
  const why = 'it names what was in use before the repair'
  return facts.hasManifest ? [{ file: manifestName, why }, ...suspects] : [...suspects]
}

/**
 * Segments that begin behind the last recovered commit, and those of other databases: the next
 * opening would take them for a sign that the manifest is too old, or that directories were mixed.
 * Their copies are in quarantine.
 */
function misleadingFiles({ basis, inventory, sequence }: SalvagedDirectory): string[] {
  const paths: string[] = []
  for (const { name, header, size } of inventory.segments.values()) {
    // One without a record is no sign of anything, and may be all that tells whose files these are.
    const hasRecords = size > segmentHeaderBytes
    const isLater = hasRecords && (parseSegmentName(name)?.firstSequence ?? 0) > sequence
    const isForeign = header !== undefined && bytesToHex(header.databaseId) !== basis.databaseId
    if (isLater || isForeign) paths.push(`${logDirectoryName}/${name}`)
  }
  for (const { name, read } of inventory.checkpoints.values()) {
    const isForeign = read.type === 'header' && read.header.databaseId !== basis.databaseId
    if (isForeign) paths.push(checkpointPath(name))
  }
  return paths
}

/** One that never took a commit, or was emptied: it holds nothing to keep. */
function isEmptySegment({ inventory, log }: SalvagedDirectory, path: string): boolean {
  const name = path.slice(logDirectoryName.length + 1)
  const found = inventory.segments.get(name)
  // What is spent and begins behind the last commit has a mark of closing at most.
  return found !== undefined && (found.size <= segmentHeaderBytes || log.spent.has(name))
}

/**
 * Removes files of which there are copies. What the disk refuses to read was copied in part only,
 * so the file itself is moved beside its copy: another try, or another machine, may read it.
 */
async function mustTakeAway(
  { host, directory }: OpenDirectoryOptions,
  paths: readonly string[],
  unreadable: readonly QuarantinedFile[],
): Promise<void> {
  const { files } = host
  if (paths.length === 0) return
  try {
    for (const path of paths) {
      const copy = unreadable.find(({ file }) => file === path)
      if (copy === undefined) await files.remove(`${directory}/${path}`)
      else await moveAside(files, `${directory}/${path}`, `${directory}/${copy.path}`)
    }
    const [moved] = unreadable
    const folder = moved?.path.slice(0, moved.path.lastIndexOf('/'))
    if (folder !== undefined) await files.syncDirectory(`${directory}/${folder}`)
    await files.syncDirectory(logDirectoryOf(directory))
    await files.syncDirectory(checkpointDirectoryOf(directory))
  } catch (error) {
    throw explainFailure('take damaged files out of use', error)
  }
}

/** A file of a log or of checkpoints on another disk stays there, under a name nobody reads. */
async function moveAside(files: FileSystem, path: string, copy: string): Promise<void> {
  try {
    await files.rename(path, `${copy}.unreadable`)
  } catch (error) {
    if (!isErrno(error, 'EXDEV')) throw error
    await files.rename(path, `${path}.unreadable`)
  }
}

/** What a recovery would come to. */
export interface RecoveryPreview {
  readonly report: RecoveryReport
  readonly databaseId: string
  readonly settings: Settings
}

/**
 * Does everything that reads and nothing that writes: the tables are filled as an opening would
 * fill them, and the report says what would be done. Throws as an opening would.
 */
export async function previewRecovery(
  options: Omit<RecoverDirectoryOptions, 'isLogged' | 'create'>,
): Promise<RecoveryPreview> {
  const { policy, tables, applier, directory } = options
  const startMs = options.host.clock.monotonicMs()
  const reading = new RetryingFiles(options.host)
  const { host } = reading
  const place = { host, directory }
  const aside = await surveyAside(place, false)
  const { letter, reaction } = judge(aside.facts, policy)
  const common = (): Partial<RecoveryReport> => ({
    policy,
    row: letter,
    retries: reading.retries,
    durationMs: host.clock.monotonicMs() - startMs,
  })
  switch (reaction.kind) {
    case 'create':
    case 'refuse':
      throw refusal(directory, { evidence: aside, letter })
    case 'open': {
      const evidence = await survey({ ...place, create: false, tables, applier })
      const { databaseId, settings } = must(evidence.manifest, 'the manifest').manifest
      const damaged = evidence.damage.map(({ file, what }) => ({ file, why: what }))
      const suspects = policy === 'repair' ? damaged : []
      const quarantined = await planQuarantine({ ...place, suspects })
      const found = { ...describe(evidence, reaction.outcome), quarantined }
      return { report: { ...found, ...common() }, databaseId, settings }
    }
    case 'salvage': {
      const verdict = { letter, reaction }
      const salvaged = await salvageDirectory({ ...options, host, evidence: aside, verdict })
      invariant(policy !== 'strict', 'strict salvages nothing')
      const isReadOnly = policy !== 'repair'
      const suspects = isReadOnly ? [] : suspectsOf(salvaged, aside)
      const report = {
        ...memoryRecoveryReport(),
        ...reportOf(aside, salvaged),
        ...common(),
        outcome: reaction.outcome,
        quarantined: await planQuarantine({ ...place, suspects }),
        isReadOnly,
        readOnlyReason: isReadOnly ? reasonOf(salvaged) : null,
      }
      const { databaseId, settings } = salvaged.basis
      return { report, databaseId, settings }
    }
  }
}
