import { type Database, open } from 'asofdb'
import { loadPeers } from './installed-peers.ts'
import { keyAt, keyspace, openTable, valueOf } from './key-stores.ts'
import { mustBe } from './rounds.ts'
import type { Task } from './tasks.ts'

const loadBatch = 10_000
const warmUpKeys = 20_000

/** Resident bytes of a key in a database in memory whose order has been asked for. */
export const measureKeys: Task = async (_folder, [count = 0]) => {
  const small = await open(':memory:')
  await load(small, warmUpKeys)
  await small.close()
  const before = await residentBytes()
  const db = await open(':memory:')
  await load(db, count)
  mustBe(walk(db) === count, 'every key is met')
  const after = await residentBytes()
  mustBe(db.keys(keyspace).get(keyAt(0)) === valueOf(keyAt(0)), 'the first key is there')
  await db.close()
  return { bytesPerKey: (after - before) / count }
}

export const measureMap: Task = async (_folder, [count = 0]) => {
  const before = await residentBytes()
  const map = new Map<string, string>()
  for (let index = 0; index < count; index++) {
    // Flat strings, as they come from outside: a concatenation would keep its parts.
    const key = flat(keyAt(index))
    map.set(key, flat(valueOf(key)))
  }
  const sorted = [...map.keys()].sort()
  const after = await residentBytes()
  mustBe(sorted.length === count && map.size === count, 'every key is there')
  return { bytesPerKey: (after - before) / count }
}

export const measureSqlite: Task = async (_folder, [count = 0]) => {
  const { sqlite } = await loadPeers()
  mustBe(sqlite !== undefined, 'better-sqlite3 is installed')
  if (sqlite === undefined) return { bytesPerKey: Number.NaN }
  const before = await residentBytes()
  const db = openTable(sqlite, ':memory:')
  const put = db.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?)')
  const putAll = db.transaction((first: number) => {
    for (let index = first; index < Math.min(first + loadBatch, count); index++) {
      const key = keyAt(index)
      put.run(key, valueOf(key))
    }
  })
  for (let first = 0; first < count; first += loadBatch) putAll(first)
  const after = await residentBytes()
  db.close()
  return { bytesPerKey: (after - before) / count }
}

/** Makes a database of so many keys in files and closes it. */
export const loadManyKeys: Task = async (folder, [count = 0]) => {
  const before = await residentBytes()
  const db = await open(folder, { durability: 'os', checkpointLogBytes: Infinity })
  const began = performance.now()
  await load(db, count)
  const seconds = secondsSince(began)
  const bytesPerKey = ((await residentBytes()) - before) / count
  const closing = performance.now()
  await db.close()
  return { seconds, closeSeconds: secondsSince(closing), bytesPerKey }
}

export const openManyKeys: Task = async (folder, [count = 0]) => {
  const before = await residentBytes()
  const began = performance.now()
  const db = await open(folder, { durability: 'os' })
  const seconds = secondsSince(began)
  const middle = keyAt(count >> 1)
  const found = db.keys(keyspace).get(middle)
  const after = [...db.keys(keyspace).range({ gte: middle, limit: 1000 })]
  const firstSeconds = secondsSince(began)
  mustBe(found === valueOf(middle) && after[0]?.value === found, 'what is read is right')
  mustBe(db.stats().entities.keys >= count, 'every key is there')
  const bytesPerKey = ((await residentBytes()) - before) / count
  await db.close()
  return { seconds, firstSeconds, bytesPerKey }
}

async function load(db: Database, count: number): Promise<void> {
  for (let first = 0; first < count; first += loadBatch) {
    await db.write((tx) => {
      const profiles = tx.keys(keyspace)
      for (let index = first; index < Math.min(first + loadBatch, count); index++) {
        const key = keyAt(index)
        profiles.put(key, valueOf(key))
      }
    })
  }
}

function walk(db: Database): number {
  let count = 0
  for (const { key } of db.keys(keyspace).range()) if (typeof key === 'string') count++
  return count
}

function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000
}

/** What is resident after everything that nobody holds has gone. */
async function residentBytes(): Promise<number> {
  for (let pass = 0; pass < 4; pass++) {
    globalThis.gc?.()
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
  return process.memoryUsage().rss
}
