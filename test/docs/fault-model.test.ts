import { expect, it } from 'vitest'
import { verdictRows } from '../../packages/asofdb/src/recovery/verdict.ts'
import { cell, Document } from './document.ts'
import { outcomeOf } from './reactions.ts'

it('the decision table of the document has the letters and outcomes of the code', () => {
  const document = new Document('docs/fault-model.md')
  const columns = ['Row', 'Found', 'Outcome']
  const written = document
    .table('## The recovery decision table', columns)
    .map((row) => `${cell(row, 'Row')} ${cell(row, 'Outcome')}`)
  expect(written).toEqual(verdictRows.map(({ letter, strict }) => `${letter} ${outcomeOf(strict)}`))
})
