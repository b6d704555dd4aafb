import { channel } from 'node:diagnostics_channel'
import { describe, expect, it, vi } from 'vitest'
import { type DatabaseEvents, isDatabaseError, open } from 'asofdb'
import { EventHub } from '../../packages/asofdb/src/observe/event-hub.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { Observer } from '../../packages/asofdb/src/observe/observer.ts'
import { expectError } from '../errors/caught.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { commit, directory, small, watch, watchOn } from './watched-database.ts'

describe('events', () => {
  it('tell of each commit once it is acknowledged, in order, and before its promise', async () => {
    await watch(async ({ database, only }) => {
      await commit(database)
      expect(only('commit')).toEqual([{ sequence: 1 }])
      await Promise.all(Array.from({ length: 20 }, () => commit(database)))
      const sequences = only('commit').map(({ sequence }) => sequence)
      expect(sequences).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
      await database.close()
    })
  })

  it('tell of no commit that was not made durable', async () => {
    const faults = { faults: [{ kind: 'sync', nth: 3, error: 'EIO', path: '/log/' } as const] }
    await watch(
      async ({ database, only }) => {
        await commit(database)
        await expect(commit(database)).rejects.toThrow(/open/)
        expect(only('commit')).toEqual([{ sequence: 1 }])
        await database.close()
      },
      small,
      { faults },
    )
  })

  it('tell of each commit once, however often it is acknowledged', async () => {
    const observer = new Observer(nodeHost(), 'acknowledged')
    const sequences: number[] = []
    observer.on('commit', ({ sequence }) => sequences.push(sequence))
    for (const sequence of [2, 1, 2, 4]) observer.noteAcknowledged(sequence)
    await Promise.resolve()
    expect(sequences).toEqual([1, 2, 3, 4])
  })

  it.each(['async', 'off'] as const)('tell of each commit with log %s, too', async (log) => {
    await watch(
      async ({ database, only }) => {
        for (let count = 0; count < 5; count++) await commit(database)
        expect(only('commit').map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
        await database.close()
      },
      { ...small, log },
    )
  })

  it('come in memory as well', async () => {
    const sequences: number[] = []
    await using database = await open(':memory:')
    const stop = database.on('commit', ({ sequence }) => sequences.push(sequence))
    await commit(database)
    await commit(database)
    stop()
    await commit(database)
    expect(sequences).toEqual([1, 2])
  })

  it('frame a checkpoint, on demand and at close, but none that writes nothing', async () => {
    await watch(async ({ database, names, only }) => {
      const durations: readonly string[] = ['written', 'logSynced']
      const told = (): string[] => names().filter((name) => !durations.includes(name))
      await commit(database)
      const report = await database.checkpoint()
      expect(told()).toEqual(['recovered', 'commit', 'checkpointStarted', 'checkpointFinished'])
      expect(only('checkpointStarted')).toEqual([{ sequence: 1 }])
      const { sequence, durationMs, bytesWritten, files } = report
      expect(only('checkpointFinished')).toEqual([{ sequence, durationMs, bytesWritten, files }])
      await database.checkpoint()
      expect(told()).toHaveLength(4)
      await commit(database)
      await database.close()
      const later = ['commit', 'checkpointStarted', 'checkpointFinished', 'closed']
      expect(told().slice(4)).toEqual(later)
    }, small)
  })

  it('tell of a checkpoint that failed, how often, and when the next one is made', async () => {
    const failing = { kind: 'create', path: '.checkpoint', error: 'ENOSPC' } as const
    const faults = { faults: [1, 2].map((nth) => ({ ...failing, nth })) }
    await watch(
      async ({ database, host, only }) => {
        await commit(database)
        await wait(host, 500)
        const [first] = only('checkpointFailed')
        expect(first).toMatchObject({ error: { code: 'DiskFull' }, tries: 1 })
        const dueMicros = Number(first?.nextTryAt?.epochMicroseconds ?? 0n)
        const leftMs = (dueMicros - host.clock.wallMicros()) / 1000
        expect(leftMs).toBeGreaterThan(400)
        await wait(host, leftMs - 1)
        expect(only('checkpointFailed')).toHaveLength(1)
        await wait(host, 500)
        expect(only('checkpointFailed')[1]).toMatchObject({ tries: 2 })
        expect(only('checkpointFinished')).toEqual([])
        await wait(host, 3000)
        expect(only('checkpointFinished')).toMatchObject([{ sequence: 1 }])
        expect(only('checkpointStarted')).toHaveLength(3)
        await database.close()
      },
      { ...small, checkpointLogBytes: 1 },
      { faults },
    )
  })

  it('tell of each segment that ends', async () => {
    await watch(async ({ database, host, only }) => {
      for (let count = 0; count < 8; count++) await commit(database, 2000)
      const rotations = only('logRotated')
      const names = (await host.files.list(`${directory}/log`)).sort()
      expect(rotations.length).toBeGreaterThan(2)
      expect([rotations[0]?.ended, ...rotations.map(({ begun }) => begun)]).toEqual(names)
      expect(rotations.map(({ segments }) => segments)).toEqual(rotations.map((_, at) => at + 2))
      for (const { ended, endedBytes } of rotations) {
        const status = await host.files.stat(`${directory}/log/${ended}`)
        expect(status?.size).toBe(endedBytes)
      }
      await database.close()
    }, small)
  })

  it('tell once that the log is poisoned, with what every write is refused with', async () => {
    const faults = { faults: [{ kind: 'sync', nth: 2, error: 'EIO', path: '/log/' } as const] }
    await watch(
      async ({ database, only }) => {
        await expect(commit(database)).rejects.toThrow(/open/)
        const [poisoned] = only('poisoned')
        const error: unknown = await commit(database).catch((thrown: unknown) => thrown)
        expect(isDatabaseError(error, 'Poisoned')).toBe(true)
        expect(poisoned?.error).toBe(error)
        await database.close()
        expect(only('poisoned')).toHaveLength(1)
      },
      small,
      { faults },
    )
  })

  it('tell at the next commit that the clock was set back or ahead', async () => {
    await watch(async ({ database, host, only }) => {
      await commit(database)
      await wait(host, 90_000)
      await commit(database)
      host.clock.jumpWall(900_000)
      await commit(database)
      expect(only('clockSet')).toEqual([])
      host.clock.jumpWall(-7_200_000_000)
      expect(only('clockSet')).toEqual([])
      await commit(database)
      expect(only('clockSet')).toEqual([{ byMs: -7_200_000 }])
      host.clock.jumpWall(60_000_000)
      await commit(database)
      await commit(database)
      expect(only('clockSet')).toEqual([{ byMs: -7_200_000 }, { byMs: 60_000 }])
      await database.close()
    }, small)
  })

  it('tell of a jump since the listener came, not of one before', async () => {
    const host = nodeHost()
    let offsetMicros = 0
    const clock = { ...host.clock, wallMicros: () => host.clock.wallMicros() + offsetMicros }
    await using database = await open(':memory:', { host: { ...host, clock } })
    await commit(database)
    offsetMicros += 5_000_000
    const heard: number[] = []
    database.on('clockSet', ({ byMs }) => heard.push(Math.round(byMs / 1000)))
    await commit(database)
    expect(heard).toEqual([])
    offsetMicros += 5_000_000
    await commit(database)
    expect(heard).toEqual([5])
  })

  it('tell first of all what opening did, and last of all that it is closed', async () => {
    const host = await watch(async ({ database, names, only }) => {
      expect(only('recovered')).toMatchObject([{ outcome: 'created', sequence: 0, records: 0 }])
      await commit(database)
      await commit(database)
      await database.close()
      expect([names()[0], names().at(-1)]).toEqual(['recovered', 'closed'])
      expect(only('closed')).toEqual([{ error: undefined }])
    }, small)
    const crashed = host.fork()
    await crashed.run(() =>
      watchOn(crashed, async ({ database, only }) => {
        const { outcome, row, recoveredSequence, replayed, durationMs } = database.recovery
        const { records, bytes } = replayed
        expect(only('recovered')).toEqual([
          { outcome, row, sequence: recoveredSequence, records, bytes, durationMs },
        ])
        expect(recoveredSequence).toBe(2)
        await commit(database)
        expect(only('commit')).toEqual([{ sequence: 3 }])
        await database.close()
      }),
    )
  })

  it('tell what closing failed with', async () => {
    const failing = { kind: 'create', path: '.checkpoint', error: 'EIO' } as const
    const faults = { faults: [1, 2].map((nth) => ({ ...failing, nth })) }
    await watch(
      async ({ database, host, names, only }) => {
        await commit(database)
        await wait(host, 100)
        const error: unknown = await database.close().catch((thrown: unknown) => thrown)
        expect(isDatabaseError(error, 'IoFailed')).toBe(true)
        expect(only('closed')).toEqual([{ error }])
        expect(only('checkpointFailed')[1]).toEqual({ error, tries: 2, nextTryAt: null })
        expect(names().at(-1)).toBe('closed')
      },
      { ...small, checkpointLogBytes: 1 },
      { faults },
    )
  })
})

describe('a listener', () => {
  it('that throws, or rejects, harms neither the database nor the others', async () => {
    await using database = await open(':memory:')
    const heard: number[] = []
    database.on('commit', () => {
      throw new RangeError('a fault of the listener')
    })
    const rejecting: (event: DatabaseEvents['commit']) => unknown = async () => {
      await Promise.reject(new TypeError('and another'))
    }
    database.on('commit', rejecting)
    database.on('commit', ({ sequence }) => heard.push(sequence))
    await commit(database)
    await commit(database)
    expect(heard).toEqual([1, 2])
    expect(database.sequence).toBe(2)
    await new Promise((resolve) => setImmediate(resolve))
    const { status, reasons, listenerFailures } = database.health()
    expect([status, listenerFailures]).toEqual(['degraded', 4])
    expect(reasons).toMatchObject([{ code: 'ListenerFailing' }])
    expect(reasons[0]?.message).toMatch(/4 times, last: and another; mend them/)
  })

  it('finds the database in a whole state and may write, or close it', async () => {
    const database = await open(':memory:')
    const seen: number[] = []
    let written: Promise<unknown> = Promise.resolve()
    database.on('commit', ({ sequence }) => {
      seen.push(sequence, database.sequence)
      if (sequence === 1) written = commit(database)
      else void database.close()
    })
    await commit(database)
    await written
    await database.close()
    expect(seen).toEqual([1, 1, 2, 2])
  })

  it('may come twice, and once it has left, hears nothing that was on its way', async () => {
    await using database = await open(':memory:')
    const heard: string[] = []
    const listener = (): void => void heard.push('same')
    const leaveFirst = database.on('commit', listener)
    const leaveSecond = database.on('commit', listener)
    const leaveThird = database.on('commit', () => heard.push('third'))
    const done = commit(database)
    leaveThird()
    await done
    expect(heard).toEqual(['same', 'same'])
    leaveFirst()
    leaveFirst()
    await commit(database)
    expect(heard).toHaveLength(3)
    leaveSecond()
    await commit(database)
    expect(heard).toHaveLength(3)
  })

  it('can make another leave that was to be called after it, and one come', async () => {
    await using database = await open(':memory:')
    const heard: string[] = []
    let leave = (): void => undefined
    database.on('commit', () => {
      heard.push('first')
      leave()
    })
    leave = database.on('commit', () => heard.push('second'))
    await commit(database)
    expect(heard).toEqual(['first'])
    leave = () => void database.on('commit', () => heard.push('third'))
    await commit(database)
    expect(heard).toEqual(['first', 'first'])
  })

  it('to what is no event, or that is no function, is refused', async () => {
    const name: string = 'comit'
    const on = { [name]: () => undefined }
    const invalid = { code: 'InvalidArgument', kind: 'invalid' } as const
    const says = /no event comit; the events are commit, .*closed/
    await expectError(() => open(':memory:', { on }), { ...invalid, says })
    await using database = await open(':memory:')
    const call = (...args: unknown[]): unknown => {
      const on: unknown = Reflect.get(database, 'on')
      return typeof on === 'function' ? Reflect.apply(on, database, args) : undefined
    }
    await expectError(() => call('toString', () => 1), { ...invalid, says: /no event toString/ })
    await expectError(() => call('commit', 'log it'), { ...invalid, says: /is a function/ })
    await database.close()
    const closed = { code: 'Closed', kind: 'closed', says: /open it again/ } as const
    await expectError(() => call('commit', () => 1), closed)
  })
})

describe('where nobody listens', () => {
  it('no event of a commit is made', async () => {
    const emit = vi.spyOn(EventHub.prototype, 'emit')
    try {
      await using database = await open(':memory:')
      database.on('poisoned', () => undefined)
      emit.mockClear()
      for (let count = 0; count < 10; count++) await commit(database)
      expect(emit).not.toHaveBeenCalled()
      database.on('commit', () => undefined)
      await commit(database)
      expect(emit).toHaveBeenCalledTimes(1)
    } finally {
      emit.mockRestore()
    }
  })
})

describe('the channel asofdb', () => {
  it('carries the events of every database of the process, with its path', async () => {
    const messages: unknown[] = []
    const keep = (message: unknown): void => void messages.push(message)
    const before = await open(':memory:')
    await commit(before)
    channel('asofdb').subscribe(keep)
    try {
      const database = await open(':memory:')
      await commit(database)
      await database.close()
      await before.close()
    } finally {
      channel('asofdb').unsubscribe(keep)
    }
    const path = ':memory:'
    expect(messages).toMatchObject([
      { name: 'recovered', path, event: { outcome: 'created' } },
      { name: 'commit', path, event: { sequence: 1 } },
      { name: 'written', path, event: { operation: 'write' } },
      { name: 'closed', path, event: { error: undefined } },
      { name: 'closed', path, event: { error: undefined } },
    ])
  })
})
