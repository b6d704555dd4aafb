import { expect, test } from 'vitest'
import { open } from '../open.ts'

test('a getter of a value may write other values', async () => {
  const db = await open(':memory:')
  await db.write((tx) => {
    const nested = (name: string) => ({
      a: name,
      get b() {
        tx.createNode('Inner', { name: `within ${name}` })
        tx.keys('inner').put(name, `within ${name}`)
        return 'own'
      },
      c: 3,
    })
    const outer = tx.createNode('Outer', { first: 'one', nested: nested('node'), last: 'two' })
    tx.patch(outer, { first: 'changed', nested: nested('patch') })
    tx.keys('outer').put('key', nested('key'))
  })
  const [outer] = db.nodes('Outer')
  expect(outer?.properties).toEqual({
    first: 'changed',
    nested: { a: 'patch', b: 'own', c: 3 },
    last: 'two',
  })
  expect(db.keys('outer').get('key')).toEqual({ a: 'key', b: 'own', c: 3 })
  const names = ['within key', 'within node', 'within patch']
  expect(new Set([...db.nodes('Inner')].map((node) => node.get('name')))).toEqual(new Set(names))
  expect([...db.keys('inner').range()].map(({ value }) => value)).toEqual(names)
})

test('a value that is refused leaves nothing behind for the next one', async () => {
  const db = await open(':memory:')
  await db.write((tx) => {
    const refused = { code: 'InvalidValue' }
    expect(() => tx.createNode('A', { x: 'begun', y: () => 1 } as never)).toThrow(
      expect.objectContaining(refused),
    )
    expect(() => tx.keys('k').put('a', ['begun', () => 1] as never)).toThrow(
      expect.objectContaining(refused),
    )
    const { id } = tx.createNode(['B', 'A', 'B'], { z: 1, a: null, m: 'text' })
    expect(tx.node(id)?.labels).toEqual(['A', 'B'])
    expect(tx.node(id)?.properties).toEqual({ z: 1, m: 'text' })
  })
})

test('payloads with the same content are the same, in whatever order it was given', async () => {
  const db = await open(':memory:')
  await db.write((tx) => tx.createNode('A', { a: 1, b: 2, c: 3 }))
  const written = await db.write((tx) =>
    tx.put(1, { c: 3, a: 1, b: 2 }, { labels: ['A', 'A'], skipUnchanged: true }),
  )
  expect(written).toBe(0)
  expect(db.sequence).toBe(1)
})
