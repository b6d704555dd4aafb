import { invariant, must } from '../rules/invariant.ts'

/** One entry: an ordered key as a latin1 string, and the number it stands for. */
export interface OrderedEntry {
  readonly key: string
  readonly value: number
}

/** Bounds are on keys; every entry of a key on the bound belongs or not, as the bound says. */
export interface OrderedRange {
  readonly gte?: string | undefined
  readonly gt?: string | undefined
  readonly lte?: string | undefined
  readonly lt?: string | undefined
}

/** A place in the index: before entry `at` of a leaf. */
interface Cursor {
  groupIndex: number
  leafIndex: number
  at: number
}

const leafEntriesMax = 128
const childrenMax = 64

interface Leaf {
  readonly keys: string[]
  readonly values: number[]
  /** Where its entries are still to be had from; they are made when it is first looked into. */
  packed: PackedRun | undefined
}

/** Entries in order that are made when they are asked for. */
export interface PackedEntries {
  readonly count: number
  key(index: number): string
  value(index: number): number
}

interface PackedRun {
  readonly entries: PackedEntries
  readonly from: number
  readonly to: number
}

/** As full as leaves are that grew in random order, so that the next entry splits none. */
const packedLeafEntries = 96

/**
 * A sorted multimap from ordered keys to numbers, in memory: entries by key, then by value. A list
 * of leaves under two levels of boundaries (a B+ tree of fixed height with splitting groups), as
 * entries are only ever added. Derived state: it never says whether an entry is visible.
 */
export class OrderedIndex {
  /** Groups of leaves; each group and each leaf is non-empty once anything was added. */
  readonly #groups: Leaf[][] = [[{ keys: [], values: [], packed: undefined }]]
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Takes over entries, in order and each once, into an index that is empty. */
  restore(entries: PackedEntries): void {
    invariant(this.#count === 0, 'only an empty index takes over entries')
    if (entries.count === 0) return
    const leaves: Leaf[] = []
    for (let from = 0; from < entries.count; from += packedLeafEntries) {
      const to = Math.min(from + packedLeafEntries, entries.count)
      leaves.push({ keys: [], values: [], packed: { entries, from, to } })
    }
    this.#count = entries.count
    const room = this.#groupRoom() >> 1
    this.#groups.length = 0
    for (let start = 0; start < leaves.length; start += room) {
      this.#groups.push(leaves.slice(start, start + room))
    }
  }

  /** The last value whose key is exactly `key`; undefined when there is none. */
  lastValueOf(key: string): number | undefined {
    const cursor = this.#cursorAt(key, Infinity)
    const leaf = this.#stepBack(cursor)
    return leaf?.keys[cursor.at] === key ? leaf.values[cursor.at] : undefined
  }

  /** Adds an entry; false when the very same one was there. */
  add(key: string, value: number): boolean {
    invariant(Number.isInteger(value) && value >= 0, 'an entry stands for an ordinal')
    const { groupIndex, leafIndex, at } = this.#cursorAt(key, value)
    const leaf = must(this.#groups[groupIndex]?.[leafIndex], 'the leaf of a key')
    if (leaf.keys[at] === key && leaf.values[at] === value) return false
    leaf.keys.splice(at, 0, key)
    leaf.values.splice(at, 0, value)
    this.#count++
    if (leaf.keys.length > leafEntriesMax) this.#split(groupIndex, leafIndex, at)
    return true
  }

  /**
   * Entries within bounds, in order or in reverse. Entries may be added while the caller iterates:
   * the walk then goes on from the last entry it gave, and meets those that were added further on.
   */
  *range(bounds: OrderedRange, isReverse = false): Generator<OrderedEntry> {
    const { gt, gte, lt, lte } = bounds
    let count = this.#count
    let cursor = isReverse ? this.#endOf(bounds) : this.#startOf(bounds)
    for (;;) {
      const leaf = isReverse ? this.#stepBack(cursor) : this.#settle(cursor)
      if (leaf === undefined) return
      const key = leaf.keys[cursor.at] ?? ''
      const value = leaf.values[cursor.at] ?? 0
      const isBefore = (gt !== undefined && key <= gt) || (gte !== undefined && key < gte)
      const isAfter = (lt !== undefined && key >= lt) || (lte !== undefined && key > lte)
      if (isReverse ? isBefore : isAfter) return
      if (!isBefore && !isAfter) yield { key, value }
      if (!isReverse) cursor.at++
      if (this.#count === count) continue
      // Something was added, so the places have moved.
      count = this.#count
      cursor = isReverse ? this.#cursorAt(key, value) : this.#cursorAt(key, value + 0.5)
    }
  }

  /** Every value whose key is exactly `key`, ascending. */
  *valuesOf(key: string): Generator<number> {
    for (const entry of this.range({ gte: key, lte: key })) yield entry.value
  }

  #startOf({ gt, gte }: OrderedRange): Cursor {
    if (gt !== undefined && (gte === undefined || gt >= gte)) return this.#cursorAt(gt, Infinity)
    return this.#cursorAt(gte ?? '', -1)
  }

  /** Just after the last entry within bounds. */
  #endOf({ lt, lte }: OrderedRange): Cursor {
    if (lt !== undefined && (lte === undefined || lt <= lte)) return this.#cursorAt(lt, -1)
    if (lte !== undefined) return this.#cursorAt(lte, Infinity)
    const groupIndex = this.#groups.length - 1
    const group = must(this.#groups[groupIndex], 'the last group')
    const leafIndex = group.length - 1
    const leaf = group[leafIndex]
    return { groupIndex, leafIndex, at: leaf === undefined ? 0 : opened(leaf).keys.length }
  }

  /** Where (key, value) is, or would be put. */
  #cursorAt(key: string, value: number): Cursor {
    const groupIndex = this.#groupFor(key, value)
    const group = must(this.#groups[groupIndex], 'a group for every key')
    const leafIndex = lastAtOrBefore(group.length, (at) => compareFirst(group[at], key, value))
    const leaf = must(group[leafIndex], 'a leaf for every key')
    return { groupIndex, leafIndex, at: positionIn(opened(leaf), key, value) }
  }

  /** Moves a cursor that stands at the end of a leaf to the next one; the leaf it is in. */
  #settle(cursor: Cursor): Leaf | undefined {
    const leaf = this.#groups[cursor.groupIndex]?.[cursor.leafIndex]
    if (leaf !== undefined && cursor.at < opened(leaf).keys.length) return leaf
    cursor.at = 0
    cursor.leafIndex++
    if (cursor.leafIndex >= (this.#groups[cursor.groupIndex]?.length ?? 0)) {
      cursor.leafIndex = 0
      cursor.groupIndex++
    }
    const next = this.#groups[cursor.groupIndex]?.[cursor.leafIndex]
    return next === undefined ? undefined : opened(next)
  }

  /** Moves a cursor one entry back; the leaf it is in then. */
  #stepBack(cursor: Cursor): Leaf | undefined {
    if (--cursor.at >= 0) return this.#groups[cursor.groupIndex]?.[cursor.leafIndex]
    if (--cursor.leafIndex < 0) {
      const group = this.#groups[--cursor.groupIndex]
      if (group === undefined) return undefined
      cursor.leafIndex = group.length - 1
    }
    const leaf = must(this.#groups[cursor.groupIndex]?.[cursor.leafIndex], 'a leaf further back')
    cursor.at = opened(leaf).keys.length - 1
    return leaf
  }

  #groupFor(key: string, value: number): number {
    return lastAtOrBefore(this.#groups.length, (at) =>
      compareFirst(this.#groups[at]?.[0], key, value),
    )
  }

  /** Halves a full leaf; appended runs keep the left one full, as bulk loads come sorted. */
  #split(groupIndex: number, leafIndex: number, addedAt: number): void {
    const group = this.#groups[groupIndex]
    const leaf = group?.[leafIndex]
    invariant(group !== undefined && leaf !== undefined, 'the leaf to split exists')
    invariant(leaf.keys.length === leaf.values.length, 'every key of a leaf has its value')
    const isAppend = addedAt === leaf.keys.length - 1
    const cut = isAppend ? leafEntriesMax : leafEntriesMax >> 1
    const keys = leaf.keys.splice(cut)
    const values = leaf.values.splice(cut)
    group.splice(leafIndex + 1, 0, { keys, values, packed: undefined })
    if (group.length > this.#groupRoom()) {
      this.#groups.splice(groupIndex + 1, 0, group.splice(group.length >> 1))
    }
  }

  /** Leaves of a group. */
  #groupRoom(): number {
    return Math.max(childrenMax, Math.ceil(Math.sqrt(this.#count / leafEntriesMax)))
  }
}

/** The leaf, with its entries made. */
function opened(leaf: Leaf): Leaf {
  if (leaf.packed !== undefined) unpack(leaf, leaf.packed)
  return leaf
}

function unpack(leaf: Leaf, { entries, from, to }: PackedRun): void {
  for (let index = from; index < to; index++) {
    leaf.keys.push(entries.key(index))
    leaf.values.push(entries.value(index))
  }
  leaf.packed = undefined
}

/** Orders the first entry of a leaf against (key, value); an empty leaf comes first. */
function compareFirst(leaf: Leaf | undefined, key: string, value: number): number {
  const first = leaf === undefined ? undefined : opened(leaf).keys[0]
  if (first === undefined) return -1
  return first < key ? -1 : first > key ? 1 : (leaf?.values[0] ?? 0) - value
}

/** The last index whose comparison is not positive; 0 when all are. */
function lastAtOrBefore(count: number, compare: (at: number) => number): number {
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (compare(middle) <= 0) low = middle
    else high = middle - 1
  }
  return low
}

/** Where (key, value) is, or would be put, in a leaf. */
function positionIn(leaf: Leaf, key: string, value: number): number {
  let low = 0
  let high = leaf.keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = leaf.keys[middle] ?? ''
    const isBefore = other < key || (other === key && (leaf.values[middle] ?? 0) < value)
    if (isBefore) low = middle + 1
    else high = middle
  }
  return low
}
