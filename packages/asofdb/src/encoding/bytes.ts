import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { DecodeError } from './decode-error.ts'
import { bytesToText, isWellFormedText, textBytesMax, writeAscii, writeText } from './text.ts'

export { DecodeError } from './decode-error.ts'

/**
 * The primitive encodings. Everything is little-endian.
 *
 * - `varuint`: LEB128, 7 bits a byte, lowest first, at most 8 bytes, 0 … 2^53-1. The shortest
 *   form is the only valid one, so that equal numbers are equal bytes.
 * - `varint`: zigzag (0, -1, 1, -2 …) as a varuint; its 54 bits cover all safe integers.
 * - `f64`: IEEE 754; every NaN is written as 0x7ff8000000000000.
 * - `string`: byte length as varuint, then UTF-8.
 */
const firstCapacity = 64
const varuintBytesMax = 8
const word = new DataView(new ArrayBuffer(8))
const wordBytes = new Uint8Array(word.buffer)

/** Bytes [start, end) of an array; whoever made them never changes them. */
export interface ByteSlice {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** What `cut` takes stays in blocks of this size, so that a small slice keeps little else alive. */
const blockBytes = 16 * 1024

const noBytes = new Uint8Array(0)

/** Up to this many bytes a loop copies faster than a call into the runtime. */
const loopBytesMax = 48

/**
 * A growing byte array. What was written can be cut off as a slice: it stays where it is, and the
 * next write begins behind it. That costs no array of its own for each of many small payloads.
 */
export class ByteWriter {
  #bytes: Uint8Array
  /** Where what is being written begins; the bytes before it were cut off and never change. */
  #start = 0
  /** Where it ends. */
  #length = 0

  constructor(capacity: number = firstCapacity) {
    this.#bytes = new Uint8Array(capacity)
  }

  /** Makes room for so many more bytes at once, where that is known. */
  expect(bytes: number): void {
    this.#room(bytes)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length - this.#start
  }

  u8(value: number): void {
    const at = this.#reserve(1)
    this.#bytes[at] = value
  }

  u16(value: number): void {
    const at = this.#reserve(2)
    this.#bytes[at] = value
    this.#bytes[at + 1] = value >>> 8
  }

  u32(value: number): void {
    this.#putU32(this.#reserve(4), value)
  }

  /** A signed 64-bit integer; wider ones are a bug of the caller. */
  i64(value: bigint): void {
    invariant(BigInt.asIntN(64, value) === value, 'a 64-bit integer is in range')
    const at = this.#reserve(8)
    word.setBigInt64(0, value, true)
    this.#bytes.set(wordBytes, at)
  }

  /** A safe integer from 0 in 8 bytes. */
  u64(value: number): void {
    invariant(Number.isSafeInteger(value) && value >= 0, 'an unsigned number is safe')
    const at = this.#reserve(8)
    this.#putU32(at, value)
    this.#putU32(at + 4, Math.floor(value / 0x1_0000_0000))
  }

  f64(value: number): void {
    const at = this.#reserve(8)
    if (value === value) {
      word.setFloat64(0, value, true)
    } else {
      word.setUint32(0, 0, true)
      word.setUint32(4, 0x7ff80000, true)
    }
    const bytes = this.#bytes
    for (let index = 0; index < 8; index++) bytes[at + index] = wordBytes[index] as number
  }

  varuint(value: number): void {
    let at = this.#room(varuintBytesMax)
    const bytes = this.#bytes
    let rest = value
    if (rest >>> 0 !== rest) {
      invariant(Number.isSafeInteger(value) && value >= 0, 'an unsigned number is safe')
      while (rest > 0xffff_ffff) {
        bytes[at++] = (rest & 0x7f) | 0x80
        rest = Math.floor(rest / 128)
      }
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[at++] = rest
    this.#length = at
  }

  varint(value: number): void {
    if (value << 1 >> 1 === value) {
      this.varuint(((value << 1) ^ (value >> 31)) >>> 0)
      return
    }
    invariant(Number.isSafeInteger(value), 'a signed number is safe')
    // Zigzag needs 54 bits here: the lowest 7 go out first, so that the rest is a safe integer.
    const sign = value < 0 ? 1 : 0
    const magnitude = sign === 1 ? -value - 1 : value
    const rest = Math.floor(magnitude / 64)
    const low = (magnitude - rest * 64) * 2 + sign
    this.u8(low | 0x80)
    this.varuint(rest)
  }

  /** The bytes as they are, without a length. */
  bytes(source: Uint8Array): void {
    const at = this.#reserve(source.length)
    this.#bytes.set(source, at)
  }

  /** The bytes of a slice as they are, without a length. */
  slice({ bytes, start, end }: ByteSlice): void {
    invariant(start >= 0 && start <= end && end <= bytes.length, 'a slice lies in its bytes')
    let at = this.#reserve(end - start)
    const target = this.#bytes
    if (end - start > loopBytesMax) target.set(bytes.subarray(start, end), at)
    else for (let from = start; from < end; from++) target[at++] = bytes[from] as number
  }

  /** Refuses text that UTF-8 can't carry: InvalidValue. */
  string(text: string): void {
    const start = this.length
    this.varuint(text.length)
    const bodyStart = this.length
    const written = this.utf8(text)
    if (written === text.length) return
    this.truncate(start)
    if (written < 0) {
      throw new DatabaseError('InvalidValue', 'the text holds half of a surrogate pair: mend it', {
        details: { text },
      })
    }
    this.varuint(written)
    if (this.length === bodyStart) this.#length += written
    else this.utf8(text)
  }

  /**
   * Writes UTF-8 without a length and returns how many bytes that took; writes nothing and
   * returns -1 when the text is not well-formed.
   */
  utf8(text: string): number {
    const start = this.#room(textBytesMax(text))
    if (writeAscii(text, this.#bytes, start)) {
      this.#length = start + text.length
      return text.length
    }
    return isWellFormedText(text) ? this.generalisedUtf8(text) : -1
  }

  /** As `utf8`, for any text: a lone surrogate takes three bytes. See `text.ts`. */
  generalisedUtf8(text: string): number {
    const start = this.#room(textBytesMax(text))
    this.#length = writeText(text, this.#bytes, start)
    return this.#length - start
  }

  /** What is written, as a view that the next write may invalidate. */
  view(from: number = 0): Uint8Array {
    return this.#bytes.subarray(this.#start + from, this.#length)
  }

  /** What is written, as bytes of their own. */
  copy(): Uint8Array {
    return this.#bytes.slice(this.#start, this.#length)
  }

  /** Takes what is written as a slice that never changes; the writer then holds nothing. */
  cut(): ByteSlice {
    const slice = { bytes: this.#bytes, start: this.#start, end: this.#length }
    this.#start = this.#length
    if (this.#bytes.length > blockBytes) {
      this.#bytes = noBytes
      this.#start = 0
      this.#length = 0
    }
    return slice
  }

  reset(): void {
    this.#length = this.#start
  }

  /** Forgets what was written from `length` on. */
  truncate(length: number): void {
    invariant(length >= 0 && length <= this.length, 'a writer is truncated inside what it wrote')
    this.#length = this.#start + length
  }

  patchU8(position: number, value: number): void {
    invariant(position >= 0 && position < this.length, 'a patch lies inside what is written')
    this.#bytes[this.#start + position] = value
  }

  patchU32(position: number, value: number): void {
    invariant(position >= 0 && position + 4 <= this.length, 'a patch lies inside what is written')
    this.#putU32(this.#start + position, value)
  }

  #putU32(at: number, value: number): void {
    const bytes = this.#bytes
    bytes[at] = value
    bytes[at + 1] = value >>> 8
    bytes[at + 2] = value >>> 16
    bytes[at + 3] = value >>> 24
  }

  #reserve(count: number): number {
    const at = this.#room(count)
    this.#length = at + count
    return at
  }

  /** Makes room for `count` more bytes; returns where they begin. */
  #room(count: number): number {
    if (this.#length + count > this.#bytes.length) this.#grow(this.#length + count)
    return this.#length
  }

  /** What is being written moves on to another array; what was cut off stays where it is. */
  #grow(needed: number): void {
    const length = this.#length - this.#start
    const isCut = this.#start > 0
    const capacity = isCut ? blockBytes : Math.max(firstCapacity, this.#bytes.length * 2)
    const grown = new Uint8Array(Math.max(capacity, needed - this.#start))
    grown.set(this.#bytes.subarray(this.#start, this.#length))
    this.#bytes = grown
    this.#start = 0
    this.#length = length
  }
}

const sharedWriter = new ByteWriter()

/**
 * An empty writer for one payload, to be left empty again by `cut` or `reset`. Usually the same
 * one; another while that is in use, because a getter of a value may go and write another value.
 */
export function idleWriter(): ByteWriter {
  return sharedWriter.length === 0 ? sharedWriter : new ByteWriter()
}

/** Whether both are the same bytes; undefined is the same as undefined only. */
export function bytesEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** Reads what `ByteWriter` wrote. Every read checks its bounds and throws `DecodeError`. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly end: number
  #position: number

  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.end = end
    this.#position = start
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new DecodeError(`bytes ${start} to ${end} of ${bytes.length} don't exist`, start)
    }
  }

  /** Where the next read begins, counted from the start of the byte array. */
  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.end - this.#position
  }

  u8(): number {
    return this.bytes[this.#advance(1)] as number
  }

  u16(): number {
    const at = this.#advance(2)
    return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8)
  }

  u32(): number {
    return this.#u32At(this.#advance(4))
  }

  i64(): bigint {
    this.#loadWord()
    return word.getBigInt64(0, true)
  }

  u64(): number {
    const at = this.#advance(8)
    const high = this.#u32At(at + 4)
    if (high > 0x1f_ffff) throw new DecodeError('a number is above 2^53-1', at)
    return high * 0x1_0000_0000 + this.#u32At(at)
  }

  f64(): number {
    this.#loadWord()
    return word.getFloat64(0, true)
  }

  varuint(): number {
    const bytes = this.bytes
    const start = this.#position
    if (start < this.end) {
      const first = bytes[start] as number
      if (first < 0x80) {
        this.#position = start + 1
        return first
      }
    }
    let value = 0
    let scale = 1
    for (let at = start; at < this.end; at++) {
      const byte = bytes[at] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        const isShortest = byte !== 0 || at === start
        if (!isShortest || value > Number.MAX_SAFE_INTEGER) break
        this.#position = at + 1
        return value
      }
      scale *= 128
      if (at - start + 1 >= varuintBytesMax) break
    }
    throw new DecodeError('a number of variable length is cut off, too long or too large', start)
  }

  varint(): number {
    const start = this.#position
    const first = start < this.end ? (this.bytes[start] as number) : 0
    if (first < 0x80) {
      const single = this.u8()
      return (single >>> 1) ^ -(single & 1)
    }
    this.#position = start + 1
    const rest = this.varuint()
    const magnitude = rest * 64 + ((first & 0x7f) >>> 1)
    const value = (first & 1) === 1 ? -magnitude - 1 : magnitude
    if (rest === 0 || !Number.isSafeInteger(value)) {
      throw new DecodeError('a signed number is too long or too large', start)
    }
    return value
  }

  string(): string {
    const length = this.varuint()
    const at = this.#advance(length)
    return bytesToText(this.bytes, at, at + length)
  }

  /** The next `count` bytes as a view. */
  take(count: number): Uint8Array {
    const at = this.#advance(count)
    return this.bytes.subarray(at, at + count)
  }

  skip(count: number): void {
    this.#advance(count)
  }

  #advance(count: number): number {
    const at = this.#position
    const next = at + count
    if (!(next <= this.end && count >= 0)) {
      throw new DecodeError(`${count} bytes are expected, ${this.end - at} are left`, at)
    }
    this.#position = next
    return at
  }

  #u32At(at: number): number {
    const bytes = this.bytes
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)
    return high * 0x1_0000 + low
  }

  #loadWord(): void {
    const at = this.#advance(8)
    for (let index = 0; index < 8; index++) wordBytes[index] = this.bytes[at + index] as number
  }
}
