import { queryObjects } from 'node:v8'
import { expect, it } from 'vitest'
import { type Database, open } from 'asofdb'
import { Tables } from '../../packages/asofdb/src/versions/tables.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'

/** Tables that somebody holds, counted after a collection. */
function heldTables(): number {
  return queryObjects(Tables as unknown as new () => object, { format: 'count' })
}

async function fill(database: Database): Promise<void> {
  for (let value = 0; value < 20; value++) {
    await database.write((tx) => tx.keys('k').put('a', value))
  }
}

it('tables that were replaced are let go of when nobody reads them any more', async () => {
  const host = new SimulatedHost({ seed: 'let go' })
  await host.run(async () => {
    const database = await open('/database', { host })
    const before = heldTables()
    await fill(database)
    let snapshot: { readonly sequence: number } | undefined = database.snapshot()
    await database.prune()
    await wait(host, 10)
    expect([heldTables() - before, snapshot.sequence]).toEqual([1, 20])
    snapshot = undefined
    await wait(host, 10)
    expect(heldTables()).toBe(before)
    await database.close()
  })
})

it('what is erased is hidden from a snapshot of tables that were replaced long ago', async () => {
  const database = await open(':memory:')
  const id = await database.write((tx) => tx.createNode('N', { n: 1 }, { valid: 'always' }).id)
  await fill(database)
  const snapshot = database.snapshot()
  await database.prune()
  await new Promise((resolve) => setImmediate(resolve))
  expect(heldTables()).toBeGreaterThan(1)
  expect(snapshot.node(id)?.get('n')).toBe(1)
  await database.erase(id)
  expect(snapshot.node(id)).toBeUndefined()
  await database.close()
})
