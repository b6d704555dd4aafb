import { type Instant, microsToInstant } from './encoding/instant.ts'
import { type KeyInput, latin1ToKey } from './encoding/ordered-key.ts'
import { bytesToLatin1 } from './encoding/text.ts'
import { decodeValue, type Value } from './encoding/value.ts'
import { type CommitMeta, type EntityState, metaOf, stateOf } from './graph/history.ts'
import { type Period, spanToPeriod } from './graph/period-options.ts'
import { schemaKeyspace } from './versions/key-names.ts'
import { type EntityKind, entityId, entityKinds } from './versions/entity.ts'
import { sliceOf } from './versions/payload-slice.ts'
import { erasedKindOf } from './versions/removals.ts'
import type { Tables } from './versions/tables.ts'
import type { ViewContext } from './view-point.ts'

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
  const erased = new ErasedIds(tables)
  for (let sequence = after + 1; sequence <= to; sequence++) {
    const ids = erased.of(sequence)
    yield recordOf(tables, sequence, {
      events: eventsOf(tables, sequence, everything),
      ...(ids.length === 0 ? {} : { erased: ids }),
    })
  }
}

/** A commit with those of its events, and of the ids that it erased, that are given. */
export function recordOf(
  tables: Tables,
  sequence: number,
  told: Pick<CommitRecord, 'events' | 'erased'>,
): CommitRecord {
  return {
    sequence,
    system: microsToInstant(tables.commits.systemTime(sequence)),
    meta: metaOf(tables, sequence),
    ...told,
  }
}

/** Which statements are of interest. */
export interface WantedEvents {
  /** Of entities of other kinds there are none. */
  readonly kinds: readonly EntityKind[]
  /** Whether the statement of a row is one. */
  has(tables: Tables, kind: EntityKind, row: number): boolean
}

const everything: WantedEvents = { kinds: entityKinds, has: () => true }

/** The statements of a commit that are of interest. */
export function eventsOf(tables: Tables, sequence: number, wanted: WantedEvents): ChangeEvent[] {
  const start = tables.commits.counts(sequence - 1)
  const end = tables.commits.counts(sequence)
  const events: ChangeEvent[] = []
  for (const kind of wanted.kinds) {
    for (let row = start[kind]; row < end[kind]; row++) {
      if (isForgotten(tables, kind, row) || !wanted.has(tables, kind, row)) continue
      const event = eventOf(tables, kind, row)
      if (event !== undefined) events.push(event)
    }
  }
  return events
}

/** What is told of something erased is that it was, and of a key nothing at all. */
function isForgotten(tables: Tables, kind: EntityKind, row: number): boolean {
  const table = tables.versions(kind)
  const ordinal = table.entityOf(row)
  if (!table.isErased(ordinal)) return false
  return kind === 'key' || row < table.firstSeen(ordinal)
}

/** The ids of what commits erased. Takes in what came since it was last asked. */
export class ErasedIds {
  readonly #tables: Tables
  readonly #byCommit = new Map<number, number[]>()
  #known = 0

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** Empty for a commit that erased nothing. */
  of(sequence: number): readonly number[] {
    const { removals } = this.#tables
    for (; this.#known < removals.count; this.#known++) {
      const removal = removals.at(this.#known)
      const kind = removal === undefined ? undefined : erasedKindOf(removal.kind)
      if (removal === undefined || kind === undefined) continue
      const ids = this.#byCommit.get(removal.sequence)
      const id = entityId(kind, removal.subject)
      if (ids === undefined) this.#byCommit.set(removal.sequence, [id])
      else ids.push(id)
    }
    return this.#byCommit.get(sequence) ?? []
  }
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
