import { describe, expect, it } from 'vitest'
import { DatabaseError, open, type OpenOptions } from 'asofdb'
import { wait } from '../simulation/simulated-machine.ts'
import { codeOf, countOn, leftBy, machine, openOn, put } from './simulated-database.ts'

const logs = ['sync', 'async', 'off'] as const
const fsyncs = ['always', { everyMs: 50 }, 'never'] as const
const product = logs.flatMap((log) => fsyncs.map((fsync) => ({ log, fsync })))

describe.each(product)('log $log, fsync $fsync', (mode) => {
  const { log, fsync } = mode

  it('keeps of acknowledged commits what its row of the table says', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, mode)
      for (let number = 1; number <= 5; number += 1) await put(database, number)
      expect(database.sequence).toBe(5)
    })
    const left = await leftBy(host)
    expect(left.machine).toBe(log === 'sync' && fsync === 'always' ? 5 : 0)
    if (log === 'sync') expect(left.process).toBe(5)
    // The first write may have been under way.
    else expect(left.process).toBeLessThanOrEqual(log === 'off' ? 0 : 1)
  })

  it('has written and synced after some time what it does without being asked', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, mode)
      for (let number = 1; number <= 5; number += 1) await put(database, number)
      await wait(host, 200)
    })
    const isSynced = log !== 'off' && fsync !== 'never'
    const expected = { process: log === 'off' ? 0 : 5, machine: isSynced ? 5 : 0 }
    expect(await leftBy(host)).toEqual(expected)
  })

  it('keeps a commit that asks for it, and those before', async () => {
    for (const durability of ['sync', 'os'] as const) {
      const host = machine()
      await host.run(async () => {
        const database = await openOn(host, mode)
        for (let number = 1; number <= 3; number += 1) await put(database, number)
        await put(database, 4, { durability })
      })
      const left = await leftBy(host)
      expect(left.process).toBe(4)
      if (durability === 'sync') expect(left.machine).toBe(4)
    }
  })

  it('keeps everything when it is closed, and gives it back', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, mode)
      const writes = Array.from({ length: 20 }, (_, index) => put(database, index))
      await Promise.all(writes)
      await database.close()
    })
    expect(await leftBy(host)).toEqual({ process: 20, machine: 20 })
  })
})

describe('a write that asks to be more durable', () => {
  it('is kept whichever way it is made', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, { log: 'async', fsync: 'never' })
      const system = 1_000_000n
      const options = { system, durability: 'sync' } as const
      await database.import((tx) => tx.keys('n').put(1, 1), options)
      const transaction = database.begin({ durability: 'sync' })
      transaction.keys('n').put(2, 2)
      await transaction.commit()
    })
    expect(await leftBy(host)).toEqual({ process: 2, machine: 2 })
  })

  it('resolves while the database is being closed', async () => {
    for (const log of logs) {
      const host = machine()
      await host.run(async () => {
        const database = await openOn(host, { log, fsync: 'never' })
        const write = put(database, 1, { durability: 'sync' })
        await Promise.all([write, database.close()])
      })
      expect(await countOn(host.crash({ mode: 'none-kept' }))).toBe(1)
    }
  })

  it('is refused where nothing is durable, and when it asks for something else', async () => {
    const memory = await open(':memory:')
    expect(await codeOf(put(memory, 1, { durability: 'sync' }))).toBe('InvalidArgument')
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host)
      const paper = { durability: 'paper' as 'sync' }
      expect(await codeOf(put(database, 1, paper))).toBe('InvalidArgument')
      expect(() => database.begin(paper)).toThrow("'sync' or 'os', not paper")
      await put(database, 1, { durability: 'os' })
      await database.close()
    })
  })
})

describe('modes that contradict each other', () => {
  it.each<OpenOptions>([
    { durability: 'sync', log: 'async' },
    { durability: 'sync', fsync: 'never' },
    { durability: 'interval', fsync: 'always' },
    { durability: 'interval', fsync: { everyMs: 10 }, syncEveryMs: 20 },
    { durability: 'os', fsync: 'always' },
    { durability: 'os', log: 'off' },
    { durability: 'checkpoint', log: 'sync' },
    { durability: 'memory', log: 'sync' },
    { log: 'sometimes' as 'sync' },
    { fsync: 'sometimes' as 'never' },
    { fsync: { everyMs: 0 } },
    { logQueueBytesMax: 0 },
    { checkpointMutations: -1 },
    { checkpointEveryMs: 0 },
    { checkpointMutations: { keys: 0 } },
    { checkpointEveryMs: { graph: -1 } },
    { checkpointMutations: { nodes: 1 } as object },
    { checkpointMutations: 'often' as unknown as number },
    { logBytesMax: Number.NaN },
  ])('are refused: %o', async (options) => {
    const error = await open('/nowhere', { ...options, host: machine() }).catch(
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof DatabaseError)) throw error
    expect(error.code).toBe('InvalidArgument')
  })

  it.each<OpenOptions>([
    { durability: 'sync', log: 'sync', fsync: 'always' },
    { durability: 'interval', fsync: { everyMs: 10 } },
    { durability: 'checkpoint', log: 'off', fsync: 'never' },
  ])('are taken where they agree: %o', async (options) => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, options)
      await put(database, 1)
      expect(database.sequence).toBe(1)
      await database.close()
    })
  })
})
