import { describe, expect, it } from 'vitest'
import { DatabaseError, relocate } from '../../packages/asofdb/src/index.ts'
import type { CrashSpec } from '../../simulation/simulated-crash.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { runUntilCrash } from '../simulation/simulated-machine.ts'
import { commitUpTo, directory, elsewhere, isAsWritten, openOn } from './placed-database.ts'

const seed = 'placement crash'
const moved = { logDirectory: '/faster/log', checkpointDirectory: '/big/points' }

interface Account {
  submitted: number
  acknowledged: number
}

/** Makes a database, writes to it, makes checkpoints, closes it and opens it again. */
async function use(host: SimulatedHost, account: Account, paths: object): Promise<void> {
  for (const target of [3, 6]) {
    const database = await openOn(host, paths)
    for (let commit = database.sequence + 1; commit <= target; commit++) {
      account.submitted = commit
      await commitUpTo(database, commit)
      account.acknowledged = commit
    }
    await database.checkpoint()
    await database.close()
  }
}

function specsOf(operation: number): CrashSpec[] {
  return [{ mode: 'none-kept' }, { mode: 'random', seed: operation }]
}

/** What a crash leaves opens, by the same paths or by what is stored, and takes further commits. */
async function openAndCompare(host: SimulatedHost, account: Account, paths: object): Promise<void> {
  await host.run(async () => {
    const database = await openOn(host, paths)
    expect(database.sequence).toBeGreaterThanOrEqual(account.acknowledged)
    expect(database.sequence).toBeLessThanOrEqual(account.submitted)
    expect(isAsWritten(database)).toBe(true)
    await commitUpTo(database, database.sequence + 1)
    expect((await database.verify()).problems).toEqual([])
    await database.close()
  })
}

/** Which of the directories hold files of the database now. */
async function used(host: SimulatedHost): Promise<string[]> {
  const places: string[] = []
  const own = [`${directory}/log`, `${directory}/checkpoint`]
  for (const path of ['/fast/log', '/big/points', ...own]) {
    const names = await host.files.list(path).catch(() => [])
    if (names.some((name) => /\.(?:seg|checkpoint)$/.test(name))) places.push(path)
  }
  return places
}

/** What opening without any paths comes to. */
function lookAt(host: SimulatedHost): Promise<string> {
  return host.run(() =>
    openOn(host).then(
      () => 'opened',
      (error: unknown) => (error instanceof DatabaseError ? error.code : String(error)),
    ),
  )
}

describe.each(['posix', 'ordered'] as const)('a crash with paths of their own (%s)', (profile) => {
  it('loses nothing acknowledged, and what it leaves opens with them and stays there', async () => {
    let isDone = false
    let crashes = 0
    for (let operation = 1; !isDone; operation += profile === 'posix' ? 2 : 5) {
      const crashAt = { operation, outcome: 'partly-done' } as const
      const host = new SimulatedHost({ seed, profile, crashRejects: true, faults: { crashAt } })
      const account = { submitted: 0, acknowledged: 0 }
      isDone = !(await runUntilCrash(host, () => use(host, account, elsewhere)))
      const [kept, random] = specsOf(operation).map((spec) => host.crash(spec))
      for (const next of [kept, operation % 2 === 0 ? random : host.kill()]) {
        if (next === undefined) continue
        await openAndCompare(next, account, elsewhere)
        await next.run(async () => expect(await used(next)).toEqual(['/fast/log', '/big/points']))
        crashes++
      }
    }
    expect(crashes).toBeGreaterThan(40)
  })

  it('while a database is made leaves one that opens by itself, or a fresh start', async () => {
    const seen = new Set<string>()
    for (let operation = 1; operation <= 45; operation++) {
      const crashAt = { operation, outcome: 'partly-done' } as const
      const host = new SimulatedHost({ seed, profile, crashRejects: true, faults: { crashAt } })
      const account = { submitted: 0, acknowledged: 0 }
      await runUntilCrash(host, () => use(host, account, elsewhere))
      for (const spec of specsOf(operation)) {
        const next = host.crash(spec)
        await openAndCompare(next, account, {})
        await next.run(async () => seen.add((await used(next)).join(' ')))
      }
    }
    expect([...seen].sort()).toEqual([
      '/fast/log /big/points',
      `${directory}/log ${directory}/checkpoint`,
    ])
  })

  it('of the process while a database is made leaves nothing that a power cut takes', async () => {
    for (let operation = 1; operation <= 30; operation++) {
      const crashAt = { operation, outcome: 'partly-done' } as const
      const host = new SimulatedHost({ seed, profile, crashRejects: true, faults: { crashAt } })
      await runUntilCrash(host, () => use(host, { submitted: 0, acknowledged: 0 }, elsewhere))
      const next = host.kill()
      const account = { submitted: 0, acknowledged: 0 }
      await next.run(() => use(next, account, elsewhere))
      expect(account.acknowledged).toBe(6)
      await openAndCompare(next.crash({ mode: 'none-kept' }), account, {})
    }
  })

  it('while places are written down leaves the old or the new, and can be repeated', async () => {
    const outcomes = new Set<string>()
    const base = new SimulatedHost({ seed, profile })
    const account = { submitted: 0, acknowledged: 0 }
    await base.run(() => use(base, account, elsewhere))
    await base.run(async () => {
      await base.files.makeDirectory('/faster')
      await base.files.rename('/fast/log', moved.logDirectory)
      for (const path of ['/', '/fast', '/faster']) await base.files.syncDirectory(path)
    })
    let isDone = false
    for (let operation = 1; !isDone; operation++) {
      const faults = { crashAt: { operation, outcome: 'partly-done' } } as const
      const host = base.fork({ crashRejects: true, faults })
      const move = () => relocate(directory, { ...moved, host })
      isDone = !(await runUntilCrash(host, move))
      for (const spec of specsOf(operation)) {
        const next = host.crash(spec)
        outcomes.add(await lookAt(next.fork()))
        await next.run(() => relocate(directory, { ...moved, host: next }))
        await openAndCompare(next, account, moved)
      }
    }
    expect([...outcomes].sort()).toEqual(['IoFailed', 'opened'])
  })
})

describe('a failure of any call with paths of their own', () => {
  it('while a database is made leaves a directory that opens afterwards', async () => {
    let isDone = false
    for (let nth = 1; !isDone; nth++) {
      const faults = { faults: [{ kind: 'any', nth, error: 'ENOSPC' }] } as const
      const host = new SimulatedHost({ seed, faults })
      const code = await host.run(async () => {
        try {
          const database = await openOn(host, elsewhere)
          isDone = host.files.faults.calls < nth
          await database.close()
          return 'opened'
        } catch (error) {
          return error instanceof DatabaseError ? error.code : String(error)
        }
      })
      expect(['opened', 'DiskFull', 'Poisoned', 'IoFailed']).toContain(code)
      const next = host.kill({ faults: {} })
      await openAndCompare(next, { submitted: 0, acknowledged: 0 }, elsewhere)
    }
  })
})
