import ts from 'typescript'
import type { AllowableRule } from './allowances.ts'
import type { Finding } from './finding.ts'
import { isShipped, isTest, lineOf, visit, type SourceFile } from './source-files.ts'

/** A finding that an entry of allowances.ts may excuse when it has a rule. */
export interface Offence extends Finding {
  readonly rule?: AllowableRule
  /** The function the finding is about. */
  readonly name?: string
}

const bodyLinesMax = 70
const parametersMax = 3

/** Parameter names that say nothing. */
const emptyNames = new Set(['data', 'util'])

/** The order of two operands is the convention, so equal types in a row cannot be mixed up. */
const symmetricalName = /^(?:compare|is\w*Equal|equals?|min|max|order)(?:$|[A-Z])/

/** Pairs of parameters whose order everybody knows from the standard library. */
const orderedPairs = new Set(['start end', 'from to', 'oldPath newPath'])

const primitiveKinds = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.StringKeyword, 'string'],
  [ts.SyntaxKind.NumberKeyword, 'number'],
  [ts.SyntaxKind.BooleanKeyword, 'boolean'],
  [ts.SyntaxKind.BigIntKeyword, 'bigint'],
])

type Rule = (node: ts.Node, source: SourceFile) => Offence | undefined

const rulesEverywhere: readonly Rule[] = [noAny, noNonNull, shortBody, noEmptyName, noSemicolon]
const rulesOfSource: readonly Rule[] = [noCast]
const rulesOfPackages: readonly Rule[] = [fewParameters]
const rulesOfTests: readonly Rule[] = [noLeftover]
const rulesOfEngine: readonly Rule[] = [noAmbientTime]

export function checkSyntax(source: SourceFile): Offence[] {
  const { path } = source
  const rules = [
    ...rulesEverywhere,
    ...(isTest(path) ? rulesOfTests : rulesOfSource),
    ...(isShipped(path) ? rulesOfPackages : []),
    ...(isInsideEngine(path) ? rulesOfEngine : []),
  ]
  const offences: Offence[] = []
  visit(source.tree, (node) => {
    for (const rule of rules) {
      const offence = rule(node, source)
      if (offence) offences.push(offence)
    }
  })
  return offences
}

function isInsideEngine(path: string): boolean {
  const engine = 'packages/asofdb/src/'
  return path.startsWith(engine) && !path.startsWith(`${engine}host/`) && isShipped(path)
}

function at(source: SourceFile, node: ts.Node, message: string): Offence {
  return { file: source.path, line: lineOf(source, node), message }
}

function noAny(node: ts.Node, source: SourceFile): Offence | undefined {
  if (node.kind !== ts.SyntaxKind.AnyKeyword) return undefined
  return at(source, node, "'any' turns the checker off: write unknown and narrow it")
}

function noNonNull(node: ts.Node, source: SourceFile): Offence | undefined {
  const isDefinite = ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)
  if (!ts.isNonNullExpression(node) && !(isDefinite && node.exclamationToken)) return undefined
  return at(source, node, "'!' claims without proof: use must(value, what) or narrow")
}

function noCast(node: ts.Node, source: SourceFile): Offence | undefined {
  if (!ts.isAsExpression(node) && !ts.isTypeAssertionExpression(node)) return undefined
  const { type } = node
  if (type.kind === ts.SyntaxKind.UnknownKeyword) return undefined
  if (ts.isTypeReferenceNode(type) && type.getText(source.tree) === 'const') return undefined
  const message = "'as' belongs in decoders and makers of opaque types: narrow, or use satisfies"
  return { ...at(source, node, message), rule: 'cast' }
}

function shortBody(node: ts.Node, source: SourceFile): Offence | undefined {
  if (!isFunction(node) || !node.body || isSuite(node)) return undefined
  if (!ts.isBlock(node.body)) return undefined
  const first = source.tree.getLineAndCharacterOfPosition(node.body.getStart(source.tree)).line
  const last = source.tree.getLineAndCharacterOfPosition(node.body.end).line
  const lines = last - first - 1
  if (lines <= bodyLinesMax) return undefined
  const message = `a body of ${lines} lines, at most ${bodyLinesMax}: split it by decision`
  return { ...at(source, node, message), rule: 'long-function', name: functionName(node) }
}

type FunctionWithBody = ts.FunctionLikeDeclaration & { body?: ts.Node | undefined }

function isFunction(node: ts.Node): node is FunctionWithBody {
  return ts.isFunctionLike(node) && 'body' in node
}

/** The closure given to describe() holds tests, not work. */
function isSuite(node: ts.Node): boolean {
  if (!ts.isCallExpression(node.parent)) return false
  return /^(?:describe|suite)\b/.test(node.parent.expression.getText())
}

function functionName(node: ts.FunctionLikeDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  if (node.name) return node.name.getText()
  const { parent } = node
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) {
    return parent.name.getText()
  }
  return ''
}

function fewParameters(node: ts.Node, source: SourceFile): Offence | undefined {
  if (!isFunction(node) || !node.body) return undefined
  const name = functionName(node)
  const parameters = node.parameters.filter((one) => one.name.getText() !== 'this')
  const place = (message: string): Offence => ({
    ...at(source, node, `${name || 'this function'} ${message}`),
    rule: 'parameters',
    name,
  })
  if (parameters.length > parametersMax) {
    return place(`takes ${parameters.length} parameters, at most ${parametersMax}: use one object`)
  }
  if (symmetricalName.test(name) || isSeenByItsCallers(node)) return undefined
  for (const [index, parameter] of parameters.entries()) {
    const own = primitiveOf(parameter)
    const next = parameters[index + 1]
    if (own === undefined || next === undefined || primitiveOf(next) !== own) continue
    if (orderedPairs.has(`${parameter.name.getText()} ${next.name.getText()}`)) continue
    return place(`takes two of type ${own} in a row: use one object with names`)
  }
  return undefined
}

/**
 * A private method, a function that is not exported and a closure are called from the file that
 * holds them, with the signature in sight; two equal types in a row do no harm there.
 */
function isSeenByItsCallers(node: ts.FunctionLikeDeclaration): boolean {
  if (ts.isFunctionDeclaration(node)) {
    return !node.modifiers?.some((one) => one.kind === ts.SyntaxKind.ExportKeyword)
  }
  if (ts.isConstructorDeclaration(node)) return false
  if (ts.isClassElement(node)) return node.name !== undefined && isPrivateName(node)
  const statement = ts.isVariableDeclaration(node.parent) ? node.parent.parent.parent : undefined
  if (statement === undefined || !ts.isVariableStatement(statement)) return true
  return !statement.modifiers?.some((one) => one.kind === ts.SyntaxKind.ExportKeyword)
}

function isPrivateName(node: ts.FunctionLikeDeclaration): boolean {
  if (node.name && ts.isPrivateIdentifier(node.name)) return true
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
  return modifiers?.some((one) => one.kind === ts.SyntaxKind.PrivateKeyword) ?? false
}

function primitiveOf(parameter: ts.ParameterDeclaration): string | undefined {
  return parameter.type && primitiveKinds.get(parameter.type.kind)
}

function noEmptyName(node: ts.Node, source: SourceFile): Offence | undefined {
  if (!ts.isParameter(node) || !ts.isIdentifier(node.name)) return undefined
  if (!emptyNames.has(node.name.text)) return undefined
  return at(source, node, `a parameter named '${node.name.text}' says nothing: name the thing`)
}

function noSemicolon(node: ts.Node, source: SourceFile): Offence | undefined {
  if (ts.isStringLiteral(node)) return singleQuotes(node, source)
  const carries = ts.isStatement(node) || ts.isClassElement(node) || ts.isTypeElement(node)
  if (!carries || ts.isEmptyStatement(node) || ts.isBlock(node)) return undefined
  const isLast = /^[ \t]*(?:\n|$|\/)/.test(source.text.slice(node.end, node.end + 100))
  if (source.text[node.end - 1] !== ';' || !isLast) return undefined
  return at(source, node, 'ends in a semicolon: leave it out')
}

function singleQuotes(node: ts.StringLiteral, source: SourceFile): Offence | undefined {
  const written = node.getText(source.tree)
  if (!written.startsWith('"') || written.includes("'")) return undefined
  return at(source, node, 'double quotes: use single ones')
}

const testMakers = new Set(['it', 'test', 'describe', 'suite'])
const leftovers = new Set(['only', 'skip', 'todo', 'fails'])

function noLeftover(node: ts.Node, source: SourceFile): Offence | undefined {
  if (!ts.isPropertyAccessExpression(node) || !leftovers.has(node.name.text)) return undefined
  const [maker] = node.expression.getText(source.tree).split('.')
  if (maker === undefined || !testMakers.has(maker)) return undefined
  return at(source, node, `.${node.name.text} left behind: remove it; use skipIf for a platform`)
}

/** What the linter cannot say: `new Date()` and `Date()` read the clock, globalThis evades it. */
function noAmbientTime(node: ts.Node, source: SourceFile): Offence | undefined {
  if (ts.isIdentifier(node) && node.text === 'globalThis') {
    return at(source, node, 'globalThis goes around the host: add what is needed to the Host')
  }
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined
  if (!ts.isIdentifier(node.expression) || node.expression.text !== 'Date') return undefined
  if (ts.isNewExpression(node) && (node.arguments?.length ?? 0) > 0) return undefined
  return at(source, node, 'reads the clock: use host.clock.wallMicros()')
}
