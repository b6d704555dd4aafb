import type SqliteDatabase from 'better-sqlite3'
import type * as LevelModule from 'classic-level'
import type * as LmdbModule from 'lmdb'

/** The engines that ours is measured against, those that are installed. */
export interface Peers {
  readonly sqlite: typeof SqliteDatabase | undefined
  readonly level: typeof LevelModule | undefined
  readonly lmdb: typeof LmdbModule | undefined
}

export const noPeers: Peers = { sqlite: undefined, level: undefined, lmdb: undefined }

/** A peer that is not installed is left out of the rows; `ASOF_BENCH_PEERS=none` leaves out all. */
export async function loadPeers(): Promise<Peers> {
  if (process.env['ASOF_BENCH_PEERS'] === 'none') return noPeers
  const [sqlite, level, lmdb] = await Promise.all([
    ifInstalled('better-sqlite3', () => import('better-sqlite3')),
    ifInstalled('classic-level', () => import('classic-level')),
    ifInstalled('lmdb', () => import('lmdb')),
  ])
  return { sqlite: sqlite?.default, level, lmdb }
}

async function ifInstalled<T>(name: string, load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load()
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    process.stderr.write(`${name} is left out: ${reason}\n`)
    return undefined
  }
}
