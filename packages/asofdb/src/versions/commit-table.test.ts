import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CommitTable } from './commit-table.ts'

const seed = 1867
const bug = expect.objectContaining({ code: 'Bug' })

const anyCommit = fc.record({
  after: fc.oneof(fc.bigInt(1n, 3n), fc.bigInt(1n, 2n ** 40n)),
  node: fc.nat(3),
  edge: fc.nat(2),
  key: fc.nat(1),
})

function tableOf(drafts: readonly { after: bigint; node: number; edge: number; key: number }[]) {
  const table = new CommitTable()
  const commits: { time: bigint; node: number; edge: number; key: number }[] = []
  let time = -(2n ** 33n)
  let counts = { node: 0, edge: 0, key: 0 }
  for (const { after, node, edge, key } of drafts) {
    time += after
    counts = { node: counts.node + node, edge: counts.edge + edge, key: counts.key + key }
    table.append(time, counts, commits.length)
    commits.push({ time, ...counts })
  }
  return { table, commits }
}

describe('a commit table', () => {
  test('finds commits by time and by row as a list does', () => {
    const property = fc.property(fc.array(anyCommit, { maxLength: 30 }), (drafts) => {
      const { table, commits } = tableOf(drafts)
      const limit = commits.length
      expect(table.sequence).toBe(limit)
      commits.forEach(({ time, node, edge, key }, index) => {
        expect(table.systemTime(index + 1)).toBe(time)
        expect(table.counts(index + 1)).toEqual({ node, edge, key })
        expect(table.metaOf(index + 1)).toBe(index)
        for (const asked of [time - 1n, time, time + 1n]) {
          for (const within of [0, index, limit]) {
            const wanted = commits.slice(0, within).findLastIndex((one) => one.time <= asked) + 1
            expect(table.sequenceAt(asked, within)).toBe(wanted)
          }
        }
      })
      for (const kind of ['node', 'edge', 'key'] as const) {
        for (let row = 0; row < (commits.at(-1)?.[kind] ?? 0); row++) {
          const wanted = commits.findIndex((one) => row < one[kind]) + 1
          expect(table.sequenceOfRow(kind, row)).toBe(wanted)
        }
      }
    })
    fc.assert(property, { seed, numRuns: 60 })
  })

  test('keeps references of 32 bits without a sign', () => {
    const table = new CommitTable()
    table.append(1n, { node: 0, edge: 2 ** 31 + 5, key: 0 }, 2 ** 32 - 1)
    expect(table.metaOf(1)).toBe(2 ** 32 - 1)
    expect(table.counts(1).edge).toBe(2 ** 31 + 5)
    expect(table.sequenceOfRow('edge', 2 ** 31)).toBe(1)
  })

  test('refuses what would break its order', () => {
    const { table } = tableOf([{ after: 1n, node: 2, edge: 0, key: 0 }])
    const time = table.systemTime(1)
    const counts = { node: 2, edge: 0, key: 0 }
    expect(() => table.append(time, counts, 0)).toThrow(bug)
    expect(() => table.append(time + 1n, { ...counts, node: 1 }, 0)).toThrow(bug)
    expect(() => table.append(2n ** 63n, counts, 0)).toThrow(bug)
    expect(() => table.counts(9)).toThrow(bug)
    expect(() => table.sequenceAt(time, 9)).toThrow(bug)
    expect(() => table.sequenceOfRow('node', 2)).toThrow(bug)
  })
})
