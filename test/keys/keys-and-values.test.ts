import type { KeyInput, KeyRange, KeyView, ValueInput } from 'asofdb'
import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { begin, codeOf, commit, heldBy, holding } from './keyspace.ts'

function bytes(...all: number[]): Uint8Array {
  return Uint8Array.from(all)
}

/**
 * Puts these in reverse, and finds them in order in every place that they can be read from: own
 * writes, the committed state, a snapshot, the past, and a database that was opened again.
 */
async function expectEverywhere(
  held: readonly (readonly [KeyInput, ValueInput])[],
  check: (keys: KeyView) => void = () => undefined,
): Promise<void> {
  const host = new SimulatedHost({ seed: 'keys and values' })
  await host.run(async () => {
    const database = await open('/database', { host, keyRetention: 'forever' })
    const { tx, keys } = begin(database)
    for (const [key, value] of [...held].reverse()) expect(keys.insert(key, value)).toBe(1)
    const checkAll = (one: KeyView): void => {
      expect(heldBy(one)).toEqual(held)
      expect(one.getMany(held.map(([key]) => key))).toEqual(held.map(([, value]) => value))
      for (const [key] of held) expect([key, one.has(key)]).toEqual([key, true])
      check(one)
    }
    checkAll(keys)
    await tx.commit()
    const { sequence } = database
    checkAll(database.keys('k'))
    const snapshot = database.snapshot().keys('k')
    await commit(database, (others) => expect(others.clear()).toBe(held.length))
    expect(heldBy(database.keys('k'))).toEqual([])
    checkAll(snapshot)
    checkAll(database.asOf({ sequence }).keys('k'))
    await database.close()
    const again = await open('/database', { host, keyRetention: 'forever' })
    checkAll(again.asOf({ sequence }).keys('k'))
    await again.close()
  })
}

describe('a value', () => {
  it('that is empty is a value: not absent, and met by ranges', async () => {
    const empty: [KeyInput, ValueInput][] = [
      ['a', ''],
      ['b', bytes()],
      ['c', null],
      ['d', []],
      ['e', {}],
    ]
    await expectEverywhere(empty, (keys) => {
      expect([keys.get('none'), keys.has('none')]).toEqual([undefined, false])
      expect(keys.range({ gte: 'b', lte: 'd' }).count()).toBe(3)
    })
    const database = await holding()
    await commit(database, (keys) => keys.put('a', ''))
    const { keys } = begin(database)
    expect(keys.compareAndSet('a', undefined, 1)).toBe(false)
    expect(keys.compareAndSet('a', '', 1)).toBe(true)
  })

  it('may have zero bytes anywhere', async () => {
    await expectEverywhere([
      ['a', '\0'],
      ['b', 'x\0y\0'],
      ['c', bytes(0)],
      ['d', bytes(0, 0, 1, 0)],
      ['e', bytes()],
    ])
  })
})

describe('a key', () => {
  it('may have zero bytes anywhere, and each of them counts', async () => {
    const texts = ['\0', '\0\0', '\0a', 'a', 'a\0', 'a\0\0', 'a\0b', 'aa']
    await expectEverywhere(texts.map((key, index) => [key, index]))
    const of = [[0], [0, 0], [0, 1], [1], [1, 0], [1, 0, 0], [1, 0, 2], [1, 1]]
    await expectEverywhere(of.map((key, index) => [bytes(...key), index]))
  })

  it('may be the greatest of its length, and ranges have it or not as they say', async () => {
    const most = [bytes(254), bytes(254, 255), bytes(255), bytes(255, 254), bytes(255, 255)]
    await expectEverywhere(most.map((key, index) => [key, index]), (keys) => {
      const found = (range: KeyRange): unknown[] => keys.range(range).values().toArray()
      expect(found({ gte: bytes(255) })).toEqual([2, 3, 4])
      expect(found({ gt: bytes(255), lte: bytes(255, 255) })).toEqual([3, 4])
      expect(found({ lt: bytes(255, 255) })).toEqual([0, 1, 2, 3])
      expect(found({ gt: bytes(255, 255) })).toEqual([])
      expect(found({ prefix: bytes(255) })).toEqual([2, 3, 4])
      expect(found({ prefix: bytes(255, 255) })).toEqual([4])
    })
    const last = ['\u{10ffff}', '\u{10ffff}\u{10ffff}']
    await expectEverywhere(last.map((key, index) => [key, index]), (keys) => {
      expect(keys.range({ prefix: '\u{10ffff}' }).count()).toBe(2)
    })
  })

  it('of one byte is every byte, in their order', async () => {
    await expectEverywhere(Array.from({ length: 256 }, (_, byte) => [bytes(byte), byte]))
    const texts = Array.from({ length: 256 }, (_, code) => String.fromCodePoint(code))
    await expectEverywhere(texts.map((key, code) => [key, code]))
  })

  it('of any writing is itself, in the order of code points', async () => {
    // An e with its accent is one letter to a reader, and two keys by how it is written.
    const latin = ['A', 'Z', 'a', 'e\u0301', 'z', 'ß', '\u00e9']
    // The halves of the last ones are less than the tilde, as JavaScript compares text.
    const texts = [...latin, 'λ', 'ж', '日本', '한', '～', '🎉', '🎉🎉']
    await expectEverywhere(texts.map((key) => [key, key]))
    expect([...texts].sort()).not.toEqual(texts)
  })

  it('of bytes comes in ascending order of bytes; the empty ones are no keys', async () => {
    const of = [[0], [0, 0], [0, 255], [1], [1, 2], [1, 2, 3], [2], [127], [128], [255], [255, 0]]
    await expectEverywhere(of.map((key) => [bytes(...key), key]))
    const { keys } = begin(await holding())
    for (const key of ['', bytes(), []]) {
      const calls = [() => keys.put(key, 1), () => keys.get(key), () => keys.delete(key)]
      expect(calls.map(codeOf)).toEqual(['InvalidKey', 'InvalidKey', 'InvalidKey'])
      // As a bound it is the place before all others of its type.
      expect(keys.range({ gte: key }).count()).toBe(0)
    }
    expect(keys.range().count()).toBe(0)
  })

  it('that begins with a prefix is met by it, and its neighbours are not', async () => {
    const texts = ['a', 'app', 'apple', 'apple\0', 'apple pie', 'apples', 'applf', 'b']
    await expectEverywhere(texts.map((key) => [key, key]), (keys) => {
      for (const prefix of ['a', 'app', 'apple', 'apples', 'b', 'c', 'applez', 'apple\0']) {
        const expected = texts.filter((key) => key.startsWith(prefix))
        for (const reverse of [false, true]) {
          const found = keys.range({ prefix, reverse }).keys().toArray()
          expect([prefix, reverse ? found.reverse() : found]).toEqual([prefix, expected])
        }
      }
      expect(keys.range({ prefix: 'app', gt: 'apple', lt: 'apples' }).count()).toBe(2)
    })
    const of = [[1], [1, 0], [1, 255], [1, 255, 255], [2], [2, 0]]
    await expectEverywhere(of.map((key) => [bytes(...key), key]), (keys) => {
      const found = (...prefix: number[]): unknown[] =>
        keys.range({ prefix: bytes(...prefix) }).values().toArray()
      expect(found(1)).toEqual(of.slice(0, 4))
      expect(found(1, 255)).toEqual(of.slice(2, 4))
      expect([found(2), found(3)]).toEqual([of.slice(4), []])
    })
    const tuples = [['a'], ['a', 'b'], ['a', 'b', 1], ['a', 'bc'], ['ab']]
    await expectEverywhere(tuples.map((key, index) => [key, index]), (keys) => {
      const found = (prefix: readonly KeyInput[]): unknown[] =>
        keys.range({ prefix }).values().toArray()
      expect([found(['a']), found(['a', 'b']), found(['ab']), found([])]).toEqual([
        [0, 1, 2, 3],
        [1, 2],
        [4],
        [0, 1, 2, 3, 4],
      ])
    })
  })
})
