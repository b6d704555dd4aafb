import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { latin1ToBytes } from '../encoding/text.ts'
import { RandomStream } from '../../../../simulation/random.ts'
import { IndexShelf } from './index-shelf.ts'
import { KeyIndex } from './key-index.ts'
import { Tables } from './tables.ts'

const seed = 1215
const bug = expect.objectContaining({ code: 'Bug' })

function* bytesOf(pieces: Iterable<Uint8Array>): Generator<number> {
  for (const piece of pieces) yield* piece
}

function namesIn(index: KeyIndex): string[] {
  const names: string[] = []
  for (const keyspace of [0, 1]) {
    const cursor = index.cursor(keyspace)
    for (let isOn = cursor.seekAtOrAfter(''); isOn; isOn = cursor.next()) {
      names.push(`${keyspace} ${cursor.key} ${cursor.value}`)
    }
  }
  return names
}

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

  test('gives cursors that meet keys added later, also those of a keyspace that had none', () => {
    const tables = new Tables()
    const index = new KeyIndex(tables)
    const cursor = index.cursor(7)
    expect([cursor.seekAtOrAfter(''), cursor.seekToLast(), cursor.next()]).toEqual([
      false,
      false,
      false,
    ])
    tables.keyNames.define(0, { keyspace: 7, bytes: latin1ToBytes('b') })
    tables.keyNames.define(1, { keyspace: 8, bytes: latin1ToBytes('bb') })
    expect(cursor.seekAtOrAfter('a')).toBe(true)
    expect([cursor.key, cursor.value, cursor.isOnEntry]).toEqual(['b', 0, true])
    expect([index.findOrAdd(7, 'c'), index.findOrAdd(7, 'a')]).toEqual([2, 3])
    expect([cursor.next(), cursor.key, cursor.value]).toEqual([true, 'c', 2])
    expect(cursor.next()).toBe(false)
    expect([cursor.seekToLast(), cursor.previous(), cursor.previous()]).toEqual([true, true, true])
    expect([cursor.key, cursor.value, cursor.previous()]).toEqual(['a', 3, false])
    expect([cursor.seekBefore('b'), cursor.key]).toEqual([true, 'a'])
    expect([cursor.seekBefore('b', Infinity), cursor.key]).toEqual([true, 'b'])
  })

  test.each([1, 63, 64, 65, 700])('finds by an image of %s keys what it finds without', (count) => {
    const random = new RandomStream(`image of ${count}`)
    const tables = new Tables()
    const period = tables.key.periods.intern(0, 0, 0, 1)
    const define = (ordinal: number): void => {
      const bytes = latin1ToBytes(`name ${random.below(count)}`)
      tables.keyNames.define(ordinal, { keyspace: random.below(2), bytes })
      if (random.below(5) > 0) tables.key.append(ordinal, period, 0)
    }
    for (let ordinal = 0; ordinal < count; ordinal++) define(ordinal)
    for (let ordinal = 0; ordinal < count; ordinal += 9) {
      tables.removals.append({ kind: 'erasedKey', subject: ordinal, sequence: 1 })
    }
    const rows = tables.key.count
    const first = new KeyIndex(tables)
    first.follow()
    const sections = [...first.save(rows)].map((pieces) => Uint8Array.from(bytesOf(pieces)))
    define(count + 1)
    define(count)
    const shelf = new IndexShelf()
    const loaded = new KeyIndex(tables, shelf)
    let isLoaded = false
    shelf.loadFrom({ load: (index) => (isLoaded = index.load(sections, rows)) })
    const wrong: string[] = []
    const plain = new KeyIndex(tables)
    for (let turn = 0; turn < count; turn++) {
      const [keyspace, name] = [random.below(2), `name ${random.below(count)}`]
      if (loaded.find(keyspace, name) !== plain.find(keyspace, name)) wrong.push(name)
      if (turn % 50 === 0) expect(namesIn(loaded)).toEqual(namesIn(plain))
    }
    expect([isLoaded, wrong]).toEqual([true, []])
    // Names that another identity has, which the image does not have: asked for before any other.
    const others = Array.from({ length: count }, (_, ordinal) => ordinal)
      .filter((ordinal) => tables.key.newestWithin(ordinal, rows) < 0)
      .slice(0, 30)
    for (const ordinal of others) {
      const again = new IndexShelf()
      const fresh = new KeyIndex(tables, again)
      again.loadFrom({ load: (index) => index.load(sections, rows) })
      const [keyspace, name] = [tables.keyNames.keyspace(ordinal), tables.keyNames.text(ordinal)]
      expect(fresh.find(keyspace, name)).toBe(plain.find(keyspace, name))
    }
    const added = loaded.findOrAdd(1, 'added')
    expect([added, loaded.find(1, 'added'), plain.find(1, 'added')]).toEqual([
      count + 2,
      count + 2,
      count + 2,
    ])
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
