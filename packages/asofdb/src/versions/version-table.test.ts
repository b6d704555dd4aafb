import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import { HistoryIndex } from './history-index.ts'
import { beginningMicros, foreverMicros, type Span, spanToWords } from './periods.ts'
import { sliceOf } from './payload-slice.ts'
import { VersionTable } from './version-table.ts'

const seed = 1945
const bug = expect.objectContaining({ code: 'Bug' })

interface Version extends Span {
  readonly entity: number
  /** Undefined states absence. */
  readonly mark: number | undefined
}

function append(table: VersionTable, { entity, from, to, mark }: Version): number {
  const { fromHigh, fromLow, toHigh, toLow } = spanToWords({ from, to })
  const period = table.periods.intern(fromHigh, fromLow, toHigh, toLow)
  const bytes = Uint8Array.of((mark ?? 0) & 0xff, (mark ?? 0) >>> 8)
  return table.append(entity, period, mark === undefined ? 0 : table.arena.append(bytes, 0, 2))
}

function markAt(table: VersionTable, reference: number): number | undefined {
  if (reference === 0) return undefined
  const { bytes, start } = sliceOf(table.arena, reference)
  return (bytes[start] ?? 0) | ((bytes[start + 1] ?? 0) << 8)
}

/** The state function as the semantics say it: the newest version that covers the instant. */
function naive(versions: readonly Version[], entity: number, at: { rows: number; valid: bigint }) {
  for (let row = at.rows - 1; row >= 0; row--) {
    const version = versions[row]
    if (version === undefined || version.entity !== entity) continue
    if (version.from <= at.valid && at.valid < version.to) return version.mark
  }
  return undefined
}

function pointOf(at: { rows: number; valid: bigint }) {
  return { rows: at.rows, high: timeHigh(at.valid), low: timeLow(at.valid) }
}

const step = 2n ** 31n - 1n

/** Spans whose bounds are few, so that they touch and cover each other, over several high words. */
const anySpan = fc
  .tuple(fc.nat(12), fc.integer({ min: 1, max: 12 }), fc.nat(9), fc.nat(9))
  .map(([from, length, start, end]) => ({
    from: start === 0 ? beginningMicros : BigInt(from - 6) * step,
    to: end < 3 ? foreverMicros : BigInt(from - 6 + length) * step,
  }))

const instants = Array.from({ length: 26 }, (_, at) => BigInt(at - 6) * step).flatMap((at) => [
  at - 1n,
  at,
])
instants.push(beginningMicros, foreverMicros - 1n)

function versionsOf(entities: number, size: { min: number; max: number }) {
  const version = fc
    .tuple(fc.nat(entities - 1), anySpan, fc.nat(9), fc.nat(0xffff))
    .map(([entity, span, absent, mark]) => ({
      ...span,
      entity,
      mark: absent === 0 ? undefined : mark,
    }))
  return fc.array(version, { minLength: size.min, maxLength: size.max, size: 'max' })
}

/** Compares every given point; what differs. */
function differences(
  table: VersionTable,
  versions: readonly Version[],
  asked: { readonly entities: number; readonly rows: readonly number[] },
): string[] {
  const wrong: string[] = []
  for (let entity = 0; entity < asked.entities; entity++) {
    for (const rows of asked.rows) {
      const newest = versions.findLastIndex((version, at) => at < rows && version.entity === entity)
      if (table.newestWithin(entity, rows) !== newest) wrong.push(`newest of ${entity} in ${rows}`)
      for (const valid of instants) {
        const found = markAt(table, table.payloadAt(entity, pointOf({ rows, valid })))
        const expected = naive(versions, entity, { rows, valid })
        if (found !== expected) wrong.push(`${entity} at ${valid} in ${rows}: ${found}`)
      }
    }
  }
  return wrong
}

describe.each([true, false])('a version table with wide heads: %s', (hasWideHeads) => {
  test('answers every point as the list of versions does', () => {
    const property = fc.property(versionsOf(4, { min: 0, max: 40 }), (versions) => {
      const table = new VersionTable({ hasWideHeads })
      for (const version of versions) append(table, version)
      const rows = Array.from({ length: versions.length + 1 }, (_, count) => count)
      expect(differences(table, versions, { entities: 5, rows })).toEqual([])
    })
    fc.assert(property, { seed, numRuns: 15 })
  })

  test('answers while long histories grow', () => {
    const property = fc.property(versionsOf(2, { min: 150, max: 260 }), (versions) => {
      const table = new VersionTable({ hasWideHeads })
      const rows = [0, 1, 7, 8, 63, 64, 65, 100, 127, 128, 129, versions.length]
      for (let row = 0; row < versions.length; row++) {
        const version = versions[row] ?? expect.unreachable()
        append(table, version)
        if (row % 50 !== 49) continue
        const known = rows.filter((count) => count <= row + 1)
        expect(differences(table, versions, { entities: 2, rows: known })).toEqual([])
      }
      expect(differences(table, versions, { entities: 2, rows })).toEqual([])
    })
    fc.assert(property, { seed, numRuns: 4 })
  })

  test('derives the same heads from rows that came from elsewhere', () => {
    const anyVersions = versionsOf(6, { min: 0, max: 40 })
    const property = fc.property(anyVersions, fc.nat(40), (versions, cut) => {
      const table = new VersionTable({ hasWideHeads })
      for (const version of versions) append(table, version)
      const copy = new VersionTable({ hasWideHeads })
      for (const version of versions.slice(0, cut)) append(copy, version)
      const known = copy.count
      copy.rows.extendTo(table.count)
      copy.periods.column.extendTo(table.periods.column.count)
      for (let row = 0; row < table.periods.column.count; row++) {
        for (let word = 0; word < 4; word++) {
          copy.periods.column.set(row, word, table.periods.column.word(row, word))
        }
      }
      for (let row = known; row < table.count; row++) {
        for (let word = 0; word < 4; word++) copy.rows.set(row, word, table.rows.word(row, word))
      }
      copy.linkHeads(known)
      expect(copy.entityCount).toBe(table.entityCount)
      const point = pointOf({ rows: table.count, valid: 1n })
      for (let entity = 0; entity < 7; entity++) {
        expect(copy.head(entity)).toBe(table.head(entity))
        expect(copy.payloadAt(entity, point)).toBe(table.payloadAt(entity, point))
      }
    })
    fc.assert(property, { seed, numRuns: 50 })
  })

  test('says of the newest version what it says itself', () => {
    const property = fc.property(versionsOf(3, { min: 1, max: 12 }), anySpan, (versions, span) => {
      const table = new VersionTable({ hasWideHeads })
      for (const version of versions) append(table, version)
      const rows = versions.length
      for (let entity = 0; entity < 3; entity++) {
        const newest = versions.findLast((version) => version.entity === entity)
        const holds =
          newest?.mark !== undefined && newest.from <= span.from && span.to <= newest.to
        expect(table.newestHolds(entity, rows, spanToWords(span))).toBe(holds)
        const isForEver =
          newest?.mark !== undefined && newest.from <= span.from && newest.to === foreverMicros
        const found = table.openEndedPayload(entity, pointOf({ rows, valid: span.from }))
        expect(found !== 0).toBe(hasWideHeads && isForEver)
      }
    })
    fc.assert(property, { seed, numRuns: 100 })
  })

  test('refuses what no version can be', () => {
    const table = new VersionTable({ hasWideHeads })
    const period = table.periods.intern(0, 0, 1, 0)
    expect(() => table.append(-1, period, 0)).toThrow(bug)
    expect(() => table.append(0, period + 1, 0)).toThrow(bug)
    expect(() => table.append(0, period, 2 ** 32)).toThrow(bug)
    expect(() => table.newestWithin(0, 1)).toThrow(bug)
    const row = table.append(0, period, 2 ** 32 - 1)
    expect(table.payloadOf(row)).toBe(2 ** 32 - 1)
    expect(table.payloadAt(0, { rows: 1, high: 0, low: 0 })).toBe(2 ** 32 - 1)
  })
})

describe('a history index', () => {
  const sizes = [1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 4100]

  test.each(sizes)('finds the version of each instant among %i', (size) => {
    const table = new VersionTable({ hasWideHeads: false })
    const sampled = fc.sample(versionsOf(1, { min: size, max: size }), { seed, numRuns: 1 })[0]
    const versions = sampled ?? expect.unreachable()
    const index = new HistoryIndex(table)
    versions.forEach((version, at) => {
      append(table, version)
      // Followed now and then, with gaps of every length.
      if (at % 5 === 0 || at % 7 === 0) index.follow(at)
    })
    index.follow(size - 1)
    const wrong: string[] = []
    const ends = [...new Set([0, 1, size >> 1, size - 8, size - 1, size])].filter((end) => end >= 0)
    for (const rows of ends) {
      if (index.newestBelow(rows) !== rows - 1) wrong.push(`newest below ${rows}`)
      for (const valid of instants) {
        const found = index.covering(pointOf({ rows, valid }))
        const expected = versions.findLastIndex(
          (version, at) => at < rows && version.from <= valid && valid < version.to,
        )
        if (found !== expected) wrong.push(`${valid} in ${rows}: ${found}, ${expected}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('keeps to the rows of its entity', () => {
    const table = new VersionTable({ hasWideHeads: false })
    for (let at = 0; at < 40; at++) {
      append(table, { entity: at % 2, from: 0n, to: 1n, mark: at })
    }
    const index = new HistoryIndex(table)
    index.follow(table.head(1))
    expect(index.newest).toBe(39)
    expect(index.newestBelow(39)).toBe(37)
    expect(index.covering(pointOf({ rows: 39, valid: 0n }))).toBe(37)
    expect(() => index.follow(table.head(0))).toThrow(bug)
  })
})
