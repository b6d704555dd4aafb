import ts from 'typescript'
import type { CheckReport, Finding } from './finding.ts'
import { isShipped, visit, type SourceFile } from './source-files.ts'

/** The folders whose mistakes reach the disk or decide what is true. */
export const assertingFolders = ['log', 'versions', 'commit', 'checkpoint', 'recovery']

/** Assertions per thousand lines that each of these folders holds at least. */
export const assertionsFloor = 25

/** Folders smaller than this are not measured: one assertion more or less would decide. */
const linesMeasured = 200

const assertionNames = new Set(['invariant', 'must', 'unreachable', 'verify'])

/** Counts the assertions of the durable folders and compares their density with the floor. */
export function measureAssertions(sources: readonly SourceFile[]): CheckReport {
  const findings: Finding[] = []
  const figures: string[] = []
  for (const folder of assertingFolders) {
    const path = `packages/asofdb/src/${folder}/`
    const own = sources.filter((one) => one.path.startsWith(path) && isShipped(one.path))
    const lines = own.reduce((sum, one) => sum + one.text.split('\n').length - 1, 0)
    if (lines < linesMeasured) continue
    const density = (1000 * own.reduce((sum, one) => sum + countAssertions(one), 0)) / lines
    figures.push(`${folder} ${density.toFixed(0)}`)
    if (density >= assertionsFloor) continue
    const message =
      `${density.toFixed(1)} assertions per 1000 lines, at least ${assertionsFloor}: ` +
      'state with invariant() what must hold on entry, on exit and between fields'
    findings.push({ file: path, line: 0, message })
  }
  const measured = figures.join(', ') || 'none measured'
  const notes = [`assertions per 1000 lines (floor ${assertionsFloor}): ${measured}`]
  return { findings, notes }
}

function countAssertions(source: SourceFile): number {
  let count = 0
  visit(source.tree, (node) => {
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return
    const name = node.expression.text
    if (assertionNames.has(name) || /^(?:assert|mustGet|invariant)[A-Z]/.test(name)) count += 1
  })
  return count
}
