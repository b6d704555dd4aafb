import { describe, expect, it } from 'vitest'
import type { DatabaseError, ErrorCode } from 'asofdb'
import type { Fault, FaultCode, OperationKind } from '../../simulation/fault-plan.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { type FailingRun, reopen, runOn } from './failing-disk.ts'

const wholeRunMs = 300_000

/**
 * One call fails, then the next one, until a run meets no failure; once, and then from one call in
 * `step` on.
 */
async function* everyFault(
  kind: OperationKind | 'any',
  error: FaultCode,
  step = 1,
): AsyncGenerator<{ run: FailingRun; what: string }> {
  for (const isLasting of [false, true]) {
    for (let nth = 1; ; nth += isLasting ? step : 1) {
      const fault: Fault = { kind, nth, error, isLasting }
      const run = await runOn({ faults: [fault] })
      const counts = run.host.files.faults
      const met = kind === 'any' ? counts.calls : (counts.counts.get(kind) ?? 0)
      if (met < nth) break
      yield { run, what: `${error} at ${kind} ${nth}${isLasting ? ' and ever after' : ''}` }
    }
  }
}

/**
 * The machine starts again, with the disk working: nothing was lost, or all that was not synced, or
 * some of it.
 */
function* restarts(host: SimulatedHost): Generator<[how: string, next: SimulatedHost]> {
  yield ['restarted', host.fork()]
  const specs = host.crashes({ randomCount: 1 })
  for (const spec of new Set([specs[0], specs.at(-1)])) {
    if (spec !== undefined) yield [JSON.stringify(spec), host.crash(spec)]
  }
}

async function problemsAfter({ run, what }: { run: FailingRun; what: string }): Promise<string[]> {
  const problems = run.strange.map((one) => `${what}: ${one}`)
  for (const [how, host] of restarts(run.host)) {
    const outcome = await reopen(host, run.acknowledged).catch((error: unknown) =>
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    )
    if (outcome !== 'fine') problems.push(`${what}, ${how}: ${outcome}`)
  }
  return problems
}

function codesOf(errors: readonly DatabaseError[]): Set<ErrorCode> {
  return new Set(errors.map(({ code }) => code))
}

describe('a full disk', () => {
  it.each<OperationKind>(['write', 'create', 'makeDirectory', 'rename'])(
    'met at any %s: what was acknowledged stays, and with room again it goes on',
    async (kind) => {
      const problems: string[] = []
      const codes = new Set<ErrorCode>()
      let runs = 0
      for await (const tried of everyFault(kind, 'ENOSPC')) {
        runs += 1
        problems.push(...(await problemsAfter(tried)))
        for (const code of codesOf(tried.run.errors)) codes.add(code)
      }
      expect(problems).toEqual([])
      expect(runs).toBeGreaterThan(3)
      expect([...codes].filter((code) => code !== 'Poisoned')).toEqual(['DiskFull'])
    },
    wholeRunMs,
  )

  it('met half-way through any write, says so, and refuses what comes after', async () => {
    const whole = await runOn({})
    const { usedBytes } = whole.host.files.disk
    expect(whole.errors).toEqual([])
    const problems: string[] = []
    let full = 0
    for (let capacityBytes = 0; capacityBytes < usedBytes * 1.5; capacityBytes += 331) {
      const run = await runOn({ capacityBytes })
      const what = `room for ${capacityBytes} bytes`
      run.host.files.disk.capacityBytes = Number.POSITIVE_INFINITY
      problems.push(...(await problemsAfter({ run, what })))
      const [first, ...later] = run.errors
      if (first === undefined) continue
      full += 1
      const isSaid = /the disk is full.*make room/.test(first.message)
      if (first.code !== 'DiskFull' || !isSaid) problems.push(`${what}: ${first.message}`)
      const other = later.find(({ code }) => code !== 'Poisoned' && code !== 'DiskFull')
      if (other) problems.push(`${what}: later ${other.message}`)
    }
    expect(problems).toEqual([])
    expect(full).toBeGreaterThan(20)
  }, wholeRunMs)
})

describe('a sync that fails', () => {
  it.each<OperationKind>(['sync', 'syncDirectory'])(
    'at any %s, is final: nothing more is taken, and nothing acknowledged is lost',
    async (kind) => {
      const problems: string[] = []
      const codes = new Set<ErrorCode>()
      for await (const tried of everyFault(kind, 'EIO')) {
        problems.push(...(await problemsAfter(tried)))
        for (const code of codesOf(tried.run.errors)) codes.add(code)
        const { errors } = tried.run
        const poison = errors.find(({ code }) => code === 'Poisoned')
        if (poison === undefined) continue
        // Once said, it is said by every write that follows.
        const isSaid = /mend the cause.*open/.test(poison.message)
        if (!isSaid) problems.push(`${tried.what}: ${poison.message}`)
        const writes = errors.slice(errors.indexOf(poison)).filter((one) => one.code !== 'Poisoned')
        if (writes.length > 0) problems.push(`${tried.what}: then ${writes[0]?.message}`)
      }
      expect(problems).toEqual([])
      expect(codes.has('Poisoned')).toBe(true)
    },
    wholeRunMs,
  )
})

describe('any call that fails', () => {
  it.each<FaultCode>(['EIO', 'EROFS'])(
    'with %s: typed errors, and nothing acknowledged is lost',
    async (code) => {
      const problems: string[] = []
      for await (const tried of everyFault('any', code, 7)) {
        problems.push(...(await problemsAfter(tried)))
      }
      expect(problems).toEqual([])
    },
    wholeRunMs,
  )
})
