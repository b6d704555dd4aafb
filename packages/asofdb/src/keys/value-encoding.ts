import { describeKey } from '../encoding/describe-key.ts'
import { type KeyInput, latin1ToKey } from '../encoding/ordered-key.ts'
import type { Value, ValueInput } from '../encoding/value.ts'
import { DatabaseError, messageOf } from '../rules/errors.ts'

/** What JSON can say. */
export type JsonValue =
  null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue }

/** How the values of a keyspace look to the program, by name. */
export type NamedValueEncoding = 'value' | 'bytes' | 'text' | 'json'

/** The same as two functions, each of which may throw for what does not fit. */
export interface CustomValueEncoding<V> {
  encode(value: V): ValueInput
  decode(stored: Value): V
}

/**
 * How values are told to and by a keyspace. What is stored is a value in any case, so the same
 * keyspace may be looked at through different encodings.
 *
 * - `'value'` (default): anything that can be stored.
 * - `'bytes'`: a Uint8Array and nothing else.
 * - `'text'`: a string and nothing else.
 * - `'json'`: what JSON can say, kept as its text.
 * - `encode` and `decode` of one's own.
 */
export type ValueEncoding<V> = NamedValueEncoding | CustomValueEncoding<V>

/** How a keyspace is to be looked at. */
export interface KeyspaceOptions<V> {
  readonly values?: ValueEncoding<V> | undefined
}

/** What a keyspace with a named encoding gives. */
export interface ValuesByEncoding {
  value: Value
  bytes: Uint8Array
  text: string
  json: JsonValue
}

/** What it takes. */
export interface ValueInputsByEncoding {
  value: ValueInput
  bytes: Uint8Array
  text: string
  json: unknown
}

/** Between what a program sees of a keyspace and what is stored. */
export interface ValueCodec<V> {
  encode(value: unknown, key: KeyInput): ValueInput
  /** The key, encoded, is for errors. */
  decode(stored: Value, name: string): V
}

/** What options say of the values of a keyspace. Throws InvalidArgument. */
export function valuesOf<V>(options: KeyspaceOptions<V> | undefined): ValueEncoding<V> | undefined {
  const given: unknown = options
  if (given === undefined || (typeof given === 'object' && given !== null)) return options?.values
  throw new DatabaseError(
    'InvalidArgument',
    "the options of a keyspace are an object such as { values: 'json' }; " +
      `this one is ${describe(given)}`,
  )
}

/** The codec of an encoding. Throws InvalidArgument. */
export function valueCodec<V>(
  keyspace: string,
  encoding: ValueEncoding<V> | undefined,
): ValueCodec<V> {
  const name: unknown = encoding
  if (name === undefined || name === 'value') return asOpaque<V>(plainCodec)
  if (name === 'bytes') return asOpaque<V>(new NarrowCodec(keyspace, bytesOnly))
  if (name === 'text') return asOpaque<V>(new NarrowCodec(keyspace, textOnly))
  if (name === 'json') return asOpaque<V>(new JsonCodec(keyspace))
  if (isCustom<V>(encoding)) return new CustomCodec(keyspace, encoding)
  throw new DatabaseError(
    'InvalidArgument',
    `values is 'value', 'bytes', 'text', 'json' or an object with encode and decode`,
  )
}

function isCustom<V>(encoding: unknown): encoding is CustomValueEncoding<V> {
  if (typeof encoding !== 'object' || encoding === null) return false
  const functions = [Reflect.get(encoding, 'encode'), Reflect.get(encoding, 'decode')]
  return functions.every((one) => typeof one === 'function')
}

/** The caller says by its types what a named encoding gives. */
function asOpaque<V>(codec: ValueCodec<unknown>): ValueCodec<V> {
  return codec as ValueCodec<V>
}

/** What can't be stored is refused when it is encoded. */
const plainCodec: ValueCodec<unknown> = {
  encode: (value) => value as ValueInput,
  decode: (stored) => stored,
}

/** One type of value and no other. */
interface OnlyType {
  readonly takes: string
  readonly openedFor: string
  is(value: unknown): value is Value
}

const bytesOnly: OnlyType = {
  takes: 'a Uint8Array',
  openedFor: 'bytes',
  is: (value) => value instanceof Uint8Array,
}

const textOnly: OnlyType = {
  takes: 'a string',
  openedFor: 'text',
  is: (value) => typeof value === 'string',
}

class NarrowCodec implements ValueCodec<unknown> {
  readonly #keyspace: string
  readonly #only: OnlyType

  constructor(keyspace: string, only: OnlyType) {
    this.#keyspace = keyspace
    this.#only = only
  }

  encode(value: unknown, key: KeyInput): ValueInput {
    if (this.#only.is(value)) return value
    const problem = `is ${describe(value)}; this keyspace takes ${this.#only.takes}`
    throw unfit({ keyspace: this.#keyspace, key }, problem)
  }

  decode(stored: Value, name: string): Value {
    if (this.#only.is(stored)) return stored
    const problem = `is ${describe(stored)}; this keyspace was opened for ${this.#only.openedFor}`
    throw unfit({ keyspace: this.#keyspace, key: latin1ToKey(name) }, problem)
  }
}

class JsonCodec implements ValueCodec<unknown> {
  readonly #keyspace: string

  constructor(keyspace: string) {
    this.#keyspace = keyspace
  }

  encode(value: unknown, key: KeyInput): ValueInput {
    const place = { keyspace: this.#keyspace, key }
    let text: unknown
    try {
      text = JSON.stringify(value)
    } catch (error) {
      throw unfit(place, `is nothing that JSON can say: ${messageOf(error)}`, error)
    }
    if (typeof text === 'string') return text
    throw unfit(place, `is ${describe(value)}, which JSON can't say; null can`)
  }

  decode(stored: Value, name: string): unknown {
    let problem = `is ${describe(stored)}; this keyspace was opened for JSON as text`
    let cause: unknown
    try {
      if (typeof stored === 'string') return JSON.parse(stored)
    } catch (error) {
      problem = `is no JSON: ${messageOf(error)}`
      cause = error
    }
    throw unfit({ keyspace: this.#keyspace, key: latin1ToKey(name) }, problem, cause)
  }
}

class CustomCodec<V> implements ValueCodec<V> {
  readonly #keyspace: string
  readonly #encoding: CustomValueEncoding<V>

  constructor(keyspace: string, encoding: CustomValueEncoding<V>) {
    this.#keyspace = keyspace
    this.#encoding = encoding
  }

  encode(value: unknown, key: KeyInput): ValueInput {
    try {
      return this.#encoding.encode(value as V)
    } catch (error) {
      const problem = `was refused by the encoding: ${messageOf(error)}`
      throw unfit({ keyspace: this.#keyspace, key }, problem, error)
    }
  }

  decode(stored: Value, name: string): V {
    try {
      return this.#encoding.decode(stored)
    } catch (error) {
      const problem = `was refused by the decoding: ${messageOf(error)}`
      throw unfit({ keyspace: this.#keyspace, key: latin1ToKey(name) }, problem, error)
    }
  }
}

interface ValuePlace {
  readonly keyspace: string
  readonly key: KeyInput
}

function unfit(place: ValuePlace, problem: string, cause?: unknown): DatabaseError {
  const { keyspace, key } = place
  return new DatabaseError(
    'InvalidValue',
    `the value of ${describeKey(key)} in keyspace ${keyspace} ${problem}`,
    { details: { keyspace, key }, ...(cause === undefined ? {} : { cause }) },
  )
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Uint8Array) return 'bytes'
  return value === undefined ? 'undefined' : `of type ${typeof value}`
}
