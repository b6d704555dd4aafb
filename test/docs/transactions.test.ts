import { expect, it } from 'vitest'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { Transaction } from '../../packages/asofdb/src/transaction.ts'
import { cell, Document } from './document.ts'
import { examplesOf, printedLines, promisedLines } from './example.ts'

const path = 'docs/transactions.md'
const document = new Document(path)

it('the examples print what their comments say', async () => {
  const examples = examplesOf(path, 'ts run')
  expect(examples.length).toBe(3)
  for (const code of examples) {
    expect(promisedLines(code).length).toBeGreaterThan(0)
    expect(await printedLines(code)).toEqual(promisedLines(code))
  }
})

it('the table of errors has codes that there are, with their kinds', () => {
  const rows = document.table('## Errors', ['Code', 'Kind', 'When'])
  const known: Readonly<Record<string, string>> = errorKindsByCode
  expect(rows.length).toBeGreaterThan(5)
  for (const row of rows) {
    for (const [code] of cell(row, 'Code').matchAll(/[A-Z]\w+/g)) {
      expect([code, known[code]]).toEqual([code, cell(row, 'Kind')])
    }
  }
})

it('the calls on savepoints are there', () => {
  const rows = document.table('## Savepoints', ['Call', 'Does'])
  const calls = rows.flatMap((row) =>
    [...cell(row, 'Call').matchAll(/tx\.(\w+)/g)].map(([, name = '']) => name),
  )
  expect(calls).toEqual(['savepoint', 'rollbackTo', 'release'])
  for (const name of calls) expect(name in Transaction.prototype).toBe(true)
})
