import type { Database, KeyTransaction, ValueInput } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldBy,
  heldNow,
  holding,
  isolations,
  writeConflict,
} from './keyspace.ts'

/** What a call gives in a transaction of its own, and what is there afterwards. */
async function afterwards<T>(
  database: Database,
  call: (keys: KeyTransaction) => T,
): Promise<[T, unknown]> {
  const given = await database.write((tx) => call(tx.keys('k')))
  return [given, database.keys('k').get('key')]
}

describe('insert', () => {
  it('puts a value where there is no key', async () => {
    const database = await holding()
    expect(await afterwards(database, (keys) => keys.insert('key', 'new'))).toEqual([1, 'new'])
  })

  it('is refused where there is one, whose value stays', async () => {
    const database = await holding({ key: 'old' })
    const party = begin(database)
    const insert = (): unknown => party.keys.insert('key', 'new')
    expect(insert).toThrow(/key.*exists/)
    expect(codeOf(insert)).toBe('AlreadyExists')
    expect(party.keys.get('key')).toBe('old')
    expect(await ending(party)).toBe('nothing to commit')
    expect(database.keys('k').get('key')).toBe('old')
  })

  it('names keyspace and key where it is refused', async () => {
    const database = await holding({ key: 1 })
    await commit(database, (keys) => keys.put(['a', 1], 'tuple'))
    await database.write((tx) => {
      for (const key of ['key', ['a', 1]]) {
        const details = { keyspace: 'k', key }
        expect(() => tx.keys('k').insert(key, 2)).toThrow(
          expect.objectContaining({ code: 'AlreadyExists', kind: 'invalid', details }),
        )
      }
    })
  })

  it('is refused for a key that the transaction itself has put', async () => {
    const database = await holding()
    await commit(database, (keys) => {
      keys.put('key', 'put')
      expect(codeOf(() => keys.insert('key', 'inserted'))).toBe('AlreadyExists')
      keys.insert('other', 'inserted')
      expect(codeOf(() => keys.insert('other', 'twice'))).toBe('AlreadyExists')
    })
    expect(heldNow(database)).toEqual([
      ['key', 'put'],
      ['other', 'inserted'],
    ])
  })

  it('is done for a key that the transaction itself has deleted', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      keys.delete('key')
      return keys.insert('key', 'new')
    })
    expect(given).toEqual([1, 'new'])
    const again = await afterwards(database, (keys) => {
      keys.compareAndDelete('key', 'new')
      keys.insert('key', 'newer')
      return codeOf(() => keys.insert('key', 'newest'))
    })
    expect(again).toEqual(['AlreadyExists', 'newer'])
  })

  it('is done for a key that another has deleted before', async () => {
    const database = await holding({ key: 'old' })
    await commit(database, (keys) => keys.delete('key'))
    expect(await afterwards(database, (keys) => keys.insert('key', 'new'))).toEqual([1, 'new'])
  })
})

describe('compareAndSet', () => {
  it('puts the value where the other one is there', async () => {
    const database = await holding({ key: 'old' })
    const set = (keys: KeyTransaction): boolean => keys.compareAndSet('key', 'old', 'new')
    expect(await afterwards(database, set)).toEqual([true, 'new'])
    // What was put and committed is what is compared with next.
    expect(await afterwards(database, set)).toEqual([false, 'new'])
    const next = (keys: KeyTransaction): boolean => keys.compareAndSet('key', 'new', 'newer')
    expect(await afterwards(database, next)).toEqual([true, 'newer'])
  })

  it('gives false where another one is there, which stays', async () => {
    const database = await holding({ key: 'old' })
    const before = database.sequence
    const given = await afterwards(database, (keys) => {
      const isSet = keys.compareAndSet('key', 'other', 'new')
      expect(keys.get('key')).toBe('old')
      return isSet
    })
    expect(given).toEqual([false, 'old'])
    expect(database.sequence).toBe(before)
  })

  it('with undefined puts the value where there is no key', async () => {
    const database = await holding()
    const set = (keys: KeyTransaction): boolean => keys.compareAndSet('key', undefined, 'new')
    expect(await afterwards(database, set)).toEqual([true, 'new'])
  })

  it('with undefined gives false where there is one, with a value where none', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => [
      keys.compareAndSet('key', undefined, 'new'),
      keys.compareAndSet('absent', 'old', 'new'),
      keys.has('absent'),
    ])
    expect(given).toEqual([[false, false, false], 'old'])
  })

  it('compares with what the transaction itself has put', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      keys.put('key', 'own')
      return keys.compareAndSet('key', 'own', 'new')
    })
    expect(given).toEqual([true, 'new'])
  })

  it('no longer holds for what the transaction itself has replaced', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      keys.put('key', 'own')
      return keys.compareAndSet('key', 'old', 'new')
    })
    expect(given).toEqual([false, 'own'])
  })

  it('with undefined holds for a key that the transaction itself has deleted', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      keys.delete('key')
      return [
        keys.compareAndSet('key', 'old', 'wrong'),
        keys.compareAndSet('key', undefined, 'new'),
        keys.compareAndSet('key', undefined, 'wrong'),
      ]
    })
    expect(given).toEqual([[false, true, false], 'new'])
  })
})

describe('compareAndDelete', () => {
  it('deletes a key that has the value', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      const isDeleted = keys.compareAndDelete('key', 'old')
      expect(keys.has('key')).toBe(false)
      return isDeleted
    })
    expect(given).toEqual([true, undefined])
    expect(heldNow(database)).toEqual([])
  })

  it('gives false for a key that has another one, which stays', async () => {
    const database = await holding({ key: 'old' })
    const remove = (keys: KeyTransaction): boolean => keys.compareAndDelete('key', 'other')
    expect(await afterwards(database, remove)).toEqual([false, 'old'])
  })

  it('with undefined holds where there is no key, and states nothing', async () => {
    const database = await holding({ other: 1 })
    const { versions } = database.stats()
    const before = database.sequence
    const remove = (keys: KeyTransaction): boolean => keys.compareAndDelete('key', undefined)
    expect(await afterwards(database, remove)).toEqual([true, undefined])
    expect([database.stats().versions, database.sequence]).toEqual([versions, before])
  })

  it('with undefined gives false where there is one, with a value where none', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => [
      keys.compareAndDelete('key', undefined),
      keys.compareAndDelete('absent', 'old'),
    ])
    expect(given).toEqual([[false, false], 'old'])
  })

  it('compares with what the transaction itself has put', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      keys.put('key', 'own')
      return keys.compareAndDelete('key', 'own')
    })
    expect(given).toEqual([true, undefined])
  })

  it('no longer holds for what the transaction itself has replaced or deleted', async () => {
    const database = await holding({ key: 'old' })
    const given = await afterwards(database, (keys) => {
      keys.put('key', 'own')
      const isDeleted = [keys.compareAndDelete('key', 'old')]
      expect(keys.get('key')).toBe('own')
      keys.delete('key')
      isDeleted.push(keys.compareAndDelete('key', 'own'), keys.compareAndDelete('key', undefined))
      keys.put('key', 'last')
      return isDeleted
    })
    expect(given).toEqual([[false, false, true], 'last'])
  })
})

/** Each step, whether it is done, and what is there after it. */
const steps: readonly [(keys: KeyTransaction) => unknown, unknown, unknown][] = [
  [(keys) => keys.insert('key', 1), 1, 1],
  [(keys) => codeOf(() => keys.insert('key', 9)), 'AlreadyExists', 1],
  [(keys) => keys.compareAndSet('key', 9, 9), false, 1],
  [(keys) => keys.compareAndSet('key', 1, 2), true, 2],
  [(keys) => keys.compareAndSet('key', 1, 9), false, 2],
  [(keys) => keys.compareAndSet('key', 2, 3), true, 3],
  [(keys) => keys.compareAndDelete('key', 2), false, 3],
  [(keys) => keys.compareAndDelete('key', 3), true, undefined],
  [(keys) => keys.compareAndDelete('key', 3), false, undefined],
  [(keys) => keys.insert('key', 4), 1, 4],
  [(keys) => keys.compareAndSet('key', undefined, 9), false, 4],
]

describe('conditions', () => {
  it('follow one another in one transaction', async () => {
    const database = await holding()
    await commit(database, (keys) => {
      for (const [step, given, left] of steps) {
        expect([step(keys), keys.get('key')]).toEqual([given, left])
        expect(heldBy(keys)).toEqual(left === undefined ? [] : [['key', left]])
      }
    })
    expect(heldNow(database)).toEqual([['key', 4]])
  })

  it('follow one another in commits, and fail as well there', async () => {
    const database = await holding()
    for (const [step, given, left] of steps) {
      expect(await afterwards(database, step)).toEqual([given, left])
    }
    const told = [...database.keys('k').versions()].map(({ value }) => value)
    expect(told).toEqual([1, 2, 3, undefined, 4])
  })

  it('that fail leave the transaction open, with what it has stated', async () => {
    const database = await holding({ key: 'old' })
    const party = begin(database)
    party.keys.put('before', 1)
    expect(codeOf(() => party.keys.insert('key', 'new'))).toBe('AlreadyExists')
    expect(party.keys.compareAndSet('key', 'other', 'new')).toBe(false)
    expect(party.keys.compareAndDelete('key', 'other')).toBe(false)
    party.keys.put('after', 2)
    expect(await ending(party)).toBe('committed')
    expect(heldNow(database)).toEqual([
      ['after', 2],
      ['before', 1],
      ['key', 'old'],
    ])
  })

  it.each<[string, ValueInput]>([
    ['empty text', ''],
    ['no bytes', new Uint8Array()],
    ['null', null],
    ['zero', 0],
    ['false', false],
    ['an empty list', []],
    ['an empty object', {}],
  ])('take a value that is %s for one', async (_name, empty) => {
    const database = await holding({ key: empty })
    await commit(database, (keys) => {
      expect(keys.has('key')).toBe(true)
      expect(codeOf(() => keys.insert('key', 1))).toBe('AlreadyExists')
      expect(keys.compareAndSet('key', undefined, 1)).toBe(false)
      expect(keys.compareAndDelete('key', undefined)).toBe(false)
      expect(keys.compareAndSet('key', empty, 1)).toBe(true)
      expect(keys.compareAndSet('key', 1, empty)).toBe(true)
      expect(keys.compareAndDelete('key', empty)).toBe(true)
      expect(keys.compareAndSet('key', empty, 1)).toBe(false)
      expect(keys.compareAndSet('key', undefined, empty)).toBe(true)
    })
    expect(heldNow(database)).toEqual([['key', empty]])
  })

  it('compare bytes exactly, and values of different types never', async () => {
    const bytes = Uint8Array.from([0, 0xff, 0x80, 0])
    const database = await holding({ key: bytes, text: '1' })
    const near = [
      [0, 0xff, 0x80],
      [0, 0xff, 0x80, 0, 0],
      [0, 0xff, 0x80, 1],
      [1, 0xff, 0x80, 0],
    ]
    await commit(database, (keys) => {
      for (const one of near) {
        expect(keys.compareAndSet('key', Uint8Array.from(one), 'wrong')).toBe(false)
        expect(keys.compareAndDelete('key', Uint8Array.from(one))).toBe(false)
      }
      for (const other of [1, true, null, ['1'], Uint8Array.of(0x31)]) {
        expect(keys.compareAndSet('text', other, 'wrong')).toBe(false)
      }
      expect(keys.compareAndSet('key', Uint8Array.from(bytes), 'right')).toBe(true)
    })
    expect(heldNow(database)).toEqual([
      ['key', 'right'],
      ['text', '1'],
    ])
  })

  it.each(isolations)(
    'that both held: only the first to commit stays, under %s',
    async (isolation) => {
      for (const [condition, left] of [
        [(keys: KeyTransaction) => keys.compareAndSet('key', 'old', 'first'), 'first'],
        [(keys: KeyTransaction) => keys.compareAndDelete('key', 'old'), undefined],
      ] as const) {
        const database = await holding({ key: 'old' })
        const [first, second] = [begin(database, { isolation }), begin(database, { isolation })]
        expect(condition(first.keys)).toBe(true)
        expect(second.keys.compareAndSet('key', 'old', 'second')).toBe(true)
        expect(await ending(first)).toBe('committed')
        expect(await ending(second)).toEqual(writeConflict('key'))
        expect(database.keys('k').get('key')).toBe(left)
      }
    },
  )

  it.each(isolations)(
    'for absence that both held: only the first stays, under %s',
    async (isolation) => {
      const conditions = [
        (keys: KeyTransaction) => keys.insert('key', 'one'),
        (keys: KeyTransaction) => keys.compareAndSet('key', undefined, 'one'),
      ]
      for (const one of conditions) {
        for (const other of conditions) {
          const database = await holding()
          const [first, second] = [begin(database, { isolation }), begin(database, { isolation })]
          one(first.keys)
          other(second.keys)
          expect(await ending(second)).toBe('committed')
          expect(await ending(first)).toEqual(writeConflict('key'))
        }
      }
    },
  )
})
