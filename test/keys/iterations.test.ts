import { type KeyInput, type KeyRange, type KeyView, open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { begin, commit, heldBy, holding, putAll } from './keyspace.ts'
import { turn } from './tasks.ts'
import { everyReader, place, taken, walk } from './walks.ts'

const four = { a: 1, b: 2, c: 3, d: 4 }

describe('an iteration', () => {
  it('of keys or entries over nothing gives nothing, both ways', async () => {
    for (const held of [{}, { a: 1, z: 1 }]) {
      for (const [name, keys] of await everyReader(held)) {
        for (const reverse of [false, true]) {
          const entries = keys.range({ gte: 'b', lt: 'y', reverse })
          const all = [taken(entries), taken(entries.keys()), taken(entries.values())]
          expect([name, ...all]).toEqual([name, [], [], []])
          expect([entries.first(), entries.keys().first(), entries.count()]).toEqual([
            undefined,
            undefined,
            0,
          ])
        }
      }
    }
  })

  it('of keys, entries or values goes from one end to the other, one by one', async () => {
    for (const [name, keys] of await everyReader(four)) {
      for (const reverse of [false, true]) {
        const entries = keys.range({ reverse })
        const expected = Object.entries(four)
        if (reverse) expected.reverse()
        expect([name, taken(entries.keys())]).toEqual([name, expected.map(([key]) => key)])
        expect(taken(entries.values())).toEqual(expected.map(([, value]) => value))
        expect(taken(entries)).toEqual(expected.map(([key, value]) => ({ key, value })))
      }
    }
  })

  it('may be left after some, and has passed over those that it was told to', async () => {
    for (const [name, keys] of await everyReader(four)) {
      const cases: [KeyRange, number, string][] = [
        [{}, 2, 'ab'],
        [{ reverse: true }, 2, 'dc'],
        [{ skip: 1 }, 2, 'bc'],
        [{ skip: 3 }, 9, 'd'],
        [{ skip: 4 }, 9, ''],
        [{ skip: 99, limit: 99 }, 9, ''],
        [{ limit: 1 }, 9, 'a'],
        [{ limit: 1, reverse: true }, 9, 'd'],
        [{ skip: 1, limit: 2 }, 9, 'bc'],
        [{ skip: 1, limit: 2 }, 1, 'b'],
      ]
      for (const [range, most, expected] of cases) {
        const entries = keys.range(range)
        expect([name, range, taken(entries.keys(), most).join('')]).toEqual([name, range, expected])
        expect(taken(entries, most).map(({ key }) => key).join('')).toBe(expected)
      }
    }
  })

  it('from both ends at once meets in the middle, of any number, with own writes', async () => {
    for (let size = 0; size <= 7; size++) {
      const names = Array.from('abcdefg').slice(0, size)
      const database = await holding()
      await commit(database, (keys) => {
        names.forEach((name, index) => void (index % 2 === 0 && keys.put(name, name)))
        putAll(keys, { aa: 'goes', g0: 'goes' })
      })
      const { keys } = begin(database)
      names.forEach((name, index) => void (index % 2 === 1 && keys.put(name, name)))
      keys.clear({ gt: 'a', lt: 'b' })
      keys.delete('g0')
      for (let skip = 0; skip <= size; skip++) {
        for (const limit of [0, 1, 2, 3, Infinity]) {
          for (const reverse of [false, true]) {
            const expected = reverse ? [...names].reverse() : [...names]
            const whole = expected.slice(skip, skip + limit)
            expect(fromBothEnds(keys, { skip, limit, reverse })).toEqual(whole)
          }
        }
      }
    }
  })

  it('of a transaction has what it wrote in its place, and not what it deleted', async () => {
    const database = await holding({ a: 1, c: 3, e: 5 })
    const { keys } = begin(database)
    keys.put('b', 'own')
    expect(taken(keys.range().keys()).join('')).toBe('abce')
    putAll(keys, { c: 'other', f: 'own' })
    keys.delete('a')
    keys.delete('e')
    const own = Object.entries({ b: 'own', c: 'other', f: 'own' })
    expect(taken(keys.range()).map(({ key, value }) => [key, value])).toEqual(own)
    expect(taken(keys.range({ reverse: true }).keys()).join('')).toBe('fcb')
    keys.delete('b')
    keys.put('a', 'again')
    expect(taken(keys.range().keys()).join('')).toBe('acf')
    expect(taken(database.keys('k').range().keys()).join('')).toBe('ace')
  })

  it('of one who builds on commits that are not durable yet has those and own writes', async () => {
    const host = new SimulatedHost({ seed: 'cursor' })
    await host.run(async () => {
      const database = await open('/database', { host })
      await commit(database, (keys) => putAll(keys, { a: 1, c: 3, e: 5, g: 7 }))
      const pending = database.write((tx) => {
        putAll(tx.keys('k'), { b: 2, c: 30 })
        tx.keys('k').delete('e')
      })
      const { keys } = begin(database)
      putAll(keys, { b: 200, f: 6 })
      keys.delete('g')
      const expected = Object.entries({ a: 1, b: 200, c: 30, f: 6 })
      const built = (): unknown[] => [walk(keys.cursor(), 'next'), heldBy(keys)]
      expect(database.stats().appliedSequence - database.sequence).toBe(1)
      expect(walk(database.keys('k').cursor(), 'next')).toHaveLength(4)
      expect(database.keys('k').get('c')).toBe(3)
      expect(built()).toEqual([expected, expected])
      expect(walk(keys.cursor(), 'prev')).toEqual([...expected].reverse())
      await pending
      expect(built()).toEqual([expected, expected])
      await database.close()
    })
  })

  it('of keys of any bytes goes byte by byte', async () => {
    const database = await holding()
    const bytes = [[0], [0, 0], [0, 1], [1], [127], [128], [254, 255], [255], [255, 0], [255, 255]]
    await commit(database, (keys) => {
      for (const key of [...bytes].reverse()) keys.put(Uint8Array.from(key), key.length)
    })
    const keys = database.keys('k')
    const plain = (key: KeyInput): number[] => [...(key as Uint8Array)]
    expect(taken(keys.range().keys()).map(plain)).toEqual(bytes)
    const cursor = keys.cursor()
    for (const [index, key] of bytes.entries()) {
      expect([cursor.seek(Uint8Array.from(key)), plain(cursor.key)]).toEqual([true, key])
      const before = bytes[index - 1]
      expect([cursor.prev(), cursor.isValid ? plain(cursor.key) : undefined]).toEqual([
        before !== undefined,
        before,
      ])
    }
  })

  it('that was begun before a value is changed is followed by one that has it', async () => {
    const database = await holding(four)
    const { keys } = begin(database)
    for (const { key, value } of taken(keys.range())) keys.put(key, Number(value) * 10)
    expect(heldBy(keys)).toEqual(Object.entries({ a: 10, b: 20, c: 30, d: 40 }))
    // Also where each is changed while the walk stands on it: no entry comes twice.
    let steps = 0
    for (const { key, value } of keys.range()) {
      keys.put(key, Number(value) + 1)
      steps++
    }
    expect([steps, heldBy(keys)]).toEqual([4, Object.entries({ a: 11, b: 21, c: 31, d: 41 })])
    expect(heldBy(database.keys('k'))).toEqual(Object.entries(four))
  })

  it('during which each entry is deleted as it comes has all, and the next has none', async () => {
    for (const reverse of [false, true]) {
      const database = await holding(four)
      const { tx, keys } = begin(database)
      const came: KeyInput[] = []
      for (const key of keys.range({ reverse }).keys()) {
        came.push(key)
        expect(keys.delete(key)).toBe(1)
      }
      expect(came.join('')).toBe(reverse ? 'dcba' : 'abcd')
      expect([taken(keys.range()), keys.range().count()]).toEqual([[], 0])
      await tx.commit()
      expect(database.keys('k').range().count()).toBe(0)
    }
  })

  it('or a seek after a change goes by what is there then', async () => {
    const database = await holding(four)
    const { keys } = begin(database)
    const cursor = keys.cursor()
    expect([cursor.seek('b'), place(cursor)]).toEqual([true, ['b', 2]])
    keys.delete('b')
    keys.put('bb', 'made')
    expect([cursor.seek('b'), place(cursor)]).toEqual([true, ['bb', 'made']])
    keys.put('b', 'again')
    expect([cursor.seek('b'), place(cursor), cursor.next(), place(cursor)]).toEqual([
      true,
      ['b', 'again'],
      true,
      ['bb', 'made'],
    ])
    keys.clear({ gte: 'b' })
    expect([cursor.seek('b'), cursor.seekForPrev('z')]).toEqual([false, true])
    expect(place(cursor)).toEqual(['a', 1])
  })

  it('that has ended stays at its end, and a new one starts over', async () => {
    for (const [, keys] of await everyReader(four)) {
      const entries = keys.range()
      const ended = entries[Symbol.iterator]()
      const came = Array.from({ length: 8 }, () => ended.next())
      expect(came.map(({ done }) => done === true)).toEqual([0, 0, 0, 0, 1, 1, 1, 1].map(Boolean))
      expect(came.slice(4).every(({ value }) => value === undefined)).toBe(true)
      expect(taken(entries)).toHaveLength(4)
      const left = entries[Symbol.iterator]()
      left.next()
      left.return?.()
      expect([left.next().done, taken(entries).length]).toEqual([true, 4])
    }
    // Not even for what is put behind it.
    const { keys } = begin(await holding(four))
    const ended = keys.range().keys()[Symbol.iterator]()
    expect(Array.from({ length: 5 }, () => ended.next().done)[4]).toBe(true)
    keys.put('z', 1)
    expect([ended.next().done, taken(keys.range().keys()).length]).toEqual([true, 5])
  })

  it('of several at the same time gives all of them the same, whatever is committed', async () => {
    const held = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`key ${at + 100}`, at]))
    const database = await holding(held)
    const snapshot = database.snapshot().keys('k')
    const parties = [snapshot, snapshot, begin(database).keys, database.keys('k')]
    const walks = parties.map((keys, index) => slowly(keys.range(), index + 1))
    const cursors = parties.slice(0, 3).map((keys) => slowly(cursorSteps(keys), 2))
    for (let round = 0; round < 20; round++) {
      await commit(database, (keys) => {
        keys.put(`key ${150 + round}`, 'changed')
        keys.put(`key ${150 + round}x`, 'made')
        keys.delete(`key ${300 + round}`)
      })
    }
    const expected = Object.entries(held).map(([key, value]) => ({ key, value }))
    for (const rows of await Promise.all([...walks, ...cursors])) expect(rows).toEqual(expected)
    expect(database.keys('k').range().count()).toBe(300)
  })

  it('from the key that follows a key leaves that out: nothing lies between the two', async () => {
    const bytes = (...all: number[]): Uint8Array => Uint8Array.from(all)
    const pairs: [KeyInput, KeyInput][] = [
      ['key', 'key\0'],
      [bytes(1, 2), bytes(1, 2, 0)],
      [bytes(255, 255), bytes(255, 255, 0)],
    ]
    for (const [key, following] of pairs) {
      const database = await holding()
      await commit(database, (keys) => keys.put(key, 'key'))
      const keys = database.keys('k')
      const countsOf = (...ranges: KeyRange[]): number[] =>
        ranges.map((range) => keys.range(range).count())
      expect(countsOf({ gt: key, lt: following }, { gte: key, lt: following })).toEqual([0, 1])
      expect(countsOf({ gt: key }, { gte: following }, { lt: following })).toEqual([0, 0, 1])
      await commit(database, (held) => held.put(following, 'following'))
      expect([...keys.range({ gt: key }).values()]).toEqual(['following'])
      expect(countsOf({ gt: key, lt: following }, { gte: key, lt: following })).toEqual([0, 1])
    }
  })
})

/** The whole of a range, taken from its ends in turn. */
function fromBothEnds(keys: KeyView, range: KeyRange): unknown[] {
  const ends = keys.range(range).ends()
  const front: unknown[] = []
  const back: unknown[] = []
  for (let turns = 0; ; turns++) {
    const isFront = turns % 2 === 0
    const entry = isFront ? ends.front() : ends.back()
    if (entry === undefined) break
    expect(entry.value).toBe(entry.key)
    if (isFront) front.push(entry.key)
    else back.unshift(entry.key)
  }
  expect([ends.front(), ends.back()]).toEqual([undefined, undefined])
  return [...front, ...back]
}

function* cursorSteps(keys: KeyView): Generator<{ key: KeyInput; value: unknown }> {
  const cursor = keys.cursor()
  while (cursor.next()) yield { key: cursor.key, value: cursor.value }
}

/** Takes all, with a turn for the others after every few. */
async function slowly<T>(listing: Iterable<T>, everyTurn: number): Promise<T[]> {
  const found: T[] = []
  for (const one of listing) {
    found.push(one)
    if (found.length % (everyTurn * 7) === 0) await turn()
  }
  return found
}
