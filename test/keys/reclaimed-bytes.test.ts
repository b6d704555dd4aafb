import { type Database, open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { commit, heldNow } from './keyspace.ts'
import { counts, numbers } from './versions-left.ts'

describe('what is reclaimed', () => {
  const value = 'x'.repeat(500)
  type Work = (database: Database) => Promise<void>

  const works: [string, number, Work][] = [
    [
      'updates',
      100,
      async (database) => {
        for (let round = 0; round < 50; round++) {
          await commit(database, (keys) => numbers(100).forEach((key) => keys.put(key, value)))
        }
      },
    ],
    [
      'deletes',
      0,
      async (database) => {
        for (let round = 0; round < 30; round++) {
          await commit(database, (keys) => numbers(100).forEach((key) => keys.put(key, value)))
          await commit(database, (keys) => keys.clear())
        }
      },
    ],
    [
      'batches in which keys are put and deleted again and again',
      50,
      async (database) => {
        for (let round = 0; round < 50; round++) {
          await commit(database, (keys) => {
            numbers(100).forEach((key) => keys.put(key, 'short'))
            numbers(100).forEach((key) => keys.put(key, value))
            keys.clear({ gte: 50 })
          })
        }
      },
    ],
  ]

  it.each(works)('after %s is gone from memory and files', async (_name, left, work) => {
    const host = new SimulatedHost({ seed: 'bytes' })
    await host.run(async () => {
      const database = await open('/database', { host })
      await work(database)
      await database.checkpoint()
      const { bytes: before } = database.stats()
      const held = heldNow(database)
      expect(held).toHaveLength(left)
      await database.prune()
      expect(counts(database)).toEqual([left, 0, left])
      // The checkpoint before the last is kept, too.
      await database.write((tx) => tx.keys('other').put(1, 1))
      await database.checkpoint()
      const { bytes: after } = database.stats()
      expect(after.payloads).toBeLessThan(before.payloads / 5)
      expect(after.checkpoint).toBeLessThan(before.checkpoint / 5)
      expect(heldNow(database)).toEqual(held)
      await database.close()
      const again = await open('/database', { host })
      expect([counts(again), heldNow(again)]).toEqual([[left + 1, 0, left], held])
      await again.close()
    })
  })
})
