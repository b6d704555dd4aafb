import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { latin1ToBytes } from '../encoding/text.ts'
import { KeyNames } from './key-names.ts'
import { NameTable } from './name-table.ts'

function add(names: KeyNames, table: NameTable, name: string): number {
  const ordinal = names.column.count
  expect(table.find(name)).toBe(-1)
  names.define(ordinal, { keyspace: 1, bytes: latin1ToBytes(name) })
  table.add(ordinal)
  return ordinal
}

describe('a table of names', () => {
  test('finds every one of many names, and no other', () => {
    const names = new KeyNames()
    const table = new NameTable(names)
    const stored = new NameTable(names)
    const count = 150_000
    const name = (number: number): string => `${number % 7}/${number}/\u00e9`
    const wrong: number[] = []
    for (let number = 0; number < count; number++) {
      names.define(number, { keyspace: 1, bytes: latin1ToBytes(name(number)) })
      if (table.find(name(number)) !== -1) wrong.push(number)
      table.add(number)
      stored.addStored(number)
    }
    for (let number = 0; number < count; number++) {
      if (table.find(name(number)) !== number || stored.find(name(number)) !== number) {
        wrong.push(number)
      }
    }
    expect(wrong).toEqual([])
    expect([table.count, stored.count]).toEqual([count, count])
    expect(table.find(name(count))).toBe(-1)
    expect(table.byteLength / count).toBeLessThan(40)
  })

  test.each([0, 1, 2, 3, 4, 126, 127, 128, 2000, 16_383, 16_384, 65_536])(
    'tells names of %s bytes from those of one byte more or less',
    (length) => {
      const names = new KeyNames()
      const table = new NameTable(names)
      const other = new NameTable(names)
      const lengths = [length, length + 1, length + 2]
      const all = lengths.flatMap((one) => ['\0', 'a', '\u00ff'].map((unit) => unit.repeat(one)))
      const wanted = [...new Set(all)]
      const ordinals = wanted.map((name) => add(names, table, name))
      for (const ordinal of ordinals) other.addStored(ordinal)
      expect(wanted.map((name) => table.find(name))).toEqual(ordinals)
      expect(wanted.map((name) => other.find(name))).toEqual(ordinals)
      expect(table.find('b'.repeat(length + 1))).toBe(-1)
    },
  )

  test('finds the highest ordinal of a name, and of what was forgotten only a later one', () => {
    const names = new KeyNames()
    const random = new RandomStream('names')
    const table = new NameTable(names)
    const known = new Map<string, number>()
    const wrong: string[] = []
    for (let turn = 0; turn < 20_000; turn++) {
      const name = `name ${random.below(300)}`
      const found = known.get(name) ?? -1
      if (table.find(name) !== found) wrong.push(name)
      if (found >= 0 && random.below(3) > 0) {
        table.forget(found)
        known.delete(name)
        table.addStored(found)
        continue
      }
      const ordinal = names.column.count
      names.define(ordinal, { keyspace: 1, bytes: latin1ToBytes(name) })
      if (random.below(2) === 0) table.add(ordinal)
      else table.addStored(ordinal)
      known.set(name, ordinal)
      if (found >= 0) table.addStored(found)
      if (found >= 0) table.forget(found)
    }
    expect(wrong).toEqual([])
    expect(table.count).toBe(known.size)
  })
})
