import { databaseIdBytes, type SegmentInfo, segmentName } from '../log/segment.ts'
import { invariant } from '../rules/invariant.ts'
import { checkpointFileName, manifestName } from './directory-names.ts'
import type { JsonFields, JsonValue } from './json-fields.ts'
import { isSealed, openSealedText, sealText } from './sealed-text.ts'
import { countsEqual, sectionRecord, type TableCounts, zeroCounts } from './sections.ts'

/**
 * The manifest: what a database consists of at this moment. A file it names and that is missing is
 * damage; a file it does not name is what a crash left over.
 *
 * **Bytes.** UTF-8. One line `asofdb manifest VERSION CHECKSUM`, then JSON. The checksum, in eight
 * hexadecimal digits, is the CRC-32 of the line up to and with the blank before it, followed by
 * everything after the line. Line and checksum are the same in every version of the format, and
 * every version has the member `release`: the oldest release that can read it.
 *
 * **Why a crash is safe.** A manifest is replaced as a whole by a rename, after everything it names
 * is durable, and what only the one before named is removed after the directory was synced. So
 * whichever of the two a crash leaves, all its files are there.
 */
export const manifestFormatVersion = 1

/** The oldest release that reads what this one writes. */
export const manifestRelease = '0.1.0'

/** A checkpoint file as the manifest knows it. */
export interface CheckpointFileInfo {
  readonly name: string
  readonly size: number
  /** CRC-32 in the header of the file, which in turn covers all of it. */
  readonly headerChecksum: number
  readonly fromSequence: number
  readonly toSequence: number
  readonly from: TableCounts
  readonly to: TableCounts
}

/** The tables up to a commit, as files that follow on one another. */
export interface CheckpointState {
  /** 0, and no files, before the first checkpoint. */
  readonly sequence: number
  readonly files: readonly CheckpointFileInfo[]
}

export type Settings = Readonly<Record<string, JsonValue>>

export interface Manifest {
  /** Random, the same in all files of the database: 32 hexadecimal digits. */
  readonly databaseId: string
  /** Counts the manifests of the database. */
  readonly revision: number
  /** Counts the openings for writing. */
  readonly epoch: number
  /** Whether the last opening kept a log; without one the log may end before the checkpoint. */
  readonly isLogged: boolean
  /** Of the newest checkpoint ever made; never goes back, so that file names are not used twice. */
  readonly generation: number
  /** What was decided when the database was created. */
  readonly settings: Settings
  readonly checkpoint: CheckpointState
  /** The checkpoint before: with the log since then it replaces a damaged one. */
  readonly previous: CheckpointState
  /** Oldest first. */
  readonly segments: readonly SegmentInfo[]
  /** The highest number that a segment ever had. */
  readonly segmentNumber: number
  /** Commits up to here are known to have been durable: fewer can't be the truth. */
  readonly durableSequence: number
}

/** All files that either state needs, without repetition. */
export function filesOf(manifest: Manifest): CheckpointFileInfo[] {
  const byName = new Map<string, CheckpointFileInfo>()
  for (const state of [manifest.checkpoint, manifest.previous]) {
    for (const file of state.files) byName.set(file.name, file)
  }
  return [...byName.values()]
}

/** The first commit that the log has to hold. */
export function logStartOf(manifest: Manifest): number {
  return manifest.previous.sequence + 1
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const { checkpoint, previous, segments } = manifest
  invariant(manifest.revision >= 1 && manifest.epoch >= 1, 'revisions and epochs count from 1')
  invariant(isChain(checkpoint), 'the files of the checkpoint follow on one another')
  invariant(isChain(previous), 'the files of the checkpoint before follow on one another')
  invariant(previous.sequence <= checkpoint.sequence, 'a checkpoint holds more than the one before')
  invariant(manifest.durableSequence >= checkpoint.sequence, 'a checkpoint is durable')
  invariant(
    segments.every((one, index) => one.number > (segments[index - 1]?.number ?? 0)),
    'segments are in order',
  )
  invariant((segments.at(-1)?.number ?? 0) <= manifest.segmentNumber, 'segments are counted')
  const state = ({ sequence, files }: CheckpointState) => ({
    sequence,
    files: files.map(file => file.name),
  })
  const content = {
    release: manifestRelease,
    database: manifest.databaseId,
    revision: manifest.revision,
    epoch: manifest.epoch,
    generation: manifest.generation,
    durableSequence: manifest.durableSequence,
    settings: manifest.settings,
    checkpoint: state(checkpoint),
    previous: state(previous),
    files: filesOf(manifest),
    log: {
      inUse: manifest.isLogged,
      start: logStartOf(manifest),
      segmentNumber: manifest.segmentNumber,
      segments: segments.map(segment => ({ ...segment, salt: String(segment.salt) })),
    },
  }
  return sealManifest(manifestFormatVersion, `${JSON.stringify(content, null, 1)}\n`)
}

/** Puts the first line before a body. */
export function sealManifest(version: number, body: string): Uint8Array {
  return sealText({ kind: 'manifest', version }, body)
}

/** Whether the bytes are, or once were, a manifest of ours. */
export function isManifest(bytes: Uint8Array): boolean {
  return isSealed(bytes, 'manifest')
}

/**
 * Reads a manifest. Throws `Corrupt` with file and offset for bytes that nobody wrote so, and
 * `FormatTooNew` for those of a later format.
 */
export function decodeManifest(bytes: Uint8Array, file: string = manifestName): Manifest {
  const fields = openSealedText(bytes, file, { kind: 'manifest', version: manifestFormatVersion })
  const manifest = readManifest(fields)
  checkManifest(manifest, fields)
  return manifest
}

function readManifest(fields: JsonFields): Manifest {
  const log = fields.object('log')
  const byName = new Map(fields.objects('files').map(readFile).map(file => [file.name, file]))
  return {
    databaseId: fields.text('database'),
    revision: fields.count('revision'),
    epoch: fields.count('epoch'),
    generation: fields.count('generation'),
    durableSequence: fields.count('durableSequence'),
    settings: fields.json('settings'),
    checkpoint: readState(fields.object('checkpoint'), byName),
    previous: readState(fields.object('previous'), byName),
    isLogged: log.flag('inUse'),
    segmentNumber: log.count('segmentNumber'),
    segments: log.objects('segments').map(readSegment),
  }
}

function readState(
  fields: JsonFields,
  byName: ReadonlyMap<string, CheckpointFileInfo>,
): CheckpointState {
  const files = fields.texts('files').map(name => {
    const file = byName.get(name)
    if (file === undefined) throw fields.damage({ member: 'files', what: `has no ${name}` })
    return file
  })
  return { sequence: fields.count('sequence'), files }
}

function readFile(fields: JsonFields): CheckpointFileInfo {
  return {
    name: fields.text('name'),
    size: fields.count('size'),
    headerChecksum: fields.count('headerChecksum'),
    fromSequence: fields.count('fromSequence'),
    toSequence: fields.count('toSequence'),
    from: readCounts(fields.object('from')),
    to: readCounts(fields.object('to')),
  }
}

function readCounts(fields: JsonFields): TableCounts {
  return sectionRecord(name =>
    name === 'removals' ? fields.laterCount(name) : fields.count(name),
  )
}

function readSegment(fields: JsonFields): SegmentInfo {
  const salt = fields.text('salt')
  if (!/^-?[0-9]{1,19}$/.test(salt)) throw fields.damage({ member: 'salt', what: 'is no number' })
  return {
    name: fields.text('name'),
    number: fields.count('number'),
    epoch: fields.count('epoch'),
    firstSequence: fields.count('firstSequence'),
    salt: BigInt.asIntN(64, BigInt(salt)),
  }
}

/** The relations that whoever uses a manifest relies on. */
function checkManifest(manifest: Manifest, fields: JsonFields): void {
  const { databaseId, checkpoint, previous, segments, generation } = manifest
  const isId = /^[0-9a-f]*$/.test(databaseId) && databaseId.length === databaseIdBytes * 2
  if (manifest.revision < 1 || manifest.epoch < 1) {
    throw fields.damage({ member: 'epoch', what: 'or revision is 0' })
  }
  if (manifest.durableSequence < checkpoint.sequence) {
    throw fields.damage({ member: 'durableSequence', what: 'is below the checkpoint' })
  }
  if (!isId) throw fields.damage({ member: 'database', what: 'is no database id' })
  if (previous.sequence > checkpoint.sequence) {
    throw fields.damage({ member: 'previous', what: 'is later than the checkpoint' })
  }
  for (const [what, state] of Object.entries({ checkpoint, previous })) {
    if (!isChain(state)) throw fields.damage({ member: what, what: 'has gaps' })
  }
  for (const { name } of filesOf(manifest)) {
    const number = Number.parseInt(name, 10)
    const isName = Number.isSafeInteger(number) && number >= 1 && number <= generation
    if (!isName || checkpointFileName(number) !== name) {
      throw fields.damage({ member: 'files', what: 'has a strange name' })
    }
  }
  for (const [index, segment] of segments.entries()) {
    const before = segments[index - 1]
    const isInOrder = before === undefined || before.number < segment.number
    const isName = segment.firstSequence >= 1 && segmentName(segment) === segment.name
    if (!isInOrder || !isName || segment.number > manifest.segmentNumber) {
      throw fields.damage({ member: 'segments', what: `has a strange segment ${segment.name}` })
    }
  }
}

/** Whether files follow on one another, from the start to the sequence of the state. */
function isChain({ sequence, files }: CheckpointState): boolean {
  let reached = 0
  let counts = zeroCounts()
  for (const file of files) {
    if (file.fromSequence !== reached || file.toSequence <= reached) return false
    if (!countsEqual(file.from, counts)) return false
    reached = file.toSequence
    counts = file.to
  }
  return reached === sequence
}
