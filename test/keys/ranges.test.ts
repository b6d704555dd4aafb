import {
  type Database,
  type KeyEntry,
  type KeyRange,
  type KeyTransaction,
  type KeyView,
  open,
} from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { begin, commit, heldBy, heldNow, holding, putAll } from './keyspace.ts'

const five = { a: 1, b: 2, c: 3, d: 4, e: 5 }

function keysOf(keys: KeyView, range?: KeyRange): unknown[] {
  return keys.range(range).keys().toArray()
}

/** The same range, asked for in each way that there is. */
function everyWay(keys: KeyView, range: KeyRange): unknown {
  const entries = keys.range(range)
  const whole = entries.toArray()
  const ways: [string, unknown, unknown][] = [
    ['keys', entries.keys().toArray(), whole.map(({ key }) => key)],
    ['values', entries.values().toArray(), whole.map(({ value }) => value)],
    ['count', entries.count(), whole.length],
    ['count of keys', entries.keys().count(), whole.length],
    ['count of values', entries.values().count(), whole.length],
    ['first', entries.first(), whole[0]],
    ['again', [...entries], whole],
    ['from the back', backwards(keys, range), whole],
  ]
  for (const [way, given, expected] of ways) expect([way, given]).toEqual([way, expected])
  return whole.map(({ key }) => key)
}

function backwards(keys: KeyView, range: KeyRange): KeyEntry[] {
  const ends = keys.range(range).ends()
  const found: KeyEntry[] = []
  for (let entry = ends.back(); entry !== undefined; entry = ends.back()) found.unshift(entry)
  return found
}

describe('a range', () => {
  it('ends before its end, and passes over and gives as many as it was told', async () => {
    const database = await holding(five)
    const keys = database.keys('k')
    const cases: [KeyRange, string][] = [
      [{}, 'abcde'],
      [{ gte: 'a', lt: 'e' }, 'abcd'],
      [{ gte: 'b', lt: 'd' }, 'bc'],
      [{ gt: 'b', lte: 'd' }, 'cd'],
      [{ gte: 'a', lt: 'e', skip: 1 }, 'bcd'],
      [{ gte: 'a', lt: 'e', limit: 2 }, 'ab'],
      [{ gte: 'a', lt: 'e', skip: 1, limit: 2 }, 'bc'],
      [{ gte: 'a', lt: 'e', reverse: true }, 'dcba'],
      [{ gte: 'a', lt: 'e', reverse: true, skip: 1, limit: 2 }, 'cb'],
      [{ skip: 4 }, 'e'],
      [{ skip: 5 }, ''],
      [{ skip: 99, limit: 99 }, ''],
      [{ limit: 99 }, 'abcde'],
      [{ limit: 0 }, ''],
      [{ skip: 1, limit: 0, reverse: true }, ''],
      [{ gte: 'c', lt: 'c' }, ''],
      [{ gte: 'c', lte: 'c' }, 'c'],
      [{ gte: 'c', lt: 'c\0' }, 'c'],
      [{ gt: 'b', lt: 'c' }, ''],
      [{ gt: 'e' }, ''],
      [{ lt: 'a' }, ''],
    ]
    for (const [range, expected] of cases) {
      expect([range, everyWay(keys, range)]).toEqual([range, expected.split('')])
    }
    expect(everyWay(database.keys('never'), {})).toEqual([])
  })

  it('has bounds on, between, before and after keys that begin with one another', async () => {
    const held = ['a', 'a\0', 'aa', 'ab', 'b', 'ba', 'ba\0', 'c']
    const bounds = [undefined, '', 'Z', ...held, 'a\0\0', 'aab', 'bb', 'z']
    const database = await holding()
    await commit(database, (keys) => held.forEach((key, index) => keys.put(key, index)))
    const view = database.keys('k')
    for (const gte of bounds) {
      for (const lt of bounds) {
        const inside = held.filter((key) => key >= (gte ?? '') && (lt === undefined || key < lt))
        expect([gte, lt, everyWay(view, { gte, lt })]).toEqual([gte, lt, inside])
        expect(everyWay(view, { gte, lt, reverse: true })).toEqual(inside.reverse())
        const other = held.filter((key) => key > (gte ?? '') && (lt === undefined || key <= lt))
        expect(everyWay(view, { gt: gte, lte: lt })).toEqual(other)
      }
    }
    for (const prefix of ['', 'a', 'a\0', 'aa', 'b', 'ba', 'x']) {
      const beginning = held.filter((key) => key.startsWith(prefix))
      expect([prefix, everyWay(view, { prefix })]).toEqual([prefix, beginning])
      expect(everyWay(view, { prefix, reverse: true })).toEqual(beginning.reverse())
    }
  })

  it('of keys alone is that of entries, both ways, with own writes and without', async () => {
    const database = await holding(five)
    const { keys } = begin(database)
    expect(keysOf(keys, { gte: 'b', lte: 'd' })).toEqual(['b', 'c', 'd'])
    expect(keysOf(keys, { gte: 'b', lte: 'd', reverse: true })).toEqual(['d', 'c', 'b'])
    keys.delete('c')
    keys.put('cc', 1)
    expect(keysOf(keys, { gte: 'b', lte: 'd' })).toEqual(['b', 'cc', 'd'])
    expect(keysOf(keys, { gte: 'b', lte: 'd', reverse: true })).toEqual(['d', 'cc', 'b'])
    expect(keysOf(keys, { gte: 'b', skip: 1, limit: 2 })).toEqual(['cc', 'd'])
    expect(keysOf(database.keys('k'), { gte: 'b', lte: 'd' })).toEqual(['b', 'c', 'd'])
  })

  it('is counted with its bounds, skip and limit', async () => {
    const database = await holding(five)
    const { keys } = begin(database)
    const count = (range?: KeyRange): number => keys.range(range).count()
    expect([count(), count({ skip: 2 }), count({ limit: 2 })]).toEqual([5, 3, 2])
    expect([count({ skip: 4, limit: 2 }), count({ gte: 'b', lt: 'd' })]).toEqual([1, 2])
    expect([count({ skip: 9 }), count({ limit: 0 }), count({ gt: 'e' })]).toEqual([0, 0, 0])
    keys.delete('a')
    putAll(keys, { b: 'own', f: 6, g: 7 })
    expect([count(), count({ skip: 2 }), count({ gte: 'e' })]).toEqual([6, 4, 3])
    expect(database.keys('k').range().count()).toBe(5)
  })
})

/** What own writes make of a state, as a map. */
function changed(
  state: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>>,
): unknown {
  const all = Object.entries({ ...state, ...change }).filter(([, value]) => value !== undefined)
  return all.sort(([a], [b]) => (a < b ? -1 : 1))
}

type Changes = Readonly<Record<string, number | undefined>>

function apply(keys: KeyTransaction, changes: Changes): void {
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) keys.delete(key)
    else keys.put(key, value)
  }
}

describe('own writes in a range', () => {
  it('overlay what is committed: new keys, other values, deletes', async () => {
    const database = await holding(five)
    const { keys } = begin(database)
    await commit(database, (others) => apply(others, { a: 100, ab: 100, e: undefined }))
    const own = { 0: 10, b: 20, bb: 25, c: undefined, f: 60 }
    apply(keys, own)
    expect(heldBy(keys)).toEqual(changed(five, own))
    expect(heldBy(keys)).toHaveLength(7)
    expect(
      [...keys.range({ reverse: true })].map(({ key, value }) => [key, value]).reverse(),
    ).toEqual(changed(five, own))
    expect(heldNow(database)).toEqual(changed(five, { a: 100, ab: 100, e: undefined }))
  })

  /** Seventeen keys, of which own writes have changed every third and committed ones the others. */
  async function walked(): Promise<{ keys: KeyTransaction; names: string[] }> {
    const database = await holding()
    const names = 'abcdefghijklmnopq'.split('')
    const isOwn = (name: string): boolean => names.indexOf(name) % 3 === 0
    await commit(database, (keys) => {
      for (const name of names) if (!isOwn(name)) keys.put(name, name)
      putAll(keys, { a: 'hidden', gone: 1 })
    })
    const { keys } = begin(database)
    for (const name of names) if (isOwn(name)) keys.put(name, name)
    keys.delete('gone')
    return { keys, names }
  }

  it('are in their places among keys forwards, also with skip 3 and limit 10', async () => {
    const { keys, names } = await walked()
    expect(keysOf(keys)).toEqual(names)
    expect(keysOf(keys, { skip: 3, limit: 10 })).toEqual(names.slice(3, 13))
  })

  it('are in their places among keys in reverse, also with skip 3 and limit 10', async () => {
    const { keys, names } = await walked()
    names.reverse()
    expect(keysOf(keys, { reverse: true })).toEqual(names)
    expect(keysOf(keys, { reverse: true, skip: 3, limit: 10 })).toEqual(names.slice(3, 13))
  })

  it('have their values among entries forwards, one by one and as a stream', async () => {
    const { keys, names } = await walked()
    const expected = names.map((name) => ({ key: name, value: name }))
    expect([...keys.range()]).toEqual(expected)
    const some: unknown[] = []
    for await (const entry of keys.range({ skip: 3, limit: 10 })) some.push(entry)
    expect(some).toEqual(expected.slice(3, 13))
  })

  it('have their values among entries in reverse, one by one and as a stream', async () => {
    const { keys, names } = await walked()
    const expected = names.reverse().map((name) => ({ key: name, value: name }))
    expect([...keys.range({ reverse: true })]).toEqual(expected)
    const some: unknown[] = []
    for await (const entry of keys.range({ reverse: true, skip: 3, limit: 10 })) some.push(entry)
    expect(some).toEqual(expected.slice(3, 13))
  })

  it('are counted, what they hide is not', async () => {
    const { keys, names } = await walked()
    expect(keys.range().count()).toBe(names.length)
    expect(keys.range({ skip: 3, limit: 10 }).count()).toBe(10)
    expect(keys.range({ skip: 10, limit: 10 }).count()).toBe(7)
  })
})

/**
 * A state that is durable, changes on top that are applied but not yet durable, and own writes on
 * top of those: what each of three readers sees.
 */
async function inThreeLayers(
  stored: Changes,
  applied: Changes,
  own: Changes,
): Promise<{ now: unknown; building: unknown; after: unknown }> {
  const host = new SimulatedHost({ seed: 'layers' })
  return host.run(async () => {
    const database: Database = await open('/database', { host })
    await commit(database, (keys) => apply(keys, stored))
    const [one = {}, two = {}] = halves(applied)
    const pending = [one, two].map((part) => database.write((tx) => apply(tx.keys('k'), part)))
    const stats = database.stats()
    expect(stats.appliedSequence - stats.sequence).toBe(2)
    const party = begin(database)
    apply(party.keys, own)
    const seen = { now: heldNow(database), building: heldBy(party.keys) }
    expect(keysOf(party.keys, { reverse: true }).reverse()).toEqual(keysOf(party.keys))
    expect(party.keys.range().count()).toBe(keysOf(party.keys).length)
    await Promise.all(pending)
    expect(heldBy(party.keys)).toEqual(seen.building)
    await party.tx.commit()
    const after = heldNow(database)
    await database.close()
    const again = await open('/database', { host })
    expect(heldNow(again)).toEqual(after)
    await again.close()
    return { ...seen, after }
  })
}

/** Two commits instead of one. */
function halves(changes: Changes): Changes[] {
  const entries = Object.entries(changes)
  const middle = entries.length >> 1
  return [entries.slice(0, middle), entries.slice(middle)].map((part) => Object.fromEntries(part))
}

describe('what is applied and not yet durable', () => {
  const stored = { a: 1, c: 3, e: 5, g: 7 }

  it('lies in the ranges of those who build on it, below their own', async () => {
    const applied = { b: 20, d: 40, f: 60 }
    const own = { aa: 100, bb: 200, h: 800 }
    const seen = await inThreeLayers(stored, applied, own)
    const all = changed({ ...stored, ...applied }, own)
    expect(seen).toEqual({ now: Object.entries(stored), building: all, after: all })
  })

  it('takes away from them what it deletes, and own deletes take away what it put', async () => {
    const applied = { a: undefined, b: 20, d: 40, e: undefined }
    const own = { b: undefined, c: undefined, e: undefined }
    const seen = await inThreeLayers(stored, applied, own)
    const all = [
      ['d', 40],
      ['g', 7],
    ]
    expect(seen).toEqual({ now: Object.entries(stored), building: all, after: all })
  })

  it('has its values in them, where own ones don’t replace those', async () => {
    const applied = { a: 10, c: undefined, e: 50, x: 1 }
    const own = { c: 300, e: 500, g: 700, x: undefined }
    const seen = await inThreeLayers(stored, applied, own)
    const all = Object.entries({ a: 10, c: 300, e: 500, g: 700 })
    expect(seen).toEqual({ now: Object.entries(stored), building: all, after: all })
  })
})
