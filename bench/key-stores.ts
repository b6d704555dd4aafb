import { join } from 'node:path'
import { type Database, open } from 'asofdb'
import type SqliteDatabase from 'better-sqlite3'
import type { Peers } from './installed-peers.ts'
import { lengthOf, textOf } from './values.ts'

export const oursName = 'ours'
export const mapName = 'a bare Map'
export const lmdbName = 'lmdb'
export const sqliteName = 'better-sqlite3'
export const levelName = 'classic-level'

/** A loaded store that answers questions; each returns the sum of the lengths it read. */
export interface ReadStore {
  readonly name: string
  getAll(keys: readonly string[]): number
  /** The same where a read begins further out. */
  getEachAnew?(keys: readonly string[]): number
  /** Lengths of `count` keys and their values, from `start` on, in key order. */
  range?(start: string, count: number): number | Promise<number>
  close(): Promise<void>
}

export interface ReadStoreKind {
  open(folder: string, keys: readonly string[]): Promise<ReadStore>
}

/** A store that takes batches; `putAll` is over when the batch is as durable as was asked for. */
export interface WriteStore {
  putAll(entries: readonly (readonly [key: string, value: string])[]): Promise<unknown> | undefined
  get(key: string): string | undefined
  close(): Promise<void>
}

export interface WriteStoreKind {
  readonly name: string
  open(folder: string): Promise<WriteStore>
}

export type PutMode = 'durable' | 'file' | 'memory'

/** Keys of about 20 bytes in random order, all different. */
export function keysOf(count: number): string[] {
  const step = 611_953
  return Array.from({ length: count }, (_, index) => {
    const number = (index * step) % 1_000_003
    return `user/${String(number).padStart(8, '0')}/profile`
  })
}

/** A value of about 100 bytes that only its key can have. */
export function valueOf(key: string): string {
  return `the profile of ${key}, `.padEnd(90 + (key.charCodeAt(12) % 16), 'as it was given; ')
}

export function keyStores(peers: Peers): ReadStoreKind[] {
  const { lmdb, sqlite, level } = peers
  const kinds: ReadStoreKind[] = [{ open: loadOurs }, { open: loadMap }]
  if (lmdb !== undefined) kinds.push({ open: (folder, keys) => loadLmdb(lmdb, folder, keys) })
  if (sqlite !== undefined) kinds.push({ open: (folder, keys) => loadSqlite(sqlite, folder, keys) })
  if (level !== undefined) kinds.push({ open: (folder, keys) => loadLevel(level, folder, keys) })
  return kinds
}

const keyspace = 'profiles'
const loadBatch = 10_000

async function loadOurs(_folder: string, keys: readonly string[]): Promise<ReadStore> {
  const db = await open(':memory:')
  for (let first = 0; first < keys.length; first += loadBatch) {
    await db.write((tx) => {
      const profiles = tx.keys(keyspace)
      for (const key of keys.slice(first, first + loadBatch)) profiles.put(key, valueOf(key))
    })
  }
  const profiles = db.keys(keyspace)
  return {
    name: oursName,
    getAll(asked) {
      let sum = 0
      for (const key of asked) sum += lengthOf(profiles.get(key))
      return sum
    },
    getEachAnew(asked) {
      let sum = 0
      for (const key of asked) sum += lengthOf(db.keys(keyspace).get(key))
      return sum
    },
    range(start, count) {
      let sum = 0
      for (const { key, value } of profiles.range({ gte: start, limit: count })) {
        sum += lengthOf(key) + lengthOf(value)
      }
      return sum
    },
    close: () => db.close(),
  }
}

function loadMap(_folder: string, keys: readonly string[]): Promise<ReadStore> {
  const map = new Map(keys.map((key) => [key, valueOf(key)]))
  return Promise.resolve({
    name: mapName,
    getAll(asked: readonly string[]) {
      let sum = 0
      for (const key of asked) sum += map.get(key)?.length ?? 0
      return sum
    },
    close: () => Promise.resolve(),
  })
}

async function loadLmdb(
  lmdb: NonNullable<Peers['lmdb']>,
  folder: string,
  keys: readonly string[],
): Promise<ReadStore> {
  const db = lmdb.open<string, string>({
    path: join(folder, 'db'),
    encoding: 'string',
    noSync: true,
  })
  db.transactionSync(() => {
    for (const key of keys) db.putSync(key, valueOf(key))
  })
  return {
    name: lmdbName,
    getAll(asked) {
      let sum = 0
      for (const key of asked) sum += db.get(key)?.length ?? 0
      return sum
    },
    range(start, count) {
      let sum = 0
      for (const { key, value } of db.getRange({ start, limit: count })) {
        sum += key.length + value.length
      }
      return sum
    },
    close: () => db.close(),
  }
}

async function loadSqlite(
  sqlite: NonNullable<Peers['sqlite']>,
  folder: string,
  keys: readonly string[],
): Promise<ReadStore> {
  const db = openTable(sqlite, join(folder, 'db'))
  db.pragma('cache_size = -1000000')
  const put = db.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?)')
  db.transaction(() => {
    for (const key of keys) put.run(key, valueOf(key))
  })()
  const get = db.prepare('SELECT value FROM entry WHERE key = ?').pluck()
  const range = db.prepare('SELECT key, value FROM entry WHERE key >= ? ORDER BY key LIMIT ?')
  return {
    name: sqliteName,
    getAll(asked) {
      let sum = 0
      for (const key of asked) sum += lengthOf(get.get(key))
      return sum
    },
    range(start, count) {
      let sum = 0
      for (const entry of range.all(start, count)) {
        sum += lengthOf(entry['key']) + lengthOf(entry['value'])
      }
      return sum
    },
    async close() {
      db.close()
    },
  }
}

async function loadLevel(
  level: NonNullable<Peers['level']>,
  folder: string,
  keys: readonly string[],
): Promise<ReadStore> {
  const db = new level.ClassicLevel<string, string>(folder)
  await db.open()
  await db.batch(keys.map((key) => ({ type: 'put', key, value: valueOf(key) })))
  return {
    name: levelName,
    getAll(asked) {
      let sum = 0
      for (const key of asked) sum += db.getSync(key)?.length ?? 0
      return sum
    },
    async range(start, count) {
      const highWaterMarkBytes = 1 << 20
      const iterator = db.iterator({ gte: start, limit: count, highWaterMarkBytes })
      let sum = 0
      for (let part = await iterator.nextv(count); part.length > 0; ) {
        for (const [key, value] of part) sum += key.length + value.length
        part = await iterator.nextv(count)
      }
      await iterator.close()
      return sum
    },
    close: () => db.close(),
  }
}

export function writeStores(peers: Peers, mode: PutMode): WriteStoreKind[] {
  const { lmdb, sqlite, level } = peers
  const kinds: WriteStoreKind[] = [
    { name: oursName, open: (folder) => writeOurs(folder, mode) },
  ]
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

async function writeOurs(folder: string, mode: PutMode): Promise<WriteStore> {
  const durabilities = { durable: 'sync', file: 'os', memory: 'memory' } as const
  const db: Database = await open(folder, { durability: durabilities[mode] })
  return {
    putAll: (entries) =>
      db.write((tx) => {
        const profiles = tx.keys(keyspace)
        for (const [key, value] of entries) profiles.put(key, value)
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
  const db = lmdb.open<string, string>({ path, encoding: 'string', noSync })
  return {
    async putAll(entries) {
      let last: Promise<boolean> | undefined
      for (const [key, value] of entries) last = db.put(key, value)
      await last
    },
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
  return {
    putAll(entries) {
      putAll(entries)
      return undefined
    },
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
    get: (key) => db.getSync(key),
    close: () => db.close(),
  }
}

function openTable(sqlite: typeof SqliteDatabase, path: string): SqliteDatabase {
  const db = new sqlite(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID')
  return db
}
