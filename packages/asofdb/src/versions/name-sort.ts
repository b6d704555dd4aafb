import { invariant } from '../rules/invariant.ts'
import type { KeyNames } from './key-names.ts'
import { entryEnd, entryStart } from './payload-slice.ts'

/** So few are sorted by comparing whole names. */
const comparedMax = 32
const digitBits = 11
const digits = 3
const digitMask = (1 << digitBits) - 1
const headBytes = 4

/**
 * Sorts ordinals by the bytes of their names, and by ordinal where those are the same. In place.
 *
 * By four bytes of the names at a time, after what all of them begin with (a radix sort from the
 * front, each step of which is one from the back); what is the same in these is sorted by the next
 * four. So most names are looked at once, in the order in which they lie in memory.
 */
export function sortByName(names: KeyNames, ordinals: Int32Array): void {
  // Names that were added one after another lie one after another.
  ordinals.sort()
  if (ordinals.length <= comparedMax) return sortCompared(names, ordinals)
  sortFrom(new Sorting(names, ordinals), { from: 0, to: ordinals.length, depth: 0 })
}

/** A millisecond of sorting or less, and of merging. */
const runOrdinals = 1 << 13
const mergedOrdinals = 1 << 13
/** Bytes of a name that a number can hold without loss, and that decide most comparisons. */
const headBytesMerged = 6

/** Ordinals in the order of their names, with bytes of these after what all begin with. */
interface SortedRun {
  readonly ordinals: Int32Array
  readonly heads: Float64Array
}

/**
 * Ordinals that are sorted by name and others that are not, all sorted in an array of their own: in
 * steps between which others may have a turn. Runs are sorted and then merged two by two, which
 * takes longer than `sortByName`.
 */
export function* sortByNameInSteps(
  names: KeyNames,
  sorted: Int32Array,
  unsorted: Int32Array,
): Generator<undefined, Int32Array> {
  const lists = [sorted]
  for (let from = 0; from < unsorted.length; from += runOrdinals) {
    const run = unsorted.slice(from, from + runOrdinals)
    sortByName(names, run)
    lists.push(run)
    yield
  }
  const depth = depthOf(names, lists)
  let runs: SortedRun[] = []
  for (const ordinals of lists) {
    const heads = new Float64Array(ordinals.length)
    for (let at = 0; at < ordinals.length; at++) {
      heads[at] = headAt(names, ordinals[at] as number, depth)
      if (at % runOrdinals === runOrdinals - 1) yield
    }
    runs.push({ ordinals, heads })
    yield
  }
  while (runs.length > 1) {
    // The smallest first, so that what was sorted long ago, the largest, is moved once.
    runs.sort((a, b) => a.ordinals.length - b.ordinals.length)
    const merged: SortedRun[] = []
    for (let at = 0; at < runs.length; at += 2) {
      const [left, right] = runs.slice(at, at + 2)
      if (left === undefined) continue
      merged.push(right === undefined ? left : yield* merge(names, left, right))
    }
    runs = merged
  }
  const all = runs[0]?.ordinals ?? sorted
  invariant(all.length === sorted.length + unsorted.length, 'sorting loses none')
  return all
}

/** How many bytes all names of sorted lists begin with in common. */
function depthOf(names: KeyNames, lists: readonly Int32Array[]): number {
  const ends: number[] = []
  for (const list of lists) {
    if (list.length > 0) ends.push(list[0] as number, list[list.length - 1] as number)
  }
  const ordinals = Int32Array.from(ends)
  return sharedBytes({ names, ordinals }, { from: 0, to: ordinals.length, depth: 0 })
}

function headAt(names: KeyNames, ordinal: number, depth: number): number {
  const { bytes, start, end } = placeOf(names, ordinal)
  let head = 0
  for (let at = start + depth; at < start + depth + headBytesMerged; at++) {
    head = head * 256 + (at < end ? (bytes[at] as number) : 0)
  }
  return head
}

function* merge(
  names: KeyNames,
  left: SortedRun,
  right: SortedRun,
): Generator<undefined, SortedRun> {
  const count = left.ordinals.length + right.ordinals.length
  const ordinals = new Int32Array(count)
  const heads = new Float64Array(count)
  let at = 0
  let other = 0
  while (at + other < count) {
    const end = Math.min(at + other + mergedOrdinals, count)
    for (let place = at + other; place < end; place++) {
      const isLeft = comesFirst(names, { left, at, right, other })
      const run = isLeft ? left : right
      const from = isLeft ? at++ : other++
      ordinals[place] = run.ordinals[from] as number
      heads[place] = run.heads[from] as number
    }
    yield
  }
  invariant(at === left.ordinals.length && other === right.ordinals.length, 'all are merged')
  return { ordinals, heads }
}

/** Whether the next of the left run comes before the next of the right one. */
function comesFirst(
  names: KeyNames,
  next: {
    readonly left: SortedRun
    readonly at: number
    readonly right: SortedRun
    readonly other: number
  },
): boolean {
  const { left, at, right, other } = next
  if (at === left.ordinals.length) return false
  if (other === right.ordinals.length) return true
  const [head, otherHead] = [left.heads[at] as number, right.heads[other] as number]
  if (head !== otherHead) return head < otherHead
  return compareByName(names, left.ordinals[at] as number, right.ordinals[other] as number) <= 0
}

/** Orders two ordinals by the bytes of their names, then by number. */
export function compareByName(names: KeyNames, a: number, b: number): number {
  const { arena } = names
  const [left, right] = [names.reference(a) >>> 0, names.reference(b) >>> 0]
  const [some, others] = [arena.chunkOf(left), arena.chunkOf(right)]
  const [here, there] = [arena.offsetOf(left), arena.offsetOf(right)]
  const [end, otherEnd] = [entryEnd(some, here), entryEnd(others, there)]
  let at = entryStart(some, here)
  let other = entryStart(others, there)
  while (at < end && other < otherEnd && some[at] === others[other]) {
    at++
    other++
  }
  if (at === end) return other === otherEnd ? a - b : -1
  return other === otherEnd ? 1 : (some[at] as number) - (others[other] as number)
}

/** What is being sorted, and room to do it in. */
class Sorting {
  readonly names: KeyNames
  readonly ordinals: Int32Array
  readonly heads: Uint32Array
  readonly ordinalsMoved: Int32Array
  readonly headsMoved: Uint32Array
  readonly counts = new Int32Array(digitMask + 1)

  constructor(names: KeyNames, ordinals: Int32Array) {
    this.names = names
    this.ordinals = ordinals
    this.heads = new Uint32Array(ordinals.length)
    this.ordinalsMoved = new Int32Array(ordinals.length)
    this.headsMoved = new Uint32Array(ordinals.length)
  }
}

/** Some of what is being sorted, which have their first `depth` bytes in common. */
interface Stretch {
  readonly from: number
  readonly to: number
  readonly depth: number
}

function sortFrom(sorting: Sorting, stretch: Stretch): void {
  const { names, ordinals, heads } = sorting
  const { from, to } = stretch
  invariant(from < to && to <= ordinals.length, 'a stretch is some of what is sorted')
  const depth = sharedBytes(sorting, stretch)
  invariant(depth >= stretch.depth, 'what is in common stays in common')
  let hasEnded = false
  for (let index = from; index < to; index++) {
    const { bytes, start, end } = placeOf(names, ordinals[index] as number)
    let head = 0
    for (let at = start + depth; at < start + depth + headBytes; at++) {
      head = (head << 8) | (at < end ? (bytes[at] as number) : 0)
    }
    heads[index] = head
    if (end < start + depth + headBytes) hasEnded = true
  }
  sortByHeads(sorting, from, to)
  for (let first = from; first < to; ) {
    let next = first + 1
    while (next < to && heads[next] === heads[first]) next++
    const isSmall = next - first <= comparedMax
    if (next - first > 1 && (hasEnded || isSmall)) {
      sortCompared(names, ordinals.subarray(first, next))
    } else if (next - first > 1) {
      sortFrom(sorting, { from: first, to: next, depth: depth + headBytes })
    }
    first = next
  }
}

/** How many bytes the names of a stretch begin with in common. */
function sharedBytes(
  { names, ordinals }: Pick<Sorting, 'names' | 'ordinals'>,
  { from, to, depth }: Stretch,
): number {
  if (from === to) return depth
  const first = placeOf(names, ordinals[from] as number)
  let shared = first.end - first.start
  const { bytes, start } = first
  for (let index = from + 1; index < to && shared > depth; index++) {
    const other = placeOf(names, ordinals[index] as number)
    shared = Math.min(shared, other.end - other.start)
    let at = depth
    while (at < shared && other.bytes[other.start + at] === bytes[start + at]) at++
    shared = at
  }
  return shared
}

/** Sorts a stretch by its heads, keeping the order of those that are the same. */
function sortByHeads(sorting: Sorting, from: number, to: number): void {
  let { ordinals, heads, ordinalsMoved, headsMoved } = sorting
  const { counts } = sorting
  for (let digit = 0; digit < digits; digit++) {
    const shift = digit * digitBits
    counts.fill(0)
    for (let index = from; index < to; index++) {
      const place = ((heads[index] as number) >>> shift) & digitMask
      counts[place] = (counts[place] as number) + 1
    }
    let sum = from
    for (let place = 0; place <= digitMask; place++) {
      const count = counts[place] as number
      counts[place] = sum
      sum += count
    }
    invariant(sum === to, 'every head is counted once')
    for (let index = from; index < to; index++) {
      const head = heads[index] as number
      const place = (head >>> shift) & digitMask
      const target = counts[place] as number
      counts[place] = target + 1
      headsMoved[target] = head
      ordinalsMoved[target] = ordinals[index] as number
    }
    ;[ordinals, ordinalsMoved] = [ordinalsMoved, ordinals]
    ;[heads, headsMoved] = [headsMoved, heads]
  }
  // After an odd number of passes everything lies where it was moved to.
  sorting.ordinals.set(sorting.ordinalsMoved.subarray(from, to), from)
  sorting.heads.set(sorting.headsMoved.subarray(from, to), from)
}

function sortCompared(names: KeyNames, ordinals: Int32Array): void {
  ordinals.sort((a, b) => compareByName(names, a, b))
}

interface NamePlace {
  bytes: Uint8Array
  start: number
  end: number
}

const place: NamePlace = { bytes: new Uint8Array(0), start: 0, end: 0 }

/** Where a name lies; the caller keeps nothing of the answer beyond the next call. */
function placeOf(names: KeyNames, ordinal: number): Readonly<NamePlace> {
  const reference = names.reference(ordinal) >>> 0
  const bytes = names.arena.chunkOf(reference)
  const offset = names.arena.offsetOf(reference)
  place.bytes = bytes
  place.start = entryStart(bytes, offset)
  place.end = entryEnd(bytes, offset)
  return place
}
