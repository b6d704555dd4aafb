import { ByteWriter } from './bytes.ts'
import type { LocalDate, LocalTime } from './calendar.ts'
import {
  keyTag,
  writeBytesElement,
  writeSortableInstant,
  writeSortableInteger,
  writeSortableNumber,
  writeTextElement,
  writeU24,
  writeU32,
} from './sortable.ts'
import { bytesToLatin1, isAsciiText } from './text.ts'
import type { ValueInput } from './value-format.ts'
import { ranked, typeRank } from './value-order.ts'

/**
 * Scalar values as Latin-1 strings whose `<` is the order of `compareValues`: two values have the
 * same index key exactly when it returns zero. The encodings are those of keys, see
 * `ordered-key.ts`, with these in addition:
 *
 *     F9 u32 year plus 2^31, u8 month, u8 day             local date
 *     FA u24 second of day, u32 nanosecond                local time
 *     FB date, time                                       local date-time
 *     FC instant, zone as an element of text              zoned date-time
 *     FD i64 mean seconds, u32 nanoseconds, i64 months, i64 days   duration
 *
 * Unlike a key, an index entry may be empty text or NaN, and has no limit of length.
 */
const yearZero = 2 ** 31
const scratch = new ByteWriter(256)

/** The index key of a scalar; undefined for null, lists, maps and vectors. */
export function valueToIndexKey(value: ValueInput): string | undefined {
  if (typeof value === 'string' && isAsciiText(value)) return value
  return withScratch((writer) => {
    if (typeof value !== 'string') return writeScalar(writer, value, false)
    writer.generalisedUtf8(value)
    return true
  })
}

/**
 * The span of index keys of the same type as `key`: from `first`, before `after`. Text has no tag:
 * its bytes are all below those of the tags.
 */
export function indexKeyType(key: string): { readonly first: string; readonly after: string } {
  const tag = key === '' ? 0 : key.charCodeAt(0)
  if (tag < keyTag.boolean) return { first: '', after: String.fromCharCode(keyTag.boolean) }
  return { first: String.fromCharCode(tag), after: String.fromCharCode(tag + 1) }
}

/**
 * One index key of several scalars, ordered by the first that differs; undefined when any of them
 * has no index key.
 */
export function valuesToIndexKey(values: readonly ValueInput[]): string | undefined {
  return withScratch((writer) => {
    writer.u8(keyTag.tuple)
    return values.every((value) => writeScalar(writer, value, true))
  })
}

/** Used as a stack, since reading a value may run a getter of its owner. */
function withScratch(write: (writer: ByteWriter) => boolean): string | undefined {
  const start = scratch.length
  try {
    return write(scratch) ? bytesToLatin1(scratch.view(start)) : undefined
  } finally {
    scratch.truncate(start)
  }
}

function writeScalar(writer: ByteWriter, input: ValueInput, isElement: boolean): boolean {
  const scalar = ranked(input)
  switch (scalar.rank) {
    case typeRank.text:
      writer.u8(keyTag.textElement)
      writeTextElement(writer, scalar.value)
      return true
    case typeRank.boolean:
      writer.u8(keyTag.boolean)
      writer.u8(scalar.value ? 1 : 0)
      return true
    case typeRank.number:
      writer.u8(keyTag.number)
      writeSortableNumber(writer, scalar.value)
      return true
    case typeRank.bytes:
      writer.u8(keyTag.bytes)
      if (isElement) writeBytesElement(writer, scalar.value)
      else writer.bytes(scalar.value)
      return true
    case typeRank.null:
    case typeRank.list:
    case typeRank.vector:
    case typeRank.map:
      return false
    default:
      writeTime(writer, scalar)
      return true
  }
}

type Scalar = ReturnType<typeof ranked>
type Timeless = 'null' | 'text' | 'boolean' | 'number' | 'bytes' | 'list' | 'vector' | 'map'
type Time = Exclude<Scalar, { rank: (typeof typeRank)[Timeless] }>

function writeTime(writer: ByteWriter, time: Time): void {
  switch (time.rank) {
    case typeRank.instant:
      writer.u8(keyTag.instant)
      return writeSortableInstant(writer, time.value)
    case typeRank.localDate:
      writer.u8(keyTag.localDate)
      return writeDate(writer, time.value)
    case typeRank.localTime:
      writer.u8(keyTag.localTime)
      return writeTimeOfDay(writer, time.value)
    case typeRank.localDateTime:
      writer.u8(keyTag.localDateTime)
      writeDate(writer, time.value.date)
      return writeTimeOfDay(writer, time.value.time)
    case typeRank.zonedDateTime:
      writer.u8(keyTag.zonedDateTime)
      writeSortableInstant(writer, time.value.instant)
      return writeTextElement(writer, time.value.zone)
    case typeRank.duration:
      writer.u8(keyTag.duration)
      writeSortableInteger(writer, time.value.meanSeconds)
      writeU32(writer, time.value.nanoseconds)
      writeSortableInteger(writer, BigInt(time.value.months))
      return writeSortableInteger(writer, BigInt(time.value.days))
  }
}

function writeDate(writer: ByteWriter, date: LocalDate): void {
  writeU32(writer, date.year + yearZero)
  writer.u8(date.month)
  writer.u8(date.day)
}

function writeTimeOfDay(writer: ByteWriter, time: LocalTime): void {
  writeU24(writer, time.secondOfDay)
  writeU32(writer, time.nanosecond)
}
