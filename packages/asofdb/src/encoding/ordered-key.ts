import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { keyBytesMax, keyDepthMax } from '../rules/limits.ts'
import { ByteReader, ByteWriter, DecodeError } from './bytes.ts'
import { Instant } from './instant.ts'
import {
  keyTag,
  readBytesElement,
  readSortableInstant,
  readSortableNumber,
  readTextElement,
  writeBytesElement,
  writeSortableInstant,
  writeSortableNumber,
  writeTextElement,
} from './sortable.ts'
import { bytesToLatin1, generalisedBytesToText, isAsciiText, latin1ToBytes } from './text.ts'

export { indexKeyType, valuesToIndexKey, valueToIndexKey } from './index-key.ts'
export { bytesToLatin1, latin1ToBytes } from './text.ts'

/**
 * Keys as bytes that sort like the keys. The order is the one of `compareValues`: text, then
 * booleans, numbers, bytes, instants and, last, tuples. Text is by code point; numbers and bigints
 * are one order; a tuple sorts by its first difference and before every longer one it begins.
 *
 *     key     = text in generalised UTF-8, bare          (first byte below F5)
 *             | F5 (00 | 01)                             boolean
 *             | F6 number                                see sortable.ts
 *             | F7 bytes, bare
 *             | F8 instant
 *             | FE element*                              tuple
 *     element = 01 text 00                               zeros escaped as 00 FF
 *             | F5 … F8 as above, bytes escaped and ended like text
 *             | FE element* 00
 *
 * F9 to FD are dates, times and durations, which only index entries have. No element begins with
 * FF, so a tuple's bytes followed by FF are an upper bound of all tuples that it begins. Text with
 * lone surrogates is kept exactly.
 *
 * The same bytes as a Latin-1 string are what ordered maps use: `<` compares such strings byte by
 * byte, and for text in ASCII the string is the key itself.
 */
export type KeyInput =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | Instant
  | Date
  | readonly KeyInput[]

/** Used as a stack: a getter of a key that encodes another key writes above and cuts it off. */
const scratch = new ByteWriter(256)

/** The bytes of a key. Throws InvalidKey. */
export function keyToBytes(key: KeyInput): Uint8Array {
  return withKey(key, (bytes) => new Uint8Array(bytes))
}

/** The bytes of a key as a Latin-1 string; for text in ASCII the very string. InvalidKey. */
export function keyToLatin1(key: KeyInput): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= keyBytesMax && isAsciiText(key)) {
    return key
  }
  return withKey(key, bytesToLatin1)
}

/** The key of `keyToLatin1`. Throws `DecodeError`. */
export function latin1ToKey(text: string): KeyInput {
  return text !== '' && isAsciiText(text) ? text : bytesToKey(latin1ToBytes(text))
}

/**
 * The key of `keyToBytes`: a Date comes back as an Instant, an integer beyond 2^53 as a bigint, -0
 * as 0. Throws `DecodeError` for bytes that are no key.
 */
export function bytesToKey(bytes: Uint8Array): KeyInput {
  if (bytes.length > keyBytesMax) throw new DecodeError('a key is too long', keyBytesMax)
  const reader = new ByteReader(bytes)
  const tag = bytes[0]
  if (tag === undefined || (tag >= keyTag.bytes && bytes.length === 1)) {
    throw new DecodeError('a key is empty', 0)
  }
  if (tag < keyTag.boolean) return generalisedBytesToText(bytes, 0, bytes.length)
  if (tag === keyTag.bytes) return new Uint8Array(bytes.subarray(1))
  const key = readElement(reader, 0)
  if (reader.remaining > 0) throw new DecodeError('a key goes on after its end', reader.position)
  return key
}

function withKey<T>(key: KeyInput, take: (bytes: Uint8Array) => T): T {
  const start = scratch.length
  try {
    writeKey(scratch, key)
    const length = scratch.length - start
    if (length > keyBytesMax) throw tooLong()
    return take(scratch.view(start))
  } finally {
    scratch.truncate(start)
  }
}

function writeKey(writer: ByteWriter, key: KeyInput): void {
  if (typeof key === 'string') {
    if (key === '') throw refused('a key is empty text: give it at least one character')
    if (key.length > keyBytesMax) throw tooLong()
    writer.generalisedUtf8(key)
  } else if (key instanceof Uint8Array) {
    if (key.length === 0) throw refused('a key has no bytes: give it at least one')
    if (key.length > keyBytesMax) throw tooLong()
    writer.u8(keyTag.bytes)
    writer.bytes(key)
  } else if (Array.isArray(key)) {
    if (key.length === 0) throw refused('a key is an empty tuple: give it at least one element')
    writer.u8(keyTag.tuple)
    writeElements(writer, key, { depth: 1, start: writer.length })
  } else {
    writeElement(writer, key, { depth: 0, start: writer.length })
  }
}

interface Nesting {
  readonly depth: number
  readonly start: number
}

function writeElements(writer: ByteWriter, keys: readonly KeyInput[], nesting: Nesting): void {
  if (nesting.depth > keyDepthMax) throw refused(`tuples nest deeper than ${keyDepthMax}`)
  for (const key of keys) {
    writeElement(writer, key, nesting)
    if (writer.length - nesting.start > keyBytesMax) throw tooLong()
  }
}

function writeElement(writer: ByteWriter, key: KeyInput, nesting: Nesting): void {
  if (typeof key === 'string') {
    if (key.length > keyBytesMax) throw tooLong()
    writer.u8(keyTag.textElement)
    writeTextElement(writer, key)
  } else if (typeof key === 'number' || typeof key === 'bigint') {
    checkNumber(key)
    writer.u8(keyTag.number)
    writeSortableNumber(writer, key)
  } else if (typeof key === 'boolean') {
    writer.u8(keyTag.boolean)
    writer.u8(key ? 1 : 0)
  } else if (Array.isArray(key)) {
    writer.u8(keyTag.tuple)
    writeElements(writer, key, { depth: nesting.depth + 1, start: nesting.start })
    writer.u8(keyTag.end)
  } else if (key instanceof Uint8Array) {
    if (key.length > keyBytesMax) throw tooLong()
    writer.u8(keyTag.bytes)
    writeBytesElement(writer, key)
  } else {
    writer.u8(keyTag.instant)
    writeSortableInstant(writer, checkInstant(key))
  }
}

function checkNumber(key: number | bigint): void {
  if (Number.isNaN(key)) throw refused('NaN is no key: it has no place in an order')
  if (typeof key === 'bigint' && BigInt.asIntN(64, key) !== key) {
    throw refused('an integer does not fit in 64 bits')
  }
}

function checkInstant(key: unknown): Instant {
  if (key instanceof Instant) return key
  if (!(key instanceof Date)) {
    throw refused(
      `${key === null ? 'null' : `a value of type ${typeof key}`} is no key: use text, a number, ` +
        'a boolean, a Uint8Array, an Instant, a Date or an array of these',
    )
  }
  try {
    return Instant.from(key)
  } catch (error) {
    if (isDatabaseError(error)) throw refused(error.message)
    throw error
  }
}

function readElement(reader: ByteReader, depth: number): KeyInput {
  const at = reader.position
  const tag = reader.u8()
  switch (tag) {
    case keyTag.textElement:
      return readTextElement(reader)
    case keyTag.boolean:
      return readBoolean(reader)
    case keyTag.number:
      return readSortableNumber(reader)
    case keyTag.bytes:
      return readBytesElement(reader)
    case keyTag.instant:
      return readSortableInstant(reader)
    case keyTag.tuple:
      return readElements(reader, depth + 1)
    default:
      throw new DecodeError(`a key has the unknown tag ${tag}`, at)
  }
}

/** The outermost tuple ends with the bytes, an inner one with its mark. */
function readElements(reader: ByteReader, depth: number): KeyInput[] {
  if (depth > keyDepthMax) throw new DecodeError('tuples nest too deep', reader.position)
  const elements: KeyInput[] = []
  while (depth > 1 || reader.remaining > 0) {
    if (reader.remaining > 0 && reader.bytes[reader.position] === keyTag.end) {
      if (depth === 1) throw new DecodeError('a tuple ends twice', reader.position)
      reader.skip(1)
      break
    }
    elements.push(readElement(reader, depth))
  }
  return elements
}

function readBoolean(reader: ByteReader): boolean {
  const at = reader.position
  const byte = reader.u8()
  if (byte > 1) throw new DecodeError('a boolean is neither 0 nor 1', at)
  return byte === 1
}

function refused(problem: string): DatabaseError {
  return new DatabaseError('InvalidKey', problem)
}

function tooLong(): DatabaseError {
  return refused(`a key is longer than ${keyBytesMax} bytes: store the long part in the value`)
}
