import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cell, Document, repository, type TableRow } from './document.ts'
import { hasOtherThanTests, missingTests, sourceOf, testsOf, unknownWords } from './named-tests.ts'

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

describe('the page about prior systems', () => {
  it('names tests that are there', () => {
    const named = rows.flatMap(testsOf)
    expect(named.length).toBeGreaterThan(150)
    expect(missingTests(named)).toEqual([])
  })

  it('shows every row by a test, or says why there is none', () => {
    const bare = rows.filter((row) => {
      const isReasoned = /(?:Left out|Not yet)\b.{10,}|^Not yet$/.test(answerOf(row))
      return testsOf(row).length === 0 && !isReasoned
    })
    expect(bare.map(nameOf)).toEqual([])
    expect(rows.filter(hasOtherThanTests).map(nameOf)).toEqual([])
  })

  it('gives our names as they are', () => {
    const unknown = rows.flatMap((row) =>
      unknownWords(answerOf(row)).map((word) => `${nameOf(row)}: ${word}`),
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
