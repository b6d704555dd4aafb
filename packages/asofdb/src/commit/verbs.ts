import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { type EntityKind, entityId } from '../versions/entity.ts'
import { type PayloadSlice, slicesEqual } from '../versions/payload-slice.ts'
import { foreverMicros, type Span, subtractSpans } from '../versions/periods.ts'
import { type Part, timelineWithin } from '../versions/timeline.ts'
import type { TransactionCore } from './transaction-core.ts'

/** One write of one verb (semantics 2.3): which entity, over which period. */
export interface WriteTarget {
  readonly core: TransactionCore
  readonly kind: EntityKind
  readonly ordinal: number
  readonly span: Span
  /** Drop statements that would change nothing. */
  readonly skipUnchanged?: boolean | undefined
  /** Throw NotFound when nothing is there in the span. */
  readonly mustExist?: boolean | undefined
}

/** Builds the payload after a patch from the one before; undefined stands for an empty one. */
export type Merge = (before: PayloadSlice | undefined) => PayloadSlice

/** The coalesced parts of an entity within the target's span, own statements included. */
export function partsOf(target: WriteTarget): Part[] {
  invariant(target.span.from < target.span.to, 'a write is about some time')
  target.core.reads.add(entityId(target.kind, target.ordinal))
  return timelineWithin(target.core.events(target.kind, target.ordinal), target.span)
}

/** Strict: AlreadyExists, listing the overlaps, if the entity is present anywhere in the span. */
export function createVersion(target: WriteTarget, payload: PayloadSlice): number {
  const overlaps = partsOf(target)
  if (overlaps.length > 0) {
    const id = entityId(target.kind, target.ordinal)
    throw new DatabaseError(
      'AlreadyExists',
      `${target.kind} ${id} already exists in part of this period; use put or patch to change it`,
      { details: { id, periods: overlaps.map(({ from, to }) => ({ from, to })) } },
    )
  }
  return putVersion(target, payload)
}

/** One statement over the whole span. */
export function putVersion(target: WriteTarget, payload: PayloadSlice): number {
  const { core, kind, ordinal, span } = target
  invariant(span.from < span.to, 'a write is about some time')
  if (target.skipUnchanged === true) {
    const [part, ...others] = partsOf(target)
    const isWhole = part !== undefined && part.from === span.from && part.to === span.to
    if (isWhole && others.length === 0 && slicesEqual(part.payload, payload)) return 0
  }
  core.record(kind, ordinal, { span, payload })
  return 1
}

/** One statement per part that is there; parts touched. */
export function patchVersions(target: WriteTarget, merge: Merge): number {
  return patchParts(target, mustFind(target), merge)
}

/** As patch, and one statement for every gap of the span; parts touched. */
export function upsertVersions(target: WriteTarget, merge: Merge): number {
  const parts = mustFind(target)
  const patched = patchParts(target, parts, merge)
  const gaps = subtractSpans(target.span, parts)
  for (const span of gaps) {
    target.core.record(target.kind, target.ordinal, { span, payload: merge(undefined) })
  }
  return patched
}

function mustFind(target: WriteTarget): Part[] {
  const parts = partsOf(target)
  if (parts.length > 0 || target.mustExist !== true) return parts
  const id = entityId(target.kind, target.ordinal)
  throw new DatabaseError(
    'NotFound',
    `nothing of ${target.kind} ${id} is there in this period; put or upsert creates it, and ` +
      'without mustExist nothing happens',
    { details: { id, periods: [target.span] } },
  )
}

function patchParts(target: WriteTarget, parts: readonly Part[], merge: Merge): number {
  let touched = 0
  for (const part of parts) {
    const isInside = part.from >= target.span.from && part.to <= target.span.to
    invariant(isInside, 'what a patch touches lies in its period')
    const payload = merge(part.payload)
    if (target.skipUnchanged === true && slicesEqual(part.payload, payload)) continue
    const span = { from: part.from, to: part.to }
    target.core.record(target.kind, target.ordinal, { span, payload })
    touched++
  }
  return touched
}

/** One statement of absence if anything is there; parts removed. */
export function deleteVersions(target: WriteTarget): number {
  const parts = mustFind(target)
  if (parts.length === 0) return 0
  const { core, kind, ordinal, span } = target
  core.record(kind, ordinal, { span, payload: undefined })
  return parts.length
}

/** The smallest start or end of a present part that is later than `from`; for ever if none. */
export function nextBoundary(target: Omit<WriteTarget, 'span'>, from: bigint): bigint {
  invariant(from < foreverMicros, 'there is time after the start of a write')
  const rest = { ...target, span: { from, to: foreverMicros } }
  for (const part of partsOf(rest)) {
    if (part.from > from) return part.from
    if (part.to > from) return part.to
  }
  return foreverMicros
}
