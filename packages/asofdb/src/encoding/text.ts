import { Buffer, isUtf8 } from 'node:buffer'
import { DecodeError } from './decode-error.ts'

/**
 * Text to bytes and back. Three forms are used:
 *
 * - UTF-8, for everything well-formed.
 * - Generalised UTF-8 (WTF-8): the same, and a lone surrogate as the three bytes its code point
 *   would take. Byte order is code point order for every string of JavaScript. Used by keys.
 * - Latin-1: one character per byte, so that a string stands for bytes and `<` compares them.
 *
 * Short texts are handled in JavaScript, because a call into the runtime costs more than the work.
 */
const encoder = new TextEncoder()
const charactersLoopMax = 64
const asciiLoopMax = 40

interface RuntimeText {
  isWellFormed(this: string): boolean
}
interface RuntimeBytes {
  latin1Slice(this: Uint8Array, start: number, end: number): string
  utf8Slice(this: Uint8Array, start: number, end: number): string
  utf8Write(this: Uint8Array, text: string, start: number, bytesMax: number): number
}
const { isWellFormed } = String.prototype as unknown as RuntimeText
const { latin1Slice, utf8Slice, utf8Write } = Buffer.prototype as unknown as RuntimeBytes

/** True when the text has no lone surrogate, so that UTF-8 can carry it. */
export function isWellFormedText(text: string): boolean {
  return isWellFormed.call(text)
}

/** The most bytes `writeText` can need. */
export function textBytesMax(text: string): number {
  return text.length * 3
}

/** Up to so many characters are written one by one. */
const charactersWrittenMax = 32

/**
 * Writes a text at `at` if every character of it is ASCII; there must be room for `textBytesMax`.
 * False, with anything in that room, if not.
 */
export function writeAscii(text: string, target: Uint8Array, at: number): boolean {
  const { length } = text
  // As many bytes as characters means that each of them took one.
  if (length > charactersWrittenMax) return utf8Write.call(target, text, at, length * 3) === length
  let bits = 0
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    bits |= unit
    target[at + index] = unit
  }
  return bits < 0x80
}

/** Writes generalised UTF-8 at `at`; the room must be there. Returns the position after it. */
export function writeText(text: string, target: Uint8Array, at: number): number {
  const length = text.length
  if (length > charactersLoopMax && isWellFormed.call(text)) {
    return at + encoder.encodeInto(text, target.subarray(at)).written
  }
  let position = at
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      target[position++] = unit
    } else if (unit < 0x800) {
      target[position++] = 0xc0 | (unit >> 6)
      target[position++] = 0x80 | (unit & 0x3f)
    } else {
      const point = text.codePointAt(index) ?? unit
      if (point > 0xffff) {
        index++
        target[position++] = 0xf0 | (point >> 18)
        target[position++] = 0x80 | ((point >> 12) & 0x3f)
      } else {
        target[position++] = 0xe0 | (point >> 12)
      }
      target[position++] = 0x80 | ((point >> 6) & 0x3f)
      target[position++] = 0x80 | (point & 0x3f)
    }
  }
  return position
}

/** The text of UTF-8 bytes [start, end); throws `DecodeError` when they are not UTF-8. */
export function bytesToText(bytes: Uint8Array, start: number, end: number): string {
  if (isAsciiBytes(bytes, start, end)) return latin1(bytes, start, end)
  const text = utf8Slice.call(bytes, start, end)
  // As many characters as bytes, none of them in place of a byte that is no text: all are ASCII.
  if (text.length === end - start && !text.includes('\ufffd')) return text
  if (!isUtf8(bytes.subarray(start, end))) throw new DecodeError('text is not UTF-8', start)
  return text
}

/** The text of bytes that claim to be UTF-8: what in them is not becomes U+FFFD. */
export function bytesToTextAnyway(bytes: Uint8Array): string {
  const { length } = bytes
  if (isAsciiBytes(bytes, 0, length)) return latin1(bytes, 0, length)
  return utf8Slice.call(bytes, 0, length)
}

/** The text of generalised UTF-8 bytes [start, end), in the one form `writeText` produces. */
export function generalisedBytesToText(bytes: Uint8Array, start: number, end: number): string {
  if (isAsciiBytes(bytes, start, end)) return latin1(bytes, start, end)
  if (isUtf8(bytes.subarray(start, end))) return utf8Slice.call(bytes, start, end)
  let text = ''
  let wellFormedFrom = start
  let surrogateEnd = -1
  let lastWasHigh = false
  // Between encoded surrogates (ED A0..BF xx) everything must be plain UTF-8.
  for (let at = start; at + 2 < end; at++) {
    const second = bytes[at + 1] as number
    const third = bytes[at + 2] as number
    if (bytes[at] !== 0xed || second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) continue
    const unit = 0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)
    const isLow = unit >= 0xdc00
    if (isLow && lastWasHigh && surrogateEnd === at) {
      throw new DecodeError('text holds a pair of surrogates as two characters', at)
    }
    text += bytesToText(bytes, wellFormedFrom, at) + String.fromCharCode(unit)
    lastWasHigh = !isLow
    surrogateEnd = at + 3
    wellFormedFrom = surrogateEnd
    at += 2
  }
  return text + bytesToText(bytes, wellFormedFrom, end)
}

/** Short runs only: for longer ones the runtime's own check is quicker. */
function isAsciiBytes(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > asciiLoopMax) return false
  let bits = 0
  for (let at = start; at < end; at++) bits |= bytes[at] as number
  return bits < 0x80
}

const nameSlots = 512
const nameBytesMax = 24
const names = Array.from({ length: nameSlots }, () => '')

/**
 * As `bytesToText`, for text that comes again and again, such as the names in maps: the string is
 * found by its bytes instead of being made, and the runtime has seen it as a name before.
 */
export function bytesToName(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > nameBytesMax) return bytesToText(bytes, start, end)
  let hash = length
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
  const slot = (hash ^ (hash >>> 9)) & (nameSlots - 1)
  const known = names[slot] as string
  if (known.length === length) {
    let index = 0
    while (index < length && known.charCodeAt(index) === bytes[start + index]) index++
    if (index === length) return known
  }
  const name = bytesToText(bytes, start, end)
  // Where there are more bytes than characters, the bytes can't be compared with the string.
  if (name.length === length) names[slot] = name
  return name
}

/** A longer concatenation would be kept as a tree by the runtime, not as a flat string. */
const flatCharactersMax = 12

function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > flatCharactersMax) return latin1Slice.call(bytes, start, end)
  let text = ''
  let at = start
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(
      bytes[at] as number,
      bytes[at + 1] as number,
      bytes[at + 2] as number,
      bytes[at + 3] as number,
    )
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/** A flat string with one character per byte. */
export function bytesToLatin1(bytes: Uint8Array): string {
  return latin1(bytes, 0, bytes.length)
}

/** The same of the bytes [start, end). */
export function bytesToLatin1Between(bytes: Uint8Array, start: number, end: number): string {
  return latin1(bytes, start, end)
}

/** The bytes of a string made by `bytesToLatin1`. */
export function latin1ToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  let bits = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    bits |= unit
    bytes[at] = unit
  }
  if (bits > 0xff) throw new DecodeError('a character is no byte', 0)
  return bytes
}

/** True when every character is ASCII; then text, UTF-8 and Latin-1 are the same. */
export function isAsciiText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) >= 0x80) return false
  }
  return true
}

/**
 * Orders by code point, lone surrogates included, which is the byte order of `writeText`. The
 * order of `<` differs: it puts U+FFFF after the pairs that stand for U+10000 and above.
 */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  let at = 0
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === shorter) return a.length - b.length
  const left = a.charCodeAt(at)
  const right = b.charCodeAt(at)
  if (left < 0xd800 && right < 0xd800) return left - right
  // Where one text goes on with the low half of a pair, the pair began one unit earlier.
  const before = at === 0 ? 0 : a.charCodeAt(at - 1)
  const isInsidePair = before >= 0xd800 && before < 0xdc00
  if (isInsidePair) {
    const difference = codePointAt(a, at - 1) - codePointAt(b, at - 1)
    if (difference !== 0) return difference
  }
  return codePointAt(a, at) - codePointAt(b, at)
}

function codePointAt(text: string, at: number): number {
  return text.codePointAt(at) ?? -1
}
