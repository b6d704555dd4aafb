import { type FileHandle, open as openFile } from 'node:fs/promises'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open } from 'asofdb'
import type { Statement } from 'better-sqlite3'
import type { Peers } from './installed-peers.ts'
import { textOf } from './values.ts'

/** One way of making a small change durable: `commit` has done so when it is over. */
export interface CommitStore {
  commit(key: string, value: string): Promise<unknown> | undefined
  /** What the store holds of a key; undefined when it has no values to read (a bare file). */
  read?(key: string): string | undefined
  close(): Promise<void>
}

/** A way to open a store in a folder, empty or left by an earlier store of the same kind. */
export interface CommitStoreKind {
  readonly name: string
  open(folder: string): Promise<CommitStore>
}

export const ourKeys: CommitStoreKind = { name: 'ours', open: openOurKeys }
export const ourGraph: CommitStoreKind = { name: 'ours, a node', open: openOurGraph }
export const bareLoop: CommitStoreKind = { name: 'awaited write + fdatasync', open: openBareLoop }
export const bareGroup: CommitStoreKind = {
  name: 'grouped write + fdatasync',
  open: openBareGroup,
}

/** Names of the peers as they are used here. */
export const sqliteEach = 'better-sqlite3, WAL, FULL'
export const sqliteGrouped = 'better-sqlite3 behind a group of our making'
export const levelSync = 'classic-level, sync'
export const lmdbPut = 'lmdb, awaited put'

export function peerKinds(peers: Peers): CommitStoreKind[] {
  const kinds: CommitStoreKind[] = []
  const { sqlite, level, lmdb } = peers
  if (sqlite !== undefined) {
    kinds.push({ name: sqliteEach, open: (folder) => openSqlite(sqlite, folder, 'each') })
    kinds.push({ name: sqliteGrouped, open: (folder) => openSqlite(sqlite, folder, 'grouped') })
  }
  if (level !== undefined) {
    kinds.push({ name: levelSync, open: (folder) => openLevel(level, folder) })
  }
  if (lmdb !== undefined) kinds.push({ name: lmdbPut, open: (folder) => openLmdb(lmdb, folder) })
  return kinds
}

async function openOurKeys(folder: string): Promise<CommitStore> {
  const db = await open(folder)
  return {
    commit: (key, value) => db.write((tx) => tx.keys('bench').put(key, value)),
    read: (key) => textOf(db.keys('bench').get(key)),
    close: () => db.close(),
  }
}

/** A node per key, as the keys come; the change is a patch of one property. */
async function openOurGraph(folder: string): Promise<CommitStore> {
  const db = await open(folder)
  const nodes = await knownNodes(db)
  return {
    async commit(key, value) {
      const id = nodes.get(key)
      if (id !== undefined) return db.write((tx) => tx.patch(id, { value }))
      const created = await db.write((tx) => tx.createNode('Entry', { key, value }))
      return nodes.set(key, created.id)
    },
    read(key) {
      const id = nodes.get(key)
      return id === undefined ? undefined : textOf(db.node(id)?.get('value'))
    },
    close: () => db.close(),
  }
}

async function knownNodes(db: Database): Promise<Map<string, number>> {
  const nodes = new Map<string, number>()
  for (const node of db.nodes('Entry')) nodes.set(textOf(node.get('key')) ?? '', node.id)
  return nodes
}

/** What one caller does who writes a record to a file and waits for the disk. */
async function openBareLoop(folder: string): Promise<CommitStore> {
  const file: FileHandle = await openFile(join(folder, 'log'), 'a')
  return {
    async commit(key, value) {
      await file.write(`${key} ${value}\n`)
      await file.datasync()
    },
    close: () => file.close(),
  }
}

/** The least any store with a log does for many callers: one write and one sync for all at hand. */
async function openBareGroup(folder: string): Promise<CommitStore> {
  const file = openSync(join(folder, 'log'), 'a')
  const group = new CommitGroup((entries) => {
    writeSync(file, entries.map(({ key, value }) => `${key} ${value}\n`).join(''))
    fdatasyncSync(file)
  })
  return {
    commit: (key, value) => group.add({ key, value }),
    async close() {
      closeSync(file)
    },
  }
}

async function openSqlite(
  sqlite: NonNullable<Peers['sqlite']>,
  folder: string,
  mode: 'each' | 'grouped',
): Promise<CommitStore> {
  const db = new sqlite(join(folder, 'db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec('CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID')
  const put: Statement = db.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?)')
  const get = db.prepare('SELECT value FROM entry WHERE key = ?').pluck()
  const putAll = db.transaction((entries: readonly Entry[]) => {
    for (const { key, value } of entries) put.run(key, value)
  })
  const group = new CommitGroup(putAll)
  return {
    commit(key, value) {
      if (mode === 'grouped') return group.add({ key, value })
      put.run(key, value)
      return undefined
    },
    read: (key) => textOf(get.get(key)),
    async close() {
      db.close()
    },
  }
}

async function openLevel(
  level: NonNullable<Peers['level']>,
  folder: string,
): Promise<CommitStore> {
  const db = new level.ClassicLevel<string, string>(folder)
  await db.open()
  return {
    commit: (key, value) => db.put(key, value, { sync: true }),
    read: (key) => db.getSync(key),
    close: () => db.close(),
  }
}

async function openLmdb(lmdb: NonNullable<Peers['lmdb']>, folder: string): Promise<CommitStore> {
  const db = lmdb.open<string, string>({ path: join(folder, 'db'), encoding: 'string' })
  return {
    commit: (key, value) => db.put(key, value),
    read: (key) => db.get(key),
    close: () => db.close(),
  }
}

interface Entry {
  readonly key: string
  readonly value: string
}

/** Gathers what the callers of one turn of the event loop bring, for an engine that does not. */
class CommitGroup {
  readonly #commit: (entries: readonly Entry[]) => void
  #entries: Entry[] = []
  #waiting: (() => void)[] = []

  constructor(commit: (entries: readonly Entry[]) => void) {
    this.#commit = commit
  }

  add(entry: Entry): Promise<void> {
    if (this.#entries.length === 0) setImmediate(() => this.#flush())
    this.#entries.push(entry)
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  #flush(): void {
    const entries = this.#entries
    const waiting = this.#waiting
    this.#entries = []
    this.#waiting = []
    this.#commit(entries)
    for (const resolve of waiting) resolve()
  }
}
