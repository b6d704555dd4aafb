import { type Coordinates, type Database, DatabaseError, Instant, type View } from 'asofdb'
import { absentFailure, usageFailure } from './failure.ts'

/** A time as typed: an instant, the number of a commit, or nothing for now. */
export type Moment =
  | { readonly kind: 'now' }
  | { readonly kind: 'instant'; readonly instant: Instant }
  | { readonly kind: 'sequence'; readonly sequence: number }
  | { readonly kind: 'commit'; readonly hash: string }

export interface MomentText {
  readonly text: string
  /** The option it was given to, for the message. */
  readonly option: string
}

/**
 * Reads `now`, `2024`, `2024-06`, ISO 8601 dates and times, `#12` (a commit of the database) and
 * `commit:1d2f3c` (a commit of git).
 */
export function parseMoment({ text, option }: MomentText): Moment {
  if (text === 'now' || text === '') return { kind: 'now' }
  const sequence = /^#(\d{1,15})$/.exec(text)?.[1]
  if (sequence !== undefined) return { kind: 'sequence', sequence: Number(sequence) }
  const hash = /^commit:([0-9a-f]{4,64})$/i.exec(text)?.[1]
  if (hash !== undefined) return { kind: 'commit', hash: hash.toLowerCase() }
  const whole = /^\d{4}$/.test(text)
    ? `${text}-01-01`
    : /^\d{4}-\d\d$/.test(text)
      ? `${text}-01`
      : text
  try {
    return { kind: 'instant', instant: Instant.from(whole) }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw usageFailure(`${option} does not understand '${text}'`, {
      hint: 'write a date or a time such as 2024-06-01 or 2024-06-01T12:30:00Z, or now',
    })
  }
}

/** A view at two moments. */
export function viewAt(
  database: Database,
  at: { readonly valid: Moment; readonly system: Moment },
): View {
  const { valid, system } = at
  if (valid.kind === 'sequence') {
    throw usageFailure('--valid takes a time; the number of a commit is a time of --system')
  }
  const coordinates: { -readonly [Name in keyof Coordinates]: Coordinates[Name] } = {}
  if (valid.kind === 'instant') coordinates.valid = valid.instant
  if (valid.kind === 'commit') coordinates.valid = authorDate(database, valid.hash)
  if (system.kind === 'instant') coordinates.system = system.instant
  if (system.kind === 'sequence') coordinates.sequence = mustExist(database, system.sequence)
  if (system.kind === 'commit') coordinates.sequence = sequenceOfCommit(database, system.hash)
  return database.asOf(coordinates)
}

function mustExist(database: Database, sequence: number): number {
  if (sequence <= database.sequence) return sequence
  throw absentFailure(`there is no commit #${sequence}; the newest is #${database.sequence}`)
}

/** The commit of the database that took over a commit of git. */
function sequenceOfCommit(database: Database, hash: string): number {
  const { id } = findCommit(database, hash)
  const [first] = database.provenance(id)
  if (first === undefined) throw absentFailure(`commit ${hash} has no history`)
  return first.sequence
}

function authorDate(database: Database, hash: string): Instant {
  const authored = findCommit(database, hash).get('authored')
  if (authored instanceof Instant) return authored
  throw absentFailure(`commit ${hash} has no author date`)
}

/** The imported commit whose hash begins like this. */
export function findCommit(view: Pick<View, 'nodes'>, prefix: string) {
  // Hashes are hexadecimal, so 'g' is later than whatever begins with the prefix.
  const found = [...view.nodes('Commit', { hash: { gte: prefix, lt: `${prefix}g` } })]
  const [first, second] = found
  if (first === undefined) throw absentFailure(`no commit of git begins with ${prefix}`)
  if (second === undefined) return first
  throw usageFailure(`${found.length} commits of git begin with ${prefix}; write more of it`)
}
