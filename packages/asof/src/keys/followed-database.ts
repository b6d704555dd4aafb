import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type CommitRecord, type Database, openReadOnly, type WatchSelection } from 'asofdb'
import { absentFailure } from '../failure.ts'
import { type KeyStatement, statementsOf } from './key-history.ts'

/** What a commit changed of the keys that are watched. */
export interface KeyCommit extends Pick<CommitRecord, 'sequence' | 'system' | 'meta'> {
  readonly changes: readonly KeyStatement[]
}

/** A database that another process may own: told are its commits as they come to its files. */
export class FollowedDatabase {
  readonly #folder: string
  readonly #selection: WatchSelection | undefined
  /** Up to here everything was told; undefined before the first look. */
  #after: number | undefined
  /** How the files looked before they were read last. */
  #seen: string | undefined
  /** Where the log and the checkpoints are. */
  #places: readonly string[] = []

  /** `after`: the last commit that is known already; undefined: the newest that there is. */
  constructor(folder: string, selection: WatchSelection | undefined, after: number | undefined) {
    this.#folder = folder
    this.#selection = selection
    this.#after = after
  }

  /** The commits since the last call that ended; nothing is read where no file has changed. */
  async *commits(): AsyncGenerator<KeyCommit> {
    const looks = await this.#look()
    if (looks !== undefined && looks === this.#seen) return
    await using database = await openReadOnly(this.#folder)
    const { places } = database.stats()
    this.#places = places === null ? [] : [places.log, places.checkpoint]
    const newest = database.sequence
    const after = this.#after ?? newest
    if (after > newest) {
      throw absentFailure(
        `there is no commit #${after} in ${this.#folder}; the newest is #${newest}`,
      )
    }
    this.#after = after
    for await (const record of recordsUpTo(database, this.#selection, after)) {
      const changes = statementsOf(record)
      const { sequence, system, meta } = record
      if (changes.length > 0) yield { sequence, system, meta, changes }
      this.#after = sequence
    }
    this.#after = newest
    this.#seen = looks
  }

  /** Names, sizes and times of the files; undefined before it is known where they are. */
  async #look(): Promise<string | undefined> {
    if (this.#places.length === 0) return undefined
    const seen: string[] = []
    for (const place of [this.#folder, ...this.#places]) {
      for (const name of await readdir(place).catch(() => [])) {
        // A file may go between two looks, which the next one notices.
        const status = await stat(join(place, name)).catch(() => undefined)
        if (status?.isFile() === true) seen.push(`${name} ${status.size} ${status.mtimeMs}`)
      }
    }
    return seen.sort(compareText).join('\n')
  }
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** The commits after one, up to the newest, with what is selected of them. */
async function* recordsUpTo(
  database: Database,
  selection: WatchSelection | undefined,
  after: number,
): AsyncGenerator<CommitRecord> {
  const watch = database.watch(selection, { after })
  try {
    while (watch.sequence < database.sequence) {
      const next = watch.next()
      const isWaiting = await Promise.race([next.then(() => false), hasReadAll(watch, database)])
      // It waits for commits that never come to what was read.
      if (isWaiting) return
      const { value } = await next
      if (value !== undefined) yield value
    }
  } finally {
    await watch.return()
  }
}

/** Resolves with true once the watch has passed over everything and found nothing more. */
async function hasReadAll(watch: { readonly sequence: number }, database: Database): Promise<true> {
  while (watch.sequence < database.sequence) await nextTurn()
  // What it found last is delivered first.
  await nextTurn()
  return true
}
