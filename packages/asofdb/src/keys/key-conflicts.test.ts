import { describe, expect, test } from 'vitest'
import type { Database, KeyTransaction } from '../index.ts'
import { open } from '../open.ts'

const present = ['b', 'd', 'f', 'h', 'j']
/** Just inside and just outside of what is read: what is there, and where nothing is. */
const probes = [...'abcdefghijk'.split(''), 'b\0', 'bb', 'd\0', 'f\0', 'h\0', 'j\0', 'z']

/** Some hold something, 'c' and 'i' did once, the others never did. */
async function world(): Promise<Database> {
  const database = await open(':memory:', { keyRetention: 'forever' })
  await database.write((tx) => {
    const keys = tx.keys('k')
    for (const key of [...present, 'c', 'i']) keys.put(key, key)
  })
  await database.write((tx) => {
    tx.keys('k').delete('c')
    tx.keys('k').delete('i')
  })
  return database
}

type Read = (keys: KeyTransaction) => unknown
const some =
  (...keys: string[]) =>
  (key: string) =>
    keys.includes(key)
const upTo = (last: string) => (key: string) => key <= last
const from = (first: string) => (key: string) => key >= first
const between = (first: string, last: string) => (key: string) => key >= first && key <= last
const all = () => true
const none = () => false

function take(entries: Iterable<unknown>, count: number): void {
  let taken = 0
  for (const _ of entries) if (++taken >= count) return
}

const reads: [string, Read, (key: string) => boolean][] = [
  ['get of a key', (keys) => keys.get('b'), some('b')],
  ['get of a key that never was', (keys) => keys.get('e'), some('e')],
  ['get of a key that was deleted', (keys) => keys.get('c'), some('c')],
  ['has', (keys) => [keys.has('d'), keys.has('g')], some('d', 'g')],
  ['getMany', (keys) => keys.getMany(['b', 'e', 'b']), some('b', 'e')],
  ['timeline', (keys) => [keys.timeline('b'), keys.timeline('e')], some('b', 'e')],
  ['provenance', (keys) => [keys.provenance('b'), keys.provenance('e')], some('b', 'e')],
  ['a range nobody looks into', (keys) => keys.range(), none],
  ['a whole range', (keys) => [...keys.range()], all],
  ['a whole range in reverse', (keys) => [...keys.range({ reverse: true })], all],
  ['a count', (keys) => keys.range().count(), all],
  ['a count of some', (keys) => keys.range({ limit: 2 }).count(), upTo('d')],
  ['limit 0', (keys) => [...keys.range({ limit: 0 })], none],
  ['bounds that cross', (keys) => [...keys.range({ gt: 'd', lt: 'd' })], none],
  ['after one, to another', (keys) => [...keys.range({ gt: 'b', lte: 'h' })], between('b\0', 'h')],
  ['from one, before another', (keys) => [...keys.range({ gte: 'b', lt: 'h' })], between('b', 'g')],
  [
    'a range with nothing in it',
    (keys) => [...keys.range({ gt: 'd', lt: 'f' })],
    between('d\0', 'e'),
  ],
  ['a prefix', (keys) => [...keys.range({ prefix: 'b' })], some('b', 'b\0', 'bb')],
  ['limit 1', (keys) => [...keys.range({ limit: 1 })], upTo('b')],
  [
    'limit 1 from where nothing is',
    (keys) => [...keys.range({ gte: 'c', limit: 1 })],
    between('c', 'd'),
  ],
  ['limit 1 in reverse', (keys) => [...keys.range({ limit: 1, reverse: true })], from('j')],
  [
    'limit in reverse',
    (keys) => [...keys.range({ lt: 'i', limit: 2, reverse: true })],
    between('f', 'h\0'),
  ],
  ['skip and limit', (keys) => [...keys.range({ skip: 1, limit: 1 })], upTo('d')],
  ['skip beyond the end', (keys) => [...keys.range({ gte: 'f', skip: 9 })], from('f')],
  ['limit beyond the end', (keys) => [...keys.range({ gte: 'f', limit: 9 })], from('f')],
  ['the first', (keys) => keys.range().first(), upTo('b')],
  ['the first of the keys', (keys) => keys.range({ reverse: true }).keys().first(), from('j')],
  ['the first of the values', (keys) => keys.range().values().first(), upTo('b')],
  ['a loop that is left', (keys) => take(keys.range(), 2), upTo('d')],
  ['a loop in reverse that is left', (keys) => take(keys.range({ reverse: true }), 2), from('h')],
  ['an iterator that is forgotten', (keys) => keys.range()[Symbol.iterator]().next(), upTo('b')],
  ['the front', (keys) => keys.range().ends().front(), upTo('b')],
  ['the back', (keys) => keys.range().ends().back(), from('j')],
  ['both ends', bothEnds, (key) => key <= 'b' || key >= 'j'],
  ['both ends until they meet', untilTheyMeet, all],
  ['the back of a few', (keys) => keys.range({ limit: 2 }).ends().back(), upTo('d')],
  ['a cursor that stays', (keys) => keys.cursor(), none],
  ['next of a cursor', (keys) => keys.cursor().next(), upTo('b')],
  ['prev of a cursor', (keys) => keys.cursor().prev(), from('j')],
  ['a seek to a key', (keys) => keys.cursor().seek('d'), some('d')],
  ['a seek to what comes next', (keys) => keys.cursor().seek('c'), between('c', 'd')],
  ['a seek to what comes before', (keys) => keys.cursor().seekForPrev('e'), between('d', 'e')],
  ['a seek to the key before or at', (keys) => keys.cursor().seekForPrev('d'), some('d')],
  ['a seek to nothing', (keys) => keys.cursor().seek('k'), from('k')],
  ['a seek back to nothing', (keys) => keys.cursor().seekForPrev('a'), upTo('a')],
  ['a cursor that goes on', (keys) => moved(keys, 'e', ['next']), between('e', 'h')],
  ['a cursor that turns', (keys) => moved(keys, 'e', ['prev']), between('d', 'f')],
  ['a cursor to and fro', (keys) => moved(keys, 'd', ['next', 'prev', 'prev']), between('b', 'f')],
  ['a cursor that leaps', leaps, (key) => key === 'b' || key === 'h'],
  ['a cursor within bounds', (keys) => keys.cursor({ gte: 'd', lt: 'g' }).seek('a'), some('d')],
  ['a cursor to its end', (keys) => moved(keys, 'h', ['next', 'next', 'next']), from('h')],
  ['versions', (keys) => take(keys.versions(), 1), upTo('b')],
  ['versions of deleted keys', (keys) => take(keys.versions({ gt: 'b' }), 2), between('b\0', 'c')],
  ['an insert that is refused', refusedInsert, some('b')],
  ['a comparison that fails', (keys) => keys.compareAndSet('b', 'other', 1), some('b')],
  ['a comparison with none that fails', (keys) => keys.compareAndSet('b', undefined, 1), some('b')],
  ['a comparison with what is not there', (keys) => keys.compareAndSet('e', 1, 1), some('e')],
  ['a deletion that fails', (keys) => keys.compareAndDelete('b', 'other'), some('b')],
  ['a deletion of nothing', (keys) => keys.compareAndDelete('e', undefined), some('e')],
  ['a delete of nothing', (keys) => keys.delete('e'), some('e')],
  ['a delete of what was deleted', (keys) => keys.delete('c'), some('c')],
  ['a clear of nothing', (keys) => keys.clear({ gt: 'd', lt: 'f' }), between('d\0', 'e')],
]

function refusedInsert(keys: KeyTransaction): void {
  expect(() => keys.insert('b', 1)).toThrow('exists already')
}

function bothEnds(keys: KeyTransaction): void {
  const ends = keys.range().ends()
  ends.front()
  ends.back()
}

function untilTheyMeet(keys: KeyTransaction): void {
  const ends = keys.range().ends()
  while (ends.front() !== undefined) ends.back()
}

function moved(keys: KeyTransaction, start: string, moves: readonly ('next' | 'prev')[]): void {
  const cursor = keys.cursor()
  cursor.seek(start)
  for (const move of moves) cursor[move]()
}

function leaps(keys: KeyTransaction): void {
  const cursor = keys.cursor()
  cursor.seek('b')
  cursor.seek('h')
}

interface Run {
  readonly body: Read
  readonly change: (keys: KeyTransaction) => unknown
  readonly isolation?: 'serializable' | 'snapshot'
}

/** What a transaction is told that reads while another one changes something. */
async function outcome({ body, change, isolation = 'serializable' }: Run): Promise<unknown> {
  const database = await world()
  const transaction = database.begin({ isolation })
  await body(transaction.keys('k'))
  transaction.keys('elsewhere').put('any', 1)
  await database.write((tx) => change(tx.keys('k')))
  try {
    await transaction.commit()
    return undefined
  } catch (error) {
    const { kind, code, details } = error as { kind: string; code: string; details: object }
    return { kind, code, ...details }
  } finally {
    await database.close()
  }
}

/** The changes of one key: a value it did not have, the one it had, none. */
function changesOf(key: string): ((keys: KeyTransaction) => unknown)[] {
  const put = (keys: KeyTransaction): unknown => keys.put(key, 'other')
  if (!present.includes(key)) return [put]
  return [put, (keys) => keys.put(key, key), (keys) => keys.delete(key)]
}

describe.each(reads)('%s', (_name, body, isRead) => {
  test('loses against changes of what was read, and of nothing else', async () => {
    for (const key of probes) {
      for (const change of changesOf(key)) {
        const lost = await outcome({ body, change })
        const expected = { kind: 'retry', code: 'KeyReadConflict', keyspace: 'k', key }
        if (isRead(key)) expect(lost).toMatchObject(expected)
        else expect([key, lost]).toEqual([key, undefined])
      }
    }
  })

  test('loses nothing under snapshot', async () => {
    const change = (keys: KeyTransaction): void => {
      for (const key of probes) keys.put(key, 'other')
    }
    expect(await outcome({ body, change, isolation: 'snapshot' })).toBeUndefined()
  })
})

const writes: [string, Read, readonly string[]][] = [
  ['put', (keys) => keys.put('b', 1), ['b']],
  ['put of another', (keys) => keys.put('e', 1), ['e']],
  ['insert', (keys) => keys.insert('e', 1), ['e']],
  ['insert of what was deleted', (keys) => keys.insert('c', 1), ['c']],
  ['delete', (keys) => keys.delete('d'), ['d']],
  ['compareAndSet', (keys) => keys.compareAndSet('b', 'b', 1), ['b']],
  ['compareAndSet of none', (keys) => keys.compareAndSet('e', undefined, 1), ['e']],
  ['compareAndDelete', (keys) => keys.compareAndDelete('b', 'b'), ['b']],
  ['clear', (keys) => keys.clear({ gte: 'd', lte: 'f' }), ['d', 'f']],
  ['put over a while', (keys) => keys.put('b', 1, { validFrom: '2020-01-01' }), ['b']],
]

describe.each(['serializable', 'snapshot'] as const)('under %s', (isolation) => {
  test.each(writes)('%s loses against another write of the key', async (_name, body, keys) => {
    for (const key of keys) {
      for (const change of changesOf(key)) {
        expect(await outcome({ body, change, isolation })).toMatchObject({
          kind: 'retry',
          code: 'KeyWriteConflict',
          keyspace: 'k',
          key,
        })
      }
    }
  })

  test.each(writes)('%s loses nothing against a write of another key', async (_name, body) => {
    const change = (keys: KeyTransaction): unknown => keys.put('z', 1)
    expect(await outcome({ body, change, isolation })).toBeUndefined()
  })
})

test('a clear has read what lies between what it deletes', async () => {
  const body: Read = (keys) => keys.clear({ gte: 'd', lte: 'h', limit: 2 })
  for (const [key, code] of [
    ['c', undefined],
    ['d', 'KeyWriteConflict'],
    ['e', 'KeyReadConflict'],
    ['f', 'KeyWriteConflict'],
    ['g', undefined],
  ] as const) {
    const lost = await outcome({ body, change: (keys) => keys.put(key, 1) })
    expect([key, lost]).toEqual([
      key,
      code === undefined ? code : expect.objectContaining({ code }),
    ])
  }
})

describe('nothing is lost', () => {
  const everything = (keys: KeyTransaction): unknown => keys.clear()

  test('by a transaction that only reads', async () => {
    for (const readonly of [true, false]) {
      const database = await world()
      const transaction = database.begin({ readonly })
      expect([...transaction.keys('k').range()]).toHaveLength(5)
      await database.write((tx) => everything(tx.keys('k')))
      expect([...transaction.keys('k').range()]).toHaveLength(5)
      expect(await transaction.commit()).toBeUndefined()
      await database.close()
    }
  })

  test('by what was read in a view of the past, or of now', async () => {
    const database = await world()
    const transaction = database.begin()
    for (const view of [database, database.snapshot(), database.asOf({ sequence: 1 })]) {
      expect([...view.keys('k').range()].length).toBeGreaterThan(4)
      expect(view.keys('k').get('b')).toBe('b')
    }
    transaction.keys('elsewhere').put('any', 1)
    await database.write((tx) => everything(tx.keys('k')))
    expect(await transaction.commit()).toBeDefined()
    await database.close()
  })

  test('against the same keys of another keyspace', async () => {
    const database = await world()
    const transaction = database.begin()
    expect([...transaction.keys('k').range()]).toHaveLength(5)
    expect(transaction.keys('other').get('a')).toBeUndefined()
    transaction.keys('k').put('b', 'mine')
    await database.write((tx) => {
      for (const key of probes) tx.keys('third').put(key, 1)
    })
    expect(await transaction.commit()).toBeDefined()
    await database.close()
  })

  test('against a delete that found nothing', async () => {
    const change = (keys: KeyTransaction): unknown => keys.delete('e')
    expect(await outcome({ body: (keys) => [...keys.range()], change })).toBeUndefined()
  })
})

test('a keyspace that comes to exist by a rival is a phantom, too', async () => {
  const database = await open(':memory:')
  for (const read of [
    (keys: KeyTransaction) => keys.range().first(),
    (keys: KeyTransaction) => keys.get('a'),
    (keys: KeyTransaction) => keys.delete('a'),
    (keys: KeyTransaction) => keys.clear(),
  ]) {
    const name = `made ${database.sequence}`
    const transaction = database.begin()
    read(transaction.keys(name))
    transaction.keys('elsewhere').put('any', 1)
    await database.write((tx) => tx.keys(name).put('a', 1))
    await expect(transaction.commit()).rejects.toMatchObject({
      code: 'KeyReadConflict',
      details: { keyspace: name, key: 'a' },
    })
  }
  await database.close()
})
