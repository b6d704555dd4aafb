import { describe, expect, it } from 'vitest'
import { SimulatedCrash } from '../../simulation/simulated-clock.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { ask, databasePath, makeClosed, openOn, writeKnown } from './image-database.ts'

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

async function runUntilCrash(host: SimulatedHost): Promise<void> {
  await host.run(() => session(host)).catch((error: unknown) => {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof SimulatedCrash) return
    }
    throw error
  })
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
    const isThere = (await host.files.stat(`${databasePath}/index`)) !== undefined
    const names = isThere ? await host.files.list(`${databasePath}/index`) : []
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
        if (path.startsWith(`${databasePath}/index`)) calls.add(operation)
      },
    })
    await dry.run(() => session(dry))
    expect(calls.size).toBeGreaterThan(60)
    for (const operation of calls) {
      const faults = { crashAt: { operation, outcome: 'partly-done' } } as const
      const host = base.fork({ crashRejects: true, faults })
      await runUntilCrash(host)
      expect(host.isStopped).toBe(true)
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
      const failing = { kind, path: `${databasePath}/index/`, code: 'ENOSPC' }
      const host = base.fork()
      const { files } = host
      await host.run(async () => {
        const open = files.open.bind(files)
        const rename = files.rename.bind(files)
        const fail = (path: string, of: string): void => {
          if (of !== failing.kind || !path.startsWith(failing.path)) return
          throw Object.assign(new Error(`${failing.code}: ${of} ${path}`), { code: failing.code })
        }
        files.rename = async (from, to) => {
          fail(to, 'rename')
          return rename(from, to)
        }
        files.open = async (path, mode) => {
          if (mode === 'create') fail(path, 'create')
          const file = await open(path, mode)
          const write = file.write.bind(file)
          const sync = file.sync.bind(file)
          file.write = async (bytes, position) => {
            fail(path, 'write')
            return write(bytes, position)
          }
          file.sync = async () => {
            fail(path, 'sync')
            return sync()
          }
          return file
        }
        const database = await openOn(host)
        await writeKnown(database, 200)
        ask(database)
        await database.checkpoint()
        await new Promise((resolve) => void host.timers.after(1000, () => resolve(undefined)))
        expect(database.stats().indexImages.lastFailure).toContain('ENOSPC')
        expect(database.health().status).toBe('ok')
        await database.close()
        files.open = open
        const names = await files.list(`${databasePath}/index`)
        expect(names.filter((name) => !name.endsWith('.image'))).toEqual([])
        const again = await openOn(host)
        expect((await again.verify()).problems).toEqual([])
        await again.close()
      })
    }
  })
})
