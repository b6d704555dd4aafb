import { describe, expect, it } from 'vitest'
import {
  appendCommit,
  commit,
  directory,
  hostWithFileMethods,
  logModes,
  newOwner,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import { callCount, codeOf, machine, startLog } from '../../../../test/log/log-machine.ts'
import { memoryHost } from '../host/memory-host.ts'
import { nodeHost } from '../host/node-host.ts'
import { LogWriter } from './log-writer.ts'
import { recordBytes } from './record.ts'
import { segmentHeaderBytes } from './segment.ts'

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
      const { owner, writer } = await startLog(second, { mode: logModes.os })
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
    const writer = await LogWriter.create(writerOptions(host, owner, { mode: logModes.os }))
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
      const { owner, writer } = await startLog(host, { mode: logModes.interval })
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
