import { queryObjects } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { Tables } from '../../packages/asofdb/src/versions/tables.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { begin, codeOf, commit, ending, heldBy, heldNow, type Party, putAll } from './keyspace.ts'
import { together } from './tasks.ts'
import { counts, inMemory, numbers, putTimes } from './versions-left.ts'

/** Sets of tables that are reachable. */
async function tablesHeld(host: SimulatedHost): Promise<number> {
  // What a weak reference has shown is held to the end of the turn.
  await wait(host, 1)
  return queryObjects(Tables as unknown as new () => object, { format: 'count' })
}

describe('prune', () => {
  it('takes all versions of a key but the newest, and says how many', () =>
    inMemory(async (database) => {
      await putTimes(database, [0], 10)
      expect(counts(database)).toEqual([10, 9, 1])
      const { compaction } = await database.prune()
      expect(compaction).toMatchObject({ versionsDropped: 9, versionsKept: 1 })
      expect(counts(database)).toEqual([1, 0, 1])
      expect(database.stats().compaction).toMatchObject({ count: 1, versionsDropped: 9 })
      const versions = [...database.keys('k').versions()]
      const told = versions.map(({ sequence, value }) => [sequence, value])
      expect(told).toEqual([[10, 10]])
      expect(codeOf(() => database.asOf({ sequence: 9 }).keys('k').get(0))).toBe('HistoryPruned')
      // There is nothing more to do: the same again makes no commit.
      const { sequence } = database
      expect(await database.prune()).toMatchObject({ sequence: undefined, compaction: undefined })
      expect([database.sequence, counts(database)]).toEqual([sequence, [1, 0, 1]])
    }))

  it('takes nothing that an open transaction, a snapshot or a view of the past reads', () =>
    inMemory(async (database) => {
      await putTimes(database, numbers(10), 3)
      const readers = [
        begin(database).keys,
        begin(database, { readonly: true }).keys,
        database.snapshot().keys('k'),
      ]
      const past = database.asOf({ sequence: 2, valid: database.snapshot().valid }).keys('k')
      const [then, before] = [heldBy(past), readers.map(heldBy)]
      await putTimes(database, numbers(5), 4)
      await commit(database, (keys) => keys.clear({ gte: 5 }))
      for (let round = 0; round < 3; round++) {
        await database.prune()
        expect(counts(database)).toEqual([5 + round, 0, 5 + round])
        expect([heldBy(past), readers.map(heldBy)]).toEqual([then, before])
        expect(then.every(([, value]) => value === 2)).toBe(true)
        expect([...past.versions()]).toHaveLength(20)
        await commit(database, (keys) => keys.put(100 + round, 1))
      }
    }))

  it('takes what a reader held as soon as that has ended, and nobody holds it any more', () =>
    inMemory(async (database, host) => {
      const without = await tablesHeld(host)
      await putTimes(database, numbers(10), 5)
      let reader: Party | undefined = begin(database, { readonly: true })
      await putTimes(database, numbers(10), 5)
      await database.prune()
      expect([counts(database), reader.keys.get(0)]).toEqual([[10, 0, 10], 5])
      expect(await tablesHeld(host)).toBe(without + 1)
      reader.tx.cancel()
      reader = undefined
      expect(await tablesHeld(host)).toBe(without)
    }))

  it('leaves no trace of deleted keys, which can be made again', () =>
    inMemory(async (database) => {
      await putTimes(database, numbers(10), 2)
      await commit(database, (keys) => [3, 4].forEach((key) => keys.delete(key)))
      expect(counts(database)).toEqual([22, 12, 8])
      await database.prune()
      expect(counts(database)).toEqual([8, 0, 8])
      expect([...database.keys('k').versions({ gte: 3, lte: 4 })]).toEqual([])
      await commit(database, (keys) => expect(keys.insert(3, 'again')).toBe(1))
      expect(counts(database)).toEqual([9, 0, 9])
      expect(database.keys('k').getMany([3, 4])).toEqual(['again', undefined])
    }))

  it('keeps of every key among many the value it has, and no other', () =>
    inMemory(async (database) => {
      for (let round = 1; round <= 5; round++) await putTimes(database, numbers(round * 20), 1)
      await commit(database, (keys) => numbers(50).forEach((key) => keys.put(key, `last ${key}`)))
      expect(counts(database)).toEqual([350, 250, 100])
      await database.prune()
      expect(counts(database)).toEqual([100, 0, 100])
      const expected = numbers(100).map((key) => [key, key < 50 ? `last ${key}` : 1])
      expect(heldNow(database)).toEqual(expected)
    }))

  it('tells kept keys from deleted ones where both are mixed, and made again', () =>
    inMemory(async (database) => {
      await putTimes(database, numbers(100), 2)
      await commit(database, (keys) => numbers(50).forEach((at) => keys.delete(at * 2)))
      await commit(database, (keys) => numbers(10).forEach((at) => keys.put(at * 10, 'again')))
      expect(counts(database)).toEqual([260, 160, 60])
      await database.prune()
      expect(counts(database)).toEqual([60, 0, 60])
      const left = numbers(100).filter((key) => key % 2 === 1 || key % 10 === 0)
      expect(heldNow(database)).toEqual(left.map((key) => [key, key % 10 === 0 ? 'again' : 2]))
    }))

  it('leaves nothing where everything is deleted', () =>
    inMemory(async (database) => {
      await putTimes(database, numbers(50), 3)
      await commit(database, (keys) => expect(keys.clear()).toBe(50))
      expect(counts(database)).toEqual([200, 150, 0])
      await database.prune()
      expect(counts(database)).toEqual([0, 0, 0])
      expect([...database.keys('k').versions()]).toEqual([])
      expect([database.keys('k').range().first(), database.keys('k').cursor().next()]).toEqual([
        undefined,
        false,
      ])
      await putTimes(database, numbers(50), 1)
      expect(counts(database)).toEqual([50, 0, 50])
    }))

  it('does nothing to an empty database', () =>
    inMemory(async (database) => {
      const nothing = { sequence: undefined, horizons: [], compaction: undefined }
      expect(await database.prune()).toEqual(nothing)
      expect([counts(database), database.sequence]).toEqual([[0, 0, 0], 0])
      await putTimes(database, [1], 1)
      expect(counts(database)).toEqual([1, 0, 1])
    }))

  it('keeps a delete deleted for those who came after it, and the value for those before', () =>
    inMemory(async (database) => {
      await putTimes(database, [1, 2], 1)
      const before = begin(database)
      await commit(database, (keys) => keys.delete(1))
      const after = begin(database)
      await commit(database, (keys) => keys.put(2, 'two'))
      await database.prune()
      const seen = (): unknown =>
        [before, after].map(({ keys }) => [keys.get(1), keys.has(1), heldBy(keys)])
      const expected = [
        [1, true, [[1, 1], [2, 1]]],
        [undefined, false, [[2, 1]]],
      ]
      expect(seen()).toEqual(expected)
      await commit(database, (keys) => keys.insert(1, 'again'))
      await database.prune()
      expect(seen()).toEqual(expected)
      expect(counts(database)).toEqual([2, 0, 2])
    }))
})

describe('retention', () => {
  it('for ever keeps every version through every prune, beside one of the present', () =>
    inMemory(async (database) => {
      await database.write((tx) => tx.setRetention({ keyspace: 'k' }, 'forever'))
      const rules = database.stats().versions.keys
      await putTimes(database, [1], 20)
      await database.write((tx) => tx.keys('other').put(1, 0))
      await database.write((tx) => tx.keys('other').put(1, 1))
      expect(database.stats().versions.keys - rules).toBe(22)
      await database.prune()
      await database.compact()
      expect(database.stats().versions.keys - rules).toBe(21)
      const told = [...database.keys('k').versions()].map(({ value }) => value)
      expect(told).toEqual(numbers(21).slice(1))
      for (const sequence of numbers(22).slice(2)) {
        expect(database.asOf({ sequence }).keys('k').get(1)).toBe(sequence - 1)
      }
      expect(database.keys('other').get(1)).toBe(1)
    }))

  it('of a length of time keeps what was to be seen within it, and no version more', () =>
    inMemory(
      async (database, host) => {
        // A version each second, at half past; the window begins on the second.
        await wait(host, 500)
        for (const second of numbers(30)) {
          await commit(database, (keys) => putAll(keys, { each: second, [`of ${second}`]: 1 }))
          await wait(host, 1000)
        }
        expect(counts(database)).toEqual([60, 29, 31])
        await database.prune()
        const [versions, superseded, keys] = counts(database)
        // Of the key of each second ten or eleven, of the others the only one that they have.
        expect([superseded, versions - superseded, keys]).toEqual([expect.any(Number), 31, 31])
        expect([9, 10]).toContain(superseded)
        await wait(host, 60_000)
        await database.prune()
        expect(counts(database)).toEqual([31, 0, 31])
        expect(database.keys('k').get('each')).toBe(29)
      },
      { keyRetention: { keepMs: 10_000 } },
    ))

  it('of no time at all keeps the present alone, and what readers need', () =>
    inMemory(
      async (database, host) => {
        await putTimes(database, numbers(10), 10)
        const reader = begin(database)
        await putTimes(database, numbers(10), 10)
        await wait(host, 10)
        await database.prune()
        expect(counts(database)).toEqual([10, 0, 10])
        expect(heldBy(reader.keys)).toEqual(numbers(10).map((key) => [key, 10]))
      },
      { keyRetention: { keepMs: 0 } },
    ))
})

describe('by itself', () => {
  it('a database reclaims what is superseded when there is enough of it', () =>
    inMemory(async (database, host) => {
      await putTimes(database, numbers(1000), 5)
      await wait(host, 1000)
      // Not worth it yet.
      expect([counts(database), database.stats().compaction.count]).toEqual([[5000, 4000, 1000], 0])
      await putTimes(database, numbers(1000), 15)
      await wait(host, 10_000)
      const { versions, superseded, compaction } = database.stats()
      expect(compaction.count).toBeGreaterThan(0)
      expect(compaction.versionsDropped).toBeGreaterThanOrEqual(10_000)
      expect(versions.keys + compaction.versionsDropped).toBe(20_000)
      expect(superseded.keys).toBe(versions.keys - 1000)
      expect(heldNow(database)).toEqual(numbers(1000).map((key) => [key, 15]))
    }))

  it('a database reclaims deleted keys as well, of which nothing is left', () =>
    inMemory(async (database, host) => {
      for (let round = 0; round < 12; round++) {
        await commit(database, (keys) => numbers(1000).forEach((at) => keys.put([round, at], at)))
        await commit(database, (keys) => keys.clear())
      }
      await wait(host, 10_000)
      const { compaction, versions } = database.stats()
      expect(compaction.count).toBeGreaterThan(0)
      expect(versions.keys + compaction.versionsDropped).toBe(24_000)
      expect([database.keys('k').range().count(), versions.keys < 12_000]).toEqual([0, true])
    }))

  it('nothing is reclaimed that the rules keep', () =>
    inMemory(
      async (database, host) => {
        await putTimes(database, numbers(1000), 25)
        await wait(host, 10_000)
        expect(counts(database)).toEqual([25_000, 24_000, 1000])
        expect(database.stats().compaction).toMatchObject({ count: 0, horizons: 0 })
        expect(database.asOf({ sequence: 1 }).keys('k').get(999)).toBe(1)
      },
      { keyRetention: 'forever' },
    ))

  it('what transactions leave behind is gone with them', () =>
    inMemory(async (database) => {
      await putTimes(database, numbers(10), 1)
      const { bytes } = database.stats()
      await together(20, async (name) => {
        for (let round = 0; round < 20; round++) {
          const party = begin(database)
          party.keys.range().toArray()
          party.keys.put(name % 10, 'x'.repeat(1000))
          if (round % 2 === 0) party.tx.cancel()
          else await ending(party)
        }
      })
      expect(database.stats().transactions.open).toBe(0)
      const { versions } = database.stats()
      expect(versions.keys).toBe(database.sequence + 9)
      await commit(database, (keys) => numbers(10).forEach((key) => keys.put(key, 2)))
      await database.prune()
      const after = database.stats()
      expect([counts(database), after.transactions.open]).toEqual([[10, 0, 10], 0])
      expect(after.bytes.payloads).toBeLessThan(bytes.payloads + 200)
    }))

  it('reclaiming beside transactions loses none of what they put, and leaves nothing else', () =>
    inMemory(async (database, host) => {
      let isOver = false
      const writing = together(8, async (name) => {
        for (let round = 0; round < 25; round++) {
          await database.write(
            async (tx) => {
              tx.keys('k').put([name, round], round)
              tx.keys('k').put([name, 'last'], round)
              if (round % 5 === 4) tx.keys('k').delete([name, round - 1])
              await host.timers.yieldTurn()
            },
            { retries: 1000 },
          )
        }
      }).finally(() => {
        isOver = true
      })
      const reclaiming = (async () => {
        for (; !isOver; await wait(host, 1)) await database.prune()
      })()
      await Promise.all([writing, reclaiming])
      await database.prune()
      await database.compact()
      // Of each: twenty-five less the five that were deleted, and the last.
      expect(counts(database)).toEqual([8 * 21, 0, 8 * 21])
      for (const name of numbers(8)) {
        const rounds = database.keys('k').range({ prefix: [name], lt: [name, 25] })
        const left = numbers(25).filter((round) => round % 5 !== 3)
        expect(rounds.values().toArray()).toEqual([24, ...left])
      }
      expect(database.stats().compaction.count).toBeGreaterThan(1)
    }))
})
