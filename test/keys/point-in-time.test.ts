import type { Database, KeyRange, KeyView, Value } from 'asofdb'
import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { begin, codeOf, commit, heldBy, heldNow, holding, putAll } from './keyspace.ts'

/**
 * Five states of four keys, one after another; undefined stands for a delete. `later` is first made
 * in the third.
 */
const states: readonly Readonly<Record<string, string | undefined>>[] = [
  { a: 'a0', b: 'b0', c: 'c0' },
  { a: 'a1' },
  { b: undefined, later: 'l2' },
  { a: 'a3', c: undefined },
  { b: 'b4', c: 'c4', later: undefined },
]

interface History {
  readonly database: Database
  /** The commit of each state. */
  readonly sequences: readonly number[]
  /** What is there after each state, by key. */
  readonly held: readonly ReadonlyMap<string, string>[]
}

async function history(): Promise<History> {
  const database = await holding()
  const sequences: number[] = []
  const held: ReadonlyMap<string, string>[] = []
  for (const state of states) {
    const now = new Map(held.at(-1))
    const sequence = await commit(database, (keys) => {
      for (const [key, value] of Object.entries(state)) {
        if (value === undefined) keys.delete(key)
        else keys.put(key, value)
        if (value === undefined) now.delete(key)
        else now.set(key, value)
      }
    })
    sequences.push(sequence)
    held.push(new Map([...now].sort(([a], [b]) => (a < b ? -1 : 1))))
  }
  return { database, sequences, held }
}

const allKeys = ['a', 'b', 'c', 'later', 'never']

/** Checks something at every state, told as a sequence, as a system time and by a transaction. */
async function atEachState(
  check: (keys: KeyView, held: ReadonlyMap<string, string>) => void,
): Promise<void> {
  const { database, sequences, held } = await history()
  const { tx } = begin(database)
  for (const [index, sequence] of sequences.entries()) {
    const system = database.commit(sequence)?.system
    const expected = held[index] ?? new Map<string, string>()
    check(database.asOf({ sequence }).keys('k'), expected)
    check(database.asOf({ system }).keys('k'), expected)
  }
  const [first = 1] = sequences
  check(database.asOf({ sequence: first - 1 }).keys('k'), new Map())
  check(tx.keys('k'), held.at(-1) ?? new Map())
}

describe('as of a point of the past', () => {
  it('get gives the value of then', async () => {
    let asked = 0
    await atEachState((keys, held) => {
      for (const key of allKeys) expect([key, keys.get(key)]).toEqual([key, held.get(key)])
      asked++
    })
    expect(asked).toBe(12)
  })

  it('get gives undefined from the delete on, until the key is put again', async () => {
    const { database, sequences } = await history()
    const values = sequences.map((sequence) => database.asOf({ sequence }).keys('k').get('b'))
    expect(values).toEqual(['b0', 'b0', undefined, undefined, 'b4'])
  })

  it('get gives undefined for a key that never was, and for one that was not yet', async () => {
    const { database, sequences } = await history()
    const valuesOf = (key: string): unknown[] =>
      sequences.map((sequence) => database.asOf({ sequence }).keys('k').get(key))
    expect(new Set(valuesOf('never'))).toEqual(new Set([undefined]))
    expect(valuesOf('later')).toEqual([undefined, undefined, 'l2', 'l2', undefined])
  })

  it('has follows a key through its making, deleting and making again', async () => {
    await atEachState((keys, held) => {
      for (const key of allKeys) expect([key, keys.has(key)]).toEqual([key, held.has(key)])
    })
  })

  it('a range gives the whole state of then and nothing of any other', async () => {
    await atEachState((keys, held) => {
      expect(heldBy(keys)).toEqual([...held])
      expect(keys.range().count()).toBe(held.size)
      expect(keys.range().values().toArray()).toEqual([...held.values()])
    })
  })

  it('a range of keys alone gives the keys of then, in both directions', async () => {
    await atEachState((keys, held) => {
      const names = [...held.keys()]
      expect(keys.range().keys().toArray()).toEqual(names)
      expect(keys.range({ reverse: true }).keys().toArray()).toEqual(names.reverse())
    })
  })

  it('skip and limit count what was there then', async () => {
    await atEachState((keys, held) => {
      for (const skip of [0, 1, 2, 9]) {
        for (const limit of [0, 1, 2, Infinity]) {
          const expected = [...held.keys()].slice(skip, skip + limit)
          const range = keys.range({ skip, limit })
          expect([skip, limit, range.keys().toArray()]).toEqual([skip, limit, expected])
          expect(range.count()).toBe(expected.length)
        }
      }
    })
  })

  it('a range in reverse has bounds, skip and limit as it has forwards', async () => {
    await atEachState((keys, held) => {
      const within = [...held.keys()].filter((key) => key >= 'b' && key < 'never').reverse()
      const range: KeyRange = { gte: 'b', lt: 'never', reverse: true }
      expect(keys.range(range).keys().toArray()).toEqual(within)
      expect(
        keys
          .range({ ...range, skip: 1 })
          .keys()
          .toArray(),
      ).toEqual(within.slice(1))
      expect(
        keys
          .range({ ...range, limit: 1 })
          .keys()
          .first(),
      ).toEqual(within[0])
    })
  })

  it('point reads and ranges don’t see what an open transaction has written', async () => {
    const { database, sequences, held } = await history()
    const { keys } = begin(database)
    putAll(keys, { a: 'own', later: 'own', made: 'own' })
    keys.delete('c')
    for (const [index, sequence] of sequences.entries()) {
      const then = database.asOf({ sequence }).keys('k')
      const expected = held[index] ?? new Map()
      expect(allKeys.map((key) => then.get(key))).toEqual(allKeys.map((key) => expected.get(key)))
      expect([then.has('made'), heldBy(then)]).toEqual([false, [...expected]])
    }
    expect(keys.getMany(['a', 'later', 'made', 'c'])).toEqual(['own', 'own', 'own', undefined])
  })

  it('keys that were made at different times are each there from then on', async () => {
    const database = await holding()
    const made = ['z', 'm', 'a', 'q']
    const sequences: number[] = []
    for (const key of made) sequences.push(await commit(database, (keys) => keys.put(key, key)))
    for (const [index, sequence] of sequences.entries()) {
      const keys = database.asOf({ sequence }).keys('k')
      const there = made.slice(0, index + 1)
      expect(made.filter((key) => keys.has(key))).toEqual(there)
      expect(keys.range().keys().toArray()).toEqual([...there].sort())
    }
  })

  it('many readers at many points all get the answers of their own', async () => {
    const { database, sequences, held } = await history()
    const readers = Array.from({ length: 10 }, async (_, number) => {
      const index = number % states.length
      const keys = database.asOf({ sequence: sequences[index] ?? 0 }).keys('k')
      for (let round = 0; round < 10; round++) {
        const expected = held[index] ?? new Map()
        expect(keys.getMany(allKeys)).toEqual(allKeys.map((key) => expected.get(key)))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    const writer = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        await commit(database, (keys) => putAll(keys, { a: `w${round}`, never: 'now' }))
      }
    }
    await Promise.all([...readers, writer()])
    expect(database.keys('k').get('a')).toBe('w19')
  })

  it('nothing can be asked once the database is closed', async () => {
    const { database, sequences } = await history()
    const keys = database.asOf({ sequence: sequences[0] ?? 0 }).keys('k')
    expect(keys.getMany(['a'])).toEqual(['a0'])
    await database.close()
    for (const ask of [
      () => keys.get('a'),
      () => keys.has('a'),
      () => keys.getMany(['a']),
      () => keys.range(),
      () => keys.cursor(),
      () => keys.versions(),
      () => database.asOf({ sequence: 1 }),
    ]) {
      expect([ask.toString(), codeOf(ask)]).toEqual([ask.toString(), 'Closed'])
    }
  })
})

type Told = [key: unknown, value: Value | undefined, state: number | undefined]

/** Key, value and number of the state of each version. */
function toldBy(keys: KeyView, sequences: readonly number[], range?: KeyRange): Told[] {
  return [...keys.versions(range)].map(({ key, value, sequence, isDeleted }) => {
    expect(isDeleted === true).toBe(value === undefined)
    return [key, value, sequence === undefined ? undefined : sequences.indexOf(sequence)]
  })
}

const wholeHistory: Told[] = [
  ['a', 'a0', 0],
  ['a', 'a1', 1],
  ['a', 'a3', 3],
  ['b', 'b0', 0],
  ['b', undefined, 2],
  ['b', 'b4', 4],
  ['c', 'c0', 0],
  ['c', undefined, 3],
  ['c', 'c4', 4],
  ['later', 'l2', 2],
  ['later', undefined, 4],
]

function ofKeys(...names: string[]): Told[] {
  return names.flatMap((name) => wholeHistory.filter(([key]) => key === name))
}

describe('versions', () => {
  it('tell the whole history, by key, oldest first, each with its commit', async () => {
    const { database, sequences } = await history()
    const keys = database.keys('k')
    expect(toldBy(keys, sequences)).toEqual(wholeHistory)
    for (const { sequence, system } of keys.versions()) {
      expect(system).toEqual(database.commit(sequence ?? 0)?.system)
    }
  })

  it('tell deletes where they were made, also of a key that is no more', async () => {
    const { database, sequences } = await history()
    const deleted = [...database.keys('k').versions()].filter(({ isDeleted }) => isDeleted === true)
    expect(deleted.map(({ key, sequence }) => [key, sequences.indexOf(sequence ?? 0)])).toEqual([
      ['b', 2],
      ['c', 3],
      ['later', 4],
    ])
    for (const version of deleted) expect('value' in version).toBe(false)
  })

  it('have bounds, skip and limit, which count keys, and go in reverse by key', async () => {
    const { database, sequences } = await history()
    const told = (range: KeyRange): Told[] => toldBy(database.keys('k'), sequences, range)
    expect(told({ gt: 'a', lt: 'later' })).toEqual(ofKeys('b', 'c'))
    expect(told({ skip: 1 })).toEqual(ofKeys('b', 'c', 'later'))
    expect(told({ limit: 2 })).toEqual(ofKeys('a', 'b'))
    expect(told({ skip: 1, limit: 2 })).toEqual(ofKeys('b', 'c'))
    expect(told({ reverse: true })).toEqual(ofKeys('later', 'c', 'b', 'a'))
    expect(told({ reverse: true, skip: 1, limit: 1 })).toEqual(ofKeys('c'))
    // Deleted keys have a history, so they count; keys that never were don't.
    expect(told({ skip: 3, limit: 1 })).toEqual(ofKeys('later'))
    expect([told({ limit: 0 }), told({ skip: 9 }), told({ gt: 'z' })]).toEqual([[], [], []])
  })

  it('as of a point tell what had been stated until then', async () => {
    const { database, sequences } = await history()
    for (const [index, sequence] of sequences.entries()) {
      const then = database.asOf({ sequence }).keys('k')
      const until = wholeHistory.filter(([, , state]) => (state ?? 0) <= index)
      expect(toldBy(then, sequences)).toEqual(until)
    }
    const { tx } = begin(database)
    await commit(database, (keys) => putAll(keys, { a: 'after', new: 'after' }))
    expect(toldBy(tx.keys('k'), sequences)).toEqual(wholeHistory)
  })

  it('tell own statements last of their key, none once it is cancelled', async () => {
    const { database, sequences } = await history()
    const { tx, keys } = begin(database)
    keys.put('a', 'own')
    keys.delete('b')
    keys.put('aa', 'own')
    expect(keys.delete('never')).toBe(0)
    const own = (key: string, value?: string): Told => [key, value, undefined]
    expect(toldBy(keys, sequences)).toEqual([
      ...ofKeys('a'),
      own('a', 'own'),
      own('aa', 'own'),
      ...ofKeys('b'),
      own('b'),
      ...ofKeys('c', 'later'),
    ])
    expect(toldBy(keys, sequences, { skip: 1, limit: 1 })).toEqual([own('aa', 'own')])
    expect(toldBy(database.keys('k'), sequences)).toEqual(wholeHistory)
    tx.cancel()
    expect(toldBy(database.keys('k'), sequences)).toEqual(wholeHistory)
  })
})

describe('retention', () => {
  it('of a length of time keeps all of it, and refuses what lies before', async () => {
    const host = new SimulatedHost({ seed: 'a window' })
    await host.run(async () => {
      const database = await open(':memory:', { host })
      await database.write((tx) => {
        tx.setRetention({ keyspace: 'k' }, { keepMs: 10_000 })
        tx.keys('k').put('steady', 'before the window')
      })
      const sequences: number[] = []
      for (let second = 0; second < 30; second++) {
        await wait(host, 1000)
        sequences.push(await commit(database, (keys) => keys.put('each second', second)))
      }
      await database.prune()
      const kept = sequences.map((sequence, second) => {
        const ask = (): unknown =>
          database.asOf({ sequence }).keys('k').getMany(['each second', 'steady'])
        if (codeOf(ask) === 'HistoryPruned') return false
        expect(ask()).toEqual([second, 'before the window'])
        return true
      })
      const first = kept.indexOf(true)
      // All of the last ten seconds and the state that they began with; no more than one more.
      expect([19, 20]).toContain(first)
      expect(kept).toEqual(kept.map((_, index) => index >= first))
      expect(database.stats().versions.keys).toBeLessThan(20)
      await database.close()
    })
  })

  it('of the present alone leaves one version of each key that is there', async () => {
    const database = await open(':memory:')
    await database.write((tx) => tx.setRetention({ keyspace: 'k' }, 'present'))
    const { versions: before } = database.stats()
    await commit(database, (keys) => putAll(keys, { a: 0, b: 0, gone: 0 }))
    const early = database.sequence
    for (let round = 1; round <= 50; round++) await commit(database, (keys) => keys.put('a', round))
    await commit(database, (keys) => keys.delete('gone'))
    await database.prune()
    // The horizon is kept as a fact, too, but not as a version.
    expect(database.stats().versions.keys - before.keys).toBe(2)
    expect(heldNow(database)).toEqual(Object.entries({ a: 50, b: 0 }))
    expect([...database.keys('k').versions()].map(({ key, value }) => [key, value])).toEqual([
      ['a', 50],
      ['b', 0],
    ])
    expect(codeOf(() => database.asOf({ sequence: early }).keys('k').get('a'))).toBe(
      'HistoryPruned',
    )
  })
})
