import { manifestName } from '../checkpoint/directory-names.ts'
import { DatabaseError, type ErrorCode, type ErrorDetails } from '../rules/errors.ts'
import { invariant, must } from '../rules/invariant.ts'
import type { Evidence } from './survey.ts'

const keepAndAsk =
  'restore a backup into another directory, or keep this one as it is and ask for help; nothing ' +
  'was changed'

/** The error with which an opening is refused: what was found, where, and what to do. */
export function refusal(
  directory: string,
  { evidence, letter }: { readonly evidence: Evidence; readonly letter: string },
): DatabaseError {
  const refuse = (code: ErrorCode, message: string, details: ErrorDetails = {}) =>
    new DatabaseError(code, `${directory} can't be opened: ${message}`, {
      details: { directory, row: letter, ...details },
      cause: evidence.problem,
    })
  const { root } = evidence
  switch (letter) {
    case 'B':
      return refuse(
        'NotADatabase',
        'there is no database in it; check the path, or open it with create: true to make one',
      )
    case 'C':
    case 'E':
      return refuse(
        'NotADatabase',
        `it holds ${listNames(root.strangers, [manifestName])} and no database; give a directory ` +
          'of its own to the database',
        { found: root.strangers },
      )
    case 'D':
      return refuse(
        'Corrupt',
        `its ${manifestName} is missing, while ${listNames(root.traces)} is there: ${keepAndAsk}`,
        { file: manifestName, offset: 0, kind: 'missing', found: root.traces },
      )
    case 'F':
    case 'G':
      return refuse('Corrupt', `its ${manifestName} is damaged: ${keepAndAsk}`, {
        offset: 0,
        ...evidence.problem?.details,
        file: manifestName,
        kind: 'checksum',
      })
    case 'H':
      return evidence.problem ?? refuse('FormatTooNew', 'a later release has written it')
    default:
      return refuseContent(evidence, letter, refuse)
  }
}

type Refuse = (code: ErrorCode, message: string, details?: ErrorDetails) => DatabaseError

/** The rows in which the manifest is good and what it names is not. */
function refuseContent(evidence: Evidence, letter: string, refuse: Refuse): DatabaseError {
  const { manifest } = must(evidence.manifest, 'the manifest')
  const checkpoint = must(evidence.checkpoint, 'what was found of the checkpoints')
  switch (letter) {
    case 'I':
      return refuseForeign(evidence, refuse)
    case 'J':
      return refuseNewer(evidence, refuse)
    case 'K':
      return refuse(
        'Corrupt',
        `its ${manifestName} is older than ${listNames(laterFiles(evidence))}, as if it had been ` +
          `put back: ${keepAndAsk}`,
        { file: manifestName, offset: 0, kind: 'missing', found: laterFiles(evidence) },
      )
    case 'N':
      return refuse(
        'Corrupt',
        `it ends at commit ${evidence.recoveredSequence}, while commits up to ` +
          `${evidence.floorSequence} had been durable: ${keepAndAsk}`,
        {
          file: manifestName,
          offset: 0,
          kind: 'truncated',
          sequenceExpected: evidence.recoveredSequence + 1,
          evidence: 'manifest',
        },
      )
    default: {
      const [first] = evidence.damage
      const what =
        first === undefined
          ? `its checkpoint of commit ${manifest.checkpoint.sequence} can't be used`
          : `${first.file} is damaged at byte ${first.offset} (${first.kind}): ${first.what}`
      const all = checkpoint.damage
      return refuse('Corrupt', `${what}; ${keepAndAsk}`, { ...first, damage: all })
    }
  }
}

function refuseForeign(evidence: Evidence, refuse: Refuse): DatabaseError {
  const { checkpoint, damage } = evidence
  invariant(evidence.facts.hasForeignFile, 'a foreign file was found')
  const inLog = damage.find(one => one.kind === 'foreign')
  const file = checkpoint?.foreign[0] ?? inLog?.file ?? manifestName
  return refuse(
    'ForeignFile',
    `${file} belongs to another database, as if two directories had been mixed: put back ` +
      'the file of this one, or take the foreign one away; nothing was changed',
    { file, offset: 0, kind: 'foreign' },
  )
}

function refuseNewer(evidence: Evidence, refuse: Refuse): DatabaseError {
  const { checkpoint, problem } = evidence
  invariant(evidence.facts.hasNewerFile, 'a file of a later format was found')
  const [newer] = checkpoint?.newer ?? []
  if (newer === undefined && problem !== undefined) return problem
  return refuse(
    'FormatTooNew',
    `${newer?.file ?? 'a file'} has a format that this release does not know; open it with the ` +
      'release that wrote it, or a later one',
    { ...newer },
  )
}

function laterFiles({ checkpoint, damage }: Evidence): readonly string[] {
  const inLog = damage.filter(one => one.evidence === 'laterSegment').map(one => one.file)
  return [...(checkpoint?.fromLater ?? []), ...inLog]
}

function listNames(names: readonly string[], otherwise: readonly string[] = []): string {
  const listed = names.length === 0 ? otherwise : names
  const shown = listed.slice(0, 5).join(', ')
  return listed.length > 5 ? `${shown} and ${listed.length - 5} more` : shown
}
