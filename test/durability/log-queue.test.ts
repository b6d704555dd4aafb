import { describe, expect, it } from 'vitest'
import { type Database, isDatabaseError } from 'asofdb'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import { memoryHost } from '../../packages/asofdb/src/host/memory-host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { hostWithFileMethods } from '../log/log-fixture.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { codeOf, countOn, machine, openOn, put } from './simulated-database.ts'

const modes = ['always', { everyMs: 10 }, 'never'] as const
const wholeRunMs = 20_000
const payloadBytes = 400

/** A host that counts the bytes of records and lets them wait when told to. */
function withGate(host: Host) {
  const state = { written: 0, isShut: false, open: () => {} }
  let gate = Promise.resolve()
  const gated = hostWithFileMethods(host, (file) => ({
    async write(bytes, position) {
      await gate
      const count = await file.write(bytes, position)
      if (bytes.length !== 4096) state.written += count
      return count
    },
  }))
  const shut = () => {
    gate = new Promise((resolve) => {
      state.open = resolve
    })
  }
  return { host: gated, state, shut }
}

/** Bytes of one record of `put` to a key that is known, with that payload. */
async function recordBytesOf(database: Database, state: { written: number }): Promise<number> {
  await put(database, 1, { bytes: payloadBytes, durability: 'sync' })
  const before = state.written
  await put(database, 1, { bytes: payloadBytes, durability: 'sync' })
  return state.written - before
}

describe('the queue of an asynchronous log', () => {
  it.each(modes)('never holds more than its bound and one commit, fsync %o', async (fsync) => {
    const simulated = machine()
    const { host, state } = withGate(simulated)
    await simulated.run(async () => {
      const bound = 3000
      const database = await openOn(host, { log: 'async', fsync, logQueueBytesMax: bound })
      const recordBytes = await recordBytesOf(database, state)
      const start = state.written - database.stats().appliedSequence * recordBytes
      let most = 0
      const look = () => {
        const { appliedSequence } = database.stats()
        most = Math.max(most, start + appliedSequence * recordBytes - state.written)
      }
      const writer = async () => {
        for (let round = 0; round < 10; round += 1) {
          await put(database, 1, { bytes: payloadBytes })
          look()
        }
      }
      await Promise.all(Array.from({ length: 40 }, writer))
      expect(database.stats().appliedSequence).toBe(402)
      expect(most).toBeGreaterThan(bound - recordBytes)
      expect(most).toBeLessThan(bound + recordBytes)
      await database.close()
    })
  })

  it('takes nothing more while it is full, and goes on when it is not', async () => {
    const memory = memoryHost(nodeHost())
    const { host, state, shut } = withGate(memory)
    const bound = 3000
    const database = await openOn(host, { log: 'async', fsync: 'never', logQueueBytesMax: bound })
    const recordBytes = await recordBytesOf(database, state)
    shut()
    const taken = Math.ceil(bound / recordBytes)
    let settled = 0
    const writes = Array.from({ length: 30 }, async () => {
      await put(database, 1, { bytes: payloadBytes })
      settled += 1
    })
    const transaction = database.begin()
    transaction.keys('other').put('a', 1)
    const committed = transaction.commit()
    for (let turn = 0; turn < 10; turn += 1) await memory.timers.yieldTurn()
    expect(settled).toBe(taken)
    expect(database.stats().appliedSequence).toBe(2 + taken)
    state.open()
    await Promise.all([...writes, committed])
    expect(database.sequence).toBe(33)
    await database.close()
  })

  it('lets who waits know that the database was closed', async () => {
    const memory = memoryHost(nodeHost())
    const { host, state, shut } = withGate(memory)
    const bound = 3000
    const database = await openOn(host, { log: 'async', fsync: 'never', logQueueBytesMax: bound })
    shut()
    const writes = Array.from({ length: 30 }, (_, number) =>
      codeOf(put(database, number, { bytes: payloadBytes })),
    )
    await memory.timers.yieldTurn()
    const { appliedSequence } = database.stats()
    const closed = database.close()
    state.open()
    await closed
    const outcomes = await Promise.all(writes)
    expect(outcomes.filter((one) => one === 'resolved').length).toBe(appliedSequence)
    expect(outcomes.filter((one) => one === 'Closed').length).toBe(30 - appliedSequence)
    const again = await openOn(host)
    expect(again.sequence).toBe(appliedSequence)
    await again.close()
  })
})

describe('an asynchronous log that fails', () => {
  const failures = [
    ['write', 'EIO'],
    ['write', 'ENOSPC'],
    ['sync', 'EIO'],
  ] as const

  it.each(failures)('at a %s with %s tells the next commit and close', async (kind, error) => {
    const path = 'log-'
    // The first of each is that of the header.
    const host = machine({ faults: [{ kind, nth: 2, error, path, isLasting: true }] })
    await host.run(async () => {
      const database = await openOn(host, { log: 'async', fsync: 'always' })
      await put(database, 1)
      await wait(host, 100)
      const next = await put(database, 2).catch((thrown: unknown) => thrown)
      if (!isDatabaseError(next, 'Poisoned')) throw next
      expect(next.message).toContain('the log could not be written')
      expect(() => database.begin()).toThrow(next)
      expect(await codeOf(put(database, 3, { durability: 'sync' }))).toBe('Poisoned')
      expect(database.sequence).toBe(1)
      expect(await database.close().catch((thrown: unknown) => thrown)).toBe(next)
    })
    expect(await countOn(host.crash({ mode: 'none-kept' }))).toBe(0)
  })

  it('tells those who wait for room', async () => {
    const faults = [{ kind: 'write', nth: 2, error: 'EIO', path: 'log-', isLasting: true }] as const
    const host = machine({ faults })
    await host.run(async () => {
      const options = { log: 'async', fsync: 'always', logQueueBytesMax: 100 } as const
      const database = await openOn(host, options)
      const writes = Array.from({ length: 10 }, (_, number) => codeOf(put(database, number)))
      const outcomes = await Promise.all(writes)
      expect(new Set(outcomes)).toEqual(new Set(['resolved', 'Poisoned']))
      expect(await codeOf(database.close())).toBe('Poisoned')
    })
  })

  it('at the last moment, tells close', async () => {
    const faults = [{ kind: 'sync', nth: 2, error: 'EIO', path: 'log-', isLasting: true }] as const
    for (const fsync of modes) {
      for (const log of ['sync', 'async'] as const) {
        if (log === 'sync' && fsync === 'always') continue
        const host = machine({ faults })
        await host.run(async () => {
          const database = await openOn(host, { log, fsync })
          await put(database, 1)
          expect(await codeOf(database.close())).toBe('Poisoned')
          const again = await codeOf(openOn(host))
          expect(again).not.toBe('Locked')
        })
      }
    }
  })
})

describe('who commits in a loop', () => {
  it.each(['sync', 'async', 'off'] as const)('starves nobody, log %s', async (log) => {
    let nowMs = 0
    const memory = memoryHost(nodeHost())
    const clock = { wallMicros: () => 0, monotonicMs: () => (nowMs += 0.1) }
    const database = await openOn({ ...memory, clock }, { log, fsync: 'never' })
    await memory.timers.yieldTurn()
    let isServed = false
    setImmediate(() => {
      isServed = true
    })
    let commits = 0
    for (; commits < 1000 && !isServed; commits += 1) await put(database, 1)
    expect(commits).toBeLessThan(200)
    expect(commits).toBeGreaterThan(5)
    await database.close()
  }, wholeRunMs)
})
