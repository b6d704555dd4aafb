import { describe, expect, it } from 'vitest'
import { type Database, open } from '../index.ts'

const inMemory = (): Promise<Database> => open(':memory:')

describe('keyspaces', () => {
  it('are those in which something was stated up to a point, by name', async () => {
    await using database = await inMemory()
    expect(database.keyspaces()).toEqual([])
    await database.write((tx) => {
      tx.createIndex('Person', 'name')
      tx.keys('users').put('ada', 1)
    })
    await database.write((tx) => tx.keys('cache').put(7, 1))
    await database.write((tx) => tx.keys('users').delete('ada'))
    expect(database.keyspaces()).toEqual(['cache', 'users'])
    expect(database.asOf({ sequence: 1 }).keyspaces()).toEqual(['users'])
    expect(database.asOf({ sequence: 0 }).keyspaces()).toEqual([])
  })

  it('of a transaction are its own, too, and nobody else sees them before its commit', async () => {
    await using database = await inMemory()
    const tx = database.begin()
    tx.keys('new').put('a', 1)
    expect([tx.keyspaces(), database.keyspaces()]).toEqual([['new'], []])
    tx.cancel()
    expect(() => tx.keyspaces()).toThrow(expect.objectContaining({ code: 'TransactionFinished' }))
    expect(database.keyspaces()).toEqual([])
  })

  it('without a key left that was not erased are none', async () => {
    await using database = await inMemory()
    await database.write((tx) => tx.keys('secret').put('a', 1))
    await database.erase({ keyspace: 'secret', key: 'a' })
    expect(database.keyspaces()).toEqual([])
  })
})
