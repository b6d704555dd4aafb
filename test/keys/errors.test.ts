import { BEGINNING, type Database, type KeyTransaction, type OpenTransaction } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldNow,
  holding,
  type Party,
  readConflict,
  writeConflict,
} from './keyspace.ts'

type Call = [name: string, call: (keys: KeyTransaction, tx: OpenTransaction) => unknown]

const reads: Call[] = [
  ['get', (keys) => keys.get('a')],
  ['get of what is absent', (keys) => keys.get('x')],
  ['has', (keys) => keys.has('a')],
  ['getMany', (keys) => keys.getMany(['a', 'b'])],
  ['getMany of nothing', (keys) => keys.getMany([])],
  ['range', (keys) => keys.range()],
  ['count', (keys) => keys.range().count()],
  ['cursor', (keys) => keys.cursor()],
  ['versions', (keys) => [...keys.versions()]],
  ['timeline', (keys) => keys.timeline('a')],
  ['provenance', (keys) => keys.provenance('a')],
  ['keys of another keyspace', (_keys, tx) => tx.keys('other').get('a')],
]

const writes: Call[] = [
  ['put', (keys) => keys.put('a', 2)],
  ['insert', (keys) => keys.insert('c', 2)],
  ['insert of what is there', (keys) => keys.insert('a', 2)],
  ['compareAndSet', (keys) => keys.compareAndSet('a', 1, 2)],
  ['compareAndSet that fails', (keys) => keys.compareAndSet('a', 9, 2)],
  ['delete', (keys) => keys.delete('a')],
  ['delete of what is absent', (keys) => keys.delete('x')],
  ['compareAndDelete', (keys) => keys.compareAndDelete('a', 1)],
  ['compareAndDelete that fails', (keys) => keys.compareAndDelete('a', 9)],
  ['clear', (keys) => keys.clear()],
  ['clear of nothing', (keys) => keys.clear({ limit: 0 })],
]

const savepoints: Call[] = [
  ['savepoint', (_keys, tx) => tx.savepoint()],
  ['rollbackTo', (_keys, tx) => tx.rollbackTo('point')],
  ['release', (_keys, tx) => tx.release('point')],
]

const ends: [string, (party: Party) => Promise<unknown> | void][] = [
  ['committed', ({ tx }) => tx.commit()],
  ['cancelled', ({ tx }) => tx.cancel()],
]

/** Two keys, and a transaction that has put and deleted something. */
async function begun(): Promise<{ database: Database; party: Party }> {
  const database = await holding({ a: 1, b: 1 })
  const party = begin(database)
  party.tx.savepoint('point')
  party.keys.put('own', 1)
  return { database, party }
}

describe.each(ends)('a transaction that was %s', (end, endIt) => {
  it.each([...reads, ...writes, ...savepoints])('refuses %s', async (_name, call) => {
    const { database, party } = await begun()
    await endIt(party)
    const held = heldNow(database)
    expect(codeOf(() => call(party.keys, party.tx))).toBe('TransactionFinished')
    expect(heldNow(database)).toEqual(held)
    expect(database.keys('k').has('own')).toBe(end === 'committed')
  })

  it('refuses a commit, which changes nothing', async () => {
    const { database, party } = await begun()
    await endIt(party)
    const held = heldNow(database)
    const { sequence } = database
    await expect(party.tx.commit()).rejects.toMatchObject({
      code: 'TransactionFinished',
      kind: 'closed',
    })
    expect([heldNow(database), database.sequence]).toEqual([held, sequence])
  })

  it('may be cancelled, which changes nothing', async () => {
    const { database, party } = await begun()
    await endIt(party)
    const held = heldNow(database)
    expect(party.tx.cancel()).toBeUndefined()
    await party.tx[Symbol.asyncDispose]()
    expect(heldNow(database)).toEqual(held)
    await expect(party.tx.commit()).rejects.toMatchObject({ code: 'TransactionFinished' })
  })

  it('refuses to go on with a cursor, a range, a history or a walk from both ends', async () => {
    const { party } = await begun()
    const { keys } = party
    const cursor = keys.cursor()
    expect(cursor.seekToFirst()).toBe(true)
    const entries = keys.range()
    const [iterator, values] = [entries[Symbol.iterator](), entries.values()[Symbol.iterator]()]
    expect([iterator.next().done, values.next().done]).toEqual([false, false])
    const versions = keys.versions()[Symbol.iterator]()
    expect(versions.next().done).toBe(false)
    const both = entries.ends()
    expect(both.front()?.key).toBe('a')
    const stream = entries[Symbol.asyncIterator]()
    expect((await stream.next()).done).toBe(false)
    await endIt(party)
    for (const go of [
      () => cursor.next(),
      () => cursor.prev(),
      () => cursor.seek('a'),
      () => cursor.seekForPrev('b'),
      () => cursor.seekToFirst(),
      () => cursor.seekToLast(),
      () => iterator.next(),
      () => values.next(),
      () => versions.next(),
      () => both.front(),
      () => both.back(),
      () => entries.first(),
      () => entries.count(),
      () => entries.toArray(),
      () => entries.keys().toArray(),
    ]) {
      expect([go.toString(), codeOf(go)]).toEqual([go.toString(), 'TransactionFinished'])
    }
    await expect(stream.next()).rejects.toMatchObject({ code: 'TransactionFinished' })
  })
})

describe('a transaction', () => {
  it('that lost a race is finished, and nothing of it is there', async () => {
    const { database, party } = await begun()
    party.keys.put('a', 'mine')
    await commit(database, (keys) => keys.put('a', 'theirs'))
    expect(await ending(party)).toEqual(writeConflict('a'))
    for (const [, call] of [...reads, ...writes, ...savepoints]) {
      expect(codeOf(() => call(party.keys, party.tx))).toBe('TransactionFinished')
    }
    await expect(party.tx.commit()).rejects.toMatchObject({ code: 'TransactionFinished' })
    expect(heldNow(database)).toEqual([
      ['a', 'theirs'],
      ['b', 1],
    ])
  })

  it('that is forgotten commits nothing', async () => {
    const { database } = await begun()
    {
      await using tx = database.begin()
      tx.keys('k').put('used', 1)
    }
    expect(heldNow(database)).toEqual([
      ['a', 1],
      ['b', 1],
    ])
    await database.close()
  })

  it('whose closure throws commits nothing, and throws that', async () => {
    const { database } = await begun()
    const thrown = new Error('its own')
    const body = (keys: KeyTransaction): void => {
      keys.put('a', 2)
      throw thrown
    }
    await expect(database.write((tx) => body(tx.keys('k')))).rejects.toBe(thrown)
    await expect(database.write(async (tx) => body(tx.keys('k')))).rejects.toBe(thrown)
    expect(database.keys('k').get('a')).toBe(1)
  })
})

describe('a transaction that only reads', () => {
  it.each(writes)('refuses %s', async (_name, call) => {
    const database = await holding({ a: 1, b: 1 })
    const party = begin(database, { readonly: true })
    const { keys, tx } = party
    expect(codeOf(() => call(keys, tx))).toBe('TimeReadOnly')
    expect(keys.getMany(['a', 'b', 'c'])).toEqual([1, 1, undefined])
    expect(await ending(party)).toBe('nothing to commit')
    // That it has ended is said before that it may not write.
    expect(codeOf(() => call(keys, tx))).toBe('TransactionFinished')
  })

  it.each(reads)('allows %s', async (_name, call) => {
    const database = await holding({ a: 1, b: 1 })
    const { keys, tx } = begin(database, { readonly: true })
    expect(codeOf(() => call(keys, tx))).toBeUndefined()
  })
})

describe('a condition', () => {
  it('of insert is AlreadyExists where the key is there, committed or own', async () => {
    const database = await holding({ a: 1 })
    const { keys } = begin(database)
    keys.put('own', 1)
    for (const key of ['a', 'own']) {
      expect(codeOf(() => keys.insert(key, 2))).toBe('AlreadyExists')
      expect(keys.get(key)).toBe(1)
    }
  })

  it('that compares is no error where it fails: the call gives false', async () => {
    const database = await holding({ a: 1 })
    const { keys } = begin(database)
    expect(keys.compareAndSet('a', 9, 2)).toBe(false)
    expect(keys.compareAndSet('a', undefined, 2)).toBe(false)
    expect(keys.compareAndDelete('a', 9)).toBe(false)
    expect(keys.compareAndDelete('a', undefined)).toBe(false)
    expect(keys.get('a')).toBe(1)
  })
})

describe('a savepoint', () => {
  it('that was never set is NoSavepoint, and the transaction goes on', async () => {
    const database = await holding({ a: 1 })
    const party = begin(database)
    party.keys.put('own', 1)
    for (const go of [() => party.tx.rollbackTo('point'), () => party.tx.release('point')]) {
      expect(go).toThrow(expect.objectContaining({ code: 'NoSavepoint', kind: 'invalid' }))
    }
    party.keys.put('later', 1)
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database).map(([key]) => key)).toEqual(['a', 'later', 'own'])
  })

  it('that was released is NoSavepoint, and so are those set after it', async () => {
    const database = await holding({ a: 1 })
    const { tx, keys } = begin(database)
    const outer = tx.savepoint('outer')
    const inner = tx.savepoint('inner')
    keys.put('a', 2)
    outer.rollback()
    expect(codeOf(() => inner.rollback())).toBe('NoSavepoint')
    expect(codeOf(() => tx.rollbackTo('inner'))).toBe('NoSavepoint')
    // The one that was gone back to stays.
    expect(codeOf(() => outer.rollback())).toBeUndefined()
    tx.release('outer')
    for (const go of [
      () => tx.rollbackTo('outer'),
      () => tx.release('outer'),
      () => outer.rollback(),
      () => outer.release(),
    ]) {
      expect(codeOf(go)).toBe('NoSavepoint')
    }
    expect(keys.get('a')).toBe(1)
  })
})

describe('a lost race', () => {
  it('over what both wrote is KeyWriteConflict, with keyspace and key', async () => {
    const database = await holding({ a: 1, b: 1 })
    const parties = [begin(database), begin(database)]
    for (const [index, { keys }] of parties.entries()) {
      keys.put(['tuple', 7n, true], index)
      keys.put(`only ${index}`, index)
    }
    expect(await Promise.all(parties.map(ending))).toEqual([
      'committed',
      writeConflict(['tuple', 7, true]),
    ])
    expect(database.keys('k').has('only 1')).toBe(false)
  })

  it('over what was read is KeyReadConflict, with keyspace and key', async () => {
    const database = await holding({ a: 1, b: 1 })
    const reader = begin(database)
    expect(reader.keys.get('a')).toBe(1)
    reader.keys.put('b', 2)
    await commit(database, (keys) => keys.put('a', 2))
    expect(await ending(reader)).toEqual(readConflict('a'))
    expect(database.keys('k').get('b')).toBe(1)
  })
})

describe('a point that has not come', () => {
  it('is refused, as a sequence and as a system time, by every way to read there', async () => {
    const database = await holding({ a: 1 })
    const { sequence } = database
    for (const ahead of [sequence + 1, sequence + 1000, Infinity]) {
      expect(codeOf(() => database.asOf({ sequence: ahead }))).toBe('InvalidArgument')
    }
    const system = new Date(Date.now() + 3_600_000)
    expect(codeOf(() => database.asOf({ system }))).toBe('TimeInFuture')
    expect(codeOf(() => database.rewind(system))).toBe('TimeInFuture')
    // The newest commit is no future: it can be asked for.
    expect(database.asOf({ sequence }).keys('k').get('a')).toBe(1)
    expect(database.asOf({ sequence, valid: system }).keys('k').has('a')).toBe(true)
  })

  it('is none for an open transaction: it reads at what it was begun on', async () => {
    const database = await holding({ a: 1 })
    const { tx, keys } = begin(database)
    expect(tx.sequence).toBe(database.sequence)
    expect(database.asOf({ sequence: tx.sequence }).keys('k').get('a')).toBe(keys.get('a'))
    expect(database.asOf({ system: BEGINNING }).keys('k').has('a')).toBe(false)
  })
})
