import { type Database, type KeyTransaction, open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  commit,
  ending,
  holding,
  isolations,
  putAll,
  readConflict,
  writeConflict,
} from './keyspace.ts'
import { turn } from './tasks.ts'

/** Reads, lets others have a turn, and writes one more. */
async function increment(keys: KeyTransaction): Promise<void> {
  const count = Number(keys.get('count'))
  await turn()
  keys.put('count', count + 1)
}

describe('a counter', () => {
  it('that one after another increments has as many as commits, none run again', async () => {
    const database = await holding({ count: 0 })
    let runs = 0
    for (let round = 0; round < 100; round++) {
      await database.write((tx) => {
        runs++
        return increment(tx.keys('k'))
      })
    }
    expect([runs, database.keys('k').get('count'), database.sequence]).toEqual([100, 100, 101])
  })

  it('that many increment at once has as many as succeeded, of those that try once', async () => {
    for (const isolation of isolations) {
      const database = await holding({ count: 0 })
      let refused = 0
      const attempt = async (): Promise<number> => {
        let done = 0
        for (let round = 0; round < 30; round++) {
          const party = begin(database, { isolation })
          await increment(party.keys)
          const how = await ending(party)
          if (how === 'committed') done++
          else expect(how).toEqual(writeConflict('count'))
          refused += how === 'committed' ? 0 : 1
        }
        return done
      }
      const done = await Promise.all(Array.from({ length: 8 }, attempt))
      const successes = done.reduce((a, b) => a + b, 0)
      expect(database.keys('k').get('count')).toBe(successes)
      expect([successes + refused, database.sequence]).toEqual([240, successes + 1])
      expect(successes).toBeGreaterThan(0)
      expect(refused).toBeGreaterThan(0)
    }
  })
})

describe('a comparison', () => {
  it('makes way for the first of two, and the second sees by it that it has lost', async () => {
    const database = await holding({ owner: 'nobody' })
    const take = (name: string): Promise<boolean> =>
      database.write(async (tx) => {
        const isMine = tx.keys('k').compareAndSet('owner', 'nobody', name)
        await turn()
        return isMine
      })
    const taken = await Promise.all(['ann', 'bob', 'cyd'].map(take))
    expect(taken.filter(Boolean)).toHaveLength(1)
    const winner = ['ann', 'bob', 'cyd'][taken.indexOf(true)]
    expect(database.keys('k').get('owner')).toBe(winner)
    const freed = await commit(database, (keys) => {
      expect(keys.compareAndSet('owner', 'nobody', 'late')).toBe(false)
      expect(keys.compareAndSet('owner', winner, 'nobody')).toBe(true)
    })
    expect([freed, database.keys('k').get('owner')]).toEqual([3, 'nobody'])
  })

  it('takes a thing from state to state, and never past one or out of an end', async () => {
    const states = ['new', 'paid', 'sent', 'done']
    const database = await open(':memory:', { keyRetention: 'forever' })
    const move = (from: string | undefined, to: string): Promise<boolean> =>
      database.write((tx) => tx.keys('k').compareAndSet('order', from, to))
    expect(await move(undefined, 'new')).toBe(true)
    for (const [index, to] of states.entries()) {
      if (index === 0) continue
      for (const from of [undefined, ...states]) {
        if (from === states[index - 1]) continue
        expect([from, to, await move(from, to)]).toEqual([from, to, false])
      }
      expect(await move(states[index - 1], to)).toBe(true)
      expect(database.keys('k').get('order')).toBe(to)
    }
    const told = [...database.keys('k').versions()].map(({ value }) => value)
    expect([told, database.sequence]).toEqual([states, 4])
  })
})

/** Changes a document if it still is the one that was read: its number says so. */
function save(database: Database, read: { number: number }, text: string): Promise<boolean> {
  return database.write(async (tx) => {
    const keys = tx.keys('k')
    const stored = keys.get('document') as { number: number }
    if (stored.number !== read.number) return false
    await turn()
    keys.put('document', { number: stored.number + 1, text })
    return true
  })
}

describe('a number in the value', () => {
  it('lets only one of those change it who have read the same one, at once or later', async () => {
    const database = await holding()
    await commit(database, (keys) => keys.put('document', { number: 1, text: 'first' }))
    const read = database.keys('k').get('document') as { number: number }
    const saved = await Promise.all(['a', 'b', 'c', 'd'].map((text) => save(database, read, text)))
    expect(saved.filter(Boolean)).toHaveLength(1)
    const stored = { number: 2, text: 'abcd'[saved.indexOf(true)] }
    expect(database.keys('k').get('document')).toEqual(stored)
    expect(await save(database, read, 'stale')).toBe(false)
    expect(await save(database, stored, 'next')).toBe(true)
    expect(database.keys('k').get('document')).toEqual({ number: 3, text: 'next' })
  })

  it('is told by the conflict where the transaction is held open', async () => {
    const database = await holding({ number: 1, text: 'first' })
    const late = begin(database)
    expect(late.keys.get('number')).toBe(1)
    await commit(database, (keys) => putAll(keys, { number: 2, text: 'theirs' }))
    putAll(late.keys, { number: 2, text: 'mine' })
    expect(await ending(late)).toEqual(writeConflict('number'))
    const reader = begin(database)
    expect(reader.keys.get('number')).toBe(2)
    await commit(database, (keys) => keys.put('number', 3))
    reader.keys.put('mine', 1)
    expect(await ending(reader)).toEqual(readConflict('number'))
    expect(database.keys('k').getMany(['number', 'text', 'mine'])).toEqual([3, 'theirs', undefined])
  })
})

describe('a closure', () => {
  it('runs once where nobody is in its way, and again for each who was', async () => {
    const database = await holding({ count: 0 })
    const runs: number[] = []
    for (let rivals = 0; rivals <= 3; rivals++) {
      let ran = 0
      await database.write(async (tx) => {
        const count = Number(tx.keys('k').get('count'))
        if (ran++ < rivals) await commit(database, (keys) => keys.put('count', count + 100))
        tx.keys('k').put('count', count + 1)
      })
      runs.push(ran)
    }
    expect(runs).toEqual([1, 2, 3, 4])
    expect(database.keys('k').get('count')).toBe(604)
  })
})
