import { describe, expect, it } from 'vitest'
import { noPeers } from '../../bench/installed-peers.ts'
import { makeRow } from '../../bench/report.ts'
import { median } from '../../bench/rounds.ts'
import { benchNames, findBench, runBench } from '../../bench/run.ts'
import { judgeTrace } from '../../bench/trace.ts'

/** The rows that each benchmark promises; it may have others. */
const rowsPromised: Readonly<Record<string, readonly string[]>> = {
  commit: [
    'commit.sequential',
    'commit.concurrent100',
    'commit.concurrent100.grouped',
    'commit.concurrent100.ungrouped',
    'commit.concurrent100.bare',
  ],
  read: ['node.byId', 'node.byId.string', 'node.byId.floor', 'edge.step', 'edge.twoHop'],
  asof: ['asof.vsCurrent', 'asof.longHistory'],
  import: ['import.facts', 'import.facts.per1000'],
  open: ['open.graph', 'open.graph.bytes', 'open.tail', 'open.firstTraversal', 'open.lz4'],
  memory: ['memory.node', 'memory.edge'],
  keys: ['keys.get', 'keys.get.sqlite', 'keys.range', 'keys.put', 'keys.put.memory'],
  counter: ['counter.hot', 'counter.hot.memory'],
  modes: ['modes.sequential.sync.always', 'modes.sequential.off', 'modes.concurrent100.memory'],
  checkpoint: [
    'checkpoint.whole.p999',
    'checkpoint.whole.longest.calm',
    'checkpoint.steady.longest',
    'checkpoint.steady.rate',
    'checkpoint.amplification',
    'checkpoint.amplification.merging',
  ],
}

const scale = 0.001

describe('the benchmarks', () => {
  it('are those that the documentation names', () => {
    expect(benchNames.toSorted()).toEqual(Object.keys(rowsPromised).toSorted())
  })

  it.each(Object.keys(rowsPromised))('%s runs to its end with right answers', async (name) => {
    const bench = findBench(name)
    if (bench === undefined) throw new Error(`there is no bench '${name}'`)
    const say = (): void => undefined
    const report = await runBench(name, { bench, peers: noPeers, scale, say, areTasksInline: true })
    const rows = new Map(report.rows.map((row) => [row.id, row]))
    expect(rows.size).toBe(report.rows.length)
    for (const id of rowsPromised[name] ?? []) {
      expect(rows.get(id)?.ours, id).toSatisfy(Number.isFinite)
    }
  })
})

describe('a row', () => {
  const text = { id: 'some.row', what: 'something' }

  it('says more than 1 when a rate of ours is higher', () => {
    const row = makeRow({ ...text, unit: 'commits/s' }, 200, { against: 'x', theirs: 100 })
    expect(row.ratio).toBe(2)
  })

  it('says more than 1 when a time of ours is shorter', () => {
    const row = makeRow({ ...text, unit: 'ns' }, 50, { against: 'x', theirs: 100 })
    expect(row.ratio).toBe(2)
  })

  it('has no ratio without the other figure', () => {
    const row = makeRow({ ...text, unit: 'ns' }, 50, { against: 'lmdb', theirs: undefined })
    expect(row).toMatchObject({ theirs: null, ratio: null, against: 'lmdb (not measured)' })
  })
})

describe('the median', () => {
  it('is the middle, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 9, 2])).toBe(3)
  })
})

describe('the judge of a trace', () => {
  const asked = '7 write(20, "asked 1;", 8) = 8'
  const acknowledged = '7 write(20, "acknowledged 1;", 15) = 15'
  const judge = (...lines: string[]): number => judgeTrace(lines.join('\n')).synced

  it('counts a sync that began after the question and ended before the answer', () => {
    expect(judge(asked, '8 fdatasync(21) = 0', acknowledged)).toBe(1)
    const begun = '8 fdatasync(21 <unfinished ...>'
    const ended = '8 <... fdatasync resumed>) = 0'
    expect(judge(asked, begun, '7 write(3, "x", 1) = 1', ended, acknowledged)).toBe(1)
  })

  it('does not count one that began before, ended after, or failed', () => {
    const begun = '8 fdatasync(21 <unfinished ...>'
    const ended = '8 <... fdatasync resumed>) = 0'
    expect(judge(begun, asked, ended, acknowledged)).toBe(0)
    expect(judge(asked, begun, acknowledged, ended)).toBe(0)
    expect(judge(asked, '8 fdatasync(21) = -1 EIO (x)', acknowledged)).toBe(0)
  })

  it('counts a write to a file opened to sync itself, and no other write', () => {
    const opened = '8 openat(AT_FDCWD, "db", O_RDWR|O_DSYNC, 0664) = 22'
    expect(judge(opened, asked, '8 pwrite64(22, "x", 1, 0) = 1', acknowledged)).toBe(1)
    expect(judge(opened, asked, '8 pwrite64(23, "x", 1, 0) = 1', acknowledged)).toBe(0)
  })
})
