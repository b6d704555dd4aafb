import { describe, expect, it } from 'vitest'
import { errorKindsByCode } from '../../packages/asofdb/src/rules/errors.ts'
import { cell, Document } from './document.ts'

const document = new Document('docs/time.md')

describe('the table of errors', () => {
  const rows = document.table('## Errors', ['Code', 'Kind', 'When', 'What to do'])

  it('has every code with its kind, and no other', () => {
    const written = rows.map((row) => [cell(row, 'Code'), cell(row, 'Kind')])
    expect(Object.fromEntries(written)).toEqual(errorKindsByCode)
    expect(written.length).toBe(Object.keys(errorKindsByCode).length)
  })

  it('says of every error when it comes, and what to do unless it can not come', () => {
    for (const row of rows) {
      expect(cell(row, 'When')).not.toBe('')
      const isReserved = cell(row, 'When').startsWith('reserved')
      expect([cell(row, 'Code'), cell(row, 'What to do') === '']).toEqual([
        cell(row, 'Code'),
        isReserved,
      ])
    }
  })

  it('has every kind', () => {
    const kinds = document.table('## Errors', ['Kind', 'What to do'])
    const known = new Set<string>(Object.values(errorKindsByCode))
    expect(kinds.map((row) => cell(row, 'Kind')).sort()).toEqual([...known].sort())
  })
})
