import { open, type OpenOptions } from 'asofdb'
import { describe, expect, test } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { createdInJanuaryUpdatedInJune, putMany } from './small-histories.ts'
import { directory, World } from './world.ts'

/** Tests 12 to 17 of the study of AletheiaDB; the others are in aletheiadb.test.ts. */
const modes = [
  { log: 'sync', fsync: 'always' },
  { log: 'sync', fsync: { everyMs: 50 } },
  { log: 'sync', fsync: 'never' },
  { log: 'async', fsync: 'always' },
  { log: 'async', fsync: { everyMs: 50 } },
  { log: 'async', fsync: 'never' },
  { log: 'off' },
] as const satisfies readonly OpenOptions[]

describe('size and clocks', () => {
  test('12: a million distinct strings, in two databases, reopened in another order', async () => {
    const worlds = [new World(), new World()]
    const count = 500_000
    for (const [name, world] of worlds.entries()) {
      const db = await world.open({ checkpointLogBytes: Infinity })
      for (let first = 0; first < count; first += 50_000) {
        await db.write((tx) => {
          const keys = tx.keys('strings')
          for (let number = first; number < first + 50_000; number++) {
            keys.put(number, `database ${name}, string ${number}`)
          }
        })
      }
      await db.write((tx) => {
        for (let label = 0; label < 2000; label++) {
          tx.createNode(`label ${name} ${label}`, { [`p${label}`]: label })
        }
      })
      await db.close()
    }
    const reopened = await Promise.all([...worlds].reverse().map((world) => world.open()))
    for (const [position, db] of reopened.entries()) {
      const name = 1 - position
      for (let number = 0; number < count; number += 997) {
        const text = `database ${name}, string ${number}`
        if (db.keys('strings').get(number) !== text) expect.unreachable(`string ${number}`)
      }
      expect([...db.nodes(`label ${name} 1999`)].map((node) => node.get('p1999'))).toEqual([1999])
      expect([...db.nodes(`label ${1 - name} 1999`)]).toEqual([])
    }
  }, 120_000)

  test('13: 10,000 updates of one entity survive a restart', async () => {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 256 * 1024 })
    await db.write((tx) => tx.createNode('Counter', { count: 0 }, { valid: 'always' }))
    for (let count = 1; count <= 10_000; count++) {
      await db.write((tx) => tx.patch(1, { count }, { valid: 'always' }))
    }
    for (const again of [await world.killed().open(), (await db.close(), await world.open())]) {
      expect(again.sequence).toBe(10_001)
      for (let sequence = 1; sequence <= 10_001; sequence += 499) {
        expect(again.asOf({ sequence }).node(1)?.get('count')).toBe(sequence - 1)
      }
    }
  }, 60_000)

  test('14: the clock goes back ten minutes, then forward three hours', async () => {
    // No time passes for its monotonic clock, as on a machine that sleeps.
    const world = new World()
    const db = await world.open()
    const minute = 60_000_000
    const times: bigint[] = []
    for (const step of [0, minute, -10 * minute, 1000, 180 * minute, minute]) {
      world.micros += step
      await db.write((tx) => tx.keys('clock').put('n', times.length))
      // What was just written is there now, whatever the clock says.
      expect(db.keys('clock').get('n')).toBe(times.length)
      times.push(db.commit(db.sequence)?.system.epochMicroseconds ?? 0n)
    }
    expect(times).toEqual([...new Set(times)].sort((a, b) => (a < b ? -1 : 1)))
    const again = await world.killed().open()
    for (const [at, system] of times.entries()) {
      expect(again.asOf({ system }).keys('clock').get('n')).toBe(at)
    }
  })
})

describe('many at once', () => {
  test('15: of two concurrent updates of one node exactly one wins', async () => {
    const db = await createdInJanuaryUpdatedInJune()
    const rivals = ['one', 'other'].map((owner) => {
      const tx = db.begin()
      tx.patch(1, { owner })
      return tx
    })
    const outcomes = await Promise.allSettled(rivals.map((tx) => tx.commit()))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(db.node(1)?.get('owner')).toBe('one')
  })

  test('16: more writers share each sync: 1, 8 and 32 of them', async () => {
    const syncsPerCommit: number[] = []
    for (const writers of [1, 8, 32]) {
      const world = new World()
      const db = await world.open()
      const before = world.syncs
      const write = async (): Promise<void> => {
        for (let round = 0; round < 10; round++) {
          await db.write((tx) => tx.keys('many').put(round, round), { isolation: 'snapshot' })
        }
      }
      await Promise.all(Array.from({ length: writers }, write))
      syncsPerCommit.push((world.syncs - before) / db.sequence)
    }
    const [alone = 0, eight = 0, many = 0] = syncsPerCommit
    expect(alone).toBe(1)
    expect(eight).toBeLessThan(alone / 2)
    expect(many).toBeLessThan(eight / 2)
  })

  test('17: idle, it writes nothing and sets no timer', async () => {
    const world = new World()
    const db = await world.open()
    await putMany(db, 5)
    const { changes } = world.files
    const { timersSet } = world
    world.micros += 3_600_000_000
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(world.files.changes).toBe(changes)
    expect(world.timersSet).toBe(timersSet)
    expect(db.sequence).toBe(5)
  })

  test.each(modes)('17: idle for an hour, zero bytes are written: %o', async (mode) => {
    let mutations = 0
    const watch = (): undefined => void mutations++
    const host = new SimulatedHost({ seed: 'idle', watch })
    await host.run(async () => {
      const triggers = { checkpointEveryMs: 1000, checkpointMutations: 3 }
      const db = await open(directory, { host, ...triggers, ...mode })
      await putMany(db, 5)
      await wait(host, 10_000)
      const before = mutations
      expect(before).toBeGreaterThan(5)
      await wait(host, 3_600_000)
      expect(mutations).toBe(before)
      expect(db.stats().checkpoint.sequence).toBe(5)
      await db.close()
    })
  })
})
