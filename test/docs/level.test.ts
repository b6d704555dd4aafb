import { expect, it } from 'vitest'
import { open } from '../../packages/asofdb/src/index.ts'
import { AsOfLevel, AsOfLevelError } from '../../packages/asofdb/src/level/index.ts'
import { toLevelError } from '../../packages/asofdb/src/level/level-error.ts'
import {
  DatabaseError,
  type ErrorCode,
  errorKindsByCode,
} from '../../packages/asofdb/src/rules/errors.ts'
import { cell, Document } from './document.ts'
import { examplesOf, printedLines, promisedLines } from './example.ts'

const path = 'docs/level.md'
const document = new Document(path)

it('the examples print what their comments say', async () => {
  const examples = examplesOf(path, 'ts run')
  expect(examples.length).toBe(3)
  for (const code of examples) {
    expect(promisedLines(code).length).toBeGreaterThan(0)
    expect(await printedLines(code)).toEqual(promisedLines(code))
  }
})

it('the table of errors has all that become one of Level, and no other', () => {
  const rows = document.table('## Errors', ['Code of Level', 'Codes of the database'])
  const written = rows.flatMap((row) => {
    const [code = ''] = cell(row, 'Code of Level').match(/LEVEL_\w+/) ?? []
    const of = cell(row, 'Codes of the database')
    return [...of.matchAll(/[A-Z]\w+/g)].map(([one]) => `${one}: ${code}`)
  })
  const codes = Object.keys(errorKindsByCode) as ErrorCode[]
  const known = codes.flatMap((code) => {
    const error = toLevelError(new DatabaseError(code, 'x'))
    return error instanceof AsOfLevelError ? [`${code}: ${error.code}`] : []
  })
  expect(new Set(written)).toEqual(new Set(known))
  expect(written.length).toBe(known.length)
})

it('the table of features is what the manifest says', async () => {
  const rows = document.table('## What it supports', ['Feature', 'Supported'])
  const claimed = rows
    .flatMap((row) => cell(row, 'Feature').split(', '))
    .map((name) => name.replaceAll('`', ''))
  const { supports } = new AsOfLevel('never opened', { createIfMissing: false })
  for (const name of claimed) {
    const names = name.split('.')
    const feature = names.reduce<unknown>((of, one) => Reflect.get(Object(of), one), supports)
    expect([name, Boolean(feature)]).toEqual([name, true])
  }
  expect(supports.encodings).toMatchObject({ utf8: true, view: true, buffer: true, json: true })
  await using database = await open(':memory:')
  expect(new AsOfLevel({ database }).supports).toMatchObject({
    createIfMissing: false,
    errorIfExists: false,
    permanence: false,
  })
})
