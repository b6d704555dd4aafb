import { describe, expect, it } from 'vitest'
import { type Database, open, type Transaction } from '../../packages/asofdb/src/index.ts'

const ofCode = (code: string) => expect.objectContaining({ code })

async function database(): Promise<{ db: Database; ada: number; bob: number; edge: number }> {
  const db = await open(':memory:', { nodesValid: 'always' })
  return db.write((tx) => {
    const ada = tx.createNode('Person', { name: 'Ada' }).id
    const bob = tx.createNode('Person', { name: 'Bob' }).id
    const edge = tx.createEdge(ada, 'KNOWS', bob).id
    tx.keys('k').put('a', 1)
    tx.keys('k').put('b', 2)
    return { db, ada, bob, edge }
  })
}

describe('a savepoint', () => {
  it('undoes what was stated since, of every model, and can be gone back to again', async () => {
    const { db, ada, bob, edge } = await database()
    await db.write((tx) => {
      const keys = tx.keys('k')
      keys.put('a', 10)
      const point = tx.savepoint('before')
      expect(point.name).toBe('before')
      for (const round of [1, 2]) {
        keys.put('a', 100 * round)
        keys.delete('b')
        tx.patch(ada, { name: 'Augusta' })
        tx.delete(bob, { detach: true })
        tx.createEdge(ada, 'LIKES', tx.createNode('Person').id)
        expect(tx.edge(edge)).toBeUndefined()
        expect(tx.out(ada).length).toBe(1)
        point.rollback()
        expect([...keys.range()].map(({ value }) => value)).toEqual([10, 2])
        const names = [...tx.nodes('Person')].map((node) => node.get('name'))
        expect(new Set(names)).toEqual(new Set(['Ada', 'Bob']))
        expect(tx.out(ada).map(({ id }) => id)).toEqual([edge])
        expect(tx.in(bob).map(({ id }) => id)).toEqual([edge])
      }
      keys.put('c', 3)
    })
    expect([...db.keys('k').range()].map(({ value }) => value)).toEqual([10, 2, 3])
    expect(db.node(ada)?.properties).toEqual({ name: 'Ada' })
    expect([...db.changes({ after: 1 })].flatMap(({ events }) => events).length).toBe(2)
  })

  it('leaves nothing to commit where all is undone', async () => {
    const { db } = await database()
    const tx = db.begin()
    const point = tx.savepoint()
    tx.createNode('Person')
    tx.keys('other').put('x', 1)
    tx.createIndex('Person', 'name')
    point.rollback()
    expect(await tx.commit()).toBeUndefined()
    expect(db.sequence).toBe(1)
    expect(db.stats().symbols).toBe(4)
  })

  it('that is released is gone, with those after it, and what was stated stays', async () => {
    const { db } = await database()
    const tx = db.begin()
    const keys = tx.keys('k')
    const outer = tx.savepoint('outer')
    keys.put('a', 10)
    const inner = tx.savepoint('inner')
    keys.put('a', 20)
    tx.savepoint('innermost')
    inner.release()
    for (const name of ['inner', 'innermost']) {
      expect(() => tx.rollbackTo(name)).toThrow(ofCode('NoSavepoint'))
      expect(() => tx.release(name)).toThrow(ofCode('NoSavepoint'))
    }
    expect(() => inner.rollback()).toThrow(ofCode('NoSavepoint'))
    expect(() => inner.release()).toThrow(ofCode('NoSavepoint'))
    expect(keys.get('a')).toBe(20)
    outer.rollback()
    expect(keys.get('a')).toBe(1)
    tx.release('outer')
    expect(() => outer.rollback()).toThrow(ofCode('NoSavepoint'))
    tx.cancel()
  })

  it('of a name that is given twice is the later one, until that is released', async () => {
    const { db } = await database()
    const tx = db.begin()
    const keys = tx.keys('k')
    tx.savepoint('s')
    keys.put('a', 10)
    tx.savepoint('s')
    keys.put('a', 20)
    tx.rollbackTo('s')
    expect(keys.get('a')).toBe(10)
    tx.rollbackTo('s')
    expect(keys.get('a')).toBe(10)
    tx.release('s')
    tx.rollbackTo('s')
    expect(keys.get('a')).toBe(1)
    tx.cancel()
  })

  it('without a name is reached by what savepoint gave', async () => {
    const { db } = await database()
    const tx = db.begin()
    const [one, other] = [tx.savepoint(), tx.savepoint()]
    expect(one.name).not.toBe(other.name)
    tx.release(one.name)
    expect(() => other.release()).toThrow(ofCode('NoSavepoint'))
    tx.cancel()
  })

  it('has a name that is text, and belongs to a transaction that is open', async () => {
    const { db } = await database()
    const tx = db.begin()
    for (const name of ['', 1, null] as never[]) {
      expect(() => tx.savepoint(name)).toThrow(ofCode('InvalidArgument'))
    }
    expect(() => tx.rollbackTo('none')).toThrow(ofCode('NoSavepoint'))
    tx.keys('k').put('a', 5)
    const point = tx.savepoint('s')
    await tx.commit()
    const uses = [
      () => tx.savepoint(),
      () => tx.rollbackTo('s'),
      () => tx.release('s'),
      () => point.rollback(),
      () => point.release(),
    ]
    for (const use of uses) expect(use).toThrow(ofCode('TransactionFinished'))
    expect(db.keys('k').get('a')).toBe(5)
  })

  it('does no harm to a transaction that only reads', async () => {
    const { db } = await database()
    const tx = db.begin({ readonly: true })
    const point = tx.savepoint('s')
    expect(tx.keys('k').get('a')).toBe(1)
    point.rollback()
    tx.release('s')
    expect(() => tx.rollbackTo('s')).toThrow(ofCode('NoSavepoint'))
    expect(await tx.commit()).toBeUndefined()
  })

  it('is no longer there when a closure runs again', async () => {
    const { db } = await database()
    let runs = 0
    await db.write(async (tx) => {
      expect(() => tx.rollbackTo('s')).toThrow(ofCode('NoSavepoint'))
      tx.savepoint('s')
      const before = Number(tx.keys('k').get('a'))
      if (++runs === 1) await db.write((rival) => rival.keys('k').put('a', 7))
      tx.keys('k').put('a', before + 1)
    })
    expect([runs, db.keys('k').get('a')]).toEqual([2, 8])
  })

  it('may be set in the midst of a walk and gone back to in another', async () => {
    const { db } = await database()
    await db.write((tx) => {
      const point = tx.savepoint()
      for (let number = 0; number < 30; number++) tx.createNode('Person', { number })
      for (let number = 0; number < 30; number++) tx.keys('k').put(`c${number}`, number)
      let nodes = 0
      for (const node of tx.nodes('Person')) {
        expect(node.labels).toEqual(['Person'])
        if (++nodes === 5) point.rollback()
      }
      expect(nodes).toBeLessThan(8)
      expect([...tx.keys('k').range()].length).toBe(2)
    })
  })
})

describe('what was undone', () => {
  it('is no conflict with another who states it', async () => {
    const { db, ada } = await database()
    const tx = db.begin()
    const point = tx.savepoint()
    tx.keys('k').put('a', 10)
    tx.put(ada, { name: 'Augusta' }, { labels: ['Person'] })
    point.rollback()
    tx.keys('k').put('c', 3)
    await db.write((rival) => {
      rival.keys('k').put('a', 11)
      rival.patch(ada, { name: 'A.' })
    })
    await tx.commit()
    expect([...db.keys('k').range()].map(({ value }) => value)).toEqual([11, 2, 3])
  })

  const reads: [what: string, read: (tx: Transaction, ada: number) => unknown][] = [
    ['a key', (tx) => tx.keys('k').get('a')],
    ['a missing key', (tx) => tx.keys('k').get('missing')],
    ['a range', (tx) => [...tx.keys('k').range({ lte: 'a' })]],
    ['a node', (tx, ada) => tx.node(ada)],
    ['a label', (tx) => [...tx.nodes('Person')]],
    ['edges', (tx, ada) => tx.out(ada)],
  ]

  it.each(reads)('may have followed from what was read, which stays read: %s', async (_, read) => {
    const { db, ada, bob } = await database()
    const tx = db.begin()
    const point = tx.savepoint()
    read(tx, ada)
    tx.keys('k').put('b', 5)
    point.rollback()
    point.release()
    tx.keys('k').put('decided', true)
    await db.write((rival) => {
      rival.keys('k').put('a', 11)
      rival.keys('k').put('missing', 1)
      rival.patch(ada, { name: 'A.' })
      rival.createEdge(ada, 'KNOWS', bob)
    })
    await expect(tx.commit()).rejects.toMatchObject({ kind: 'retry' })
  })

  it('is not there for the rules over the final state', async () => {
    const { db, ada, bob, edge } = await database()
    await db.write((tx) => tx.createUnique('Person', ['name']))
    await db.write((tx) => {
      const point = tx.savepoint()
      tx.createNode('Person', { name: 'Ada' })
      tx.delete(ada)
      point.rollback()
      tx.patch(bob, { name: 'Robert' })
    })
    expect(db.node(bob)?.get('name')).toBe('Robert')
    const twice = db.write((tx) => {
      tx.createNode('Person', { name: 'Ada' })
      const point = tx.savepoint()
      tx.delete(ada, { detach: true })
      point.rollback()
    })
    await expect(twice).rejects.toMatchObject({ code: 'UniqueViolation' })
    const dangling = db.write((tx) => {
      const point = tx.savepoint()
      tx.delete(edge)
      point.rollback()
      tx.delete(bob)
    })
    await expect(dangling).rejects.toMatchObject({ code: 'ConnectedEdges' })
    expect([...db.nodes('Person')].length).toBe(2)
  })

  it('is no declaration and no rule', async () => {
    const { db } = await database()
    await db.write((tx) => {
      tx.setRetention({ keyspace: 'k' }, { keepMs: 1000 })
      tx.createUnique('Robot', ['name'])
    })
    const rules = db.retention()
    expect(rules).toContainEqual({ of: { keyspace: 'k' }, keep: { keepMs: 1000 } })
    await db.write((tx) => {
      const point = tx.savepoint()
      tx.createUnique('Person', ['name'])
      tx.dropUnique('Robot', ['name'])
      tx.setRetention({ keyspace: 'k' }, 'present')
      tx.setRetention({ label: 'Person' }, 'present')
      point.rollback()
      tx.createNode('Person', { name: 'Ada' })
      expect(() => tx.dropUnique('Person', ['name'])).toThrow(ofCode('IndexNotFound'))
    })
    expect(db.retention()).toEqual(rules)
    const twice = db.write((tx) => {
      for (let count = 0; count < 2; count++) tx.createNode('Robot', { name: 'Marvin' })
    })
    await expect(twice).rejects.toMatchObject({ code: 'UniqueViolation' })
  })
})

describe('the identities of what was undone', () => {
  it('stand for nothing, and for nobody else, as long as the transaction goes on', async () => {
    const { db, ada } = await database()
    await db.write((tx) => {
      const point = tx.savepoint()
      const gone = tx.createNode('Person').id
      const goneEdge = tx.createEdge(ada, 'KNOWS', gone).id
      point.rollback()
      const next = tx.createNode('Person').id
      const nextEdge = tx.createEdge(ada, 'KNOWS', next).id
      expect([next, nextEdge]).not.toEqual(expect.arrayContaining([gone]))
      expect(nextEdge).not.toBe(goneEdge)
      const uses = [
        () => tx.createEdge(ada, 'KNOWS', gone),
        () => tx.createEdge(gone, 'KNOWS', next),
        () => tx.put(gone, {}),
        () => tx.patch(goneEdge, {}),
        () => tx.delete(goneEdge),
      ]
      for (const use of uses) expect(use).toThrow(ofCode('InvalidArgument'))
      expect([tx.node(gone), tx.edge(goneEdge)]).toEqual([undefined, undefined])
      expect(tx.targets(ada)).toContain(next)
    })
  })

  it.each(['commit', 'cancel'] as const)(
    'are given back at the end if they are the last: %s',
    async (end) => {
      const { db, ada, bob } = await database()
      const firstNode = bob + 4
      const tx = db.begin()
      const kept = [tx.createNode('Person').id, tx.createEdge(ada, 'KNOWS', bob).id]
      const point = tx.savepoint()
      for (let count = 0; count < 3; count++) {
        tx.createEdge(ada, 'KNOWS', tx.createNode('Person').id)
        if (count === 1) point.rollback()
      }
      point.rollback()
      await tx[end]()
      const given = await db.write((next) => [
        next.createNode('Person').id,
        next.createEdge(ada, 'KNOWS', bob).id,
      ])
      const isKept = end === 'commit'
      expect(kept[0]).toBe(firstNode)
      expect(given).toEqual(kept.map((id) => (isKept ? id + 4 : id)))
      expect(await db.verify()).toMatchObject({ problems: [] })
    },
  )

  it('stay unused if another was given a later one', async () => {
    const { db, ada, bob } = await database()
    const tx = db.begin()
    const point = tx.savepoint()
    const gone = tx.createNode('Person').id
    const goneEdge = tx.createEdge(ada, 'KNOWS', bob).id
    const other = await db.write((rival) => [
      rival.createNode('Robot').id,
      rival.createEdge(bob, 'LIKES', ada).id,
    ])
    expect(other).toEqual([gone + 4, goneEdge + 4])
    point.rollback()
    tx.keys('k').put('c', 3)
    await tx.commit()
    const next = await db.write((last) => [
      last.createNode('Person').id,
      last.createEdge(ada, 'KNOWS', bob).id,
    ])
    expect(next).toEqual([gone + 8, goneEdge + 8])
    expect([db.node(gone), db.edge(goneEdge)]).toEqual([undefined, undefined])
    expect([...db.nodes()].length).toBe(4)
  })
})
