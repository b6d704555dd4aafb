import {
  AbstractIterator,
  AbstractKeyIterator,
  type AbstractSnapshot,
  AbstractValueIterator,
} from 'abstract-level'
import type { KeyInput } from '../encoding/ordered-key.ts'
import type { KeyView } from '../key-view.ts'
import type { KeyRange } from '../keys/key-range.ts'
import type { KeyEntry } from '../keys/key-scan.ts'
import { bytesToKey, bytesToValue, type LevelData, type LevelFormat } from './level-bytes.ts'
import { AsOfLevelError, toLevelError } from './level-error.ts'
import { type LevelRange, LevelWalk } from './level-walk.ts'

/** What abstract-level gives to the private methods that make iterators. */
export interface IteratorOptions extends LevelRange {
  readonly keys?: boolean
  readonly values?: boolean
  readonly keyEncoding: LevelFormat
  readonly valueEncoding: LevelFormat
  readonly signal?: AbortSignal | undefined
  readonly snapshot?: AbstractSnapshot | undefined
}

/** What an iterator goes over. */
export interface IteratorSource {
  /**
   * At one point of system time, so that the iterator sees nothing of what is written later.
   * Undefined where that is a snapshot that is closed; each read says so before it looks here.
   */
  readonly keys: KeyView<Uint8Array> | undefined
  /** Lets the rest of the program have a turn. */
  yieldTurn(): Promise<void>
}

/** So many entries are given before others have a turn. */
const entriesPerTurn = 1000

/** What an iterator goes over, and what it gives of it. */
interface Listing<S, T> {
  list(keys: KeyView<Uint8Array>, range: KeyRange): Iterable<S>
  show(one: S): T
}

/** What the three iterators have in common: where they are, and when others have a turn. */
class Stepper<S, T> {
  readonly #source: IteratorSource
  readonly #options: IteratorOptions
  readonly #listing: Listing<S, T>
  #walk: LevelWalk<S> | undefined
  #given = 0

  constructor(source: IteratorSource, options: IteratorOptions, listing: Listing<S, T>) {
    this.#source = source
    this.#options = options
    this.#listing = listing
    const { keys } = source
    if (keys === undefined) return
    this.#walk = new LevelWalk((range) => listing.list(keys, range), options)
  }

  next(): T | undefined | Promise<T | undefined> {
    if (this.#mustPause(1)) return this.#pause().then(() => this.#take())
    return this.#take()
  }

  async nextv(size: number): Promise<T[]> {
    const taken: T[] = []
    while (taken.length < size) {
      const count = Math.min(size - taken.length, entriesPerTurn)
      if (this.#mustPause(count)) await this.#pause()
      const goal = taken.length + count
      this.#takeMany(taken, goal)
      if (taken.length < goal) break
    }
    return taken
  }

  seek(target: LevelData): void {
    this.#walk?.seek(target)
  }

  /** Lets go of what it goes over. */
  close(): void {
    this.#walk = undefined
  }

  /** Who gave a signal may have something to say in every turn. */
  #mustPause(count: number): boolean {
    this.#given += count
    if (this.#given <= entriesPerTurn && !this.#options.signal) return false
    this.#given = count
    return true
  }

  async #pause(): Promise<void> {
    await this.#source.yieldTurn()
    if (this.#options.signal?.aborted !== true) return
    throw new AsOfLevelError('LEVEL_ABORTED', 'Operation has been aborted')
  }

  #take(): T | undefined {
    try {
      const one = this.#walk?.next()
      return one === undefined ? undefined : this.#listing.show(one)
    } catch (error) {
      throw toLevelError(error)
    }
  }

  #takeMany(taken: T[], goal: number): void {
    while (taken.length < goal) {
      const one = this.#take()
      if (one === undefined) return
      taken.push(one)
    }
  }
}

/** A range has no other keys. */
function toBytes(key: KeyInput): Uint8Array {
  return key instanceof Uint8Array ? key : new Uint8Array(0)
}

type Entry = [LevelData | undefined, LevelData | undefined]

export class LevelIterator extends AbstractIterator<object, unknown, unknown> {
  readonly #stepper: Stepper<KeyEntry<Uint8Array>, Entry>

  constructor(db: object, source: IteratorSource, options: IteratorOptions) {
    super(db, options)
    const { keys, values, keyEncoding, valueEncoding } = options
    this.#stepper = new Stepper(source, options, {
      list: (view, range) => view.range(range),
      show: ({ key, value }) => [
        keys === false ? undefined : bytesToKey(toBytes(key), keyEncoding),
        values === false ? undefined : bytesToValue(value, valueEncoding),
      ],
    })
  }

  protected _next(): Entry | undefined | Promise<Entry | undefined> {
    return this.#stepper.next()
  }

  protected _nextv(size: number): Promise<Entry[]> {
    return this.#stepper.nextv(size)
  }

  protected _seek(target: LevelData): void {
    this.#stepper.seek(target)
  }

  protected _close(): void {
    this.#stepper.close()
  }
}

export class LevelKeyIterator extends AbstractKeyIterator<object, unknown> {
  readonly #stepper: Stepper<KeyInput, LevelData>

  constructor(db: object, source: IteratorSource, options: IteratorOptions) {
    super(db, options)
    const { keyEncoding } = options
    this.#stepper = new Stepper(source, options, {
      list: (view, range) => view.range(range).keys(),
      show: (key) => bytesToKey(toBytes(key), keyEncoding),
    })
  }

  protected _next(): LevelData | undefined | Promise<LevelData | undefined> {
    return this.#stepper.next()
  }

  protected _nextv(size: number): Promise<LevelData[]> {
    return this.#stepper.nextv(size)
  }

  protected _seek(target: LevelData): void {
    this.#stepper.seek(target)
  }

  protected _close(): void {
    this.#stepper.close()
  }
}

export class LevelValueIterator extends AbstractValueIterator<object, unknown, unknown> {
  readonly #stepper: Stepper<Uint8Array, LevelData>

  constructor(db: object, source: IteratorSource, options: IteratorOptions) {
    super(db, options)
    const { valueEncoding } = options
    this.#stepper = new Stepper(source, options, {
      list: (view, range) => view.range(range).values(),
      show: (value) => bytesToValue(value, valueEncoding),
    })
  }

  protected _next(): LevelData | undefined | Promise<LevelData | undefined> {
    return this.#stepper.next()
  }

  protected _nextv(size: number): Promise<LevelData[]> {
    return this.#stepper.nextv(size)
  }

  protected _seek(target: LevelData): void {
    this.#stepper.seek(target)
  }

  protected _close(): void {
    this.#stepper.close()
  }
}
