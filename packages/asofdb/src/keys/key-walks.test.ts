import { describe, expect, test } from 'vitest'
import type { Database, KeyTransaction } from '../index.ts'
import { open } from '../open.ts'

async function inDatabase(body: (database: Database) => Promise<void> | void): Promise<void> {
  const database = await open(':memory:')
  try {
    await body(database)
  } finally {
    await database.close()
  }
}

const invalidKey = expect.objectContaining({ code: 'InvalidKey' })

describe('entries', () => {
  test('are read when they are iterated, each time anew, as of the call', () =>
    inDatabase(async (database) => {
      await database.write((tx) => tx.keys('k').put('a', 1))
      const now = database.keys('k').range()
      await database.write((tx) => {
        const own = tx.keys('k').range()
        tx.keys('k').put('b', 2)
        expect(own.keys().toArray()).toEqual(['a', 'b'])
        tx.keys('k').put('c', 3)
        expect(own.keys().toArray()).toEqual(['a', 'b', 'c'])
      })
      expect([now.toArray(), now.toArray()]).toEqual([[{ key: 'a', value: 1 }], now.toArray()])
      const two = database.keys('k').range()
      const [first, second] = [two[Symbol.iterator](), two[Symbol.iterator]()]
      expect([first.next(), first.next(), second.next()].map(({ value }) => value?.key)).toEqual([
        'a',
        'b',
        'a',
      ])
      expect([...first]).toEqual([{ key: 'c', value: 3 }])
      expect([first.next(), first.next()]).toEqual([
        { done: true, value: undefined },
        { done: true, value: undefined },
      ])
    }))

  test('are given asynchronously, with turns for others in between', () =>
    inDatabase(async (database) => {
      await database.write((tx) => {
        for (let number = 0; number < 2000; number++) tx.keys('k').put(number, number)
      })
      let turns = 0
      let isOver = false
      const others = (async () => {
        for (; !isOver; turns++) await new Promise((resolve) => void setImmediate(resolve))
      })()
      const met: unknown[] = []
      for await (const { value } of database.keys('k').range({ reverse: true })) met.push(value)
      isOver = true
      await others
      expect(met).toEqual(Array.from({ length: 2000 }, (_, at) => 1999 - at))
      expect(turns).toBeGreaterThan(4)
      const keys: unknown[] = []
      for await (const key of database.keys('k').range({ limit: 2 }).keys()) keys.push(key)
      for await (const key of database.keys('k').range().values()) {
        keys.push(key)
        break
      }
      expect(keys).toEqual([0, 1, 0])
    }))
})

test.each([false, true])('both ends meet, in reverse: %s', (reverse) =>
  inDatabase(async (database) => {
    await database.write((tx) => {
      for (let number = 0; number < 7; number++) tx.keys('k').put(number, number)
    })
    for (const { skip, limit } of [
      { skip: 0, limit: Infinity },
      { skip: 2, limit: 3 },
      { skip: 5, limit: 9 },
      { skip: 7, limit: 1 },
      { skip: 0, limit: 0 },
    ]) {
      const entries = database.keys('k').range({ reverse, skip, limit })
      for (let mask = 0; mask < 2 ** 8; mask++) {
        const ends = entries.ends()
        const rest = entries.toArray()
        for (let side = mask, turn = 0; turn < 8; side >>= 1, turn++) {
          const isFront = side % 2 === 1
          const met = isFront ? ends.front() : ends.back()
          expect(met).toEqual(isFront ? rest.shift() : rest.pop())
        }
      }
    }
  }),
)

describe('a cursor', () => {
  async function ofNumbers(body: (keys: KeyTransaction) => void): Promise<void> {
    await inDatabase(async (database) => {
      await database.write((tx) => {
        for (let number = 0; number < 10; number += 2) tx.keys('k').put(number, number)
      })
      await database.write((tx) => body(tx.keys('k')))
    })
  }

  test('meets what is written while it is open, before it and behind it', () =>
    ofNumbers((keys) => {
      const cursor = keys.cursor()
      expect([cursor.seek(4), cursor.value]).toEqual([true, 4])
      keys.put(4, 'changed')
      keys.put(5, 'made')
      keys.put(3, 'made')
      keys.delete(2)
      expect([cursor.key, cursor.value]).toEqual([4, 'changed'])
      expect([cursor.next(), cursor.key, cursor.value]).toEqual([true, 5, 'made'])
      expect([cursor.prev(), cursor.prev(), cursor.key]).toEqual([true, true, 3])
      expect([cursor.prev(), cursor.key]).toEqual([true, 0])
    }))

  test('stands on nothing once its key is deleted, and goes on from there', () =>
    ofNumbers((keys) => {
      const cursor = keys.cursor({ gte: 2 })
      cursor.seek(4)
      keys.delete(4)
      expect(cursor.isValid).toBe(false)
      expect(() => cursor.key).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
      expect([cursor.next(), cursor.key]).toEqual([true, 6])
      expect([cursor.prev(), cursor.key]).toEqual([true, 2])
      expect([cursor.prev(), cursor.isValid]).toEqual([false, false])
      expect([cursor.next(), cursor.prev()]).toEqual([false, false])
      expect([cursor.seekToFirst(), cursor.key, cursor.seekToLast(), cursor.key]).toEqual([
        true,
        2,
        true,
        8,
      ])
    }))

  test('takes the place before all of a kind, too', () =>
    ofNumbers((keys) => {
      keys.put('text', 1)
      keys.put(['tuple'], 1)
      const cursor = keys.cursor()
      expect([cursor.seek(''), cursor.key]).toEqual([true, 'text'])
      expect([cursor.seekForPrev([]), cursor.key]).toEqual([true, 8])
      expect(() => cursor.seek(Number.NaN)).toThrow(invalidKey)
      expect(cursor.key).toBe(8)
    }))

  test('is of a keyspace that is made while it is open', () =>
    inDatabase((database) =>
      database.write((tx) => {
        const cursor = tx.keys('made').cursor()
        expect(cursor.next()).toBe(false)
        tx.keys('made').put('a', 1)
        expect([cursor.seek('a'), cursor.value]).toEqual([true, 1])
      }),
    ))
})

describe('after the end', () => {
  const calls: [string, (keys: KeyTransaction) => unknown][] = [
    ['get', (keys) => keys.get('a')],
    ['getMany', (keys) => keys.getMany(['a'])],
    ['has', (keys) => keys.has('a')],
    ['range', (keys) => keys.range()],
    ['cursor', (keys) => keys.cursor()],
    ['versions', (keys) => keys.versions()],
    ['timeline', (keys) => keys.timeline('a')],
    ['provenance', (keys) => keys.provenance('a')],
  ]
  const writes: typeof calls = [
    ['put', (keys) => keys.put('a', 1)],
    ['insert', (keys) => keys.insert('a', 1)],
    ['compareAndSet', (keys) => keys.compareAndSet('a', undefined, 1)],
    ['delete', (keys) => keys.delete('a')],
    ['compareAndDelete', (keys) => keys.compareAndDelete('a', undefined)],
    ['clear', (keys) => keys.clear()],
  ]

  test.each([...calls, ...writes])('%s is refused', (_name, call) =>
    inDatabase(async (database) => {
      const finished = expect.objectContaining({ code: 'TransactionFinished' })
      for (const end of ['commit', 'cancel'] as const) {
        const transaction = database.begin()
        const keys = transaction.keys('k')
        keys.put('a', 1)
        await transaction[end]()
        expect(() => call(keys)).toThrow(finished)
      }
    }),
  )

  test.each(writes)('%s is refused where nothing is written, the rest is not', (_name, call) =>
    inDatabase((database) => {
      const transaction = database.begin({ readonly: true })
      const readOnly = expect.objectContaining({ code: 'TimeReadOnly' })
      expect(() => call(transaction.keys('k'))).toThrow(readOnly)
      for (const [, read] of calls) read(transaction.keys('k'))
      transaction.cancel()
    }),
  )

  test('what was opened before is refused as well', () =>
    inDatabase(async (database) => {
      const transaction = database.begin()
      const keys = transaction.keys('k')
      for (const key of ['a', 'b', 'c']) keys.put(key, 1)
      const entries = keys.range()
      const iterator = entries[Symbol.iterator]()
      iterator.next()
      const ends = entries.ends()
      const cursor = keys.cursor()
      const versions = keys.versions()
      cursor.next()
      ends.front()
      versions.next()
      await transaction.commit()
      const finished = expect.objectContaining({ code: 'TransactionFinished' })
      for (const call of [
        () => [...entries],
        () => entries.first(),
        () => entries.count(),
        () => entries.ends(),
        () => iterator.next(),
        () => ends.front(),
        () => ends.back(),
        () => cursor.next(),
        () => cursor.seek('a'),
        () => cursor.value,
        () => versions.next(),
      ]) {
        expect(call).toThrow(finished)
      }
      expect(() => iterator.return?.()).not.toThrow()
    }))

  test('a closed database answers nothing', async () => {
    const database = await open(':memory:')
    await database.write((tx) => tx.keys('k').put('a', 1))
    const views = [database.keys('k'), database.snapshot().keys('k')]
    const opened = views.map((keys) => [keys.range(), keys.cursor()] as const)
    await database.close()
    const closed = expect.objectContaining({ code: 'Closed' })
    for (const keys of views) {
      for (const call of [
        () => keys.get('a'),
        () => keys.getMany(['a']),
        () => keys.has('a'),
        () => keys.range(),
        () => keys.cursor(),
        () => keys.versions(),
      ]) {
        expect(call).toThrow(closed)
      }
    }
    for (const [entries, cursor] of opened) {
      expect(() => [...entries]).toThrow(closed)
      expect(() => cursor.next()).toThrow(closed)
      await expect(entries[Symbol.asyncIterator]().next()).rejects.toThrow(closed)
    }
  })
})
