import type { RecoveringEvent } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { World } from '../prior/world.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { commit, watch } from './watched-database.ts'

/** A machine on which a database was killed, with a checkpoint and a log after it. */
async function worldWithDatabase(): Promise<World> {
  const world = new World()
  const database = await world.open({ segmentBytesMax: 300_000, checkpointLogBytes: Infinity })
  for (let count = 0; count < 40; count++) {
    await commit(database, 50_000)
    if (count === 19) await database.checkpoint()
  }
  return world.killed()
}

/** What one opening reads of it. */
async function bytesReadByStrict(): Promise<number> {
  let bytes = 0
  const recovering = ({ bytesTotal }: RecoveringEvent): void => {
    bytes = bytesTotal
  }
  await (await worldWithDatabase()).open({ on: { recovering } })
  return bytes
}

/** Bytes of the files whose path has a part. */
function bytesOf(world: World, part: string): number {
  const files = [...world.files.image.files].filter(([path]) => path.includes(part))
  return files.reduce((sum, [, { length }]) => sum + length, 0)
}

describe('written', () => {
  it('tells of each call that writes, how long it took, and what it rejected with', async () => {
    await watch(async ({ database, host, only }) => {
      await commit(database)
      await database.write(async (tx) => {
        await wait(host, 250)
        tx.keys('k').put('a', 1)
      })
      const last = database.commit(2)?.system.epochMicroseconds ?? 0n
      await wait(host, 1)
      await database.import((tx) => tx.keys('k').put('a', 2), { system: last + 1n })
      const begun = database.begin()
      begun.keys('k').put('a', 3)
      await begun.commit()
      const refused = new Error('refused')
      const refuse = (): never => {
        throw refused
      }
      await expect(database.write(refuse)).rejects.toBe(refused)
      const told = only('written')
      const operations = ['write', 'write', 'import', 'commit', 'write']
      expect(told.map(({ operation }) => operation)).toEqual(operations)
      expect(told[1]?.durationMs).toBeGreaterThanOrEqual(250)
      expect(told[0]?.durationMs).toBeLessThan(250)
      const errors = [undefined, undefined, undefined, undefined, refused]
      expect(told.map(({ error }) => error)).toEqual(errors)
      await database.close()
    })
  })

  it('comes once for a call that was tried again, and after its commit', async () => {
    await watch(async ({ database, names, only }) => {
      await commit(database)
      let isFirst = true
      await database.write(async (tx) => {
        tx.keys('texts').put('text', [tx.keys('texts').get('text') ?? null])
        if (isFirst) await commit(database)
        isFirst = false
      })
      expect(only('commit')).toHaveLength(3)
      expect(only('written')).toHaveLength(3)
      expect(names().slice(-2)).toEqual(['commit', 'written'])
      await database.close()
    })
  })
})

describe('logSynced', () => {
  it('tells of each sync, as the statistics count them', async () => {
    await watch(async ({ database, only }) => {
      for (let count = 0; count < 5; count++) await commit(database)
      const { count, maxMs } = database.stats().log.syncs
      const told = only('logSynced')
      expect(told).toHaveLength(count)
      expect(Math.max(...told.map(({ durationMs }) => durationMs))).toBe(maxMs)
      await database.close()
    })
  })
})

describe('recovering', () => {
  it('tells how far reading has come, up to the end, before recovered', async () => {
    const world = await worldWithDatabase()
    const steps: RecoveringEvent[] = []
    let isOver = false
    const database = await world.open({
      on: {
        recovering: (event) => {
          expect(isOver).toBe(false)
          steps.push(event)
        },
        recovered: () => {
          isOver = true
        },
      },
    })
    expect(isOver).toBe(true)
    expect(database.sequence).toBe(40)
    const [checkpoint, log] = [bytesOf(world, '/checkpoint/'), bytesOf(world, '/log/')]
    const last = steps.at(-1) ?? expect.unreachable('no progress')
    expect(last.bytesRead).toBe(last.bytesTotal)
    expect(last.bytesTotal).toBeGreaterThan(checkpoint)
    expect(last.bytesTotal).toBeLessThanOrEqual(checkpoint + log)
    expect(steps.length).toBeGreaterThanOrEqual(4)
    expect(steps.length).toBeLessThanOrEqual(101)
    for (const [at, { bytesRead, bytesTotal }] of steps.entries()) {
      expect(bytesTotal).toBe(last.bytesTotal)
      expect(bytesRead).toBeGreaterThan(steps[at - 1]?.bytesRead ?? 0)
    }
  })

  it.each(['bestEffort', 'repair'] as const)('comes to its end by %s, too', async (recovery) => {
    for (const isDamaged of [false, true]) {
      const world = await worldWithDatabase()
      const { image } = world.files
      const paths = [...image.files.keys()].filter((path) => path.includes('/log/')).sort()
      const path = paths.at(-2) ?? expect.unreachable('no segment')
      const bytes = (image.files.get(path) ?? expect.unreachable(path)).slice()
      if (isDamaged) bytes.fill(0, 60_000, 61_000)
      const files = new Map(image.files).set(path, bytes)
      const steps: RecoveringEvent[] = []
      const on = { recovering: (event: RecoveringEvent): void => void steps.push(event) }
      const database = await new World({ ...image, files }).open({ recovery, on })
      expect(database.sequence).toBe(isDamaged ? database.recovery.recoveredSequence : 40)
      expect(database.recovery.lost !== null).toBe(isDamaged)
      const last = steps.at(-1)
      expect(last?.bytesRead).toBe(last?.bytesTotal)
      // Everything is looked at first, and loaded then.
      expect(last?.bytesTotal).toBe(2 * (await bytesReadByStrict()))
      const reads = steps.map(({ bytesRead }) => bytesRead)
      expect(reads).toEqual([...new Set(reads)].sort((a, b) => a - b))
      await database.close()
    }
  })

  it('is not told of a database that has nothing to read', async () => {
    const steps: RecoveringEvent[] = []
    const on = { recovering: (event: RecoveringEvent): void => void steps.push(event) }
    await (await new World().open({ on })).close()
    expect(steps).toEqual([])
  })
})
