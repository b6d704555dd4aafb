import { describe, expect, test } from 'vitest'
import { SymbolTable } from './symbol-table.ts'

const bug = expect.objectContaining({ code: 'Bug' })

describe('a symbol table', () => {
  test('gives a name one number, and knows which numbers are logged', () => {
    const table = new SymbolTable()
    expect([table.intern('a'), table.intern('b'), table.intern('a')]).toEqual([0, 1, 0])
    expect(table.find('c')).toBeUndefined()
    expect([table.isLogged(1), table.count]).toEqual([false, 0])
    table.define(1, 'b')
    table.define(1, 'b')
    expect([table.isLogged(0), table.isLogged(1), table.count]).toEqual([false, true, 1])
    expect(table.name(0)).toBe('a')
  })

  test('leaves a gap for a name that was never logged', () => {
    const table = new SymbolTable()
    table.define(5, 'late')
    table.define(2, 'early')
    expect(table.intern('more')).toBe(6)
    expect([...table.definitions()]).toEqual([
      [2, 'early'],
      [5, 'late'],
    ])
    expect([...table.definitionsLogged(0, 1)]).toEqual([[5, 'late']])
    expect([...table.definitionsLogged(1, 2)]).toEqual([[2, 'early']])
    expect(() => table.name(3)).toThrow(bug)
  })

  test('refuses two numbers for a name and two names for a number', () => {
    const table = new SymbolTable()
    table.define(0, 'a')
    expect(() => table.define(1, 'a')).toThrow(bug)
    expect(() => table.define(0, 'b')).toThrow(bug)
    expect(() => table.define(2 ** 31, 'c')).toThrow(bug)
    expect(() => [...table.definitionsLogged(0, 2)]).toThrow(bug)
    expect([...table.definitions()]).toEqual([[0, 'a']])
  })
})

test('names asked for in turn keep their numbers, also where they have the same length', () => {
  const table = new SymbolTable()
  const names = ['age', 'sex', 'a name of nineteen.', 'own', '']
  expect(names.map((name) => table.find(name))).toEqual(names.map(() => undefined))
  for (const name of names) table.intern(name)
  for (let round = 0; round < 3; round++) {
    expect(names.map((name) => table.find(name))).toEqual([0, 1, 2, 3, 4])
    expect(table.find('sea')).toBeUndefined()
  }
})

test('what is no name was never used', () => {
  const table = new SymbolTable()
  table.intern('5')
  for (const name of [undefined, null, 5, {}]) {
    expect(Reflect.apply(table.find.bind(table), undefined, [name])).toBeUndefined()
  }
})
