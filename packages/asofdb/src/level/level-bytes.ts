import { Buffer } from 'node:buffer'
import { bytesToTextAnyway } from '../encoding/text.ts'

/** The forms in which abstract-level gives keys and values, and wants them back. */
export type LevelFormat = 'utf8' | 'view'

/** What abstract-level gives and takes: text in the format `utf8`, bytes in `view`. */
export type LevelData = string | Uint8Array

/** The bytes of a value. Text that is not well-formed is stored as UTF-8 can say it (U+FFFD). */
export function valueToBytes(value: LevelData): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}

/** A value as it was asked for. */
export function bytesToValue(bytes: Uint8Array, format: LevelFormat): LevelData {
  return format === 'view' ? bytes : bytesToTextAnyway(bytes)
}

/**
 * The key under which something is stored. Level allows a key without any bytes, the database does
 * not. So a key of zeros and nothing else, however many, is stored with one zero more; all others
 * are stored as they are. No two keys become one by that, and their order stays: there is no key
 * between n zeros and n + 1 zeros.
 */
export function keyToBytes(key: LevelData): Uint8Array {
  const bytes = valueToBytes(key)
  if (!isZeros(bytes)) return bytes
  return new Uint8Array(bytes.length + 1)
}

/** The key that `keyToBytes` stored so, in the form it was asked for. */
export function bytesToKey(bytes: Uint8Array, format: LevelFormat): LevelData {
  return bytesToValue(isZeros(bytes) ? bytes.subarray(1) : bytes, format)
}

function isZeros(bytes: Uint8Array): boolean {
  let at = 0
  while (at < bytes.length && bytes[at] === 0) at++
  return at === bytes.length
}
