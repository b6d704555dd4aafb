import { open, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'
import { begin, commit, holding } from './keyspace.ts'

const place = temporaryFolder()

/** Text in the order of its number. */
function name(number: number): string {
  return `key ${String(number).padStart(6, '0')}`
}

describe('a transaction', () => {
  it('of ten thousand keys is one commit, all of it there or nothing', async () => {
    const path = place('ten thousand')
    const database = await open(path)
    const { tx, keys } = begin(database)
    for (let number = 0; number < 10_000; number++) keys.put(name((number * 7919) % 10_000), number)
    expect([keys.range().count(), database.keys('k').range().count()]).toEqual([10_000, 0])
    const cancelled = begin(database)
    for (let number = 0; number < 10_000; number++) cancelled.keys.put(`no ${number}`, number)
    cancelled.tx.cancel()
    await tx.commit()
    expect([database.sequence, database.stats().entities.keys]).toEqual([1, 10_000])
    await database.close()
    const again = await open(path)
    let number = 0
    for (const { key, value } of again.keys('k').range()) {
      if (key !== name(number) || value !== (number * 7679) % 10_000) break
      number++
    }
    expect(number).toBe(10_000)
    await again.close()
  })

  it('may put values of a kilobyte to a megabyte, which come back byte for byte', async () => {
    const path = place('large values')
    const database = await open(path)
    const sizes = [1 << 10, 10 << 10, 100 << 10, 1 << 20]
    const valueOf = (size: number, salt: number): Uint8Array => {
      const value = new Uint8Array(size)
      for (let at = 0; at < size; at++) value[at] = (at * 31 + (at >> 8) + salt) & 0xff
      return value
    }
    const isSame = (found: Value | undefined, size: number, salt: number): boolean =>
      found instanceof Uint8Array && Buffer.compare(found, valueOf(size, salt)) === 0
    await commit(database, (keys) => {
      for (const size of sizes) keys.put(size, valueOf(size, 1))
      expect(sizes.filter((size) => !isSame(keys.get(size), size, 1))).toEqual([])
      for (const size of sizes) keys.put(`text ${size}`, 'é'.repeat(size / 2))
    })
    const early = database.snapshot().keys('k')
    await commit(database, (keys) => keys.put(1 << 20, valueOf(1 << 20, 2)))
    expect(sizes.filter((size) => !isSame(early.get(size), size, 1))).toEqual([])
    await database.close()
    const again = await open(path)
    const keys = again.keys('k')
    expect(isSame(keys.get(1 << 20), 1 << 20, 2)).toBe(true)
    expect(sizes.slice(0, 3).filter((size) => !isSame(keys.get(size), size, 1))).toEqual([])
    for (const size of sizes) expect(keys.get(`text ${size}`) === 'é'.repeat(size / 2)).toBe(true)
    await again.close()
  })

  it('of ten keys is made a thousand times: each is a commit, none is lost', async () => {
    const host = new SimulatedHost({ seed: 'many small' })
    await host.run(async () => {
      const database = await open('/database', { host })
      const write = (number: number): Promise<number> =>
        commit(database, (keys) => {
          for (let at = 0; at < 10; at++) keys.put([number, at], number * at)
        })
      for (let number = 0; number < 500; number++) await write(number)
      await Promise.all(Array.from({ length: 500 }, (_, number) => write(number + 500)))
      expect(database.sequence).toBe(1000)
      expect(database.keys('k').range().count()).toBe(10_000)
      await database.close()
      const again = await open('/database', { host })
      expect(again.keys('k').range().count()).toBe(10_000)
      for (const number of [0, 1, 499, 500, 999]) {
        const expected = Array.from({ length: 10 }, (_, at) => number * at)
        const found = again.keys('k').range({ prefix: [number] })
        expect(found.values().toArray()).toEqual(expected)
      }
      await again.close()
    })
  })

  it('overwrites the same keys a hundred times: the last values are there, once', async () => {
    const database = await open(':memory:')
    for (let round = 0; round < 100; round++) {
      await commit(database, (keys) => {
        for (let number = 0; number < 100; number++) keys.put(number, `${round} ${'x'.repeat(200)}`)
      })
    }
    const { entities, versions, superseded, bytes } = database.stats()
    expect([entities.keys, versions.keys, superseded.keys]).toEqual([100, 10_000, 9900])
    const expected = Array.from({ length: 100 }, () => `99 ${'x'.repeat(200)}`)
    expect(database.keys('k').range().values().toArray()).toEqual(expected)
    await database.prune()
    const after = database.stats()
    expect([after.versions.keys, after.superseded.keys]).toEqual([100, 0])
    expect(after.bytes.payloads).toBeLessThan(bytes.payloads / 10)
    expect(database.keys('k').range().values().toArray()).toEqual(expected)
    await database.close()
  })
})

describe('a reader', () => {
  it('gets five thousand entries in order, all or a part from the midst', async () => {
    const database = await holding()
    await commit(database, (keys) => {
      for (let number = 0; number < 5000; number++) keys.put(name((number * 1237) % 5000), number)
    })
    const { tx, keys } = begin(database)
    for (const view of [database.keys('k'), keys]) {
      const all = Array.from({ length: 5000 }, (_, number) => name(number))
      expect(view.range().keys().toArray()).toEqual(all)
      const part = view.range({ skip: 1000, limit: 500 })
      expect(part.keys().toArray()).toEqual(all.slice(1000, 1500))
      expect([part.count(), part.first()?.key]).toEqual([500, name(1000)])
      const back = view.range({ skip: 1000, limit: 500, reverse: true })
      expect(back.keys().toArray()).toEqual(all.reverse().slice(1000, 1500))
    }
    tx.cancel()
  })

  it('asks for five hundred keys at once of which half are there', async () => {
    const database = await holding()
    await commit(database, (keys) => {
      for (let number = 0; number < 500; number += 2) keys.put(name(number), number)
    })
    const { keys } = begin(database)
    const order = Array.from({ length: 500 }, (_, index) => (index * 211) % 500)
    const expected = order.map((number) => (number % 2 === 0 ? number : undefined))
    for (const view of [database.keys('k'), keys]) {
      expect(view.getMany(order.map(name))).toEqual(expected)
    }
    expect(expected.filter((value) => value === undefined)).toHaveLength(250)
  })
})
