/** Between the engine's values and instants and those of the reference model. */
import {
  Float,
  type Instant,
  type EntityState,
  type KeyInput,
  type Period as EnginePeriod,
  type PeriodOptions,
  type Value,
  type ValueInput,
} from '../../packages/asofdb/src/index.ts'
import {
  toInstant,
  type ScriptInstant,
  type ScriptPeriod,
} from '../../simulation/operation-script.ts'
import type { Payload } from '../../simulation/reference-history.ts'
import { BEGINNING, FOREVER, type Period } from '../../simulation/reference-periods.ts'
import {
  PlainFloat,
  type PlainKey,
  type PlainMap,
  type PlainValue,
} from '../../simulation/reference-values.ts'

export function toEngineInstant(instant: ScriptInstant): bigint | string {
  if (instant === 'inf') return 'infinity'
  return instant === '-inf' ? '-infinity' : toInstant(instant)
}

export function toPeriodOptions(period: ScriptPeriod = {}): PeriodOptions {
  return {
    ...(period.from === undefined ? {} : { validFrom: toEngineInstant(period.from) }),
    ...(period.to === undefined ? {} : { validTo: toEngineInstant(period.to) }),
    ...(period.valid === undefined ? {} : { valid: period.valid }),
    ...(period.until === undefined ? {} : { until: period.until }),
  }
}

/** A period of an answer; open ends are null. */
export function toPlainPeriod({ from, to }: EnginePeriod): Period {
  return { from: toMicros(from, BEGINNING), to: toMicros(to, FOREVER) }
}

export function toMicros(instant: Instant | null, open: bigint): bigint {
  return instant === null ? open : instant.epochMicroseconds
}

export function toEngineValue(value: PlainValue): ValueInput {
  if (value instanceof PlainFloat) return new Float(value.value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array || value instanceof Float32Array) return value
  if (isPlainList(value)) return value.map(toEngineValue)
  return toEngineProperties(value)
}

export function toEngineProperties(properties: PlainMap): Record<string, ValueInput> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, toEngineValue(value)]),
  )
}

function isPlainList(value: readonly PlainValue[] | PlainMap): value is readonly PlainValue[] {
  return Array.isArray(value)
}

export function toPlainValue(value: Value): PlainValue {
  if (value instanceof Float) return new PlainFloat(value.value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array || value instanceof Float32Array) return value
  if (Array.isArray(value)) return value.map(toPlainValue)
  if (isEngineMap(value)) return toPlainProperties(value)
  return String(value)
}

export function toPlainProperties(properties: Readonly<Record<string, Value>>): PlainMap {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, toPlainValue(value)]),
  )
}

function isEngineMap(value: object): value is Record<string, Value> {
  return Object.getPrototypeOf(value) === Object.prototype
}

export function toPayload(state: EntityState | undefined): Payload | undefined {
  return state === undefined ? undefined : mustPayload(state)
}

/** Of anything that has properties, and labels if it is a node. */
export function mustPayload(state: {
  readonly labels?: readonly string[]
  readonly properties: Readonly<Record<string, Value>>
}): Payload {
  return { labels: state.labels ?? [], properties: toPlainProperties(state.properties) }
}

export function toPlainKey(key: KeyInput): PlainKey {
  if (typeof key === 'string' || typeof key === 'number') return key
  if (isTuple(key)) return key.map(toPlainKey)
  throw new Error(`the scripts have no key like ${String(key)}`)
}

function isTuple(key: KeyInput): key is readonly KeyInput[] {
  return Array.isArray(key)
}
