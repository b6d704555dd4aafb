import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { valueBytesMax, valueDepthMax } from '../rules/limits.ts'
import type { ByteWriter } from './bytes.ts'
import { Duration, Float, LocalDate, LocalDateTime, LocalTime, ZonedDateTime } from './calendar.ts'
import { Instant } from './instant.ts'
import { temporalToValue } from './temporal.ts'
import { isWellFormedText } from './text.ts'
import { shortTextBytesMax, smallIntegerMax, valueTag } from './value-format.ts'
import { vectorToBytes } from './vector-bytes.ts'

export type { Value, ValueInput } from './value-format.ts'
export { compareValues } from './value-order.ts'
export { decodeValue, readValue, skipValue, valueEnd } from './value-reader.ts'

/**
 * Writes values; the format is described in `value-format.ts`, reading is `value-reader.ts`.
 */

/** One container on the way from the outermost value to the one being written. */
interface Trail {
  readonly outer: Trail | undefined
  readonly container: object
  readonly depth: number
  /** Where the container begins in the writer. */
  readonly start: number
  /** The key or the position of what is being written. */
  key: string | number
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/**
 * Appends the one encoding of a value. `path`, such as `properties.address`, names the value in
 * errors. Throws InvalidValue for what can't be stored, LimitExceeded for what is too large; the
 * writer then holds what it held before.
 */
export function encodeValue(
  writer: ByteWriter,
  value: unknown,
  path: string | (() => string),
): void {
  const start = writer.length
  try {
    writeValue(writer, value, undefined)
    checkSize(writer, start, undefined)
  } catch (error) {
    writer.truncate(start)
    if (!(error instanceof Refusal)) throw error
    throw error.toDatabaseError(typeof path === 'string' ? path : path())
  }
}

/** Why a value can't be stored, and where it lies in what was given. */
class Refusal extends Error {
  readonly trail: Trail | undefined
  readonly code: 'InvalidValue' | 'LimitExceeded'

  constructor(trail: Trail | undefined, problem: string, options: RefusalOptions = {}) {
    super(problem, options)
    this.trail = trail
    this.code = options.code ?? 'InvalidValue'
  }

  toDatabaseError(path: string): DatabaseError {
    let inner = ''
    for (let trail = this.trail; trail !== undefined; trail = trail.outer) {
      inner = (typeof trail.key === 'number' ? `[${trail.key}]` : `.${trail.key}`) + inner
    }
    const place = path + inner
    return new DatabaseError(this.code, `${place}: ${this.message}`, {
      details: { path: place },
      cause: this.cause,
    })
  }
}

interface RefusalOptions extends ErrorOptions {
  readonly code?: 'InvalidValue' | 'LimitExceeded'
}

function checkSize(writer: ByteWriter, start: number, trail: Trail | undefined): void {
  if (writer.length - start > valueBytesMax) throw tooLarge(trail)
}

function tooLarge(trail: Trail | undefined): Refusal {
  return new Refusal(trail, `the value is larger than ${valueBytesMax} bytes: store it in parts`, {
    code: 'LimitExceeded',
  })
}

function writeValue(writer: ByteWriter, value: unknown, trail: Trail | undefined): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value, trail)
    case 'number':
      return writeNumber(writer, value)
    case 'boolean':
      return writer.u8(value ? valueTag.true : valueTag.false)
    case 'bigint':
      return writeBigint(writer, value, trail)
    case 'object':
      return value === null ? writer.u8(valueTag.null) : writeObject(writer, value, trail)
    default:
      throw new Refusal(trail, `${article(typeof value)} can't be stored; null can`)
  }
}

function article(type: string): string {
  return type === 'undefined' ? type : `a ${type}`
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    writeFloat(writer, value)
  } else if (value >= 0 && value <= smallIntegerMax) {
    writer.u8(valueTag.smallInteger + value)
  } else {
    writer.u8(valueTag.integer)
    writer.varint(value)
  }
}

function writeFloat(writer: ByteWriter, value: number): void {
  writer.u8(valueTag.float)
  writer.f64(value)
}

function writeBigint(writer: ByteWriter, value: bigint, trail: Trail | undefined): void {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return writeNumber(writer, number)
  if (value < int64Min || value > int64Max) {
    throw new Refusal(trail, 'an integer does not fit in 64 bits: store it as text')
  }
  writer.u8(valueTag.wideInteger)
  writer.i64(value)
}

function writeText(writer: ByteWriter, text: string, trail: Trail | undefined): void {
  if (text.length > valueBytesMax) throw tooLarge(trail)
  const start = writer.length
  if (text.length <= shortTextBytesMax) {
    writer.u8(valueTag.shortText)
    const written = writer.utf8(text)
    if (written >= 0 && written <= shortTextBytesMax) {
      writer.patchU8(start, valueTag.shortText + written)
      return
    }
    writer.truncate(start)
  }
  if (isWellFormedText(text)) {
    writer.u8(valueTag.text)
    writer.string(text)
    return
  }
  writer.u8(valueTag.illFormedText)
  writer.varuint(text.length)
  for (let at = 0; at < text.length; at++) writer.u16(text.charCodeAt(at))
}

function writeObject(writer: ByteWriter, value: object, trail: Trail | undefined): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return writeList(writer, value, trail)
  if (prototype === Object.prototype || prototype === null) return writeMap(writer, value, trail)
  if (value instanceof Uint8Array) return writeBytes(writer, value, trail)
  if (value instanceof Float32Array) return writeVector(writer, value, trail)
  if (value instanceof Float) {
    if (typeof value.value !== 'number') throw new Refusal(trail, 'a Float must hold a number')
    return writeFloat(writer, value.value)
  }
  try {
    if (writeTime(writer, value)) return
    const stored = temporalToValue(value)
    if (stored !== undefined && writeTime(writer, stored)) return
  } catch (error) {
    if (!isDatabaseError(error) || error.kind !== 'invalid') throw error
    throw new Refusal(trail, error.message, { cause: error })
  }
  if (isForeignObjectPrototype(prototype)) return writeMap(writer, value, trail)
  throw new Refusal(trail, adviceFor(value))
}

/** `Object.prototype` of another realm, such as a `vm` context or a frame. */
function isForeignObjectPrototype(prototype: unknown): boolean {
  if (typeof prototype !== 'object' || prototype === null) return false
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function adviceFor(value: object): string {
  if (value instanceof Map) return `a Map can't be stored: use Object.fromEntries`
  if (value instanceof Set) return `a Set can't be stored: spread it into an array`
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return 'bytes are stored as a Uint8Array and vectors as a Float32Array; this is neither'
  }
  const maker: unknown = Reflect.get(value, 'constructor')
  const name = typeof maker === 'function' && maker.name !== '' ? maker.name : 'unnamed class'
  return `an instance of ${name} can't be stored: make it a plain object first`
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array, trail: Trail | undefined): void {
  if (bytes.length > valueBytesMax) throw tooLarge(trail)
  writer.u8(valueTag.bytes)
  writer.varuint(bytes.length)
  writer.bytes(bytes)
}

function writeVector(writer: ByteWriter, vector: Float32Array, trail: Trail | undefined): void {
  if (vector.byteLength > valueBytesMax) throw tooLarge(trail)
  writer.u8(valueTag.vector)
  writer.varuint(vector.length)
  writer.bytes(vectorToBytes(vector))
}

/** Writes an instant or a calendar value; false when it is neither. */
function writeTime(writer: ByteWriter, value: object): boolean {
  if (value instanceof Date) {
    writer.u8(valueTag.instant)
    writeInstant(writer, Instant.from(value))
  } else if (value instanceof Instant) {
    writer.u8(valueTag.instant)
    writeInstant(writer, value)
  } else if (value instanceof LocalDate) {
    writer.u8(valueTag.localDate)
    writeLocalDate(writer, value)
  } else if (value instanceof LocalTime) {
    writer.u8(valueTag.localTime)
    writeLocalTime(writer, value)
  } else if (value instanceof LocalDateTime) {
    writer.u8(valueTag.localDateTime)
    writeLocalDate(writer, value.date)
    writeLocalTime(writer, value.time)
  } else if (value instanceof ZonedDateTime) {
    writer.u8(valueTag.zonedDateTime)
    writeInstant(writer, value.instant)
    writer.string(value.zone)
  } else if (value instanceof Duration) {
    writer.u8(valueTag.duration)
    writer.varint(value.months)
    writer.varint(value.days)
    writer.i64(value.wholeSeconds)
    writer.varuint(value.nanoseconds)
  } else {
    return false
  }
  return true
}

function writeInstant(writer: ByteWriter, instant: Instant): void {
  writer.varint(instant.epochSeconds)
  writer.varuint(instant.nanosecond)
}

function writeLocalDate(writer: ByteWriter, date: LocalDate): void {
  writer.varint(date.year)
  writer.u8(date.month)
  writer.u8(date.day)
}

function writeLocalTime(writer: ByteWriter, time: LocalTime): void {
  writer.varuint(time.secondOfDay)
  writer.varuint(time.nanosecond)
}

/** Opens a list or a map: checks depth and cycles, leaves room for the byte length. */
function openContainer(writer: ByteWriter, container: object, outer: Trail | undefined): Trail {
  const depth = outer === undefined ? 1 : outer.depth + 1
  if (depth > valueDepthMax) {
    throw new Refusal(outer, `lists and maps nest deeper than ${valueDepthMax}`)
  }
  for (let trail = outer; trail !== undefined; trail = trail.outer) {
    if (trail.container === container) throw new Refusal(outer, 'the value contains itself')
  }
  const start = writer.length
  writer.u32(0)
  return { outer, container, depth, start, key: 0 }
}

function closeContainer(writer: ByteWriter, trail: Trail): void {
  writer.patchU32(trail.start, writer.length - trail.start - 4)
}

function writeList(writer: ByteWriter, list: readonly unknown[], outer: Trail | undefined): void {
  writer.u8(valueTag.list)
  const trail = openContainer(writer, list, outer)
  const count = list.length
  writer.varuint(count)
  for (let index = 0; index < count; index++) {
    const item = list[index]
    trail.key = index
    if (item === undefined && !(index in list)) throw new Refusal(trail, 'the list has a hole')
    writeValue(writer, item, trail)
    checkSize(writer, trail.start, outer)
  }
  closeContainer(writer, trail)
}

function writeMap(writer: ByteWriter, map: object, outer: Trail | undefined): void {
  writer.u8(valueTag.map)
  const trail = openContainer(writer, map, outer)
  if (Object.getOwnPropertySymbols(map).length > 0) {
    throw new Refusal(outer, 'a map has text as keys; this one has a symbol')
  }
  const names = sortedNames(map)
  writer.varuint(names.length)
  for (const name of names) {
    trail.key = name
    writeText(writer, name, trail)
    writeValue(writer, Reflect.get(map, name), trail)
    checkSize(writer, trail.start, outer)
  }
  closeContainer(writer, trail)
}

/** The map's own keys, ascending by code unit. */
function sortedNames(map: object): string[] {
  const names = Object.keys(map)
  let last = ''
  for (const name of names) {
    if (name < last) return names.sort()
    last = name
  }
  return names
}
