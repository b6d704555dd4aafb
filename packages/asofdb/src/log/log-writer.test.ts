import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import {
  appendCommit,
  commit,
  directory,
  filesOf,
  hostWithFileMethods,
  newOwner,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import { memoryHost } from '../host/memory-host.ts'
import { nodeHost } from '../host/node-host.ts'
import { isDatabaseError } from '../rules/errors.ts'
import { LogWriter, type LogWriterOptions } from './log-writer.ts'
import { recordBytes } from './record.ts'
import { segmentHeaderBytes } from './segment.ts'

type MachineOptions = Partial<ConstructorParameters<typeof SimulatedHost>[0]>

/** A simulated machine with an empty directory for the log, whose name is durable. */
async function machine(options: MachineOptions = {}): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed: 'log' })
  await host.files.makeDirectory(directory)
  await host.files.syncDirectory('/')
  return host.fork(options)
}

async function startLog(host: SimulatedHost, changes: Partial<LogWriterOptions> = {}) {
  const owner = newOwner()
  const writer = await LogWriter.create(writerOptions(host, owner, changes))
  return { owner, writer }
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'resolved',
    (error: unknown) => (isDatabaseError(error) ? error.code : error),
  )

function callCount(host: SimulatedHost, kind: 'sync' | 'write' | 'truncate'): number {
  return host.files.faults.counts.get(kind) ?? 0
}

describe('a log', () => {
  it('gives back what was committed, and says that it was closed', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      for (let sequence = 1; sequence <= 5; sequence++) await commit(writer, sequence)
      for (let sequence = 6; sequence <= 9; sequence++) appendCommit(writer, sequence)
      await writer.close()
      expect(owner.acknowledged.at(-1)).toBe(9)
      const { report, sequences } = await readBack(host, owner.segments)
      expect(sequences).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(report.ending).toEqual({ type: 'clean', closed: true })
      expect(report.tail).toMatchObject({ lastSequence: 9, isClosed: true })
      expect(report).toMatchObject({ durableSequence: 9, records: 9, segments: 1, orphans: [] })
    })
  })

  it('goes on where it ended, and being opened and closed alone adds nothing', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      await commit(writer, 1)
      await writer.close()
      for (let epoch = 2; epoch < 5; epoch++) {
        const { report } = await readBack(host, owner.segments)
        if (!report.tail) throw new Error('a clean log has a tail')
        const next = await LogWriter.resume(writerOptions(host, owner, { epoch }), report.tail)
        expect(next.acknowledgedSequence).toBe(epoch === 4 ? 2 : 1)
        if (epoch === 3) await commit(next, 2)
        await next.close()
      }
      const { report, sequences } = await readBack(host, owner.segments)
      expect(sequences).toEqual([1, 2])
      const marks = 2 * recordBytes(0)
      expect(report.bytes).toBe(segmentHeaderBytes + recordBytes(7) + recordBytes(14) + marks)
    })
  })

  it('takes commits in sequence only, and none after it was closed', async () => {
    const host = await machine()
    await host.run(async () => {
      const { writer } = await startLog(host)
      expect(() => appendCommit(writer, 2)).toThrow('in sequence')
      await commit(writer, 1)
      expect(() => writer.acknowledged(2)).toThrow('only what was appended')
      await Promise.all([writer.close(), writer.close()])
      expect(() => appendCommit(writer, 2)).toThrow('closed')
      expect(await codeOf(writer.flush())).toBe('Closed')
      await writer.acknowledged(1)
    })
  })
})

describe('group commit', () => {
  it('lets callers that wait together share a sync', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      const syncsBefore = callCount(host, 'sync')
      let next = 1
      const caller = async () => {
        for (let round = 0; round < 5; round++) {
          // Some have a longer way to their next commit than others.
          for (let step = 0; step < next % 4; step++) await Promise.resolve()
          await commit(writer, next++)
        }
      }
      await Promise.all(Array.from({ length: 50 }, caller))
      expect(writer.acknowledgedSequence).toBe(250)
      expect(callCount(host, 'sync') - syncsBefore).toBeLessThanOrEqual(7)
      await writer.close()
      expect((await readBack(host, owner.segments)).sequences.length).toBe(250)
    })
  })

  it('does not acknowledge with a sync what arrived while it ran', async () => {
    const gates: (() => void)[] = []
    const memory = memoryHost(nodeHost())
    await memory.files.makeDirectory(directory)
    const host = hostWithFileMethods(memory, () => ({
      syncData: () => new Promise((resolve) => gates.push(resolve)),
    }))
    const owner = newOwner()
    const writer = await LogWriter.create(writerOptions(host, owner))
    const settled: number[] = []
    const watch = (sequence: number) =>
      writer.acknowledged(sequence).then(() => settled.push(sequence))
    appendCommit(writer, 1)
    appendCommit(writer, 2)
    const firsts = Promise.all([watch(1), watch(2)])
    await memory.timers.yieldTurn()
    expect(gates.length).toBe(1)
    appendCommit(writer, 3)
    appendCommit(writer, 4)
    const later = Promise.all([watch(3), watch(4)])
    await memory.timers.yieldTurn()
    expect(settled).toEqual([])
    gates[0]?.()
    await firsts
    for (let turn = 0; turn < 3; turn++) await memory.timers.yieldTurn()
    expect(settled).toEqual([1, 2])
    expect(writer.durableSequence).toBe(2)
    expect(gates.length).toBe(2)
    gates[1]?.()
    await later
    expect(owner.acknowledged).toEqual([2, 4])
  })

  it('acknowledges in sequence, and tells its owner before anyone else', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      const settled: number[] = []
      const waits: Promise<unknown>[] = []
      for (let sequence = 1; sequence <= 30; sequence++) appendCommit(writer, sequence)
      for (let sequence = 30; sequence >= 1; sequence--) {
        const wait = writer.acknowledged(sequence).then(() => {
          expect(owner.acknowledged.at(-1)).toBeGreaterThanOrEqual(sequence)
          settled.push(sequence)
        })
        waits.push(wait)
      }
      await Promise.all(waits)
      expect(settled).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
    })
  })

  it('serves a caller that is alone in its own turn while syncs are quick, and else not', async () => {
    let nowMs = 0
    let syncMs = 0.1
    const ways: string[] = []
    const memory = memoryHost(nodeHost())
    await memory.files.makeDirectory(directory)
    const timed = { ...memory, clock: { wallMicros: () => 0, monotonicMs: () => nowMs } }
    const note = (way: string) => {
      nowMs += syncMs
      ways.push(way)
    }
    const host = hostWithFileMethods(timed, () => ({
      syncData: async () => note('thread'),
      syncDataNow: () => note('now'),
    }))
    const writer = await LogWriter.create(writerOptions(host, newOwner()))
    let sequence = 0
    for (syncMs of [0.1, 50, 0.1]) {
      ways.push(`${syncMs} ms`)
      for (let count = 0; count < 20; count++) await commit(writer, ++sequence)
    }
    const turns = ways.filter((way, index) => way !== ways[index - 1])
    expect(turns).toEqual(['0.1 ms', 'now', '50 ms', 'now', 'thread', '0.1 ms', 'thread', 'now'])
  })
})

describe('a sync that fails', () => {
  it.each([1, 2])('is final, with %i waiting', async (waiting) => {
    const host = await machine({ faults: { faults: [{ kind: 'sync', nth: 3, error: 'EIO' }] } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      await commit(writer, 1)
      for (let count = 0; count < waiting; count++) appendCommit(writer, 2 + count)
      const outcomes = await Promise.all(
        Array.from({ length: waiting }, (_, index) => codeOf(writer.acknowledged(2 + index))),
      )
      expect(outcomes).toEqual(Array.from({ length: waiting }, () => 'Poisoned'))
      expect(owner.poisons.map((error) => error.code)).toEqual(['Poisoned'])
      expect(owner.poisons[0]?.cause).toMatchObject({ code: 'EIO' })
      expect(owner.acknowledged).toEqual([1])
      const calls = [callCount(host, 'sync'), callCount(host, 'write')]
      expect(() => appendCommit(writer, 2 + waiting)).toThrow('mend the cause')
      expect(await codeOf(writer.acknowledged(2))).toBe('Poisoned')
      expect(await codeOf(writer.flush())).toBe('Poisoned')
      expect(await codeOf(writer.dropBefore(1))).toBe('Poisoned')
      await writer.acknowledged(1)
      await writer.close()
      expect([callCount(host, 'sync'), callCount(host, 'write')]).toEqual(calls)
    })
  })

  it('is final even when it says that the disk is full', async () => {
    const host = await machine({ faults: { faults: [{ kind: 'sync', nth: 2, error: 'ENOSPC' }] } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      expect(await codeOf(commit(writer, 1))).toBe('Poisoned')
      expect(owner.poisons[0]?.cause).toMatchObject({ code: 'ENOSPC' })
      expect(callCount(host, 'truncate')).toBe(0)
    })
  })

  it('rejects in sequence, and once for all who wait for it', async () => {
    const host = await machine({ faults: { faults: [{ kind: 'sync', nth: 2, error: 'EIO' }] } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      const rejected: number[] = []
      for (let sequence = 1; sequence <= 9; sequence++) appendCommit(writer, sequence)
      const waits = [5, 9, 1, 2, 8, 3, 7, 4, 6].map((sequence) =>
        writer.acknowledged(sequence).catch(() => rejected.push(sequence)),
      )
      await Promise.all(waits)
      expect(rejected).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(owner.poisons.length).toBe(1)
    })
    const second = await machine({ faults: { faults: [{ kind: 'sync', nth: 2, error: 'EIO' }] } })
    await second.run(async () => {
      const { owner, writer } = await startLog(second, { durability: 'os' })
      await commit(writer, 1)
      const outcomes = await Promise.all([codeOf(writer.flush()), codeOf(writer.flush())])
      expect(outcomes).toEqual(['Poisoned', 'Poisoned'])
      expect(owner.poisons.length).toBe(1)
    })
  })

  it('keeps a group that is under way from being acknowledged', async () => {
    const memory = memoryHost(nodeHost())
    await memory.files.makeDirectory(directory)
    let failSync: (error: Error) => void = () => undefined
    let finishWrite: () => void = () => undefined
    const host = hostWithFileMethods(memory, (file) => ({
      syncData: () => new Promise((_, reject) => (failSync = reject)),
      write: async (bytes, position) => {
        if (position > 0) await new Promise<void>((resolve) => (finishWrite = resolve))
        return file.write(bytes, position)
      },
    }))
    const owner = newOwner()
    const writer = await LogWriter.create(writerOptions(host, owner, { durability: 'os' }))
    await commit(writer, 1)
    const flushed = codeOf(writer.flush())
    writer.append({ sequence: 2, systemTime: 0n, payload: new Uint8Array(100_000) })
    const second = codeOf(writer.acknowledged(2))
    await memory.timers.yieldTurn()
    failSync(Object.assign(new Error('EIO'), { code: 'EIO' }))
    expect([await flushed, await second]).toEqual(['Poisoned', 'Poisoned'])
    finishWrite()
    await writer.close()
    expect(writer.acknowledgedSequence).toBe(1)
    expect(owner.acknowledged).toEqual([1])
  })

  it('poisons from the timer, too', async () => {
    const host = await machine({ faults: { faults: [{ kind: 'sync', nth: 2, error: 'EIO' }] } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host, { durability: 'interval' })
      await commit(writer, 1)
      await new Promise<void>((resolve) => host.timers.after(1000, resolve))
      expect(owner.poisons.length).toBe(1)
      expect(() => appendCommit(writer, 2)).toThrow('mend the cause')
      await writer.close()
    })
  })
})

describe('a write that fails', () => {
  it.each([1, 3])('on a full disk is cut off, with %i waiting, and is final', async (waiting) => {
    const room = segmentHeaderBytes + recordBytes(7) + recordBytes(14) + 20
    const host = await machine({ faults: { capacityBytes: room } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      await commit(writer, 1)
      await commit(writer, 2)
      for (let count = 0; count < waiting; count++) appendCommit(writer, 3 + count)
      const outcomes = await Promise.all(
        Array.from({ length: waiting }, (_, index) => codeOf(writer.acknowledged(3 + index))),
      )
      expect(outcomes).toEqual(Array.from({ length: waiting }, () => 'DiskFull'))
      expect(await codeOf(writer.acknowledged(3))).toBe('Poisoned')
      expect(owner.poisons[0]?.cause).toMatchObject({ code: 'DiskFull' })
      expect(() => appendCommit(writer, 3 + waiting)).toThrow('the disk is full')
      await writer.close()
      const { report, sequences } = await readBack(host, owner.segments)
      expect(sequences).toEqual([1, 2])
      expect(report.ending).toEqual({ type: 'clean', closed: false })
    })
  })

  it('poisons when it can not be cut off', async () => {
    const host = await machine({
      faults: {
        capacityBytes: segmentHeaderBytes + 60,
        faults: [{ kind: 'truncate', nth: 1, error: 'EIO' }],
      },
    })
    await host.run(async () => {
      const { writer } = await startLog(host)
      await commit(writer, 1)
      expect(await codeOf(commit(writer, 2))).toBe('Poisoned')
    })
  })

  it('poisons at once when the disk is at fault', async () => {
    const host = await machine({ faults: { faults: [{ kind: 'write', nth: 3, error: 'EIO' }] } })
    await host.run(async () => {
      const { writer } = await startLog(host)
      await commit(writer, 1)
      expect(await codeOf(commit(writer, 2))).toBe('Poisoned')
      expect(callCount(host, 'truncate')).toBe(0)
    })
  })

  it('is gone on with when it was only short', async () => {
    const host = await machine({ faults: { shortWriteChance: 0.5, shortReadChance: 0.5 } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host)
      for (let sequence = 1; sequence <= 20; sequence++) await commit(writer, sequence)
      await writer.close()
      expect((await readBack(host, owner.segments)).sequences.length).toBe(20)
    })
  })
})

describe('segments', () => {
  it('are ended by size, named before they have a record, and read in order', async () => {
    const host = await machine()
    await host.run(async () => {
      const sizesWhenNamed: (number | undefined)[] = []
      const owner = newOwner()
      const options = writerOptions(host, owner, {
        segmentBytesMax: segmentHeaderBytes + 200,
        onSegment: async (segments) => {
          owner.segments = segments
          const last = await host.files.stat(`${directory}/${segments.at(-1)?.name}`)
          sizesWhenNamed.push(last?.size)
        },
      })
      const writer = await LogWriter.create(options)
      for (let sequence = 1; sequence <= 20; sequence++) appendCommit(writer, sequence)
      await writer.flush()
      expect(sizesWhenNamed).toEqual(owner.segments.map(() => segmentHeaderBytes))
      expect(owner.segments.length).toBeGreaterThan(5)
      for (const bytes of (await filesOf(host)).values()) {
        expect(bytes.length).toBeLessThanOrEqual(segmentHeaderBytes + 200)
      }
      await writer.close()
      const { report, sequences } = await readBack(host, owner.segments)
      expect(sequences.length).toBe(20)
      expect(report).toMatchObject({ ending: { type: 'clean', closed: true }, orphans: [] })
      expect(report.segments).toBe(owner.segments.length)
    })
  })

  it('have a record that is too large to share to itself', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host, { segmentBytesMax: segmentHeaderBytes + 150 })
      appendCommit(writer, 1)
      writer.append({ sequence: 2, systemTime: 0n, payload: new Uint8Array(100_000) })
      appendCommit(writer, 3)
      await writer.close()
      expect(owner.segments.map((segment) => segment.firstSequence)).toEqual([1, 2, 3])
      expect(writer.bytesSinceStart).toBe(recordBytes(7) + recordBytes(100_000) + recordBytes(21))
    })
  })

  it('are dropped only when every record in them is too old, and never the last', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host, { segmentBytesMax: segmentHeaderBytes + 200 })
      for (let sequence = 1; sequence <= 12; sequence++) await commit(writer, sequence)
      const [first, second, third] = owner.segments
      if (!first || !second || !third) throw new Error('there are three segments')
      expect(await writer.dropBefore(second.firstSequence - 1)).toEqual([])
      expect(await writer.dropBefore(third.firstSequence)).toEqual([first.name, second.name])
      expect(writer.segments[0]).toEqual(third)
      const left = await readBack(host, writer.segments, { firstSequence: third.firstSequence })
      expect(left.sequences[0]).toBe(third.firstSequence)
      await writer.dropBefore(1_000_000)
      expect(writer.segments.length).toBe(1)
      await commit(writer, 13)
      await writer.close()
    })
  })

  it.each([
    { kind: 'create', nth: 2 },
    { kind: 'sync', nth: 3 },
  ] as const)('that can not be made leave nothing behind: $kind', async (call) => {
    const host = await machine({ faults: { faults: [{ ...call, error: 'ENOSPC' }] } })
    await host.run(async () => {
      const { owner, writer } = await startLog(host, { segmentBytesMax: segmentHeaderBytes + 60 })
      await commit(writer, 1)
      expect(await codeOf(commit(writer, 2))).toBe('DiskFull')
      expect(() => appendCommit(writer, 3)).toThrow('the disk is full')
      expect((await filesOf(host)).size).toBe(1)
      await writer.close()
      expect((await readBack(host, owner.segments)).sequences).toEqual([1])
    })
  })

  it('that can not be named poison', async () => {
    const host = await machine()
    await host.run(async () => {
      const owner = newOwner()
      const options = writerOptions(host, owner, {
        segmentBytesMax: segmentHeaderBytes + 60,
        onSegment: async (segments) => {
          if (segments.length > 1) throw new Error('no manifest')
          owner.segments = segments
        },
      })
      const writer = await LogWriter.create(options)
      await commit(writer, 1)
      expect(await codeOf(commit(writer, 2))).toBe('Poisoned')
      await writer.close()
      const { report } = await readBack(host, owner.segments)
      expect(report.ending.type).toBe('clean')
      expect(report.orphans.length).toBe(1)
    })
  })
})

describe('without a sync for each commit', () => {
  it.each(['interval', 'os'] as const)('%s acknowledges what is written', async (durability) => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host, { durability })
      const syncs = callCount(host, 'sync')
      for (let sequence = 1; sequence <= 10; sequence++) await commit(writer, sequence)
      expect(writer.acknowledgedSequence).toBe(10)
      expect(writer.durableSequence).toBe(0)
      expect(callCount(host, 'sync')).toBe(syncs)
      expect((await readBack(host, owner.segments)).sequences.length).toBe(10)
      await writer.flush()
      expect(writer.durableSequence).toBe(10)
      await commit(writer, 11)
      await new Promise<void>((resolve) => host.timers.after(99, resolve))
      expect(writer.durableSequence).toBe(10)
      await new Promise<void>((resolve) => host.timers.after(50, resolve))
      expect(writer.durableSequence).toBe(durability === 'interval' ? 11 : 10)
      await commit(writer, 12)
      const lost = host.crash({ mode: 'none-kept' })
      const { report, sequences } = await lost.run(() => readBack(lost, owner.segments))
      expect(sequences.length).toBe(durability === 'interval' ? 11 : 10)
      expect(report.ending.type).toBe('clean')
    }).catch((error: unknown) => {
      if (!host.isStopped || (error as Error).name !== 'SimulatedCrash') throw error
    })
    expect(host.isStopped).toBe(true)
  })
})

describe('a fence', () => {
  it('is written once the log rests, and makes damage to the last commit known', async () => {
    const host = await machine()
    await host.run(async () => {
      const { owner, writer } = await startLog(host, { fenceAfterMs: 1000 })
      const rest = (ms: number) => new Promise<void>((resolve) => host.timers.after(ms, resolve))
      for (let sequence = 1; sequence <= 3; sequence++) {
        await commit(writer, sequence)
        await rest(700)
      }
      const sizeBefore = [...(await filesOf(host)).values()][0]?.length ?? 0
      const commits = recordBytes(7) + recordBytes(14) + recordBytes(21)
      expect(sizeBefore).toBe(segmentHeaderBytes + commits)
      await rest(5000)
      const bytes = [...(await filesOf(host)).values()][0]
      expect(bytes?.length).toBe(sizeBefore + recordBytes(0))
      const file = await host.files.open(`${directory}/${owner.segments[0]?.name}`, 'write')
      await file.write(Uint8Array.of(0xee), sizeBefore - 10)
      const { report, sequences } = await readBack(host, owner.segments)
      expect(sequences).toEqual([1, 2])
      expect(report.ending).toMatchObject({ type: 'damaged', evidence: 'durablePromise' })
      await commit(writer, 4)
      await writer.close()
    })
  })
})
