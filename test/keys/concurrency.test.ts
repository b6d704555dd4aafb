import { type Database, type KeyInput, open, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
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
  writeConflict,
} from './keyspace.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { together, turn, turns } from './tasks.ts'

describe('writers at the same time', () => {
  it('of different keys all come through: eight of a hundred each, in whatever mode', async () => {
    for (const isolation of isolations) {
      const database = await holding()
      await together(8, async (name) => {
        for (let round = 0; round < 100; round++) {
          const party = begin(database, { isolation })
          party.keys.put([name, round], round)
          if (round % 10 === name) await turn()
          expect(await ending(party)).toBe('committed')
        }
      })
      const expected = Array.from({ length: 800 }, (_, at) => {
        const round = at % 100
        return [[(at - round) / 100, round], round]
      })
      expect([heldNow(database), database.sequence]).toEqual([expected, 801])
    }
  })

  it('of one key: exactly one of each round comes through, and its value is there', async () => {
    for (const isolation of isolations) {
      const database = await holding({ key: 'none' })
      for (let round = 0; round < 20; round++) {
        const endings = await together(6, async (name) => {
          const party = begin(database, { isolation })
          await turns(name % 3)
          party.keys.put('key', `${round} ${name}`)
          // All have begun before the first commits.
          await turns(3)
          return ending(party)
        })
        expect(endings.filter((one) => one === 'committed')).toHaveLength(1)
        const others = endings.filter((one) => one !== 'committed')
        expect(others).toEqual(Array(5).fill(writeConflict('key')))
        expect(database.keys('k').get('key')).toBe(`${round} ${endings.indexOf('committed')}`)
      }
    }
  })

  it('of one hot counter lose no increment: it has as many as succeeded, in order', async () => {
    const database = await holding({ count: 0 })
    let last = 0
    const done = await together(10, async () => {
      let done = 0
      for (let round = 0; round < 20; round++) {
        await database.write(async (tx) => {
          const count = Number(tx.keys('k').get('count'))
          await turn()
          tx.keys('k').put('count', count + 1)
        })
        done++
        const count = Number(database.keys('k').get('count'))
        expect(count).toBeGreaterThanOrEqual(last)
        last = count
      }
      return done
    })
    const sum = done.reduce((a, b) => a + b, 0)
    expect([sum, database.keys('k').get('count'), database.sequence]).toEqual([200, 200, 201])
    // The history has each number once.
    const counts = [...database.keys('k').versions()].map(({ value }) => value)
    expect(counts).toEqual(Array.from({ length: 201 }, (_, count) => count))
  })

  it('of random keys leave what replaying those that succeeded leaves', async () => {
    const database = await open(':memory:', { keyRetention: 'forever' })
    const random = new RandomStream('random transactions')
    const succeeded: { sequence: number; writes: (readonly [number, Value | undefined])[] }[] = []
    let refused = 0
    await together(24, async (name) => {
      for (let round = 0; round < 25; round++) {
        const tx = database.begin()
        const keys = tx.keys('k')
        const writes: (readonly [number, Value | undefined])[] = []
        for (let step = 0; step < 3; step++) {
          const key = random.below(16)
          if (random.chance(0.3)) keys.get(random.below(16))
          if (random.chance(0.2)) {
            if (keys.delete(key) > 0) writes.push([key, undefined])
          } else {
            keys.put(key, `${name} ${round} ${step}`)
            writes.push([key, `${name} ${round} ${step}`])
          }
          if (random.chance(0.5)) await turn()
        }
        try {
          const info = await tx.commit()
          if (info !== undefined) succeeded.push({ sequence: info.sequence, writes })
        } catch (error) {
          expect(error).toMatchObject({ kind: 'retry' })
          refused++
        }
      }
    })
    const expected = new Map<number, Value>()
    for (const { writes } of succeeded.toSorted((a, b) => a.sequence - b.sequence)) {
      for (const [key, value] of writes) {
        if (value === undefined) expected.delete(key)
        else expected.set(key, value)
      }
    }
    expect(heldNow(database)).toEqual([...expected].sort(([a], [b]) => a - b))
    expect(database.sequence).toBe(succeeded.length)
    expect(succeeded.length).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(20)
    await database.close()
  })

  it('get numbers and times that are theirs alone and rise, fifty of a hundred', async () => {
    const database = await holding()
    const begun = await together(100, async (name) => {
      const party = begin(database)
      await turns(name % 4)
      if (name % 2 === 0) party.keys.put(name, name)
      return party.tx.commit()
    })
    const infos = begun.filter((info) => info !== undefined)
    expect(infos).toHaveLength(50)
    const sequences = infos.map(({ sequence }) => sequence).sort((a, b) => a - b)
    expect(sequences).toEqual(Array.from({ length: 50 }, (_, at) => at + 2))
    const inOrder = infos.toSorted((a, b) => a.sequence - b.sequence)
    const times = inOrder.map(({ system }) => system.epochMicroseconds)
    expect(times.every((time, at) => at === 0 || time > (times[at - 1] ?? time))).toBe(true)
    // Each commit is a state of its own, with one key more than the one before.
    const states = sequences.map((sequence) => database.asOf({ sequence }).keys('k'))
    const counts = states.map((keys) => keys.range().count())
    expect(counts).toEqual(Array.from({ length: 50 }, (_, at) => at + 1))
    expect(database.stats().transactions.open).toBe(0)
    await commit(database, (keys) => keys.put('still usable', 1))
    expect(heldNow(database)).toHaveLength(51)
  })

  it('may begin and end by the hundred without standing in each other’s way', async () => {
    const database = await holding({ key: 1 })
    await together(50, async (name) => {
      for (let round = 0; round < 40; round++) {
        const party = begin(database, { readonly: round % 4 === 3 })
        expect(party.keys.get('key')).toBe(1)
        if (round % 4 === 0) party.keys.put([name, round], 1)
        if (round % 4 < 2) await party.tx.commit()
        else party.tx.cancel()
        if (round % 10 === 0) await turn()
      }
    })
    expect(database.keys('k').range().count()).toBe(501)
    expect(database.stats().transactions.open).toBe(0)
  })

  it('leave nothing of what they did to the next ones: writes, reads, savepoints', async () => {
    const database = await holding({ key: 1 })
    for (let round = 0; round < 50; round++) {
      const first = begin(database)
      first.keys.get('key')
      first.keys.range().toArray()
      first.keys.put('left', round)
      first.tx.savepoint('left')
      if (round % 2 === 0) first.tx.cancel()
      else await first.tx.commit()
      const second = begin(database)
      expect(second.keys.get('left')).toBe(round === 0 ? undefined : round - 1 + (round % 2))
      expect(codeOf(() => second.tx.rollbackTo('left'))).toBe('NoSavepoint')
      second.keys.put(['own', round], 1)
      await commit(database, (keys) => keys.put('key', round))
      expect(await ending(second)).toBe('committed')
    }
    expect(database.keys('k').range().count()).toBe(52)
  })
})

describe('readers beside writers', () => {
  /** Pairs that are always written together. */
  async function pairs(count: number): Promise<Database> {
    const database = await open(':memory:')
    await commit(database, (keys) => {
      for (let number = 0; number < count; number++) {
        putAll(keys, { [`a${number}`]: 0, [`b${number}`]: 0 })
      }
    })
    return database
  }

  it('see whole commits only, each the state it began on', async () => {
    const database = await pairs(10)
    let isOver = false
    let seen = 0
    const writing = together(4, async (name) => {
      for (let round = 1; round <= 40; round++) {
        await database.write(async (tx) => {
          const number = (round * 7 + name) % 10
          tx.keys('k').put(`a${number}`, round * 10 + name)
          await turn()
          tx.keys('k').put(`b${number}`, round * 10 + name)
        }, { retries: 100 })
      }
    }).finally(() => {
      isOver = true
    })
    const reading = together(4, async (name) => {
      for (; !isOver; seen++) {
        const { tx, keys } = begin(database, { readonly: name % 2 === 0 })
        const before = heldBy(keys)
        await turn()
        for (let number = 0; number < 10; number++) {
          expect(keys.get(`a${number}`)).toBe(keys.get(`b${number}`))
        }
        expect(heldBy(keys)).toEqual(before)
        tx.cancel()
      }
    })
    await Promise.all([writing, reading])
    expect(seen).toBeGreaterThan(40)
    expect(heldNow(database)).toHaveLength(20)
  })

  it('scan at the same time in any number, and get what is there', async () => {
    const database = await pairs(100)
    const expected = heldNow(database)
    const scans = await together(10, async (name) => {
      const { keys } = begin(database, { readonly: true })
      const found: [KeyInput, Value][] = []
      for await (const { key, value } of keys.range({ reverse: name % 2 === 1 })) {
        found.push([key, value])
        if (found.length % 20 === name) await turn()
      }
      return name % 2 === 1 ? found.reverse() : found
    })
    for (const found of scans) expect(found).toEqual(expected)
  })

  it('see of a commit all or nothing, from the moment that it is acknowledged', async () => {
    const host = new SimulatedHost({ seed: 'visible' })
    await host.run(async () => {
      const database = await open('/database', { host })
      const acknowledged = new Map<number, number>()
      let isOver = false
      const writing = together(10, async (name) => {
        for (let round = 1; round <= 20; round++) {
          await database.write((tx) => {
            for (let at = 0; at < 5; at++) tx.keys('k').put([name, at], round)
          })
          acknowledged.set(name, round)
          expect(database.keys('k').get([name, 4])).toBe(round)
        }
      }).finally(() => {
        isOver = true
      })
      const reading = together(3, async () => {
        const last = new Map<number, number>()
        while (!isOver) {
          const promised = new Map(acknowledged)
          const keys = database.snapshot().keys('k')
          for (let name = 0; name < 10; name++) {
            const rounds = [0, 1, 2, 3, 4].map((at) => Number(keys.get([name, at]) ?? 0))
            expect(new Set(rounds).size).toBe(1)
            const [round = 0] = rounds
            const least = Math.max(promised.get(name) ?? 0, last.get(name) ?? 0)
            expect(round).toBeGreaterThanOrEqual(least)
            last.set(name, round)
          }
          await wait(host, 3)
        }
      })
      await Promise.all([writing, reading])
      const expected = Array.from({ length: 50 }, (_, at) => [[Math.floor(at / 5), at % 5], 20])
      expect(heldNow(database)).toEqual(expected)
      await database.close()
      const again = await open('/database', { host })
      expect(heldNow(again)).toEqual(expected)
      await again.close()
    })
  })

  it('see the same beside checkpoints, and after a kill all acknowledged is there', async () => {
    const host = new SimulatedHost({ seed: 'checkpoint' })
    const held = await host.run(async () => {
      const database = await open('/database', { host })
      const reader = begin(database, { readonly: true })
      const writing = together(10, async (name) => {
        for (let round = 0; round < 10; round++) {
          const held = { [`${name}`]: round, [`${name} ${round}`]: 1 }
          await commit(database, (keys) => putAll(keys, held))
        }
      })
      const saving = together(3, async () => {
        for (let round = 0; round < 3; round++) {
          await database.checkpoint()
          expect(reader.keys.range().count()).toBe(0)
        }
      })
      await Promise.all([writing, saving])
      expect(reader.keys.range().count()).toBe(0)
      return heldNow(database)
    })
    expect(held).toHaveLength(110)
    const next = host.kill()
    await next.run(async () => {
      const again = await open('/database', { host: next })
      expect([heldNow(again), again.sequence]).toEqual([held, 100])
      await again.close()
    })
  })
})
