import { type Instant, microsToInstant } from './encoding/instant.ts'
import { type KeyInput, latin1ToKey } from './encoding/ordered-key.ts'
import { bytesToLatin1 } from './encoding/text.ts'
import { decodeValue, type Value } from './encoding/value.ts'
import { type CommitMeta, type EntityState, metaOf, stateOf } from './graph/history.ts'
import { type Period, spanToPeriod } from './graph/period-options.ts'
import { schemaKeyspace } from './graph/schema.ts'
import { type EntityKind, entityId, entityKinds } from './versions/entity.ts'
import { sliceOf } from './versions/payload-slice.ts'
import { erasedKindOf } from './versions/removals.ts'
import type { Tables } from './versions/tables.ts'
import type { ViewContext } from './view.ts'

/** Commits with a number in (after, to]. Default: all. */
export interface ChangesSelection {
  readonly after?: number | undefined
  readonly to?: number | undefined
}

/** One statement of a commit. Without `state` and `value` it states absence. */
export interface ChangeEvent {
  readonly id: number
  readonly kind: EntityKind
  readonly valid: Period
  /** Of a node or an edge. */
  readonly state?: EntityState
  /** Of a key. */
  readonly keyspace?: string
  readonly key?: KeyInput
  readonly value?: Value
}

/** A commit and what it stated: nodes, edges, keys, each in the order of the statements. */
export interface CommitRecord {
  readonly sequence: number
  readonly system: Instant
  readonly meta: CommitMeta | undefined
  readonly events: ChangeEvent[]
  /** Ids of what the commit erased, if it did; nothing is left to tell of them. */
  readonly erased?: readonly number[]
}

export function* changesBetween(
  context: ViewContext,
  selection: ChangesSelection,
  newest: number,
): Generator<CommitRecord> {
  const { tables } = context.indexes
  const after = Math.max(0, selection.after ?? 0)
  const to = Math.min(newest, selection.to ?? newest)
  const erased = erasedByCommit(tables)
  for (let sequence = after + 1; sequence <= to; sequence++) {
    const start = tables.commits.counts(sequence - 1)
    const end = tables.commits.counts(sequence)
    const events: ChangeEvent[] = []
    for (const kind of entityKinds) {
      for (let row = start[kind]; row < end[kind]; row++) {
        if (isForgotten(tables, kind, row)) continue
        const event = eventOf(tables, kind, row)
        if (event !== undefined) events.push(event)
      }
    }
    yield {
      sequence,
      system: microsToInstant(tables.commits.systemTime(sequence)),
      meta: metaOf(tables, sequence),
      events,
      ...(erased.has(sequence) ? { erased: erased.get(sequence) ?? [] } : {}),
    }
  }
}

/** What is told of something erased is that it was, and of a key nothing at all. */
function isForgotten(tables: Tables, kind: EntityKind, row: number): boolean {
  const table = tables.versions(kind)
  const ordinal = table.entityOf(row)
  if (!table.isErased(ordinal)) return false
  return kind === 'key' || row < table.firstSeen(ordinal)
}

function erasedByCommit({ removals }: Tables): Map<number, number[]> {
  const byCommit = new Map<number, number[]>()
  for (let index = 0; index < removals.count; index++) {
    const removal = removals.at(index)
    const kind = removal === undefined ? undefined : erasedKindOf(removal.kind)
    if (removal === undefined || kind === undefined) continue
    const ids = byCommit.get(removal.sequence)
    const id = entityId(kind, removal.subject)
    if (ids === undefined) byCommit.set(removal.sequence, [id])
    else ids.push(id)
  }
  return byCommit
}

function eventOf(tables: Tables, kind: EntityKind, row: number): ChangeEvent | undefined {
  const table = tables.versions(kind)
  const ordinal = table.entityOf(row)
  const reference = table.payloadOf(row)
  const slice = reference === 0 ? undefined : sliceOf(table.arena, reference)
  const valid = spanToPeriod({ from: table.from(row), to: table.to(row) })
  const event = { id: entityId(kind, ordinal), kind, valid }
  if (kind !== 'key') {
    return slice === undefined ? event : { ...event, state: stateOf(slice, tables.symbols) }
  }
  const keyspace = tables.symbols.name(tables.keyNames.keyspace(ordinal))
  if (keyspace === schemaKeyspace) return undefined
  const key = latin1ToKey(bytesToLatin1(tables.keyNames.bytes(ordinal)))
  const named = { ...event, keyspace, key }
  return slice === undefined ? named : { ...named, value: decodeValue(slice.bytes, slice.start) }
}
