/** The two hooks of typescript-loader.mjs. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const engine = new URL('../packages/asofdb/src/index.ts', import.meta.url).href

/**
 * @template T
 * @param {string} specifier
 * @param {unknown} context
 * @param {(specifier: string, context: unknown) => T} next
 * @returns {T | { url: string, format: string, shortCircuit: true }}
 */
export function resolve(specifier, context, next) {
  if (specifier === 'asofdb') return { url: engine, format: 'module', shortCircuit: true }
  return next(specifier, context)
}

/**
 * @template T
 * @param {string} url
 * @param {unknown} context
 * @param {(url: string, context: unknown) => T} next
 * @returns {T | { source: string, format: string, shortCircuit: true }}
 */
export function load(url, context, next) {
  if (!url.startsWith('file:') || !/\.ts(?:\?.*)?$/.test(url)) return next(url, context)
  const fileName = fileURLToPath(url)
  const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), {
    fileName,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
      inlineSources: true,
    },
  })
  return { source: outputText, format: 'module', shortCircuit: true }
}
