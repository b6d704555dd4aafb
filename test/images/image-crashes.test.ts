import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { runUntilCrash, wait } from '../simulation/simulated-machine.ts'
import { ask, indexPath, makeClosed, openOn, writeKnown } from './image-database.ts'

/** A session that writes every image anew: after a checkpoint, and when it ends. */
async function session(host: SimulatedHost): Promise<void> {
  const database = await openOn(host)
  ask(database)
  await writeKnown(database, 14)
  ask(database)
  await database.checkpoint()
  await writeKnown(database, 20)
  ask(database)
  await database.close()
}

/** Opens what a crash left, twice: as it is, and without the images. */
async function lookAt(host: SimulatedHost, what: string): Promise<void> {
  const other = host.fork()
  const derived = await other.run(async () => {
    const database = await openOn(other, { indexImages: false })
    const answers = ask(database)
    await database.close()
    return answers
  })
  await host.run(async () => {
    const database = await openOn(host)
    // A crash may come before the directory is there.
    const isThere = (await host.files.stat(indexPath)) !== undefined
    const names = isThere ? await host.files.list(indexPath) : []
    expect(names.filter((name) => !name.endsWith('.image')), what).toEqual([])
    expect(ask(database), what).toEqual(derived)
    expect((await database.verify()).problems, what).toEqual([])
    await database.close()
  })
}

describe('a crash while images are written', () => {
  it('leaves them or not, and every answer', async () => {
    const seed = 'image crashes'
    const base = new SimulatedHost({ seed })
    await base.run(async () => {
      const database = await openOn(base, { indexImages: false })
      await writeKnown(database, 40)
      await database.close()
    })
    const calls = new Set<number>()
    const dry = base.fork({
      crashRejects: true,
      watch: ({ operation, path }) => {
        if (path.startsWith(indexPath)) calls.add(operation)
      },
    })
    await dry.run(() => session(dry))
    expect(calls.size).toBeGreaterThan(60)
    for (const operation of calls) {
      const faults = { crashAt: { operation, outcome: 'partly-done' } } as const
      const host = base.fork({ crashRejects: true, faults })
      expect(await runUntilCrash(host, () => session(host))).toBe(true)
      const what = `call ${operation}`
      const kind = operation % 3
      if (kind === 0) await lookAt(host.crash({ mode: 'random', seed: operation }), what)
      else if (kind === 1) await lookAt(host.crash({ mode: 'none-kept' }), what)
      else await lookAt(host.kill(), what)
    }
  }, 120_000)
})

describe('a disk that fails while images are written', () => {
  it('fails nothing else, and says why', async () => {
    const seed = 'failing images'
    const base = new SimulatedHost({ seed })
    await base.run(() => makeClosed(base, seed, 4))
    for (const kind of ['create', 'write', 'sync', 'rename'] as const) {
      const path = `${indexPath}/`
      const faults = [{ kind, path, nth: 1, error: 'ENOSPC', isLasting: true }] as const
      const host = base.fork({ faults: { faults } })
      await host.run(async () => {
        const database = await openOn(host)
        await writeKnown(database, 200)
        ask(database)
        await database.checkpoint()
        await wait(host, 1000)
        expect(database.stats().indexImages.lastFailure).toContain('ENOSPC')
        expect(database.health().status).toBe('ok')
        await database.close()
        const names = await host.files.list(indexPath)
        expect(names.filter((name) => !name.endsWith('.image'))).toEqual([])
      })
      const mended = host.fork({ faults: {} })
      await mended.run(async () => {
        const again = await openOn(mended)
        expect((await again.verify()).problems).toEqual([])
        await again.close()
      })
    }
  })
})
