import { invariant } from '../rules/invariant.ts'
import { absentReference } from '../versions/byte-arena.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { type PayloadSlice, sliceOf } from '../versions/payload-slice.ts'
import { isPruning } from '../versions/removals.ts'
import { Tables } from '../versions/tables.ts'
import { encodeDraft, fieldsOf, labelsOf } from '../graph/payload.ts'
import { PrunePlan } from './prune-plan.ts'

/** Rows and commits copied between two turns of the caller. */
const rowsAtATime = 256

/**
 * Makes tables anew without what nobody can see any more, of all commits or of those up to one.
 * Commits, ids and numbers of names stay as they are, so the log goes on fitting; rows and periods
 * are numbered anew, and arenas hold what is still referred to.
 *
 * The old tables are only read, and only in small steps: commits go on meanwhile and are taken in
 * before the end. Every read gives the same answer from either, which is what makes it safe to go
 * over to the new ones at any moment.
 */
export class TableRewrite {
  readonly target = new Tables()
  readonly #source: Tables
  readonly #plan: PrunePlan
  /** The last commit to take; Infinity for all there are in the end. */
  readonly #end: number
  #versionsDropped = 0
  /** Rows and commits looked at. */
  #looked = 0
  #symbols = 0
  #removals = 0
  /** Where the removals of the source are now. */
  readonly #removalIndexes: number[] = []

  /** Takes the commits up to `end`, which no horizon is beyond. Default: all there are. */
  constructor(source: Tables, end = Infinity) {
    this.#source = source
    this.#end = end
    this.#plan = new PrunePlan(source, Math.min(end, source.commits.sequence))
  }

  get versionsDropped(): number {
    return this.#versionsDropped
  }

  /** Does the work, a little at each step. `caughtUp`: there is nothing left to do at present. */
  *run(): Generator<'more' | 'caughtUp', never> {
    for (const _ of this.#plan.mark()) yield 'more'
    for (;;) {
      const next = this.target.commits.sequence + 1
      const end = Math.min(this.#end, this.#source.commits.sequence)
      if (next <= end) yield* this.#copyCommit(next)
      else yield 'caughtUp'
    }
  }

  /** The new tables, complete. In the turn in which `run` said that it has caught up. */
  finish(): Tables {
    const { target } = this
    const source = this.#source
    const { sequence } = target.commits
    const isWhole = sequence === source.commits.sequence
    invariant(isWhole || sequence === this.#end, 'every commit is copied')
    this.#copyNames()
    if (isWhole) {
      target.edgeEnds.column.extendTo(source.edgeEnds.committed)
      target.keyNames.column.extendTo(source.keyNames.committed)
      invariant(target.node.entityCount === source.node.entityCount, 'every node keeps its id')
    }
    target.edgeEnds.committed = target.edgeEnds.column.count
    target.keyNames.committed = target.keyNames.column.count
    target.nodesAllocated = target.node.entityCount
    // What was erased since the plan was made is in the new tables still.
    target.removals.append({ kind: 'rewritten', subject: 0, sequence: this.#plan.sequence })
    target.hideErased()
    return target
  }

  *#copyCommit(sequence: number): Generator<'more'> {
    const { commits } = this.#source
    this.#copyNames()
    const start = commits.counts(sequence - 1)
    const end = commits.counts(sequence)
    for (const kind of entityKinds) {
      for (let row = start[kind]; row < end[kind]; row++) {
        if (this.#plan.isDropped(kind, row)) this.#versionsDropped++
        else this.#copyRow(kind, row)
        if (++this.#looked % rowsAtATime === 0) yield 'more'
      }
    }
    const meta = commits.metaOf(sequence)
    const { target } = this
    const reference =
      meta === absentReference ? meta : append(target.commits.arena, sliceOf(commits.arena, meta))
    target.commits.append(commits.systemTime(sequence), target.rowCounts(), reference)
    if (++this.#looked % rowsAtATime === 0) yield 'more'
  }

  #copyRow(kind: EntityKind, row: number): void {
    const source = this.#source.versions(kind)
    const table = this.target.versions(kind)
    const entity = source.entityOf(row)
    const { column } = source.periods
    const at = source.periodOf(row)
    const period = table.periods.intern(
      column.word(at, 0),
      column.word(at, 1),
      column.word(at, 2),
      column.word(at, 3),
    )
    const payload = this.#copyPayload(kind, row)
    if (table.head(entity) >= 0) {
      table.append(entity, period, payload)
      return
    }
    this.#copyIdentity(kind, entity)
    const pruned = this.#plan.removalOf(kind, entity)
    const index = pruned >= 0 ? pruned : source.prunedBefore(row)
    const removal = index < 0 ? undefined : this.#removalIndexes[index]
    if (removal === undefined) table.append(entity, period, payload)
    else table.appendPruned({ entity, period, payload }, removal)
  }

  #copyPayload(kind: EntityKind, row: number): number {
    const source = this.#source.versions(kind)
    const reference = source.payloadOf(row)
    if (reference === absentReference) return absentReference
    const whole = sliceOf(source.arena, reference)
    const isStripped = this.#plan.isStripped(kind, row)
    const slice = isStripped
      ? encodeDraft({ labels: new Set(labelsOf(whole)), properties: new Map() })
      : whole
    if (kind !== 'key') this.#needNames(slice)
    return append(this.target.versions(kind).arena, slice)
  }

  /** Where not all commits are taken, no name comes along that only later ones use. */
  #needNames(payload: PayloadSlice): void {
    if (this.#end === Infinity) return
    for (const label of labelsOf(payload)) this.#need(label)
    for (const { symbol } of fieldsOf(payload)) this.#need(symbol)
  }

  #need(symbol: number): void {
    const { symbols } = this.target
    if (!symbols.isLogged(symbol)) symbols.define(symbol, this.#source.symbols.name(symbol))
  }

  #copyIdentity(kind: EntityKind, ordinal: number): void {
    const { edgeEnds, keyNames } = this.#source
    const { target } = this
    if (kind === 'edge') {
      this.#need(edgeEnds.type(ordinal))
      target.edgeEnds.define(ordinal, edgeEnds.ends(ordinal))
    }
    if (kind !== 'key') return
    const keyspace = keyNames.keyspace(ordinal)
    this.#need(keyspace)
    target.keyNames.define(ordinal, { keyspace, bytes: keyNames.bytes(ordinal) })
  }

  /** Takes over the symbols and the removals that are new since the last call. */
  #copyNames(): void {
    const { symbols, removals } = this.#source
    const { target } = this
    if (this.#end === Infinity && this.#symbols < symbols.count) {
      for (const [symbol, name] of symbols.definitionsLogged(this.#symbols, symbols.count)) {
        target.symbols.define(symbol, name)
      }
      this.#symbols = symbols.count
    }
    for (; this.#removals < removals.count; this.#removals++) {
      const removal = removals.at(this.#removals)
      invariant(removal !== undefined, 'only removals of known kinds are applied')
      // What was erased after the last commit to take is gone without a trace.
      if (removal.sequence > this.#end) continue
      this.#removalIndexes[this.#removals] = target.removals.count
      if (isPruning(removal.kind) && removal.kind !== 'prunedEverything') {
        this.#need(removal.subject)
      }
      target.removals.append(removal)
    }
  }
}

function append(
  arena: { append(source: Uint8Array, start: number, end: number): number },
  slice: PayloadSlice,
): number {
  return arena.append(slice.bytes, slice.start, slice.end)
}
