/** The small worlds of the tests of keys: one keyspace, `k`, in memory, that keeps its history. */
import {
  type BeginOptions,
  type Database,
  type DatabaseError,
  type ErrorCode,
  type KeyInput,
  type KeyTransaction,
  type KeyView,
  open,
  type OpenTransaction,
  type Value,
  type ValueInput,
} from 'asofdb'
import { expect } from 'vitest'

export type Held = Readonly<Record<string, ValueInput>>

/** A database that holds these, by one commit. */
export async function holding(held: Held = {}): Promise<Database> {
  const database = await open(':memory:')
  await database.write((tx) => {
    tx.setRetention({ keyspace: 'k' }, 'forever')
    putAll(tx.keys('k'), held)
  })
  return database
}

export function putAll(keys: KeyTransaction, held: Held): void {
  for (const [key, value] of Object.entries(held)) keys.put(key, value)
}

/** Changes the keyspace by a commit of its own; gives its number. */
export async function commit(
  database: Database,
  change: (keys: KeyTransaction) => unknown,
): Promise<number> {
  await database.write((tx) => {
    change(tx.keys('k'))
  })
  return database.sequence
}

/** An open transaction and its keyspace. */
export interface Party {
  readonly tx: OpenTransaction
  readonly keys: KeyTransaction
}

export function begin(database: Database, options?: BeginOptions): Party {
  const tx = database.begin(options)
  return { tx, keys: tx.keys('k') }
}

/** What the keyspace holds now, in its order. */
export function heldBy(keys: KeyView): [KeyInput, Value][] {
  return [...keys.range()].map(({ key, value }) => [key, value])
}

export function heldNow(database: Database): [KeyInput, Value][] {
  return heldBy(database.keys('k'))
}

export function ofCode(code: ErrorCode): unknown {
  return expect.objectContaining({ code })
}

/** The code of the error that a call throws; undefined if it throws none. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as DatabaseError).code
  }
}

/** How a transaction ends: the kind, code and key of what refused it, or that it is committed. */
export async function ending({ tx }: Party): Promise<unknown> {
  try {
    return (await tx.commit()) === undefined ? 'nothing to commit' : 'committed'
  } catch (error) {
    const { kind, code, details } = error as DatabaseError
    return { kind, code, keyspace: details['keyspace'], key: details['key'] }
  }
}

export function readConflict(key: KeyInput): unknown {
  return { kind: 'retry', code: 'KeyReadConflict', keyspace: 'k', key }
}

export function writeConflict(key: KeyInput): unknown {
  return { kind: 'retry', code: 'KeyWriteConflict', keyspace: 'k', key }
}

/** Both isolations, for what holds under either. */
export const isolations = ['serializable', 'snapshot'] as const
