import { expect, it } from 'vitest'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { unfinishedName } from '../../packages/asofdb/src/checkpoint/directory-names.ts'
import { commands } from '../../packages/asof/src/program.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/backup.md')

it('the document has every command with its options', () => {
  for (const row of document.table('# Backup, restore, fork', ['Command', 'Does'])) {
    const [, name = '', usage = ''] = /^asof (\w+) (.*)$/.exec(cell(row, 'Command')) ?? []
    const command = commands.find((one) => one.name === name)
    expect(command?.usage).toBe(`${usage} [options]`)
    const options = [...cell(row, 'Does').matchAll(/--([a-z-]+)/g)].map(([, option]) => option)
    const known = Object.keys(command?.options ?? {})
    expect(known.filter((one) => one.startsWith('to-'))).toEqual(options)
  }
})

it('the document names errors that there are, and the mark as it is called', () => {
  const rows = document.table('## Backup', ['The directory holds', 'db.backup'])
  const codes = rows.map((row) => cell(row, 'db.backup')).filter((text) => /^[A-Z]\w+$/.test(text))
  expect(codes.length).toBeGreaterThan(4)
  for (const code of codes) expect(Object.keys(errorKindsByCode)).toContain(code)
  expect(document.text).toContain(`\`${unfinishedName}\``)
})
