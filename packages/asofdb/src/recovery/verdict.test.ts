import { describe, expect, it } from 'vitest'
import { factNames, type Facts, judge, matches, verdictRows } from './verdict.ts'

function* allFacts(): Generator<Facts> {
  for (let bits = 0; bits < 2 ** factNames.length; bits++) {
    const entries = factNames.map((name, index) => [name, ((bits >>> index) & 1) === 1] as const)
    yield Object.fromEntries(entries) as Facts
  }
}

describe('the verdict', () => {
  it('has exactly one row for every combination of facts', () => {
    const unmatched: Facts[] = []
    for (const facts of allFacts()) {
      if (verdictRows.filter(row => matches(row, facts)).length !== 1) unmatched.push(facts)
    }
    expect(unmatched).toEqual([])
  })

  it('has no row that nothing leads to', () => {
    const letters = new Set<string>()
    for (const facts of allFacts()) letters.add(judge(facts, 'strict').letter)
    expect([...letters].sort()).toEqual(verdictRows.map(row => row.letter))
  })

  it('never opens or creates over anything that is damaged, foreign or too new', () => {
    for (const facts of allFacts()) {
      const { reaction } = judge(facts, 'strict')
      if (reaction.kind === 'refuse') continue
      if (reaction.kind === 'create') {
        expect(facts).toMatchObject({ hasManifest: false, hasTraces: false, hasStrangers: false })
        continue
      }
      expect(facts).toMatchObject({
        hasManifest: true,
        isManifestWhole: true,
        isManifestNewer: false,
        hasForeignFile: false,
        hasNewerFile: false,
        isManifestStale: false,
        isCheckpointUsable: true,
        isLogWhole: true,
        isFloorReached: true,
      })
    }
  })
})
