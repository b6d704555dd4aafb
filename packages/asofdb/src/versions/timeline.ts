import { invariant } from '../rules/invariant.ts'
import { type Span, intersectSpans } from './periods.ts'
import { type PayloadSlice, slicesEqual } from './payload-slice.ts'

/** One recorded statement about an entity; `payload` undefined states absence. */
export interface VersionEvent extends Span {
  readonly payload: PayloadSlice | undefined
  /** The commit that recorded it; Infinity for a statement of the open transaction. */
  readonly sequence: number
}

/** A span in which one payload holds. */
export interface Part extends Span {
  readonly payload: PayloadSlice
}

/**
 * The pieces of `window` together with the newest event that covers each, in time order. What no
 * event covers is left out. Stops as soon as the window is covered, so the present of an entity
 * with a long history is cheap.
 */
export function cutByNewest(newestFirst: Iterable<VersionEvent>, window: Span): VersionPiece[] {
  invariant(window.from < window.to, 'a window of valid time is not empty')
  const pieces: VersionPiece[] = []
  const open: Span[] = [window]
  for (const event of newestFirst) {
    takeCovered(open, event, pieces)
    if (open.length === 0) break
  }
  return pieces.sort((a, b) => (a.from < b.from ? -1 : 1))
}

export interface VersionPiece extends Span {
  readonly event: VersionEvent
}

/** Moves what `event` covers of the open spans (sorted, disjoint) over to `pieces`. */
function takeCovered(open: Span[], event: VersionEvent, pieces: VersionPiece[]): void {
  let first = 0
  let end = open.length
  while (first < end) {
    const middle = (first + end) >>> 1
    const span = open[middle]
    if (span !== undefined && span.to <= event.from) first = middle + 1
    else end = middle
  }
  const rest: Span[] = []
  let last = first
  for (; last < open.length; last++) {
    const span = open[last]
    if (span === undefined || span.from >= event.to) break
    const common = intersectSpans(span, event)
    if (common === undefined) break
    pieces.push({ ...common, event })
    if (span.from < common.from) rest.push({ from: span.from, to: common.from })
    if (common.to < span.to) rest.push({ from: common.to, to: span.to })
  }
  if (last > first) open.splice(first, last - first, ...rest)
}

/**
 * The timeline: maximal spans of equal payload within `window`, absence left out. Canonical: two
 * histories with the same state function give the same list (semantics 2.2).
 */
export function timelineWithin(newestFirst: Iterable<VersionEvent>, window: Span): Part[] {
  const parts: Part[] = []
  for (const { from, to, event } of cutByNewest(newestFirst, window)) {
    if (event.payload === undefined) continue
    const last = parts[parts.length - 1]
    if (last !== undefined && last.to === from && slicesEqual(last.payload, event.payload)) {
      parts[parts.length - 1] = { from: last.from, to, payload: last.payload }
    } else {
      parts.push({ from, to, payload: event.payload })
    }
  }
  return parts
}

/** The spans within `window` in which an entity is present at all, adjacent ones joined. */
export function presenceWithin(newestFirst: Iterable<VersionEvent>, window: Span): Span[] {
  const spans: Span[] = []
  for (const { from, to, event } of cutByNewest(newestFirst, window)) {
    if (event.payload === undefined) continue
    const last = spans[spans.length - 1]
    if (last !== undefined && last.to === from) spans[spans.length - 1] = { from: last.from, to }
    else spans.push({ from, to })
  }
  return spans
}

/** A rectangle of the two times in which one event was believed. */
export interface Rectangle {
  readonly valid: Span
  readonly sequence: number
  /** The commit that covered it; undefined while it stands. */
  readonly closed: number | undefined
  readonly payload: PayloadSlice
}

/**
 * Provenance (semantics 2.7): each event's period minus what later events cover, cut into maximal
 * parts with the same closing commit. Parts closed by the commit that made them are dropped, and
 * deletions appear only as closings. Oldest event first.
 */
export function rectanglesOf(newestFirst: Iterable<VersionEvent>): Rectangle[] {
  const covers: Cover[] = []
  const groups: Rectangle[][] = []
  for (const event of newestFirst) {
    invariant(event.from < event.to, 'a version holds for some time')
    const group: Rectangle[] = []
    for (const piece of splitByCovers(event, covers)) {
      if (event.payload === undefined || piece.closed === event.sequence) continue
      const { sequence, payload } = event
      group.push({
        valid: { from: piece.from, to: piece.to },
        sequence,
        payload,
        closed: piece.closed,
      })
    }
    groups.push(group)
    paint(covers, { from: event.from, to: event.to, closed: event.sequence })
  }
  return groups.reverse().flat()
}

/** Which commit comes next to cover a span; undefined where none does. */
interface Cover extends Span {
  readonly closed: number | undefined
}

/** The span of an event cut where the next covering commit changes, adjacent equals joined. */
function splitByCovers(span: Span, covers: readonly Cover[]): Cover[] {
  const pieces: Cover[] = []
  const add = (from: bigint, to: bigint, closed: number | undefined): void => {
    if (from >= to) return
    const last = pieces[pieces.length - 1]
    if (last !== undefined && last.closed === closed) {
      pieces[pieces.length - 1] = { from: last.from, to, closed }
    } else {
      pieces.push({ from, to, closed })
    }
  }
  let at = span.from
  for (let index = firstEndingAfter(covers, span.from); index < covers.length; index++) {
    const cover = covers[index]
    if (cover === undefined || cover.from >= span.to) break
    add(at, cover.from, undefined)
    const from = cover.from > at ? cover.from : at
    const to = cover.to < span.to ? cover.to : span.to
    add(from, to, cover.closed)
    at = to
  }
  add(at, span.to, undefined)
  invariant(pieces[0]?.from === span.from, 'pieces start where the span does')
  invariant(pieces[pieces.length - 1]?.to === span.to, 'pieces end where the span does')
  return pieces
}

/** Overwrites what `covers` (sorted, disjoint) says of the span of `layer`. */
function paint(covers: Cover[], layer: Cover): void {
  const first = firstEndingAfter(covers, layer.from)
  const added: Cover[] = []
  let last = first
  for (; last < covers.length; last++) {
    const cover = covers[last]
    if (cover === undefined || cover.from >= layer.to) break
    if (cover.from < layer.from) added.push({ ...cover, to: layer.from })
    if (cover.to > layer.to) added.push({ ...cover, from: layer.to })
  }
  added.push(layer)
  added.sort((a, b) => (a.from < b.from ? -1 : 1))
  invariant(last >= first && added.length > 0, 'what is painted replaces what it meets')
  covers.splice(first, last - first, ...added)
}

function firstEndingAfter(covers: readonly Cover[], instant: bigint): number {
  let first = 0
  let end = covers.length
  while (first < end) {
    const middle = (first + end) >>> 1
    const cover = covers[middle]
    if (cover !== undefined && cover.to <= instant) first = middle + 1
    else end = middle
  }
  return first
}
