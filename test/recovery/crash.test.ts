import { describe, expect, it } from 'vitest'
import type { FaultPlan } from '../../simulation/fault-plan.ts'
import type { CrashSpec } from '../../simulation/simulated-crash.ts'
import type { DiskProfile } from '../../simulation/simulated-disk.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { describeTables, SampleCommits } from './sample-commits.ts'
import { runUntilCrash } from '../simulation/simulated-machine.ts'
import { StoredCommits } from './stored-commits.ts'

const seed = 'crash'
const segmentBytesMax = 4096 + 300

/** Everything in one directory, and log and checkpoints on other disks. */
const layouts = {
  'in one directory': {},
  'in three directories': { paths: { log: '/fast/log', checkpoint: '/big/points' } },
} as const

type Layout = (typeof layouts)[keyof typeof layouts]

/** What was asked for and what was promised before the machine stopped. */
interface Account {
  submitted: number
  acknowledged: number
}

const histories = new Map<number, string>()

/** What the tables hold after so many commits of the seed. */
function expected(sequence: number): string {
  let text = histories.get(sequence)
  if (text === undefined) {
    const sample = new SampleCommits(seed)
    sample.commits(sequence)
    text = toText(sample)
    histories.set(sequence, text)
  }
  return text
}

function toText(sample: SampleCommits): string {
  return JSON.stringify(describeTables(sample.tables), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

/** Commits, rotations, checkpoints, closing and opening again. */
async function use(host: SimulatedHost, account: Account, layout: Layout): Promise<void> {
  const stored = await StoredCommits.open({ ...layout, host, seed, segmentBytesMax })
  for (const commits of [2, 1, 3]) {
    for (let done = 0; done < commits; done++) {
      account.submitted = stored.sequence + 1
      account.acknowledged = await stored.commit()
    }
    await stored.checkpoint()
  }
  await stored.close()
}

function machine(profile: DiskProfile, operation: number): SimulatedHost {
  const faults: FaultPlan = { crashAt: { operation, outcome: 'partly-done' } }
  return new SimulatedHost({ seed, profile, crashRejects: true, faults })
}

function specsFor(profile: DiskProfile, operation: number): CrashSpec[] {
  const random = { mode: 'random', seed: operation } as const
  return profile === 'posix' && operation % 2 === 0 ? [{ mode: 'none-kept' }, random] : [random]
}

/** Opens, and asserts that everything acknowledged is there and nothing that was not asked for. */
async function openAndCompare(
  host: SimulatedHost,
  account: Account,
  layout: Layout,
): Promise<StoredCommits> {
  return host.run(async () => {
    const stored = await StoredCommits.open({ ...layout, host, seed, segmentBytesMax })
    const { report } = stored.opened
    expect(stored.sequence).toBeGreaterThanOrEqual(account.acknowledged)
    expect(stored.sequence).toBeLessThanOrEqual(account.submitted)
    expect(['created', 'clean', 'recovered']).toContain(report.outcome)
    expect(report.recoveredSequence).toBeGreaterThanOrEqual(report.durableFloorSequence)
    expect(toText(stored.sample)).toBe(expected(stored.sequence))
    return stored
  })
}

/** As `openAndCompare`, and then uses what was opened. */
async function openAndUse(
  host: SimulatedHost,
  account: Account,
  layout: Layout,
): Promise<number> {
  const stored = await openAndCompare(host, account, layout)
  const recovered = stored.sequence
  await host.run(async () => {
    await stored.commit()
    await stored.checkpoint()
    expect(await stored.verify()).toMatchObject({ isSound: true, problems: [] })
    await stored.close()
  })
  return recovered
}

const cases = [
  ['posix', 'in one directory'],
  ['ordered', 'in one directory'],
  ['posix', 'in three directories'],
] as const

describe.each(cases)('a crash at any step (%s, %s)', (profile, name) => {
  const layout = layouts[name]

  it('loses nothing acknowledged, invents nothing, and leaves a database that opens', async () => {
    const recovered = new Set<number>()
    let isDone = false
    for (let operation = 1; !isDone; operation++) {
      const host = machine(profile, operation)
      const account = { submitted: 0, acknowledged: 0 }
      await runUntilCrash(host, () => use(host, account, layout))
      isDone = !host.isStopped
      for (const spec of specsFor(profile, operation)) {
        recovered.add(await openAndUse(host.crash(spec), account, layout))
      }
    }
    expect([...recovered].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  it('of the process leaves nothing seen that a power loss could take back', async () => {
    const seen = new Set<number>()
    for (let operation = 1; operation < 260; operation += 6) {
      const host = machine(profile, operation)
      const account = { submitted: 0, acknowledged: 0 }
      await runUntilCrash(host, () => use(host, account, layout))
      const next = host.kill()
      const { sequence } = await openAndCompare(next, account, layout)
      const seenBefore = { ...account, acknowledged: sequence }
      await openAndCompare(next.crash({ mode: 'none-kept' }), seenBefore, layout)
      seen.add(sequence)
    }
    expect(seen.size).toBeGreaterThan(4)
  })

  it('is survived a second time, while the first is being recovered from', async () => {
    const seen = new Set<number>()
    for (let operation = 5; operation < 260; operation += 24) {
      const host = machine(profile, operation)
      const account = { submitted: 0, acknowledged: 0 }
      await runUntilCrash(host, () => use(host, account, layout))
      const spec: CrashSpec = { mode: 'random', seed: operation }
      for (let step = 1; step <= 12; step++) {
        const faults: FaultPlan = { crashAt: { operation: step, outcome: 'partly-done' } }
        const next = host.crash(spec, { crashRejects: true, faults })
        await runUntilCrash(next, () =>
          StoredCommits.open({ ...layout, host: next, seed, segmentBytesMax }),
        )
        const last = next.crash({ mode: 'random', seed: step })
        const stored = await openAndCompare(last, account, layout)
        seen.add(stored.sequence)
      }
    }
    expect(seen.size).toBeGreaterThan(4)
  })
})

describe.each(Object.values(layouts))('a failure of any call (%o)', (layout) => {
  it('while opening leaves a directory that opens afterwards', async () => {
    const host = new SimulatedHost({ seed })
    const account = { submitted: 0, acknowledged: 0 }
    await host.run(() => use(host, account, layout))
    let isDone = false
    for (let nth = 1; !isDone; nth++) {
      const broken = host.fork({ faults: { faults: [{ kind: 'any', nth, error: 'EMFILE' }] } })
      const code = await broken
        .run(async () => StoredCommits.open({ ...layout, host: broken, seed, segmentBytesMax }))
        .then(
          () => 'opened',
          (error: { code: string }) => error.code,
        )
      expect(['opened', 'IoFailed', 'Poisoned']).toContain(code)
      isDone = code === 'opened' && broken.files.faults.calls < nth
      await openAndCompare(broken.fork({ faults: {} }), account, layout)
    }
  })
})
