import { ByteWriter } from '../encoding/bytes.ts'
import { indexKeyType, valueToIndexKey } from '../encoding/ordered-key.ts'
import { decodeValue, encodeValue, type ValueInput, valueEnd } from '../encoding/value.ts'
import { DatabaseError } from '../rules/errors.ts'
import type { OrderedRange } from '../versions/ordered-index.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'
import { findField } from './payload.ts'

/** Bounds on a value. Values of another type than the bound (number, string, …) never match. */
export interface ValueRange {
  readonly gt?: ValueInput | undefined
  readonly gte?: ValueInput | undefined
  readonly lt?: ValueInput | undefined
  readonly lte?: ValueInput | undefined
}

/**
 * Conditions on properties, all of which must hold: a value that must be equal (numbers compare as
 * numbers, 1 equals 1.0), or bounds.
 */
export type Where = Readonly<Record<string, ValueInput | ValueRange>>

/** One condition, ready to be asked of payloads and of an index. */
export interface Condition {
  readonly property: string
  /** Index keys that satisfy the condition; undefined when no index can answer it. */
  readonly range: OrderedRange | undefined
  matches(slice: PayloadSlice): boolean
}

const boundNames = ['gt', 'gte', 'lt', 'lte'] as const

export function conditionsOf(where: Where, symbols: SymbolTable): Condition[] {
  return Object.entries(where).map(([property, wanted]) => {
    const test = isValueRange(wanted) ? rangeTest(property, wanted) : equalityTest(property, wanted)
    const matches = (slice: PayloadSlice): boolean => {
      const symbol = symbols.find(property)
      const at = symbol === undefined ? -1 : findField(slice, symbol)
      return at >= 0 && test.accepts(slice.bytes, at)
    }
    return { property, range: test.range, matches }
  })
}

function isValueRange(wanted: ValueInput | ValueRange): wanted is ValueRange {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return false
  if (Object.getPrototypeOf(wanted) !== Object.prototype) return false
  const names = Object.keys(wanted)
  return names.length > 0 && names.every((name) => boundNames.some((bound) => bound === name))
}

interface ValueTest {
  readonly range: OrderedRange | undefined
  accepts(bytes: Uint8Array, at: number): boolean
}

function equalityTest(property: string, wanted: ValueInput): ValueTest {
  const key = valueToIndexKey(wanted)
  if (key !== undefined) {
    return {
      range: { gte: key, lte: key },
      accepts: (bytes, at) => valueToIndexKey(decodeValue(bytes, at)) === key,
    }
  }
  const writer = new ByteWriter()
  encodeValue(writer, wanted, `where.${property}`)
  const encoded = writer.copy()
  return {
    range: undefined,
    accepts(bytes, at) {
      const end = valueEnd(bytes, at)
      if (end - at !== encoded.length) return false
      return encoded.every((byte, index) => bytes[at + index] === byte)
    },
  }
}

function rangeTest(property: string, wanted: ValueRange): ValueTest {
  const bounds: { gt?: string; gte?: string; lt?: string; lte?: string } = {}
  const types: ReturnType<typeof indexKeyType>[] = []
  for (const name of boundNames) {
    const value = wanted[name]
    if (value === undefined) continue
    const key = valueToIndexKey(value)
    if (key === undefined) {
      throw new DatabaseError(
        'InvalidArgument',
        `where.${property}.${name} takes a value that has an order (number, string, time …)`,
      )
    }
    bounds[name] = key
    types.push(indexKeyType(key))
  }
  const [type] = types
  if (type === undefined) {
    throw new DatabaseError('InvalidArgument', `where.${property} gives none of its bounds a value`)
  }
  const isMixed = types.some((other) => other.first !== type.first)
  const range: OrderedRange = {
    ...bounds,
    ...(bounds.gt === undefined && bounds.gte === undefined ? { gte: type.first } : {}),
    ...(bounds.lt === undefined && bounds.lte === undefined ? { lt: type.after } : {}),
  }
  return {
    range: isMixed ? nothing : range,
    accepts(bytes, at) {
      const key = valueToIndexKey(decodeValue(bytes, at))
      return key !== undefined && !isMixed && isWithin(key, range)
    },
  }
}

/** No key is before the empty one. */
const nothing: OrderedRange = { lt: '' }

function isWithin(key: string, range: OrderedRange): boolean {
  if (range.gt !== undefined && key <= range.gt) return false
  if (range.gte !== undefined && key < range.gte) return false
  if (range.lt !== undefined && key >= range.lt) return false
  return range.lte === undefined || key <= range.lte
}
