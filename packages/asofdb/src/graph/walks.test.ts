import { expect, test } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import { open } from '../open.ts'

const firstDay = 1_600_000_000_000_000n
const dayMicros = 86_400_000_000n
const day = (number: number) => firstDay + BigInt(number) * dayMicros

test('the edges of a node are those of the graph that leave it, at every point', async () => {
  const random = new RandomStream('walks')
  const db = await open(':memory:', { nodesValid: 'always' })
  const nodes = await db.write((tx) => Array.from({ length: 12 }, () => tx.createNode('N').id))
  const node = () => nodes[random.below(nodes.length)] ?? 1
  const edges: number[] = []
  for (let commit = 0; commit < 30; commit++) {
    await db.write((tx) => {
      for (let step = 0; step < 4; step++) {
        const from = random.below(10)
        const ends = random.chance(0.1) ? { validTo: day(from + 1 + random.below(5)) } : {}
        const period = { validFrom: day(from), ...ends }
        const source = commit < 15 ? (nodes[random.below(4)] ?? 1) : node()
        edges.push(tx.createEdge(source, 'E', node(), {}, period).id)
      }
      const changed = edges[random.below(edges.length)] ?? 2
      if (random.chance(0.2)) tx.delete(changed, { validFrom: day(random.below(12)) })
    })
  }
  const wrong: string[] = []
  for (let sequence = 0; sequence <= db.sequence; sequence += 3) {
    for (const valid of [-1, 0, 4, 9, 15]) {
      const view = db.asOf({ valid: day(valid), sequence })
      const all = [...view.edges()]
      for (const id of nodes) {
        const leaving = all.filter((edge) => edge.source === id)
        const expected = JSON.stringify(leaving)
        if (JSON.stringify(view.out(id)) !== expected) wrong.push(`out ${id} at ${sequence}`)
        const targets = leaving.map((edge) => edge.target)
        if (String(view.targets(id)) !== String(targets)) wrong.push(`targets ${id} at ${sequence}`)
        const [first] = leaving
        if (first === undefined) continue
        const page = view.out(id, { after: first.id, limit: 2 })
        if (JSON.stringify(page) !== JSON.stringify(leaving.slice(1, 3))) wrong.push(`page ${id}`)
      }
    }
  }
  expect(wrong).toEqual([])
})
