import {
  Duration,
  Float,
  Instant,
  isDatabaseError,
  type KeyInput,
  LocalDate,
  LocalDateTime,
  LocalTime,
  type Value,
  ZonedDateTime,
} from 'asofdb'

/**
 * Keys and values as JSON, and back, without loss. What JSON has is written as JSON; anything else
 * is an object with one member whose name begins with a dollar sign:
 *
 * | JSON                                       | value                                        |
 * | ------------------------------------------ | -------------------------------------------- |
 * | `{"$bytes":"AQI="}`                        | bytes, in base64                             |
 * | `{"$int":"9007199254740993"}`              | an integer that JSON's readers would round   |
 * | `{"$number":"NaN"}`                        | a number that JSON lacks: also -0, Infinity  |
 * | `{"$float":1}`                             | a float that is a whole number               |
 * | `{"$instant":"2024-02-29T12:00:00Z"}`      | an instant; also infinity, -infinity         |
 * | `{"$date":…}`, `{"$time":…}`               | a date, a time of day                        |
 * | `{"$datetime":…}`, `{"$duration":…}`       | a local date-time, a duration (ISO 8601)     |
 * | `{"$zoned":["2024-…Z","Europe/Paris"]}`    | an instant on the clocks of a zone           |
 * | `{"$vector":[0.5,1]}`                      | a vector; base64 of floats where it has NaN  |
 * | `{"$map":{"$a":1}}`                        | a map whose only member begins with `$`      |
 *
 * Halves of surrogate pairs are written as `\ud800`, as JSON does.
 */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** What is no typed JSON, and why. */
export class NotationError extends Error {
  override readonly name = 'NotationError'
}

/** A key or a value as what `JSON.stringify` takes. */
export function valueToJson(value: Value | KeyInput): Json {
  switch (typeof value) {
    case 'number':
      return numberToJson(value)
    case 'bigint':
      return { $int: String(value) }
    case 'object':
      return value === null ? null : objectToJson(value)
    default:
      return value
  }
}

/** The same as text on one line. */
export function typedText(value: Value | KeyInput): string {
  return JSON.stringify(valueToJson(value))
}

function numberToJson(value: number): Json {
  if (Object.is(value, -0)) return { $number: '-0' }
  const isExact = Number.isSafeInteger(value) || (Number.isFinite(value) && value % 1 !== 0)
  return isExact ? value : { $number: String(value) }
}

function objectToJson(value: object): Json {
  if (Array.isArray(value)) return value.map((one: Value) => valueToJson(one))
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Float32Array) return { $vector: vectorToJson(value) }
  if (value instanceof Float) return { $float: numberToJson(value.value) }
  if (value instanceof Instant) return { $instant: value.toString() }
  if (value instanceof Date) return { $instant: Instant.from(value).toString() }
  if (value instanceof LocalDate) return { $date: value.toString() }
  if (value instanceof LocalTime) return { $time: value.toString() }
  if (value instanceof LocalDateTime) return { $datetime: value.toString() }
  if (value instanceof ZonedDateTime) return { $zoned: [value.instant.toString(), value.zone] }
  if (value instanceof Duration) return { $duration: value.toString() }
  const members: [string, Value][] = Object.entries(value)
  const map = mapOf(members.map(([name, one]) => [name, valueToJson(one)]))
  return members.length === 1 && members[0]?.[0].startsWith('$') === true ? { $map: map } : map
}

/** Bits of a NaN are kept, which a list of numbers could not say. */
function vectorToJson(vector: Float32Array): Json {
  if (vector.every((one) => typeof numberToJson(one) === 'number')) return [...vector]
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
  const bytes = Buffer.alloc(words.length * 4)
  words.forEach((word, at) => bytes.writeUInt32LE(word, at * 4))
  return bytes.toString('base64')
}

/** A name such as `__proto__` is a member like any other. */
function mapOf<T>(members: readonly (readonly [string, T])[]): { [name: string]: T } {
  const map: { [name: string]: T } = {}
  for (const [name, value] of members) {
    Object.defineProperty(map, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return map
}

/** Reads text in this notation. Throws `NotationError`. */
export function parseTyped(text: string): Value {
  return jsonToValue(parseJson(text))
}

/** The same for a key; whether it may be one is for the database to say. */
export function parseTypedKey(text: string): KeyInput {
  return jsonToKey(parseJson(text))
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new NotationError(error instanceof Error ? error.message : String(error))
  }
}

/** Throws `NotationError`. */
export function jsonToValue(json: unknown): Value {
  if (typeof json === 'number') return jsonToNumber(json)
  if (typeof json === 'string' || typeof json === 'boolean' || json === null) return json
  if (Array.isArray(json)) return json.map(jsonToValue)
  if (typeof json !== 'object') throw new NotationError(`${typeof json} is no JSON`)
  const members = Object.entries(json)
  const [name, body] = members[0] ?? ['', undefined]
  if (members.length !== 1 || !name.startsWith('$')) return jsonToMap(json)
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined
  if (read !== undefined) return read(body)
  throw new NotationError(
    `${name} is no kind of value; the kinds are ${Object.keys(readers).join(', ')}, and a map ` +
      `with a member of that name is {"$map":{"${name}":…}}`,
  )
}

/** Throws `NotationError` for what no key is. */
export function jsonToKey(json: unknown): KeyInput {
  const value = jsonToValue(json)
  if (isKey(value)) return value
  throw new NotationError(
    'a key is text, a number, a boolean, bytes, an instant, or a list of these',
  )
}

function isKey(value: unknown): value is KeyInput {
  if (Array.isArray(value)) return value.every(isKey)
  if (['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return true
  return value instanceof Uint8Array || value instanceof Instant
}

function jsonToNumber(json: number): number {
  if (Number.isSafeInteger(json) || (Number.isFinite(json) && json % 1 !== 0)) return json
  throw new NotationError(
    `${json} may have been rounded; write {"$int":"…"} for an integer of 64 bits and ` +
      '{"$number":"…"} for a floating-point number',
  )
}

function jsonToMap(json: object): { [name: string]: Value } {
  return mapOf(Object.entries(json).map(([name, one]) => [name, jsonToValue(one)]))
}

const readers: Readonly<Record<string, (body: unknown) => Value>> = {
  $bytes: (body) => new Uint8Array(base64ToBytes('$bytes', body)),
  $int: (body) => {
    const text = mustBeText('$int', body)
    if (/^[+-]?\d{1,20}$/.test(text)) return BigInt(text.replace('+', ''))
    throw new NotationError(`$int takes a whole number as text, not ${JSON.stringify(text)}`)
  },
  $number: (body) => {
    const text = mustBeText('$number', body)
    const number = Number(text)
    if (text === 'NaN' || (text.trim() !== '' && !Number.isNaN(number))) return number
    throw new NotationError(`$number takes a number as text, not ${JSON.stringify(text)}`)
  },
  $float: (body) => {
    const number = jsonToValue(body)
    if (typeof number === 'number') return new Float(number)
    throw new NotationError('$float takes a number')
  },
  $instant: (body) => made('$instant', body, (text) => Instant.from(text)),
  $date: (body) => made('$date', body, LocalDate.from),
  $time: (body) => made('$time', body, LocalTime.from),
  $datetime: (body) => made('$datetime', body, LocalDateTime.from),
  $duration: (body) => made('$duration', body, Duration.from),
  $zoned: (body) => {
    const [instant, zone, more] = Array.isArray(body) ? body : []
    if (typeof instant !== 'string' || typeof zone !== 'string' || more !== undefined) {
      throw new NotationError('$zoned takes a list of an instant and a zone')
    }
    return made('$zoned', instant, (text) => ZonedDateTime.of(Instant.from(text), zone))
  },
  $vector: jsonToVector,
  $map: (body) => {
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return jsonToMap(body)
    throw new NotationError('$map takes an object')
  },
}

function jsonToVector(body: unknown): Float32Array {
  if (Array.isArray(body)) {
    const numbers = body.map(jsonToValue)
    if (numbers.every((one) => typeof one === 'number')) return new Float32Array(numbers)
  }
  if (typeof body !== 'string') throw new NotationError('$vector takes a list of numbers')
  const bytes = base64ToBytes('$vector', body)
  if (bytes.length % 4 !== 0) throw new NotationError('$vector takes four bytes for each float')
  const words = new Uint32Array(bytes.length / 4)
  words.forEach((_, at) => {
    words[at] = bytes.readUInt32LE(at * 4)
  })
  return new Float32Array(words.buffer)
}

function base64ToBytes(tag: string, body: unknown): Buffer {
  const text = mustBeText(tag, body)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') === text) return bytes
  throw new NotationError(`${tag} takes base64 such as AQI=`)
}

function mustBeText(tag: string, body: unknown): string {
  if (typeof body === 'string') return body
  throw new NotationError(`${tag} takes text`)
}

/** What the database refuses to make is no notation of it. */
function made<T>(tag: string, body: unknown, make: (text: string) => T): T {
  const text = mustBeText(tag, body)
  try {
    return make(text)
  } catch (error) {
    if (isDatabaseError(error)) throw new NotationError(`${tag}: ${error.message}`)
    throw error
  }
}
