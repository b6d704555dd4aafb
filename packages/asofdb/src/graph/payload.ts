import { type ByteWriter, idleWriter } from '../encoding/bytes.ts'
import {
  decodeValue,
  encodeValue,
  type Value,
  type ValueInput,
  valueEnd,
} from '../encoding/value.ts'
import { DatabaseError } from '../rules/errors.ts'
import { payloadBytesMax } from '../versions/byte-arena.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'

/**
 * The payload of a node or an edge:
 *
 *     varuint  labels:      { varuint symbol }              ascending, none on an edge
 *     varuint  properties:  { varuint symbol; a value }     ascending by symbol
 *
 * Nothing at all stands for no labels and no properties. The order makes it canonical: equal
 * payloads have equal bytes.
 */
export type Properties = Readonly<Record<string, ValueInput>>

/** As `Properties`; null or undefined removes. */
export type PropertyChanges = Readonly<Record<string, ValueInput | undefined>>

/** Gives the symbol of a name that is about to be stored. */
export type SymbolOf = (name: string) => number

const noBytes = new Uint8Array(0)

export const emptyPayload: PayloadSlice = { bytes: noBytes, start: 0, end: 0 }

/** A payload taken apart: label symbols, and each property's encoded value by symbol. */
export interface PayloadDraft {
  readonly labels: Set<number>
  readonly properties: Map<number, PayloadSlice>
}

/** Encodes a new payload. A null property is left out, as everywhere null means "no value". */
export function encodePayload(
  labels: readonly string[],
  properties: Properties,
  symbolOf: SymbolOf,
): PayloadSlice {
  const labelSymbols = labels.map((label) => symbolOf(checkName(label, 'label')))
  const entries = entriesOf(properties, symbolOf)
  if (labelSymbols.length === 0 && entries.length === 0) return emptyPayload
  const writer = idleWriter()
  try {
    writeSymbols(writer, labelSymbols.length > 1 ? ascending(new Set(labelSymbols)) : labelSymbols)
    writer.varuint(entries.length)
    for (const { symbol, name, value } of entries) {
      writer.varuint(symbol)
      encodeValue(writer, value, `properties.${name}`)
    }
    return cutPayload(writer)
  } finally {
    writer.reset()
  }
}

interface PropertyEntry {
  readonly symbol: number
  readonly name: string
  readonly value: ValueInput
}

/** The properties that have a value, ascending by symbol. */
function entriesOf(properties: Properties, symbolOf: SymbolOf): PropertyEntry[] {
  const entries: PropertyEntry[] = []
  let isAscending = true
  for (const name of Object.keys(checkProperties(properties))) {
    checkName(name, 'property')
    const value = properties[name]
    if (value === null || value === undefined) continue
    const symbol = symbolOf(name)
    isAscending &&= symbol > (entries.at(-1)?.symbol ?? -1)
    entries.push({ symbol, name, value })
  }
  return isAscending ? entries : entries.sort((a, b) => a.symbol - b.symbol)
}

/** Sets and removes properties of a draft. */
export function applyChanges(
  draft: PayloadDraft,
  changes: PropertyChanges,
  symbolOf: SymbolOf,
): void {
  for (const name of Object.keys(checkProperties(changes))) {
    const value = changes[name]
    const symbol = symbolOf(checkName(name, 'property'))
    if (value === null || value === undefined) {
      draft.properties.delete(symbol)
      continue
    }
    const writer = idleWriter()
    encodeValue(writer, value, `properties.${name}`)
    draft.properties.set(symbol, writer.cut())
  }
}

export function encodeDraft(draft: PayloadDraft): PayloadSlice {
  if (draft.labels.size === 0 && draft.properties.size === 0) return emptyPayload
  const writer = idleWriter()
  try {
    writeSymbols(writer, ascending(draft.labels))
    writer.varuint(draft.properties.size)
    for (const symbol of ascending(draft.properties.keys())) {
      writer.varuint(symbol)
      writer.slice(draft.properties.get(symbol) ?? emptyPayload)
    }
    return cutPayload(writer)
  } finally {
    writer.reset()
  }
}

function writeSymbols(writer: ByteWriter, symbols: readonly number[]): void {
  writer.varuint(symbols.length)
  for (const symbol of symbols) writer.varuint(symbol)
}

function cutPayload(writer: ByteWriter): PayloadSlice {
  if (writer.length > payloadBytesMax) {
    throw new DatabaseError(
      'LimitExceeded',
      `labels and properties take ${writer.length} bytes, over the limit of ${payloadBytesMax}; ` +
        'store large content elsewhere and refer to it',
    )
  }
  return writer.cut()
}

/** Takes a payload apart; undefined stands for an empty one. */
export function draftOf(slice: PayloadSlice | undefined): PayloadDraft {
  const draft: PayloadDraft = { labels: new Set(), properties: new Map() }
  if (slice === undefined) return draft
  for (const label of labelsOf(slice)) draft.labels.add(label)
  for (const { symbol, start, end } of fieldsOf(slice)) {
    draft.properties.set(symbol, { bytes: slice.bytes, start, end })
  }
  return draft
}

/** The label symbols, ascending. */
export function labelsOf(slice: PayloadSlice): number[] {
  const labels: number[] = []
  if (slice.start === slice.end) return labels
  const cursor = new VaruintCursor(slice)
  for (let rest = cursor.next(); rest > 0; rest--) labels.push(cursor.next())
  return labels
}

export function hasLabel(slice: PayloadSlice, label: number): boolean {
  if (slice.start === slice.end) return false
  const cursor = new VaruintCursor(slice)
  for (let rest = cursor.next(); rest > 0; rest--) if (cursor.next() === label) return true
  return false
}

/** Where one property's encoded value lies. */
export interface Field {
  readonly symbol: number
  readonly start: number
  readonly end: number
}

export function* fieldsOf(slice: PayloadSlice): Generator<Field> {
  if (slice.start === slice.end) return
  const cursor = new VaruintCursor(slice)
  for (let rest = cursor.next(); rest > 0; rest--) cursor.next()
  for (let rest = cursor.next(); rest > 0; rest--) {
    const symbol = cursor.next()
    const start = cursor.position
    const end = valueEnd(slice.bytes, start)
    yield { symbol, start, end }
    cursor.position = end
  }
}

/** Where the encoded value of a property starts; -1 when the payload has no such property. */
export function findField(slice: PayloadSlice, symbol: number): number {
  return slice.start === slice.end ? -1 : fieldStart(slice.bytes, slice.start, symbol)
}

/**
 * As `findField`, for a payload that is not empty and starts at `start`. Nearly every read comes
 * through here, so it keeps to loops over bytes, without an object and with few calls.
 */
export function fieldStart(bytes: Uint8Array, start: number, symbol: number): number {
  let labels = bytes[start] as number
  if (labels >= 128) return fieldStartAmongMany(bytes, start, symbol)
  let at = start + 1
  if (labels === 1 && (bytes[at] as number) < 128) {
    at++
  } else {
    // A label ends with its first byte below 128.
    while (labels > 0) if (!((bytes[at++] as number) >= 128)) labels--
  }
  let fields = bytes[at++] as number
  if (fields >= 128) return fieldStartAmongMany(bytes, start, symbol)
  for (; fields > 0; fields--) {
    let found = bytes[at++] as number
    if (found >= 128) {
      found &= 127
      for (let shift = 7; ; shift += 7) {
        const byte = bytes[at++] as number
        found |= (byte & 127) << shift
        if (!(byte >= 128)) break
      }
    }
    if (found >= symbol) return found === symbol ? at : -1
    at = valueEnd(bytes, at)
  }
  return -1
}

/** As `fieldStart`, whatever the counts of labels and properties. */
function fieldStartAmongMany(bytes: Uint8Array, start: number, symbol: number): number {
  const cursor = new VaruintCursor({ bytes, start, end: bytes.length })
  for (let rest = cursor.next(); rest > 0; rest--) cursor.next()
  for (let rest = cursor.next(); rest > 0; rest--) {
    const found = cursor.next()
    if (found === symbol) return cursor.position
    if (found > symbol) return -1
    cursor.position = valueEnd(bytes, cursor.position)
  }
  return -1
}

/** Every property, decoded. */
export function propertiesOf(slice: PayloadSlice, symbols: SymbolTable): Record<string, Value> {
  const entries: [string, Value][] = []
  for (const { symbol, start } of fieldsOf(slice)) {
    entries.push([symbols.name(symbol), decodeValue(slice.bytes, start)])
  }
  return Object.fromEntries(entries)
}

class VaruintCursor {
  readonly #bytes: Uint8Array
  position: number

  constructor(slice: PayloadSlice) {
    this.#bytes = slice.bytes
    this.position = slice.start
  }

  next(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#bytes[this.position++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
  }
}

function ascending(symbols: Iterable<number>): number[] {
  return [...symbols].sort((a, b) => a - b)
}

/** Refuses what can't name a label, a type or a property. */
export function checkName(name: unknown, what: string): string {
  if (typeof name === 'string' && name !== '' && name.isWellFormed()) return name
  throw new DatabaseError(
    'InvalidArgument',
    `a ${what} must be a non-empty string of well-formed Unicode, not ${describe(name)}`,
  )
}

function checkProperties<T extends object>(properties: T): T {
  const isPlain =
    typeof properties === 'object' && properties !== null && !Array.isArray(properties)
  if (isPlain) return properties
  throw new DatabaseError(
    'InvalidArgument',
    `properties must be an object of names and values, not ${describe(properties)}`,
  )
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : value === null ? 'null' : typeof value
}
