import { isDatabaseError } from '../rules/errors.ts'
import { valueDepthMax } from '../rules/limits.ts'
import { ByteReader, DecodeError } from './bytes.ts'
import { Duration, Float, LocalDate, LocalDateTime, LocalTime, ZonedDateTime } from './calendar.ts'
import { Instant } from './instant.ts'
import { bytesToName, bytesToText, isWellFormedText } from './text.ts'
import { shortTextBytesMax, smallIntegerMax, type Value, valueTag } from './value-format.ts'
import { bytesToVector } from './vector-bytes.ts'

// Plain numbers of this module, because these are read at every turn: what is imported, and what
// lies in an object, the runtime loads and checks anew each time.
const integerTag = valueTag.integer
const smallIntegerTag = valueTag.smallInteger
const shortTextTag = valueTag.shortText

/** The value whose tag is at `offset`; copies what it returns. Throws `DecodeError`. */
export function decodeValue(bytes: Uint8Array, offset: number): Value {
  const tag = bytes[offset] as number
  if (tag >= shortTextTag) {
    const start = offset + 1
    const end = start + tag - shortTextTag
    if (end <= bytes.length) return bytesToText(bytes, start, end)
  } else if (tag >= smallIntegerTag) {
    return tag - smallIntegerTag
  } else if (tag === integerTag) {
    const first = bytes[offset + 1] as number
    const second = bytes[offset + 2] as number
    if (first >= 0x80 && second > 0 && second < 0x80) {
      const magnitude = (second << 6) | ((first & 0x7f) >>> 1)
      return (first & 1) === 1 ? -magnitude - 1 : magnitude
    }
  }
  return decodeAnyValue(bytes, offset)
}

function decodeAnyValue(bytes: Uint8Array, offset: number): Value {
  return readValue(new ByteReader(bytes, offset))
}

/** Where the value whose tag is at `offset` ends; looks at nothing that it need not. */
export function valueEnd(bytes: Uint8Array, offset: number): number {
  const tag = bytes[offset] as number
  if (tag >= smallIntegerTag) {
    const end = offset + 1 + (tag >= shortTextTag ? tag - shortTextTag : 0)
    if (end <= bytes.length) return end
  } else if (tag === integerTag) {
    let end = offset + 1
    while ((bytes[end] as number) >= 128) end++
    if (end < bytes.length) return end + 1
  }
  return longValueEnd(bytes, offset)
}

function longValueEnd(bytes: Uint8Array, offset: number): number {
  const reader = new ByteReader(bytes, offset)
  skipValue(reader)
  return reader.position
}

/** Reads the next value. Throws `DecodeError`. */
export function readValue(reader: ByteReader): Value {
  return readTagged(reader, 0)
}

/** Steps over the next value. Throws `DecodeError` when it doesn't fit. */
export function skipValue(reader: ByteReader): void {
  const tag = reader.u8()
  if (tag >= valueTag.shortText) return reader.skip(tag - valueTag.shortText)
  if (tag >= valueTag.smallInteger) return
  switch (tag) {
    case valueTag.null:
    case valueTag.false:
    case valueTag.true:
      return
    case valueTag.integer:
      reader.varint()
      return
    case valueTag.wideInteger:
    case valueTag.float:
      return reader.skip(8)
    case valueTag.text:
    case valueTag.bytes:
      return reader.skip(reader.varuint())
    case valueTag.illFormedText:
      return reader.skip(reader.varuint() * 2)
    case valueTag.vector:
      return reader.skip(reader.varuint() * 4)
    case valueTag.list:
    case valueTag.map:
      return reader.skip(reader.u32())
    default:
      return skipTime(reader, tag)
  }
}

function skipTime(reader: ByteReader, tag: number): void {
  switch (tag) {
    case valueTag.instant:
      reader.varint()
      reader.varuint()
      return
    case valueTag.localDate:
      reader.varint()
      return reader.skip(2)
    case valueTag.localTime:
      reader.varuint()
      reader.varuint()
      return
    case valueTag.localDateTime:
      skipTime(reader, valueTag.localDate)
      return skipTime(reader, valueTag.localTime)
    case valueTag.zonedDateTime:
      skipTime(reader, valueTag.instant)
      return reader.skip(reader.varuint())
    case valueTag.duration:
      reader.varint()
      reader.varint()
      reader.skip(8)
      reader.varuint()
      return
    default:
      throw new DecodeError(`a value has the unknown tag ${tag}`, reader.position - 1)
  }
}

function readTagged(reader: ByteReader, depth: number): Value {
  const at = reader.position
  const tag = reader.u8()
  if (tag >= valueTag.shortText) return readUtf8(reader, tag - valueTag.shortText)
  if (tag >= valueTag.smallInteger) return tag - valueTag.smallInteger
  switch (tag) {
    case valueTag.null:
      return null
    case valueTag.false:
      return false
    case valueTag.true:
      return true
    case valueTag.integer:
      return readInteger(reader)
    case valueTag.wideInteger:
      return readWideInteger(reader)
    case valueTag.float:
      return readFloat(reader)
    case valueTag.text:
      return readLongText(reader)
    case valueTag.illFormedText:
      return readIllFormedText(reader)
    case valueTag.bytes:
      return new Uint8Array(reader.take(reader.varuint()))
    case valueTag.vector:
      return bytesToVector(reader.take(reader.varuint() * 4))
    case valueTag.instant:
      return readInstant(reader)
    case valueTag.list:
      return readList(reader, depth + 1)
    case valueTag.map:
      return readMap(reader, depth + 1)
    default:
      return readCalendar(reader, { tag, at })
  }
}

function readUtf8(reader: ByteReader, length: number): string {
  const start = reader.position
  reader.skip(length)
  return bytesToText(reader.bytes, start, start + length)
}

function readInteger(reader: ByteReader): number {
  const at = reader.position
  const value = reader.varint()
  if (value >= 0 && value <= smallIntegerMax) {
    throw new DecodeError('a small integer is not in its short form', at)
  }
  return value
}

function readWideInteger(reader: ByteReader): bigint {
  const at = reader.position
  const value = reader.i64()
  if (Number.isSafeInteger(Number(value))) {
    throw new DecodeError('an integer is not in its short form', at)
  }
  return value
}

function readFloat(reader: ByteReader): number | Float {
  const at = reader.position
  const value = reader.f64()
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? value : new Float(value)
  if (Number.isNaN(value)) {
    const check = new ByteReader(reader.bytes, at, reader.position)
    if (check.u32() !== 0 || check.u32() !== 0x7ff80000) {
      throw new DecodeError('NaN has other bits than are ever written', at)
    }
  }
  return value
}

function readLongText(reader: ByteReader): string {
  const at = reader.position
  const length = reader.varuint()
  if (length <= shortTextBytesMax) throw new DecodeError('a text is not in its short form', at)
  return readUtf8(reader, length)
}

const textChunkUnits = 4096

function readIllFormedText(reader: ByteReader): string {
  const at = reader.position
  const body = reader.take(reader.varuint() * 2)
  const units: number[] = []
  let text = ''
  for (let index = 0; index < body.length; index += 2) {
    units.push((body[index] ?? 0) | ((body[index + 1] ?? 0) << 8))
    if (units.length === textChunkUnits) text += String.fromCharCode(...units.splice(0))
  }
  text += String.fromCharCode(...units)
  if (isWellFormedText(text)) throw new DecodeError('well-formed text is not in UTF-8', at)
  return text
}

function readInstant(reader: ByteReader): Instant {
  const at = reader.position
  const seconds = reader.varint()
  const instant = Instant.ofStored(seconds, reader.varuint())
  if (instant === undefined) throw new DecodeError('an instant is out of range', at)
  return instant
}

/** The makers of calendar values check their parts; what they refuse was never written. */
function readCalendar(reader: ByteReader, place: { tag: number; at: number }): Value {
  try {
    switch (place.tag) {
      case valueTag.localDate:
        return readLocalDate(reader)
      case valueTag.localTime:
        return readLocalTime(reader)
      case valueTag.localDateTime:
        return new LocalDateTime(readLocalDate(reader), readLocalTime(reader))
      case valueTag.zonedDateTime:
        return readZonedDateTime(reader)
      case valueTag.duration:
        return readDuration(reader)
      default:
        throw new DecodeError(`a value has the unknown tag ${place.tag}`, place.at)
    }
  } catch (error) {
    if (isDatabaseError(error, 'InvalidValue')) throw new DecodeError(error.message, place.at)
    throw error
  }
}

function readLocalDate(reader: ByteReader): LocalDate {
  const year = reader.varint()
  const month = reader.u8()
  return new LocalDate({ year, month, day: reader.u8() })
}

function readLocalTime(reader: ByteReader): LocalTime {
  const secondOfDay = reader.varuint()
  return LocalTime.ofSecondOfDay({ secondOfDay, nanosecond: reader.varuint() })
}

function readZonedDateTime(reader: ByteReader): ZonedDateTime {
  const at = reader.position
  const instant = readInstant(reader)
  if (!instant.isFinite) throw new DecodeError('a zoned date-time is an open end', at)
  return ZonedDateTime.ofStored(instant, reader.string())
}

function readDuration(reader: ByteReader): Duration {
  const months = reader.varint()
  const days = reader.varint()
  const seconds = reader.i64()
  const at = reader.position
  const nanoseconds = reader.varuint()
  if (nanoseconds > 999_999_999) throw new DecodeError('a duration is not normalised', at)
  return new Duration({ months, days, seconds, nanoseconds })
}

/** Reads the length of a container and returns where it ends. */
function openContainer(reader: ByteReader, depth: number): number {
  const at = reader.position
  const length = reader.u32()
  if (depth > valueDepthMax) throw new DecodeError('values nest too deep', at)
  if (length > reader.remaining) throw new DecodeError('a list or map is cut off', at)
  return reader.position + length
}

function readList(reader: ByteReader, depth: number): Value[] {
  const end = openContainer(reader, depth)
  const count = reader.varuint()
  checkCount(reader, count, end)
  const list: Value[] = []
  for (let index = 0; index < count; index++) list.push(readTagged(reader, depth))
  checkEnd(reader, end)
  return list
}

function readMapKey(reader: ByteReader, depth: number): Value {
  const at = reader.position
  const tag = reader.remaining > 0 ? (reader.bytes[at] ?? 0) : 0
  if (tag < valueTag.shortText) return readTagged(reader, depth)
  reader.skip(1 + tag - valueTag.shortText)
  return bytesToName(reader.bytes, at + 1, reader.position)
}

function readMap(reader: ByteReader, depth: number): Value {
  const end = openContainer(reader, depth)
  const count = reader.varuint()
  checkCount(reader, count * 2, end)
  const map: { [name: string]: Value } = {}
  let last: string | undefined
  for (let index = 0; index < count; index++) {
    const at = reader.position
    const name = readMapKey(reader, depth)
    if (typeof name !== 'string' || (last !== undefined && name <= last)) {
      throw new DecodeError('the keys of a map are not text in ascending order', at)
    }
    const value = readTagged(reader, depth)
    if (name === '__proto__') {
      // Assignment would set the prototype instead of a key.
      const how = { value, writable: true, enumerable: true, configurable: true }
      Object.defineProperty(map, name, how)
    } else {
      map[name] = value
    }
    last = name
  }
  checkEnd(reader, end)
  return map
}

/** Every value takes a byte at least; so a wrong count can't make a loop run for long. */
function checkCount(reader: ByteReader, count: number, end: number): void {
  if (count > end - reader.position) throw new DecodeError('a count is too large', reader.position)
}

function checkEnd(reader: ByteReader, end: number): void {
  if (reader.position !== end) {
    throw new DecodeError('a list or map is longer or shorter than it says', reader.position)
  }
}
