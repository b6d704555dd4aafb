import { type KeyInput, open, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  commit,
  ending,
  heldBy,
  heldNow,
  holding,
  isolations,
  readConflict,
  writeConflict,
} from './keyspace.ts'
import { together, turn } from './tasks.ts'

describe('deletes at the same time', () => {
  it('of one key: the first commits, the others are refused, and it is gone', async () => {
    for (const isolation of isolations) {
      const database = await holding({ key: 1 })
      const parties = [0, 1, 2].map(() => begin(database, { isolation }))
      expect(parties.map(({ keys }) => keys.delete('key'))).toEqual([1, 1, 1])
      const endings = []
      for (const party of parties) endings.push(await ending(party))
      expect(endings).toEqual(['committed', writeConflict('key'), writeConflict('key')])
      expect(heldNow(database)).toEqual([])
    }
  })

  it('and updates of one key: whichever commits first stays', async () => {
    for (const isolation of isolations) {
      for (const isDeleteFirst of [true, false]) {
        const database = await holding({ key: 1 })
        const [deletes, updates] = [begin(database, { isolation }), begin(database, { isolation })]
        deletes.keys.delete('key')
        updates.keys.put('key', 2)
        const order = isDeleteFirst ? [deletes, updates] : [updates, deletes]
        const endings = []
        for (const party of order) endings.push(await ending(party))
        expect(endings).toEqual(['committed', writeConflict('key')])
        expect(heldNow(database)).toEqual(isDeleteFirst ? [] : [['key', 2]])
      }
    }
  })

  it('of a key that is made again, by many: no turn of the switch is lost', async () => {
    const database = await open(':memory:')
    await together(6, async (name) => {
      for (let round = 0; round < 20; round++) {
        await database.write(async (tx) => {
          const keys = tx.keys('k')
          const isThere = keys.has('key')
          await turn()
          if (isThere) expect(keys.delete('key')).toBe(1)
          else expect(keys.insert('key', name)).toBe(1)
        }, { retries: 1000 })
      }
    })
    expect([heldNow(database), database.sequence]).toEqual([[], 120])
    await commit(database, (keys) => keys.insert('key', 'again'))
    expect(heldNow(database)).toEqual([['key', 'again']])
  })

  it('within a range that is being walked change nothing for the walk', async () => {
    const held = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`key ${at + 10}`, at]))
    const database = await holding(held)
    const { keys } = begin(database, { readonly: true })
    const found: [KeyInput, Value][] = []
    for (const { key, value } of keys.range()) {
      found.push([key, value])
      // The one it stands on, the next, the last: all are deleted under it.
      await commit(database, (others) => {
        for (const one of [key, `key ${found.length + 10}`, 'key 59']) others.delete(one)
      })
    }
    expect(found).toEqual(Object.entries(held))
    expect([heldNow(database), heldBy(keys)]).toEqual([[], Object.entries(held)])
  })

  it('of different keys all come through', async () => {
    for (const isolation of isolations) {
      const database = await holding({ a: 1, b: 2, c: 3 })
      const [one, other] = [begin(database, { isolation }), begin(database, { isolation })]
      expect([one.keys.delete('a'), other.keys.delete('b')]).toEqual([1, 1])
      expect([await ending(one), await ending(other)]).toEqual(['committed', 'committed'])
      expect(heldNow(database)).toEqual([['c', 3]])
    }
  })

  it('of what another has read refuse that other, under serializable', async () => {
    for (const isolation of isolations) {
      const database = await holding({ key: 1 })
      const party = begin(database, { isolation })
      expect(party.keys.get('key')).toBe(1)
      party.keys.put('result', 'the key was there')
      await commit(database, (keys) => keys.delete('key'))
      const expected = isolation === 'serializable' ? readConflict('key') : 'committed'
      expect(await ending(party)).toEqual(expected)
    }
  })
})
