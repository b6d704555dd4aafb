import { expect, it } from 'vitest'
import { parseTyped, typedText } from '../../packages/asof/src/keys/typed-json.ts'
import { commands } from '../../packages/asof/src/program.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/keys.md')
const section = '## On the command line'

it('the document has every command of keys, and options that there are', () => {
  const parts = commands.find(({ name }) => name === 'keys')?.parts ?? []
  const rows = document.table(section, ['Command', 'Does'])
  const readme = new Document('packages/asof/README.md').text
  expect(rows.map((row) => cell(row, 'Command').split(' ').slice(1, 3).join(' '))).toEqual(
    parts.map(({ name }) => name),
  )
  for (const [at, row] of rows.entries()) {
    const part = parts[at]
    const usage = cell(row, 'Command').slice(`asof ${part?.name} `.length)
    expect(part?.usage.startsWith(usage)).toBe(true)
    const word = part?.name.slice('keys '.length)
    expect([`\`${word}\``, `\`asof keys ${word}`].some((one) => readme.includes(one))).toBe(true)
    for (const [, option = ''] of cell(row, 'Does').matchAll(/--([a-z-]+)/g)) {
      expect(Object.keys(part?.options ?? {})).toContain(option)
    }
  }
})

it('the document has typed JSON of every kind, each as it is written', () => {
  const rows = document.table(section, ['Typed JSON', 'Is'])
  const [plain = '', ...tagged] = rows.map((row) => cell(row, 'Typed JSON'))
  for (const text of plain.slice(1, -1).split('`, `'))
    expect(typedText(parseTyped(text))).toBe(text)
  for (const text of tagged) expect(typedText(parseTyped(text))).toBe(text)
  expect(tagged.length).toBe(12)
})
