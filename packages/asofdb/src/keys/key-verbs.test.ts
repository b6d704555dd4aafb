import { describe, expect, test } from 'vitest'
import type { Database, KeyInput, KeyView } from '../index.ts'
import { open } from '../open.ts'

async function inDatabase(body: (database: Database) => Promise<void> | void): Promise<void> {
  const database = await open(':memory:', { keyRetention: 'forever' })
  try {
    await body(database)
  } finally {
    await database.close()
  }
}

const exists = expect.objectContaining({ code: 'AlreadyExists' })
const invalidKey = expect.objectContaining({ code: 'InvalidKey' })

function stated(keys: KeyView, key: KeyInput): unknown[] {
  return Array.from(keys.versions({ gte: key, lte: key }), (one) =>
    one.isDeleted === true ? 'deleted' : one.value,
  )
}

describe('insert', () => {
  test('is for keys without a value: also those that were deleted', () =>
    inDatabase(async (database) => {
      await database.write((tx) => {
        const keys = tx.keys('k')
        expect(keys.insert('a', 1)).toBe(1)
        expect(() => keys.insert('a', 2)).toThrow(exists)
        expect(keys.get('a')).toBe(1)
        keys.delete('a')
        expect(keys.insert('a', 3)).toBe(1)
      })
      await database.write((tx) => {
        expect(() => tx.keys('k').insert('a', 4)).toThrow(
          expect.objectContaining({
            details: { keyspace: 'k', key: 'a' },
            message: expect.stringContaining('"a" of keyspace k') as unknown,
          }),
        )
        tx.keys('k').insert(['b'], 1)
      })
      expect(database.keys('k').getMany(['a', ['b']])).toEqual([3, 1])
      await database.write((tx) => tx.keys('k').delete('a'))
      await database.write((tx) => tx.keys('k').insert('a', 5))
      expect(database.keys('k').get('a')).toBe(5)
    }))

  test('looks at all of its period', () =>
    inDatabase(async (database) => {
      await database.write((tx) => {
        const keys = tx.keys('k')
        keys.put('a', 1, { validFrom: '2000-01-01', validTo: '2001-01-01' })
        expect(keys.get('a')).toBeUndefined()
        expect(() => keys.insert('a', 2)).toThrow(exists)
        expect(() => keys.insert('a', 2, { validFrom: '2000-07-01' })).toThrow(exists)
        expect(keys.insert('a', 2, { validFrom: '2001-01-01' })).toBe(1)
      })
      expect(
        database
          .keys('k')
          .timeline('a')
          .map(({ value }) => value),
      ).toEqual([1, 2])
    }))
})

describe('a comparison', () => {
  test('chooses whether a value is put', () =>
    inDatabase((database) =>
      database.write((tx) => {
        const keys = tx.keys('k')
        expect(keys.compareAndSet('a', 1, 2)).toBe(false)
        expect(keys.compareAndSet('a', undefined, 1)).toBe(true)
        expect(keys.compareAndSet('a', undefined, 2)).toBe(false)
        expect(keys.compareAndSet('a', 1, 2)).toBe(true)
        expect(keys.get('a')).toBe(2)
        keys.delete('a')
        expect(keys.compareAndSet('a', 2, 3)).toBe(false)
        expect(keys.compareAndSet('a', undefined, 3)).toBe(true)
        expect(stated(keys, 'a')).toEqual([1, 2, 'deleted', 3])
      }),
    ))

  test('chooses whether a key is deleted', () =>
    inDatabase(async (database) => {
      await database.write((tx) => tx.keys('k').put('a', new Uint8Array([1, 2])))
      await database.write((tx) => {
        const keys = tx.keys('k')
        expect(keys.compareAndDelete('a', undefined)).toBe(false)
        expect(keys.compareAndDelete('a', new Uint8Array([1]))).toBe(false)
        expect(keys.compareAndDelete('a', new Uint8Array([1, 2]))).toBe(true)
        expect(keys.compareAndDelete('a', new Uint8Array([1, 2]))).toBe(false)
        expect(keys.compareAndDelete('a', undefined)).toBe(true)
        expect(keys.compareAndDelete('none', undefined)).toBe(true)
        keys.put('once', 1, { validFrom: '2000-01-01', validTo: '2001-01-01' })
        expect(keys.compareAndDelete('once', undefined)).toBe(true)
        expect(keys.timeline('once')).toHaveLength(1)
        expect(stated(keys, 'a')).toEqual([new Uint8Array([1, 2]), 'deleted'])
        expect(stated(keys, 'none')).toEqual([])
      })
    }))

  test('is of what is stored: 0 is not -0, the order of names does not matter', () =>
    inDatabase((database) =>
      database.write((tx) => {
        const keys = tx.keys('k')
        keys.put('zero', 0)
        expect(keys.compareAndSet('zero', -0, 1)).toBe(false)
        expect(keys.compareAndSet('zero', 0n, 1)).toBe(true)
        keys.put('map', { a: 1, b: [''] })
        expect(keys.compareAndSet('map', { b: [''], a: 1 }, '')).toBe(true)
        expect(keys.compareAndSet('map', '', null)).toBe(true)
        expect(keys.compareAndDelete('map', null)).toBe(true)
      }),
    ))
})

describe('delete', () => {
  test('of what is not there states nothing', () =>
    inDatabase(async (database) => {
      await database.write((tx) => tx.keys('k').put('a', 1))
      await database.write((tx) => expect(tx.keys('k').delete('a')).toBe(1))
      const { versions } = database.stats()
      await database.write((tx) => {
        for (const key of ['a', 'b', 1]) expect(tx.keys('k').delete(key)).toBe(0)
        expect(tx.keys('none').delete('a')).toBe(0)
        expect(tx.keys('none').clear()).toBe(0)
      })
      expect([database.sequence, database.stats().versions]).toEqual([2, versions])
    }))

  test('of a key is of all its past and future, unless a period is given', () =>
    inDatabase((database) =>
      database.write((tx) => {
        const keys = tx.keys('k')
        keys.put('a', 1, { validFrom: '2000-01-01', validTo: '2001-01-01' })
        keys.put('a', 2, { validFrom: '2002-01-01', validTo: '2003-01-01' })
        expect(keys.delete('a', { validFrom: '2001-01-01', validTo: '2002-01-01' })).toBe(0)
        expect(keys.delete('a')).toBe(2)
        expect(keys.timeline('a')).toEqual([])
      }),
    ))
})

test('clear deletes what a range gives, and says how many', () =>
  inDatabase(async (database) => {
    await database.write((tx) => {
      const keys = tx.keys('k')
      for (let number = 0; number < 10; number++) keys.put(number, number)
      keys.put('other', 1)
    })
    const left = (): unknown[] => [...database.keys('k').range().keys()]
    await database.write((tx) => {
      const keys = tx.keys('k')
      expect(keys.clear({ gte: 2, lt: 5, skip: 1 })).toBe(2)
      expect(keys.clear({ gte: 2, lt: 5 })).toBe(1)
      expect(keys.clear({ gte: 2, lt: 5 })).toBe(0)
      expect(keys.clear({ reverse: true, limit: 2 })).toBe(2)
      keys.put(3, 'again')
      expect(() => keys.clear({ limit: -1 })).toThrow(
        expect.objectContaining({ code: 'InvalidArgument' }),
      )
    })
    expect(left()).toEqual(['other', 0, 1, 3, 5, 6, 7])
    await database.write((tx) => expect(tx.keys('k').clear({ prefix: '' })).toBe(1))
    await database.write((tx) => expect(tx.keys('k').clear()).toBe(6))
    expect(left()).toEqual([])
    expect([...database.asOf({ sequence: 1 }).keys('k').range()]).toHaveLength(11)
  }))

test('getMany answers in order, each as often as it is asked', () =>
  inDatabase(async (database) => {
    await database.write((tx) => {
      const keys = tx.keys('k')
      keys.put('a', 1)
      keys.put(['b'], [2])
      keys.put(new Uint8Array([0, 255]), null)
      const asked = ['a', 'none', ['b'], 'a', new Uint8Array([0, 255])]
      expect(keys.getMany(asked)).toEqual([1, undefined, [2], 1, null])
      expect(keys.getMany(new Set(['a']))).toEqual([1])
    })
    expect(database.keys('k').getMany([])).toEqual([])
    expect(database.keys('none').getMany(['a', 'b'])).toEqual([undefined, undefined])
    const many = Array.from({ length: 2000 }, (_, at) => (at % 2 === 0 ? 'a' : at))
    expect(database.snapshot().keys('k').getMany(many)).toEqual(
      many.map((key) => (key === 'a' ? 1 : undefined)),
    )
    expect(() => database.keys('k').getMany(['a', Number.NaN])).toThrow(invalidKey)
    for (const none of ['abc', new Uint8Array([1]), undefined, null, 1]) {
      for (const keys of [database.keys('k'), database.snapshot().keys('k')]) {
        expect(() => keys.getMany(none as never)).toThrow(
          expect.objectContaining({ code: 'InvalidArgument' }),
        )
      }
    }
  }))

describe('versions', () => {
  test('are told with their commits and times', () =>
    inDatabase(async (database) => {
      await database.write((tx) => {
        tx.keys('k').put('a', 1)
        tx.keys('k').put('a', 2)
      })
      await database.write((tx) => tx.keys('k').delete('a'))
      await database.write((tx) => tx.keys('k').put('b', 1))
      const system = (sequence: number): unknown => database.commit(sequence)?.system
      const always = { from: null, to: null }
      const told = [
        { key: 'a', sequence: 1, system: system(1), valid: always, value: 1 },
        { key: 'a', sequence: 1, system: system(1), valid: always, value: 2 },
        { key: 'a', sequence: 2, system: system(2), valid: always, isDeleted: true },
      ]
      expect([...database.keys('k').versions({ limit: 1 })]).toEqual(told)
      expect([...database.asOf({ sequence: 1 }).keys('k').versions()]).toEqual(told.slice(0, 2))
      await database.write((tx) => {
        tx.keys('k').put('a', 3)
        expect([...tx.keys('k').versions({ lte: 'a' })].slice(3)).toEqual([
          { key: 'a', sequence: undefined, system: undefined, valid: always, value: 3 },
        ])
      })
    }))

  test('of what was pruned are the same before and after it is reclaimed', () =>
    inDatabase(async (database) => {
      for (let round = 0; round < 4; round++) {
        await database.write((tx) => {
          const keys = tx.keys('k')
          keys.put('a', round)
          if (round === 2) keys.delete('gone')
          else keys.put('gone', round, { validFrom: '2000-01-01', validTo: '2001-01-01' })
          keys.put('in part', round, { validFrom: `${2000 + round}-01-01` })
        })
        if (round !== 2) await database.write((tx) => tx.keys('k').delete('gone'))
      }
      const told = (): unknown[] =>
        Array.from(database.keys('k').versions(), ({ key, sequence }) => [key, sequence])
      expect(told()).toHaveLength(4 + 6 + 4)
      await database.prune({ keyspaces: ['k'], compact: false })
      const wanted = [
        ['a', 6],
        ['in part', 1],
        ['in part', 3],
        ['in part', 5],
        ['in part', 6],
      ]
      expect(told()).toEqual(wanted)
      const first = [...database.keys('k').versions({ skip: 1, limit: 1 })]
      expect(first.map(({ key }) => key)).toEqual(Array.from({ length: 4 }, () => 'in part'))
      const past = database.asOf({ sequence: 2 }).keys('k')
      const pruned = expect.objectContaining({ code: 'HistoryPruned' })
      for (const call of [
        () => past.get('a'),
        () => past.getMany(['a']),
        () => past.has('a'),
        () => past.range(),
        () => past.cursor(),
        () => past.versions(),
      ]) {
        expect(call).toThrow(pruned)
      }
      await database.compact()
      expect(told()).toEqual(wanted)
    }))
})
