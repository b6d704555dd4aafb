import { describe, expect, it } from 'vitest'
import { cell, Document, type TableRow } from './document.ts'
import { hasOtherThanTests, missingTests, testsOf, unknownWords } from './named-tests.ts'

const document = new Document('docs/keys-behaviours.md')
const columns = ['Theirs', 'Ours', 'Shown by']
const behaviours = document.everyTable(columns)
const blindSpots = document.everyTable(['Not looked at', 'Ours', 'Shown by'])
const defects = document.everyTable(['Defect', 'In short', 'Why not here', 'Shown by'])
const rows = [...behaviours, ...blindSpots, ...defects]

function nameOf(row: TableRow): string {
  return row['Theirs'] ?? row['Not looked at'] ?? cell(row, 'Defect')
}

/** The names of their tests that a row is about. */
function theirTests(row: TableRow): string[] {
  return cell(row, 'Theirs').match(/[a-z]\w*/g) ?? []
}

describe('the page about the behaviours of keys', () => {
  it('names tests that are there', () => {
    const named = rows.flatMap(testsOf)
    expect(named.length).toBeGreaterThan(200)
    expect(missingTests(named)).toEqual([])
  })

  it('shows every row by a test, or says why there is none', () => {
    const bare = rows.filter((row) => {
      const isReasoned = /Left out\b.{10,}/.test(row['Ours'] ?? '')
      return testsOf(row).length === 0 && !isReasoned
    })
    expect(bare.map(nameOf)).toEqual([])
    expect(rows.filter(hasOtherThanTests).map(nameOf)).toEqual([])
  })

  it('has as many of their tests in each group as its heading says, each once', () => {
    const groups = [...document.text.matchAll(/^### .*\((\d+)\)$/gm)]
    let sum = 0
    for (const [heading, count] of groups) {
      const names = document.table(heading, columns).flatMap(theirTests)
      expect([heading, new Set(names).size, names.length]).toEqual([
        heading,
        Number(count),
        Number(count),
      ])
      sum += names.length
    }
    expect(behaviours.flatMap(theirTests)).toHaveLength(sum)
    // All 367 but the 46 about files; one name stands for two tests.
    expect(sum).toBe(367 - 46 - 1)
  })

  it('gives our names as they are', () => {
    const unknown = rows.flatMap((row) =>
      unknownWords(row['Ours'] ?? cell(row, 'Why not here')).map(
        (word) => `${nameOf(row)}: ${word}`,
      ),
    )
    expect(unknown).toEqual([])
  })

  it('has every defect of the engine, each shown by a test of its name', () => {
    const numbers = Array.from({ length: 13 }, (_, index) => `M${index + 1}`)
    const named = defects.map((row) => nameOf(row))
    expect(named.toSorted()).toEqual([...numbers, 'M2b', 'M7b', 'M8b'].toSorted())
    for (const row of defects) {
      const [first] = testsOf(row)
      expect(first?.title).toMatch(new RegExp(`^${nameOf(row)}: `))
    }
  })
})
