import type { CommitMeta, Instant, KeyInput, Value } from 'asofdb'
import { instantOf, jsonToPeriod } from './period-json.ts'
import { type Json, jsonToKey, jsonToValue, NotationError, parseJson } from './typed-json.ts'

/**
 * A dump of keys: JSON lines, keys and values as typed JSON. The first line says what it is, the
 * last one how many statements there are, so that a dump that was cut off is known for one.
 *
 *     {"asof":"keys","format":1,"history":false}
 *     {"keyspace":"users","key":"ada","value":{"born":1815}}
 *     {"end":"keys","count":1}
 *
 * With histories the statements of each commit follow a line that names it, in the order of the
 * commits:
 *
 *     {"commit":12,"system":"2024-06-01T12:00:00Z","meta":{"who":"ada"}}
 *     {"keyspace":"users","key":"ada","valid":[null,null],"isDeleted":true}
 *
 * Lines that somebody else wrote need neither the first nor the last one.
 */
export const dumpFormat = 1

export interface HeaderLine {
  readonly kind: 'header'
  readonly hasHistory: boolean
}

export interface EndLine {
  readonly kind: 'end'
  readonly count: number
}

export interface CommitLine {
  readonly kind: 'commit'
  readonly system: Instant
  readonly meta: CommitMeta | undefined
}

/** What is stated about a key; without a value, that it holds nothing. */
export interface StatementLine {
  readonly kind: 'statement'
  readonly keyspace: string | undefined
  readonly key: KeyInput
  /** Undefined: always. */
  readonly valid: { readonly validFrom: Instant; readonly validTo: Instant } | undefined
  readonly value: Value | undefined
}

export type DumpLine = HeaderLine | EndLine | CommitLine | StatementLine

export function headerJson(hasHistory: boolean): { [name: string]: Json } {
  return { asof: 'keys', format: dumpFormat, history: hasHistory }
}

export function endJson(count: number): { [name: string]: Json } {
  return { end: 'keys', count }
}

/** Throws `NotationError`. */
export function parseDumpLine(text: string): DumpLine {
  const json = parseJson(text)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new NotationError('a line is an object such as {"keyspace":"a","key":"b","value":1}')
  }
  const members = new Map<string, unknown>(Object.entries(json))
  if (members.has('key')) return statementOf(members)
  if (members.has('commit')) return commitOf(members)
  if (members.has('asof')) return headerOf(members)
  if (members.has('end')) return endOf(members)
  throw new NotationError('there is no "key" in it')
}

function headerOf(members: ReadonlyMap<string, unknown>): HeaderLine {
  const format = members.get('format')
  if (members.get('asof') !== 'keys') throw new NotationError('it is no dump of keys')
  if (format !== dumpFormat) {
    throw new NotationError(
      `the dump has format ${JSON.stringify(format)}, and this program reads ${dumpFormat}; ` +
        'load it with the version that wrote it, or a later one',
    )
  }
  return { kind: 'header', hasHistory: members.get('history') === true }
}

function endOf(members: ReadonlyMap<string, unknown>): EndLine {
  const count = members.get('count')
  if (typeof count === 'number') return { kind: 'end', count }
  throw new NotationError('"count" is the number of statements')
}

const metaNames = ['who', 'why', 'source'] as const

function commitOf(members: ReadonlyMap<string, unknown>): CommitLine {
  const system = instantOf(members.get('system') ?? null)
  if (system === undefined) throw new NotationError('a commit has a "system" time')
  const given: unknown = members.get('meta')
  if (given === undefined) return { kind: 'commit', system, meta: undefined }
  if (typeof given !== 'object' || given === null) throw new NotationError('"meta" is an object')
  const texts = new Map<string, unknown>(Object.entries(given))
  const meta: { who?: string; why?: string; source?: string } = {}
  for (const name of metaNames) {
    const text = texts.get(name)
    if (typeof text === 'string') meta[name] = text
  }
  return { kind: 'commit', system, meta }
}

function statementOf(members: ReadonlyMap<string, unknown>): StatementLine {
  const keyspace = members.get('keyspace')
  if (keyspace !== undefined && typeof keyspace !== 'string') {
    throw new NotationError('"keyspace" is a name')
  }
  const isDeleted = members.get('isDeleted') === true
  if (isDeleted === members.has('value')) {
    throw new NotationError(
      isDeleted ? 'what is deleted has no "value"' : 'there is no "value" in it',
    )
  }
  return {
    kind: 'statement',
    keyspace,
    key: jsonToKey(members.get('key')),
    valid: members.has('valid') ? jsonToPeriod(members.get('valid')) : undefined,
    value: isDeleted ? undefined : jsonToValue(members.get('value')),
  }
}
