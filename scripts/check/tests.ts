import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckReport } from './finding.ts'

/** How many tests passed and failed, as vitest counted them. */
export interface TestCounts {
  readonly passed: number
  readonly failed: number
}

/** A run that takes longer than this hangs: it is stopped and fails. */
const runMsMax = 20 * 60_000

/** Runs vitest, its output in view, and reads the counts it leaves. */
export async function runTests(
  root: string,
  filters: readonly string[],
): Promise<CheckReport & { counts: TestCounts }> {
  const folder = mkdtempSync(join(tmpdir(), 'asof-tests-'))
  const resultFile = join(folder, 'result.json')
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const parameters = ['run', '--reporter=default', '--reporter=json', ...filters]
  const code = await runToEnd(root, [vitest, ...parameters, `--outputFile.json=${resultFile}`])
  const counts = readCounts(resultFile)
  rmSync(folder, { recursive: true, force: true })
  if (code === 0 && counts.failed === 0) return { findings: [], counts }
  const message =
    counts.failed > 0
      ? `${counts.failed} tests failed, as shown above`
      : `vitest ended with code ${code}: see above`
  const failed = Math.max(1, counts.failed)
  return { findings: [{ file: 'tests', line: 0, message }], counts: { ...counts, failed } }
}

function runToEnd(root: string, parameters: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, parameters, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: runMsMax,
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

/** Reads the counts from the file of vitest's JSON reporter; none when it was not written. */
export function readCounts(resultFile: string): TestCounts {
  if (!existsSync(resultFile)) return { passed: 0, failed: 0 }
  const result: unknown = JSON.parse(readFileSync(resultFile, 'utf8'))
  const suitesFailed = countOf(result, 'numFailedTestSuites')
  const failed = countOf(result, 'numFailedTests')
  // A file that could not be loaded fails as a suite without any test.
  return { passed: countOf(result, 'numPassedTests'), failed: failed || suitesFailed }
}

function countOf(result: unknown, name: string): number {
  if (typeof result !== 'object' || result === null) return 0
  return Number(Reflect.get(result, name) ?? 0)
}
