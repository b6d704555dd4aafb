import { expect, it } from 'vitest'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { cell, Document } from './document.ts'
import { examplesOf, printedLines, promisedLines } from './example.ts'

const path = 'docs/watch.md'
const document = new Document(path)

it('the examples print what their comments say', async () => {
  const examples = examplesOf(path, 'ts run')
  expect(examples.length).toBe(2)
  for (const code of examples) {
    const below = [...code.matchAll(/^\/\/ (.*)$/gm)].map(([, text = '']) => text)
    const promised = [...promisedLines(code), ...below]
    expect(promised.length).toBeGreaterThan(0)
    expect(await printedLines(code)).toEqual(promised)
  }
})

it('the table of errors has codes that there are', () => {
  const rows = document.table('## Errors', ['Code', 'When'])
  expect(rows.length).toBe(4)
  for (const row of rows) expect(Object.keys(errorKindsByCode)).toContain(cell(row, 'Code'))
})

it('the table of selections has all of them', () => {
  const rows = document.table('## What is watched', ['Selection', 'Tells'])
  const text = rows.map((row) => cell(row, 'Selection')).join(' ')
  const names = ['keyspace', 'label', 'type', 'id', 'ids']
  for (const name of names) expect(text).toContain(`{ ${name} }`)
})
