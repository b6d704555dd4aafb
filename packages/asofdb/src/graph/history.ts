import { microsToInstant } from '../encoding/instant.ts'
import { decodeValue, type Value } from '../encoding/value.ts'
import { type EntityKind, entityId, entityKinds } from '../versions/entity.ts'
import { type PayloadSlice, sliceOf, slicesEqual } from '../versions/payload-slice.ts'
import { alwaysSpan, foreverMicros, type Span } from '../versions/periods.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'
import type { Tables } from '../versions/tables.ts'
import { rectanglesOf, timelineWithin, type VersionEvent } from '../versions/timeline.ts'
import { labelsOf, propertiesOf } from './payload.ts'
import { type Period, spanToPeriod } from './period-options.ts'

/** Metadata of a commit, as the writer gave it. */
export interface CommitMeta {
  readonly who?: string
  readonly why?: string
  readonly source?: string
}

/** What an entity carries in a part of its history. `labels` is empty for an edge. */
export interface EntityState {
  readonly labels: string[]
  readonly properties: Record<string, Value>
}

/** A maximal part of a timeline: what held when, as known at the view's system time. */
export interface TimelineEntry extends EntityState {
  readonly valid: Period
}

/** A rectangle: what was believed to hold when (`valid`), and when it was believed (`system`). */
export interface ProvenanceEntry extends TimelineEntry {
  readonly system: Period
  /** The commit that recorded it. */
  readonly sequence: number
  readonly meta: CommitMeta | undefined
}

/** Which part of valid time to look at. Default: all of it. */
export interface SpanSelection extends Span {
  /** Cut the parts shown to the window; else their own bounds are shown. */
  readonly isClamped: boolean
  /** Keep only the parts wholly inside. */
  readonly isDuring: boolean
}

export function stateOf(slice: PayloadSlice, symbols: SymbolTable): EntityState {
  const labels = labelsOf(slice).map((label) => symbols.name(label))
  return { labels: labels.sort(), properties: propertiesOf(slice, symbols) }
}

/** The parts of a timeline that meet a window. */
export function timelineEntries(
  events: Iterable<VersionEvent>,
  selection: SpanSelection,
  symbols: SymbolTable,
): TimelineEntry[] {
  const entries: TimelineEntry[] = []
  for (const part of timelineWithin(events, selection.isClamped ? selection : alwaysSpan)) {
    if (part.to <= selection.from || part.from >= selection.to) continue
    const isInside = part.from >= selection.from && part.to <= selection.to
    if (selection.isDuring && !isInside) continue
    entries.push({ valid: spanToPeriod(part), ...stateOf(part.payload, symbols) })
  }
  return entries
}

/**
 * Every rectangle of an entity's history that was known at its horizon or later, oldest commit
 * first.
 */
export function provenanceEntries(
  events: Iterable<VersionEvent>,
  tables: Tables,
  horizon: number,
): ProvenanceEntry[] {
  const { commits, symbols } = tables
  const known = rectanglesOf(events).filter(({ closed = Infinity }) => closed > horizon)
  return known.map(({ valid, sequence, closed, payload }) => ({
    valid: spanToPeriod(valid),
    system: {
      from: Number.isFinite(sequence) ? microsToInstant(commits.systemTime(sequence)) : null,
      to:
        closed === undefined || closed === Infinity
          ? null
          : microsToInstant(commits.systemTime(closed)),
    },
    sequence,
    meta: Number.isFinite(sequence) ? metaOf(tables, sequence) : undefined,
    ...stateOf(payload, symbols),
  }))
}

export function metaOf(tables: Tables, sequence: number): CommitMeta | undefined {
  const { commits } = tables
  const reference = commits.metaOf(sequence)
  if (reference === 0) return undefined
  const { bytes, start } = sliceOf(commits.arena, reference)
  const value = decodeValue(bytes, start)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const meta: { who?: string; why?: string; source?: string } = {}
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') continue
    if (name === 'who' || name === 'why' || name === 'source') meta[name] = text
  }
  return meta
}

/** A span of valid time in which two beliefs about an entity differ. */
export interface Difference extends Span {
  readonly before: PayloadSlice | undefined
  readonly after: PayloadSlice | undefined
}

/**
 * Maximal spans within `window` in which two states of knowledge differ (semantics 2.7). A rewrite
 * with equal values gives nothing.
 */
export function differences(
  before: Iterable<VersionEvent>,
  after: Iterable<VersionEvent>,
  window: Span,
): Difference[] {
  const old = timelineWithin(before, window)
  const young = timelineWithin(after, window)
  const bounds = new Set<bigint>([window.from, window.to])
  for (const part of [...old, ...young]) bounds.add(part.from).add(part.to)
  const sorted = [...bounds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const found: Difference[] = []
  let oldAt = 0
  let youngAt = 0
  for (let index = 0; index + 1 < sorted.length; index++) {
    const from = sorted[index] ?? foreverMicros
    const to = sorted[index + 1] ?? foreverMicros
    while ((old[oldAt]?.to ?? foreverMicros) <= from && oldAt < old.length) oldAt++
    while ((young[youngAt]?.to ?? foreverMicros) <= from && youngAt < young.length) youngAt++
    const one = payloadAt(old[oldAt], from)
    const other = payloadAt(young[youngAt], from)
    if (isSame(one, other)) continue
    const last = found[found.length - 1]
    const isContinued =
      last !== undefined &&
      last.to === from &&
      isSame(last.before, one) &&
      isSame(last.after, other)
    if (isContinued) found[found.length - 1] = { ...last, to }
    else found.push({ from, to, before: one, after: other })
  }
  return found
}

function payloadAt(
  part: (Span & { readonly payload: PayloadSlice }) | undefined,
  instant: bigint,
): PayloadSlice | undefined {
  return part !== undefined && part.from <= instant && instant < part.to ? part.payload : undefined
}

function isSame(a: PayloadSlice | undefined, b: PayloadSlice | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return slicesEqual(a, b)
}

/** Entities with versions in (after, to], each once, by kind and first such version. */
export function* changedEntities(
  tables: Tables,
  range: { readonly after: number; readonly to: number },
  kinds: readonly EntityKind[] = entityKinds,
): Generator<{ readonly id: number; readonly kind: EntityKind; readonly ordinal: number }> {
  const start = tables.commits.counts(range.after)
  const end = tables.commits.counts(range.to)
  for (const kind of kinds) {
    const seen = new Set<number>()
    const table = tables.versions(kind)
    for (let row = start[kind]; row < end[kind]; row++) {
      const ordinal = table.entityOf(row)
      if (seen.has(ordinal)) continue
      seen.add(ordinal)
      yield { id: entityId(kind, ordinal), kind, ordinal }
    }
  }
}
