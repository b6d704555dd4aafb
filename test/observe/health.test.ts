import { describe, expect, it } from 'vitest'
import { DatabaseError, type Health, open } from 'asofdb'
import { BatchApplier } from '../../packages/asofdb/src/commit/apply.ts'
import { CommitPipeline } from '../../packages/asofdb/src/commit/commit-pipeline.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { Observer } from '../../packages/asofdb/src/observe/observer.ts'
import { KeyIndex } from '../../packages/asofdb/src/versions/key-index.ts'
import { alwaysSpan } from '../../packages/asofdb/src/versions/periods.ts'
import { Tables } from '../../packages/asofdb/src/versions/tables.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { hostWith } from '../transfer/host-with-files.ts'
import { commit, directory, small, watch, watchOn } from './watched-database.ts'

/** The status, and the reasons by their codes. */
function brief({ status, reasons }: Health): string {
  return [status, ...reasons.map(({ code }) => code)].join(' ')
}

describe('the health of a database', () => {
  it('is ok while nothing is the matter, and says failed once it is closed', async () => {
    await watch(async ({ database, host }) => {
      expect(database.health()).toEqual({
        status: 'ok',
        reasons: [],
        unsynced: { commits: 0, bytes: 0 },
        checkpoint: { sequence: 0, ageMs: null, logBytes: 0, failure: null },
        listenerFailures: 0,
      })
      await commit(database)
      const { checkpoint } = database.health()
      expect(checkpoint.logBytes).toBeGreaterThan(100)
      await database.checkpoint()
      await wait(host, 7000)
      const after = database.health()
      expect(after.checkpoint).toMatchObject({ sequence: 1, logBytes: 0, failure: null })
      expect(Math.round(after.checkpoint.ageMs ?? 0)).toBe(7000)
      const closedAt = BigInt(host.clock.wallMicros())
      await database.close()
      const { status, reasons } = database.health()
      expect(status).toBe('failed')
      expect(reasons).toMatchObject([{ code: 'Closed' }])
      expect(reasons[0]?.message).toMatch(/\/database is closed; open it again/)
      expect(reasons[0]?.since.epochMicroseconds).toBe(closedAt)
    }, small)
  })

  it('counts what no sync has covered until one has', async () => {
    await watch(
      async ({ database, host }) => {
        await commit(database, 100)
        const one = database.health().unsynced
        expect(one.commits).toBe(1)
        await commit(database, 100)
        const two = database.health().unsynced
        expect(two.commits).toBe(2)
        expect(two.bytes).toBeGreaterThan(one.bytes + 100)
        expect(database.stats().durableSequence).toBe(0)
        await wait(host, 100)
        expect(database.health().unsynced).toEqual({ commits: 0, bytes: 0 })
        expect(database.stats().durableSequence).toBe(2)
        await database.close()
      },
      { ...small, durability: 'interval', syncEveryMs: 50 },
    )
  })

  it('counts, where there is no log, what no checkpoint has', async () => {
    await watch(
      async ({ database }) => {
        await commit(database, 100)
        expect(database.health().unsynced.commits).toBe(1)
        expect(database.health().unsynced.bytes).toBeGreaterThan(100)
        await database.checkpoint()
        expect(database.health().unsynced).toEqual({ commits: 0, bytes: 0 })
        expect(database.stats().durableSequence).toBe(1)
        await database.close()
      },
      { ...small, durability: 'checkpoint' },
    )
  })

  it('is degraded while checkpoints fail, since the first of them, and ok after one', async () => {
    const failing = { kind: 'create', path: '.checkpoint', error: 'EIO' } as const
    const faults = { faults: [1, 2].map((nth) => ({ ...failing, nth })) }
    await watch(
      async ({ database, host }) => {
        await commit(database)
        await wait(host, 100)
        const first = database.health()
        expect(brief(first)).toBe('degraded CheckpointFailing')
        expect(first.checkpoint.failure).toMatchObject({ tries: 1, error: { code: 'IoFailed' } })
        await wait(host, 1500)
        const second = database.health()
        const { failure } = second.checkpoint
        expect(failure?.tries).toBe(2)
        expect(failure?.since).toEqual(first.checkpoint.failure?.since)
        expect(second.reasons[0]?.since).toEqual(failure?.since)
        const next = failure?.nextTryAt?.toString() ?? 'never'
        expect(second.reasons[0]?.message).toContain(`2 so far`)
        expect(second.reasons[0]?.message).toContain(`the next one is made at ${next}`)
        await wait(host, 3000)
        expect(brief(database.health())).toBe('ok')
        expect(database.health().checkpoint).toMatchObject({ sequence: 1, failure: null })
        await database.close()
      },
      { ...small, checkpointLogBytes: 1 },
      { faults },
    )
  })

  it('is readonly while checkpoints fail and no more may go without one', async () => {
    const failing = { kind: 'create', path: '.checkpoint', error: 'ENOSPC', nth: 1 } as const
    await watch(
      async ({ database, host }) => {
        await commit(database, 500)
        await wait(host, 100)
        expect(brief(database.health())).toBe('readonly LogFull CheckpointFailing')
        const { since } = database.health().reasons[0] ?? {}
        await wait(host, 100)
        expect(database.health().reasons[0]?.since).toEqual(since)
        await wait(host, 2000)
        expect(brief(database.health())).toBe('ok')
        await commit(database, 100)
        await database.close()
      },
      { ...small, checkpointLogBytes: 100, logBytesMax: 400 },
      { faults: { faults: [failing] } },
    )
  })

  it('is readonly once the log is poisoned, since then, and ok when opened again', async () => {
    const faults = { faults: [{ kind: 'sync', nth: 3, error: 'EIO', path: '/log/' } as const] }
    const host = await watch(
      async ({ database, host: machine }) => {
        await commit(database)
        expect(brief(database.health())).toBe('ok')
        const error: unknown = await commit(database).catch((thrown: unknown) => thrown)
        const { reasons } = database.health()
        expect(brief(database.health())).toBe('readonly Poisoned')
        expect(reasons[0]?.message).toBe(error instanceof Error ? error.message : 'no error')
        await wait(machine, 60_000)
        expect(database.health().reasons).toEqual(reasons)
        expect(database.keys('texts').get('text')).toBe('x'.repeat(100))
        await database.close()
        expect(brief(database.health())).toBe('failed Closed Poisoned')
      },
      small,
      { faults },
    )
    const next = host.fork()
    await next.run(() =>
      watchOn(next, async ({ database }) => {
        expect(brief(database.health())).toBe('ok')
        await database.close()
      }),
    )
  })

  it('is readonly when damage could only be read', async () => {
    const host = await watch(async ({ database }) => {
      for (let count = 0; count < 3; count++) await commit(database, 3000)
    }, small)
    const next = host.fork()
    await next.run(async () => {
      const [first = ''] = await next.files.list(`${directory}/log`)
      const file = await next.files.open(`${directory}/log/${first}`, 'write')
      await file.write(new Uint8Array(64), 5000)
      await file.sync()
      await file.close()
      await watchOn(
        next,
        async ({ database, only }) => {
          expect(brief(database.health())).toBe('readonly ReadOnly')
          const [reason] = database.health().reasons
          expect(reason?.message).toMatch(/for reading only: restore a backup/)
          expect(only('recovered')).toMatchObject([{ outcome: 'degraded' }])
          await database.close()
        },
        { ...small, recovery: 'bestEffort' },
      )
    })
  })

  it('is degraded while system time is more than an hour ahead of the wall clock', async () => {
    await watch(async ({ database, host }) => {
      await commit(database)
      host.clock.jumpWall(-3_590_000_000)
      await commit(database)
      expect(brief(database.health())).toBe('ok')
      host.clock.jumpWall(-60_000_000)
      const health = database.health()
      expect(brief(health)).toBe('degraded ClockAhead')
      expect(health.reasons[0]?.message).toMatch(/60 minutes later than the wall clock: set/)
      await wait(host, 1000)
      expect(database.health().reasons[0]?.since).toEqual(health.reasons[0]?.since)
      host.clock.jumpWall(3_600_000_000)
      expect(brief(database.health())).toBe('ok')
      await database.close()
    }, small)
  })

  it('is known of a clock set back while the database was closed', async () => {
    const host = await watch(async ({ database }) => {
      await commit(database)
      await database.close()
    }, small)
    const next = host.fork()
    next.clock.jumpWall(-86_400_000_000)
    await next.run(() =>
      watchOn(next, async ({ database }) => {
        expect(brief(database.health())).toBe('degraded ClockAhead')
        await database.close()
      }),
    )
  })

  it('is failed when memory fell behind the log', async () => {
    class BrokenApplier extends BatchApplier {
      override apply(): never {
        throw new RangeError('no memory')
      }
    }
    const host = nodeHost()
    const tables = new Tables()
    const keyIndex = new KeyIndex(tables)
    const observer = new Observer(host, 'broken')
    const errors: DatabaseError[] = []
    observer.on('poisoned', ({ error }) => errors.push(error))
    const log = { append: () => undefined, acknowledged: () => Promise.resolve() }
    const applier = new BrokenApplier(tables)
    const pipeline = new CommitPipeline({
      host,
      tables,
      keyIndex,
      applier,
      log,
      observer,
      checks: [],
    })
    const core = pipeline.begin({ isolation: 'serializable', isReadonly: false })
    core.recordFirst('node', core.allocateNode(), { span: alwaysSpan, payload: undefined })
    expect(() => pipeline.commit(core, { meta: undefined })).toThrow(DatabaseError)
    expect(pipeline.openTransactions).toBe(0)
    await Promise.resolve()
    expect(errors).toHaveLength(1)
    const unsynced = { commits: 0, bytes: 0 }
    const state = { unsynced, checkpointSequence: 0, logBytes: 0, lastSystemTime: 0n }
    const health = observer.health({ ...state, refusal: undefined })
    expect(brief(health)).toBe('failed BehindLog')
    expect(health.reasons[0]?.message).toBe(errors[0]?.message)
  })

  it('keeps the first cause where several parts tell of a poison', async () => {
    const observer = new Observer(nodeHost(), 'poisoned')
    const errors: DatabaseError[] = []
    observer.on('poisoned', ({ error }) => errors.push(error))
    observer.notePoisoned(new DatabaseError('Poisoned', 'a sync failed'))
    observer.notePoisoned(new DatabaseError('Poisoned', 'the checkpoint, too'))
    await Promise.resolve()
    expect(errors.map(({ message }) => message)).toEqual(['a sync failed'])
    const unsynced = { commits: 0, bytes: 0 }
    const state = { unsynced, checkpointSequence: 0, logBytes: 0, lastSystemTime: 0n }
    const { reasons } = observer.health({ ...state, refusal: errors[0] })
    expect(reasons).toMatchObject([{ code: 'Poisoned', message: 'a sync failed' }])
  })

  it('of a database in memory is ok', async () => {
    await using database = await open(':memory:')
    await commit(database)
    expect(database.health()).toMatchObject({ status: 'ok', unsynced: { commits: 0, bytes: 0 } })
  })
})

describe('watching', () => {
  it('sets no timer and touches no file, while nothing happens', async () => {
    const host = new SimulatedHost({ seed: 'idle' })
    let timers = 0
    const counted = hostWith(host, {
      timers: {
        after: (delayMs, task) => {
          timers += 1
          return host.timers.after(delayMs, task)
        },
        yieldTurn: () => host.timers.yieldTurn(),
      },
    })
    await host.run(async () => {
      const on = { commit: () => undefined, clockSet: () => undefined }
      const database = await open(directory, { ...small, host: counted, on })
      await commit(database)
      await database.checkpoint()
      const { calls } = host.files.faults
      timers = 0
      for (let hour = 0; hour < 24; hour++) {
        await wait(host, 3_600_000)
        expect(database.health().status).toBe('ok')
        expect(database.stats().sequence).toBe(1)
      }
      expect([timers, host.files.faults.calls - calls]).toEqual([0, 0])
      await database.close()
    })
  })
})
