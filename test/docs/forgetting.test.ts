import { expect, it } from 'vitest'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { commands } from '../../packages/asof/src/program.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/forgetting.md')

it('the document has commands that there are, and the package lists them', () => {
  const readme = new Document('packages/asof/README.md').text
  const rows = document.table('# Forgetting: retention, prune, compact, erase', ['Call', 'Command'])
  for (const row of rows) {
    const [, name = ''] = /^asof (\w+) DIR/.exec(cell(row, 'Command')) ?? []
    expect(commands.map((one) => one.name)).toContain(name)
    expect(readme).toContain(`| \`asof ${name} `)
  }
  expect(rows.length).toBe(4)
})

it('the document names errors that there are', () => {
  const rows = document.table('## Errors', ['Call', 'Code', 'When'])
  const codes = rows.flatMap((row) => [...cell(row, 'Code').matchAll(/[A-Z]\w+/g)].map(String))
  expect(codes.length).toBeGreaterThan(6)
  for (const code of codes) expect(Object.keys(errorKindsByCode)).toContain(code)
})
