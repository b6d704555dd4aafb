import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compressions } from '../../packages/asofdb/src/encoding/compression.ts'
import { eventNames } from '../../packages/asofdb/src/observe/events.ts'
import { statusByCode } from '../../packages/asofdb/src/observe/health.ts'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { cell, Document, repository, type TableRow } from './document.ts'

const document = new Document('docs/prior-systems.md')
const mapped = document.everyTable(['Theirs', 'Default', 'Ours', 'Shown by'])
const defects = document.everyTable(['Defect', 'In short', 'Why not here', 'Shown by'])
const rows = [...mapped, ...defects]

function nameOf(row: TableRow): string {
  return row['Theirs'] ?? cell(row, 'Defect')
}

function answerOf(row: TableRow): string {
  return row['Ours'] ?? cell(row, 'Why not here')
}

/** The tests that a row links to. */
function testsOf(row: TableRow): { title: string; path: string }[] {
  return [...cell(row, 'Shown by').matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+)\)/g)].map(
    ([, title = '', path = '']) => ({ title, path }),
  )
}

const sources = new Map<string, string>()

function sourceOf(path: string): string {
  const found = sources.get(path)
  if (found !== undefined) return found
  const whole = `${repository}${path}`
  const text = existsSync(whole) ? readFileSync(whole, 'utf8') : ''
  sources.set(path, text)
  return text
}

/** Whether a file has a test, or a group of them, whose title begins so. */
function hasTitle(path: string, title: string): boolean {
  const literal = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`['"\`]${literal}(?!\\w)`).test(sourceOf(path))
}

/** Everything that users of the engine or of the command can write. */
function knownWords(): Set<string> {
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
    'asof db false Infinity memory',
  ]
  return new Set(texts.flatMap((text) => text.match(/[A-Za-z][A-Za-z0-9]*/g) ?? []))
}

describe('the page about prior systems', () => {
  it('names tests that are there', () => {
    const named = rows.flatMap(testsOf)
    expect(named.length).toBeGreaterThan(150)
    const missing = named.filter(({ title, path }) => !hasTitle(path, title))
    expect(missing).toEqual([])
  })

  it('shows every row by a test, or says why there is none', () => {
    const bare = rows.filter((row) => {
      const isReasoned = /(?:Left out|Not yet)\b.{10,}|^Not yet$/.test(answerOf(row))
      return testsOf(row).length === 0 && !isReasoned
    })
    expect(bare.map(nameOf)).toEqual([])
    const strange = rows.filter((row) => {
      const rest = cell(row, 'Shown by').replaceAll(/\[[^\]]+\]\([^)]+\)/g, '')
      return /[^,\s]/.test(rest)
    })
    expect(strange.map(nameOf)).toEqual([])
  })

  it('gives our names as they are', () => {
    const known = knownWords()
    const unknown = rows.flatMap((row) =>
      [...answerOf(row).matchAll(/`([^`]+)`/g)]
        .flatMap(([, code = '']) => code.match(/[A-Za-z][A-Za-z0-9]*/g) ?? [])
        .filter((word) => !known.has(word))
        .map((word) => `${nameOf(row)}: ${word}`),
    )
    expect(unknown).toEqual([])
  })

  it('has every defect of the three, each once', () => {
    const numbers = (letter: string, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)
    const listed = defects.flatMap((row) =>
      nameOf(row)
        .split(', ')
        .flatMap((part) => {
          const [, letter = '', first, last] = /^(\w)(\d+) to \w(\d+)$/.exec(part) ?? []
          if (first === undefined) return [part]
          return numbers(letter, Number(last)).slice(Number(first) - 1)
        }),
    )
    expect(listed.sort()).toEqual(
      [
        ...numbers('A', 21),
        ...numbers('B', 12),
        ...numbers('C', 5),
        ...numbers('D', 7),
        ...numbers('E', 7),
        ...numbers('F', 10),
        ...numbers('P', 21),
        ...numbers('D', 17),
      ].sort(),
    )
  })

  it('rests on acceptance tests under the numbers of the studies', () => {
    const numbersIn = (system: string, pattern: RegExp): Set<string> => {
      const names = readdirSync(`${repository}test/prior`).filter((name) => name.startsWith(system))
      const text = names.map((name) => sourceOf(`test/prior/${name}`)).join('')
      const found = [...text.matchAll(pattern)]
      return new Set(found.flatMap(([, number = '']) => number.split(' and ')))
    }
    const ofAletheia = numbersIn('aletheiadb', /'(\d+(?: and \d+)*): /g)
    for (let number = 1; number <= 17; number++) expect(ofAletheia).toContain(String(number))
    const ofSurreal = numbersIn('surrealmx', /'P(\d+): /g)
    for (let number = 1; number <= 21; number++) expect(ofSurreal).toContain(String(number))
  })
})
