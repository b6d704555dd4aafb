import { describe, expect, it } from 'vitest'
import { type Database, DatabaseError, open, recover, restore } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { runUntilCrash } from '../simulation/simulated-machine.ts'
import { databasePath, openDatabase, openOptions, RandomWriter } from './random-database.ts'
import { wholeHistory } from './whole-history.ts'

const seed = 'transfer-crash'
const target = '/targets/one'

/** The first and the last of the steps, counted in calls that change something. */
interface Steps {
  first: number
  last: number
}

/** Something that fills the target; resolves with how many commits it holds then. */
type Transfer = (host: SimulatedHost, steps?: Steps) => Promise<number>

const backup: Transfer = (host, steps) =>
  withOpen(host, (database) =>
    counted(host, steps, async () => (await database.backup(target)).sequence),
  )

const restoring: Transfer = (host, steps) =>
  counted(host, steps, async () => {
    const { sequence } = await restore(databasePath, target, { host, toSequence: 3 })
    return sequence
  })

const recovering: Transfer = (host, steps) =>
  counted(host, steps, async () => {
    const { recoveredSequence } = await recover(databasePath, { host, into: target })
    return recoveredSequence
  })

const forking: Transfer = (host, steps) =>
  withOpen(host, (database) =>
    counted(host, steps, async () => (await database.fork(target, { toSequence: 4 })).sequence),
  )

async function withOpen<T>(
  host: SimulatedHost,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(host)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

/** Runs and notes which steps of the machine were its own. */
async function counted<T>(
  host: SimulatedHost,
  steps: Steps | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (steps !== undefined) steps.first = host.files.faults.mutations + 1
  const result = await work()
  if (steps !== undefined) steps.last = host.files.faults.mutations
  return result
}

/** A closed database, and what it answers after each commit. */
async function build(): Promise<{ host: SimulatedHost; histories: readonly string[][] }> {
  const host = new SimulatedHost({ seed })
  const histories = await host.run(() =>
    withOpen(host, async (database) => {
      const writer = new RandomWriter(seed, 120)
      await writer.steps(database, 6)
      await database.checkpoint()
      await writer.steps(database, 4)
      return historiesOf(database)
    }),
  )
  return { host, histories }
}

function historiesOf(database: Database): string[][] {
  return Array.from({ length: database.sequence + 1 }, (_, sequence) =>
    wholeHistory(database, sequence),
  )
}

/** How many commits an unharmed database has; why it is none, for one that refuses to open. */
async function lookAt(
  machine: SimulatedHost,
  path: string,
  histories: readonly string[][],
): Promise<number | string> {
  // A copy of the machine: looking changes nothing for what comes next.
  const host = machine.fork()
  const found = await host.run(async () => {
    let database: Database
    try {
      database = await open(path, { host, create: false, ...openOptions })
    } catch (error) {
      if (error instanceof DatabaseError) return error.code
      throw error
    }
    const { sequence } = database
    expect(wholeHistory(database, sequence)).toEqual(histories[sequence])
    expect((await database.verify()).problems).toEqual([])
    await database.close()
    return sequence
  })
  if (typeof found === 'number') return found
  // Nor does anything make a database of what was left half done.
  const other = machine.fork()
  const repairing = { host: other, create: false, recovery: 'repair', ...openOptions } as const
  const repaired = other.run(() => open(path, repairing))
  await expect(repaired).rejects.toMatchObject({ code: found })
  return found
}

/** Crashes a transfer at each of its steps; tells what the target was found to be. */
async function crashEverywhere(
  base: SimulatedHost,
  histories: readonly string[][],
  transfer: Transfer,
): Promise<Set<number | string>> {
  const seen = new Set<number | string>()
  const last = histories.length - 1
  const steps = { first: 0, last: 0 }
  const dry = base.fork({ crashRejects: true })
  await dry.run(() => transfer(dry, steps))
  expect(steps.last - steps.first).toBeGreaterThan(10)
  // The one after the last comes when all is done, and before anybody may have been told.
  for (let operation = steps.first; operation <= steps.last + 1; operation++) {
    const host = base.fork({
      crashRejects: true,
      faults: { crashAt: { operation, outcome: 'partly-done' } },
    })
    await runUntilCrash(host, () => transfer(host))
    expect(host.isStopped || operation > steps.last).toBe(true)
    const random = { mode: 'random', seed: operation } as const
    const machines = [host.crash(random)]
    machines.push(operation % 2 === 0 ? host.crash({ mode: 'none-kept' }) : host.kill())
    for (const next of machines) {
      // Every copy reads the source, which would be refused if it were harmed.
      if (operation % 5 === 0) expect(await lookAt(next, databasePath, histories)).toBe(last)
      seen.add(await lookAt(next, target, histories))
      const sequence = await next.run(() => transfer(next))
      expect(await lookAt(next, target, histories)).toBe(sequence)
      const left = await next.run(() => next.files.list(target))
      expect(left).not.toContain('UNFINISHED')
    }
  }
  return seen
}

describe('a crash at any step', () => {
  it('of a first backup leaves no database, or all of it, and the next one finishes', async () => {
    const { host, histories } = await build()
    const seen = await crashEverywhere(host, histories, backup)
    expect(seen).toEqual(new Set(['NotADatabase', histories.length - 1]))
  })

  it('of a later backup leaves the one before or the new one', async () => {
    const { host } = await build()
    const { first, histories } = await host.run(() =>
      withOpen(host, async (database) => {
        const { sequence } = await database.backup(target)
        const text = 'x'.repeat(2000)
        await database.write((tx) => tx.createNode('A', { text }, { valid: 'always' }))
        await database.checkpoint()
        await database.write((tx) => tx.createNode('A', { n: 2 }, { valid: 'always' }))
        return { first: sequence, histories: historiesOf(database) }
      }),
    )
    const seen = await crashEverywhere(host, histories, backup)
    expect(seen).toEqual(new Set([first, histories.length - 1]))
  })

  it('of a later backup of one that was opened meanwhile does the same', async () => {
    const { host } = await build()
    const { first, histories } = await host.run(() =>
      withOpen(host, async (database) => {
        const { sequence } = await database.backup(target)
        await (await openDatabase(host, target)).close()
        await database.write((tx) => tx.createNode('A', { n: 1 }, { valid: 'always' }))
        return { first: sequence, histories: historiesOf(database) }
      }),
    )
    const seen = await crashEverywhere(host, histories, backup)
    expect(seen).toEqual(new Set([first, histories.length - 1]))
  })

  it('of a restore leaves no database, or all of it, and the same command finishes', async () => {
    const { host, histories } = await build()
    const seen = await crashEverywhere(host, histories, restoring)
    expect(seen).toEqual(new Set(['NotADatabase', 3]))
  })

  it('of a recovery into a directory does so, too', async () => {
    const { host, histories } = await build()
    const seen = await crashEverywhere(host, histories, recovering)
    expect(seen).toEqual(new Set(['NotADatabase', histories.length - 1]))
  })

  it('of a fork leaves no database, or all of it, and the same call finishes', async () => {
    const { host, histories } = await build()
    const seen = await crashEverywhere(host, histories, forking)
    expect(seen).toEqual(new Set(['NotADatabase', 4]))
  })
})

describe('a disk that fails at any call', () => {
  it('harms neither the database nor the backup before; the next attempt succeeds', async () => {
    const { host } = await build()
    const { first, histories } = await host.run(() =>
      withOpen(host, async (database) => {
        const { sequence } = await database.backup(target)
        await database.write((tx) => tx.createNode('A', { n: 1 }, { valid: 'always' }))
        await database.checkpoint()
        return { first: sequence, histories: historiesOf(database) }
      }),
    )
    const last = histories.length - 1
    const codes = new Set<string>()
    for (let nth = 1, isDone = false; !isDone; nth++) {
      const error = nth % 2 === 0 ? 'EIO' : 'ENOSPC'
      const fault = { kind: 'any', nth, error, path: '/targets' } as const
      const broken = host.fork({ faults: { faults: [fault] } })
      const code = await broken.run(() => backup(broken)).then(
        () => 'done',
        (failure: unknown) => (failure instanceof DatabaseError ? failure.kind : String(failure)),
      )
      codes.add(code)
      isDone = broken.files.faults.calls < nth
      const mended = broken.fork({ faults: {} })
      if (nth % 5 === 0) expect(await lookAt(mended, databasePath, histories)).toBe(last)
      expect([first, last]).toContain(await lookAt(mended, target, histories))
      if (nth % 3 !== 0) continue
      await mended.run(() => backup(mended))
      expect(await lookAt(mended, target, histories)).toBe(last)
    }
    expect(codes).toEqual(new Set(['done', 'unavailable']))
  })
})
