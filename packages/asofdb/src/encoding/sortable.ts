import { type ByteReader, type ByteWriter, DecodeError } from './bytes.ts'
import { Instant } from './instant.ts'
import { generalisedBytesToText } from './text.ts'

/**
 * Encodings whose byte order is the order of what they encode. Everything is big-endian.
 *
 * - Number: the 64 bits of the nearest double, with the sign bit flipped, or all bits where the
 *   number is negative. Where doubles are further apart than integers (2^53 up to 2^63 either way)
 *   two more bytes hold how far the integer lies from its double, plus 2^15. An integer and a
 *   double of the same amount are the same bytes. -0 is 0.
 * - Text and bytes inside a tuple: a zero byte becomes 00 FF, the end is 00. No element begins
 *   with FF, so the end sorts before any longer text.
 * - Instant: seconds plus 2^47 in 6 bytes, nanoseconds in 4.
 */
export const keyTag = {
  end: 0x00,
  textElement: 0x01,
  boolean: 0xf5,
  number: 0xf6,
  bytes: 0xf7,
  instant: 0xf8,
  localDate: 0xf9,
  localTime: 0xfa,
  localDateTime: 0xfb,
  zonedDateTime: 0xfc,
  duration: 0xfd,
  tuple: 0xfe,
} as const

const bits = new DataView(new ArrayBuffer(8))
const wideStart = 2 ** 53
const wideEnd = 2 ** 63
const remainderZero = 0x8000
const secondsZero = 2 ** 47
const elementEnd = 0x00
const escapedZero = 0xff
const int64Max = 2n ** 63n - 1n

function writeBits(writer: ByteWriter): void {
  for (let at = 0; at < 8; at++) writer.u8(bits.getUint8(at))
}

/** Whether an integer of this size may lie between two doubles. */
function isWide(double: number): boolean {
  return Math.abs(double) >= wideStart && Math.abs(double) <= wideEnd
}

/** A number, or an integer of 64 bits. */
export function writeSortableNumber(writer: ByteWriter, value: number | bigint): void {
  const double = Number(value)
  if (Number.isNaN(double)) {
    writeUnsigned(writer, 0xfff80000, 4)
    writeUnsigned(writer, 0, 4)
    return
  }
  bits.setFloat64(0, double === 0 ? 0 : double)
  const high = bits.getUint32(0)
  if (high >= 0x8000_0000) {
    bits.setUint32(0, ~high)
    bits.setUint32(4, ~bits.getUint32(4))
  } else {
    bits.setUint32(0, high + 0x8000_0000)
  }
  writeBits(writer)
  if (isWide(double)) {
    const remainder = typeof value === 'bigint' ? Number(value - BigInt(double)) : 0
    writeUnsigned(writer, remainder + remainderZero, 2)
  }
}

/** Integers beyond 2^53 that fit in 64 bits come back as bigint, whichever way they came. */
export function readSortableNumber(reader: ByteReader): number | bigint {
  const at = reader.position
  const high = readUnsigned(reader, 4)
  const low = readUnsigned(reader, 4)
  bits.setUint32(0, high >= 0x8000_0000 ? high - 0x8000_0000 : ~high)
  bits.setUint32(4, high >= 0x8000_0000 ? low : ~low)
  const double = bits.getFloat64(0)
  if (Number.isNaN(double) || Object.is(double, -0)) {
    throw new DecodeError('a number has bits that are never written', at)
  }
  if (!isWide(double)) return double
  const exact = BigInt(double) + BigInt(readUnsigned(reader, 2) - remainderZero)
  if (exact === BigInt(wideEnd) && double === wideEnd) return double
  if (Number(exact) !== double || exact > int64Max || exact < -int64Max - 1n) {
    throw new DecodeError('an integer lies too far from its double', at)
  }
  return exact
}

/** A signed integer of 64 bits. */
export function writeSortableInteger(writer: ByteWriter, value: bigint): void {
  bits.setBigUint64(0, BigInt.asUintN(64, value + 2n ** 63n))
  writeBits(writer)
}

export function writeSortableInstant(writer: ByteWriter, instant: Instant): void {
  writeUnsigned(writer, instant.epochSeconds + secondsZero, 6)
  writeUnsigned(writer, instant.nanosecond, 4)
}

export function readSortableInstant(reader: ByteReader): Instant {
  const at = reader.position
  const seconds = readUnsigned(reader, 6) - secondsZero
  const instant = Instant.ofStored(seconds, readUnsigned(reader, 4))
  if (instant === undefined) throw new DecodeError('an instant is out of range', at)
  return instant
}

export function writeU24(writer: ByteWriter, value: number): void {
  writeUnsigned(writer, value, 3)
}

export function writeU32(writer: ByteWriter, value: number): void {
  writeUnsigned(writer, value, 4)
}

/** A whole number from 0 in `width` (at most 6) bytes. */
function writeUnsigned(writer: ByteWriter, value: number, width: number): void {
  for (let shift = width - 1; shift >= 0; shift--) {
    writer.u8(Math.floor(value / 256 ** shift) & 0xff)
  }
}

function readUnsigned(reader: ByteReader, width: number): number {
  let value = 0
  for (let index = 0; index < width; index++) value = value * 256 + reader.u8()
  return value
}

/** Text as an element of a tuple. */
export function writeTextElement(writer: ByteWriter, text: string): void {
  let start = 0
  for (let zero = text.indexOf('\0'); zero >= 0; zero = text.indexOf('\0', start)) {
    writer.generalisedUtf8(text.slice(start, zero))
    writer.u8(0)
    writer.u8(escapedZero)
    start = zero + 1
  }
  writer.generalisedUtf8(start === 0 ? text : text.slice(start))
  writer.u8(elementEnd)
}

export function readTextElement(reader: ByteReader): string {
  const bytes = readBytesElement(reader)
  return generalisedBytesToText(bytes, 0, bytes.length)
}

/** Bytes as an element of a tuple. */
export function writeBytesElement(writer: ByteWriter, bytes: Uint8Array): void {
  for (const byte of bytes) {
    writer.u8(byte)
    if (byte === 0) writer.u8(escapedZero)
  }
  writer.u8(elementEnd)
}

export function readBytesElement(reader: ByteReader): Uint8Array {
  const start = reader.position
  const bytes = reader.bytes
  let zeros = 0
  let isOpen = true
  while (isOpen) {
    if (reader.u8() !== 0) continue
    isOpen = reader.remaining > 0 && bytes[reader.position] === escapedZero
    if (isOpen) {
      reader.skip(1)
      zeros++
    }
  }
  const result = new Uint8Array(reader.position - 1 - start - zeros)
  for (let at = start, to = 0; to < result.length; at++, to++) {
    const byte = bytes[at] ?? 0
    result[to] = byte
    if (byte === 0) at++
  }
  return result
}
