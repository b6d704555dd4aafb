import { describe, expect, test } from 'vitest'
import type { Database } from '../database.ts'
import type { OpenTransaction } from '../open-transaction.ts'
import { open } from '../open.ts'

const conflict = expect.objectContaining({ kind: 'retry' })

interface Actors {
  readonly db: Database
  readonly a: number
  readonly b: number
  readonly edge: number
}

async function setUp(): Promise<Actors> {
  const db = await open(':memory:', { nodesValid: 'always' })
  return db.write((tx) => {
    const a = tx.createNode('Person', { on: true }).id
    const b = tx.createNode('Person', { on: true }).id
    const edge = tx.createEdge(a, 'KNOWS', b).id
    tx.keys('k').put('m', 1)
    tx.keys('k').put('x', 1)
    return { db, a, b, edge }
  })
}

type Act = (tx: OpenTransaction, actors: Actors) => unknown

/** What one reads, and what another commits meanwhile that could change what was read. */
const phantoms: [what: string, read: Act, write: Act][] = [
  ['a node', (tx, { a }) => tx.node(a), (tx, { a }) => tx.patch(a, { on: false })],
  ['a label', (tx) => [...tx.nodes('Person')], (tx) => tx.createNode('Person')],
  ['an unknown label', (tx) => [...tx.nodes('Ghost')], (tx) => tx.createNode('Ghost')],
  [
    'a label taken away',
    (tx) => [...tx.nodes('Person')],
    (tx, { b }) => tx.patch(b, {}, { labels: { remove: ['Person'] } }),
  ],
  ['all nodes', (tx) => [...tx.nodes()], (tx) => tx.createNode('Robot')],
  [
    'all nodes after a label of no name',
    (tx) => [...tx.nodes(''), ...tx.nodes()],
    (tx) => tx.createNode('Robot'),
  ],
  ['outgoing edges', (tx, { b }) => tx.out(b), (tx, { a, b }) => tx.createEdge(b, 'LIKES', a)],
  ['incoming edges', (tx, { a }) => tx.in(a, 'X'), (tx, { a, b }) => tx.createEdge(b, 'LIKES', a)],
  ['edges cut', (tx, { a }) => tx.targets(a), (tx, { edge }) => tx.delete(edge)],
  ['an edge', (tx, { edge }) => tx.edge(edge), (tx, { edge }) => tx.delete(edge)],
  ['all edges', (tx) => [...tx.edges()], (tx, { a, b }) => tx.createEdge(b, 'LIKES', a)],
  ['a key', (tx) => tx.keys('k').get('m'), (tx) => tx.keys('k').put('m', 2)],
  ['a missing key', (tx) => tx.keys('k').has('n'), (tx) => tx.keys('k').put('n', 2)],
  ['a missing keyspace', (tx) => tx.keys('new').get('n'), (tx) => tx.keys('new').put('n', 2)],
  [
    'a range of keys',
    (tx) => [...tx.keys('k').range({ gt: 'm', lte: 'x' })],
    (tx) => tx.keys('k').put('n', 2),
  ],
  [
    'the end of a range',
    (tx) => [...tx.keys('k').range({ lte: 'x' })],
    (tx) => tx.keys('k').delete('x'),
  ],
  ['a timeline', (tx, { b }) => tx.timeline(b), (tx, { b }) => tx.patch(b, { on: 1 })],
  [
    'what a deletion looked for',
    (tx) => tx.keys('k').delete('none'),
    (tx) => tx.keys('k').put('none', 1),
  ],
]

const harmless: [what: string, read: Act, write: Act][] = [
  ['another node', (tx, { a }) => tx.node(a), (tx, { b }) => tx.patch(b, { on: false })],
  ['another label', (tx) => [...tx.nodes('Person')], (tx) => tx.createNode('Robot')],
  ['the other direction', (tx, { b }) => tx.out(b), (tx, { a, b }) => tx.createEdge(a, 'LIKES', b)],
  [
    'a key outside of the range',
    (tx) => [...tx.keys('k').range({ gt: 'm', lt: 'x' })],
    (tx) => [tx.keys('k').put('m', 2), tx.keys('k').put('x', 2), tx.keys('j').put('n', 2)],
  ],
]

/** Reads, lets another commit, then writes elsewhere and commits. */
async function run(acts: { read: Act; write: Act }, isolation: 'serializable' | 'snapshot') {
  const actors = await setUp()
  const reader = actors.db.begin({ isolation })
  acts.read(reader, actors)
  reader.keys('elsewhere').put('done', true)
  const writer = actors.db.begin()
  acts.write(writer, actors)
  await writer.commit()
  return reader.commit()
}

describe('a serializable transaction', () => {
  test.each(phantoms)('loses when another changes %s that it read', async (_what, read, write) => {
    await expect(run({ read, write }, 'serializable')).rejects.toEqual(conflict)
  })

  test.each(harmless)('is not disturbed by a change to %s', async (_what, read, write) => {
    await expect(run({ read, write }, 'serializable')).resolves.toMatchObject({ sequence: 3 })
  })

  test('never skews what two read and each changes half of', async () => {
    const { db, a, b } = await setUp()
    const [one, other] = [db.begin(), db.begin()]
    const turns = [
      [one, a],
      [other, b],
    ] as const
    for (const [tx, id] of turns) {
      if ([...tx.nodes('Person', { on: true })].length > 1) tx.patch(id, { on: false })
    }
    await one.commit()
    await expect(other.commit()).rejects.toEqual(conflict)
  })
})

describe('snapshot isolation', () => {
  test.each(phantoms)('lets %s change', async (_what, read, write) => {
    await expect(run({ read, write }, 'snapshot')).resolves.toMatchObject({ sequence: 3 })
  })

  test('allows write skew', async () => {
    const { db, a, b } = await setUp()
    const [one, other] = [db.begin({ isolation: 'snapshot' }), db.begin({ isolation: 'snapshot' })]
    const turns = [
      [one, a],
      [other, b],
    ] as const
    for (const [tx, id] of turns) {
      if ([...tx.nodes('Person', { on: true })].length > 1) tx.patch(id, { on: false })
    }
    await one.commit()
    await other.commit()
    expect([...db.nodes('Person', { on: true })]).toEqual([])
  })

  test('keeps edges between nodes that are there, whoever comes first', async () => {
    for (const isEdgeFirst of [true, false]) {
      const { db, a, b } = await setUp()
      const [links, deletes] = [
        db.begin({ isolation: 'snapshot' }),
        db.begin({ isolation: 'snapshot' }),
      ]
      links.createEdge(b, 'LIKES', a)
      deletes.delete(a, { detach: true, valid: 'always' })
      await (isEdgeFirst ? links : deletes).commit()
      await expect((isEdgeFirst ? deletes : links).commit()).rejects.toEqual(conflict)
    }
  })
})

describe('what another open transaction created', () => {
  test('cannot be written to, nor linked', async () => {
    const { db, a, b } = await setUp()
    const [one, other] = [db.begin(), db.begin()]
    const node = one.createNode('Person')
    const edge = one.createEdge(a, 'LIKES', b)
    const unknown = expect.objectContaining({ code: 'InvalidArgument' })
    expect(() => other.put(edge, {})).toThrow(unknown)
    expect(() => other.put(node, {})).toThrow(unknown)
    expect(() => other.createEdge(a, 'LIKES', node)).toThrow(unknown)
    one.put(edge, { since: 1 })
    await one.commit()
    expect(() => db.begin().put(edge, { since: 2 })).not.toThrow()
    // The rival began before the edge was committed, so its write would be lost.
    other.put(edge, { since: 3 })
    await expect(other.commit()).rejects.toEqual(conflict)
  })
})
