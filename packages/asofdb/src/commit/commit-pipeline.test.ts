import { describe, expect, test } from 'vitest'
import { latin1ToBytes } from '../encoding/text.ts'
import { nodeHost } from '../host/node-host.ts'
import { DatabaseError } from '../rules/errors.ts'
import { KeyIndex } from '../versions/key-index.ts'
import { nodeId } from '../versions/entity.ts'
import { foreverMicros } from '../versions/periods.ts'
import { Tables } from '../versions/tables.ts'
import { BatchApplier, type LoggedBatch } from './apply.ts'
import { type CommitCheck, CommitPipeline } from './commit-pipeline.ts'
import type { Isolation, TransactionCore } from './transaction-core.ts'

const conflict = expect.objectContaining({ code: 'Conflict', kind: 'retry' })
const bug = expect.objectContaining({ code: 'Bug' })
const notMonotonic = expect.objectContaining({ code: 'NotMonotonic' })

class Bench {
  readonly tables = new Tables()
  readonly keyIndex = new KeyIndex(this.tables)
  readonly applier = new BatchApplier(this.tables)
  readonly logged: LoggedBatch[] = []
  readonly checks: CommitCheck[] = []
  readonly pipeline: CommitPipeline
  micros = 1000
  /** Thrown by the log, when there is one. */
  refusal: Error | undefined

  constructor() {
    const { tables, keyIndex, applier } = this
    const clock = { wallMicros: () => this.micros, monotonicMs: () => 0 }
    const log = {
      append: (batch: LoggedBatch) => {
        if (this.refusal !== undefined) throw this.refusal
        this.logged.push(batch)
      },
      acknowledged: () => Promise.resolve(),
    }
    const host = { ...nodeHost(), clock }
    const { checks } = this
    this.pipeline = new CommitPipeline({ host, tables, keyIndex, applier, log, checks })
  }

  begin(isolation: Isolation = 'serializable', system?: bigint): TransactionCore {
    return this.pipeline.begin({ isolation, isReadonly: false, system })
  }

  commit(core: TransactionCore, system?: bigint): number | undefined {
    return this.pipeline.commit(core, { meta: undefined, system })
  }

  /** A commit of its own that states something about a node. */
  commitNode(ordinal: number): number | undefined {
    const core = this.begin()
    stateNode(core, ordinal)
    return this.commit(core)
  }

  /** What another process makes of the log. */
  replayed(): Tables {
    const tables = new Tables()
    const applier = new BatchApplier(tables)
    for (const batch of this.logged) applier.apply(batch)
    return tables
  }
}

function stateNode(core: TransactionCore, ordinal: number): void {
  const payload = { bytes: latin1ToBytes('content'), start: 0, end: 7 }
  core.record('node', ordinal, { span: { from: 0n, to: foreverMicros }, payload })
}

describe('the first committer wins', () => {
  test.each(['serializable', 'snapshot'] as const)('over another writer, %s', (isolation) => {
    const bench = new Bench()
    const core = bench.begin(isolation)
    stateNode(core, 1)
    bench.commitNode(1)
    expect(() => bench.commit(core)).toThrow(conflict)
    expect(core.isOpen).toBe(false)
    expect(bench.pipeline.appliedSequence).toBe(1)
    expect(bench.logged).toHaveLength(1)
  })

  test('over a reader of what it wrote, when serializable', () => {
    const bench = new Bench()
    const [careful, careless] = [bench.begin('serializable'), bench.begin('snapshot')]
    for (const core of [careful, careless]) {
      core.reads.add(nodeId(1))
      stateNode(core, core === careful ? 2 : 3)
    }
    bench.commitNode(1)
    expect(() => bench.commit(careful)).toThrow(conflict)
    expect(bench.commit(careless)).toBe(2)
  })

  test('over a reader of a range it wrote into', () => {
    const bench = new Bench()
    const asked: unknown[] = []
    const core = bench.begin()
    core.reads.depend('some range', () => ({
      isChangedBy(kind, entity) {
        asked.push([kind, entity])
        return entity === 5
      },
    }))
    core.reads.depend('some range', () => expect.unreachable())
    stateNode(core, 9)
    bench.commitNode(4)
    bench.commitNode(5)
    bench.commitNode(6)
    expect(() => bench.commit(core)).toThrow(conflict)
    expect(asked).toEqual([
      ['node', 4],
      ['node', 5],
    ])
  })

  test('and others are let through, with what came before them', () => {
    const bench = new Bench()
    bench.commitNode(1)
    const core = bench.begin()
    core.reads.add(nodeId(1))
    core.reads.add(nodeId(7))
    stateNode(core, 1)
    bench.commitNode(2)
    expect(bench.commit(core)).toBe(3)
    const finished = expect.objectContaining({ code: 'TransactionFinished' })
    expect(() => bench.commit(core)).toThrow(finished)
  })

  test('and nothing stated is no commit', () => {
    const bench = new Bench()
    const core = bench.begin()
    core.reads.add(nodeId(1))
    bench.commitNode(1)
    expect(bench.commit(core)).toBeUndefined()
    expect(bench.pipeline.appliedSequence).toBe(1)
  })
})

describe('a check', () => {
  const violation = Object.assign(new Error('violated'), { code: 'Anything' })

  test('sees the newest state, and its refusal leaves nothing behind', () => {
    const bench = new Bench()
    const seen: number[] = []
    bench.checks.push({
      check(core) {
        seen.push(core.counts.node)
        if (core.tail.events.length > 1) throw violation
      },
    })
    const core = bench.begin()
    stateNode(core, core.allocateNode())
    bench.commitNode(4)
    expect(bench.commit(core)).toBe(2)
    const refused = bench.begin()
    stateNode(refused, refused.allocateNode())
    stateNode(refused, 1)
    expect(() => bench.commit(refused)).toThrow('violated')
    expect(seen).toEqual([0, 1, 2])
    expect(bench.tables.rowCounts()).toEqual({ node: 2, edge: 0, key: 0 })
    expect(refused.isOpen).toBe(false)
  })

  test.each([
    ['invalid', 'UniqueViolation', 'Conflict'],
    ['a bug', 'Bug', 'Bug'],
  ] as const)('that finds %s after a rival committed gives the right advice', (...row) => {
    const [, code, wanted] = row
    const bench = new Bench()
    const core = bench.begin()
    stateNode(core, 1)
    bench.commitNode(2)
    const alone = bench.begin()
    stateNode(alone, 3)
    bench.checks.push({
      check() {
        throw new DatabaseError(code, 'as the check says')
      },
    })
    expect(() => bench.commit(core)).toThrow(expect.objectContaining({ code: wanted }))
    expect(() => bench.commit(alone)).toThrow(expect.objectContaining({ code }))
  })
})

describe('system time', () => {
  test('moves on with the clock, against it, and past what was read', () => {
    const bench = new Bench()
    const times = (): bigint => bench.pipeline.lastSystemTime
    bench.commitNode(0)
    expect([times(), bench.pipeline.clockAheadMicros]).toEqual([1000n, 0n])
    bench.micros = 400
    bench.commitNode(0)
    expect([times(), bench.pipeline.clockAheadMicros]).toEqual([1001n, 601n])
    bench.micros = 2000
    bench.pipeline.raiseReadFloor(3000n)
    bench.pipeline.raiseReadFloor(2500n)
    bench.commitNode(0)
    expect([times(), bench.pipeline.clockAheadMicros]).toEqual([3001n, 1001n])
  })

  test('is never before the now of the transaction', () => {
    const bench = new Bench()
    bench.micros = 5000
    const core = bench.begin()
    stateNode(core, 0)
    bench.micros = 1000
    bench.commit(core)
    expect(bench.pipeline.lastSystemTime).toBe(5000n)
    expect(bench.begin().now).toBe(5001n)
  })

  test('is as given in import mode, above the last commit and what was read', () => {
    const bench = new Bench()
    const at = (system: bigint): (() => number | undefined) => {
      const core = bench.begin('serializable', system)
      expect(core.now).toBe(system)
      stateNode(core, 0)
      return () => bench.commit(core, system)
    }
    expect(at(10n)()).toBe(1)
    expect(at(10n)).toThrow(notMonotonic)
    bench.pipeline.raiseReadFloor(12n)
    expect(at(12n)).toThrow(notMonotonic)
    expect(at(13n)()).toBe(2)
    expect(bench.pipeline.lastSystemTime).toBe(13n)
  })
})

describe('identities', () => {
  test('are given back while nobody has a later one', () => {
    const bench = new Bench()
    const [one, other] = [bench.begin(), bench.begin()]
    const ends = { type: 0, source: 0, target: 0 }
    expect([one.allocateNode(), one.allocateNode(), one.allocateEdge(ends)]).toEqual([0, 1, 0])
    expect([other.allocateNode(), other.allocateEdge(ends)]).toEqual([2, 1])
    one.cancel()
    one.cancel()
    expect([bench.begin().allocateNode(), bench.tables.edgeEnds.column.count]).toEqual([3, 2])
    const last = bench.begin()
    last.allocateEdge(ends)
    last.cancel()
    expect(bench.tables.edgeEnds.column.count).toBe(2)
    bench.tables.edgeEnds.committed = 2
    expect(() => bench.tables.edgeEnds.takeBack(1)).toThrow(bug)
  })

  test('of names and keys are logged with the first commit that uses them', () => {
    const bench = new Bench()
    const cancelled = bench.begin()
    cancelled.allocateKey(cancelled.symbol('forgotten'), 'a')
    const symbol = cancelled.symbol('kept')
    cancelled.cancel()
    const payload = { bytes: Uint8Array.of(1), start: 0, end: 1 }
    const span = { from: 0n, to: 1n }
    const [one, other] = [bench.begin(), bench.begin()]
    for (const core of [one, other]) expect(core.symbol('kept')).toBe(symbol)
    const ordinal = one.allocateKey(symbol, 'b')
    one.record('key', ordinal, { span, payload })
    other.record('key', other.allocateKey(symbol, 'c'), { span, payload })
    bench.commit(other)
    bench.commit(one)
    const again = bench.begin()
    again.record('key', again.allocateKey(again.symbol('kept'), 'b'), { span, payload })
    bench.commit(again)

    const tables = bench.replayed()
    expect([...tables.symbols.definitions()]).toEqual([[symbol, 'kept']])
    expect(tables.rowCounts()).toEqual(bench.tables.rowCounts())
    const index = new KeyIndex(tables)
    expect([index.find(symbol, 'a'), index.find(symbol, 'b'), index.find(symbol, 'c')]).toEqual([
      undefined,
      ordinal,
      2,
    ])
    expect(bench.logged[2]?.payload.length).toBeLessThan(bench.logged[1]?.payload.length ?? 0)
    expect(index.findOrAdd(symbol, 'd')).toBe(3)
  })
})

describe('the log', () => {
  test('that takes no more leaves the tables as they were', () => {
    const bench = new Bench()
    bench.commitNode(1)
    bench.refusal = new Error('no room')
    expect(() => bench.commitNode(1)).toThrow('no room')
    expect(bench.tables.rowCounts().node).toBe(1)
    bench.refusal = undefined
    expect(bench.commitNode(1)).toBe(2)
  })

  test('that is ahead of the tables ends all commits', () => {
    const bench = new Bench()
    const core = bench.begin()
    // An edge that was never defined: the applier refuses it, and the log has it already.
    core.record('edge', 3, { span: { from: 0n, to: 1n }, payload: undefined })
    const poisoned = expect.objectContaining({ code: 'Poisoned' })
    expect(() => bench.commit(core)).toThrow(poisoned)
    expect(() => bench.commitNode(1)).toThrow(poisoned)
    expect(bench.logged).toHaveLength(1)
  })

  test('gives the same tables when it is replayed', () => {
    const bench = new Bench()
    for (let at = 0; at < 5; at++) {
      const core = bench.begin()
      const [source, target] = [core.allocateNode(), core.allocateNode()]
      stateNode(core, source)
      stateNode(core, target)
      const type = core.symbol(`type ${at & 1}`)
      const edge = core.allocateEdge({ type, source, target })
      core.record('edge', edge, { span: { from: 2n, to: 3n }, payload: undefined })
      if (at % 2 === 0) bench.commit(core)
      else core.cancel()
    }
    const tables = bench.replayed()
    expect(tables.nodesAllocated).toBe(bench.tables.nodesAllocated)
    expect(tables.edgeEnds.committed).toBe(bench.tables.edgeEnds.committed)
    const { edgeEnds } = bench.tables
    for (let edge = 0; edge < edgeEnds.committed; edge++) {
      expect(tables.edgeEnds.ends(edge)).toEqual(edgeEnds.ends(edge))
    }
    const first = bench.logged[0] ?? expect.unreachable()
    expect(() => new BatchApplier(tables).apply(first)).toThrow(bug)
  })
})

test('what was undone is not in the batch: statements, names, keys, removals', () => {
  const bench = new Bench()
  const core = bench.begin()
  const kept = core.symbol('kept')
  stateNode(core, core.allocateNode())
  const point = core.savepoints.set(undefined)
  for (const name of ['undone', 'used again']) {
    const key = core.allocateKey(core.symbol(name), 'key')
    core.record('key', key, { span: { from: 0n, to: foreverMicros }, payload: undefined })
    stateNode(core, 0)
  }
  core.takeAway({ kind: 'prunedKeyspace', subject: kept, sequence: 0 })
  point.rollback()
  const again = core.symbol('used again')
  const key = core.allocateKey(again, 'key')
  core.record('key', key, { span: { from: 0n, to: foreverMicros }, payload: undefined })
  bench.commit(core)
  const tables = bench.replayed()
  const names = [...tables.symbols.definitions()].map(([, name]) => name)
  expect(names).toEqual(['kept', 'used again'])
  expect(tables.removals.count).toBe(0)
  expect(tables.rowCounts()).toEqual({ node: 1, edge: 0, key: 1 })
  expect([tables.keyNames.has(key), tables.keyNames.has(key - 1)]).toEqual([true, false])
  expect(tables.keyNames.keyspace(key)).toBe(again)
})
