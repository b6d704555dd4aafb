import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { open } from '../open.ts'

/** Bounds that lie on, between and beyond what is there. */
function boundAt(random: RandomStream, count: number): number {
  return random.below(count * 4) / 2 - count / 2
}

describe('a range without a transaction', () => {
  test.each([0, 1, 3, 4, 5, 20, 21, 84, 85, 400])('gives what there is: %s keys', async (count) => {
    const db = await open(':memory:')
    const random = new RandomStream(`blocks ${count}`)
    const known = new Map<number, string>()
    await db.write((tx) => {
      for (let made = 0; made < count; made++) {
        const [key, value] = [random.below(count), `value ${made} `.repeat(random.below(20))]
        tx.keys('k').put(key, value)
        known.set(key, value)
      }
    })
    await db.write((tx) => {
      for (let key = 0; key < count; key++) {
        if (random.below(3) > 0) continue
        tx.keys('k').delete(key)
        known.delete(key)
      }
    })
    const sorted = [...known].sort(([a], [b]) => a - b).map(([key, value]) => ({ key, value }))
    expect([...db.keys('k').range()]).toEqual(sorted)
    for (let turn = 0; turn < 60; turn++) {
      const [gte, lt] = [boundAt(random, count), boundAt(random, count)]
      const [skip, reverse] = [random.below(3) * random.below(5), random.below(2) === 0]
      const limit = [0, 1, 7, Infinity][random.below(4)] ?? 0
      const wanted = sorted.filter(({ key }) => key >= gte && key < lt)
      if (reverse) wanted.reverse()
      const range = { gte, lt, reverse, skip, limit }
      const part = wanted.slice(skip, skip + limit)
      expect([...db.keys('k').range(range)], JSON.stringify(range)).toEqual(part)
      expect([...db.keys('k').range(range).keys()]).toEqual(part.map(({ key }) => key))
      expect(db.keys('k').range(range).count()).toBe(part.length)
    }
  })

  test('goes on over what it saw while keys are added and changed', async () => {
    const db = await open(':memory:')
    const put = (keys: readonly number[], value: string): Promise<void> =>
      db.write((tx) => {
        for (const key of keys) tx.keys('k').put(key, value)
      })
    const keys = Array.from({ length: 300 }, (_, at) => at)
    for (const reverse of [false, true]) {
      const value = `before, reverse: ${reverse}`
      await put(keys, value)
      const met: unknown[] = []
      for (const entry of db.snapshot().keys('k').range({ reverse, lt: 300 })) {
        if (Number.isInteger(entry.key)) expect(entry.value).toBe(value)
        met.push(entry.key)
        if (met.length % 40 !== 0) continue
        await put([Number(entry.key), Number(entry.key) + 0.25, met.length, 299 - met.length], 'x')
      }
      const whole = met.filter(Number.isInteger)
      expect(reverse ? whole.reverse() : whole).toEqual(keys)
    }
  })
})
