import { describe, expect, it } from 'vitest'
import { type Database, isDatabaseError, type KindBounds, type OpenOptions } from 'asofdb'
import { decodeManifest } from '../../packages/asofdb/src/checkpoint/manifest.ts'
import { sectionNames } from '../../packages/asofdb/src/checkpoint/sections.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { bytesOf, wait } from '../simulation/simulated-machine.ts'
import {
  codeOf,
  directory,
  machine,
  openOn,
  put,
  withTimerCount,
} from './simulated-database.ts'

/** How many checkpoints were made in the life of the database. */
async function checkpointsOn(host: SimulatedHost): Promise<number> {
  const names = await host.files.list(`${directory}/checkpoint`)
  return Math.max(0, ...names.map((name) => Number.parseInt(name, 16)))
}

/** Commits with time between, and the number of each after which there was one checkpoint more. */
async function commitsBeforeCheckpoints(
  options: OpenOptions,
  run: { commits: number; bytes?: number; pauseMs?: number },
): Promise<number[]> {
  const host = machine()
  const { commits, bytes = 10, pauseMs = 200 } = run
  return host.run(async () => {
    const database = await openOn(host, options)
    const before: number[] = []
    let known = 0
    for (let number = 1; number <= commits; number += 1) {
      await put(database, number, { bytes })
      await wait(host, pauseMs)
      const count = await checkpointsOn(host)
      if (count > known) before.push(number)
      known = count
    }
    await database.close()
    return before
  })
}

describe.each(['sync', 'async', 'off'] as const)('a checkpoint of log %s', (log) => {
  it('comes after as many mutations as were asked for', async () => {
    const options = { log, checkpointMutations: 5 }
    expect(await commitsBeforeCheckpoints(options, { commits: 17 })).toEqual([5, 10, 15])
  })

  it('comes after as many bytes', async () => {
    const options = { log, checkpointLogBytes: 3000 }
    const run = { commits: 10, bytes: 950 }
    expect(await commitsBeforeCheckpoints(options, run)).toEqual([4, 8])
  })

  it('comes after the time since the oldest commit it lacks', async () => {
    const options = { log, checkpointEveryMs: 1000 }
    const run = { commits: 12, pauseMs: 260 }
    expect(await commitsBeforeCheckpoints(options, run)).toEqual([4, 8, 12])
  })

  it('comes after as many mutations of one kind of state as were asked for', async () => {
    const mutations = (checkpointMutations: KindBounds) =>
      commitsBeforeCheckpoints({ log, checkpointMutations }, { commits: 12 })
    expect(await mutations({ keys: 5 })).toEqual([5, 10])
    expect(await mutations({ keys: 100, graph: 1 })).toEqual([])
    expect(await mutations({ symbols: 1 })).toEqual([1])
  })

  it('comes after the time since the oldest change of one kind of state', async () => {
    const times = (checkpointEveryMs: KindBounds) =>
      commitsBeforeCheckpoints({ log, checkpointEveryMs }, { commits: 12, pauseMs: 260 })
    expect(await times({ keys: 1000 })).toEqual([4, 8, 12])
    expect(await times({ graph: 1000 })).toEqual([])
  })

  it('comes for whichever reason is first', async () => {
    const options = { log, checkpointEveryMs: 1000, checkpointMutations: 3 }
    const run = { commits: 7, pauseMs: 300 }
    expect(await commitsBeforeCheckpoints(options, run)).toEqual([3, 6])
    const slow = { commits: 4, pauseMs: 700 }
    expect(await commitsBeforeCheckpoints(options, slow)).toEqual([2, 4])
  })

  it('comes without a further commit when time has come, and then leaves no timer', async () => {
    const simulated = machine()
    const { host, pending } = withTimerCount(simulated)
    await simulated.run(async () => {
      const database = await openOn(host, { log, checkpointEveryMs: 1000 })
      expect(pending()).toBe(0)
      await put(database, 1)
      await put(database, 2)
      expect(pending()).toBe(1)
      await wait(simulated, 1100)
      await wait(simulated, 1000)
      expect(await checkpointsOn(simulated)).toBe(1)
      expect(pending()).toBe(0)
      const { calls } = simulated.files.faults
      await wait(simulated, 100_000)
      expect(simulated.files.faults.calls).toBe(calls)
      expect(await checkpointsOn(simulated)).toBe(1)
      await put(database, 3)
      await database.close()
      expect(pending()).toBe(0)
    })
  })
})

it('a log that is synced by a timer leaves none when everything is synced', async () => {
  const simulated = machine()
  const { host, pending } = withTimerCount(simulated)
  await simulated.run(async () => {
    for (const log of ['sync', 'async'] as const) {
      const database = await openOn(host, { log, fsync: { everyMs: 10 } })
      expect(pending()).toBe(0)
      await put(database, 1)
      await wait(simulated, 5)
      expect(pending()).toBe(1)
      await wait(simulated, 50)
      expect(pending()).toBe(0)
      await database.close()
    }
  })
})

describe('a checkpoint of one kind of state', () => {
  it('writes nothing of the others, and what it lacks is told by kind', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host)
      await database.write((tx) => {
        for (let node = 0; node < 300; node += 1) tx.createNode('N', { text: 'x'.repeat(200) })
      })
      expect(database.stats().checkpoint.unsaved).toEqual({ graph: 300, keys: 0, symbols: 2 })
      const { bytesWritten: bytesOfGraph } = await database.checkpoint()
      expect(database.stats().checkpoint.unsaved).toEqual({ graph: 0, keys: 0, symbols: 0 })
      await put(database, 1)
      expect(database.stats().checkpoint.unsaved).toEqual({ graph: 0, keys: 1, symbols: 1 })
      const { bytesWritten } = await database.checkpoint()
      expect(bytesOfGraph).toBeGreaterThan(60_000)
      expect(bytesWritten).toBeLessThan(5_000)
      const bytes = await bytesOf(host.files, `${directory}/MANIFEST`)
      const file = decodeManifest(bytes).checkpoint.files.at(-1)
      if (file === undefined) throw new Error('there is a checkpoint')
      const grown = sectionNames.filter((name) => file.to[name] > file.from[name])
      expect(grown.filter((name) => /^(?:node|edge)/.test(name))).toEqual([])
      expect(grown).toContain('keyRows')
      await database.close()
    })
    const next = host.kill()
    await next.run(async () => {
      const database = await openOn(next)
      expect(database.stats().checkpoint.unsaved).toEqual({ graph: 0, keys: 0, symbols: 0 })
      await database.close()
    })
  })

  it('has a bound of its own: nodes and edges for the graph', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, { checkpointMutations: { graph: 3, keys: 100 } })
      for (let number = 1; number <= 5; number += 1) await put(database, number)
      await database.write((tx) => {
        const node = tx.createNode('N')
        tx.createEdge(node, 'LIKES', node)
      })
      await wait(host, 100)
      expect(await checkpointsOn(host)).toBe(0)
      await database.write((tx) => tx.createNode('N'))
      await wait(host, 100)
      expect(await checkpointsOn(host)).toBe(1)
      await database.close()
    })
  })

  it('counts from the checkpoint that was found on opening', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host)
      await put(database, 1)
      await database.checkpoint()
      for (let number = 2; number <= 4; number += 1) await put(database, number)
    })
    const next = host.kill()
    await next.run(async () => {
      const database = await openOn(next, { checkpointMutations: { keys: 4 } })
      expect(database.stats().checkpoint.unsaved).toEqual({ graph: 0, keys: 3, symbols: 0 })
      await put(database, 5)
      await wait(next, 50)
      expect(await checkpointsOn(next)).toBe(2)
      await database.close()
    })
  })
})

describe('a checkpoint that fails', () => {
  const failing = (nths: readonly number[]) =>
    nths.map((nth) => ({ kind: 'create', nth, error: 'ENOSPC', path: '.checkpoint' }) as const)

  it('is tried again later and later, without anybody asking, until it succeeds', async () => {
    const host = machine({ faults: failing([1, 2, 3]) })
    await host.run(async () => {
      const database = await openOn(host, { checkpointMutations: 2 })
      await put(database, 1)
      await put(database, 2)
      // After 1, 2 and 4 seconds more, and what each attempt takes.
      const counts: number[] = []
      for (const pauseMs of [900, 900, 2000, 2700, 2000]) {
        await wait(host, pauseMs)
        counts.push(await checkpointsOn(host))
      }
      expect(counts).toEqual([0, 0, 0, 0, 1])
      await database.close()
    })
  })

  it('at the end is what close rejects with, and the commits are there', async () => {
    const host = machine({ faults: failing([1]) })
    await host.run(async () => {
      const database = await openOn(host)
      await put(database, 1)
      expect(await codeOf(database.close())).toBe('DiskFull')
      const again = await openOn(host)
      expect(again.sequence).toBe(1)
      await again.close()
    })
  })
})

describe('commits that no checkpoint has, at the limit', () => {
  const limited = { checkpointLogBytes: 1000, logBytesMax: 3000 }
  const commits = async (database: Database, from: number, to: number): Promise<unknown[]> => {
    const outcomes: unknown[] = []
    for (let number = from; number <= to; number += 1) {
      outcomes.push(await codeOf(put(database, number, { bytes: 400 })))
    }
    return outcomes
  }

  it.each(['sync', 'async', 'off'] as const)(
    'are refused with reason and cure, and taken when checkpoints work again, log %s',
    async (log) => {
      const fault = { kind: 'create', nth: 1, error: 'ENOSPC', path: '.checkpoint' } as const
      const nths = Array.from({ length: 5 }, (_, index) => ({ ...fault, nth: index + 1 }))
      const host = machine({ faults: nths })
      await host.run(async () => {
        const database = await openOn(host, { log, ...limited })
        const outcomes = await commits(database, 1, 12)
        const taken = outcomes.indexOf('LogFull')
        expect(taken).toBeGreaterThan(5)
        expect(new Set(outcomes.slice(0, taken))).toEqual(new Set(['resolved']))
        expect(new Set(outcomes.slice(taken))).toEqual(new Set(['LogFull']))
        const error = await put(database, 99).catch((thrown: unknown) => thrown)
        if (!isDatabaseError(error, 'LogFull')) throw error
        expect(error.message).toMatch(/the limit \(logBytesMax 3000\).*disk is full.*tried again/)
        expect(() => database.begin()).toThrow(error.message)
        expect(database.sequence).toBe(taken)
        expect([...database.keys('n').range({})].length).toBe(taken)
        await wait(host, 60_000)
        expect(await checkpointsOn(host)).toBe(1)
        expect(await codeOf(put(database, 99))).toBe('resolved')
        await database.close()
      })
    },
  )

  it('are taken after a checkpoint that was asked for', async () => {
    const fault = { kind: 'create', nth: 1, error: 'ENOSPC', path: '.checkpoint' } as const
    const host = machine({ faults: [fault] })
    await host.run(async () => {
      const database = await openOn(host, limited)
      const outcomes = await commits(database, 1, 12)
      expect(outcomes.at(-1)).toBe('LogFull')
      await database.checkpoint()
      expect(await codeOf(put(database, 99))).toBe('resolved')
      await database.close()
    })
  })

  it('wait for a checkpoint that is only slow', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host, { checkpointLogBytes: 1000, logBytesMax: 1000 })
      const writes = Array.from({ length: 30 }, (_, number) =>
        codeOf(put(database, number, { bytes: 400 })),
      )
      expect(new Set(await Promise.all(writes))).toEqual(new Set(['resolved']))
      expect(database.sequence).toBe(30)
      expect(await checkpointsOn(host)).toBeGreaterThanOrEqual(8)
      await database.close()
    })
  })

  it('count from the log that was found on opening', async () => {
    const host = machine()
    await host.run(async () => {
      const database = await openOn(host)
      await commits(database, 1, 5)
    })
    const next = host.kill()
    await next.run(async () => {
      const database = await openOn(next, { checkpointLogBytes: 1500 })
      await put(database, 6)
      await wait(next, 50)
      expect(await checkpointsOn(next)).toBe(1)
      await database.close()
    })
  })
})
