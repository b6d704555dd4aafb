import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { type Database, open } from '../../packages/asofdb/src/index.ts'
import { Document } from './document.ts'

type Example = (
  opener: (path: string) => Promise<Database>,
  console: { log(value: unknown): void },
) => Promise<void>

/** The code of the first example of a document. */
function firstExample(path: string): string {
  const code = /^```ts\n([\s\S]*?)^```/m.exec(new Document(path).text)?.[1]
  if (code === undefined) throw new Error(`${path} has no example`)
  return code
}

/** What its comments say that it prints. */
function promisedLines(code: string): string[] {
  return [...code.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)
}

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

it('the example of the README prints what its comments say', async () => {
  const code = firstExample('README.md')
  const folder = mkdtempSync(join(tmpdir(), 'asof-readme-'))
  try {
    const example = await compile(code, folder)
    const printed: unknown[] = []
    const inFolder = (path: string) => open(join(folder, path))
    await example(inFolder, { log: (value) => printed.push(value) })
    expect(printed.length).toBeGreaterThan(0)
    expect(printed.map(String)).toEqual(promisedLines(code))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('the engine shows the example of the README', () => {
  expect(firstExample('packages/asofdb/README.md')).toBe(firstExample('README.md'))
})
