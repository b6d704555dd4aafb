import type { InstantInput } from './encoding/instant.ts'
import { type EntityState, differences, changedEntities, stateOf } from './graph/history.ts'
import { periodToSpan, type Period, spanToPeriod } from './graph/period-options.ts'
import { storedEvents } from './commit/transaction-core.ts'
import { type EntityKind, entityId, kindOf, ordinalOf } from './versions/entity.ts'
import { type PayloadSlice, slicesEqual } from './versions/payload-slice.ts'
import { alwaysSpan } from './versions/periods.ts'
import { DatabaseError } from './rules/errors.ts'
import { View } from './view.ts'
import type { Coordinates, ViewContext } from './view-point.ts'

/** A node or an edge that two views show differently. */
export interface DiffEntry {
  readonly id: number
  readonly kind: 'node' | 'edge'
  readonly change: 'created' | 'deleted' | 'changed'
  readonly before?: EntityState
  readonly after?: EntityState
}

export interface NetDiffOptions {
  /** The earlier state of knowledge. */
  readonly from: Pick<Coordinates, 'system' | 'sequence'>
  /** The later state of knowledge. */
  readonly to: Pick<Coordinates, 'system' | 'sequence'>
  /** The window of valid time. Default: all of it. */
  readonly valid?:
    | {
        readonly from?: InstantInput | null | undefined
        readonly to?: InstantInput | null | undefined
      }
    | undefined
  /** One node or edge. Default: all that changed. */
  readonly id?: number | undefined
}

/** A span of valid time about which two states of knowledge differ. */
export interface NetDiffEntry {
  readonly id: number
  readonly kind: 'node' | 'edge'
  readonly valid: Period
  readonly before?: EntityState
  readonly after?: EntityState
}

/** Nodes, then edges, by id. */
export function* compareViews(
  context: ViewContext,
  before: View,
  after: View,
): Generator<DiffEntry> {
  const { symbols } = context.indexes.tables
  const one = View.readerOf(before)
  const other = View.readerOf(after)
  for (const { id, kind } of candidates(context, before, after)) {
    const old = one.payload(id)
    const young = other.payload(id)
    if (old === undefined) {
      if (young === undefined) continue
      yield { id, kind, change: 'created', after: stateOf(young, symbols) }
    } else if (young === undefined) {
      yield { id, kind, change: 'deleted', before: stateOf(old, symbols) }
    } else if (!slicesEqual(old, young)) {
      const states = { before: stateOf(old, symbols), after: stateOf(young, symbols) }
      yield { id, kind, change: 'changed', ...states }
    }
  }
}

/** At the same valid time only entities with commits in between can differ; else any may. */
function* candidates(
  context: ViewContext,
  before: View,
  after: View,
): Generator<{ readonly id: number; readonly kind: 'node' | 'edge' }> {
  const { tables } = context.indexes
  const one = View.pointOf(before)
  const other = View.pointOf(after)
  const first = Math.min(one.sequence, other.sequence)
  const to = Math.max(one.sequence, other.sequence)
  for (const kind of ['node', 'edge'] as const) {
    if (one.valid === other.valid) {
      const changed = [...changedEntities(tables, { after: first, to }, [kind])]
      for (const { id } of changed.sort((a, b) => a.id - b.id)) yield { id, kind }
      continue
    }
    const count = tables.versions(kind).entityCount
    for (let ordinal = 0; ordinal < count; ordinal++) yield { id: entityId(kind, ordinal), kind }
  }
}

export function* netDifferences(
  context: ViewContext,
  sequences: { readonly from: number; readonly to: number },
  options: NetDiffOptions,
): Generator<NetDiffEntry> {
  const { tables } = context.indexes
  const window =
    options.valid === undefined ? alwaysSpan : periodToSpan(options.valid, context.timeZone)
  const old = tables.commits.counts(sequences.from)
  const young = tables.commits.counts(sequences.to)
  for (const { id, kind, ordinal } of netCandidates(context, sequences, options.id)) {
    const before = storedEvents(tables, kind, { ordinal, rows: old[kind] })
    const after = storedEvents(tables, kind, { ordinal, rows: young[kind] })
    for (const found of differences(before, after, window)) {
      const states = {
        ...state('before', found.before, context),
        ...state('after', found.after, context),
      }
      yield { id, kind, valid: spanToPeriod(found), ...states }
    }
  }
}

function state(
  name: 'before' | 'after',
  slice: PayloadSlice | undefined,
  context: ViewContext,
): { before?: EntityState; after?: EntityState } {
  return slice === undefined ? {} : { [name]: stateOf(slice, context.indexes.tables.symbols) }
}

function* netCandidates(
  context: ViewContext,
  sequences: { readonly from: number; readonly to: number },
  id: number | undefined,
): Generator<{ id: number; kind: 'node' | 'edge'; ordinal: number }> {
  if (id !== undefined) {
    const kind: EntityKind | undefined = kindOf(id)
    if (kind !== 'node' && kind !== 'edge') {
      throw new DatabaseError('InvalidArgument', `${id} is not the id of a node or an edge`)
    }
    yield { id, kind, ordinal: ordinalOf(id) }
    return
  }
  const after = Math.min(sequences.from, sequences.to)
  const to = Math.max(sequences.from, sequences.to)
  for (const changed of changedEntities(context.indexes.tables, { after, to }, ['node', 'edge'])) {
    const { kind, ordinal } = changed
    if (kind !== 'key') yield { id: changed.id, kind, ordinal }
  }
}
