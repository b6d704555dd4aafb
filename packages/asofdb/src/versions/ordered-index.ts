import { invariant, must } from '../rules/invariant.ts'
import { type LeafEntries, OrderedCursor, type OrderedPlace } from './ordered-cursor.ts'

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

const leafEntriesMax = 128
const childrenMax = 64

interface OrderedLeaf extends LeafEntries {
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
  readonly #groups: OrderedLeaf[][] = [[{ keys: [], values: [], packed: undefined }]]
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Takes over entries, in order and each once, into an index that is empty. */
  restore(entries: PackedEntries): void {
    invariant(this.#count === 0, 'only an empty index takes over entries')
    if (entries.count > 0) this.#fill(entries)
  }

  /** Takes in others, in order and each once, among which is every entry that it holds. */
  replace(entries: PackedEntries): void {
    invariant(entries.count > this.#count, 'nothing is lost by taking in more')
    this.#fill(entries)
  }

  /** Every value, in the order of the entries. Makes none of their keys. */
  *values(): Generator<number> {
    for (const group of this.#groups) for (const leaf of group) yield* valuesOf(leaf)
  }

  #fill(entries: PackedEntries): void {
    invariant(Number.isSafeInteger(entries.count), 'entries are counted')
    const leaves: OrderedLeaf[] = []
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
    const place = this.placeOf(key, Infinity)
    const leaf = this.stepBack(place)
    return leaf?.keys[place.at] === key ? leaf.values[place.at] : undefined
  }

  /** Adds an entry; false when the very same one was there. */
  add(key: string, value: number): boolean {
    invariant(Number.isInteger(value) && value >= 0, 'an entry stands for an ordinal')
    const { groupIndex, leafIndex, at } = this.placeOf(key, value)
    const leaf = must(this.#groups[groupIndex]?.[leafIndex], 'the leaf of a key')
    if (leaf.keys[at] === key && leaf.values[at] === value) return false
    leaf.keys.splice(at, 0, key)
    leaf.values.splice(at, 0, value)
    this.#count++
    if (leaf.keys.length > leafEntriesMax) this.#split(groupIndex, leafIndex, at)
    return true
  }

  /** A cursor, which stands nowhere yet. It stays good while entries are added. */
  cursor(): OrderedCursor {
    return new OrderedCursor(this)
  }

  /** Where (key, value) is, or would be put. For cursors, as what follows. */
  placeOf(key: string, value: number): OrderedPlace {
    const groupIndex = this.#groupFor(key, value)
    const group = must(this.#groups[groupIndex], 'a group for every key')
    const leafIndex = lastAtOrBefore(group.length, (at) => compareFirst(group[at], key, value))
    const leaf = must(group[leafIndex], 'a leaf for every key')
    return { groupIndex, leafIndex, at: positionIn(opened(leaf), key, value) }
  }

  /** Just after the last entry. */
  placeOfEnd(): OrderedPlace {
    const groupIndex = this.#groups.length - 1
    const group = must(this.#groups[groupIndex], 'the last group')
    const leafIndex = group.length - 1
    const leaf = must(group[leafIndex], 'the last leaf')
    return { groupIndex, leafIndex, at: opened(leaf).keys.length }
  }

  /** Moves a place at the end of a leaf to the next one; the leaf it is in, if there is one. */
  settle(place: OrderedPlace): OrderedLeaf | undefined {
    const leaf = this.#groups[place.groupIndex]?.[place.leafIndex]
    if (leaf !== undefined && place.at < opened(leaf).keys.length) return leaf
    place.at = 0
    place.leafIndex++
    if (place.leafIndex >= (this.#groups[place.groupIndex]?.length ?? 0)) {
      place.leafIndex = 0
      place.groupIndex++
    }
    const next = this.#groups[place.groupIndex]?.[place.leafIndex]
    return next === undefined || opened(next).keys.length === 0 ? undefined : next
  }

  /** Moves a place one entry back; the leaf it is in then, if there is one. */
  stepBack(place: OrderedPlace): OrderedLeaf | undefined {
    if (--place.at >= 0) return this.#groups[place.groupIndex]?.[place.leafIndex]
    if (--place.leafIndex < 0) {
      const group = this.#groups[--place.groupIndex]
      if (group === undefined) return undefined
      place.leafIndex = group.length - 1
    }
    const leaf = must(this.#groups[place.groupIndex]?.[place.leafIndex], 'a leaf further back')
    place.at = opened(leaf).keys.length - 1
    return leaf
  }

  /**
   * Entries within bounds, in order or in reverse. Entries may be added while the caller iterates:
   * the walk then goes on from the last entry it gave, and meets those that were added further on.
   */
  *range(bounds: OrderedRange, isReverse = false): Generator<OrderedEntry> {
    const { gt, gte, lt, lte } = bounds
    const cursor = this.cursor()
    let isOn = isReverse ? seekEnd(cursor, bounds) : seekStart(cursor, bounds)
    for (; isOn; isOn = isReverse ? cursor.previous() : cursor.next()) {
      const { key, value } = cursor
      const isBefore = (gt !== undefined && key <= gt) || (gte !== undefined && key < gte)
      const isAfter = (lt !== undefined && key >= lt) || (lte !== undefined && key > lte)
      if (isBefore || isAfter) return
      yield { key, value }
    }
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

/** Moves a cursor to the first entry that the lower bounds let in. */
function seekStart(cursor: OrderedCursor, { gt, gte }: OrderedRange): boolean {
  const isAfter = gt !== undefined && (gte === undefined || gt >= gte)
  if (isAfter) return cursor.seekAtOrAfter(gt, Infinity)
  return cursor.seekAtOrAfter(gte ?? '')
}

/** Moves a cursor to the last entry that the upper bounds let in. */
function seekEnd(cursor: OrderedCursor, { lt, lte }: OrderedRange): boolean {
  if (lt !== undefined && (lte === undefined || lt <= lte)) return cursor.seekBefore(lt)
  return lte === undefined ? cursor.seekToLast() : cursor.seekBefore(lte, Infinity)
}

/** Values of a leaf that somebody else may unpack meanwhile. */
function* valuesOf(leaf: OrderedLeaf): Generator<number> {
  const count = leaf.packed === undefined ? leaf.values.length : leaf.packed.to - leaf.packed.from
  for (let at = 0; at < count; at++) {
    const { packed } = leaf
    yield packed === undefined ? (leaf.values[at] ?? 0) : packed.entries.value(packed.from + at)
  }
}

/** The leaf, with its entries made. */
function opened(leaf: OrderedLeaf): OrderedLeaf {
  if (leaf.packed !== undefined) unpack(leaf, leaf.packed)
  return leaf
}

function unpack(leaf: OrderedLeaf, { entries, from, to }: PackedRun): void {
  for (let index = from; index < to; index++) {
    leaf.keys.push(entries.key(index))
    leaf.values.push(entries.value(index))
  }
  leaf.packed = undefined
}

/** Orders the first entry of a leaf against (key, value); an empty leaf comes first. */
function compareFirst(leaf: OrderedLeaf | undefined, key: string, value: number): number {
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
function positionIn(leaf: OrderedLeaf, key: string, value: number): number {
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
