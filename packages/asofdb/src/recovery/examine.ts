import { manifestName, previousManifestName } from '../checkpoint/directory-names.ts'
import { decodeManifest, type Settings } from '../checkpoint/manifest.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import type { Places } from '../checkpoint/placed-files.ts'
import { BatchApplier } from '../commit/apply.ts'
import { bytesToHex } from '../checkpoint/checkpoint-file.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { Tables } from '../versions/tables.ts'
import {
  type Basis,
  basisOfHeaders,
  basisOfManifest,
  type Inventory,
  type Place,
  readPreviousManifest,
  takeInventory,
} from './inventory.ts'
import type { ReadProgress } from './read-progress.ts'
import { refusal } from './refusal.ts'
import type { Damage, RecoveryReport } from './report.ts'
import { manifestDamage, type Salvage, salvage } from './salvage.ts'
import { type Evidence, survey } from './survey.ts'
import { judge, type Verdict } from './verdict.ts'

/** Looks at everything, into tables that are thrown away. Writes nothing. */
export async function surveyAside(
  place: Place & { readonly progress?: ReadProgress | undefined },
  create: boolean,
): Promise<Evidence> {
  const tables = new Tables()
  return survey({ ...place, create, tables, applier: new BatchApplier(tables) })
}

export interface SalvageOfDirectory extends Place {
  readonly evidence: Evidence
  /** The verdict of the policy that salvages. */
  readonly verdict: Verdict
  readonly settings: Settings
  readonly tables: Tables
  readonly applier: BatchApplier
}

export interface SalvagedDirectory extends Salvage {
  readonly basis: Basis
  readonly inventory: Inventory
}

/** Fills the tables with what can be proved whole. Throws the refusal where nothing is to go by. */
export async function salvageDirectory(options: SalvageOfDirectory): Promise<SalvagedDirectory> {
  const { evidence, verdict, settings, tables, applier, host, directory } = options
  invariant(verdict.reaction.kind !== 'refuse', 'what is refused is not salvaged')
  const place = { host, directory }
  const inventory = await takeInventory(place)
  const found = evidence.manifest?.manifest
  const isByHeaders = verdict.reaction.kind === 'salvage' && verdict.reaction.from === 'headers'
  const basis =
    found === undefined || isByHeaders
      ? basisOfHeaders(inventory, found ?? (await readPreviousManifest(place)), settings)
      : basisOfManifest(found, inventory)
  if (basis === undefined || isAlone(basis, inventory)) {
    throw refusal(directory, { evidence, letter: verdict.letter })
  }
  const salvaged = await salvage({ ...place, basis, inventory, tables, applier })
  const { sequence } = salvaged
  invariant(sequence === tables.commits.sequence, 'what was salvaged is in the tables')
  invariant(sequence >= evidence.recoveredSequence || isByHeaders, 'a salvage finds no less')
  const known = new Set(salvaged.damage.map(({ file }) => file))
  const ofManifest = isByHeaders
    ? [await manifestFault(place, evidence, salvaged.seenSequence)]
    : []
  const rest = evidence.damage.filter(({ file }) => !known.has(file))
  return { ...salvaged, basis, inventory, damage: [...ofManifest, ...salvaged.damage, ...rest] }
}

/** Whether no file belongs to the database of the manifest, while there are others. */
function isAlone({ databaseId }: Basis, inventory: Inventory): boolean {
  const ids = [
    ...[...inventory.checkpoints.values()].map(({ read }) =>
      read.type === 'header' ? read.header.databaseId : undefined,
    ),
    ...[...inventory.segments.values()].map(({ header }) =>
      header === undefined ? undefined : bytesToHex(header.databaseId),
    ),
  ].filter((id) => id !== undefined)
  return ids.length > 0 && !ids.includes(databaseId)
}

async function manifestFault(
  { host, directory }: Place,
  evidence: Evidence,
  seenSequence: number,
): Promise<Damage> {
  const size = (await host.files.stat(`${directory}/${manifestName}`))?.size
  const what =
    size === undefined
      ? 'it is not there'
      : evidence.manifest === undefined
        ? (evidence.problem?.message ?? 'it is no manifest')
        : 'it is older than other files, as if it had been put back'
  const offset = evidence.problem?.details['offset']
  const of = {
    isMissing: size === undefined,
    offset: typeof offset === 'number' ? offset : 0,
    size: size ?? 0,
  }
  return manifestDamage(what, of, seenSequence)
}

/** What `inspectDirectory` found. */
export interface InspectionReport {
  readonly path: string
  /** Where its log and its checkpoints are. */
  readonly places: Places
  /** The row of the decision table that an opening would meet. */
  readonly row: string
  readonly isSound: boolean
  /** Everything that is damaged, with file, offset and the commits it concerns. */
  readonly damage: readonly Damage[]
  /** What a crash left at the end of the log; no damage. */
  readonly tornTail: RecoveryReport['tornTail']
  /** Up to here everything can be proved whole. */
  readonly sequence: number
  readonly seenSequence: number
}

/**
 * Reads every file that belongs to a database and names all damage, also in what opening would not
 * need. Writes nothing. Throws `NotADatabase`, `FormatTooNew` and `IoFailed`, and `Corrupt` or
 * `ForeignFile` where there is nothing to go by.
 */
export async function inspectDirectory(
  place: Place,
): Promise<Omit<InspectionReport, 'places'>> {
  const evidence = await surveyAside(place, false)
  const strict = judge(evidence.facts, 'strict')
  const verdict = judge(evidence.facts, 'bestEffort')
  if (verdict.reaction.kind === 'refuse') {
    throw refusal(place.directory, { evidence, letter: strict.letter })
  }
  const tables = new Tables()
  const applier = new BatchApplier(tables)
  const settings = {}
  const of = { ...place, evidence, verdict, settings, tables, applier }
  const salvaged = await salvageDirectory(of)
  const ofPrevious = await previousManifestFault(place)
  invariant(!salvaged.basis.isNamed || evidence.manifest !== undefined, 'a manifest names')
  const damage = [...salvaged.damage, ...(ofPrevious === undefined ? [] : [ofPrevious])]
  return {
    path: place.directory,
    row: strict.letter,
    isSound: damage.length === 0,
    damage,
    tornTail: salvaged.log.tornTail,
    sequence: salvaged.sequence,
    seenSequence: salvaged.seenSequence,
  }
}

/** Nothing relies on it, but it is a file of the database like any other. */
async function previousManifestFault({ host, directory }: Place): Promise<Damage | undefined> {
  const bytes = await readWholeFile(host.files, `${directory}/${previousManifestName}`)
  if (bytes === undefined) return undefined
  try {
    decodeManifest(bytes, previousManifestName)
    return undefined
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code === 'FormatTooNew') throw error
    const offset = Number(error.details['offset'] ?? 0)
    return {
      ...manifestDamage(
        'the manifest before the one in force is damaged; nothing relies on it',
        { isMissing: false, offset, size: bytes.length },
        1,
      ),
      file: previousManifestName,
      commits: undefined,
    }
  }
}

/** What an examination by a salvaging policy has to report, before anything is done about it. */
export function reportOf(
  evidence: Evidence,
  salvaged: SalvagedDirectory,
): Pick<
  RecoveryReport,
  | 'isCleanShutdown'
  | 'manifest'
  | 'checkpoint'
  | 'replayed'
  | 'recoveredSequence'
  | 'durableFloorSequence'
  | 'tornTail'
  | 'damage'
  | 'skipped'
  | 'lost'
  | 'seenSequence'
> {
  const { loaded, log, sequence, damage, lost, seenSequence, basis } = salvaged
  const manifest = evidence.manifest?.manifest
  invariant(loaded.sequence <= sequence, 'a checkpoint is a part of it all')
  invariant(lost === null || lost.first === sequence + 1, 'what is lost follows what is there')
  return {
    isCleanShutdown: false,
    manifest:
      manifest === undefined
        ? null
        : { file: manifestName, revision: manifest.revision, epoch: manifest.epoch },
    checkpoint:
      loaded.sequence === 0
        ? null
        : {
            sequence: loaded.sequence,
            generation: basis.generation,
            files: loaded.files.map(({ name }) => `checkpoint/${name}`),
            bytes: loaded.files.reduce((sum, file) => sum + file.size, 0),
          },
    replayed: log.replayed,
    recoveredSequence: sequence,
    durableFloorSequence: Math.max(basis.durableSequence, evidence.floorSequence),
    tornTail: log.tornTail,
    damage,
    skipped: log.skipped,
    lost,
    seenSequence,
  }
}
