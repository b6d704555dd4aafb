import { invariant } from '../rules/invariant.ts'

/** A place in an ordered index: before entry `at` of a leaf. */
export interface OrderedPlace {
  groupIndex: number
  leafIndex: number
  at: number
}

/** The entries of a leaf, in order. */
export interface LeafEntries {
  readonly keys: string[]
  readonly values: number[]
}

/** What a cursor needs of its index. */
interface CursorIndex {
  readonly count: number
  placeOf(key: string, value: number): OrderedPlace
  placeOfEnd(): OrderedPlace
  settle(place: OrderedPlace): LeafEntries | undefined
  stepBack(place: OrderedPlace): LeafEntries | undefined
}

/** Entries side by side, in room that is used again. */
export interface EntryRun {
  readonly keys: string[]
  readonly values: Int32Array
}

/**
 * A place in an ordered index that steps from entry to entry: by key, and within a key by value. It
 * stands on an entry or nowhere: before its first seek, and after a step or a seek that found none.
 *
 * Entries may be added between any two calls: the next step goes on from the entry that the cursor
 * stands on, and meets those that were added further on.
 */
export class OrderedCursor {
  readonly #index: CursorIndex
  #place: OrderedPlace = { groupIndex: 0, leafIndex: 0, at: 0 }
  #leaf: LeafEntries | undefined
  /** Of the index when the place was taken: with another count the places have moved. */
  #count = 0
  #key = ''
  #value = -1

  constructor(index: CursorIndex) {
    this.#index = index
  }

  get isOnEntry(): boolean {
    return this.#leaf !== undefined
  }

  /** The key of the entry it stands on; that of the last one if it stands nowhere. */
  get key(): string {
    return this.#key
  }

  get value(): number {
    return this.#value
  }

  /** Moves to the first entry at or after (key, value): without a value, of any value. */
  seekAtOrAfter(key: string, value = -1): boolean {
    this.#place = this.#index.placeOf(key, value)
    return this.#stand(this.#index.settle(this.#place))
  }

  /** Moves to the last entry before (key, value): with Infinity the last one of the key. */
  seekBefore(key: string, value = -1): boolean {
    this.#place = this.#index.placeOf(key, value)
    return this.#stand(this.#index.stepBack(this.#place))
  }

  seekToLast(): boolean {
    this.#place = this.#index.placeOfEnd()
    return this.#stand(this.#index.stepBack(this.#place))
  }

  next(): boolean {
    const leaf = this.#leaf
    if (leaf === undefined) return false
    if (this.#index.count !== this.#count) return this.seekAtOrAfter(this.#key, this.#value + 0.5)
    const place = this.#place
    place.at++
    return this.#stand(place.at < leaf.keys.length ? leaf : this.#index.settle(place))
  }

  previous(): boolean {
    if (this.#leaf === undefined) return false
    if (this.#index.count !== this.#count) return this.seekBefore(this.#key, this.#value)
    return this.#stand(this.#index.stepBack(this.#place))
  }

  /**
   * Gives the entry it stands on and those after it, or before it if `isReverse`, and stands on the
   * last one given: a step from there goes on. At most `max`, of one leaf; returns how many.
   */
  take(run: EntryRun, max: number, isReverse: boolean): number {
    invariant(max > 0 && max <= run.values.length, 'there is room for what is taken')
    // Where entries were added the place has moved.
    if (this.#leaf !== undefined && this.#index.count !== this.#count) {
      this.seekAtOrAfter(this.#key, this.#value)
    }
    const leaf = this.#leaf
    if (leaf === undefined) return 0
    const { at } = this.#place
    const { keys, values } = leaf
    const count = Math.min(max, isReverse ? at + 1 : keys.length - at)
    const step = isReverse ? -1 : 1
    for (let index = 0; index < count; index++) {
      run.keys[index] = keys[at + index * step] as string
      run.values[index] = values[at + index * step] as number
    }
    this.#place.at = at + (count - 1) * step
    this.#stand(leaf)
    return count
  }

  #stand(leaf: LeafEntries | undefined): boolean {
    this.#leaf = leaf
    if (leaf === undefined) return false
    const { at } = this.#place
    this.#key = leaf.keys[at] as string
    this.#value = leaf.values[at] as number
    this.#count = this.#index.count
    return true
  }
}
