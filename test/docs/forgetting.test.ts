import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { open } from '../../packages/asofdb/src/index.ts'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { commands } from '../../packages/asof/src/program.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/forgetting.md')

type Example = (
  opener: (path: string) => ReturnType<typeof open>,
  console: { log(...values: unknown[]): void },
) => Promise<void>

const examples = [...document.text.matchAll(/^## (\w+)\n\n```ts\n([\s\S]*?)^```/gm)]

/** The example as a function of what it opens and prints with. */
async function compile(code: string, folder: string): Promise<Example> {
  const body = code.replace("import { open } from 'asofdb'", '')
  const { outputText } = ts.transpileModule(
    `export async function example(open, console) {\n${body}\n}\n`,
    { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 } },
  )
  const file = join(folder, 'example.mjs')
  writeFileSync(file, outputText)
  const made = (await import(pathToFileURL(file).href)) as { example: Example }
  return made.example
}

it('has an example of everything that is forgotten', () => {
  expect(examples.map(([, name]) => name)).toEqual(['Prune', 'Retention', 'Erase'])
})

it.each(examples.map(([, name = '', code = '']) => [name, code] as const))(
  'the example under %s prints what its comments say',
  async (_, code) => {
    const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
    const folder = mkdtempSync(join(tmpdir(), 'asof-forgetting-example-'))
    try {
      const example = await compile(code, folder)
      const printed: string[] = []
      const log = (...values: unknown[]) => void printed.push(values.map(String).join(' '))
      await example((path) => open(join(folder, path)), { log })
      expect(printed).toEqual(promised)
      expect(promised.length).toBeGreaterThan(1)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)

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
