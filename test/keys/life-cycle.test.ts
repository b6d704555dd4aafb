import { type Database, open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldBy,
  heldNow,
  holding,
  ofCode,
  putAll,
} from './keyspace.ts'
import { turn } from './tasks.ts'

/** A keyspace that keeps the present alone, with this much in it. */
async function forgetful(size: number, host?: SimulatedHost): Promise<Database> {
  const database = await open(':memory:', { host })
  await commit(database, (keys) => {
    for (let number = 0; number < size; number++) keys.put(number, `first ${number}`)
  })
  return database
}

describe('a transaction that reads', () => {
  it('for long sees what it began on through many updates and every reclaiming', async () => {
    // Reclaiming waits a second for open transactions: here, of the clock of the machine.
    const host = new SimulatedHost({ seed: 'long lived' })
    await host.run(async () => {
      const database = await forgetful(10, host)
      const readers = [begin(database), begin(database, { readonly: true })]
      const before = readers.map(({ keys }) => heldBy(keys))
      expect(before[0]).toHaveLength(10)
      for (let round = 0; round < 20; round++) {
        await commit(database, (keys) => {
          for (let number = 0; number < 10; number++) keys.put(number, round)
          keys.delete(round % 10)
          keys.put(`made ${round}`, round)
        })
        const { compaction } = await database.prune()
        expect(compaction?.versionsDropped).toBeGreaterThan(9)
        expect(readers.map(({ keys }) => heldBy(keys))).toEqual(before)
        expect(readers.map(({ keys }) => keys.get(round % 10))).toEqual(
          Array(2).fill(`first ${round % 10}`),
        )
      }
      // Whoever comes after them has one version of each key.
      expect(database.stats()).toMatchObject({ versions: { keys: 29 }, superseded: { keys: 0 } })
      expect(heldNow(database)).toHaveLength(29)
      for (const reader of readers) reader.tx.cancel()
      await database.close()
    })
  })

  it('scans the same after a hundred updates at the same time', async () => {
    const database = await forgetful(100)
    const reader = begin(database, { readonly: true })
    const before = heldBy(reader.keys)
    const scans = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        await turn()
        expect(heldBy(reader.keys)).toEqual(before)
      }
    }
    const updates = Array.from({ length: 100 }, (_, number) =>
      commit(database, (keys) => {
        if (number % 10 === 0) keys.delete(number)
        else keys.put(number, 'second')
      }),
    )
    await Promise.all([scans(), ...updates])
    expect(heldBy(reader.keys)).toEqual(before)
    expect(await ending(reader)).toBe('nothing to commit')
    const after = heldNow(database)
    expect([after.length, after.every(([, value]) => value === 'second')]).toEqual([90, true])
  })

  it('is one of many, which all see the state they began on', async () => {
    const database = await holding({ count: 0 })
    const readers = []
    for (let round = 0; round < 30; round++) {
      readers.push(begin(database, { readonly: round % 2 === 0 }))
      await commit(database, (keys) => keys.put('count', round + 1))
    }
    expect(readers.map(({ keys }) => keys.get('count'))).toEqual(readers.map((_, round) => round))
    expect(database.stats().transactions.open).toBe(30)
    readers.reverse().forEach(({ tx }) => tx.cancel())
    expect(database.stats().transactions.open).toBe(0)
  })

  it('does not see what others commit later, be they readers or writers', async () => {
    const database = await holding()
    const old = begin(database)
    expect(old.keys.get('key')).toBeUndefined()
    const writer = begin(database)
    writer.keys.put('key', 1)
    const during = begin(database)
    await writer.tx.commit()
    const young = begin(database)
    const seen = [old, during, young].map(({ keys }) => keys.get('key'))
    expect(seen).toEqual([undefined, undefined, 1])
    young.keys.put('key', 2)
    await young.tx.commit()
    expect([old, during].map(({ keys }) => keys.get('key'))).toEqual([undefined, undefined])
    expect(begin(database).keys.get('key')).toBe(2)
  })
})

describe('a transaction', () => {
  it('that nobody ends commits nothing, hinders nobody, and goes with its database', async () => {
    const host = new SimulatedHost({ seed: 'left open' })
    await host.run(async () => {
      const database = await open('/database', { host })
      await commit(database, (keys) => keys.put('key', 1))
      const left = begin(database)
      putAll(left.keys, { key: 'left', other: 'left' })
      await commit(database, (keys) => keys.put('key', 2))
      expect(heldNow(database)).toEqual([['key', 2]])
      await database.close()
      expect(codeOf(() => left.keys.get('key'))).toBe('Closed')
      await expect(left.tx.commit()).rejects.toEqual(ofCode('Closed'))
      const again = await open('/database', { host })
      expect([heldNow(again), again.sequence]).toEqual([[['key', 2]], 2])
      await again.close()
    })
  })

  it('of fifty of each of ten workers is read at once, and the count is exact', async () => {
    const database = await holding({ count: 0 })
    const worker = async (_: unknown, name: number): Promise<void> => {
      for (let round = 0; round < 50; round++) {
        const key = `worker ${name} round ${round}`
        await database.write(async (tx) => {
          const count = Number(tx.keys('k').get('count'))
          tx.keys('k').insert(key, round)
          await turn()
          tx.keys('k').put('count', count + 1)
        }, { retries: 100 })
        expect(database.keys('k').get(key)).toBe(round)
        expect(begin(database, { readonly: true }).keys.get(key)).toBe(round)
      }
    }
    await Promise.all(Array.from({ length: 10 }, worker))
    expect(database.keys('k').get('count')).toBe(500)
    expect(database.keys('k').range({ prefix: 'worker' }).count()).toBe(500)
    expect(database.sequence).toBe(501)
  })

  it('after a reclaiming works as before it, and conflicts as before it', async () => {
    const database = await forgetful(20)
    await commit(database, (keys) => keys.clear({ gte: 10 }))
    await database.prune()
    expect(database.stats()).toMatchObject({ versions: { keys: 10 }, superseded: { keys: 0 } })
    const [one, other] = [begin(database), begin(database)]
    expect([one.keys.get(5), one.keys.get(15), one.keys.range().count()]).toEqual([
      'first 5',
      undefined,
      10,
    ])
    expect([one.keys.insert(15, 'again'), one.keys.compareAndSet(5, 'first 5', 'second')]).toEqual([
      1,
      true,
    ])
    expect(codeOf(() => one.keys.insert(6, 'again'))).toBe('AlreadyExists')
    expect(other.keys.get(15)).toBeUndefined()
    other.keys.put('other', 1)
    expect(await ending(one)).toBe('committed')
    expect(await ending(other)).toMatchObject({ code: 'KeyReadConflict', key: 15 })
    expect(database.keys('k').getMany([5, 15, 'other'])).toEqual(['second', 'again', undefined])
    expect(database.stats().versions.keys).toBe(12)
  })

  it('reads and writes from its beginning on, and does neither after its end', async () => {
    for (const end of ['commit', 'cancel'] as const) {
      const database = await holding({ key: 1 })
      const { tx, keys } = begin(database)
      expect([keys.get('key'), database.stats().transactions.open]).toEqual([1, 1])
      keys.put('key', 2)
      expect(keys.get('key')).toBe(2)
      if (end === 'commit') await tx.commit()
      else tx.cancel()
      expect(database.stats().transactions.open).toBe(0)
      const calls = [
        () => keys.get('key'),
        () => keys.range(),
        () => keys.put('key', 3),
        () => keys.insert('new', 3),
        () => keys.delete('key'),
        () => keys.compareAndSet('key', 2, 3),
        () => keys.clear(),
        () => tx.savepoint(),
        () => tx.keys('other').put('key', 1),
      ]
      expect(calls.map(codeOf)).toEqual(calls.map(() => 'TransactionFinished'))
      await expect(tx.commit()).rejects.toEqual(ofCode('TransactionFinished'))
      // What was committed is there, what was cancelled never was, and neither call changed that.
      expect(heldNow(database)).toEqual([['key', end === 'commit' ? 2 : 1]])
      expect(database.sequence).toBe(end === 'commit' ? 2 : 1)
    }
  })
})
