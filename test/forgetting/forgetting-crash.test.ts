import { describe, expect, it } from 'vitest'
import { type Database, DatabaseError, open } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { bytesIfThere, filesBelow, runUntilCrash, wait } from '../simulation/simulated-machine.ts'
import { openDatabase } from '../transfer/random-database.ts'
import { show } from './answers.ts'

const secret = 'EXTREMELY SECRET'

/** What happens, one commit a step, in this order. */
interface Story {
  readonly database: Database
  /** Called when a commit is known to be durable. */
  readonly acknowledge: () => unknown
}

async function live({ database, acknowledge }: Story): Promise<void> {
  const write = async (body: Parameters<Database['write']>[0]): Promise<void> => {
    await database.write(body)
    await acknowledge()
  }
  await write((tx) => {
    const person = tx.createNode('Person', { name: `${secret} name` }, { valid: 'always' })
    const other = tx.createNode('Person', { name: 'other' }, { valid: 'always' })
    tx.createEdge(person, 'KNOWS', other, { note: `${secret} note` }, { valid: 'always' })
  })
  await write((tx) => tx.keys('cache').put(`${secret} key`, `${secret} value`))
  for (let round = 0; round < 3; round++) {
    await write((tx) => tx.keys('cache').put('dead', round))
    await write((tx) => tx.patch(1, { name: `${secret} name ${round}` }))
  }
  await write((tx) => tx.keys('cache').delete('dead'))
  await database.checkpoint()
  await write((tx) => tx.keys('cache').put('other', 1))
  await database.prune({ keyspaces: ['cache'] })
  await acknowledge()
  // The name is another key now, also for whoever reads the log on top of the old tables.
  await write((tx) => tx.keys('cache').put('dead', 'back'))
  await database.erase([1, { keyspace: 'cache', key: `${secret} key` }])
  await acknowledge()
  await write((tx) => tx.keys('cache').put(`${secret.toLowerCase()} key`, 'again'))
  await write((tx) => tx.keys('cache').put('last', 1))
}

const prunedBy = 11
const erasedBy = 13

/** Everything at two commits' distance that may be asked about: the present, and each past. */
function stateAt(database: Database, sequence: number): string {
  const view = database.asOf({ sequence, valid: 5n })
  const answer = (ask: () => unknown): unknown => {
    try {
      return ask()
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'HistoryPruned') return error.code
      throw error
    }
  }
  const node = (id: number) => view.node(id)?.properties
  const keys = ['dead', 'other', 'last', `${secret} key`, `${secret.toLowerCase()} key`]
  return show([
    [1, 5].map((id) => answer(() => [node(id), view.timeline(id)])),
    answer(() => view.out(1).map((edge) => edge.properties)),
    answer(() => [...view.keys('cache').range({})]),
    keys.map((key) => answer(() => view.keys('cache').get(key))),
  ])
}

/** What is to be answered at each commit, by how many commits there are. */
async function expectations(): Promise<string[][]> {
  const host = new SimulatedHost({ seed: 'forgetting-crash' })
  return host.run(async () => {
    const database = await openDatabase(host)
    const expected = [[stateAt(database, 0)]]
    const acknowledge = async (): Promise<void> => {
      const { sequence } = database
      if (sequence === erasedBy) expect(await filesThatTell(host)).toEqual([])
      expected[sequence] = Array.from({ length: sequence + 1 }, (_, at) => stateAt(database, at))
    }
    await live({ database, acknowledge })
    expect(database.commit(prunedBy) && database.commit(erasedBy)).toBeDefined()
    await database.close()
    return expected
  })
}

/** Files with the secret in them. */
async function filesThatTell({ files }: SimulatedHost): Promise<string[]> {
  const found: string[] = []
  for (const path of await filesBelow(files, '/database')) {
    if ((await bytesIfThere(files, path))?.includes(secret) === true) found.push(path)
  }
  return found
}

/** An erasure that was cut short goes on by itself. */
async function untilNoFileTells(host: SimulatedHost): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if ((await filesThatTell(host)).length === 0) return
    await wait(host, 20)
  }
  expect(await filesThatTell(host)).toEqual([])
}

async function lookAt(
  host: SimulatedHost,
  acknowledged: number,
  expected: readonly string[][],
): Promise<number> {
  const database = await openDatabase(host)
  const { sequence } = database
  expect(sequence).toBeGreaterThanOrEqual(acknowledged)
  const statesOf = (): string[] =>
    Array.from({ length: sequence + 1 }, (_, at) => stateAt(database, at))
  expect(statesOf()).toEqual(expected[sequence])
  if (sequence >= erasedBy) await untilNoFileTells(host)
  await database.compact()
  expect(statesOf()).toEqual(expected[sequence])
  expect((await database.verify()).problems).toEqual([])
  if (sequence >= erasedBy) expect(await filesThatTell(host)).toEqual([])
  await database.write((tx) => tx.keys('cache').put('dead', 'goes on'))
  await database.close()
  const again = await openDatabase(host)
  expect(again.keys('cache').get('dead')).toBe('goes on')
  expect(again.sequence).toBe(sequence + 1)
  if (sequence >= erasedBy) expect(await filesThatTell(host)).toEqual([])
  await again.close()
  return sequence
}

describe('a crash at any step of pruning, compacting and erasing', () => {
  it('leaves a database that has forgotten what it was told to, and nothing else', async () => {
    const expected = await expectations()
    const dry = new SimulatedHost({ seed: 'forgetting-crash', crashRejects: true })
    await dry.run(async () => {
      const database = await openDatabase(dry)
      await live({ database, acknowledge: () => undefined })
      await database.close()
    })
    const steps = dry.files.faults.mutations
    expect(steps).toBeGreaterThan(60)
    const seen = new Set<number>()
    for (let operation = 1; operation <= steps; operation++) {
      const host = new SimulatedHost({
        seed: 'forgetting-crash',
        crashRejects: true,
        faults: { crashAt: { operation, outcome: 'partly-done' } },
      })
      let acknowledged = 0
      await runUntilCrash(host, async () => {
        const database = await openDatabase(host)
        await live({ database, acknowledge: () => (acknowledged = database.sequence) })
        await database.close()
      })
      const machines = [host.crash({ mode: 'random', seed: operation })]
      machines.push(operation % 2 === 0 ? host.crash({ mode: 'none-kept' }) : host.kill())
      for (const next of machines) {
        seen.add(await next.run(() => lookAt(next, acknowledged, expected)))
      }
    }
    expect(seen.size).toBeGreaterThan(erasedBy)
  }, 120_000)

  it('is found where the files are not made to forget', async () => {
    const host = new SimulatedHost({ seed: 'forgetting-crash' })
    await host.run(async () => {
      const database = await open('/database', { host })
      await database.write((tx) => tx.createNode('Person', { name: secret }))
      await database.checkpoint()
      await database.write((tx) => tx.delete(1))
      await database.close()
      expect(await filesThatTell(host)).not.toEqual([])
    })
  })
})
