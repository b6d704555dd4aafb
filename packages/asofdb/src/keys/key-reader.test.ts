import { describe, expect, test } from 'vitest'
import { open } from '../open.ts'

async function database(count: number) {
  const db = await open(':memory:')
  await db.write((tx) => {
    for (let number = 0; number < count; number++) tx.keys('k').put(number, number)
  })
  return db
}

const ways = [false, true]

describe.each(ways)('a walk over keys, in reverse: %s', (reverse) => {
  test('ends, and meets every key once, while the transaction writes on', async () => {
    const db = await database(400)
    await db.write((tx) => {
      const keys = tx.keys('k')
      const met: unknown[] = []
      for (const { key } of keys.range({ reverse })) {
        met.push(key)
        const number = Number(key)
        for (const step of [0.25, -0.25, 0.5, 400, -400]) keys.put(number + step, 'made')
      }
      const wanted = Array.from({ length: 400 }, (_, at) => (reverse ? 399 - at : at))
      expect(met).toEqual(wanted)
      expect([...keys.range()].length).toBeGreaterThan(2000)
    })
  })

  test('shows a view what it always showed, while commits go on', async () => {
    const db = await database(300)
    const view = db.snapshot()
    const met: unknown[] = []
    for (const { key, value } of view.keys('k').range({ gte: 10, lt: 290, reverse })) {
      met.push(value)
      await db.write((tx) => {
        tx.keys('k').put(Number(key) + 0.5, 'later')
        tx.keys('k').put(299 - Number(key), 'changed')
      })
    }
    expect(met).toEqual(Array.from({ length: 280 }, (_, at) => (reverse ? 289 - at : at + 10)))
  })

  test('ends at its limit', async () => {
    const db = await database(10)
    const found = [...db.keys('k').range({ gt: 2, lte: 8, limit: 3, reverse })]
    expect(found.map(({ key }) => key)).toEqual(reverse ? [8, 7, 6] : [3, 4, 5])
    expect([...db.keys('k').range({ limit: 0, reverse })]).toEqual([])
    expect([...db.keys('none').range({ reverse })]).toEqual([])
  })
})

test('a value of a transaction lies on top of what is stored, over its own period', async () => {
  const db = await database(3)
  await db.write((tx) => {
    const keys = tx.keys('k')
    keys.put(1, 'past', { validFrom: '1990-01-01', validTo: '2000-01-01' })
    expect(keys.get(1)).toBe(1)
    keys.put(1, 'own')
    keys.delete(2)
    expect([0, 1, 2].map((key) => keys.get(key))).toEqual([0, 'own', undefined])
    expect([0, 1, 2].map((key) => keys.has(key))).toEqual([true, true, false])
    expect([...keys.range()].map(({ key }) => key)).toEqual([0, 1])
  })
  const values = db
    .keys('k')
    .timeline(1)
    .map(({ value }) => value)
  expect(values).toEqual(['own'])
  expect(db.asOf({ sequence: 1 }).keys('k').get(2)).toBe(2)
})
