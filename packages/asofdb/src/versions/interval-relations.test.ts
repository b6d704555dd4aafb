import { expect, test } from 'vitest'
import { type AllenRelation, allenRelation } from './interval-relations.ts'
import type { Span } from './periods.ts'

/** Each relation by its own condition, apart from the others. */
const conditions: Record<AllenRelation, (p: Span, q: Span) => boolean> = {
  before: (p, q) => p.to < q.from,
  meets: (p, q) => p.to === q.from,
  overlaps: (p, q) => p.from < q.from && q.from < p.to && p.to < q.to,
  starts: (p, q) => p.from === q.from && p.to < q.to,
  during: (p, q) => q.from < p.from && p.to < q.to,
  finishes: (p, q) => p.to === q.to && p.from > q.from,
  equals: (p, q) => p.from === q.from && p.to === q.to,
  after: (p, q) => q.to < p.from,
  'met-by': (p, q) => q.to === p.from,
  'overlapped-by': (p, q) => q.from < p.from && p.from < q.to && q.to < p.to,
  'started-by': (p, q) => q.from === p.from && q.to < p.to,
  contains: (p, q) => p.from < q.from && q.to < p.to,
  'finished-by': (p, q) => q.to === p.to && q.from > p.from,
}

test('two periods stand in exactly one of the thirteen relations', () => {
  const spans: Span[] = []
  for (let from = 0n; from < 7n; from++) {
    for (let to = from + 1n; to <= 7n; to++) spans.push({ from, to })
  }
  const names = Object.keys(conditions)
  const seen = new Set<string>()
  const wrong: unknown[] = []
  for (const p of spans) {
    for (const q of spans) {
      const relation = allenRelation(p, q)
      const holding = Object.entries(conditions).filter(([, holds]) => holds(p, q))
      const isRight = holding.length === 1 && holding[0]?.[0] === relation
      if (!isRight) wrong.push({ p, q, relation })
      seen.add(relation)
    }
  }
  expect(wrong).toEqual([])
  expect([...seen].sort()).toEqual(names.sort())
})
