import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { CheckReport, Finding } from './finding.ts'

/**
 * Builds both packages into dist (tests left out) and type-checks everything else: tests,
 * simulation, benchmarks, scripts.
 */
export function checkTypes(root: string): CheckReport {
  const findings = [
    ...runCompiler(root, ['-b', 'packages/asof']),
    ...runCompiler(root, ['-p', 'tsconfig.json']),
  ]
  const seen = new Set<string>()
  return {
    findings: findings.filter((finding) => {
      const key = `${finding.file}:${finding.line}:${finding.message}`
      return !seen.has(key) && seen.add(key)
    }),
  }
}

/** Runs tsc in `root` and returns what it complains about. */
export function runCompiler(root: string, parameters: readonly string[]): Finding[] {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const run = spawnSync(process.execPath, [compiler, ...parameters, '--pretty', 'false'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (run.status === 0) return []
  const findings = readComplaints(run.stdout)
  if (findings.length > 0) return findings
  const message = `tsc ${parameters.join(' ')} failed: ${run.stdout}${run.stderr}`
  return [{ file: 'tsconfig.json', line: 0, message }]
}

/** Reads the plain output of tsc; indented lines continue the complaint above them. */
export function readComplaints(output: string): Finding[] {
  const findings: Finding[] = []
  for (const line of output.split('\n')) {
    const match = /^(?:(.+?)\((\d+),\d+\): )?error (TS\d+: .*)$/.exec(line)
    if (match === null) continue
    const [, file = 'tsconfig.json', lineNumber = '0', message = ''] = match
    findings.push({ file, line: Number(lineNumber), message })
  }
  return findings
}
