import { expect, it } from 'vitest'
import type { FileSystem } from '../../packages/asofdb/src/host/host.ts'
import { fingerprintOf } from '../../simulation/crash-worlds.ts'
import type { CrashPoint } from '../../simulation/fault-plan.ts'
import {
  afterPowerLoss,
  afterProcessDeath,
  pendingChanges,
  standardCrashes,
} from '../../simulation/simulated-crash.ts'
import { SimulatedCrash } from '../../simulation/simulated-clock.ts'
import type { StoppedDisk } from '../../simulation/simulated-crash.ts'
import type { WatchedPoint } from '../../simulation/simulated-files.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'

/** Calls of every mutating kind, some of them under way together. */
async function work(files: FileSystem): Promise<void> {
  await files.makeDirectory('/d')
  const [one, other] = await Promise.all([
    files.open('/d/one', 'create'),
    files.open('/d/other', 'create'),
  ])
  await Promise.all([one.write(new Uint8Array(5000).fill(1), 0), files.syncDirectory('/d')])
  await Promise.all([one.syncData(), other.write(new Uint8Array(600).fill(2), 100)])
  one.writeNow(new Uint8Array(700).fill(3), 4800)
  await Promise.all([one.truncate(4900), files.rename('/d/other', '/d/third'), one.sync()])
  await files.remove('/d/one')
  await files.syncDirectory('/d')
}

/** All that a crash could leave. */
function worldsAfter(left: StoppedDisk): string[] {
  const specs = standardCrashes(left, { seed: 'worlds', randomCount: 3 })
  const lost = specs.map((spec) => fingerprintOf(afterPowerLoss(left, spec)))
  const killed = ['a', 'b', 'c'].map((seed) => fingerprintOf(afterProcessDeath(left, seed)))
  return [...lost, ...killed]
}

async function crashAt(crash: CrashPoint): Promise<StoppedDisk> {
  const host = new SimulatedHost({ seed: 'watched', faults: { crashAt: crash } })
  await host.run(work(host.files)).catch((error: unknown) => {
    if (!(error instanceof SimulatedCrash)) throw error
  })
  return host.files.stopped
}

it('shows in one run what a run for each crash would show', async () => {
  const points: WatchedPoint[] = []
  const host = new SimulatedHost({ seed: 'watched', watch: (point) => points.push(point) })
  await host.run(work(host.files))
  expect(points).toHaveLength(host.files.faults.mutations * 3)
  expect(new Set(points.map(({ kind }) => kind)).size).toBe(8)
  for (const { operation, outcome, kind, left } of points) {
    const stopped = await crashAt({ operation, outcome })
    expect(worldsAfter(left), `${kind} ${operation} ${outcome}`).toEqual(worldsAfter(stopped))
    const orders = pendingChanges(left).map(({ order }) => order)
    expect(Math.max(0, ...orders), 'a later sync covers all of it').toBeLessThanOrEqual(
      left.disk.order,
    )
  }
})
