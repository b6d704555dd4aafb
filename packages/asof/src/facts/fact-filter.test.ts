import { describe, expect, it } from 'vitest'
import { FactFilter } from './fact-filter.ts'

describe('FactFilter', () => {
  const fact = (number: number) => ({
    subject: number * 4 + 1,
    object: ((number * 7) % 1000) * 4 + 1,
    relation: `R${number % 20}`,
    from: BigInt(number % 500) * 86_400_000_000n,
  })

  it('never forgets a fact', () => {
    const filter = new FactFilter(2 ** 16)
    for (let number = 0; number < 5000; number++) filter.add(fact(number))
    for (let number = 0; number < 5000; number++) expect(filter.mayHave(fact(number))).toBe(true)
  })

  it('seldom takes one fact for another', () => {
    const filter = new FactFilter(2 ** 20)
    for (let number = 0; number < 50_000; number++) filter.add(fact(number))
    let alarms = 0
    for (let number = 50_000; number < 100_000; number++) if (filter.mayHave(fact(number))) alarms++
    // 21 bits for each fact: about one in a thousand is expected.
    expect(alarms).toBeLessThan(250)
  })

  it('tells facts apart by each part of their identity', () => {
    const filter = new FactFilter(2 ** 16)
    const one = { subject: 1, object: 5, relation: 'R', from: 0n }
    filter.add(one)
    const others = [
      { ...one, subject: 9 },
      { ...one, object: 9 },
      { ...one, relation: 'S' },
      { ...one, from: 1n },
      { ...one, from: 2n ** 32n },
      { ...one, subject: 5, object: 1 },
    ]
    expect(others.map((other) => filter.mayHave(other))).toEqual(others.map(() => false))
  })
})
