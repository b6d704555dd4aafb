import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const engine = 'packages/asofdb/src'

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
}

/**
 * Writes the engine as plain JavaScript into a folder, types erased, so that a process that is
 * started again and again starts at once. Returns the address to import it from.
 */
export function writePlainEngine(folder: string): string {
  return writePlainModules(folder, [`${engine}/index.ts`])
}

/** The same with the process that is killed; returns the address of that. */
export function writeWriter(folder: string): string {
  const modules = ['simulation/random.ts', 'test/kills/workload.ts', 'test/kills/writer.ts']
  return writePlainModules(folder, modules)
}

/**
 * The same with more modules, which find the engine and one another by relative paths; paths are
 * those of the repository. Returns the address of the last one.
 */
export function writePlainModules(folder: string, modules: readonly string[]): string {
  const names = readdirSync(join(repository, engine), { recursive: true, encoding: 'utf8' })
  const sources = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  for (const path of [...sources.map((name) => join(engine, name)), ...modules]) {
    const text = readFileSync(join(repository, path), 'utf8')
    const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: path })
    const target = join(folder, plain(path))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  return pathToFileURL(join(folder, plain(modules.at(-1) ?? engine))).href
}

function plain(path: string): string {
  return path.replace(/\.ts$/, '.js')
}
