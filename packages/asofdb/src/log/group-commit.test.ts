import { describe, expect, it } from 'vitest'
import {
  appendCommit,
  commit,
  directory,
  hostWithFileMethods,
  newOwner,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import { callCount, machine, startLog } from '../../../../test/log/log-machine.ts'
import { memoryHost } from '../host/memory-host.ts'
import { nodeHost } from '../host/node-host.ts'
import { LogWriter } from './log-writer.ts'

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
    // Every look at the clock finds it later: a disk so slow that syncs are left to a thread.
    let nowMs = 0
    const late = { ...memory, clock: { wallMicros: () => 0, monotonicMs: () => (nowMs += 500) } }
    const host = hostWithFileMethods(late, () => ({
      syncData: () => new Promise((resolve) => gates.push(resolve)),
    }))
    const owner = newOwner()
    const writer = await LogWriter.create(writerOptions(host, owner))
    await commit(writer, 1)
    const settled: number[] = []
    const watch = (sequence: number) =>
      writer.acknowledged(sequence).then(() => settled.push(sequence))
    appendCommit(writer, 2)
    appendCommit(writer, 3)
    const firsts = Promise.all([watch(2), watch(3)])
    await memory.timers.yieldTurn()
    expect(gates.length).toBe(1)
    appendCommit(writer, 4)
    appendCommit(writer, 5)
    const later = Promise.all([watch(4), watch(5)])
    await memory.timers.yieldTurn()
    expect(settled).toEqual([])
    gates[0]?.()
    await firsts
    for (let turn = 0; turn < 3; turn++) await memory.timers.yieldTurn()
    expect(settled).toEqual([2, 3])
    expect(writer.durableSequence).toBe(3)
    expect(gates.length).toBe(2)
    gates[1]?.()
    await later
    expect(owner.acknowledged).toEqual([1, 3, 5])
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

  it('serves one caller or several in their own turn while syncs are quick', async () => {
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
      for (let count = 0; count < 20; count++) {
        const callers = Array.from({ length: 1 + (count % 3) }, () => commit(writer, ++sequence))
        await Promise.all(callers)
      }
    }
    const turns = ways.filter((way, index) => way !== ways[index - 1])
    // A slow disk is tried again in the own turn after eight syncs by way of a thread.
    const slow = ['now', 'thread', 'now', 'thread']
    expect(turns).toEqual(['0.1 ms', 'now', '50 ms', ...slow, '0.1 ms', 'thread', 'now'])
  })
})
