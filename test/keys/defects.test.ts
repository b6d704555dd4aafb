import { type Database, type KeyTransaction, open, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldBy,
  heldNow,
  holding,
  isolations,
  putAll,
  readConflict,
} from './keyspace.ts'

/**
 * The defects of the engine of SurrealMX, beside those of its files, each as the experiment that
 * showed it. The numbers are those of the study.
 */

/** A keyspace that keeps the present alone, as theirs does by default. */
async function presentOnly(host?: SimulatedHost): Promise<Database> {
  const database = await open(':memory:', host === undefined ? {} : { host })
  await database.write((tx) => tx.setRetention({ keyspace: 'k' }, 'present'))
  return database
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Readers of every kind, begun now; each of them must see v1 of the key whenever it is asked. */
function readersOf(database: Database): () => void {
  const parties = [begin(database), begin(database, { readonly: true })]
  const snapshot = database.snapshot().keys('k')
  const entries = snapshot.range()
  const cursor = snapshot.cursor()
  return () => {
    for (const keys of [...parties.map((party) => party.keys), snapshot]) {
      expect([keys.get('key'), keys.has('key'), keys.getMany(['key'])]).toEqual([
        'v1',
        true,
        ['v1'],
      ])
      expect(heldBy(keys)).toEqual(Object.entries({ key: 'v1', other: 1 }))
    }
    expect(entries.count()).toBe(2)
    expect([cursor.seek('key'), cursor.value]).toEqual([true, 'v1'])
  }
}

describe('reclaiming', () => {
  it.each(['a put', 'a delete'])(
    'M1: takes nothing from readers that are open, whose key was written before their commit: %s',
    async (last) => {
      // Compaction waits a second for open transactions: here, of the clock of the machine.
      const host = new SimulatedHost({ seed: 'M1' })
      await host.run(async () => {
        const database = await presentOnly(host)
        await commit(database, (keys) => keys.put('key', 'v1'))
        await commit(database, (keys) => keys.put('other', 1))
        const check = readersOf(database)
        check()
        await commit(database, (keys) => keys.put('key', 'v2'))
        await database.prune()
        check()
        const isPut = last === 'a put'
        await commit(database, (keys) => (isPut ? keys.put('key', 'v3') : keys.delete('key')))
        await database.prune()
        await database.compact()
        check()
        expect(database.keys('k').get('key')).toBe(isPut ? 'v3' : undefined)
        expect(database.stats().versions.keys).toBeLessThan(6)
        await database.close()
      })
    },
  )

  it('M2: keeps the left edge of a window', async () => {
    const host = new SimulatedHost({ seed: 'M2' })
    await host.run(async () => {
      const database = await open(':memory:', { host })
      await database.write((tx) => tx.setRetention({ keyspace: 'k' }, { keepMs: 300 }))
      await commit(database, (keys) => putAll(keys, { key: 'before', gone: 'before' }))
      await wait(host, 1000)
      // Told by the clock of the machine: within the window there is no commit at this instant.
      const edge = database.snapshot().valid
      await wait(host, 100)
      await commit(database, (keys) => {
        keys.put('key', 'within')
        keys.delete('gone')
      })
      await wait(host, 100)
      await database.prune()
      const then = database.asOf({ system: edge }).keys('k')
      expect([then.get('key'), then.get('gone'), then.range().count()]).toEqual([
        'before',
        'before',
        2,
      ])
      expect(heldNow(database)).toEqual([['key', 'within']])
      await wait(host, 300)
      await database.prune()
      expect(codeOf(() => database.asOf({ system: edge }).keys('k').get('key'))).toBe(
        'HistoryPruned',
      )
      expect(heldNow(database)).toEqual([['key', 'within']])
      await database.close()
    })
  })

  it('M9: leaves one version of each key, and deletes of nothing leave nothing', async () => {
    const database = await presentOnly()
    const before = database.stats()
    for (let round = 0; round < 1000; round++) {
      await commit(database, (keys) => keys.put(round % 10, round))
    }
    await database.prune()
    expect(database.stats().versions.keys - before.versions.keys).toBe(10)
    const between = database.stats()
    for (let key = 1000; key < 2000; key++) {
      await commit(database, (keys) => expect(keys.delete(key)).toBe(0))
    }
    await commit(database, (keys) => {
      for (let key = 1000; key < 2000; key++)
        expect(keys.compareAndDelete(key, undefined)).toBe(true)
    })
    const after = database.stats()
    expect(after.versions).toEqual(between.versions)
    expect(after.sequence).toBe(between.sequence)
    // Nor does another delete of what was deleted before.
    await commit(database, (keys) => expect(keys.delete(3)).toBe(1))
    const deleted = database.stats()
    for (let round = 0; round < 10; round++) {
      await commit(database, (keys) => expect(keys.delete(3)).toBe(0))
      await commit(database, (keys) => expect(keys.compareAndDelete(3, undefined)).toBe(true))
      await commit(database, (keys) => expect(keys.clear({ gte: 3, lte: 3 })).toBe(0))
    }
    expect(database.stats().versions).toEqual(deleted.versions)
    expect(database.sequence).toBe(deleted.sequence)
    expect(database.stats().transactions.open).toBe(0)
    expect(heldNow(database)).toHaveLength(9)
    await database.close()
  })
})

describe('ranges', () => {
  it('M2b: every phantom is found, whatever else was scanned, in any order', async () => {
    const scans: [string, string][] = [
      ['m', 'p'],
      ['a', 'z'],
      ['m', 'n'],
      ['c', 'q'],
    ]
    const pairs = scans.flatMap((one) => scans.map((other) => [one, other]))
    const orders = [...pairs, scans, [...scans].reverse()]
    for (const order of orders) {
      for (const key of ['b', 'd', 'm', 'mm', 'o', 'p', 'q', 'y', 'z']) {
        const database = await holding({ a: 1, n: 1, x: 1 })
        const party = begin(database)
        for (const [index, [gte, lt]] of order.entries()) {
          party.keys.range({ gte, lt, reverse: index % 2 === 1 }).toArray()
        }
        party.keys.put('0', 1)
        await commit(database, (keys) => keys.insert(key, 1))
        const isRead = order.some(([gte, lt]) => key >= gte && key < lt)
        const expected = isRead ? readConflict(key) : 'committed'
        expect([order, key, await ending(party)]).toEqual([order, key, expected])
      }
    }
  })

  it('M4: limit 0 gives nothing, in every way to ask, and has read nothing', async () => {
    const database = await holding({ a: 1, b: 2 })
    for (const reverse of [false, true]) {
      for (const skip of [0, 1]) {
        const party = begin(database)
        party.keys.put('own', 1)
        const entries = party.keys.range({ limit: 0, skip, reverse })
        const ends = entries.ends()
        const streamed: unknown[] = []
        for await (const entry of entries) streamed.push(entry)
        expect([
          entries.toArray(),
          entries.keys().toArray(),
          entries.values().toArray(),
          streamed,
          [...party.keys.versions({ limit: 0, skip, reverse })],
        ]).toEqual([[], [], [], [], []])
        expect([entries.count(), party.keys.clear({ limit: 0, skip, reverse })]).toEqual([0, 0])
        expect([entries.first(), ends.front(), ends.back()]).toEqual([
          undefined,
          undefined,
          undefined,
        ])
        await commit(database, (keys) => putAll(keys, { a: 3, [`new ${skip} ${reverse}`]: 1 }))
        expect(await ending(party)).toBe('committed')
        await commit(database, (keys) => keys.delete('own'))
      }
    }
  })

  it('M6: bounds that cross give nothing, and have read nothing', async () => {
    const database = await holding({ a: 1, b: 2, c: 3 })
    const crossed = [
      { gte: 'c', lt: 'a' },
      { gt: 'c', lte: 'a' },
      { gt: 'b', lt: 'b' },
      { gte: 'b', lt: 'b' },
      { gt: 'b', lte: 'b' },
      { gte: 'c', lte: 'b', reverse: true },
      { prefix: 'a', gt: 'b' },
    ]
    for (const range of crossed) {
      for (const writes of [false, true]) {
        const party = begin(database)
        if (writes) putAll(party.keys, { bb: 1, d: 1 })
        const entries = party.keys.range(range)
        const ends = entries.ends()
        const cursor = party.keys.cursor(range)
        expect([range, entries.toArray(), entries.count()]).toEqual([range, [], 0])
        expect([ends.back(), ends.front()]).toEqual([undefined, undefined])
        expect([cursor.next(), cursor.prev(), cursor.seek('b'), cursor.seekForPrev('b')]).toEqual([
          false,
          false,
          false,
          false,
        ])
        expect([[...party.keys.versions(range)], party.keys.clear(range)]).toEqual([[], 0])
        party.keys.put('own', 1)
        await commit(database, (keys) => keys.put('b', Number(keys.get('b')) + 1))
        expect(await ending(party)).toBe('committed')
      }
    }
  })

  it('M8: both ends of a range give each entry once, wherever they meet', async () => {
    const names = ['a', 'b', 'c', 'd']
    const database = await holding(Object.fromEntries(names.map((name) => [name, name])))
    const keys = database.keys('k')
    expect(keys.range({ reverse: true }).keys().toArray()).toEqual(['d', 'c', 'b', 'a'])
    const ends = keys.range().ends()
    expect([ends.front()?.key, ends.back()?.key, ends.front()?.key]).toEqual(['a', 'd', 'b'])
    // Every way to take turns, as the bits of a number.
    for (let turns = 0; turns < 1 << 6; turns++) {
      for (const reverse of [false, true]) {
        const both = keys.range({ reverse }).ends()
        const order = reverse ? [...names].reverse() : [...names]
        for (let bit = 0; bit < 6; bit++) {
          const isFront = (turns & (1 << bit)) === 0
          const expected = isFront ? order.shift() : order.pop()
          const given = (isFront ? both.front() : both.back())?.key
          expect([turns, reverse, bit, given]).toEqual([turns, reverse, bit, expected])
        }
      }
    }
  })

  it('M8b: seekForPrev stands on the key itself where it is there', async () => {
    const database = await holding({ a: 1, c: 3, e: 5 })
    const cursor = database.keys('k').cursor()
    const before = (key: string): unknown => (cursor.seekForPrev(key) ? cursor.key : undefined)
    const sought = ['0', 'a', 'b', 'c', 'd', 'e', 'f'].map(before)
    expect(sought).toEqual([undefined, 'a', 'a', 'c', 'c', 'e', 'e'])
    const within = database.keys('k').cursor({ gt: 'a', lt: 'e' })
    expect([within.seekForPrev('z'), within.key, within.seekForPrev('b')]).toEqual([
      true,
      'c',
      false,
    ])
  })

  it('M10: a range of the past has no own writes, and none from after its point', async () => {
    const database = await holding({ a: 1, b: 2 })
    const { tx, keys } = begin(database)
    putAll(keys, { a: 'own', own: 1 })
    keys.delete('b')
    const held = Object.entries({ a: 1, b: 2 })
    const before = database.asOf({ sequence: tx.sequence }).keys('k')
    expect(heldBy(before)).toEqual(held)
    await commit(database, (others) => putAll(others, { a: 'after', later: 1 }))
    expect([heldBy(before), before.range().count()]).toEqual([held, 2])
    expect(heldBy(database.asOf({ sequence: tx.sequence }).keys('k'))).toEqual(held)
    expect(codeOf(() => database.asOf({ sequence: database.sequence + 1 }))).toBe('InvalidArgument')
  })
})

describe('conditions', () => {
  it('M5: after an own delete nothing is there, and it can be made again', async () => {
    const database = await holding({ key: 1 })
    await commit(database, (keys) => {
      keys.delete('key')
      expect([keys.get('key'), keys.has('key'), keys.getMany(['key'])]).toEqual([
        undefined,
        false,
        [undefined],
      ])
      expect([keys.range().count(), keys.cursor().next(), keys.delete('key')]).toEqual([
        0,
        false,
        0,
      ])
      expect(keys.insert('key', 2)).toBe(1)
      expect([keys.get('key'), keys.has('key')]).toEqual([2, true])
    })
    expect(heldNow(database)).toEqual([['key', 2]])
  })

  const failing: [string, (keys: KeyTransaction) => unknown, unknown][] = [
    ['insert', (keys) => codeOf(() => keys.insert('lock', 'mine')), 'AlreadyExists'],
    ['compareAndSet', (keys) => keys.compareAndSet('lock', undefined, 'mine'), false],
    ['compareAndSet of another', (keys) => keys.compareAndSet('lock', 'free', 'mine'), false],
    ['compareAndDelete', (keys) => keys.compareAndDelete('lock', 'mine'), false],
    ['compareAndDelete of none', (keys) => keys.compareAndDelete('lock', undefined), false],
  ]

  it.each(failing)('M7: %s that fails has read its key', async (_name, ask, given) => {
    for (const isolation of isolations) {
      const database = await holding({ lock: 'held' })
      const party = begin(database, { isolation })
      expect(ask(party.keys)).toBe(given)
      party.keys.put('result', 'the lock is held')
      await commit(database, (keys) => expect(keys.delete('lock')).toBe(1))
      const expected = isolation === 'serializable' ? readConflict('lock') : 'committed'
      expect(await ending(party)).toEqual(expected)
      expect(database.keys('k').has('result')).toBe(isolation === 'snapshot')
    }
  })

  it('M7: one that fails because nothing is there has read that, too', async () => {
    for (const ask of [
      (keys: KeyTransaction) => keys.compareAndSet('lock', 'mine', 'free'),
      (keys: KeyTransaction) => keys.compareAndDelete('lock', 'mine'),
    ]) {
      const database = await holding()
      const party = begin(database)
      expect(ask(party.keys)).toBe(false)
      party.keys.put('result', 'nobody has it')
      await commit(database, (keys) => keys.insert('lock', 'theirs'))
      expect(await ending(party)).toEqual(readConflict('lock'))
    }
  })

  it('M7: compareAndDelete that holds without a key has read that, too', async () => {
    const database = await holding()
    const party = begin(database)
    expect(party.keys.compareAndDelete('lock', undefined)).toBe(true)
    party.keys.put('result', 'nobody has it')
    await commit(database, (keys) => keys.insert('lock', 'theirs'))
    expect(await ending(party)).toEqual(readConflict('lock'))
  })

  it('M7b: what was read is not forgotten by a rollback', async () => {
    const reads: [(keys: KeyTransaction) => unknown, string][] = [
      [(keys) => keys.get('a'), 'a'],
      [(keys) => keys.has('none'), 'none'],
      [(keys) => keys.range({ gte: 'b', lt: 'd' }).count(), 'c'],
      [(keys) => keys.range({ gte: 'b', lt: 'd', reverse: true }).first(), 'cc'],
      [(keys) => keys.compareAndSet('a', 9, 9), 'a'],
    ]
    for (const [read, key] of reads) {
      const database = await holding({ a: 1, b: 2 })
      const party = begin(database)
      const outer = party.tx.savepoint()
      const inner = party.tx.savepoint()
      read(party.keys)
      party.keys.put('guess', 1)
      inner.rollback()
      outer.rollback()
      party.keys.put('because of what was read', 1)
      await commit(database, (keys) => keys.put(key, 'theirs'))
      expect([key, await ending(party)]).toEqual([key, readConflict(key)])
    }
  })
})

describe('races', () => {
  /** A large commit and another upon it, before the large one is durable. */
  async function uponLarge(
    change: (keys: KeyTransaction) => unknown,
    check: (keys: { get(key: string): Value | undefined; has(key: string): boolean }) => void,
  ): Promise<void> {
    const host = new SimulatedHost({ seed: 'M3' })
    const opened = async (on: SimulatedHost): Promise<Database> => open('/database', { host: on })
    await host.run(async () => {
      const database = await opened(host)
      const large = database.write((tx) => {
        for (let number = 0; number < 2000; number++) tx.keys('k').put(number, 'x'.repeat(50))
        tx.keys('k').put('key', 'large')
      })
      const second = begin(database)
      expect(second.keys.get('key')).toBe('large')
      change(second.keys)
      const settled = second.tx.commit()
      // What is not durable yet is seen by those who build on it, and by nobody else.
      expect(database.keys('k').has('key')).toBe(false)
      await settled
      check(database.keys('k'))
      check(begin(database).keys)
      await large
      check(database.keys('k'))
      expect(database.keys('k').range().count()).toBeGreaterThanOrEqual(2000)
      await database.close()
      const again = await opened(host)
      check(again.keys('k'))
      await again.close()
    })
  }

  it('M3: what is put over a large commit under way stays, and is what readers see', async () => {
    await uponLarge(
      (keys) => keys.put('key', 'over it'),
      (keys) => expect(keys.get('key')).toBe('over it'),
    )
  })

  it('M3: what is deleted over a large commit under way does not come back', async () => {
    await uponLarge(
      (keys) => keys.delete('key'),
      (keys) => expect([keys.get('key'), keys.has('key')]).toEqual([undefined, false]),
    )
  })

  it('M11: a counter has as many as were counted, and is never missing', async () => {
    const database = await holding({ count: 0 })
    let missing = 0
    let isOver = false
    const watch = async (): Promise<void> => {
      let last = 0
      for (; !isOver; await turn()) {
        const count = database.keys('k').get('count')
        if (typeof count !== 'number' || count < last) missing++
        else last = count
      }
    }
    let runs = 0
    const worker = async (): Promise<number> => {
      let done = 0
      for (let round = 0; round < 50; round++) {
        await database.write(async (tx) => {
          runs++
          const keys = tx.keys('k')
          const count = Number(keys.get('count'))
          await turn()
          keys.put('count', count + 1)
        })
        done++
      }
      return done
    }
    const counting = Promise.all(Array.from({ length: 8 }, worker)).then((done) => {
      isOver = true
      return done
    })
    const [done] = await Promise.all([counting, watch()])
    const sum = done.reduce((a, b) => a + b, 0)
    expect([sum, database.keys('k').get('count'), missing]).toEqual([400, 400, 0])
    // They did get in each other's way.
    expect(runs).toBeGreaterThan(400)
  })

  it('M12: a snapshot gives twice what it gave once, and pairs that are whole', async () => {
    const database = await presentOnly()
    await commit(database, (keys) => putAll(keys, { left: 0, right: 0 }))
    let isOver = false
    const writer = async (_: unknown, number: number): Promise<void> => {
      for (let round = 1; round <= 60; round++) {
        const value = number * 1000 + round
        await database.write(async (tx) => {
          tx.keys('k').put('left', value)
          await turn()
          tx.keys('k').put('right', value)
          if (round % 7 === 0) tx.keys('k').put(`own ${number}`, round)
        })
      }
    }
    let seen = 0
    const reader = async (): Promise<void> => {
      for (; !isOver; seen++) {
        const { tx, keys } = begin(database)
        const readers = [database.snapshot().keys('k'), keys]
        const read = (): [Value | undefined, Value | undefined, unknown][] =>
          readers.map((one) => [one.get('left'), one.get('right'), heldBy(one)])
        const before = read()
        for (const [left, right] of before) expect(left).toBe(right)
        for (let turns = 0; turns < 3; turns++) {
          await turn()
          expect(read()).toEqual(before)
        }
        tx.cancel()
      }
    }
    const forgetter = async (): Promise<void> => {
      for (; !isOver; await turn()) await database.prune({ compact: false })
    }
    const writing = Promise.all(Array.from({ length: 4 }, writer)).finally(() => {
      isOver = true
    })
    await Promise.all([writing, reader(), reader(), forgetter()])
    expect(seen).toBeGreaterThan(50)
    expect(database.stats().compaction.horizons).toBeGreaterThan(0)
    await database.close()
  })

  it('M13: of two first puts of a key one is there, whole, and the other was refused', async () => {
    for (const isolation of isolations) {
      const database = await holding()
      const parties = [begin(database, { isolation }), begin(database, { isolation })]
      for (const [index, { keys }] of parties.entries())
        putAll(keys, { key: index, [`own ${index}`]: 1 })
      const endings = await Promise.all(parties.map(ending))
      expect(endings.filter((one) => one === 'committed')).toHaveLength(1)
      const winner = endings.indexOf('committed')
      expect(heldNow(database)).toEqual(Object.entries({ key: winner, [`own ${winner}`]: 1 }))
      expect(database.stats().entities.keys).toBeLessThanOrEqual(4)
    }
  })

  it('M13: what is put while its deleted key is reclaimed is there afterwards', async () => {
    const database = await presentOnly()
    const keys = Array.from({ length: 200 }, (_, index) => index)
    for (let round = 0; round < 4; round++) {
      await commit(database, (held) => keys.forEach((key) => held.put(key, round)))
      await commit(database, (held) => keys.forEach((key) => held.delete(key)))
      const reader = database.snapshot().keys('k')
      const pruning = database.prune()
      for (let key = 0; key < 200; key += 20) {
        await commit(database, (held) => held.insert(key, `again ${round}`))
        await turn()
      }
      await pruning
      expect(heldNow(database)).toHaveLength(10)
      expect(database.keys('k').get(20)).toBe(`again ${round}`)
      // A reader that was begun before is registered, and sees none of it.
      expect(reader.range().count()).toBe(0)
    }
    await database.compact()
    expect(heldNow(database)).toHaveLength(10)
    await database.close()
  })
})
