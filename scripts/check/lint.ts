import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { CheckReport, Finding } from './finding.ts'

/** Runs oxlint with the rules of .oxlintrc.json, those that need types included. */
export function checkLint(root: string, tools: string = root): CheckReport {
  const linter = join(tools, 'node_modules', 'oxlint', 'bin', 'oxlint')
  const run = spawnSync(process.execPath, [linter, '--type-aware', '--format', 'json', '.'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const diagnostics = readDiagnostics(run.stdout)
  if (diagnostics === undefined) {
    const message = `oxlint did not run: ${run.error?.message ?? run.stderr ?? run.stdout}`
    return { findings: [{ file: '.oxlintrc.json', line: 0, message }] }
  }
  return { findings: diagnostics.map(toFinding) }
}

interface Diagnostic {
  readonly message: string
  readonly code?: string
  readonly help?: string
  readonly filename: string
  readonly labels: readonly { readonly span: { readonly line: number } }[]
}

function readDiagnostics(output: string): readonly Diagnostic[] | undefined {
  try {
    const parsed: { diagnostics?: readonly Diagnostic[] } = JSON.parse(output)
    return parsed.diagnostics
  } catch {
    return undefined
  }
}

function toFinding(one: Diagnostic): Finding {
  const help = one.help === undefined || one.help === '' ? '' : ` ${one.help}`
  const message = `${one.message}${help} [${one.code ?? 'parse'}]`.replaceAll('\n', ' ')
  return { file: one.filename, line: one.labels[0]?.span.line ?? 0, message }
}
