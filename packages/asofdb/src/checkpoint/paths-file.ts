import { databaseIdBytes } from '../log/segment.ts'
import { invariant } from '../rules/invariant.ts'
import { ownerName, pathsName } from './directory-names.ts'
import type { JsonFields } from './json-fields.ts'
import { openSealedText, type SealedFormat, sealText } from './sealed-text.ts'

/**
 * Where a database keeps what does not lie in its own directory. `PATHS`, in the directory of the
 * database, says where log and checkpoints are; `OWNER`, in each of those other directories, says
 * whose they are. Both are the text of `sealed-text.ts`, and have the member `release` as the
 * manifest has it.
 */
export const pathsFormatVersion = 1

/** The oldest release that reads what this one writes. */
const pathsRelease = '0.1.0'

/** What may be kept in a directory of its own. */
export const placedParts = ['log', 'checkpoint'] as const
export type PlacedPart = (typeof placedParts)[number]

/** The directories by part; absolute, or relative to that of the database. */
export type PartPaths = Readonly<Partial<Record<PlacedPart, string>>>

export interface StoredPaths {
  /** Random, the same in `PATHS` and every `OWNER`: 32 hexadecimal digits. */
  readonly id: string
  /** Of the parts that lie elsewhere. */
  readonly elsewhere: PartPaths
}

export interface OwnerMark {
  readonly id: string
  readonly holds: PlacedPart
  /** That of the database: absolute, or relative to the one the mark lies in. */
  readonly directory: string
}

export function encodePaths({ id, elsewhere }: StoredPaths): Uint8Array {
  invariant(isId(id), 'what belongs together has one id')
  return seal('paths', { id, elsewhere })
}

export function encodeOwner({ id, holds, directory }: OwnerMark): Uint8Array {
  invariant(isId(id), 'what belongs together has one id')
  return seal('owner', { id, holds, directory })
}

/** Throws `Corrupt` with file and offset, `FormatTooNew`. */
export function decodePaths(bytes: Uint8Array, file: string = pathsName): StoredPaths {
  const fields = openSealedText(bytes, file, formatOf('paths'))
  const stored = fields.json('elsewhere')
  const elsewhere: { log?: string; checkpoint?: string } = {}
  for (const [part, path] of Object.entries(stored)) {
    if (!isPart(part) || typeof path !== 'string' || path === '') {
      throw fields.damage({ member: 'elsewhere', what: 'has something strange' })
    }
    elsewhere[part] = path
  }
  return { id: idOf(fields), elsewhere }
}

/** Throws `Corrupt` with file and offset, `FormatTooNew`. */
export function decodeOwner(bytes: Uint8Array, file: string = ownerName): OwnerMark {
  const fields = openSealedText(bytes, file, formatOf('owner'))
  const holds = fields.text('holds')
  if (!isPart(holds)) throw fields.damage({ member: 'holds', what: 'is neither of two words' })
  return { id: idOf(fields), holds, directory: fields.text('directory') }
}

function seal(kind: 'paths' | 'owner', members: object): Uint8Array {
  const body = `${JSON.stringify({ release: pathsRelease, ...members }, null, 1)}\n`
  return sealText(formatOf(kind), body)
}

function formatOf(kind: 'paths' | 'owner'): SealedFormat {
  return { kind, version: pathsFormatVersion }
}

function idOf(fields: JsonFields): string {
  const id = fields.text('id')
  if (!isId(id)) throw fields.damage({ member: 'id', what: 'is no id' })
  return id
}

function isId(text: string): boolean {
  return text.length === databaseIdBytes * 2 && /^[0-9a-f]*$/.test(text)
}

function isPart(text: string): text is PlacedPart {
  return placedParts.some((part) => part === text)
}
