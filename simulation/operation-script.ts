/**
 * What is done to a database, as data that goes through JSON unchanged: so a failing run can be
 * cut down, printed, stored and replayed. Entities go by the names the script gives them.
 */
import { BEGINNING, FOREVER, type Period } from './reference-periods.ts'
import type { PeriodInput } from './reference-transaction.ts'
import { PlainFloat, type PlainValue } from './reference-values.ts'

/** Microseconds since 1970; small ones read best. */
export type ScriptInstant = number | '-inf' | 'inf'

export interface ScriptPeriod {
  readonly from?: ScriptInstant
  readonly to?: ScriptInstant
  readonly valid?: 'always'
  readonly until?: 'next'
}

/** A number is an integer; what JSON can't tell apart is wrapped. */
export type ScriptValue =
  | null
  | boolean
  | number
  | string
  | { readonly float: string }
  | { readonly integer: string }
  | { readonly bytes: readonly number[] }
  | { readonly list: readonly ScriptValue[] }
  | { readonly map: Readonly<Record<string, ScriptValue>> }

export type ScriptProperties = Readonly<Record<string, ScriptValue>>
export type ScriptKey = string | number | readonly ScriptKey[]

interface PatchParticulars {
  readonly entity: string
  readonly changes: ScriptProperties
  readonly addLabels?: readonly string[]
  readonly removeLabels?: readonly string[]
  readonly mustExist?: boolean
  readonly skipUnchanged?: boolean
  readonly period?: ScriptPeriod
}

export type Operation =
  | {
      readonly verb: 'createNode'
      readonly name: string
      readonly labels: readonly string[]
      readonly properties: ScriptProperties
      readonly period?: ScriptPeriod
    }
  | {
      readonly verb: 'createEdge'
      readonly name: string
      readonly source: string
      readonly type: string
      readonly target: string
      readonly properties: ScriptProperties
      readonly bounds?: 'clip'
      readonly period?: ScriptPeriod
    }
  | {
      readonly verb: 'create'
      readonly entity: string
      readonly properties: ScriptProperties
      readonly labels?: readonly string[]
      readonly period?: ScriptPeriod
    }
  | {
      readonly verb: 'put'
      readonly entity: string
      readonly properties: ScriptProperties
      readonly labels?: readonly string[]
      readonly skipUnchanged?: boolean
      readonly bounds?: 'clip'
      readonly period?: ScriptPeriod
    }
  | ({ readonly verb: 'patch' } & PatchParticulars)
  | ({ readonly verb: 'upsert' } & PatchParticulars)
  | {
      readonly verb: 'delete'
      readonly entity: string
      readonly detach?: boolean
      readonly mustExist?: boolean
      readonly period?: ScriptPeriod
    }
  | {
      readonly verb: 'putKey'
      readonly keyspace: string
      readonly key: ScriptKey
      readonly value: ScriptValue
      readonly period?: ScriptPeriod
    }
  | {
      readonly verb: 'deleteKey'
      readonly keyspace: string
      readonly key: ScriptKey
      readonly period?: ScriptPeriod
    }
  | KeyOperation
  | {
      readonly verb: 'createIndex' | 'dropIndex'
      readonly label: string
      readonly property: string
    }
  | {
      readonly verb: 'createUnique'
      readonly label: string
      readonly properties: readonly string[]
      readonly over?: 'all time'
    }
  | {
      readonly verb: 'dropUnique'
      readonly label: string
      readonly properties: readonly string[]
    }

/** What `get` gives at that moment, nothing, or the value that is given. */
export type Expected = 'same' | 'absent' | 'given'

/** Verbs of keys alone, about all of time, and savepoints. */
export type KeyOperation =
  | {
      readonly verb: 'insertKey'
      readonly keyspace: string
      readonly key: ScriptKey
      readonly value: ScriptValue
    }
  | {
      readonly verb: 'compareAndSetKey' | 'compareAndDeleteKey'
      readonly keyspace: string
      readonly key: ScriptKey
      readonly expected: Expected
      readonly value: ScriptValue
    }
  /** `readKeys` is a read that counts: what it gives is told as a checksum. */
  | {
      readonly verb: 'clearKeys' | 'readKeys'
      readonly keyspace: string
      readonly range: ScriptKeyRange
    }
  | {
      readonly verb: 'savepoint' | 'rollbackTo' | 'release'
      readonly savepoint: string
    }

export interface ScriptCondition {
  readonly property: string
  readonly equals?: ScriptValue
  readonly gt?: ScriptValue
  readonly gte?: ScriptValue
  readonly lt?: ScriptValue
  readonly lte?: ScriptValue
}

export interface ScriptKeyRange {
  readonly gt?: ScriptKey
  readonly gte?: ScriptKey
  readonly lt?: ScriptKey
  readonly lte?: ScriptKey
  readonly prefix?: string | readonly ScriptKey[]
  readonly reverse?: boolean
  readonly skip?: number
  readonly limit?: number
}

export interface ScriptWindow {
  readonly from?: ScriptInstant
  readonly to?: ScriptInstant
  /** The end is included: one microsecond more. */
  readonly between?: boolean
  readonly clamp?: boolean
  readonly during?: boolean
}

export interface IncidentQuery {
  readonly ask: 'out' | 'in'
  readonly entity: string
  readonly type?: string
  readonly limit?: number
  /** The edge after which to go on. */
  readonly after?: string
}

/** The nodes at the far ends. */
export interface EndsQuery {
  readonly ask: 'targets' | 'sources'
  readonly entity: string
  readonly type?: string
}

/** A question to a view, be it of the past or of an open transaction. */
export type Query =
  | { readonly ask: 'entity' | 'provenance'; readonly entity: string }
  | { readonly ask: 'timeline'; readonly entity: string; readonly window?: ScriptWindow }
  | { readonly ask: 'nodes'; readonly label?: string; readonly where?: readonly ScriptCondition[] }
  | { readonly ask: 'edges'; readonly type?: string }
  | IncidentQuery
  | EndsQuery
  | {
      readonly ask: 'key' | 'keyTimeline' | 'keyProvenance'
      readonly keyspace: string
      readonly key: ScriptKey
    }
  | {
      readonly ask: 'keyRange' | 'keyVersions'
      readonly keyspace: string
      readonly range: ScriptKeyRange
    }
  | { readonly ask: 'paths'; readonly hops: number }

/** Where to read. `commitsBack` counts from the last commit, so that scripts can be cut. */
export type Coordinates =
  | {
      readonly valid?: ScriptInstant
      readonly system?: ScriptInstant
      readonly commitsBack?: number
    }
  | { readonly rewind: ScriptInstant }

export type SystemPoint = { readonly commitsBack: number } | { readonly system: ScriptInstant }

/** A question about the whole history rather than one view. */
export type HistoryQuery =
  | { readonly ask: 'diff'; readonly before: Coordinates; readonly after: Coordinates }
  | {
      readonly ask: 'netDiff'
      readonly from: SystemPoint
      readonly to: SystemPoint
      readonly window?: ScriptWindow
      readonly entity?: string
    }
  | {
      readonly ask: 'changes'
      readonly afterCommitsBack: number
      readonly toCommitsBack: number
    }

export type Isolation = 'serializable' | 'snapshot'

export type Step =
  | { readonly step: 'clock'; readonly wall: number }
  | { readonly step: 'write'; readonly operations: readonly Operation[]; readonly system?: number }
  | { readonly step: 'begin'; readonly transaction: string; readonly isolation: Isolation }
  | { readonly step: 'operate'; readonly transaction: string; readonly operation: Operation }
  | { readonly step: 'readOwn'; readonly transaction: string; readonly query: Query }
  | { readonly step: 'commit' | 'cancel'; readonly transaction: string }
  | { readonly step: 'read'; readonly at: Coordinates; readonly query: Query }
  | { readonly step: 'history'; readonly query: HistoryQuery }
  | { readonly step: 'checkpoint' | 'reopen' | 'crash' }

export interface Script {
  readonly nodesValid: 'now' | 'always'
  readonly steps: readonly Step[]
}

export function toInstant(instant: ScriptInstant): bigint {
  if (instant === 'inf') return FOREVER
  return instant === '-inf' ? BEGINNING : BigInt(instant)
}

export function toPeriodInput(period: ScriptPeriod = {}): PeriodInput {
  return {
    ...(period.from === undefined ? {} : { from: toInstant(period.from) }),
    ...(period.to === undefined ? {} : { to: toInstant(period.to) }),
    isAlways: period.valid === 'always',
    untilNext: period.until === 'next',
  }
}

export function toWindow(window: ScriptWindow): Period {
  const to = toInstant(window.to ?? 'inf')
  return {
    from: toInstant(window.from ?? '-inf'),
    to: window.between === true && to !== FOREVER ? to + 1n : to,
  }
}

export function toValue(value: ScriptValue): PlainValue {
  if (value === null || typeof value !== 'object') return value
  if ('float' in value) return toFloat(Number(value.float))
  if ('integer' in value) return BigInt(value.integer)
  if ('bytes' in value) return new Uint8Array(value.bytes)
  if ('list' in value) return value.list.map(toValue)
  return toProperties(value.map)
}

/** A number that can't be taken for an integer needs no wrapping. */
function toFloat(value: number): PlainValue {
  const isLikeInteger = Number.isSafeInteger(value) && !Object.is(value, -0)
  return isLikeInteger ? new PlainFloat(value) : value
}

export function toProperties(properties: ScriptProperties): Record<string, PlainValue> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, toValue(value)]),
  )
}

/** A key of the engine, or one that was parsed, as scripts have it. */
export function toScriptKey(key: unknown): ScriptKey {
  if (typeof key === 'string' || typeof key === 'number') return key
  if (Array.isArray(key)) return key.map(toScriptKey)
  throw new Error(`the scripts have no key like ${String(key)}`)
}

/** The name under which both sides know a key. */
export function keyName(key: { keyspace: string; key: ScriptKey }): string {
  return `${key.keyspace}/${JSON.stringify(key.key)}`
}
