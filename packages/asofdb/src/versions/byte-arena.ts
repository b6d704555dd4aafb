import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'

/**
 * Append-only bytes for payloads, addressed in units of 8 bytes so that a reference fits 32 bits
 * (32 GiB). An entry is a length (LEB128) followed by that many bytes and never crosses a chunk;
 * what is left of a chunk that is too small for the next entry stays zero. Unit 0 is reserved, so
 * 0 can mean "absent"; an empty entry is shared and needs no room of its own.
 */
const chunkBits = 24
const chunkBytes = 1 << chunkBits
const unitBytes = 8
const unitsPerChunkBits = chunkBits - 3
const unitMask = (1 << unitsPerChunkBits) - 1
const firstChunkBytes = 1024
const lengthBytesMax = 5
/** Up to so many bytes are copied one by one: then that is quicker than a call. */
const loopBytesMax = 32
const arenaBytesMax = 2 ** 32 * unitBytes

/** The largest payload: one chunk less its length prefix. */
export const payloadBytesMax = chunkBytes - unitBytes * 2

/** The reference that means "no payload". */
export const absentReference = 0

/** The reference of the shared empty payload. */
export const emptyReference = 1

export class ByteArena {
  #chunks: Uint8Array[] = []
  /** The same memory in words, for who compares or looks ahead. */
  #words: Int32Array[] = []
  #end = 0

  constructor() {
    this.#reserve(0, 2 * unitBytes)
    this.#end = 2 * unitBytes
  }

  /** Bytes in use, waste included: the next entry's position. */
  get length(): number {
    return this.#end
  }

  get byteLength(): number {
    let bytes = 0
    for (const chunk of this.#chunks) bytes += chunk.byteLength
    return bytes
  }

  /** Refuses entries, encoded in `bytes` altogether, that might not fit. Errs on the safe side. */
  mustHaveRoom(bytes: number): void {
    // An entry of one byte takes a unit; entries of half a chunk leave the other half empty.
    if (this.#end + bytes * unitBytes + chunkBytes > arenaBytesMax) throw arenaFull()
  }

  /** Copies `source[start, end)` in as one entry and returns its reference. */
  append(source: Uint8Array, start: number, end: number): number {
    const length = end - start
    invariant(start >= 0 && length >= 0 && end <= source.length, 'an entry lies in its source')
    if (length === 0) return emptyReference
    const content = this.#begin(length)
    const chunk = this.#chunks[Math.floor(content / chunkBytes)] as Uint8Array
    let at = content % chunkBytes
    if (length > loopBytesMax) chunk.set(source.subarray(start, end), at)
    else for (let from = start; from < end; from++) chunk[at++] = source[from] as number
    return this.#finish(content + length)
  }

  /** As `append`, of a text each character of which is a byte. */
  appendLatin1(text: string): number {
    const { length } = text
    if (length === 0) return emptyReference
    const content = this.#begin(length)
    const chunk = this.#chunks[Math.floor(content / chunkBytes)] as Uint8Array
    let at = content % chunkBytes
    let bits = 0
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index)
      bits |= unit
      chunk[at++] = unit
    }
    if (bits > 0xff) chunk.fill(0, content % chunkBytes, at)
    invariant(bits <= 0xff, 'a character of a name is a byte')
    return this.#finish(content + length)
  }

  /** Writes the length of the next entry; returns the position of its bytes. */
  #begin(length: number): number {
    invariant(length > 0, 'an empty entry takes no room')
    if (length > payloadBytesMax) {
      throw new DatabaseError(
        'LimitExceeded',
        `a payload of ${length} bytes is over the limit of ${payloadBytesMax}; split the value`,
      )
    }
    const left = chunkBytes - (this.#end % chunkBytes)
    if (length + lengthBytesMax > left) this.#end += left
    const position = this.#end
    const chunk = this.#reserve(position, length + lengthBytesMax)
    let at = position % chunkBytes
    for (let rest = length; ; rest >>>= 7) {
      chunk[at++] = rest < 128 ? rest : (rest & 127) | 128
      if (rest < 128) break
    }
    return position - (position % chunkBytes) + at
  }

  /** The bytes of an entry are written up to `end`: the next one begins at a unit of its own. */
  #finish(end: number): number {
    invariant(end > this.#end, 'an entry lies behind those before it')
    const position = this.#end
    this.#end = Math.ceil(end / unitBytes) * unitBytes
    invariant(position % unitBytes === 0 && position > unitBytes, 'an entry starts at its own unit')
    return position / unitBytes
  }

  /** The chunk that holds an entry. Its content at the entry never changes. */
  chunkOf(reference: number): Uint8Array {
    return this.#chunks[reference >>> unitsPerChunkBits] as Uint8Array
  }

  /** The same chunk in words of the host's byte order; an entry starts at a whole word. */
  wordsOf(reference: number): Int32Array {
    return this.#words[reference >>> unitsPerChunkBits] as Int32Array
  }

  /** Where the entry starts inside `wordsOf`. */
  wordOffsetOf(reference: number): number {
    return (reference & unitMask) << 1
  }

  /** Where the entry (its length prefix) starts inside `chunkOf`. */
  offsetOf(reference: number): number {
    return (reference & unitMask) << 3
  }

  /** The bytes [from, to), as views of the chunks, in order. */
  *byteRanges(from: number, to: number): Generator<Uint8Array> {
    invariant(from >= 0 && from <= to && to <= this.#end, 'the bytes asked for exist')
    for (let position = from; position < to;) {
      const index = Math.floor(position / chunkBytes)
      const end = Math.min((index + 1) * chunkBytes, to)
      const chunk = this.#chunks[index] as Uint8Array
      yield chunk.subarray(position % chunkBytes, (position % chunkBytes) + (end - position))
      position = end
    }
  }

  /** Makes the bytes up to `length` exist (zero until filled), for a reader that fills them. */
  extendTo(length: number): void {
    invariant(length >= this.#end, 'an arena is extended to more than it holds')
    invariant(length % unitBytes === 0, 'an arena ends at a whole unit')
    for (let position = this.#end; position < length;) {
      const room = Math.min(chunkBytes - (position % chunkBytes), length - position)
      this.#reserve(position, room)
      position += room
    }
    this.#end = length
  }

  /** Forgets the bytes from `length` on, which nothing may refer to. */
  shrinkTo(length: number): void {
    invariant(length >= 0 && length % unitBytes === 0, 'an arena ends at a whole unit')
    if (length >= this.#end) return
    const first = Math.floor(length / chunkBytes)
    this.#chunks[first]?.fill(0, length % chunkBytes)
    this.#chunks.length = Math.min(this.#chunks.length, first + 1)
    this.#words.length = this.#chunks.length
    this.#end = Math.max(length, 2 * unitBytes)
  }

  /** The chunk that holds [position, position + length), which lies in one chunk. */
  #reserve(position: number, length: number): Uint8Array {
    const index = Math.floor(position / chunkBytes)
    const needed = (position % chunkBytes) + length
    invariant(needed <= chunkBytes, 'an entry never crosses a chunk')
    const present = this.#chunks[index]
    if (present !== undefined && present.length >= needed) return present
    if (position + length > arenaBytesMax) throw arenaFull()
    for (let full = 0; full < index; full++) this.#enlarge(full, chunkBytes)
    return this.#enlarge(index, needed)
  }

  /** Chunk `index` with at least `needed` bytes. Doubles, so that filling it copies O(1) a byte. */
  #enlarge(index: number, needed: number): Uint8Array {
    const old = this.#chunks[index]
    if (old !== undefined && old.length >= needed) return old
    let size = old === undefined ? firstChunkBytes : old.length * 2
    if (index > 0) size = chunkBytes
    while (size < needed) size *= 2
    const larger = new Uint8Array(size)
    if (old !== undefined) larger.set(old)
    this.#chunks[index] = larger
    this.#words[index] = new Int32Array(larger.buffer)
    return larger
  }
}

function arenaFull(): DatabaseError {
  return new DatabaseError(
    'LimitExceeded',
    'the payloads of one table fill 32 GiB; split the database',
  )
}
