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

  it('salvages where strict finds damage, and nowhere else', () => {
    for (const { strict, bestEffort, repair } of verdictRows) {
      const isDamage =
        strict.kind === 'refuse' && (strict.code === 'Corrupt' || strict.code === 'ForeignFile')
      if (isDamage) {
        expect(bestEffort).toMatchObject({ kind: 'salvage', outcome: 'degraded' })
        expect(repair).toMatchObject({ kind: 'salvage', outcome: 'repaired' })
      } else {
        expect(bestEffort).toEqual(strict)
        expect(repair).toEqual(strict)
      }
    }
  })

  it('salvages by headers where the manifest is no ground, else by the manifest', () => {
    const from = new Map<string, unknown>()
    for (const { letter, repair } of verdictRows) {
      if (repair.kind === 'salvage') from.set(letter, repair.from)
    }
    expect(Object.fromEntries(from)).toEqual({
      D: 'headers',
      F: 'headers',
      G: 'headers',
      K: 'headers',
      I: 'manifest',
      L: 'manifest',
      M: 'manifest',
      N: 'manifest',
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
