import { describe, expect, it } from 'vitest'
import type { CrashPoint, FaultPlan } from '../../../../simulation/fault-plan.ts'
import { SimulatedCrash } from '../../../../simulation/simulated-clock.ts'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import {
  appendCommit,
  commit,
  directory,
  type LogModeName,
  logModes,
  type LogOwner,
  newOwner,
  type ReadBack,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import type { Host } from '../host/host.ts'
import { LogWriter } from './log-writer.ts'
import { segmentHeaderBytes } from './segment.ts'
import { DatabaseError } from '../rules/errors.ts'

interface Run {
  readonly durability: LogModeName
  readonly owner: LogOwner
  /** Commits that were flushed, or synced by themselves, whatever the mode. */
  flushed: number
  appended: number
  writer?: LogWriter
}

function optionsOf(host: Host, run: Run, epoch: number) {
  const { owner, durability } = run
  const segmentBytesMax = segmentHeaderBytes + 260
  return writerOptions(host, owner, { epoch, mode: logModes[durability], segmentBytesMax })
}

/** Commits alone, together, over the end of a segment, flushed and closed. */
async function workload(host: Host, run: Run): Promise<void> {
  const writer = await LogWriter.create(optionsOf(host, run, 1))
  run.writer = writer
  const append = () => appendCommit(writer, ++run.appended)
  await commit(writer, ++run.appended)
  await commit(writer, ++run.appended)
  for (let count = 0; count < 4; count++) append()
  await writer.acknowledged(run.appended)
  append()
  await writer.flush()
  run.flushed = run.appended
  for (let count = 0; count < 3; count++) append()
  await writer.synced(run.appended - 1)
  run.flushed = run.appended - 1
  await writer.close()
  run.flushed = run.appended
}

/** What recovery does with a torn tail, then more commits behind what is left. */
async function recover(host: Host, run: Run, found: ReadBack): Promise<void> {
  const { ending, tail } = found.report
  if (ending.type === 'torn') {
    const file = await host.files.open(`${directory}/${ending.file}`, 'write')
    await file.truncate(ending.offset)
    await file.sync()
    await file.close()
  }
  for (const orphan of found.report.orphans) await host.files.remove(`${directory}/${orphan}`)
  if (!tail) return
  const writer = await LogWriter.resume(optionsOf(host, run, 2), tail)
  const first = found.sequences.length + 1
  for (let sequence = first; sequence < first + 4; sequence++) await commit(writer, sequence)
  await writer.close()
  const again = await readBack(host, run.owner.segments)
  expect(again.report.ending).toEqual({ type: 'clean', closed: true })
  expect(again.sequences.length).toBe(found.sequences.length + 4)
}

async function machine(name: string, faults: FaultPlan): Promise<SimulatedHost> {
  const blank = new SimulatedHost({ seed: name })
  await blank.files.makeDirectory(directory)
  await blank.files.syncDirectory('/')
  return blank.fork({ faults })
}

async function crashAt(name: string, run: Run, point: CrashPoint) {
  const host = await machine(name, { crashAt: point })
  const outcome = await host.run(() => workload(host, run)).catch((error: unknown) => error)
  if (outcome === undefined) {
    // What a close promises is durable when it resolves.
    const next = host.crash({ mode: 'none-kept' })
    const { report } = await next.run(() => readBack(next, run.owner.segments))
    expect(report).toMatchObject({ ending: { type: 'clean', closed: true }, lastSequence: 10 })
    return undefined
  }
  expect(outcome).toBeInstanceOf(SimulatedCrash)
  return host
}

async function judge(host: SimulatedHost, run: Run): Promise<ReadBack> {
  const { owner, durability } = run
  const found = await readBack(host, owner.segments)
  const { ending } = found.report
  const kept = found.sequences.length
  expect(ending.type, JSON.stringify(ending)).not.toBe('damaged')
  expect(found.sequences).toEqual(Array.from({ length: kept }, (_, index) => index + 1))
  const isSynced = logModes[durability].fsync === 'always'
  const acknowledged = isSynced ? (owner.acknowledged.at(-1) ?? 0) : 0
  expect(kept).toBeGreaterThanOrEqual(Math.max(run.flushed, acknowledged))
  expect(kept).toBeLessThanOrEqual(run.appended)
  return found
}

function heirOf(run: Run): Run {
  return { ...run, owner: { ...newOwner(), segments: run.owner.segments } }
}

const seed = 'log crash 1'

const allOutcomes = ['partly-done', 'not-done', 'done'] as const

const modeNames = ['sync', 'interval', 'os', 'async-sync', 'async-interval', 'async-os'] as const

describe.each(modeNames)('a crash of a log in mode %s', (durability) => {
  it('at any call loses nothing it must keep, and is never taken for damage', async () => {
    let crashes = 0
    // The modes differ in when they sync, for which one of the outcomes is enough.
    const outcomes = durability === 'sync' ? allOutcomes : allOutcomes.slice(0, 1)
    for (const outcome of outcomes) {
      for (let operation = 1; ; operation++) {
        const run: Run = { durability, owner: newOwner(), flushed: 0, appended: 0 }
        const host = await crashAt(`${seed} ${operation}`, run, { operation, outcome })
        if (!host) break
        for (const spec of host.crashes({ randomCount: 2 })) {
          crashes += 1
          const next = host.crash(spec)
          try {
            const found = await next.run(() => judge(next, run))
            // Going on is slow to try, and depends on little: some of the crashes will do.
            if (crashes % 8 === 0) await next.run(() => recover(next, heirOf(run), found))
          } catch (error) {
            const place = JSON.stringify({ seed, durability, operation, outcome, spec })
            throw new Error(`after a crash at ${place}: ${String(error)}`, { cause: error })
          }
        }
      }
    }
    expect(crashes).toBeGreaterThan(200)
  })
})

describe.each(['EIO', 'ENOSPC'] as const)('a call that fails with %s', (error) => {
  it.each([false, true])('loses nothing acknowledged, lasting: %s', async (isLasting) => {
    let nth = 0
    for (;;) {
      nth += 1
      const run: Run = { durability: 'sync', owner: newOwner(), flushed: 0, appended: 0 }
      const fault = { kind: 'any', nth, error, isLasting } as const
      const host = await machine(`${seed} ${nth}`, { faults: [fault] })
      const outcome = await host.run(() => workload(host, run)).catch((caught: unknown) => caught)
      if (outcome === undefined) break
      expect(outcome).toBeInstanceOf(DatabaseError)
      const { writer, owner } = run
      const isInClosing = !owner.poisons.length
      if (writer && !isInClosing) {
        expect(() => appendCommit(writer, run.appended + 1)).toThrow(owner.poisons[0])
        await host.run(() => writer.flush()).catch((caught: unknown) => {
          expect(caught).toBe(owner.poisons[0])
        })
      }
      if (writer) await host.run(() => writer.close()).catch(() => undefined)
      for (const mode of ['none-kept', 'all-kept'] as const) {
        const next = host.crash({ mode })
        await next.run(() => judge(next, run))
      }
    }
    expect(nth).toBeGreaterThan(30)
  })
})
