import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { latin1ToBytes } from '../encoding/text.ts'
import { KeyNames } from './key-names.ts'
import { compareByName, sortByName } from './name-sort.ts'

function namesOf(texts: readonly string[]): KeyNames {
  const names = new KeyNames()
  for (const [ordinal, text] of texts.entries()) {
    names.define(ordinal, { keyspace: 1, bytes: latin1ToBytes(text) })
  }
  return names
}

/** The ordinals in the order that comparing strings gives. */
function sortedByText(texts: readonly string[]): number[] {
  const text = (ordinal: number): string => texts[ordinal] ?? ''
  const compare = (a: number, b: number): number =>
    text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : a - b
  return [...texts.keys()].sort(compare)
}

const random = new RandomStream('names in order')
const units = ['\0', '\u0001', 'a', 'b', '\u00ff']

function randomText(lengthMax: number, unitCount: number): string {
  const length = random.below(lengthMax + 1)
  return Array.from({ length }, () => units[random.below(unitCount)] ?? '').join('')
}

const kinds: Readonly<Record<string, () => string>> = {
  'very short': () => randomText(3, 5),
  'short, of two characters': () => randomText(12, 2),
  'long and much alike': () => 'x'.repeat(300) + randomText(10, 5),
  'long, some alike up to their ends': () => 'ab'.repeat(random.below(60)) + randomText(1, 2),
  'numbers with a beginning and an end': () =>
    `user/${String(random.below(5000)).padStart(8, '0')}/profile`,
  'all of sixteen characters, of two': () =>
    Array.from({ length: 16 }, () => units[2 + random.below(2)] ?? '').join(''),
  'all the same': () => 'the same',
}

describe('sorting by name', () => {
  test.each(Object.keys(kinds))('gives the order of the strings: names that are %s', (kind) => {
    for (const count of [0, 1, 2, 33, 4000]) {
      const texts = Array.from({ length: count }, () => kinds[kind]?.() ?? '')
      const names = namesOf(texts)
      const ordinals = Int32Array.from(texts.keys()).reverse()
      sortByName(names, ordinals)
      expect([...ordinals]).toEqual(sortedByText(texts))
    }
  })

  test('compares as the sort does', () => {
    const names = namesOf(['b', 'a', '', 'a', 'a\0', 'aa'])
    const ordinals = [0, 1, 2, 3, 4, 5]
    expect(ordinals.sort((a, b) => compareByName(names, a, b))).toEqual([2, 1, 3, 4, 5, 0])
  })
})
