import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { open, restore } from '../../packages/asofdb/src/index.ts'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { unfinishedName } from '../../packages/asofdb/src/checkpoint/directory-names.ts'
import { commands } from '../../packages/asof/src/program.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/backup.md')

interface Engine {
  readonly open: typeof open
  readonly restore: typeof restore
}

type Example = (
  engine: Engine,
  place: (path: string) => string,
  console: { log(...values: unknown[]): void },
) => Promise<void>

const exampleLine = /^import \{ open, restore \} from 'asofdb'$/m

/** The example, with all its directories in a folder of their own. */
async function compile(code: string, folder: string): Promise<Example> {
  const names = ['history', 'backup', 'trial', 'restored']
  const body = names.reduce(
    (text, name) => text.replaceAll(new RegExp(`(\\(|, )'${name}'`, 'g'), `$1place('${name}')`),
    code.replace(exampleLine, 'const { open, restore } = engine'),
  )
  const { outputText } = ts.transpileModule(
    `export async function example(engine, place, console) {\n${body}\n}\n`,
    { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 } },
  )
  const file = join(folder, 'example.mjs')
  writeFileSync(file, outputText)
  const made = (await import(pathToFileURL(file).href)) as { example: Example }
  return made.example
}

it('the example prints what its comments say', async () => {
  const code = /^```ts\n([\s\S]*?)^```/m.exec(document.text)?.[1] ?? ''
  expect(code).toMatch(exampleLine)
  const promised = [...code.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
  const folder = mkdtempSync(join(tmpdir(), 'asof-backup-example-'))
  try {
    const example = await compile(code, folder)
    const printed: string[] = []
    const log = (...values: unknown[]) => void printed.push(values.map(String).join(' '))
    await example({ open, restore }, (path) => join(folder, path), { log })
    expect(printed).toEqual(promised)
    expect(promised.length).toBeGreaterThan(3)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

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
