import { type Database, open, type OpenOptions } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { begin, commit, ending, heldBy, heldNow, putAll, readConflict } from './keyspace.ts'
import { together } from './tasks.ts'

/** What no test of SurrealMX looks at, and no other of ours by keys. */

const minute = 60_000_000

describe('a clock that goes back and ahead', () => {
  it('changes the order of nothing: versions, views of the past, open readers', async () => {
    const host = new SimulatedHost({ seed: 'clock' })
    await host.run(async () => {
      const database = await open('/database', { host, keyRetention: 'forever' })
      const sequences: number[] = []
      const readers = []
      for (const step of [0, minute, -10 * minute, 1000, -60 * minute, 180 * minute, -minute]) {
        host.clock.jumpWall(step)
        const number = sequences.length
        const held = { key: number, [`of ${number}`]: 1 }
        sequences.push(await commit(database, (keys) => putAll(keys, held)))
        // It is there at once, whatever the clock says.
        expect(database.keys('k').get('key')).toBe(number)
        readers.push(begin(database, { readonly: true }).keys, database.snapshot().keys('k'))
      }
      const check = (one: Database): void => {
        const told = [...one.keys('k').versions({ gte: 'key', lte: 'key' })]
        expect(told.map(({ value }) => value)).toEqual(sequences.map((_, number) => number))
        const times = told.map(({ system }) => system?.epochMicroseconds ?? 0n)
        expect(times.every((time, at) => at === 0 || time > (times[at - 1] ?? time))).toBe(true)
        for (const [number, sequence] of sequences.entries()) {
          const views = [one.asOf({ sequence }), one.asOf({ system: times[number] ?? 0n })]
          for (const view of views) {
            const keys = view.keys('k')
            expect([keys.get('key'), keys.range().count()]).toEqual([number, number + 2])
          }
        }
      }
      check(database)
      const numbers = readers.map((keys) => keys.get('key'))
      expect(numbers).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
      expect(readers.map((keys) => keys.range().count()).at(-1)).toBe(8)
      await database.close()
      host.clock.jumpWall(-24 * 60 * minute)
      const again = await open('/database', { host, keyRetention: 'forever' })
      check(again)
      await commit(again, (keys) => keys.put('key', 'after'))
      expect(again.keys('k').get('key')).toBe('after')
      await again.close()
    })
  })

  it('takes nothing from a window of history that lies within it', async () => {
    const host = new SimulatedHost({ seed: 'window' })
    await host.run(async () => {
      const database = await open(':memory:', { host, keyRetention: { keepMs: 60_000 } })
      await commit(database, (keys) => keys.put('key', 0))
      host.clock.jumpWall(-60 * minute)
      for (let number = 1; number <= 5; number++) {
        await commit(database, (keys) => keys.put('key', number))
        await wait(host, 1000)
      }
      await database.prune()
      const views = [2, 3, 4, 5, 6].map((sequence) => database.asOf({ sequence }))
      const seen = views.map((view) => view.keys('k').get('key'))
      expect(seen).toEqual([1, 2, 3, 4, 5])
      await database.close()
    })
  })
})

describe('opened in another mode', () => {
  const modes: OpenOptions[] = [
    { durability: 'sync' },
    { durability: 'checkpoint' },
    { durability: 'interval' },
    { durability: 'os' },
    { durability: 'checkpoint' },
    { log: 'async', fsync: 'always' },
    { durability: 'sync' },
  ]

  it('again and again, a keyspace has all that was put, and nothing that was deleted', async () => {
    const host = new SimulatedHost({ seed: 'modes' })
    await host.run(async () => {
      const expected = new Map<string, number>()
      for (const [round, mode] of modes.entries()) {
        const database = await open('/database', { host, ...mode, keyRetention: 'forever' })
        const inOrder = [...expected].sort(([a], [b]) => (a < b ? -1 : 1))
        expect([mode, heldNow(database)]).toEqual([mode, inOrder])
        const changes = { key: round, [`put ${round}`]: round, [`gone ${round}`]: round }
        await commit(database, (keys) => putAll(keys, changes))
        await commit(database, (keys) => keys.delete(`gone ${round}`))
        // What an earlier mode has put is deleted by a later one.
        if (round > 1) await commit(database, (keys) => keys.delete(`put ${round - 2}`))
        expected.set('key', round).set(`put ${round}`, round).delete(`put ${round - 2}`)
        // Left without a pause after the last write.
        await database.close()
      }
      const database = await open('/database', { host, keyRetention: 'forever' })
      const told = [...database.keys('k').versions({ gte: 'key', lte: 'key' })]
      expect(told.map(({ value }) => value)).toEqual(modes.map((_, round) => round))
      await database.close()
    })
  })
})

describe('two databases of one process', () => {
  it('know nothing of each other: keys, conflicts, snapshots, reclaiming, closing', async () => {
    const host = new SimulatedHost({ seed: 'two' })
    await host.run(async () => {
      const one = await open('/one', { host })
      const other = await open('/other', { host })
      for (const database of [one, other]) {
        await commit(database, (keys) => keys.put('key', database.path))
      }
      expect([one, other].map(heldNow)).toEqual([[['key', one.path]], [['key', other.path]]])
      // The same key, read in one and written in the other.
      const party = begin(one)
      party.keys.get('key')
      party.keys.put('result', 1)
      await commit(other, (keys) => keys.put('key', 'changed'))
      expect(await ending(party)).toBe('committed')
      const late = begin(one)
      late.keys.get('key')
      late.keys.put('result', 2)
      await commit(one, (keys) => keys.put('key', 'changed'))
      expect(await ending(late)).toEqual(readConflict('key'))
      const snapshot = other.snapshot().keys('k')
      await together(4, async (name) => {
        const database = name % 2 === 0 ? one : other
        for (let round = 0; round < 20; round++) {
          await commit(database, (keys) => keys.put(`${database.path} ${name}`, round))
          if (round % 5 === 0) await database.prune()
          if (round % 7 === 0) await database.checkpoint()
        }
      })
      const [ofOne, ofOther] = [heldNow(one), heldNow(other)]
      expect(ofOne.map(([key]) => key)).toEqual(['/one 0', '/one 2', 'key', 'result'])
      expect(ofOther.map(([key]) => key)).toEqual(['/other 1', '/other 3', 'key'])
      expect(heldBy(snapshot)).toEqual([['key', 'changed']])
      await one.close()
      expect(heldNow(other)).toEqual(ofOther)
      await commit(other, (keys) => keys.put('after', 1))
      await other.close()
      const again = [await open('/one', { host }), await open('/other', { host })]
      const [first, second, third] = ofOther
      expect(again.map(heldNow)).toEqual([ofOne, [first, second, ['after', 1], third]])
      for (const database of again) await database.close()
    })
  })
})
