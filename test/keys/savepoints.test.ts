import type { Database, KeyTransaction } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldBy,
  heldNow,
  holding,
  putAll,
  readConflict,
  writeConflict,
} from './keyspace.ts'

const three = { a: 1, b: 2, c: 3 }

describe('a rollback to a savepoint', () => {
  it('undoes what was put since, keeps what was put before, and the commit has that', async () => {
    const database = await holding(three)
    const party = begin(database)
    const { tx, keys } = party
    putAll(keys, { a: 'before', d: 'before' })
    const point = tx.savepoint()
    putAll(keys, { a: 'since', b: 'since', e: 'since' })
    point.rollback()
    const left = Object.entries({ a: 'before', b: 2, c: 3, d: 'before' })
    expect(heldBy(keys)).toEqual(left)
    expect(keys.getMany(['a', 'b', 'c', 'd', 'e'])).toEqual(['before', 2, 3, 'before', undefined])
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database)).toEqual(left)
    const told = [...database.keys('k').versions()].filter(({ value }) => value === 'since')
    expect(told).toEqual([])
  })

  it('brings back what was deleted since, committed or own', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    keys.put('own', 'put')
    const point = tx.savepoint()
    expect([keys.delete('a'), keys.compareAndDelete('own', 'put')]).toEqual([1, true])
    expect([keys.has('a'), keys.has('own')]).toEqual([false, false])
    point.rollback()
    expect([keys.get('a'), keys.get('own')]).toEqual([1, 'put'])
    expect([keys.delete('a'), keys.delete('own')]).toEqual([1, 1])
    keys.clear()
    point.rollback()
    expect(heldBy(keys)).toEqual(Object.entries({ ...three, own: 'put' }))
  })

  it('brings back the value of what was deleted and made again', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    const point = tx.savepoint()
    keys.delete('a')
    keys.insert('a', 'again')
    keys.delete('a')
    keys.insert('a', 'and again')
    point.rollback()
    expect(keys.get('a')).toBe(1)
    keys.delete('a')
    const deleted = tx.savepoint()
    keys.insert('a', 'again')
    deleted.rollback()
    expect(keys.has('a')).toBe(false)
    expect(await ending({ tx, keys })).toBe('committed')
    expect(heldNow(database)).toEqual(Object.entries({ b: 2, c: 3 }))
  })

  it('brings back the value at the savepoint of what was put many times', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    for (const value of [10, 11, 12]) keys.put('a', value)
    const point = tx.savepoint()
    for (const value of [13, 14, 15]) keys.put('a', value)
    point.rollback()
    expect(keys.get('a')).toBe(12)
    keys.put('a', 16)
    expect(keys.get('a')).toBe(16)
    point.rollback()
    expect(keys.get('a')).toBe(12)
  })

  it('goes out of three levels, one by one', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    const points = [1, 2, 3].map((level) => {
      const point = tx.savepoint()
      keys.put('a', `level ${level}`)
      keys.put(`made ${level}`, level)
      return point
    })
    const seen: unknown[] = []
    for (const point of points.reverse()) {
      point.rollback()
      seen.push([keys.get('a'), keys.range({ prefix: 'made' }).count()])
    }
    expect(seen).toEqual([
      ['level 2', 2],
      ['level 1', 1],
      [1, 0],
    ])
    expect(await ending({ tx, keys })).toBe('nothing to commit')
  })

  it('undoes the innermost level alone, and the commit has the others', async () => {
    const database = await holding(three)
    const party = begin(database)
    const { tx, keys } = party
    tx.savepoint('outer')
    keys.put('a', 'outer')
    tx.savepoint('inner')
    putAll(keys, { a: 'inner', b: 'inner' })
    tx.rollbackTo('inner')
    tx.release('outer')
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database)).toEqual(Object.entries({ ...three, a: 'outer' }))
  })

  it('to an outer one undoes the inner ones with it, released or not', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    const outer = tx.savepoint('outer')
    keys.put('a', 'outer')
    const released = tx.savepoint('released')
    keys.put('b', 'inner')
    released.release()
    const kept = tx.savepoint('kept')
    keys.put('c', 'inner')
    outer.rollback()
    expect(heldBy(keys)).toEqual(Object.entries(three))
    expect(codeOf(() => kept.rollback())).toBe('NoSavepoint')
  })

  it('without a savepoint is refused, and the transaction is as usable as before', async () => {
    const database = await holding(three)
    const party = begin(database)
    party.keys.put('a', 'own')
    expect(codeOf(() => party.tx.rollbackTo('none'))).toBe('NoSavepoint')
    expect(party.keys.get('a')).toBe('own')
    party.tx.savepoint('none')
    party.keys.put('a', 'since')
    party.tx.rollbackTo('none')
    expect(await ending(party)).toBe('committed')
    expect(database.keys('k').get('a')).toBe('own')
  })

  it('does nothing in a transaction that only reads, and hides nothing there', async () => {
    const database = await holding(three)
    const party = begin(database, { readonly: true })
    const point = party.tx.savepoint('point')
    expect(heldBy(party.keys)).toEqual(Object.entries(three))
    point.rollback()
    party.tx.rollbackTo('point')
    expect(codeOf(() => party.keys.put('a', 2))).toBe('TimeReadOnly')
    expect(heldBy(party.keys)).toEqual(Object.entries(three))
    party.tx.release('point')
    expect(codeOf(() => point.rollback())).toBe('NoSavepoint')
    expect(await ending(party)).toBe('nothing to commit')
  })

  it('lets go on with other values, which the commit has', async () => {
    const database = await holding(three)
    const party = begin(database)
    const point = party.tx.savepoint()
    putAll(party.keys, { a: 'wrong', d: 'wrong' })
    point.rollback()
    putAll(party.keys, { a: 'right', e: 'right' })
    party.keys.delete('b')
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database)).toEqual(Object.entries({ a: 'right', c: 3, e: 'right' }))
  })

  it('after which nothing was stated changes nothing, wherever it is done', async () => {
    const database = await holding(three)
    const party = begin(database)
    party.tx.savepoint().rollback()
    expect(heldBy(party.keys)).toEqual(Object.entries(three))
    party.keys.put('a', 'own')
    const point = party.tx.savepoint()
    for (let round = 0; round < 3; round++) point.rollback()
    expect(party.keys.get('a')).toBe('own')
    expect(await ending(party)).toBe('committed')
    expect(database.keys('k').get('a')).toBe('own')
  })

  it('is seen by ranges, counts, cursors and histories, before and after', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    const see = (): unknown => ({
      forward: keys.range().keys().toArray(),
      reverse: keys.range({ reverse: true, limit: 2 }).keys().toArray(),
      count: keys.range({ gte: 'b' }).count(),
      last: (() => {
        const cursor = keys.cursor()
        return cursor.prev() ? cursor.key : undefined
      })(),
      own: [...keys.versions()].filter(({ sequence }) => sequence === undefined).length,
    })
    keys.put('d', 4)
    const before = see()
    expect(before).toEqual({
      forward: ['a', 'b', 'c', 'd'],
      reverse: ['d', 'c'],
      count: 3,
      last: 'd',
      own: 1,
    })
    const point = tx.savepoint()
    keys.delete('c')
    putAll(keys, { bb: 1, e: 5, a: 'since' })
    expect(see()).toEqual({
      forward: ['a', 'b', 'bb', 'd', 'e'],
      reverse: ['e', 'd'],
      count: 4,
      last: 'e',
      own: 5,
    })
    point.rollback()
    expect(see()).toEqual(before)
  })

  it('goes out of a hundred levels, half of them', async () => {
    const database = await holding()
    const party = begin(database)
    const { tx, keys } = party
    for (let level = 0; level < 100; level++) {
      tx.savepoint(`level ${level}`)
      keys.put(level, level)
      keys.put('deepest', level)
    }
    for (let level = 99; level >= 50; level--) {
      tx.rollbackTo(`level ${level}`)
      expect(keys.get('deepest')).toBe(level - 1)
      expect(keys.range().count()).toBe(level + 1)
    }
    expect(await ending(party)).toBe('committed')
    const values = heldNow(database).map(([, value]) => value)
    expect(values).toEqual([49, ...Array.from({ length: 50 }, (_, index) => index)])
  })

  it('shows what is committed again where it was hidden by own statements', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    const point = tx.savepoint()
    putAll(keys, { a: 'own', b: 'own' })
    keys.delete('c')
    await commit(database, (others) => putAll(others, { a: 'theirs', d: 'theirs' }))
    point.rollback()
    // The state that it was begun on, not the newest one.
    expect(heldBy(keys)).toEqual(Object.entries(three))
  })

  it('goes with conditions: one that fails leaves the state, one that held is undone', async () => {
    const database = await holding(three)
    const { tx, keys } = begin(database)
    keys.insert('d', 4)
    const point = tx.savepoint()
    expect(codeOf(() => keys.insert('d', 5))).toBe('AlreadyExists')
    expect(keys.compareAndSet('d', 5, 6)).toBe(false)
    expect(heldBy(keys)).toEqual(Object.entries({ ...three, d: 4 }))
    expect(keys.compareAndSet('d', 4, 5)).toBe(true)
    expect(keys.compareAndDelete('a', 1)).toBe(true)
    keys.insert('e', 5)
    point.rollback()
    expect(heldBy(keys)).toEqual(Object.entries({ ...three, d: 4 }))
    // What it looks at now is what is there now.
    expect(keys.compareAndSet('d', 5, 6)).toBe(false)
    expect(keys.compareAndSet('d', 4, 6)).toBe(true)
    expect(keys.insert('e', 6)).toBe(1)
  })
})

describe('savepoints', () => {
  it('together, one after another and nested, leave what was not undone', async () => {
    const database = await holding(three)
    await database.write((tx) => {
      const keys = tx.keys('k')
      keys.put('kept', 1)
      const first = tx.savepoint()
      keys.put('undone', 1)
      first.rollback()
      keys.put('kept after', 1)
      first.release()
      const outer = tx.savepoint('outer')
      keys.put('nested', 1)
      const inner = tx.savepoint('inner')
      keys.put('undone too', 1)
      inner.rollback()
      keys.put('nested after', 1)
      inner.release()
      outer.release()
    })
    const made = ['kept', 'kept after', 'nested', 'nested after']
    expect(heldNow(database).map(([key]) => key)).toEqual(['a', 'b', 'c', ...made])
  })

  it('belong to one transaction, and to one run of a closure', async () => {
    const database = await holding(three)
    const first = begin(database)
    const point = first.tx.savepoint('point')
    first.keys.get('a')
    first.tx.cancel()
    expect(codeOf(() => point.rollback())).toBe('TransactionFinished')
    const second = begin(database)
    expect(codeOf(() => second.tx.rollbackTo('point'))).toBe('NoSavepoint')
    second.keys.put('own', 1)
    await commit(database, (keys) => keys.put('a', 2))
    // Nor has it anything of what the other read.
    expect(await ending(second)).toBe('committed')
    let runs = 0
    await database.write(async (tx) => {
      expect(codeOf(() => tx.rollbackTo('in a closure'))).toBe('NoSavepoint')
      tx.savepoint('in a closure')
      tx.keys('k').put('a', Number(tx.keys('k').get('a')) + 1)
      if (++runs === 1) await commit(database, (keys) => keys.put('a', 10))
    })
    expect([runs, database.keys('k').get('a')]).toEqual([2, 11])
  })
})

type Step = (keys: KeyTransaction) => unknown

const reads: readonly [string, Step, string][] = [
  ['get', (keys) => keys.get('b'), 'b'],
  ['get of what is absent', (keys) => keys.get('x'), 'x'],
  ['has', (keys) => keys.has('b'), 'b'],
  ['getMany', (keys) => keys.getMany(['a', 'b']), 'b'],
  ['range', (keys) => keys.range({ gte: 'b', lt: 'c' }).toArray(), 'bb'],
  ['count', (keys) => keys.range().count(), 'x'],
  ['cursor', (keys) => keys.cursor().seek('bb'), 'bb'],
  ['a condition that fails', (keys) => keys.compareAndSet('b', 9, 9), 'b'],
  ['an insert that is refused', (keys) => codeOf(() => keys.insert('b', 9)), 'b'],
]

/** Reads before, within or after a savepoint that is rolled back; then another changes the key. */
async function afterRead(
  read: Step,
  key: string,
  when: 'before' | 'within' | 'after',
): Promise<unknown> {
  const database: Database = await holding(three)
  const party = begin(database)
  const { tx, keys } = party
  if (when === 'before') read(keys)
  const point = tx.savepoint()
  keys.put('undone', 1)
  if (when === 'within') read(keys)
  point.rollback()
  if (when === 'after') read(keys)
  keys.put('kept', 1)
  await commit(database, (others) => others.put(key, 'theirs'))
  return ending(party)
}

describe('what was read', () => {
  it.each(reads)(
    'by %s stays read, before, within or after what is undone',
    async (_name, read, key) => {
      for (const when of ['before', 'within', 'after'] as const) {
        expect([when, await afterRead(read, key, when)]).toEqual([when, readConflict(key)])
      }
    },
  )

  it('of a range, before a savepoint, stays read with own writes in it', async () => {
    const database = await holding(three)
    const party = begin(database)
    const { tx, keys } = party
    expect(heldBy(keys)).toHaveLength(3)
    const point = tx.savepoint()
    keys.put('bb', 'undone')
    expect(heldBy(keys)).toHaveLength(4)
    point.rollback()
    keys.put('d', 'own')
    expect(heldBy(keys)).toHaveLength(4)
    await commit(database, (others) => others.put('bb', 'theirs'))
    expect(await ending(party)).toEqual(readConflict('bb'))
  })

  it('is not made more by a rollback: the undone keys are free for others', async () => {
    const database = await holding(three)
    const party = begin(database)
    const { tx, keys } = party
    keys.get('a')
    const point = tx.savepoint()
    putAll(keys, { b: 'undone', made: 'undone' })
    point.rollback()
    keys.put('kept', 1)
    await commit(database, (others) => putAll(others, { b: 'theirs', made: 'theirs' }))
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database)).toEqual(
      Object.entries({ a: 1, b: 'theirs', c: 3, kept: 1, made: 'theirs' }),
    )
  })

  it('of what was undone and stated again is a conflict as it would be without', async () => {
    const database = await holding(three)
    const party = begin(database)
    const { tx, keys } = party
    const point = tx.savepoint()
    keys.put('b', 'undone')
    point.rollback()
    keys.put('b', 'again')
    await commit(database, (others) => others.put('b', 'theirs'))
    expect(await ending(party)).toEqual(writeConflict('b'))
  })
})
