import { join } from 'node:path'
import { open } from 'asofdb'
import type SqliteDatabase from 'better-sqlite3'
import type { Peers } from './installed-peers.ts'
import { lengthOf } from './values.ts'

export const oursName = 'ours'
export const mapName = 'a Map and a sorted array'
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
  range(start: string, count: number): number | Promise<number>
  close(): Promise<void>
}

export interface ReadStoreKind {
  open(folder: string, keys: readonly string[]): Promise<ReadStore>
}

/** Above any number of keys, and prime, so that a step leads to every number once. */
const numbersOfKeys = 20_000_003
const keyStep = 7_611_953

/** Key `index` of as many as you like: 16 to 32 bytes, in random order, all different. */
export function keyAt(index: number): string {
  const number = (index * keyStep) % numbersOfKeys
  const name = 'about-the-profile'.slice(0, 2 + (number % 17))
  return `user/${String(number).padStart(8, '0')}/${name}`
}

export function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => keyAt(index))
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

export const keyspace = 'profiles'
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
  const sorted = keys.toSorted()
  return Promise.resolve({
    name: mapName,
    getAll(asked: readonly string[]) {
      let sum = 0
      for (const key of asked) sum += map.get(key)?.length ?? 0
      return sum
    },
    range(start: string, count: number) {
      let sum = 0
      const first = placeIn(sorted, start)
      for (let at = first; at < Math.min(first + count, sorted.length); at++) {
        const key = sorted[at] ?? ''
        sum += key.length + (map.get(key)?.length ?? 0)
      }
      return sum
    },
    close: () => Promise.resolve(),
  })
}

/** Where a key is, or would be put. */
function placeIn(sorted: readonly string[], key: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
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

export function openTable(sqlite: typeof SqliteDatabase, path: string): SqliteDatabase {
  const db = new sqlite(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID')
  return db
}

/** Some keys at random, with a seed of their own. */
export function pick(keys: readonly string[], count: number, seed = 0): string[] {
  let state = 12345 + seed
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return keys[Math.floor((state / 2 ** 32) * keys.length)] ?? ''
  })
}
