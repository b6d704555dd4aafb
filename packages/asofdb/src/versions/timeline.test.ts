import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PayloadSlice } from './payload-slice.ts'
import { alwaysSpan, foreverMicros, type Span } from './periods.ts'
import {
  cutByNewest,
  presenceWithin,
  rectanglesOf,
  timelineWithin,
  type VersionEvent,
} from './timeline.ts'

const seed = 1582
const end = 14
const bug = expect.objectContaining({ code: 'Bug' })

/** A payload of one byte at some place of a larger array, so that equal ones are not the same. */
function payloadOf(mark: number, place: number): PayloadSlice {
  const bytes = new Uint8Array(6).fill(0xee)
  bytes[place] = mark
  return { bytes, start: place, end: place + 1 }
}

function markOf(payload: PayloadSlice | undefined): number | undefined {
  return payload === undefined ? undefined : payload.bytes[payload.start]
}

const anySpan = fc
  .tuple(fc.nat(end - 2), fc.integer({ min: 1, max: end }))
  .map(([from, length]) => ({ from: BigInt(from), to: BigInt(Math.min(end, from + length)) }))

/** Newest first; several events of one commit now and then. */
const anyEvents = fc
  .array(fc.tuple(anySpan, fc.option(fc.nat(2), { nil: undefined }), fc.nat(5), fc.boolean()), {
    maxLength: 14,
  })
  .map((drafts) => {
    let sequence = 0
    const events: VersionEvent[] = []
    for (const [span, mark, place, isNext] of drafts) {
      if (isNext || sequence === 0) sequence++
      const payload = mark === undefined ? undefined : payloadOf(mark, place)
      events.push({ ...span, payload, sequence })
    }
    return events.reverse()
  })

function newestAt(events: readonly VersionEvent[], instant: bigint): VersionEvent | undefined {
  return events.find(({ from, to }) => from <= instant && instant < to)
}

function at<T extends Span>(parts: readonly T[], instant: bigint): T | undefined {
  const found = parts.filter(({ from, to }) => from <= instant && instant < to)
  expect(found.length).toBeLessThan(2)
  return found[0]
}

const instants = Array.from({ length: end + 2 }, (_, index) => BigInt(index - 1))

function isWithin({ from, to }: Span, instant: bigint): boolean {
  return from <= instant && instant < to
}

describe('a history', () => {
  test('is cut into pieces of the newest event', () => {
    const property = fc.property(anyEvents, anySpan, (events, window) => {
      const pieces = cutByNewest(events, window)
      for (const instant of instants) {
        const wanted = isWithin(window, instant) ? newestAt(events, instant) : undefined
        expect(at(pieces, instant)?.event).toBe(wanted)
      }
      const sorted = [...pieces].sort((a, b) => Number(a.from - b.from))
      expect(pieces).toEqual(sorted)
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('has a timeline of maximal parts', () => {
    const property = fc.property(anyEvents, anySpan, (events, window) => {
      const parts = timelineWithin(events, window)
      for (const instant of instants) {
        const wanted = isWithin(window, instant) ? newestAt(events, instant)?.payload : undefined
        expect(markOf(at(parts, instant)?.payload)).toBe(markOf(wanted))
      }
      for (let index = 1; index < parts.length; index++) {
        const [one, other] = [parts[index - 1], parts[index]]
        const areJoined = one?.to === other?.from && markOf(one?.payload) === markOf(other?.payload)
        expect(areJoined).toBe(false)
      }
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('is present where some payload holds', () => {
    const property = fc.property(anyEvents, anySpan, (events, window) => {
      const spans = presenceWithin(events, window)
      for (const instant of instants) {
        const isPresent =
          isWithin(window, instant) && newestAt(events, instant)?.payload !== undefined
        expect(at(spans, instant) !== undefined).toBe(isPresent)
      }
      spans.forEach((span, index) => expect(span.from).not.toBe(spans[index - 1]?.to))
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('asks for no more events than cover the window', () => {
    let asked = 0
    function* events(): Generator<VersionEvent> {
      while (asked < 5) {
        asked++
        yield { from: 0n, to: 5n, payload: payloadOf(asked, 0), sequence: 10 - asked }
      }
    }
    expect(cutByNewest(events(), { from: 1n, to: 5n })).toHaveLength(1)
    expect(asked).toBe(1)
    expect(() => cutByNewest([], { from: 1n, to: 1n })).toThrow(bug)
  })
})

describe('provenance', () => {
  /** What the rectangles say was believed of an instant as of a commit. */
  test('tells what was believed when, and by which commit', () => {
    const property = fc.property(anyEvents, (events) => {
      const rectangles = rectanglesOf(events)
      const last = events[0]?.sequence ?? 0
      for (let known = 1; known <= last; known++) {
        const believed = events.filter(({ sequence }) => sequence <= known)
        for (const instant of instants) {
          const found = rectangles.filter(
            ({ valid, sequence, closed }) =>
              isWithin(valid, instant) && sequence <= known && known < (closed ?? Infinity),
          )
          const wanted = newestAt(believed, instant)
          const isThere = wanted?.payload !== undefined
          expect(found).toHaveLength(isThere ? 1 : 0)
          if (!isThere) continue
          expect(markOf(found[0]?.payload)).toBe(markOf(wanted.payload))
          expect(found[0]?.sequence).toBe(wanted.sequence)
        }
      }
    })
    fc.assert(property, { seed, numRuns: 150 })
  })

  test('has maximal parts, oldest commit first, and none that no commit ended with', () => {
    const property = fc.property(anyEvents, (events) => {
      const rectangles = rectanglesOf(events)
      rectangles.forEach((one, index) => {
        expect(one.valid.from < one.valid.to).toBe(true)
        expect(one.closed ?? Infinity).toBeGreaterThan(one.sequence)
        const next = rectangles[index + 1]
        if (next === undefined) return
        expect(next.sequence).toBeGreaterThanOrEqual(one.sequence)
        const isSame = next.payload === one.payload && next.closed === one.closed
        expect(isSame && next.valid.from === one.valid.to).toBe(false)
      })
    })
    fc.assert(property, { seed, numRuns: 200 })
  })

  test('joins what two commits cover next to each other only when the commit is one', () => {
    const event = (from: bigint, to: bigint, sequence: number): VersionEvent => ({
      from,
      to,
      payload: payloadOf(sequence, 0),
      sequence,
    })
    const events = [event(6n, 9n, 3), event(3n, 6n, 2), event(0n, 3n, 2), event(0n, 20n, 1)]
    const first = rectanglesOf(events).filter(({ sequence }) => sequence === 1)
    expect(first.map(({ valid, closed }) => [valid.from, valid.to, closed])).toEqual([
      [0n, 6n, 2],
      [6n, 9n, 3],
      [9n, 20n, undefined],
    ])
    const whole = rectanglesOf([{ ...alwaysSpan, payload: payloadOf(1, 1), sequence: 1 }])
    expect(whole[0]?.valid.to).toBe(foreverMicros)
  })
})
