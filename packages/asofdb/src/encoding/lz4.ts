import { invariant } from '../rules/invariant.ts'
import { DecodeError } from './decode-error.ts'

/**
 * LZ4 blocks, after the public description of the block format (lz4_Block_format.md of the LZ4
 * project). A block is a row of sequences: a token with two lengths of four bits, more bytes of the
 * first length while they are 255, so many literals, a distance of two bytes, more bytes of the
 * second length. The last sequence ends after its literals. A length of 15 goes on in the bytes
 * behind; a match is at least four bytes long, which its length does not count.
 *
 * How long the contents are is not in the block: whoever keeps it has to know.
 */
const matchBytesMin = 4
/** The last so many bytes are literals, always. */
const literalBytesAtEnd = 5
/** No match begins closer to the end, so that a decoder may copy whole words. */
const matchDistanceFromEnd = 12
const distanceMax = 0xffff

const hashBits = 13
/** Where four bytes with a hash were last seen, plus one. */
const places = new Int32Array(1 << hashBits)

/** After so many places without a match, steps grow by one: what doesn't compress costs little. */
const searchBits = 6

/** From this length on a call into the runtime is quicker than a loop. */
const loopBytesMax = 32

/**
 * Compresses `source` into `target` and returns how many bytes that took; 0 when they don't fit.
 */
export function lz4Encode(source: Uint8Array, target: Uint8Array): number {
  invariant(source.length > 0, 'there is something to compress')
  const writer = new SequenceWriter(source, target)
  const matchEnd = source.length - literalBytesAtEnd
  const last = source.length - matchDistanceFromEnd
  places.fill(0)
  let at = 0
  let anchor = 0
  let misses = 1 << searchBits
  while (at <= last) {
    const word = wordAt(source, at)
    const slot = Math.imul(word, 0x9e37_79b1) >>> (32 - hashBits)
    const found = (places[slot] as number) - 1
    places[slot] = at + 1
    if (found < 0 || at - found > distanceMax || wordAt(source, found) !== word) {
      at += misses++ >> searchBits
      continue
    }
    let start = at
    const distance = at - found
    const first = Math.max(anchor, distance)
    while (start > first && source[start - 1] === source[start - distance - 1]) start--
    let end = at + matchBytesMin
    while (end < matchEnd && source[end] === source[end - distance]) end++
    if (!writer.add({ from: anchor, to: start, distance, length: end - start })) return 0
    at = end
    anchor = end
    misses = 1 << searchBits
  }
  return writer.end(anchor) ? writer.length : 0
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

interface Sequence {
  /** The literals in the source. */
  readonly from: number
  readonly to: number
  readonly distance: number
  readonly length: number
}

class SequenceWriter {
  readonly #source: Uint8Array
  readonly #target: Uint8Array
  length = 0

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#source = source
    this.#target = target
  }

  /** False when it doesn't fit. */
  add({ from, to, distance, length }: Sequence): boolean {
    invariant(distance > 0 && distance <= distanceMax, 'a match is within reach')
    const rest = length - matchBytesMin
    if (!this.#addLiterals(from, to, Math.min(rest, 15))) return false
    const target = this.#target
    if (this.length + 2 + lengthBytes(rest) > target.length) return false
    target[this.length++] = distance
    target[this.length++] = distance >>> 8
    if (rest >= 15) this.#addLength(rest - 15)
    return true
  }

  /** What is left are literals. */
  end(from: number): boolean {
    return this.#addLiterals(from, this.#source.length, 0)
  }

  #addLiterals(from: number, to: number, low: number): boolean {
    const count = to - from
    const target = this.#target
    if (this.length + 1 + lengthBytes(count) + count > target.length) return false
    target[this.length++] = (Math.min(count, 15) << 4) | low
    if (count >= 15) this.#addLength(count - 15)
    copyFrom(this.#source, { from, to }, { target, at: this.length })
    this.length += count
    return true
  }

  #addLength(rest: number): void {
    let left = rest
    for (; left >= 255; left -= 255) this.#target[this.length++] = 255
    this.#target[this.length++] = left
  }
}

/** Bytes behind the token that a length takes. */
function lengthBytes(count: number): number {
  return count < 15 ? 0 : 1 + Math.floor((count - 15) / 255)
}

function copyFrom(
  source: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
  place: { readonly target: Uint8Array; readonly at: number },
): void {
  const { target } = place
  if (to - from > loopBytesMax) {
    target.set(source.subarray(from, to), place.at)
    return
  }
  let at = place.at
  for (let index = from; index < to; index++) target[at++] = source[index] as number
}

/**
 * Decompresses a block that fills `target` exactly. Throws `DecodeError` for anything else, having
 * read nothing outside `source` and written nothing outside `target`.
 */
export function lz4Decode(source: Uint8Array, target: Uint8Array): void {
  const sourceEnd = source.length
  const targetEnd = target.length
  let from = 0
  let to = 0
  while (from < sourceEnd) {
    const token = source[from++] as number
    let count = token >>> 4
    if (count === 15) {
      for (let more = 255; more === 255; count += more) {
        if (from >= sourceEnd) throw cutOff(from)
        more = source[from++] as number
      }
    }
    if (count > sourceEnd - from || count > targetEnd - to) throw tooLong(from)
    if (count > loopBytesMax) {
      target.set(source.subarray(from, from + count), to)
      from += count
      to += count
    } else {
      for (const end = from + count; from < end;) target[to++] = source[from++] as number
    }
    if (from === sourceEnd) {
      if (to !== targetEnd) throw new DecodeError('a compressed block ends early', from)
      return
    }
    if (from + 2 > sourceEnd) throw cutOff(from)
    const distance = (source[from] as number) | ((source[from + 1] as number) << 8)
    if (distance === 0 || distance > to) {
      throw new DecodeError('a compressed block refers to what is not there', from)
    }
    from += 2
    let length = (token & 15) + matchBytesMin
    if ((token & 15) === 15) {
      for (let more = 255; more === 255; length += more) {
        if (from >= sourceEnd) throw cutOff(from)
        more = source[from++] as number
      }
    }
    if (length > targetEnd - to) throw tooLong(from)
    const start = to - distance
    if (length > loopBytesMax && distance >= length) {
      target.copyWithin(to, start, start + length)
      to += length
    } else {
      // A match may reach into what it writes itself, which repeats it.
      for (let at = start; at < start + length; at++) target[to++] = target[at] as number
    }
  }
  throw cutOff(from)
}

function cutOff(at: number): DecodeError {
  return new DecodeError('a compressed block is cut off', at)
}

function tooLong(at: number): DecodeError {
  return new DecodeError('a compressed block holds more than it should', at)
}
