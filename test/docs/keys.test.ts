import { expect, it } from 'vitest'
import { CurrentKeys } from '../../packages/asofdb/src/current-keys.ts'
import { open } from '../../packages/asofdb/src/index.ts'
import { KeyTransaction } from '../../packages/asofdb/src/key-transaction.ts'
import { KeyCursor } from '../../packages/asofdb/src/keys/key-cursor.ts'
import { KeyEntries } from '../../packages/asofdb/src/keys/key-entries.ts'
import { checkRange } from '../../packages/asofdb/src/keys/key-range.ts'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { keyBytesMax, keyDepthMax, valueBytesMax } from '../../packages/asofdb/src/rules/limits.ts'
import { ordinalMax } from '../../packages/asofdb/src/versions/entity.ts'
import { compareReferenceKeys } from '../encoding/reference-keys.ts'
import { cell, Document } from './document.ts'
import { examplesOf, printedLines, promisedLines } from './example.ts'

const path = 'docs/keys.md'
const document = new Document(path)

/** The names of the calls in the first cells of a table. */
function callsIn(heading: string, columns: readonly string[], column = columns[0] ?? ''): string[] {
  const rows = document.table(heading, columns)
  return rows.flatMap((row) =>
    [...cell(row, column).matchAll(/\b(\w+)\(/g)].map(([, one]) => one ?? ''),
  )
}

it('the examples print what their comments say', async () => {
  const examples = examplesOf(path, 'ts run')
  expect(examples.length).toBe(7)
  for (const code of examples) {
    const printed = await printedLines(code)
    const promised = promisedLines(code)
    expect(promised.length).toBeGreaterThan(0)
    expect(printed.filter((line) => promised.includes(line))).toEqual(promised)
  }
})

it('the calls that read are there', () => {
  const calls = callsIn('## Reading', ['Call', 'Gives'])
  expect(calls).toEqual(
    expect.arrayContaining(['get', 'getMany', 'has', 'range', 'cursor', 'versions', 'timeline']),
  )
  for (const name of calls) expect([name, name in CurrentKeys.prototype]).toEqual([name, true])
})

it('the calls that write are there', () => {
  const calls = callsIn('## Writing', ['Call', 'Does', 'Returns'])
  const own = Object.getOwnPropertyNames(KeyTransaction.prototype)
  expect(calls.sort()).toEqual(own.filter((name) => name !== 'constructor').sort())
})

it('the calls on ranges and cursors are there', () => {
  for (const name of callsIn('### Ranges', ['Call on a range', 'Gives'])) {
    if (!['for', 'front', 'back'].includes(name)) expect(name in KeyEntries.prototype).toBe(true)
  }
  const calls = callsIn('### Cursors', ['Call', 'Goes to'])
  expect(calls).toHaveLength(6)
  for (const name of calls) expect([name, name in KeyCursor.prototype]).toEqual([name, true])
})

it('the parts of a range are those that it takes', () => {
  const rows = document.table('### Ranges', ['Of a range', 'Means'])
  const names = rows.flatMap((row) =>
    [...cell(row, 'Of a range').matchAll(/\w+/g)].map(([name]) => name),
  )
  expect(names).toEqual(['gt', 'gte', 'lt', 'lte', 'prefix', 'reverse', 'skip', 'limit'])
  for (const name of names) expect(() => checkRange({ [name]: null })).toThrow(/null/)
})

it('the parts of a version are told', async () => {
  const rows = document.table('## Time travel', ['Of a version', 'Means'])
  const names = rows.flatMap((row) =>
    [...cell(row, 'Of a version').matchAll(/\w+/g)].map(([name]) => name),
  )
  const database = await open(':memory:')
  await database.write((tx) => tx.keys('k').put('a', 1))
  await database.write((tx) => tx.keys('k').delete('a'))
  const versions = [...database.keys('k').versions()]
  expect(new Set(versions.flatMap((one) => Object.keys(one)))).toEqual(new Set(names))
  await database.close()
})

it('the order of types is the one that is kept', () => {
  const rows = document.table('## Keys and their order', ['Rank', 'Type', 'Among themselves'])
  const kinds = rows.map((row) => cell(row, 'Type').split(/[ ,]/)[0])
  const ofKinds = ['a', true, 1, new Uint8Array([1]), new Date(0), ['a']]
  expect(kinds).toEqual(['text', 'boolean', 'number', 'bytes', 'instant', 'tuple'])
  expect(ofKinds.toSorted(compareReferenceKeys)).toEqual(ofKinds)
})

it('the codes of conflicts are there, with their kinds', () => {
  const rows = document.table('## Transactions and conflicts', ['Code', 'Kind', 'When'])
  const known: Readonly<Record<string, string>> = errorKindsByCode
  for (const row of rows) expect(known[cell(row, 'Code')]).toBe(cell(row, 'Kind'))
  expect(rows.length).toBe(2)
})

it('the limits are those of the engine', () => {
  const rows = document.table('## Limits', ['What', 'Limit'])
  const numbers = rows.map((row) =>
    Number(/^[\d,]+/.exec(cell(row, 'Limit'))?.[0].replaceAll(',', '')),
  )
  expect(numbers).toEqual([keyBytesMax, keyDepthMax, valueBytesMax, ordinalMax])
})
