import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckReport, Finding } from './finding.ts'
import { listFiles, readText, type TextFile } from './source-files.ts'
import { readComplaints } from './types.ts'

/** A block of code in a document. */
export interface Example {
  readonly file: string
  /** The line of the first line of code, counted from 1. */
  readonly line: number
  readonly code: string
  readonly isRun: boolean
}

const runMsMax = 60_000

/**
 * The examples of the documents are code like any other. In README.md a block marked `ts` is
 * compiled and run, one marked `ts no-run` only compiled; elsewhere in docs/ a block marked
 * `ts run` is run. Each runs in an empty folder of its own, with the built package.
 */
export function checkExamples(root: string): CheckReport {
  const documents = listFiles(root).filter((path) => /^(?:README\.md|docs\/.*\.md)$/.test(path))
  const examples = documents.flatMap((path) => findExamples(readText(root, path)))
  const notes = [`${examples.length} examples, ${examples.filter((one) => one.isRun).length} run`]
  if (!existsSync(join(root, 'packages/asofdb/dist/index.js'))) {
    const message = 'the package is not built: run npm run build'
    return { findings: [{ file: 'packages/asofdb/dist', line: 0, message }] }
  }
  return { findings: tryExamples(examples, root), notes }
}

export function findExamples(document: TextFile): Example[] {
  const isReadme = document.path === 'README.md'
  const examples: Example[] = []
  for (const match of document.text.matchAll(/^```ts(?: ([\w -]+))?\n([\s\S]*?)^```/gm)) {
    const [, mark = '', code = ''] = match
    if (!isReadme && mark !== 'run') continue
    const line = document.text.slice(0, match.index).split('\n').length + 1
    const isRun = mark !== 'no-run'
    examples.push({ file: document.path, line, code, isRun })
  }
  return examples
}

/** Compiles all examples at once, then runs them one by one. */
function tryExamples(examples: readonly Example[], root: string): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'asof-examples-'))
  try {
    prepare(folder, root)
    for (const [index, example] of examples.entries()) {
      // `export {}` makes a module of an example without imports.
      writeFileSync(join(folder, `example-${index}.ts`), `${example.code}\nexport {}\n`)
    }
    const complaints = compile(folder, root).map((finding) => place(finding, examples))
    if (complaints.length > 0) return complaints
    return examples.flatMap((example, index) => run(example, join(folder, `example-${index}.js`)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function prepare(folder: string, root: string): void {
  mkdirSync(join(folder, 'node_modules'))
  for (const [name, target] of [
    ['asofdb', 'packages/asofdb'],
    ['@types', 'node_modules/@types'],
    ['undici-types', 'node_modules/undici-types'],
  ] as const) {
    if (!existsSync(join(root, target))) continue
    symlinkSync(join(root, target), join(folder, 'node_modules', name), 'junction')
  }
  const options = {
    module: 'NodeNext',
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    rootDir: '.',
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }))
}

function compile(folder: string, root: string): Finding[] {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const parameters = [compiler, '--pretty', 'false', '-p', 'tsconfig.json']
  return readComplaints(
    spawnSync(process.execPath, parameters, { cwd: folder, encoding: 'utf8' }).stdout,
  )
}

/** Moves a finding from the extracted file to the document it came from. */
function place(finding: Finding, examples: readonly Example[]): Finding {
  const index = Number(/example-(\d+)\.ts/.exec(finding.file)?.[1] ?? NaN)
  const example = examples[index]
  if (example === undefined) return finding
  return { ...finding, file: example.file, line: example.line + finding.line - 1 }
}

function run(example: Example, script: string): Finding[] {
  if (!example.isRun) return []
  const folder = mkdtempSync(join(tmpdir(), 'asof-example-'))
  const result = spawnSync(process.execPath, ['--enable-source-maps', script], {
    cwd: folder,
    encoding: 'utf8',
    timeout: runMsMax,
  })
  rmSync(folder, { recursive: true, force: true })
  if (result.status === 0) return []
  const why = result.error?.message ?? result.stderr.trim().split('\n').slice(0, 8).join('\n    ')
  return [{ file: example.file, line: example.line, message: `the example fails: ${why}` }]
}
