import { describe, expect, it } from 'vitest'
import {
  appendCommit,
  commit,
  directory,
  filesOf,
  logModes,
  newOwner,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import { callCount, codeOf, machine, startLog } from '../../../../test/log/log-machine.ts'
import { LogWriter } from './log-writer.ts'
import { recordBytes } from './record.ts'
import { segmentHeaderBytes } from './segment.ts'

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
      const { owner, writer } = await startLog(host, { mode: logModes[durability] })
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
