import { expect, it } from 'vitest'
import { open } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { commit, directory, small, watch } from './watched-database.ts'

async function bytesIn(host: SimulatedHost, name: string): Promise<number> {
  let bytes = 0
  for (const file of await host.files.list(`${directory}/${name}`)) {
    bytes += (await host.files.stat(`${directory}/${name}/${file}`))?.size ?? 0
  }
  return bytes
}

it('the bytes of log and checkpoint are those of the files, whatever comes and goes', async () => {
  const host = new SimulatedHost({ seed: 'bytes' })
  await host.run(async () => {
    for (let opening = 0; opening < 4; opening++) {
      const database = await open(directory, { ...small, host })
      // Closing made a checkpoint, though the log before it is kept.
      expect(database.stats().log.bytesSinceCheckpoint).toBe(0)
      for (let count = 0; count < 9; count++) {
        await commit(database, 100 + 700 * count)
        if (count % 4 === 3) await database.checkpoint()
        const { bytes, log } = database.stats()
        expect(bytes.log).toBe(await bytesIn(host, 'log'))
        expect(log.segments).toBe((await host.files.list(`${directory}/log`)).length)
        expect(bytes.checkpoint).toBe(await bytesIn(host, 'checkpoint'))
      }
      await database.close()
    }
  })
})

it('after a crash, they are those of the files that the crash has left', async () => {
  const host = await watch(async ({ database }) => {
    for (let count = 0; count < 9; count++) await commit(database, 2000)
  }, small)
  const crashed = host.fork()
  await crashed.run(async () => {
    const database = await open(directory, { ...small, host: crashed })
    const { bytes, log, recovered, durableSequence } = database.stats()
    expect(log.segments).toBeGreaterThan(3)
    expect(bytes.log).toBe(await bytesIn(crashed, 'log'))
    const { replayed, recoveredSequence, durationMs } = database.recovery
    const { records, bytes: replayedBytes } = replayed
    expect(recovered).toEqual({
      sequence: recoveredSequence,
      records,
      bytes: replayedBytes,
      durationMs,
    })
    expect(log.bytesSinceCheckpoint).toBe(replayedBytes)
    expect([records, durableSequence]).toEqual([9, 9])
    await database.close()
  })
})

it('each sync and each group is counted', async () => {
  await watch(async ({ database }) => {
    for (let count = 0; count < 5; count++) await commit(database)
    const alone = database.stats().log
    expect(alone.groups).toEqual({ count: 5, commits: 5, largest: 1 })
    expect(alone.syncs.count).toBe(5)
    expect(alone.syncs.maxMs).toBeGreaterThan(0)
    expect(alone.syncs.p50Ms).toBeLessThanOrEqual(alone.syncs.p99Ms)
    expect(alone.syncs.p99Ms).toBeLessThanOrEqual(alone.syncs.maxMs)
    await Promise.all(Array.from({ length: 40 }, () => commit(database)))
    const { groups, syncs } = database.stats().log
    expect(groups.commits).toBe(45)
    expect(groups.count).toBe(syncs.count)
    expect(groups.largest).toBeGreaterThan(10)
    await database.close()
  })
})

it('a sync by a timer is counted, too, and no other where nobody asks for one', async () => {
  await watch(
    async ({ database, host }) => {
      for (let count = 0; count < 5; count++) await commit(database)
      expect(database.stats().log.syncs.count).toBe(0)
      await wait(host, 100)
      expect(database.stats().log.syncs.count).toBe(1)
      await database.close()
    },
    { ...small, durability: 'interval', syncEveryMs: 50 },
  )
})

it('the last checkpoint has its duration, bytes and age', async () => {
  await watch(async ({ database, host }) => {
    const unsaved = { graph: 0, keys: 0, symbols: 0 }
    const before = { sequence: 0, files: 0, unsaved, last: null }
    expect(database.stats().checkpoint).toEqual(before)
    await commit(database)
    const { durationMs, bytesWritten } = await database.checkpoint()
    await wait(host, 12_000)
    const { sequence, files, last } = database.stats().checkpoint
    expect({ sequence, files }).toEqual({ sequence: 1, files: 1 })
    expect(last).toMatchObject({ durationMs, bytesWritten })
    expect(Math.round(last?.ageMs ?? 0)).toBe(12_000)
    await database.close()
  }, small)
})

it('transactions are open until they are committed, refused or cancelled', async () => {
  await using database = await open(':memory:')
  const openNow = (): number => database.stats().transactions.open
  const first = database.begin()
  const second = database.begin()
  const reader = database.begin({ readonly: true })
  expect(openNow()).toBe(3)
  await database.write(() => expect(openNow()).toBe(4))
  first.keys('k').get('a')
  first.keys('k').put('a', 1)
  second.keys('k').get('a')
  second.keys('k').put('a', 2)
  await first.commit()
  expect(openNow()).toBe(2)
  await expect(second.commit()).rejects.toThrow(/run the transaction again/)
  expect(openNow()).toBe(1)
  second.cancel()
  reader.cancel()
  reader.cancel()
  expect(openNow()).toBe(0)
  const failed = database.write(() => {
    throw new RangeError('the closure failed')
  })
  await expect(failed).rejects.toThrow(RangeError)
  expect(openNow()).toBe(0)
})
