import { describe, expect, it } from 'vitest'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldNow,
  holding,
  putAll,
  readConflict,
} from './keyspace.ts'

/** Reading many keys at once: `getMany`. */
describe('getMany', () => {
  it('gives values in the order asked for, not in that of keys', async () => {
    const database = await holding({ a: 1, b: 2, c: 3, d: 4 })
    const asked = ['c', 'a', 'd', 'b']
    const given = [3, 1, 4, 2]
    expect(database.keys('k').getMany(asked)).toEqual(given)
    expect(database.snapshot().keys('k').getMany(asked)).toEqual(given)
    await database.write((tx) => expect(tx.keys('k').getMany(asked)).toEqual(given))
  })

  it('gives undefined in the place of a key that is absent', async () => {
    const database = await holding({ a: 1, c: 3 })
    expect(database.keys('k').getMany(['0', 'a', 'b', 'c', 'd'])).toEqual([
      undefined,
      1,
      undefined,
      3,
      undefined,
    ])
  })

  it('gives nothing but undefined where all are absent, or the keyspace is', async () => {
    const database = await holding({ a: 1 })
    for (const keyspace of ['k', 'never']) {
      const given = database.keys(keyspace).getMany(['x', 'y', 'z'])
      expect(given).toStrictEqual([undefined, undefined, undefined])
    }
  })

  it('gives nothing for no keys, and has read nothing then', async () => {
    const database = await holding({ a: 1 })
    const reader = begin(database)
    expect(reader.keys.getMany([])).toEqual([])
    reader.keys.put('own', 1)
    await commit(database, (keys) => keys.put('a', 2))
    expect(await ending(reader)).toBe('committed')
  })

  it('answers a key as often as it is asked for', async () => {
    const database = await holding({ a: 1, b: 2 })
    const given = database.keys('k').getMany(['a', 'b', 'a', 'x', 'a', 'x'])
    expect(given).toEqual([1, 2, 1, undefined, 1, undefined])
  })

  it('takes the keys from anything that can be iterated, once', async () => {
    const database = await holding({ a: 1, b: 2 })
    let taken = 0
    const asked = function* (): Generator<string> {
      for (const key of ['b', 'x', 'a']) {
        taken++
        yield key
      }
    }
    expect(database.keys('k').getMany(asked())).toEqual([2, undefined, 1])
    expect(taken).toBe(3)
    expect(database.keys('k').getMany(new Set(['a', 'b', 'a']))).toEqual([1, 2])
  })

  it('sees own writes, over what is stored and over what others commit meanwhile', async () => {
    const database = await holding({ a: 1, b: 2, c: 3 })
    const { keys } = begin(database)
    putAll(keys, { b: 'own', d: 'made' })
    await commit(database, (others) => putAll(others, { a: 'theirs', b: 'theirs', d: 'theirs' }))
    expect(keys.getMany(['a', 'b', 'c', 'd'])).toEqual([1, 'own', 3, 'made'])
    expect(database.keys('k').getMany(['a', 'b', 'c', 'd'])).toEqual([
      'theirs',
      'theirs',
      3,
      'theirs',
    ])
  })

  it('gives undefined for own deletes, of what is stored and of what was just put', async () => {
    const database = await holding({ a: 1, b: 2 })
    const { keys } = begin(database)
    keys.delete('a')
    keys.put('c', 3)
    keys.delete('c')
    expect(keys.getMany(['a', 'b', 'c'])).toEqual([undefined, 2, undefined])
    keys.put('a', 'again')
    expect(keys.getMany(['a', 'b', 'c'])).toEqual(['again', 2, undefined])
    expect(database.keys('k').getMany(['a', 'b', 'c'])).toEqual([1, 2, undefined])
  })

  it('answers a thousand keys in any order, half of them absent', async () => {
    const count = 1000
    const database = await holding()
    await commit(database, (keys) => {
      for (let number = 0; number < count; number += 2) keys.put(number, { number })
    })
    // 7 and 1,000 have no divisor in common, so every number is met once.
    const asked = Array.from({ length: count }, (_, index) => (index * 7) % count)
    const given = database.keys('k').getMany(asked)
    expect(given).toEqual(asked.map((number) => (number % 2 === 0 ? { number } : undefined)))
    expect(given.filter((one) => one !== undefined)).toHaveLength(500)
  })
})

describe('getMany of the past', () => {
  it('gives what was there then', async () => {
    const database = await holding({ a: 'a1', b: 'b1' })
    const first = database.sequence
    const second = await commit(database, (keys) => putAll(keys, { a: 'a2', b: 'b2' }))
    await commit(database, (keys) => keys.put('a', 'a3'))
    const at = (sequence: number) => database.asOf({ sequence }).keys('k').getMany(['a', 'b'])
    expect(at(first - 1)).toEqual([undefined, undefined])
    expect(at(first)).toEqual(['a1', 'b1'])
    expect(at(second)).toEqual(['a2', 'b2'])
    expect(at(second + 1)).toEqual(['a3', 'b2'])
    const system = database.commit(second)?.system
    expect(database.asOf({ system }).keys('k').getMany(['a', 'b'])).toEqual(['a2', 'b2'])
  })

  it('has what was deleted since, and no longer what was deleted before', async () => {
    const database = await holding({ a: 1, b: 2 })
    const before = database.snapshot()
    await commit(database, (keys) => keys.delete('a'))
    const between = database.snapshot()
    await commit(database, (keys) => keys.put('a', 'again'))
    const asked = ['a', 'b']
    expect(before.keys('k').getMany(asked)).toEqual([1, 2])
    expect(between.keys('k').getMany(asked)).toEqual([undefined, 2])
    expect(database.keys('k').getMany(asked)).toEqual(['again', 2])
  })

  it('keeps to the order asked for, and answers twice what is asked for twice', async () => {
    const database = await holding({ a: 1, b: 2, c: 3 })
    const then = database.snapshot()
    await commit(database, (keys) => putAll(keys, { a: 0, b: 0, c: 0 }))
    expect(then.keys('k').getMany(['c', 'a', 'b', 'c'])).toEqual([3, 1, 2, 3])
  })

  it('has no key that was made later, beside those that were there', async () => {
    const database = await holding({ a: 1, c: 3 })
    const then = database.snapshot()
    await commit(database, (keys) => putAll(keys, { b: 2, d: 4 }))
    expect(then.keys('k').getMany(['a', 'b', 'c', 'd', 'x'])).toEqual([
      1,
      undefined,
      3,
      undefined,
      undefined,
    ])
  })
})

describe('getMany in a transaction', () => {
  it('has read every key it was asked for, there or not, and no other', async () => {
    for (const [key, change] of [
      ['b', 'put'],
      ['b', 'delete'],
      ['x', 'put'],
    ] as const) {
      const database = await holding({ a: 1, b: 2, c: 3 })
      const reader = begin(database)
      expect(reader.keys.getMany(['a', 'b', 'x'])).toEqual([1, 2, undefined])
      reader.keys.put('own', 1)
      await commit(database, (keys) => (change === 'put' ? keys.put(key, 0) : keys.delete(key)))
      expect([key, change, await ending(reader)]).toEqual([key, change, readConflict(key)])
      expect(database.keys('k').has('own')).toBe(false)
    }
    const database = await holding({ a: 1, b: 2, c: 3 })
    const reader = begin(database)
    reader.keys.getMany(['a', 'c'])
    reader.keys.put('own', 1)
    await commit(database, (keys) => putAll(keys, { b: 0, aa: 0 }))
    expect(await ending(reader)).toBe('committed')
  })

  it('takes keys of any bytes', async () => {
    const database = await holding()
    const keys = [[0], [0, 0], [0xff], [0xff, 0xff], [0x80, 0, 0xff], [0xfe, 0]]
    const bytes = keys.map((key) => Uint8Array.from(key))
    await commit(database, (held) => bytes.forEach((key, index) => held.put(key, index)))
    expect(database.keys('k').getMany(bytes)).toEqual([0, 1, 2, 3, 4, 5])
    const near = [[0, 0, 0], [0xff, 0], [0x80, 0], [1]].map((key) => Uint8Array.from(key))
    expect(database.keys('k').getMany(near)).toEqual(Array.from({ length: 4 }))
  })

  it('keeps to its snapshot while others commit', async () => {
    const database = await holding({ a: 0, b: 0, c: 0 })
    const parties = [begin(database), begin(database, { readonly: true })]
    for (let round = 1; round <= 20; round++) {
      await commit(database, (keys) => putAll(keys, { a: round, b: round, [`x${round}`]: round }))
      if (round === 10) await commit(database, (keys) => keys.delete('c'))
      for (const { keys } of parties) {
        expect(keys.getMany(['c', 'b', 'a', `x${round}`])).toEqual([0, 0, 0, undefined])
      }
    }
    expect(database.keys('k').getMany(['a', 'b', 'c', 'x20'])).toEqual([20, 20, undefined, 20])
  })

  it('refuses what is no key, and leaves the transaction as it was', async () => {
    const database = await holding({ a: 1 })
    const party = begin(database)
    party.keys.put('b', 2)
    const bad = ['a', Number.NaN, 'b']
    expect(codeOf(() => party.keys.getMany(bad))).toBe('InvalidKey')
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database)).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })
})
