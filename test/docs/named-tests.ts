/** Holds the tables that say by which tests something is shown against the tests. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { compressions } from '../../packages/asofdb/src/encoding/compression.ts'
import { eventNames } from '../../packages/asofdb/src/observe/events.ts'
import { statusByCode } from '../../packages/asofdb/src/observe/health.ts'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { cell, repository, type TableRow } from './document.ts'

export interface NamedTest {
  /** How the title of the test, or of a group of tests, begins. */
  readonly title: string
  /** The file that it is in, from the repository on. */
  readonly path: string
}

const linkPattern = /\[([^\]]+)\]\(\.\.\/([^)]+)\)/g

/** The tests that a row links to. */
export function testsOf(row: TableRow): NamedTest[] {
  return [...cell(row, 'Shown by').matchAll(linkPattern)].map(([, title = '', path = '']) => ({
    title,
    path,
  }))
}

/** Whether the last column has something else than links to tests. */
export function hasOtherThanTests(row: TableRow): boolean {
  return /[^,\s]/.test(cell(row, 'Shown by').replaceAll(linkPattern, ''))
}

const sources = new Map<string, string>()

/** The text of a file; empty where there is none. */
export function sourceOf(path: string): string {
  const found = sources.get(path)
  if (found !== undefined) return found
  const whole = `${repository}${path}`
  const text = existsSync(whole) ? readFileSync(whole, 'utf8') : ''
  sources.set(path, text)
  return text
}

/** Those of the named tests that their files don't have. */
export function missingTests(named: readonly NamedTest[]): NamedTest[] {
  return named.filter(({ path, title }) => {
    const literal = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    return !new RegExp(`['"\`]${literal}(?!\\w)`).test(sourceOf(path))
  })
}

let known: ReadonlySet<string> | undefined

/** Everything that users of the engine or of the command can write. */
function findKnownWords(): ReadonlySet<string> {
  const commands = 'packages/asof/src/commands'
  const texts = [
    sourceOf('packages/asofdb/api.report.md'),
    sourceOf('packages/asof/src/point-in-history.ts'),
    ...readdirSync(`${repository}${commands}`).map((name) => sourceOf(`${commands}/${name}`)),
    sourceOf('packages/asofdb/src/log/durability-options.ts'),
    ...compressions,
    ...Object.keys(errorKindsByCode),
    ...Object.keys(statusByCode),
    ...eventNames,
    'asof db false Infinity memory serializable',
  ]
  return new Set(texts.flatMap((text) => text.match(/[A-Za-z][A-Za-z0-9]*/g) ?? []))
}

/** Words in code marks that are no names of ours. */
export function unknownWords(text: string): string[] {
  known ??= findKnownWords()
  return [...text.matchAll(/`([^`]+)`/g)]
    .flatMap(([, code = '']) => code.match(/[A-Za-z][A-Za-z0-9]*/g) ?? [])
    .filter((word) => known?.has(word) !== true)
}
