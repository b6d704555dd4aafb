import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const source = fileURLToPath(new URL('../../packages/asofdb/src/', import.meta.url))

/**
 * Writes the engine as plain JavaScript into a folder, types erased, so that a process that is
 * started again and again starts at once. Returns the address to import it from.
 */
export function writePlainEngine(folder: string): string {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  }
  for (const path of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts')) continue
    const text = readFileSync(join(source, path), 'utf8')
    const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: path })
    const target = join(folder, path.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  return pathToFileURL(join(folder, 'index.js')).href
}
