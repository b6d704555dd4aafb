import { invariant } from '../rules/invariant.ts'

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

interface Leaf {
  readonly keys: string[]
  readonly values: number[]
}

/**
 * A sorted multimap from ordered keys to numbers, in memory: entries by key, then by value. A list
 * of leaves under two levels of boundaries (a B+ tree of fixed height with splitting groups), as
 * entries are only ever added. Derived state: it never says whether an entry is visible.
 */
export class OrderedIndex {
  /** Groups of leaves; each group and each leaf is non-empty once anything was added. */
  readonly #groups: Leaf[][] = [[{ keys: [], values: [] }]]
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Adds an entry; false when the very same one was there. */
  add(key: string, value: number): boolean {
    const groupIndex = this.#groupFor(key, value)
    const group = this.#groups[groupIndex]
    invariant(group !== undefined, 'an ordered index has a group for every key')
    const leafIndex = lastAtOrBefore(group.length, (at) => compareFirst(group[at], key, value))
    const leaf = group[leafIndex]
    invariant(leaf !== undefined, 'a group has a leaf for every key')
    const at = positionIn(leaf, key, value)
    if (leaf.keys[at] === key && leaf.values[at] === value) return false
    leaf.keys.splice(at, 0, key)
    leaf.values.splice(at, 0, value)
    this.#count++
    if (leaf.keys.length > leafEntriesMax) this.#split(groupIndex, leafIndex, at)
    return true
  }

  /** Entries within bounds, in order or in reverse. Do not add while iterating. */
  *range(bounds: OrderedRange, isReverse = false): Generator<OrderedEntry> {
    if (isReverse) yield* this.#backward(bounds)
    else yield* this.#forward(bounds)
  }

  /** Every value whose key is exactly `key`, ascending. */
  *valuesOf(key: string): Generator<number> {
    for (const entry of this.#forward({ gte: key, lte: key })) yield entry.value
  }

  *#forward(bounds: OrderedRange): Generator<OrderedEntry> {
    const start = bounds.gte ?? bounds.gt ?? ''
    let groupIndex = this.#groupFor(start, -1)
    let group = this.#groups[groupIndex] ?? []
    let leafIndex = lastAtOrBefore(group.length, (at) => compareFirst(group[at], start, -1))
    let leaf = group[leafIndex]
    let at = leaf === undefined ? 0 : positionIn(leaf, start, -1)
    while (leaf !== undefined) {
      for (; at < leaf.keys.length; at++) {
        const key = leaf.keys[at] ?? ''
        if (bounds.gt !== undefined && key <= bounds.gt) continue
        if (bounds.lte !== undefined && key > bounds.lte) return
        if (bounds.lt !== undefined && key >= bounds.lt) return
        yield { key, value: leaf.values[at] ?? 0 }
      }
      at = 0
      if (++leafIndex >= group.length) {
        leafIndex = 0
        group = this.#groups[++groupIndex] ?? []
      }
      leaf = group[leafIndex]
    }
  }

  *#backward(bounds: OrderedRange): Generator<OrderedEntry> {
    const end = bounds.lte ?? bounds.lt
    let groupIndex = end === undefined ? this.#groups.length - 1 : this.#groupFor(end, Infinity)
    let group = this.#groups[groupIndex] ?? []
    let leafIndex =
      end === undefined
        ? group.length - 1
        : lastAtOrBefore(group.length, (at) => compareFirst(group[at], end, Infinity))
    let leaf = group[leafIndex]
    let at =
      leaf === undefined
        ? 0
        : end === undefined
          ? leaf.keys.length
          : positionIn(leaf, end, Infinity)
    while (leaf !== undefined) {
      while (--at >= 0) {
        const key = leaf.keys[at] ?? ''
        if (bounds.lt !== undefined && key >= bounds.lt) continue
        if (bounds.gte !== undefined && key < bounds.gte) return
        if (bounds.gt !== undefined && key <= bounds.gt) return
        yield { key, value: leaf.values[at] ?? 0 }
      }
      if (--leafIndex < 0) {
        group = this.#groups[--groupIndex] ?? []
        leafIndex = group.length - 1
      }
      leaf = group[leafIndex]
      at = leaf === undefined ? 0 : leaf.keys.length
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
    const isAppend = addedAt === leaf.keys.length - 1
    const cut = isAppend ? leafEntriesMax : leafEntriesMax >> 1
    group.splice(leafIndex + 1, 0, { keys: leaf.keys.splice(cut), values: leaf.values.splice(cut) })
    const room = Math.max(childrenMax, Math.ceil(Math.sqrt(this.#count / leafEntriesMax)))
    if (group.length > room) {
      this.#groups.splice(groupIndex + 1, 0, group.splice(group.length >> 1))
    }
  }
}

/** Orders the first entry of a leaf against (key, value); an empty leaf comes first. */
function compareFirst(leaf: Leaf | undefined, key: string, value: number): number {
  const first = leaf?.keys[0]
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
