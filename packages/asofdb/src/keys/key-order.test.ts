import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anyCloseKey,
  anyPrefix,
  compareReferenceKeys,
  hasReferencePrefix,
  storedKey,
} from '../../../../test/encoding/reference-keys.ts'
import { bytesToKey, keyToBytes, keyToLatin1 } from '../encoding/ordered-key.ts'
import { checkRange } from './key-range.ts'

const seed = 4401

describe('the order of keys', () => {
  test('of two is that of the documents, in bytes and in latin1', () => {
    const property = fc.property(anyCloseKey, anyCloseKey, (a, b) => {
      const order = Math.sign(compareReferenceKeys(a, b))
      expect(Buffer.compare(keyToBytes(a), keyToBytes(b))).toBe(order)
      const [left, right] = [keyToLatin1(a), keyToLatin1(b)]
      expect(left < right ? -1 : left > right ? 1 : 0).toBe(order)
      expect(bytesToKey(keyToBytes(a))).toEqual(storedKey(a))
    })
    fc.assert(property, { seed, numRuns: 2500 })
  })

  test('of two that differ late, and of a key and what it begins', () => {
    const property = fc.property(anyCloseKey, anyCloseKey, anyCloseKey, (first, a, b) => {
      for (const [left, right] of [
        [
          [first, a],
          [first, b],
        ],
        [[first, a], [first]],
        [
          [[first, a], b],
          [[first, b], a],
        ],
        [[[first]], [[first], a]],
      ] as const) {
        const order = Math.sign(compareReferenceKeys(left, right))
        expect(Buffer.compare(keyToBytes(left), keyToBytes(right))).toBe(order)
      }
    })
    fc.assert(property, { seed, numRuns: 800 })
  })

  test('has those of a prefix side by side, and no other among them', () => {
    const property = fc.property(anyPrefix, anyCloseKey, (prefix, key) => {
      const { from, to } = checkRange({ prefix })
      expect(from + to).not.toMatch(/[^\0-\xff]/)
      const name = keyToLatin1(key)
      expect(name >= from && name < to).toBe(hasReferencePrefix(key, prefix))
    })
    fc.assert(property, { seed, numRuns: 2500 })
  })

  test('of a prefix and what begins with it', () => {
    const property = fc.property(anyPrefix, anyCloseKey, (prefix, rest) => {
      const { from, to } = checkRange({ prefix })
      const isText = typeof prefix === 'string' && typeof rest === 'string'
      const longer = isText
        ? prefix + rest
        : prefix instanceof Uint8Array && rest instanceof Uint8Array
          ? new Uint8Array([...prefix, ...rest])
          : Array.isArray(prefix)
            ? [...prefix, rest]
            : undefined
      if (longer === undefined) return
      const name = keyToLatin1(longer)
      expect(name >= from && name < to).toBe(hasReferencePrefix(longer, prefix))
    })
    fc.assert(property, { seed, numRuns: 2000 })
  })
})

describe('a range', () => {
  const argument = expect.objectContaining({ code: 'InvalidArgument' })
  const key = expect.objectContaining({ code: 'InvalidKey' })

  test.each([
    ['skip', -1],
    ['skip', 1.5],
    ['skip', Infinity],
    ['skip', '1'],
    ['limit', -1],
    ['limit', Number.NaN],
    ['limit', 0.5],
    ['limit', null],
    ['reverse', 'yes'],
  ])('with %s %s is refused', (name, value) => {
    expect(() => checkRange({ [name]: value })).toThrow(argument)
  })

  test.each([
    ['prefix', 1],
    ['prefix', true],
    ['prefix', null],
    ['prefix', new Date(0)],
    ['prefix', [Number.NaN]],
    ['gte', null],
    ['gt', Number.NaN],
    ['lt', { a: 1 }],
    ['lte', [null]],
  ])('with %s %s is refused', (name, value) => {
    expect(() => checkRange({ [name]: value })).toThrow(key)
  })

  test.each([null, 'a', 5])('that is %s is refused', (range) => {
    expect(() => Reflect.apply(checkRange, undefined, [range])).toThrow(argument)
  })

  test('may begin and end where nothing of a kind lies before', () => {
    const names = ['a', true, 0, new Uint8Array([0]), new Date(0), [0]].map((one) => [
      one,
      keyToLatin1(one),
    ])
    const within = (range: object): unknown[] => {
      const { from, to } = checkRange(range)
      return names
        .filter(([, name]) => String(name) >= from && String(name) < to)
        .map(([one]) => one)
    }
    expect(within({ gte: '' })).toHaveLength(6)
    expect(within({ gt: new Uint8Array(0) })).toHaveLength(3)
    expect(within({ lte: new Uint8Array(0) })).toEqual(['a', true, 0])
    expect(within({ gte: [] })).toEqual([[0]])
    expect(within({ gte: 'b', lt: false })).toEqual([])
    expect(within({ gte: 0, lt: '' })).toEqual([])
  })
})
