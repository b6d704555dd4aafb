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

  it('creates only where there is nothing', () => {
    const creating = [...allFacts()].filter(
      (facts) => judge(facts, 'strict').reaction.kind === 'create',
    )
    const { hasManifest, hasTraces, hasStrangers, mayCreate } = sumOf(creating)
    expect({ hasManifest, hasTraces, hasStrangers, mayCreate }).toEqual({
      hasManifest: [false],
      hasTraces: [false],
      hasStrangers: [false],
      mayCreate: [true],
    })
  })

  it('never opens anything that is damaged, foreign or too new', () => {
    const opening = [...allFacts()].filter(
      (facts) => judge(facts, 'strict').reaction.kind === 'open',
    )
    expect(sumOf(opening)).toMatchObject({
      hasManifest: [true],
      isManifestOurs: [true],
      isManifestWhole: [true],
      isManifestNewer: [false],
      hasForeignFile: [false],
      hasNewerFile: [false],
      isManifestStale: [false],
      isCheckpointUsable: [true],
      isLogWhole: [true],
      isFloorReached: [true],
    })
  })
})

/** The answers that each fact has among many. */
function sumOf(many: readonly Facts[]): Record<string, readonly boolean[]> {
  const answers = factNames.map((name) => {
    const found = new Set(many.map((facts) => facts[name]))
    return [name, [...found]] as const
  })
  return Object.fromEntries(answers)
}
