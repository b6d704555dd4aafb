import { copyFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { isNodeNewEnough, whyStale } from '../setup.mjs'
import { withFiles } from './fixture.ts'
import { checkLint } from './lint.ts'
import { readCounts } from './tests.ts'
import { readComplaints, runCompiler } from './types.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

function lint(files: Readonly<Record<string, string>>): string[] {
  return withFiles(files, (root) => {
    copyFileSync(join(repository, '.oxlintrc.json'), join(root, '.oxlintrc.json'))
    copyFileSync(join(repository, 'tsconfig.base.json'), join(root, 'tsconfig.json'))
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'), 'junction')
    return checkLint(root, repository).findings.map(({ file, line }) => `${file}:${line}`).sort()
  })
}

const outside = [
  "import { openSync } from 'node:fs'",
  "import { open } from 'node:fs/promises'",
  "import { randomBytes } from 'node:crypto'",
  'export const a = [openSync, open, randomBytes, Date.now(), Math.random()]',
  'export const b = [performance.now(), process.pid]',
  'export const c = setTimeout(() => {}, 1)',
  'export const d = setInterval(() => {}, 1)',
].join('\n')

test('the linter keeps the outside world out of the engine, host/ and tests aside', () => {
  const engine = 'packages/asofdb/src'
  const found = lint({
    [`${engine}/log/a.ts`]: outside,
    [`${engine}/host/a.ts`]: outside,
    [`${engine}/log/a.test.ts`]: "export const a = Date.now()\nexport { b } from 'node:fs'\n",
  })
  const places = outside.split('\n').map((_, index) => `${engine}/log/a.ts:${index + 1}`)
  expect(new Set(found)).toEqual(new Set(places))
})

test('the linter finds a promise nobody waits for', () => {
  const text = 'async function f(): Promise<void> {}\nf()\n'
  expect(lint({ 'scripts/a.ts': text })).toEqual(['scripts/a.ts:2'])
})

test('a type error is reported with its file and line', () => {
  const files = {
    'a.ts': "\nconst a: number = 'b'\n",
    'tsconfig.json': '{ "compilerOptions": { "noEmit": true, "types": [] } }',
  }
  const found = withFiles(files, (root) => {
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'), 'junction')
    return runCompiler(root, ['-p', 'tsconfig.json'])
  })
  expect(found).toMatchObject([{ file: 'a.ts', line: 2 }])
})

test('a complaint of the compiler without a file is not lost', () => {
  expect(readComplaints('error TS5023: Unknown option.\n')).toMatchObject([{ line: 0 }])
})

test('counts come from the file of the test runner', () => {
  withFiles({ 'a.json': '{ "numPassedTests": 3, "numFailedTests": 2 }' }, (root) => {
    expect(readCounts(join(root, 'a.json'))).toEqual({ passed: 3, failed: 2 })
    expect(readCounts(join(root, 'b.json'))).toEqual({ passed: 0, failed: 0 })
  })
})

test('a test file that does not load counts as a failure', () => {
  withFiles({ 'a.json': '{ "numFailedTestSuites": 1 }' }, (root) => {
    expect(readCounts(join(root, 'a.json')).failed).toBe(1)
  })
})

test('Node is new enough from 20.19 on', () => {
  const versions = ['18.20.0', '20.18.3', '20.19.0', '20.20.2', '22.0.0']
  expect(versions.map(isNodeNewEnough)).toEqual([false, false, true, true, true])
})

test('packages are stale when one is missing or of another version than the lock file says', () => {
  const lock = (version: string): string =>
    JSON.stringify({ packages: { '': {}, 'node_modules/a': { version } } })
  const files = {
    'package-lock.json': lock('1.0.0'),
    'node_modules/.package-lock.json': lock('1.0.0'),
    'node_modules/a/package.json': '{}',
  }
  withFiles(files, (root) => {
    expect(whyStale(root)).toBeUndefined()
    writeFileSync(join(root, 'package-lock.json'), lock('2.0.0'))
    expect(whyStale(root)).toBe('a is 1.0.0, the lock file says 2.0.0')
  })
  withFiles({ 'package-lock.json': lock('1.0.0') }, (root) => {
    expect(whyStale(root)).toBe('nothing is installed yet')
  })
})
