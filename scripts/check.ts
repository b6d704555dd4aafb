/**
 * `npm run check [-- NAME ...]`: everything that must hold before a change is accepted. Without
 * names, all checks in the order below; with names, those. `npm run check -- tests PATH` hands
 * the paths to vitest. The last line counts the tests when they ran; the exit code is 0 only when
 * every check passed.
 */
import { fileURLToPath } from 'node:url'
import { checkApi, updateApi } from './check/api-report.ts'
import { checkExamples } from './check/examples.ts'
import { describeFinding, type CheckReport } from './check/finding.ts'
import { checkLadder } from './check/ladder.ts'
import { checkLint } from './check/lint.ts'
import { runTests, type TestCounts } from './check/tests.ts'
import { checkTidy } from './check/tidy.ts'
import { checkTypes } from './check/types.ts'

interface Check {
  readonly name: string
  readonly purpose: string
  run(root: string): CheckReport | Promise<CheckReport>
}

const root = fileURLToPath(new URL('..', import.meta.url))
const [wanted, filters] = readArguments(process.argv.slice(2))
let counts: TestCounts | undefined

/** What `npm test` may take on two cores. */
const budgetSeconds = 600

/** How many findings of one check are printed; the rest is counted. */
const findingsShownMax = 100

const checks: readonly Check[] = [
  { name: 'types', purpose: 'builds the packages and type-checks everything', run: checkTypes },
  { name: 'lint', purpose: 'oxlint, and no outside world beyond host/', run: checkLint },
  { name: 'ladder', purpose: 'imports follow ARCHITECTURE.md, no cycles', run: checkLadder },
  { name: 'tidy', purpose: 'the style rules of CONTRIBUTING.md', run: checkTidy },
  { name: 'api', purpose: 'the committed report of the public surface', run: checkApi },
  { name: 'examples', purpose: 'examples in the documents compile and run', run: checkExamples },
  { name: 'tests', purpose: 'all tests', run: runCountedTests },
]

async function runCountedTests(): Promise<CheckReport> {
  const report = await runTests(root, filters)
  counts = report.counts
  return report
}

/** Splits the arguments into names of checks and the paths that go to vitest. */
function readArguments(given: readonly string[]): [names: string[], paths: string[]] {
  const isPath = (one: string): boolean => one.startsWith('-') || /[/.]/.test(one)
  return [given.filter((one) => !isPath(one)), given.filter(isPath)]
}

async function main(): Promise<number> {
  if (wanted.includes('api:update')) {
    updateApi(root)
    return 0
  }
  const unknown = wanted.filter((name) => !checks.some((check) => check.name === name))
  if (unknown.length > 0 || filters.includes('--help')) {
    const lines = checks.map((check) => `  ${check.name.padEnd(9)} ${check.purpose}`)
    console.log(`Checks, all of them without a name:\n${lines.join('\n')}`)
    return unknown.length > 0 ? 2 : 0
  }
  const began = performance.now()
  const failed: string[] = []
  for (const check of checks) {
    if (wanted.length > 0 && !wanted.includes(check.name)) continue
    if (!(await runCheck(check))) failed.push(check.name)
  }
  printSummary((performance.now() - began) / 1000, failed)
  return failed.length === 0 ? 0 : 1
}

/** Runs one check and prints what it found; true when it found nothing. */
async function runCheck(check: Check): Promise<boolean> {
  const began = performance.now()
  const { findings, notes = [] } = await check.run(root)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const verdict = findings.length === 0 ? 'ok' : `FAILED, ${findings.length} findings`
  console.log(`${check.name.padEnd(9)} ${verdict} (${seconds} s)`)
  for (const finding of findings.slice(0, findingsShownMax)) {
    console.log(`  ${describeFinding(finding)}`)
  }
  const more = findings.length - findingsShownMax
  if (more > 0) console.log(`  ... and ${more} more`)
  for (const note of notes) console.log(`  - ${note}`)
  return findings.length === 0
}

function printSummary(seconds: number, failed: readonly string[]): void {
  const verdict = failed.length === 0 ? 'All checks passed' : `Failed: ${failed.join(', ')}`
  console.log(`\n${verdict} in ${seconds.toFixed(0)} s.`)
  if (seconds > budgetSeconds) {
    console.log(`That is more than the ${budgetSeconds} s this may take on two cores.`)
  }
  if (counts) console.log(`${counts.passed} passed, ${counts.failed} failed`)
}

process.exitCode = await main()
