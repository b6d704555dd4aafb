import { describe, expect, test } from 'vitest'
import { open } from '../open.ts'
import type { Pattern } from './match.ts'

const invalid = expect.objectContaining({ code: 'InvalidArgument' })

async function triangle() {
  const db = await open(':memory:', { nodesValid: 'always' })
  const ids = await db.write((tx) => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => tx.createNode('Person', { name }).id)
    if (a === undefined || b === undefined || c === undefined) return expect.unreachable()
    const edges = [
      tx.createEdge(a, 'KNOWS', b, {}, { valid: 'always' }),
      tx.createEdge(b, 'KNOWS', c, {}, { valid: 'always' }),
      tx.createEdge(c, 'KNOWS', a, {}, { valid: 'always' }),
    ]
    return { a, b, c, edges: edges.map(({ id }) => id) }
  })
  await db.write((tx) => {
    tx.patch(ids.a, { name: 'A' }, { validFrom: '2000-01-01', labels: { add: ['Late'] } })
  })
  return { db, ...ids }
}

const cycle = (last: Partial<{ label: string; where: { name: string } }>): Pattern => [
  { node: 'x' },
  { edge: 'one' },
  { node: 'y' },
  { edge: 'two' },
  { node: 'z' },
  { edge: 'three' },
  { node: 'x', ...last },
]

describe('a pattern', () => {
  test('that comes back to a node asks of it what it says each time', async () => {
    const { db, a } = await triangle()
    const found = (last: Parameters<typeof cycle>[0]) =>
      [...db.match(cycle(last))].map(({ bindings, valid }) => [
        bindings['x']?.id === a,
        valid.from?.toString().slice(0, 4),
        valid.to?.toString().slice(0, 4),
      ])
    // Each node of the triangle may be the start; a has two parts, which cut every cycle in two.
    expect(found({})).toHaveLength(6)
    expect(found({ label: 'Late' })).toEqual([[true, '2000', undefined]])
    expect(found({ where: { name: 'a' } })).toEqual([[true, undefined, '2000']])
    expect(found({ label: 'Nobody' })).toEqual([])
  })

  test('names each of its edges once', async () => {
    const { db } = await triangle()
    const node = { node: 'x' }
    const other = { node: 'y' }
    const path: Pattern = [node, { edge: 'e' }, other, { edge: 'e' }, { node: 'z' }]
    expect(() => [...db.match(path)]).toThrow(invalid)
    expect(() => [...db.match([node, { edge: 'x' }, other])]).toThrow(invalid)
    expect(() => [...db.match([node, { edge: 'e' }])]).toThrow(invalid)
    expect([...db.match([node, { edge: 'e' }, other])]).not.toEqual([])
  })

  test('agrees with a match at each instant', async () => {
    const { db, a } = await triangle()
    const rows = [...db.match([{ node: 'x', label: 'Late' }, { edge: 'e' }, { node: 'y' }])]
    for (const [instant, count] of [
      ['1999-12-31', 0],
      ['2000-01-01', 1],
    ] as const) {
      const view = db.asOf({ valid: instant })
      const wanted = [...view.nodes('Late')].flatMap((node) => view.targets(node.id))
      expect(wanted).toHaveLength(count)
      const now = `${instant}T00:00:00Z`
      const holding = rows.filter(({ valid }) => (valid.from?.toString() ?? '') <= now)
      expect(holding.map(({ bindings }) => bindings['y']?.id)).toEqual(wanted)
    }
    expect(rows.every(({ bindings }) => bindings['x']?.id === a)).toBe(true)
  })
})
