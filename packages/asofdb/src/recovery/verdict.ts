import type { ErrorCode } from '../rules/errors.ts'
import { invariant, must } from '../rules/invariant.ts'
import type { RecoveryOutcome, RecoveryPolicy } from './report.ts'

/** What the survey answers with yes or no. A fact that could not be looked at is no. */
export const factNames = [
  'hasManifest',
  'hasTraces',
  'hasStrangers',
  'mayCreate',
  'isManifestOurs',
  'isManifestWhole',
  'isManifestNewer',
  'hasForeignFile',
  'hasNewerFile',
  'isManifestStale',
  'isCheckpointUsable',
  'isLogWhole',
  'isFloorReached',
  'isLogBehind',
  'isLogTorn',
  'isCheckpointDamaged',
] as const

export type FactName = (typeof factNames)[number]
export type Facts = Readonly<Record<FactName, boolean>>

/**
 * What to do. `open` goes with the repairs that the evidence names: nothing else is changed.
 * `salvage` takes what can be proved whole: of what the manifest names, or, where the manifest
 * itself can't be relied on, of what the headers of all files name.
 */
export type Reaction =
  | { readonly kind: 'create' }
  | { readonly kind: 'open'; readonly outcome: RecoveryOutcome }
  | { readonly kind: 'refuse'; readonly code: ErrorCode }
  | {
      readonly kind: 'salvage'
      readonly from: 'manifest' | 'headers'
      readonly outcome: 'degraded' | 'repaired'
    }

export interface VerdictRow extends Readonly<Record<RecoveryPolicy, Reaction>> {
  readonly letter: string
  /** A fact that is not mentioned may be either. */
  readonly when: Partial<Facts>
}

const absent = { hasManifest: false } as const
const present = { hasManifest: true } as const
const ours = { ...present, isManifestOurs: true } as const
const whole = { ...ours, isManifestWhole: true } as const
const readable = { ...whole, isManifestNewer: false } as const
const own = { ...readable, hasForeignFile: false } as const
const known = { ...own, hasNewerFile: false } as const
const current = { ...known, isManifestStale: false } as const
const based = { ...current, isCheckpointUsable: true } as const
const sound = { ...based, isLogWhole: true } as const
const complete = { ...sound, isFloorReached: true } as const
const joined = { ...complete, isLogBehind: false } as const

/**
 * The decision table. Exactly one row matches any combination of facts; a test walks all of them.
 * What counts as damage is the same for every policy; a policy is a column of reactions.
 *
 * How a disk gets there:
 *
 * **A** The directory is new, or a crash ended its creation: no manifest was ever in force, so no
 * commit was ever acknowledged. What may lie there is a lock, empty directories, a manifest under
 * its temporary name, a segment without records. Everything is made afresh.
 *
 * **B** The same, but the caller did not want a database to be created: a wrong path, most likely.
 *
 * **C** There is no manifest and nothing of ours, but something else is there: a directory of other
 * things, given by mistake. It is not ours to write into.
 *
 * **D** There is no manifest, but a previous one, or a checkpoint, or a segment with records: the
 * manifest was deleted, or only a part of the directory was copied. No crash does that, because a
 * manifest is only ever replaced by a rename.
 *
 * **E** A file has the name of the manifest and never was one of ours, and nothing else is ours:
 * the directory of another program.
 *
 * **F** The first bytes of the manifest are not ours, while other files are: rot, or a part of the
 * directory was overwritten.
 *
 * **G** The manifest is ours and damaged: rot. No crash does that, since it is synced under another
 * name first. The one before is not used: it leads to a state that once was in force, and nothing
 * proves how much was acknowledged since. Whoever salvages goes by the headers of all files.
 *
 * **H** The manifest has a format of a later release: this program is too old.
 *
 * **I** A file that the manifest names, or that lies where leftovers lie, carries the id of another
 * database: two directories were mixed by a copy or a restore.
 *
 * **J** A named file has a format of a later release, while the manifest has not.
 *
 * **K** Files are there that only a later manifest can have named: the manifest was put back to an
 * older state, by a restore of a single file, or the file system lost a rename that was synced.
 *
 * **L** No checkpoint can be loaded from which the log leads on: files are damaged or missing.
 *
 * **M** The log is damaged where something proves that it had been durable.
 *
 * **N** Everything that is there is sound, but commits that were durable are not among it: the end
 * of the log was cut off, or a disk lost what it had confirmed.
 *
 * **O** The log ends before the checkpoint. That is how a database looks that was used without a
 * log; with a log, its end was lost, and the checkpoint holds all of it. The log starts again after
 * the checkpoint.
 *
 * **P** A file of this checkpoint or of the one before is damaged or missing: rot. What is left of
 * the two, with the log after it, gives the same state. The damaged file is dropped.
 *
 * **Q** As P, and as R besides.
 *
 * **R** A crash while the log was written: bytes at its end that are no record, and nothing proves
 * that they ever were. They are cut off.
 *
 * **S** Closed, or killed between two writes. Leftovers of a checkpoint or a rotation that did not
 * come to its end may lie about; they are removed, here as in every other row that opens.
 */
export const verdictRows: readonly VerdictRow[] = [
  {
    letter: 'A',
    when: { ...absent, hasTraces: false, hasStrangers: false, mayCreate: true },
    ...always({ kind: 'create' }),
  },
  {
    letter: 'B',
    when: { ...absent, hasTraces: false, hasStrangers: false, mayCreate: false },
    ...always(refuse('NotADatabase')),
  },
  {
    letter: 'C',
    when: { ...absent, hasTraces: false, hasStrangers: true },
    ...always(refuse('NotADatabase')),
  },
  { letter: 'D', when: { ...absent, hasTraces: true }, ...salvage('Corrupt', 'headers') },
  {
    letter: 'E',
    when: { ...present, isManifestOurs: false, hasTraces: false },
    ...always(refuse('NotADatabase')),
  },
  {
    letter: 'F',
    when: { ...present, isManifestOurs: false, hasTraces: true },
    ...salvage('Corrupt', 'headers'),
  },
  { letter: 'G', when: { ...ours, isManifestWhole: false }, ...salvage('Corrupt', 'headers') },
  { letter: 'H', when: { ...whole, isManifestNewer: true }, ...always(refuse('FormatTooNew')) },
  {
    letter: 'I',
    when: { ...readable, hasForeignFile: true },
    ...salvage('ForeignFile', 'manifest'),
  },
  { letter: 'J', when: { ...own, hasNewerFile: true }, ...always(refuse('FormatTooNew')) },
  { letter: 'K', when: { ...known, isManifestStale: true }, ...salvage('Corrupt', 'headers') },
  {
    letter: 'L',
    when: { ...current, isCheckpointUsable: false },
    ...salvage('Corrupt', 'manifest'),
  },
  { letter: 'M', when: { ...based, isLogWhole: false }, ...salvage('Corrupt', 'manifest') },
  { letter: 'N', when: { ...sound, isFloorReached: false }, ...salvage('Corrupt', 'manifest') },
  { letter: 'O', when: { ...complete, isLogBehind: true }, ...always(opens('healed')) },
  {
    letter: 'P',
    when: { ...joined, isCheckpointDamaged: true, isLogTorn: false },
    ...always(opens('healed')),
  },
  {
    letter: 'Q',
    when: { ...joined, isCheckpointDamaged: true, isLogTorn: true },
    ...always(opens('healed')),
  },
  {
    letter: 'R',
    when: { ...joined, isCheckpointDamaged: false, isLogTorn: true },
    ...always(opens('recovered')),
  },
  {
    letter: 'S',
    when: { ...joined, isCheckpointDamaged: false, isLogTorn: false },
    ...always(opens('clean')),
  },
]

for (const [index, row] of verdictRows.entries()) {
  const letter = String.fromCharCode('A'.charCodeAt(0) + index)
  invariant(row.letter === letter, 'rows are lettered in order')
  invariant(Object.keys(row.when).length > 0, 'a row looks at facts')
  invariant(row.strict.kind !== 'salvage', 'strict opens nothing that may miss a commit')
  invariant(row.bestEffort.kind === row.repair.kind, 'what is damage does not depend on the policy')
}

export interface Verdict {
  readonly letter: string
  readonly reaction: Reaction
}

export function judge(facts: Facts, policy: RecoveryPolicy): Verdict {
  const matching = verdictRows.filter(row => matches(row, facts))
  invariant(matching.length === 1, 'exactly one row of the decision table matches')
  const row = must(matching[0], 'the row')
  return { letter: row.letter, reaction: row[policy] }
}

export function matches(row: VerdictRow, facts: Facts): boolean {
  return factNames.every(name => row.when[name] === undefined || row.when[name] === facts[name])
}

type Reactions = Readonly<Record<RecoveryPolicy, Reaction>>

/** Nothing acknowledged can be missing, or it is not for recovery to say: the policy is all one. */
function always(reaction: Reaction): Reactions {
  return { strict: reaction, bestEffort: reaction, repair: reaction }
}

function salvage(code: ErrorCode, from: 'manifest' | 'headers'): Reactions {
  return {
    strict: refuse(code),
    bestEffort: { kind: 'salvage', from, outcome: 'degraded' },
    repair: { kind: 'salvage', from, outcome: 'repaired' },
  }
}

function refuse(code: ErrorCode): Reaction {
  return { kind: 'refuse', code }
}

function opens(outcome: RecoveryOutcome): Reaction {
  return { kind: 'open', outcome }
}
