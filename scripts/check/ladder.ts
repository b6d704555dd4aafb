import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'
import type { CheckReport, Finding } from './finding.ts'
import { isTest, lineOf, readSources, visit, type SourceFile } from './source-files.ts'

/**
 * The ladder is the block marked `ladder` in ARCHITECTURE.md: one rung a line, lowest first,
 * siblings separated by `|`. A name is a folder of the engine, or a file of its root. Names in
 * parentheses are planned and must not exist.
 */
export interface Ladder {
  readonly rungs: ReadonlyMap<string, number>
  readonly planned: ReadonlySet<string>
  /** Line of the block in ARCHITECTURE.md. */
  readonly line: number
}

interface Import {
  readonly from: string
  readonly line: number
  readonly specifier: string
  /** The file meant, when it is one of the repository. */
  readonly target: string | undefined
}

const engine = 'packages/asofdb/src/'

/**
 * What of the engine is an entry of its own for an optional peer. It stands on the last rung, so
 * nothing imports it, and who does not have the peer does not need it.
 */
const peerOfEntry: Readonly<Record<string, string>> = {
  'opentelemetry.ts': '@opentelemetry/api',
  level: 'abstract-level',
}
const door = 'packages/asof/'
const lawFile = 'ARCHITECTURE.md'

export function readLadder(text: string): Ladder | undefined {
  const block = /^```ladder\n([\s\S]*?)^```/m.exec(text)
  if (block?.[1] === undefined) return undefined
  const rungs = new Map<string, number>()
  const planned = new Set<string>()
  const lines = block[1].split('\n').filter((line) => line.trim() !== '')
  for (const [rung, line] of lines.entries()) {
    for (const name of line.split('|').map((part) => part.trim())) {
      const parenthesized = /^\((.+)\)$/.exec(name)?.[1]
      if (parenthesized === undefined) rungs.set(name, rung)
      else planned.add(parenthesized)
    }
  }
  return { rungs, planned, line: text.slice(0, block.index).split('\n').length }
}

export function checkLadder(root: string): CheckReport {
  const ladder = readLadder(readFileSync(join(root, lawFile), 'utf8'))
  if (ladder === undefined) {
    const message = 'has no block marked ```ladder: list the folders of the engine, lowest first'
    return { findings: [{ file: lawFile, line: 0, message }] }
  }
  const sources = readSources(root).filter((source) => source.path.startsWith('packages/'))
  const shipped = sources.filter((source) => !isTest(source.path))
  const imports = shipped.flatMap(readImports)
  const findings = [
    ...checkRungs(ladder, shipped),
    ...imports.flatMap((one) => judge(one, ladder)),
    ...findCycles(imports),
  ]
  const notes = [`${imports.length} imports of ${shipped.length} files, ${ladder.rungs.size} rungs`]
  return { findings, notes }
}

/** Every name on the ladder exists and everything that exists is on it. */
function checkRungs(ladder: Ladder, sources: readonly SourceFile[]): Finding[] {
  const present = new Map<string, string>()
  for (const { path } of sources) {
    if (path.startsWith(engine)) present.set(rungName(path), path)
  }
  const findings: Finding[] = []
  for (const [name, file] of present) {
    if (ladder.rungs.has(name)) continue
    const message = ladder.planned.has(name)
      ? `'${name}' exists: take it out of its parentheses in ${lawFile}`
      : `'${name}' is not on the ladder: give it a rung in ${lawFile}`
    findings.push({ file, line: 0, message })
  }
  for (const name of ladder.rungs.keys()) {
    if (present.has(name)) continue
    const message = `the rung '${name}' names nothing: remove it, or write (${name}) if planned`
    findings.push({ file: lawFile, line: ladder.line, message })
  }
  return findings
}

function rungName(path: string): string {
  const [name = ''] = path.slice(engine.length).split('/')
  return name
}

function judge(one: Import, ladder: Ladder): Finding[] {
  const message = one.from.startsWith(engine) ? judgeEngine(one, ladder) : judgeDoor(one)
  return message === undefined ? [] : [{ file: one.from, line: one.line, message }]
}

function judgeEngine(one: Import, ladder: Ladder): string | undefined {
  if (one.target === undefined) {
    if (one.specifier.startsWith('node:')) return undefined
    if (peerOfEntry[rungName(one.from)] === one.specifier) return undefined
    return `imports '${one.specifier}': the engine has no dependencies; write what you need of it`
  }
  if (!one.target.startsWith(engine)) {
    return `imports '${one.specifier}', which is outside the engine: move what is needed into it`
  }
  const own = ladder.rungs.get(rungName(one.from))
  const other = ladder.rungs.get(rungName(one.target))
  if (own === undefined || other === undefined) return undefined
  const ownName = rungName(one.from)
  const otherName = rungName(one.target)
  if (ownName === otherName || other < own) return undefined
  if (other === own) {
    return `${ownName} and ${otherName} are siblings: move what both need to a lower rung`
  }
  return (
    `${ownName} is below ${otherName} and must not import it: move the thing down, ` +
    `or let ${otherName} pass it in`
  )
}

function judgeDoor(one: Import): string | undefined {
  if (one.target === undefined) {
    if (one.specifier.startsWith('node:') || one.specifier === 'asofdb') return undefined
    return `imports '${one.specifier}': a door imports 'asofdb' and node: modules only`
  }
  if (one.target.startsWith(door)) return undefined
  return `imports '${one.specifier}': a door imports 'asofdb', never a file of the engine`
}

function readImports(source: SourceFile): Import[] {
  const imports: Import[] = []
  visit(source.tree, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return
    const target = specifier.startsWith('.')
      ? posix.join(posix.dirname(source.path), specifier)
      : undefined
    imports.push({ from: source.path, line: lineOf(source, node), specifier, target })
  })
  return imports
}

/** What a node imports, in any of the ways TypeScript has, `import('x').T` included. */
function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const { moduleSpecifier } = node
    return moduleSpecifier && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : undefined
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument
    return ts.isStringLiteral(literal) ? literal.text : undefined
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments
    return argument && ts.isStringLiteralLike(argument) ? argument.text : undefined
  }
  return undefined
}

/** One finding for each group of files that import each other, found by depth-first search. */
function findCycles(imports: readonly Import[]): Finding[] {
  const edges = new Map<string, Import[]>()
  for (const one of imports) {
    if (one.target === undefined || one.target === one.from) continue
    const list = edges.get(one.from)
    if (list) list.push(one)
    else edges.set(one.from, [one])
  }
  const findings: Finding[] = []
  const finished = new Set<string>()
  const trail: string[] = []
  const walk = (file: string): void => {
    trail.push(file)
    for (const one of edges.get(file) ?? []) {
      const target = one.target ?? ''
      const start = trail.indexOf(target)
      if (start >= 0) findings.push(cycleFinding(one, [...trail.slice(start), target]))
      else if (!finished.has(target)) walk(target)
    }
    trail.pop()
    finished.add(file)
  }
  for (const file of [...edges.keys()].sort()) if (!finished.has(file)) walk(file)
  return findings
}

function cycleFinding(one: Import, files: readonly string[]): Finding {
  const names = files.map((file) => posix.basename(file))
  const message =
    `import cycle ${names.join(' -> ')}: move what is shared to a file ` + 'that imports neither'
  return { file: one.from, line: one.line, message }
}
