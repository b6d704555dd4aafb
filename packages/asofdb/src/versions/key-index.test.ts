import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { latin1ToBytes } from '../encoding/text.ts'
import { KeyIndex } from './key-index.ts'
import { Tables } from './tables.ts'

const seed = 1215
const bug = expect.objectContaining({ code: 'Bug' })

describe('a key index', () => {
  test('finds keys by name and in order, each once', () => {
    const anyKey = fc.record({
      keyspace: fc.nat(2),
      name: fc.string({ unit: fc.constantFrom('a', 'b', '\u00fe'), maxLength: 3 }),
    })
    const property = fc.property(fc.array(anyKey, { maxLength: 40 }), (keys) => {
      const tables = new Tables()
      const index = new KeyIndex(tables)
      const known = new Map<string, number>()
      for (const { keyspace, name } of keys) {
        const identity = `${keyspace} ${name}`
        expect(index.find(keyspace, name)).toBe(known.get(identity))
        const ordinal = index.findOrAdd(keyspace, name)
        expect(ordinal).toBe(known.get(identity) ?? known.size)
        known.set(identity, ordinal)
      }
      const reopened = new KeyIndex(tables)
      for (const keyspace of [0, 1, 2, 3]) {
        const names = [...known.keys()].filter((one) => one.startsWith(`${keyspace} `)).sort()
        const wanted = names.map((identity) => known.get(identity))
        for (const each of [index, reopened]) {
          expect([...each.range(keyspace, {}, false)].map(({ value }) => value)).toEqual(wanted)
        }
      }
    })
    fc.assert(property, { seed, numRuns: 100 })
  })

  test('takes in an identity that is defined after a later one', () => {
    const tables = new Tables()
    const index = new KeyIndex(tables)
    tables.keyNames.define(3, { keyspace: 7, bytes: latin1ToBytes('later') })
    expect(index.find(7, 'later')).toBe(3)
    expect(index.find(7, 'early')).toBeUndefined()
    tables.keyNames.define(1, { keyspace: 7, bytes: latin1ToBytes('early') })
    expect(index.find(7, 'early')).toBe(1)
    expect(index.findOrAdd(7, 'next')).toBe(4)
    expect([...index.range(7, {}, false)].map(({ value }) => value)).toEqual([1, 3, 4])
    const unread = new KeyIndex(tables)
    expect([...unread.range(7, {}, true)].map(({ value }) => value)).toEqual([4, 3, 1])
  })

  test('keeps an identity as it was defined first', () => {
    const { keyNames } = new Tables()
    keyNames.define(0, { keyspace: 7, bytes: latin1ToBytes('name') })
    const { length } = keyNames.arena
    keyNames.define(0, { keyspace: 7, bytes: latin1ToBytes('name') })
    expect(keyNames.arena.length).toBe(length)
    expect(keyNames.bytes(0)).toEqual(latin1ToBytes('name'))
    expect(() => keyNames.define(0, { keyspace: 8, bytes: latin1ToBytes('') })).toThrow(bug)
    expect(keyNames.has(0)).toBe(true)
    expect(keyNames.has(1)).toBe(false)
    expect(() => keyNames.define(-1, { keyspace: 8, bytes: latin1ToBytes('') })).toThrow(bug)
  })
})
