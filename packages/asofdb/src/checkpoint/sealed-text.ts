import { crc32 } from '../encoding/checksum.ts'
import { bytesToText } from '../encoding/text.ts'
import { DatabaseError } from '../rules/errors.ts'
import { JsonFields, type JsonPlace } from './json-fields.ts'

/**
 * A small file of text under a checksum. **Bytes.** UTF-8. One line `asofdb KIND VERSION CHECKSUM`,
 * then JSON. The checksum, in eight hexadecimal digits, is the CRC-32 of the line up to and with
 * the blank before it, followed by everything after the line. In every version the JSON has the
 * member `release`, the oldest release that reads the file.
 */
export type SealedKind = 'manifest' | 'paths' | 'owner'

export interface SealedFormat {
  readonly kind: SealedKind
  readonly version: number
}

/** Puts the first line before a body. */
export function sealText({ kind, version }: SealedFormat, body: string): Uint8Array {
  const encoder = new TextEncoder()
  const start = `asofdb ${kind} ${version} `
  const checksum = crc32(encoder.encode(start + body))
  return encoder.encode(`${start}${checksum.toString(16).padStart(8, '0')}\n${body}`)
}

/** Whether the bytes are, or once were, a file of that kind. */
export function isSealed(bytes: Uint8Array, kind: SealedKind): boolean {
  const start = new TextEncoder().encode(`asofdb ${kind} `)
  return start.every((byte, index) => bytes[index] === byte)
}

/**
 * What is behind the first line. Throws `Corrupt` with file and offset for bytes nobody wrote so,
 * `FormatTooNew` for those of a later version than the one given.
 */
export function openSealedText(
  bytes: Uint8Array,
  file: string,
  known: SealedFormat,
): JsonFields {
  const lineEnd = bytes.indexOf(10)
  const line = String.fromCharCode(...bytes.subarray(0, Math.max(0, Math.min(lineEnd, 64))))
  const parts = /^asofdb ([a-z]+) ([1-9][0-9]{0,8}) ([0-9a-f]{8})$/.exec(line)
  const [, found, version, checksum] = parts ?? []
  if (found !== known.kind || version === undefined || checksum === undefined) {
    throw sealDamage({ file, offset: 0 }, 'its first line is damaged')
  }
  const body = bytes.subarray(lineEnd + 1)
  const place = { file, offset: lineEnd + 1 }
  const start = crc32(bytes.subarray(0, lineEnd - checksum.length))
  if (crc32(body, start) !== Number.parseInt(checksum, 16)) {
    throw sealDamage(place, 'its checksum does not fit')
  }
  const fields = new JsonFields(parseJson(body, place), place)
  const formatVersion = Number(version)
  if (formatVersion <= known.version) return fields
  const release = fields.text('release')
  throw new DatabaseError(
    'FormatTooNew',
    `${file} of this database was written by a later release; open it with asofdb ${release} ` +
      'or later',
    { details: { file, formatVersion, release } },
  )
}

function parseJson(body: Uint8Array, at: JsonPlace): unknown {
  try {
    return JSON.parse(bytesToText(body, 0, body.length))
  } catch (cause) {
    throw sealDamage(at, 'it is not JSON', cause)
  }
}

function sealDamage({ file, offset }: JsonPlace, what: string, cause?: unknown): DatabaseError {
  return new DatabaseError(
    'Corrupt',
    `${file} is damaged at byte ${offset}: ${what}; restore the database from a backup, or keep ` +
      'the directory as it is and ask for help',
    { details: { file, offset, kind: 'manifest' }, cause },
  )
}
