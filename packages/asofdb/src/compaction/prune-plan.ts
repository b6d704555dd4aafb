import { findPruning } from '../graph/horizons.ts'
import { labelsOf } from '../graph/payload.ts'
import { BitSet } from '../versions/bit-set.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { sliceOf } from '../versions/payload-slice.ts'
import { alwaysSpan, type Span, subtractSpans } from '../versions/periods.ts'
import type { Pruning } from '../versions/removals.ts'
import type { Tables } from '../versions/tables.ts'

/** Rows looked at between two turns of the caller. */
const rowsAtATime = 256

/** What becomes of one kind: a bit a row, and of each entity the removal that says so. */
interface Marks {
  readonly dropped: BitSet
  /** Versions of which only the labels stay. */
  readonly stripped: BitSet
  /** Row of the removals plus one; 0: nothing of the entity is dropped because of a horizon. */
  readonly removals: Int32Array
}

/**
 * Which versions nobody can see any more. A version is dropped when it was known at the horizon of
 * its entity and later versions that were known there, too, cover all of its period: then it
 * answers no question as of the horizon or later. What an erased entity once was is dropped whole.
 *
 * A node and an edge keep their newest version in any case, so that their ids are never given out
 * again. A node also keeps every label it ever had, in versions without properties if need be:
 * its horizon depends on them, and whoever writes to a node that was deleted goes on with those it
 * was last given. A key that holds nothing and has nothing left to tell goes, name and all.
 */
export class PrunePlan {
  /** The newest commit that was looked at. */
  readonly sequence: number
  readonly #tables: Tables
  readonly #marks: Partial<Record<EntityKind, Marks>> = {}
  /** Rows of each kind that are known at a horizon. */
  readonly #known = new Map<number, Readonly<Record<EntityKind, number>>>()

  /** Looks at the commits up to a sequence, which no horizon is beyond. */
  constructor(tables: Tables, sequence: number) {
    this.#tables = tables
    this.sequence = sequence
  }

  /** Decides; takes a turn at each step. */
  *mark(): Generator<undefined> {
    for (const kind of entityKinds) yield* this.#markKind(kind)
  }

  isDropped(kind: EntityKind, row: number): boolean {
    return this.#marks[kind]?.dropped.has(row) === true
  }

  /** Whether only the labels of a version are kept. */
  isStripped(kind: EntityKind, row: number): boolean {
    return this.#marks[kind]?.stripped.has(row) === true
  }

  /** The row of the removals that says why rows of an entity are dropped; -1: none says so. */
  removalOf(kind: EntityKind, entity: number): number {
    return (this.#marks[kind]?.removals[entity] ?? 0) - 1
  }

  *#markKind(kind: EntityKind): Generator<undefined> {
    const { removals } = this.#tables
    const isPruned = removals.latestPruning(kind) !== undefined
    if (!isPruned && removals.erasedCount(kind) === 0) return
    const { entityCount } = this.#tables.versions(kind)
    const marks = {
      dropped: new BitSet(),
      stripped: new BitSet(),
      removals: new Int32Array(isPruned ? entityCount : 0),
    }
    this.#marks[kind] = marks
    let looked = 0
    for (let entity = 0; entity < entityCount; entity++) {
      if (removals.erasedAt(kind, entity) !== undefined) {
        yield* this.#markErased(kind, entity, marks)
      } else if (isPruned) {
        const pruning = yield* findPruning(this.#tables, kind, entity)
        // A horizon beyond what is looked at was set meanwhile, and is not for this plan.
        const isDue = pruning !== undefined && pruning.sequence <= this.sequence
        if (isDue) yield* this.#markPruned(kind, entity, { pruning, marks })
      }
      if (++looked % rowsAtATime === 0) yield
    }
  }

  *#markErased(kind: EntityKind, entity: number, marks: Marks): Generator<undefined> {
    const table = this.#tables.versions(kind)
    // Of a key not even the name may stay, and without a version it has none.
    const end = kind === 'key' ? table.count : table.firstSeen(entity)
    let looked = 0
    for (let row = table.head(entity); row >= 0; row = table.previous(row)) {
      if (row < end) marks.dropped.set(row, true)
      if (++looked % rowsAtATime === 0) yield
    }
  }

  *#markPruned(
    kind: EntityKind,
    entity: number,
    { pruning, marks }: { readonly pruning: Pruning; readonly marks: Marks },
  ): Generator<undefined> {
    const table = this.#tables.versions(kind)
    const head = table.newestWithin(entity, this.#knownAt(this.sequence)[kind])
    const known = this.#knownAt(pruning.sequence)[kind]
    const covered = new Cover()
    const labels = new Set<number>()
    const kept: number[] = []
    let isChanged = false
    let looked = 0
    for (let row = head; row >= 0; row = table.previous(row)) {
      if (++looked % rowsAtATime === 0) yield
      const isCovered =
        row < known && covered.takes(() => ({ from: table.from(row), to: table.to(row) }))
      const hasOwnLabels = this.#addLabels(kind, row, labels)
      if (isCovered) {
        isChanged = true
        const marked = hasOwnLabels ? marks.stripped : marks.dropped
        marked.set(row, true)
      }
      if (row < known && (!isCovered || hasOwnLabels)) kept.push(row)
    }
    // A version that states absence where nothing older is left says nothing.
    for (let oldest = kept.pop(); oldest !== undefined; oldest = kept.pop()) {
      const isNeeded = table.payloadOf(oldest) !== 0
      if (isNeeded || (kind !== 'key' && oldest === head)) break
      marks.dropped.set(oldest, true)
      isChanged = true
    }
    if (isChanged) marks.removals[entity] = pruning.index + 1
  }

  /** Adds the labels that a version of a node has; whether one of them was not known yet. */
  #addLabels(kind: EntityKind, row: number, labels: Set<number>): boolean {
    if (kind !== 'node') return false
    const { node } = this.#tables
    const reference = node.payloadOf(row)
    if (reference === 0) return false
    const before = labels.size
    for (const label of labelsOf(sliceOf(node.arena, reference))) labels.add(label)
    return labels.size > before
  }

  #knownAt(sequence: number): Readonly<Record<EntityKind, number>> {
    let known = this.#known.get(sequence)
    if (known === undefined) {
      known = this.#tables.commits.counts(sequence)
      this.#known.set(sequence, known)
    }
    return known
  }
}

/** The union of spans, taken in one by one. */
class Cover {
  #spans: Span[] = []
  #isWhole = false

  /** Whether a span is covered already; if not, it is from now on. Not asked for without need. */
  takes(spanOf: () => Span): boolean {
    if (this.#isWhole) return true
    const span = spanOf()
    if (this.#spans.length > 0 && subtractSpans(span, this.#spans).length === 0) return true
    const first = this.#spans.findIndex((one) => one.to >= span.from)
    const start = first < 0 ? this.#spans.length : first
    let { from, to } = span
    let end = start
    for (; end < this.#spans.length; end++) {
      const one = this.#spans[end]
      if (one === undefined || one.from > span.to) break
      if (one.from < from) from = one.from
      if (one.to > to) to = one.to
    }
    this.#spans.splice(start, end - start, { from, to })
    this.#isWhole = from === alwaysSpan.from && to === alwaysSpan.to
    return false
  }
}
