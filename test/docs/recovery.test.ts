import { describe, expect, it } from 'vitest'
import {
  memoryRecoveryReport,
  recoveryPolicies,
} from '../../packages/asofdb/src/recovery/report.ts'
import { readRetriesByCode } from '../../packages/asofdb/src/recovery/retrying-files.ts'
import { verdictRows } from '../../packages/asofdb/src/recovery/verdict.ts'
import { cell, Document } from './document.ts'
import { outcomeOf } from './reactions.ts'

const document = new Document('docs/recovery.md')

describe('the page about recovery', () => {
  it('has the letters and reactions of the code', () => {
    const written = document
      .table('## The decision table', ['Row', 'Found', ...recoveryPolicies])
      .map((row) => [cell(row, 'Row'), ...recoveryPolicies.map((policy) => cell(row, policy))])
    const coded = verdictRows.map((row) => [
      row.letter,
      ...recoveryPolicies.map((policy) => outcomeOf(row[policy])),
    ])
    expect(written).toEqual(coded)
  })

  it('says of the same rows what the fault model says', () => {
    const there = new Document('docs/fault-model.md')
      .table('## The recovery decision table', ['Row', 'Found', 'Outcome'])
      .map((row) => cell(row, 'Found'))
    const here = document
      .table('## The decision table', ['Row', 'Found', ...recoveryPolicies])
      .map((row) => cell(row, 'Found'))
    expect(here).toEqual(there)
  })

  it('explains every field of the report', () => {
    const written = document
      .table('## The report', ['Field', 'Meaning'])
      .map((row) => cell(row, 'Field'))
    expect(written.sort()).toEqual(Object.keys(memoryRecoveryReport()).sort())
  })

  it('tells how often a read is tried again', () => {
    const written = document
      .table('## Reads that fail', ['Failure', 'Tried again'])
      .map((row) => [cell(row, 'Failure'), Number(cell(row, 'Tried again'))])
    expect(Object.fromEntries(written)).toEqual(readRetriesByCode)
  })
})
