import { describe, expect, it } from 'vitest'
import { parseCondition } from './condition.ts'
import { parseColumnChoice } from './fact-columns.ts'
import { FactReader, type FactReading, guessFormat } from './fact-reader.ts'
import type { Row } from './row.ts'
import { TimeMapping } from './time-mapping.ts'

const time = new TimeMapping({ format: 'year', openEnds: ['3000'], openStarts: [] })

function reader(reading: Partial<FactReading> = {}): FactReader {
  return new FactReader({ format: 'tsv', conditions: [], time, ...reading })
}

function row(...fields: string[]): Row {
  return { line: 1, nextLine: 2, fields, problem: undefined, end: 0 }
}

function said(made: ReturnType<FactReader['read']>): string {
  if (made.kind === 'bad') return made.problem
  if (made.kind !== 'fact') return made.kind
  const { subject, relation, object } = made.fact
  return `${subject} ${relation} ${object}`
}

describe('FactReader', () => {
  it('takes the usual order when nothing else is said', () => {
    expect(said(reader().read(row('Ada', 'knows', 'Mary', '1830', '1840')))).toBe('Ada knows Mary')
  })

  it('finds the columns in a first row that names them', () => {
    const named = reader({ format: 'csv' })
    expect(named.read(row('Object', 'From', 'relation', 'SUBJECT'))).toEqual({ kind: 'header' })
    expect(said(named.read(row('Mary', '1830', 'knows', 'Ada')))).toBe('Ada knows Mary')
  })

  it('takes columns by number, and by the names of a header', () => {
    const columns = parseColumnChoice('subject=2,relation=1,object=0,from=3')
    expect(said(reader({ columns }).read(row('Mary', 'knows', 'Ada', '1830')))).toBe(
      'Ada knows Mary',
    )
    const named = reader({
      columns: parseColumnChoice('subject=who,relation=is,object=of,from=since'),
    })
    expect(named.read(row('of', 'is', 'who', 'since'))).toEqual({ kind: 'header' })
    expect(said(named.read(row('Mary', 'knows', 'Ada', '1830')))).toBe('Ada knows Mary')
    expect(() =>
      reader({ columns: parseColumnChoice('subject=x,relation=1,object=2,from=3') }).read(
        row('a', 'b', 'c', 'd'),
      ),
    ).toThrow("no column 'x'")
  })

  it('takes keys of JSON objects', () => {
    const columns = parseColumnChoice('subject=who,relation=is,object=of,from=since')
    const json = reader({ format: 'jsonl', columns })
    const text = '{"of":"Mary","who":"Ada","since":1830,"is":"knows"}'
    const made = json.rowFormat.readRow(text, { at: 0, line: 1 }, true)
    expect(made === undefined ? made : said(json.read(made))).toBe('Ada knows Mary')
  })

  it('leaves out what a condition refuses, before anything else is looked at', () => {
    const conditions = [parseCondition('relation<24')]
    expect(said(reader({ conditions }).read(row('1', '24', '2', 'x', 'y')))).toBe('unwanted')
    expect(said(reader({ conditions }).read(row('1', '9', '2', '1830', '1840')))).toBe('1 9 2')
  })

  it('puts names in the place of ids', () => {
    const entityNames = new Map([
      ['1', 'Ada'],
      ['2', 'Mary'],
    ])
    const relationNames = new Map([['9', 'knows']])
    const names = reader({ entityNames, relationNames })
    expect(said(names.read(row('1', '9', '2', '1830', '1840')))).toBe('Ada knows Mary')
    expect(said(names.read(row('1', '9', '3', '1830', '1840')))).toBe(
      'no name is given for object 3',
    )
    expect(said(names.read(row('1', '8', '2', '1830', '1840')))).toBe(
      'no name is given for relation 8',
    )
  })

  it('says what is wrong with a row', () => {
    expect(said(reader().read(row('Ada', 'knows')))).toBe('has 2 fields; object is field 2')
    expect(said(reader().read(row('Ada', 'knows', 'Mary', '1830')))).toBe(
      'has 4 fields; to is field 4',
    )
    expect(said(reader().read(row('', 'knows', 'Mary', '1830', '')))).toBe('has no subject')
    expect(said(reader().read(row('Ada', 'knows', 'Mary', '1830', '1820')))).toContain(
      'before it begins',
    )
    expect(said(reader().read({ ...row('x'), problem: 'is broken' }))).toBe('is broken')
  })
})

describe('guessFormat', () => {
  it('goes by the name, then by the first line', () => {
    expect(guessFormat({ path: 'a.csv', firstLine: 'x' })).toBe('csv')
    expect(guessFormat({ path: 'a.jsonl', firstLine: 'x' })).toBe('jsonl')
    expect(guessFormat({ path: 'a.txt', firstLine: 'a\tb' })).toBe('tsv')
    expect(guessFormat({ path: 'a.txt', firstLine: '1 2 3' })).toBe('space')
    expect(guessFormat({ path: 'a', firstLine: '{"a":1}' })).toBe('jsonl')
    expect(guessFormat({ path: 'a', firstLine: 'a,b,c' })).toBe('csv')
  })
})

describe('parseCondition', () => {
  it('compares numbers as numbers and text as text', () => {
    expect(parseCondition('relation < 24').accepts('9')).toBe(true)
    expect(parseCondition('relation>=24').accepts('100')).toBe(true)
    expect(parseCondition('subject=Ada').accepts('Ada')).toBe(true)
    expect(parseCondition('subject!=Ada').accepts('Bob')).toBe(true)
    expect(parseCondition('subject<b').accepts('a')).toBe(true)
    expect(() => parseCondition('what is this')).toThrow('does not understand')
    expect(() => parseCondition('colour=red')).toThrow('does not understand')
  })
})

describe('parseColumnChoice', () => {
  it('needs all of subject, relation, object and from', () => {
    expect(() => parseColumnChoice('subject=0,relation=1')).toThrow('lacks object, from')
    expect(() => parseColumnChoice('subject')).toThrow('does not understand')
    expect(() => parseColumnChoice('colour=1')).toThrow('does not understand')
  })
})
