import {
  ALWAYS,
  contains,
  elementaryPeriods,
  intersection,
  intersects,
  type Period,
} from './reference-periods.ts'
import { mapText, type PlainKey, type PlainMap, type PlainValue } from './reference-values.ts'

/** The mutable part of an entity. Edges and keys have no labels; a key's value is `value`. */
export interface Payload {
  readonly labels: readonly string[]
  readonly properties: PlainMap
}

export type EntityKind = 'node' | 'edge' | 'key'

/** The immutable part. `ordinal` counts creations, also those of transactions that were lost. */
export interface ReferenceEntity {
  readonly name: string
  readonly kind: EntityKind
  readonly ordinal: number
  readonly edge?: { readonly type: string; readonly source: string; readonly target: string }
  readonly key?: { readonly keyspace: string; readonly key: PlainKey }
}

/** One recorded statement. Events of an entity stand in the order (system, operation). */
export interface ReferenceEvent {
  readonly entity: string
  readonly period: Period
  readonly payload: Payload | undefined
  readonly sequence: number
  readonly system: bigint
}

export interface Part {
  readonly period: Period
  readonly payload: Payload
}

export interface ProvenanceRow {
  readonly valid: Period
  readonly systemFrom: bigint
  /** Undefined while nothing covers it. */
  readonly systemTo: bigint | undefined
  readonly sequence: number
  readonly payload: Payload
}

/** Changes of a patch; null and undefined remove the property. */
export type Changes = Readonly<Record<string, PlainValue | undefined>>

export interface LabelChanges {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
}

const texts = new WeakMap<Payload, string>()

/** Equal exactly when the payloads are (2.2): same labels, same keys, identical values. */
export function payloadText(payload: Payload): string {
  let text = texts.get(payload)
  if (text === undefined) {
    const labels = [...new Set(payload.labels)].sort().map((label) => `:${label}`)
    text = labels.join('') + mapText(payload.properties)
    texts.set(payload, text)
  }
  return text
}

export function isSamePayload(left: Payload | undefined, right: Payload | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  return left === right || payloadText(left) === payloadText(right)
}

/** The one function everything is derived from (2.2). `events` are those with system time <= T. */
export function stateAt(events: readonly ReferenceEvent[], valid: bigint): Payload | undefined {
  for (let index = events.length - 1; index >= 0; index -= 1) {
    const event = events[index]
    if (event !== undefined && contains(event.period, valid)) return event.payload
  }
  return undefined
}

/** The state at every boundary, coalesced, without the absent parts. */
export function timelineOf(events: readonly ReferenceEvent[], window: Period = ALWAYS): Part[] {
  const parts: Part[] = []
  for (const period of elementaryPeriods(events.map((event) => event.period), window)) {
    const payload = stateAt(events, period.from)
    if (payload === undefined) continue
    const last = parts.at(-1)
    const isMeeting = last !== undefined && last.period.to === period.from
    if (isMeeting && isSamePayload(last.payload, payload)) {
      parts[parts.length - 1] = {
        period: { from: last.period.from, to: period.to },
        payload: last.payload,
      }
    } else {
      parts.push({ period, payload })
    }
  }
  return parts
}

/**
 * For each event in order: its period minus what later events cover, cut into maximal parts with
 * the same closing commit (2.7). Parts that their own commit closed were never believed and are
 * dropped; deletes appear only as closings.
 */
export function provenanceOf(events: readonly ReferenceEvent[]): ProvenanceRow[] {
  const rows: ProvenanceRow[] = []
  for (const [index, event] of events.entries()) {
    if (event.payload === undefined) continue
    const later = events.slice(index + 1).filter((other) => intersects(other.period, event.period))
    const own: ProvenanceRow[] = []
    for (const valid of elementaryPeriods(later.map((other) => other.period), event.period)) {
      const closing = later.find((other) => contains(other.period, valid.from))
      const last = own.at(-1)
      if (last !== undefined && last.systemTo === closing?.system) {
        own[own.length - 1] = { ...last, valid: { from: last.valid.from, to: valid.to } }
      } else {
        own.push({
          valid,
          systemFrom: event.system,
          systemTo: closing?.system,
          sequence: event.sequence,
          payload: event.payload,
        })
      }
    }
    rows.push(...own.filter((row) => row.systemTo !== row.systemFrom))
  }
  return rows
}

/** The parts of a timeline cut to a period. */
export function partsWithin(timeline: readonly Part[], period: Period): Part[] {
  return timeline.flatMap((part) => {
    const inside = intersection(part.period, period)
    return inside === undefined ? [] : [{ period: inside, payload: part.payload }]
  })
}

export function withoutNulls(properties: Changes): PlainMap {
  const kept: Record<string, PlainValue> = {}
  for (const [key, value] of Object.entries(properties)) {
    if (value !== null && value !== undefined) kept[key] = value
  }
  return kept
}

/** merge(old, changes) of 2.3: shallow; null removes; labels are added, then removed. */
export function merge(old: Payload, changes: Changes, labels: LabelChanges = {}): Payload {
  const added = new Set([...old.labels, ...(labels.add ?? [])])
  for (const label of labels.remove ?? []) added.delete(label)
  return { labels: [...added], properties: withoutNulls({ ...old.properties, ...changes }) }
}
