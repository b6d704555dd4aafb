import { type CommitRecord, ErasedIds, eventsOf, recordOf } from './changes.ts'
import { DatabaseError } from './rules/errors.ts'
import type { Tables } from './versions/tables.ts'
import type { ViewContext } from './view-point.ts'
import { checkSelection, type EventSelection, type WatchSelection } from './watch-selection.ts'

export interface WatchOptions {
  /**
   * The number of the commit after which to begin, as the last one that was seen; 0 for the first
   * of all. Default: the newest at the moment of the call.
   */
  readonly after?: number | undefined
  /** Ends the watch: who waits for it gets the reason of the signal as an error. */
  readonly signal?: AbortSignal | undefined
}

export interface WatchesParts {
  /** What is read at present; another one after each compaction. */
  context(): ViewContext
  /** The newest commit that readers see. */
  acknowledgedSequence(): number
  /** Calls `wake` once readers see further commits, until the function returned is called. */
  onAcknowledged(wake: () => void): () => void
}

/** Commits looked at between two turns of everybody else. */
const commitsATurn = 256

/** The watches of an open database. */
export class Watches {
  readonly #parts: WatchesParts
  readonly #watches = new Set<WeakRef<Watch>>()
  readonly #waiting = new Set<() => void>()
  readonly #erased = new WeakMap<Tables, ErasedIds>()
  #sweepAt = 64

  constructor(parts: WatchesParts) {
    this.#parts = parts
  }

  /** See `Database.watch`. */
  start(selection: WatchSelection | undefined, options: WatchOptions): Watch {
    const checked = checkSelection(selection)
    const newest = this.#parts.acknowledgedSequence()
    const { after = newest } = options
    if (!Number.isInteger(after) || after < 0 || after > newest) {
      throw new DatabaseError(
        'InvalidArgument',
        `there is no commit ${String(after)} to go on after; the newest is ${newest}`,
      )
    }
    checked.mustBeTold(this.#parts.context().indexes.tables, after)
    this.#sweep()
    const watch = new Watch(checked, after, {
      ...this.#parts,
      erasedIds: (tables) => this.#erasedIds(tables),
      waiting: this.#waiting,
      signal: options.signal,
    })
    this.#watches.add(new WeakRef(watch))
    return watch
  }

  /** Tables take the place of others: who has not read those to their end keeps them for that. */
  adopt(before: ViewContext): void {
    for (const reference of this.#watches) {
      const watch = reference.deref()
      if (watch !== undefined) Watch.keep(watch, before)
    }
  }

  /** Lets those that wait find that the database is closed. */
  wakeAll(): void {
    for (const wake of this.#waiting) wake()
  }

  #erasedIds(tables: Tables): ErasedIds {
    let ids = this.#erased.get(tables)
    if (ids === undefined) {
      ids = new ErasedIds(tables)
      this.#erased.set(tables, ids)
    }
    return ids
  }

  /** Those that nobody holds any more, or that have ended, need not be told of anything. */
  #sweep(): void {
    if (this.#watches.size < this.#sweepAt) return
    for (const reference of this.#watches) {
      if (reference.deref()?.isEnded !== false) this.#watches.delete(reference)
    }
    this.#sweepAt = Math.max(64, this.#watches.size * 2)
  }
}

interface WatchParts extends WatchesParts {
  /** Of tables, as long as those are there. */
  erasedIds(tables: Tables): ErasedIds
  /** Functions that wake who waits. */
  readonly waiting: Set<() => void>
  readonly signal: AbortSignal | undefined
}

/**
 * Commits as they are acknowledged, each with what is of interest in it, in their order, each once.
 * It reads them from the tables when it is asked for the next one, so nothing piles up however slow
 * its reader is; while there is none, it waits and does nothing.
 *
 * Iterate over it once, with `for await`, which ends it; who calls `next` ends it with `return`.
 */
export class Watch implements AsyncIterableIterator<CommitRecord> {
  readonly #selection: EventSelection
  readonly #parts: WatchParts
  #sequence: number
  /** Tables that were replaced before they were read to their end. */
  #kept: ViewContext | undefined
  /** Whether what comes next may be missing in the tables that are next to be read. */
  #isUnsure = false
  #passed = 0
  #isEnded = false
  #wake: (() => void) | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** Made by `Database.watch`. */
  constructor(selection: EventSelection, after: number, parts: WatchParts) {
    this.#selection = selection
    this.#sequence = after
    this.#parts = parts
  }

  /**
   * The newest commit that is delivered, or was passed over because nothing in it is of interest:
   * what to give as `after` to go on from here, once the last record is dealt with.
   */
  get sequence(): number {
    return this.#sequence
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Resolves with the next commit of interest, whenever that is acknowledged. */
  next(): Promise<IteratorResult<CommitRecord, undefined>> {
    const next = this.#last.then(() => this.#next())
    this.#last = next.catch(() => undefined)
    return next
  }

  /** Ends it: who waits for the next commit is told so, and nothing is held any more. */
  return(): Promise<IteratorResult<CommitRecord, undefined>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end()
    return Promise.resolve()
  }

  /** Has one go on with tables that are replaced, if it has not read them to their end. */
  static keep(watch: Watch, replaced: ViewContext): void {
    if (watch.#isEnded || watch.#kept !== undefined) return
    if (watch.#sequence < replaced.indexes.tables.commits.sequence) watch.#kept = replaced
  }

  #end(): void {
    this.#isEnded = true
    this.#kept = undefined
    this.#wake?.()
  }

  async #next(): Promise<IteratorResult<CommitRecord, undefined>> {
    try {
      while (!this.#isEnded) {
        const record = this.#step()
        if (record !== undefined) return { done: false, value: record }
        if (this.#passed >= commitsATurn) {
          this.#passed = 0
          await this.#parts.context().yieldTurn()
        } else if (!this.#isBehind) await this.#untilWoken()
      }
      return { done: true, value: undefined }
    } catch (error) {
      this.#end()
      throw error
    }
  }

  get #isBehind(): boolean {
    return this.#sequence < this.#parts.acknowledgedSequence()
  }

  /** Looks at the next commit, if there is one. */
  #step(): CommitRecord | undefined {
    this.#parts.signal?.throwIfAborted()
    const current = this.#parts.context()
    current.mustBeReadable()
    if (!this.#isBehind || this.#passed >= commitsATurn) return undefined
    const { tables } = (this.#kept ?? current).indexes
    if (this.#isUnsure) this.#mustBeThere(tables)
    this.#passed++
    this.#sequence++
    const record = this.#recordOf(tables, this.#sequence)
    if (this.#kept !== undefined && this.#sequence === tables.commits.sequence) {
      this.#kept = undefined
      this.#isUnsure = true
    }
    return record
  }

  /** Tables that were made anew hold every version of the commits after those looked at then. */
  #mustBeThere(tables: Tables): void {
    this.#isUnsure = false
    if (tables.removals.rewrittenUpTo <= this.#sequence) return
    this.#selection.mustBeTold(tables, this.#sequence)
  }

  #recordOf(tables: Tables, sequence: number): CommitRecord | undefined {
    const selection = this.#selection
    const events = eventsOf(tables, sequence, selection)
    const erased = this.#parts
      .erasedIds(tables)
      .of(sequence)
      .filter((id) => selection.hasErased(tables, id))
    const isEmpty = events.length === 0 && erased.length === 0
    if (isEmpty && !selection.hasEveryCommit) return undefined
    return recordOf(tables, sequence, { events, ...(erased.length === 0 ? {} : { erased }) })
  }

  /** Resolves when a commit is acknowledged, or the watch or the database has come to an end. */
  async #untilWoken(): Promise<void> {
    const { signal, waiting } = this.#parts
    let wake: (() => void) | undefined
    const woken = new Promise<void>((resolve) => (wake = resolve))
    if (wake === undefined) return
    this.#wake = wake
    waiting.add(wake)
    signal?.addEventListener('abort', wake, { once: true })
    const unsubscribe = this.#parts.onAcknowledged(wake)
    await woken
    unsubscribe()
    signal?.removeEventListener('abort', wake)
    waiting.delete(wake)
    this.#wake = undefined
  }
}
