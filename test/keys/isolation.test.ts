import type { Database, KeyTransaction } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  commit,
  ending,
  heldBy,
  heldNow,
  holding,
  isolations,
  type Party,
  putAll,
  readConflict,
  writeConflict,
} from './keyspace.ts'

describe.each(isolations)('under %s', (isolation) => {
  it('a transaction reads the state it was begun on, whatever is committed', async () => {
    const database = await holding({ a: 1, b: 1, c: 1 })
    const before = heldNow(database)
    const { keys } = begin(database, { isolation })
    await commit(database, (others) => {
      putAll(others, { a: 2, d: 2 })
      others.delete('c')
    })
    const see = (): unknown => [keys.get('a'), keys.has('c'), keys.has('d'), heldBy(keys)]
    expect(see()).toEqual([1, true, false, before])
    await commit(database, (others) => putAll(others, { a: 3, c: 3 }))
    expect(see()).toEqual([1, true, false, before])
    expect(heldBy(begin(database, { isolation }).keys)).toEqual([
      ['a', 3],
      ['b', 1],
      ['c', 3],
      ['d', 2],
    ])
  })

  it('two that write different keys both commit', async () => {
    const database = await holding({ a: 1, b: 1 })
    const [first, second] = [begin(database, { isolation }), begin(database, { isolation })]
    first.keys.put('a', 'first')
    first.keys.put('new', 'first')
    second.keys.put('b', 'second')
    second.keys.put('newer', 'second')
    expect(await ending(second)).toBe('committed')
    expect(await ending(first)).toBe('committed')
    expect(heldNow(database)).toEqual([
      ['a', 'first'],
      ['b', 'second'],
      ['new', 'first'],
      ['newer', 'second'],
    ])
  })

  it('of two that write one key only the first commits, and its value stays', async () => {
    for (const change of [
      (keys: KeyTransaction) => keys.put('a', 'second'),
      // Also with the very value that is there, and by taking it away.
      (keys: KeyTransaction) => keys.put('a', 'first'),
      (keys: KeyTransaction) => keys.put('a', 1),
      (keys: KeyTransaction) => keys.delete('a'),
    ]) {
      const database = await holding({ a: 1 })
      const [first, second] = [begin(database, { isolation }), begin(database, { isolation })]
      first.keys.put('a', 'first')
      change(second.keys)
      second.keys.put('beside', 1)
      expect(await ending(first)).toBe('committed')
      expect(await ending(second)).toEqual(writeConflict('a'))
      expect(heldNow(database)).toEqual([['a', 'first']])
    }
  })
})

type Step = (keys: KeyTransaction) => unknown

interface Dance {
  readonly database: Database
  readonly read: Step
  readonly change: Step
}

/** One reads and writes elsewhere; another changes something and commits first. */
async function readThenChanged({ database, read, change }: Dance): Promise<unknown> {
  const reader = begin(database)
  read(reader.keys)
  reader.keys.put('elsewhere', 1)
  await commit(database, change)
  const result = await ending(reader)
  expect(database.keys('k').has('elsewhere')).toBe(result === 'committed')
  return result
}

describe('serializable', () => {
  it('is what a transaction is, unless it asks for something else', async () => {
    for (const options of [
      undefined,
      {},
      { isolation: undefined },
      { isolation: 'serializable' as const },
    ]) {
      const database = await holding({ a: 1 })
      const reader = begin(database, options)
      reader.keys.get('a')
      reader.keys.put('b', 1)
      await commit(database, (keys) => keys.put('a', 2))
      expect(await ending(reader)).toEqual(readConflict('a'))
    }
    const database = await holding({ a: 1 })
    let runs = 0
    await database.write(async (tx) => {
      const seen = tx.keys('k').get('a')
      if (++runs === 1) await commit(database, (keys) => keys.put('a', 2))
      tx.keys('k').put('seen', seen ?? null)
    })
    expect([runs, database.keys('k').get('seen')]).toEqual([2, 2])
  })

  it('refuses one whose read was overwritten', async () => {
    const database = await holding({ a: 1 })
    const read: Step = (keys) => expect(keys.get('a')).toBe(1)
    const change: Step = (keys) => keys.put('a', 2)
    expect(await readThenChanged({ database, read, change })).toEqual(readConflict('a'))
  })

  it('lets go on whoever has read other keys than were changed', async () => {
    const database = await holding({ a: 1, b: 1, c: 1 })
    const read: Step = (keys) => [keys.get('a'), keys.has('x'), [...keys.range({ gt: 'b' })]]
    const change: Step = (keys) => putAll(keys, { aa: 1, b: 2 })
    expect(await readThenChanged({ database, read, change })).toBe('committed')
  })

  it('refuses one into whose range something was put', async () => {
    const database = await holding({ b: 1, d: 1 })
    const read: Step = (keys) => keys.range({ gte: 'b', lt: 'e' }).toArray()
    for (const key of ['b\0', 'c', 'd\0', 'dz']) {
      const change: Step = (keys) => keys.put(key, 1)
      expect(await readThenChanged({ database, read, change })).toEqual(readConflict(key))
    }
    const change: Step = (keys) => putAll(keys, { a: 1, az: 1, e: 1, f: 1 })
    expect(await readThenChanged({ database, read, change })).toBe('committed')
  })

  it('refuses one that missed a key which another puts', async () => {
    const database = await holding()
    const read: Step = (keys) => expect(keys.get('missed')).toBeUndefined()
    const change: Step = (keys) => keys.put('missed', 1)
    expect(await readThenChanged({ database, read, change })).toEqual(readConflict('missed'))
  })

  it('refuses one that asked whether a key is there, which another changes', async () => {
    const database = await holding({ there: 1 })
    const read: Step = (keys) => expect([keys.has('there'), keys.has('not')]).toEqual([true, false])
    const taken: Step = (keys) => keys.delete('there')
    expect(await readThenChanged({ database, read, change: taken })).toEqual(readConflict('there'))
    await commit(database, (keys) => keys.put('there', 1))
    const put: Step = (keys) => keys.put('not', 1)
    expect(await readThenChanged({ database, read, change: put })).toEqual(readConflict('not'))
  })

  it('refuses one that read a key which another deletes', async () => {
    const database = await holding({ a: 1, b: 1 })
    const read: Step = (keys) => expect(keys.get('a')).toBe(1)
    const change: Step = (keys) => expect(keys.delete('a')).toBe(1)
    expect(await readThenChanged({ database, read, change })).toEqual(readConflict('a'))
    // Nobody is refused for the delete of what is not there.
    const nothing: Step = (keys) => expect(keys.delete('never')).toBe(0)
    const missed: Step = (keys) => expect(keys.has('never')).toBe(false)
    expect(await readThenChanged({ database, read: missed, change: nothing })).toBe('committed')
  })

  it('refuses one within whose range a value was replaced', async () => {
    const database = await holding({ a: 1, b: 1, c: 1 })
    for (const read of [
      (keys: KeyTransaction) => expect([...keys.range({ gte: 'a', lte: 'c' })]).toHaveLength(3),
      (keys: KeyTransaction) => expect(keys.range().keys().toArray()).toHaveLength(3),
      (keys: KeyTransaction) => expect(keys.range({ reverse: true }).count()).toBe(3),
    ]) {
      const change: Step = (keys) => keys.put('b', 2)
      expect(await readThenChanged({ database, read, change })).toEqual(readConflict('b'))
    }
  })

  it('holds a range as far as it was walked, the key it stopped at included', async () => {
    const held = { a: 1, c: 1, e: 1, g: 1 }
    const walks: [Step, first: string, last: string][] = [
      [(keys) => keys.range({ limit: 2 }).toArray(), '', 'c'],
      [(keys) => keys.range({ limit: 2, reverse: true }).toArray(), 'e', 'z'],
      [(keys) => keys.range({ gte: 'b' }).first(), 'b', 'c'],
      [(keys) => keys.range({ lt: 'f', reverse: true }).keys().first(), 'e', 'ee'],
      [(keys) => keys.range({ lte: 'd' }).ends().back(), 'c', 'd'],
      [(keys) => keys.range({ gt: 'c' }).ends().front(), 'cc', 'e'],
      [(keys) => keys.cursor().seek('d'), 'd', 'e'],
      [(keys) => keys.cursor().seekForPrev('d'), 'c', 'd'],
      [(keys) => keys.cursor({ lt: 'e' }).prev(), 'c', 'd'],
    ]
    for (const [read, first, last] of walks) {
      for (const key of ['0', 'a', 'b', 'c', 'cc', 'd', 'e', 'ee', 'g', 'h']) {
        const database = await holding(held)
        const change: Step = (keys) => keys.put(key, 2)
        const isRead = key >= first && key <= last
        const expected = isRead ? readConflict(key) : 'committed'
        const given = await readThenChanged({ database, read, change })
        expect([String(read), key, given]).toEqual([String(read), key, expected])
      }
    }
  })

  it('refuses all but the first of those that read a key and put it', async () => {
    const database = await holding({ a: 0 })
    const parties = Array.from({ length: 4 }, () => begin(database))
    const mark = ({ keys }: Party, index: number): unknown => [keys.get('a'), keys.put('a', index)]
    for (const [index, party] of parties.entries()) mark(party, index)
    const third = parties[2]
    const order = [third, ...parties.filter((party) => party !== third)]
    const endings: unknown[] = []
    for (const party of order) if (party !== undefined) endings.push(await ending(party))
    const lost = writeConflict('a')
    expect(endings).toEqual(['committed', lost, lost, lost])
    expect(heldNow(database)).toEqual([['a', 2]])
  })

  it('refuses a reader that writes elsewhere, once what it read was put', async () => {
    const database = await holding({ a: 1 })
    const [first, second, third] = [begin(database), begin(database), begin(database)]
    for (const { keys } of [first, second, third]) expect(keys.get('a')).toBe(1)
    first.keys.put('a', 2)
    second.keys.put('b', 2)
    third.keys.put('c', 2)
    expect(await ending(second)).toBe('committed')
    expect(await ending(first)).toBe('committed')
    expect(await ending(third)).toEqual(readConflict('a'))
  })

  it('loses no increment: the second is refused, and done again', async () => {
    const database = await holding({ count: 0 })
    const increment = ({ keys }: Party): unknown => keys.put('count', Number(keys.get('count')) + 1)
    const [first, second] = [begin(database), begin(database)]
    increment(first)
    increment(second)
    expect(await ending(first)).toBe('committed')
    expect(await ending(second)).toEqual(writeConflict('count'))
    const again = begin(database)
    increment(again)
    expect(await ending(again)).toBe('committed')
    expect(database.keys('k').get('count')).toBe(2)
  })
})

describe('snapshot', () => {
  it('lets one commit whose read was overwritten', async () => {
    const database = await holding({ a: 1 })
    const reader = begin(database, { isolation: 'snapshot' })
    expect([reader.keys.get('a'), reader.keys.has('x'), heldBy(reader.keys)]).toEqual([
      1,
      false,
      [['a', 1]],
    ])
    reader.keys.put('b', 1)
    await commit(database, (keys) => putAll(keys, { a: 2, x: 2 }))
    expect(await ending(reader)).toBe('committed')
    expect(heldNow(database)).toEqual([
      ['a', 2],
      ['b', 1],
      ['x', 2],
    ])
  })
})
