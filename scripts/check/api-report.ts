import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import type { CheckReport } from './finding.ts'

/** The committed description of everything `asofdb` exports. */
export const reportPath = 'packages/asofdb/api.report.md'

const entryPath = 'packages/asofdb/dist/index.d.ts'

/** Further entries of the package, by what they are imported as. */
const furtherEntries: Readonly<Record<string, string>> = {
  'asofdb/opentelemetry': 'packages/asofdb/dist/opentelemetry.d.ts',
  'asofdb/level': 'packages/asofdb/dist/level/index.d.ts',
}

/** Compares the committed report with the built types. */
export function checkApi(root: string): CheckReport {
  if (!existsSync(join(root, entryPath))) {
    const message = 'does not exist: run npm run build'
    return { findings: [{ file: entryPath, line: 0, message }] }
  }
  const report = describePackage(root)
  const path = join(root, reportPath)
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const notes = [`${report.match(/^### /gm)?.length ?? 0} exported names`]
  const line = firstDifference(committed, report)
  if (line === undefined) return { findings: [], notes }
  const message =
    'the public surface changed: look at the difference, then npm run api:update and commit it; ' +
    `this line should be: ${report.split('\n')[line - 1] ?? '(nothing)'}`
  return { findings: [{ file: reportPath, line, message }], notes }
}

export function updateApi(root: string): void {
  writeFileSync(join(root, reportPath), describePackage(root))
}

/** The first line, counted from 1, at which two texts part; undefined when they are equal. */
export function firstDifference(left: string, right: string): number | undefined {
  if (left === right) return undefined
  const lefts = left.split('\n')
  const rights = right.split('\n')
  let line = 0
  while (line < lefts.length && lefts[line] === rights[line]) line += 1
  return line + 1
}

function describePackage(root: string): string {
  const further = Object.entries(furtherEntries)
    .filter(([, entry]) => existsSync(join(root, entry)))
    .map(([name, entry]) => describeEntry(name, join(root, entry)))
  return [describeApi(join(root, entryPath)), ...further].join('\n')
}

/** What a further entry exports. */
function describeEntry(name: string, entry: string): string {
  const { checker, sorted } = exportsOf(entry)
  return [`## Entry ${name}\n`, ...sorted.map((one) => describeSymbol(one, checker))].join('\n')
}

/** Every exported name of a declaration file with its signature, sorted, without comments. */
export function describeApi(entry: string): string {
  const { checker, sorted } = exportsOf(entry)
  const originals = new Set(sorted.map((symbol) => originOf(symbol, checker)))
  const sections = sorted.map((symbol) => describeSymbol(symbol, checker))
  const hidden = findHidden(originals, checker)
  return [
    '# Public surface of asofdb\n',
    'Made from the built types by `npm run api:update`; `npm run check -- api` compares.\n',
    ...sections,
    hidden.length === 0 ? '' : '## Named in signatures, not exported\n',
    hidden.map((name) => `- \`${name}\`\n`).join(''),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function exportsOf(entry: string): { checker: ts.TypeChecker; sorted: ts.Symbol[] } {
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(entry)
  const module = source && checker.getSymbolAtLocation(source)
  const exported = module ? checker.getExportsOfModule(module) : []
  return { checker, sorted: exported.toSorted((a, b) => (a.name < b.name ? -1 : 1)) }
}

function originOf(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

function describeSymbol(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const declarations = originOf(symbol, checker).declarations ?? []
  const texts = declarations.map(printDeclaration)
  return `### ${symbol.name}\n\n\`\`\`ts\n${texts.join('\n')}\n\`\`\`\n`
}

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed })

/** The text of a declaration with private members and comments left out. */
function printDeclaration(declaration: ts.Declaration): string {
  const node = statementOf(declaration)
  const shown = ts.transform<ts.Node>(node, [leaveOutPrivate]).transformed[0] ?? node
  const text = printer.printNode(ts.EmitHint.Unspecified, shown, declaration.getSourceFile())
  return text.replace(/^(?:export |declare |default )+/, '')
}

/** A variable is declared inside a list inside a statement; the statement reads better. */
function statementOf(declaration: ts.Declaration): ts.Node {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
}

function leaveOutPrivate(context: ts.TransformationContext): ts.Transformer<ts.Node> {
  const look = (node: ts.Node): ts.Node | undefined => {
    if (ts.isClassElement(node) && isPrivate(node)) return undefined
    return ts.visitEachChild(node, look, context)
  }
  return (node) => look(node) ?? node
}

function isPrivate(node: ts.ClassElement): boolean {
  if (node.name && ts.isPrivateIdentifier(node.name)) return true
  return ts.canHaveModifiers(node)
    ? (ts.getModifiers(node) ?? []).some((one) => one.kind === ts.SyntaxKind.PrivateKeyword)
    : false
}

/** Types of the engine that a signature names although nobody can import them. */
function findHidden(exported: ReadonlySet<ts.Symbol>, checker: ts.TypeChecker): string[] {
  const hidden = new Set<string>()
  const look = (node: ts.Node): void => {
    if (ts.isClassElement(node) && isPrivate(node)) return
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const name = ts.isTypeReferenceNode(node) ? node.typeName : node.expression
      const found = checker.getSymbolAtLocation(name)
      if (found && isHidden(originOf(found, checker), exported)) hidden.add(name.getText())
    }
    ts.forEachChild(node, look)
  }
  for (const symbol of exported) for (const one of symbol.declarations ?? []) look(one)
  return [...hidden].sort()
}

function isHidden(symbol: ts.Symbol, exported: ReadonlySet<ts.Symbol>): boolean {
  if (exported.has(symbol) || symbol.flags & ts.SymbolFlags.TypeParameter) return false
  const files = (symbol.declarations ?? []).map((one) => one.getSourceFile().fileName)
  return files.some((file) => !file.includes('/node_modules/'))
}
