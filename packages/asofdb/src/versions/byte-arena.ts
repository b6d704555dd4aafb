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
const arenaBytesMax = 2 ** 32 * unitBytes

/** The largest payload: one chunk less its length prefix. */
export const payloadBytesMax = chunkBytes - unitBytes * 2

/** The reference that means "no payload". */
export const absentReference = 0

/** The reference of the shared empty payload. */
export const emptyReference = 1

export class ByteArena {
  #chunks: Uint8Array[] = []
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
    if (length > 64) chunk.set(source.subarray(start, end), at)
    else for (let from = start; from < end; from++) chunk[at++] = source[from] as number
    const size = length + (length < 128 ? 1 : lengthSize(length))
    this.#end = position + Math.ceil(size / unitBytes) * unitBytes
    invariant(position % unitBytes === 0 && position > unitBytes, 'an entry starts at its own unit')
    return position / unitBytes
  }

  /** The chunk that holds an entry. Its content at the entry never changes. */
  chunkOf(reference: number): Uint8Array {
    return this.#chunks[reference >>> unitsPerChunkBits] as Uint8Array
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
    return larger
  }
}

function arenaFull(): DatabaseError {
  return new DatabaseError(
    'LimitExceeded',
    'the payloads of one table fill 32 GiB; split the database',
  )
}

/** Bytes of the LEB128 form of a length. */
function lengthSize(length: number): number {
  let size = 1
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) size++
  return size
}
