import { describe, expect, test } from 'vitest'
import { open } from '../open.ts'

const violation = expect.objectContaining({ code: 'UniqueViolation' })
const conflict = expect.objectContaining({ code: 'Conflict' })

async function database() {
  return open(':memory:', { nodesValid: 'always' })
}

describe('a declared index', () => {
  test('answers as a scan does, for the present and the past, while nodes change', async () => {
    const db = await database()
    const ids: number[] = []
    const values = [1, 2, 2.5, 'a', 'b', true, null, 7n]
    await db.write((tx) => {
      for (let at = 0; at < 40; at++) {
        ids.push(tx.createNode(at % 3 === 0 ? 'Robot' : 'Person', { x: values[at % 8] ?? null }).id)
      }
    })
    const wheres = [{ x: 2 }, { x: { gt: 1 } }, { x: { gte: 'a', lt: 'b' } }, { x: true }, { x: 7 }]
    const answers = (): number[][][] => {
      const { sequence } = db
      return Array.from({ length: sequence + 1 }, (_, at) => {
        const view = db.asOf({ sequence: at })
        return wheres.map((where) => {
          const found = [...view.nodes('Person', where)].map(({ id }) => id)
          return found.sort((a, b) => a - b)
        })
      })
    }
    for (let at = 0; at < 12; at++) {
      await db.write((tx) => {
        tx.patch(ids[at * 3] ?? 0, { x: values[(at * 5) % 8] })
        const labels = at % 2 === 0 ? { remove: ['Person'] } : { add: ['Person'] }
        tx.patch(ids[at] ?? 0, {}, { labels })
      })
    }
    const scanned = answers()
    await db.write((tx) => tx.createIndex('Person', 'x'))
    expect(answers().slice(0, scanned.length)).toEqual(scanned)
    await db.write((tx) => tx.put(ids[5] ?? 0, { x: 2 }, { labels: ['Person'] }))
    const indexed = answers()
    await db.write((tx) => tx.dropIndex('Person', 'x'))
    expect(answers().slice(0, indexed.length)).toEqual(indexed)
    const missing = db.write((tx) => tx.dropIndex('Person', 'x'))
    await expect(missing).rejects.toMatchObject({ code: 'IndexNotFound' })
  })

  test('gives each node once, also when the walk is interrupted by writes', async () => {
    const db = await database()
    await db.write((tx) => {
      tx.createIndex('Person', 'x')
      for (let at = 0; at < 300; at++) tx.createNode('Person', { x: at })
    })
    const met: number[] = []
    for (const node of db.nodes('Person', { x: { gte: 100 } })) {
      met.push(node.id)
      await db.write((tx) => tx.patch(node.id, { x: Number(node.get('x')) + 100.5 }))
      expect([...db.nodes('Person', { x: -1 })]).toEqual([])
    }
    expect(met).toHaveLength(200)
    expect(new Set(met).size).toBe(200)
  })
})

describe('a unique constraint', () => {
  test('holds from its declaration on, and for what is there already', async () => {
    const db = await database()
    await db.write((tx) => tx.createNode('Person', { name: 'Ann' }))
    const second = await db.write((tx) => tx.createNode('Person', { name: 'Ann' }))
    const early = db.write((tx) => tx.createUnique('Person', ['name']))
    await expect(early).rejects.toEqual(violation)
    await db.write((tx) => tx.delete(second, { valid: 'always' }))
    await db.write((tx) => tx.createUnique('Person', ['name']))
    const late = db.write((tx) => tx.createNode('Person', { name: 'Ann' }))
    await expect(late).rejects.toEqual(violation)
    await db.write((tx) => tx.createNode('Robot', { name: 'Ann' }))
    await db.write((tx) => tx.dropUnique('Person', ['name']))
    await db.write((tx) => tx.createNode('Person', { name: 'Ann' }))
  })

  test('holds against what the same transaction declares and creates', async () => {
    const db = await database()
    const both = db.write((tx) => {
      tx.createNode('Person', { name: 'Ann', born: 1 })
      tx.createNode('Person', { name: 'Ann', born: 1 })
      tx.createUnique('Person', ['name', 'born'])
    })
    await expect(both).rejects.toEqual(violation)
    await db.write((tx) => {
      tx.createUnique('Person', ['name', 'born'])
      tx.createNode('Person', { name: 'Ann', born: 1 })
      tx.createNode('Person', { name: 'Ann', born: 2 })
      tx.createNode('Person', { name: 'Ann' })
      tx.createNode('Person', { name: 'Ann' })
    })
  })

  test('turns a rival declaration or a rival value into a conflict', async () => {
    const db = await database()
    const declares = db.begin({ isolation: 'snapshot' })
    declares.createUnique('Person', ['name'])
    declares.createNode('Person', { name: 'Ann' })
    const writes = db.begin({ isolation: 'snapshot' })
    writes.createNode('Person', { name: 'Ann' })
    await declares.commit()
    await expect(writes.commit()).rejects.toEqual(conflict)
  })
})
