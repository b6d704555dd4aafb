/** Runs the examples of the documents, on the source. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import ts from 'typescript'
import * as asofdb from '../../packages/asofdb/src/index.ts'
import * as level from '../../packages/asofdb/src/level/index.ts'
import { Document } from './document.ts'

type Example = (
  engine: Record<string, unknown>,
  console: { log(...values: unknown[]): void },
) => Promise<void>

/** The code of the examples of a document that are marked so, in order. */
export function examplesOf(path: string, mark: 'ts' | 'ts run'): string[] {
  const fence = new RegExp(`^\`\`\`${mark}\\n([\\s\\S]*?)^\`\`\``, 'gm')
  return [...new Document(path).text.matchAll(fence)].map(([, code = '']) => code)
}

/** What the comments of an example say that it prints. */
export function promisedLines(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)
}

/** What an example prints. The paths it opens lie in a folder of its own. */
export async function printedLines(code: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'asof-example-'))
  try {
    const example = await compile(code, folder)
    const printed: string[] = []
    const within = (path: string): string => (path === ':memory:' ? path : join(folder, path))
    const open = (path: string, options?: asofdb.OpenOptions) =>
      asofdb.open(within(path), options)
    class AsOfLevel extends level.AsOfLevel {
      constructor(place: string | level.AsOfLevelSource, options?: level.AsOfLevelOptions) {
        if (typeof place === 'string') super(within(place), options)
        else super(place)
      }
    }
    const log = (...values: unknown[]) => {
      const texts = values.map((value) => (typeof value === 'string' ? value : inspect(value)))
      printed.push(texts.join(' '))
    }
    await example({ ...asofdb, ...level, open, AsOfLevel }, { log })
    return printed
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The example as a function of the engine and of what it prints with. */
async function compile(code: string, folder: string): Promise<Example> {
  const body = code.replace(/^import (\{.*\}) from 'asofdb(?:\/level)?'$/gm, 'const $1 = engine')
  const { outputText } = ts.transpileModule(
    `export async function example(engine, console) {\n${body}\n}\n`,
    { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 } },
  )
  const file = join(folder, 'example.mjs')
  writeFileSync(file, outputText)
  const made = (await import(pathToFileURL(file).href)) as { example: Example }
  return made.example
}
