import { allowances, type Allowance } from './allowances.ts'
import { measureAssertions } from './assertion-density.ts'
import type { CheckReport, Finding } from './finding.ts'
import { checkPackages } from './package-rules.ts'
import { listFiles, parse, readText, type SourceFile } from './source-files.ts'
import { checkSyntax, type Offence } from './syntax-rules.ts'
import { checkLinks, checkText } from './text-rules.ts'

const fileLinesMax = 600
const fileLinesWarn = 400

const drawerWords = new Set(
  ['util', 'utils', 'helper', 'helpers', 'common', 'shared', 'misc'].concat([
    'manager',
    'base',
    'impl',
  ]),
)

/** The rules of style that a parser can see: CONTRIBUTING.md lists them with their numbers. */
export function checkTidy(
  root: string,
  allowed: readonly Allowance[] = allowances,
): CheckReport {
  const paths = listFiles(root)
  const texts = paths.filter(isReadable).map((path) => readText(root, path))
  const sources = texts.filter((file) => isSource(file.path)).map(parse)
  const offences: Offence[] = sources.flatMap((source) => [
    ...checkSyntax(source),
    ...checkFileLength(source),
  ])
  const { findings: unallowed, unused } = applyAllowances(offences, allowed)
  const density = measureAssertions(sources)
  const findings = [
    ...unallowed,
    ...unused,
    ...texts.flatMap(checkText),
    ...checkLinks(texts, paths),
    ...paths.flatMap(checkName),
    ...checkPackages(root),
    ...density.findings,
  ]
  const long = sources.filter((source) => lineCount(source) > fileLinesWarn)
  const notes = [
    ...long.map((source) => `${source.path} has ${lineCount(source)} lines: think of a split`),
    ...(density.notes ?? []),
  ]
  return { findings, notes }
}

export function applyAllowances(
  offences: readonly Offence[],
  allowed: readonly Allowance[],
): { findings: Finding[]; unused: Finding[] } {
  const used = new Set<string>()
  const findings = offences.filter((offence) => {
    const allowance = allowed.find((one) => isAllowedBy(offence, one))
    if (allowance) used.add(useKey(allowance, offence.file))
    return allowance === undefined
  })
  const unused = allowed.flatMap((one) =>
    one.files
      .filter((file) => !used.has(useKey(one, file)))
      .map((file) => ({
        file: 'scripts/check/allowances.ts',
        line: 0,
        message: `nothing needs '${useKey(one, file)}': remove the entry`,
      })),
  )
  return { findings, unused }
}

function isAllowedBy(offence: Offence, allowance: Allowance): boolean {
  return (
    offence.rule === allowance.rule &&
    allowance.files.includes(offence.file) &&
    (allowance.name === undefined || allowance.name === offence.name)
  )
}

function useKey(allowance: Allowance, file: string): string {
  return [allowance.rule, file, allowance.name].filter(Boolean).join(' ')
}

function lineCount(source: SourceFile): number {
  return source.text.split('\n').length - 1
}

function checkFileLength(source: SourceFile): Offence[] {
  const lines = lineCount(source)
  if (lines <= fileLinesMax) return []
  const message = `${lines} lines, at most ${fileLinesMax}: split it by decision`
  return [{ rule: 'long-file', file: source.path, line: 0, message }]
}

/** A name must say what a file holds; the drawers say only that it holds something. */
export function checkName(path: string): Finding[] {
  if (!isSource(path)) return []
  const words = path.split(/[/.\-_]|(?<=[a-z])(?=[A-Z])/).map((word) => word.toLowerCase())
  return words
    .filter((word) => drawerWords.has(word))
    .map((word) => ({
      file: path,
      line: 0,
      message: `'${word}' in a file name says nothing: name the concept the file owns`,
    }))
}

function isSource(path: string): boolean {
  return /\.(?:ts|mjs|js)$/.test(path)
}

function isReadable(path: string): boolean {
  return /\.(?:ts|mjs|js|json|md|yml|yaml|sh)$|(?:^|\/)[^./]+$|(?:^|\/)\.[^/]+$/.test(path)
}
