import type { Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { begin, commit, ending, heldBy, heldNow, holding, putAll } from './keyspace.ts'
import { together, turn } from './tasks.ts'

describe('a range that only readers have read', () => {
  const changes: [string, Parameters<typeof commit>[1]][] = [
    ['an insert into it', (keys) => keys.insert('bb', 1)],
    ['a delete within it', (keys) => keys.delete('b')],
    ['an update within it', (keys) => keys.put('b', 'changed')],
  ]

  it.each(changes)('does not hinder %s, and they keep what they read', async (_name, change) => {
    for (const options of [{ readonly: true }, {}]) {
      const held = { a: 1, b: 2, c: 3 }
      const database = await holding(held)
      const reader = begin(database, options)
      expect(reader.keys.range().count()).toBe(3)
      const writer = begin(database)
      change(writer.keys)
      // Both ways: the writer ends while the reader is open, and the reader ends well after it.
      expect(await ending(writer)).toBe('committed')
      expect(heldBy(reader.keys)).toEqual(Object.entries(held))
      expect(await ending(reader)).toBe('nothing to commit')
      expect(heldNow(database)).not.toEqual(Object.entries(held))
    }
  })

  it('is scanned by many at the same time, in parts that make the whole', async () => {
    const database = await holding()
    await commit(database, (keys) => {
      for (let number = 0; number < 1000; number++) keys.put(number, number)
    })
    const parts = await together(10, async (name) => {
      const found: Value[] = []
      const part = database.keys('k').range({ gte: name * 100, lt: name * 100 + 100 })
      for await (const value of part.values()) {
        found.push(value)
        if (found.length % 10 === name) await turn()
      }
      return found
    })
    expect(parts.flat()).toEqual(Array.from({ length: 1000 }, (_, number) => number))
  })

  it('is scanned while many keys are put into it: none of them, or whole commits', async () => {
    const database = await holding({ a: 1 })
    const early = begin(database, { readonly: true })
    let isOver = false
    const inserting = together(5, async (name) => {
      for (let round = 0; round < 20; round++) {
        await commit(database, (keys) => {
          for (let at = 0; at < 10; at++) keys.insert([name, round, at], 1)
        })
        await turn()
      }
    }).finally(() => {
      isOver = true
    })
    const counts: number[] = []
    const scanning = (async () => {
      for (; !isOver; await turn()) {
        counts.push(database.keys('k').range().count())
        expect(early.keys.range().count()).toBe(1)
      }
    })()
    await Promise.all([inserting, scanning])
    expect(counts.every((count) => (count - 1) % 10 === 0)).toBe(true)
    expect(counts.toSorted((a, b) => a - b)).toEqual(counts)
    expect(new Set(counts).size).toBeGreaterThan(5)
    expect(database.keys('k').range().count()).toBe(1001)
  })

  it('gives one transaction the same twice, and the next one all changes', async () => {
    const database = await holding({ a: 1, b: 2, c: 3 })
    const reader = begin(database)
    const first = heldBy(reader.keys)
    await commit(database, (keys) => {
      putAll(keys, { a: 'changed', d: 'made' })
      keys.delete('b')
    })
    expect(heldBy(reader.keys)).toEqual(first)
    expect(reader.keys.range().count()).toBe(3)
    const next = begin(database)
    expect(heldBy(next.keys)).toEqual(Object.entries({ a: 'changed', c: 3, d: 'made' }))
    expect([next.keys.has('b'), next.keys.has('d')]).toEqual([false, true])
  })
})
