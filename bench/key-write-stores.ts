import { join } from 'node:path'
import { type Database, open } from 'asofdb'
import type { Peers } from './installed-peers.ts'
import {
  keyspace,
  levelName,
  lmdbName,
  mapName,
  openTable,
  oursName,
  sqliteName,
} from './key-stores.ts'
import { lengthOf, textOf } from './values.ts'

/** What one transaction does: reads, then writes. */
export interface KeyTransactionBody {
  readonly read: readonly string[]
  readonly written: readonly (readonly [key: string, value: string])[]
}

/** A store that takes batches; `putAll` is over when the batch is as durable as was asked for. */
export interface WriteStore {
  putAll(entries: readonly (readonly [key: string, value: string])[]): Promise<unknown> | undefined
  /** Gives the sum of the lengths that it read. */
  transact(body: KeyTransactionBody): Promise<number> | number
  get(key: string): string | undefined
  close(): Promise<void>
}

export interface WriteStoreKind {
  readonly name: string
  open(folder: string): Promise<WriteStore>
}

export type PutMode = 'durable' | 'file' | 'memory'

export function writeStores(peers: Peers, mode: PutMode): WriteStoreKind[] {
  const { lmdb, sqlite, level } = peers
  const kinds: WriteStoreKind[] = [
    { name: oursName, open: (folder) => writeOurs(folder, mode) },
  ]
  if (mode === 'memory') kinds.push({ name: mapName, open: writeMap })
  if (lmdb !== undefined) {
    kinds.push({ name: lmdbName, open: (folder) => writeLmdb(lmdb, folder, mode) })
  }
  if (sqlite !== undefined) {
    kinds.push({ name: sqliteName, open: (folder) => writeSqlite(sqlite, folder, mode) })
  }
  if (level !== undefined) {
    kinds.push({ name: levelName, open: (folder) => writeLevel(level, folder, mode) })
  }
  return kinds
}

/** A ceiling: nothing is kept, nothing goes together or not at all. */
function writeMap(): Promise<WriteStore> {
  const map = new Map<string, string>()
  return Promise.resolve({
    putAll(entries) {
      for (const [key, value] of entries) map.set(key, value)
      return undefined
    },
    transact({ read, written }) {
      let sum = 0
      for (const key of read) sum += map.get(key)?.length ?? 0
      for (const [key, value] of written) map.set(key, value)
      return sum
    },
    get: (key) => map.get(key),
    close: () => Promise.resolve(),
  })
}

async function writeOurs(folder: string, mode: PutMode): Promise<WriteStore> {
  const durabilities = { durable: 'sync', file: 'os', memory: 'memory' } as const
  const db: Database = await open(folder, { durability: durabilities[mode] })
  return {
    putAll: (entries) =>
      db.write((tx) => {
        const profiles = tx.keys(keyspace)
        for (const [key, value] of entries) profiles.put(key, value)
      }),
    transact: ({ read, written }) =>
      db.write((tx) => {
        const profiles = tx.keys(keyspace)
        let sum = 0
        for (const key of read) sum += lengthOf(profiles.get(key))
        for (const [key, value] of written) profiles.put(key, value)
        return sum
      }),
    get: (key) => textOf(db.keys(keyspace).get(key)),
    close: () => db.close(),
  }
}

/** One transaction of its own thread a batch, which is how it is fastest; it has no memory mode. */
async function writeLmdb(
  lmdb: NonNullable<Peers['lmdb']>,
  folder: string,
  mode: PutMode,
): Promise<WriteStore> {
  const path = join(folder, 'db')
  const noSync = mode !== 'durable'
  // Without overlapping, a commit that is told is one that was synced.
  const db = lmdb.open<string, string>({ path, encoding: 'string', noSync, overlappingSync: false })
  return {
    async putAll(entries) {
      let last: Promise<boolean> | undefined
      for (const [key, value] of entries) last = db.put(key, value)
      await last
    },
    transact: ({ read, written }) =>
      db.transaction(() => {
        let sum = 0
        for (const key of read) sum += db.get(key)?.length ?? 0
        for (const [key, value] of written) void db.put(key, value)
        return sum
      }),
    get: (key) => db.get(key),
    close: () => db.close(),
  }
}

async function writeSqlite(
  sqlite: NonNullable<Peers['sqlite']>,
  folder: string,
  mode: PutMode,
): Promise<WriteStore> {
  const db = openTable(sqlite, mode === 'memory' ? ':memory:' : join(folder, 'db'))
  db.pragma(mode === 'durable' ? 'synchronous = FULL' : 'synchronous = OFF')
  const put = db.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?)')
  const get = db.prepare('SELECT value FROM entry WHERE key = ?').pluck()
  const putAll = db.transaction((entries: readonly (readonly [string, string])[]) => {
    for (const [key, value] of entries) put.run(key, value)
  })
  const transact = db.transaction(({ read, written }: KeyTransactionBody) => {
    let sum = 0
    for (const key of read) sum += lengthOf(get.get(key))
    for (const [key, value] of written) put.run(key, value)
    return sum
  })
  return {
    putAll(entries) {
      putAll(entries)
      return undefined
    },
    transact,
    get: (key) => textOf(get.get(key)),
    async close() {
      db.close()
    },
  }
}

async function writeLevel(
  level: NonNullable<Peers['level']>,
  folder: string,
  mode: PutMode,
): Promise<WriteStore> {
  const db = new level.ClassicLevel<string, string>(folder)
  await db.open()
  return {
    putAll: (entries) =>
      db.batch(
        entries.map(([key, value]) => ({ type: 'put', key, value })),
        { sync: mode === 'durable' },
      ),
    // It has no transactions: reads, and then a batch, are as near as it comes.
    async transact({ read, written }) {
      let sum = 0
      for (const key of read) sum += db.getSync(key)?.length ?? 0
      await db.batch(
        written.map(([key, value]) => ({ type: 'put', key, value })),
        { sync: mode === 'durable' },
      )
      return sum
    },
    get: (key) => db.getSync(key),
    close: () => db.close(),
  }
}

