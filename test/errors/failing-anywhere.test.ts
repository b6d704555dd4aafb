import { describe, expect, it } from 'vitest'
import type { OpenOptions } from 'asofdb'
import { isDatabaseError, open, restore } from 'asofdb'
import type { FaultPlan, OperationKind } from '../../simulation/fault-plan.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { modeNamed, modes } from '../kills/modes.ts'
import { filesBelow } from '../simulation/simulated-machine.ts'
import {
  attempted,
  commit,
  directory,
  everyFailure,
  kinds,
  newUse,
  problemsOn,
  smallSteps,
  textOf,
  use,
} from './failing-anywhere.ts'

const wholeRunMs = 300_000
const seed = 'failing anywhere'

/** What refuses when a disk is full, or fails; and what is refused after that. */
const codesOf: Readonly<Record<'ENOSPC' | 'EIO', readonly string[]>> = {
  ENOSPC: ['DiskFull', 'Poisoned'],
  EIO: ['IoFailed', 'Poisoned'],
}

function expectedCodes(kind: OperationKind): readonly string[] {
  return codesOf[kind === 'sync' || kind === 'syncDirectory' ? 'EIO' : 'ENOSPC']
}

describe.each(modes)(
  'a disk that is full or fails to sync, in mode $name',
  (mode) => {
    it(
      'at any call: refused, nothing promised is lost, and it goes on after that',
      async () => {
        const problems: string[] = []
        let runs = 0
        for (const kind of kinds) {
          const machineWith = (faults: FaultPlan) => new SimulatedHost({ seed, faults })
          let told = newUse()
          const work = (host: SimulatedHost): Promise<void> => use(host, mode, (told = newUse()))
          for await (const { what, host } of everyFailure(machineWith, kind, work)) {
            runs += 1
            problems.push(...told.strange.map((one) => `${what}: ${one}`))
            const codes = told.errors.map(({ code }) => code)
            const other = codes.find((code) => !expectedCodes(kind).includes(code))
            if (other !== undefined) problems.push(`${what}: ${other}`)
            const isKill = runs % 2 === 0
            const found = isKill
              ? await problemsOn(host.kill(), told.kept, mode.options)
              : await problemsOn(host.crash({ mode: 'none-kept' }), told.durable, mode.options)
            const then = isKill ? 'killed' : 'after a power cut'
            problems.push(...found.map((one) => `${what}, ${then}: ${one}`))
          }
        }
        expect(problems.slice(0, 5)).toEqual([])
        expect(runs).toBeGreaterThan(60)
      },
      wholeRunMs,
    )
  },
)

interface Left {
  readonly machine: SimulatedHost
  readonly sequence: number
  readonly options?: OpenOptions
}

/** A machine that lost power while a database with checkpoints and segments was in use. */
async function crashed(): Promise<Left> {
  const told = newUse()
  const crashAt = { operation: 150, outcome: 'partly-done' } as const
  const host = new SimulatedHost({ seed, crashRejects: true, faults: { crashAt } })
  const uses = async (): Promise<void> => {
    for (let round = 0; !host.isStopped; round++) await use(host, modeNamed('sync'), told)
  }
  await host.run(uses).catch(() => undefined)
  return { machine: host.crash({ mode: 'random', seed: 3 }), sequence: told.durable }
}

async function damaged(which: RegExp, options: OpenOptions): Promise<Left> {
  const { machine, sequence } = await crashed()
  await machine.run(async () => {
    const database = await open(directory, { host: machine, ...smallSteps })
    await database.checkpoint()
    await commit(database)
    await commit(database)
  })
  const host = machine.kill()
  await host.run(async () => {
    const paths = await filesBelow(host.files, directory)
    const path = paths.findLast((name) => which.test(name)) ?? expect.unreachable()
    const file = await host.files.open(path, 'write')
    await file.write(new Uint8Array(8).fill(0xff), (await file.size()) - 100)
    await file.sync()
    await file.close()
  })
  const isRepair = options.recovery === 'repair'
  return { machine: host.kill(), sequence: isRepair ? 0 : sequence, options }
}

const openings: Readonly<Record<string, () => Promise<Left>>> = {
  'after a power cut': crashed,
  'that heals a damaged checkpoint': () => damaged(/\.checkpoint$/, {}),
  'that repairs a damaged log': () => damaged(/\.seg$/, { recovery: 'repair' }),
}

describe('an opening on a disk that is full or fails to sync', () => {
  it.each(Object.keys(openings))(
    '%s: refused at any call, and succeeds after that',
    async (name) => {
      const left = await (openings[name] ?? expect.unreachable(name))()
      const { machine, sequence, options = {} } = left
      const problems: string[] = []
      let runs = 0
      for (const kind of kinds) {
        let told = newUse()
        const machineWith = (faults: FaultPlan) => machine.fork({ seed, faults })
        const work = async (host: SimulatedHost): Promise<void> => {
          told = newUse()
          await attempted(told, 'open', async () => {
            const database = await open(directory, { host, ...smallSteps, ...options })
            await database.close()
          })
        }
        for await (const { what, host } of everyFailure(machineWith, kind, work)) {
          runs += 1
          problems.push(...told.strange.map((one) => `${what}: ${one}`))
          const other = told.errors.find(({ code }) => !expectedCodes(kind).includes(code))
          if (other !== undefined) problems.push(`${what}: ${other.message}`)
          for (const next of [host.kill(), host.crash({ mode: 'none-kept' })]) {
            const found = await problemsOn(next, sequence, options)
            problems.push(...found.map((one) => `${what}, then: ${one}`))
          }
        }
      }
      expect(problems.slice(0, 5)).toEqual([])
      expect(runs).toBeGreaterThan(10)
    },
    wholeRunMs,
  )
})

const target = '/target'

type Transfer = (host: SimulatedHost) => Promise<unknown>

const backup: Transfer = async (host) => {
  const database = await open(directory, { host, ...smallSteps })
  try {
    await database.backup(target)
  } finally {
    await database.close()
  }
}

const transfers: Readonly<Record<string, { transfer: Transfer; isLater?: boolean }>> = {
  'a first backup': { transfer: backup },
  'a later backup': { transfer: backup, isLater: true },
  'a restore': { transfer: (host) => restore(directory, target, { host, toSequence: 5 }) },
  'a fork': {
    transfer: async (host) => {
      const database = await open(directory, { host, ...smallSteps })
      try {
        await database.fork(target, { toSequence: 4 })
      } finally {
        await database.close()
      }
    },
  },
}

/** What the target is: `a database` that is sound, or what opening it says. */
async function lookAtTarget(machine: SimulatedHost): Promise<string> {
  const host = machine.fork()
  return host.run(async () => {
    try {
      const database = await open(target, { host, create: false })
      const numbers = [...database.nodes('N')].map((node) => Number(node.get('number')))
      const { isSound } = await database.verify()
      await database.close()
      const isPrefix = numbers.length > 3 && numbers.every((number, at) => number === at + 1)
      return isPrefix && isSound ? 'a database' : `unsound, with ${numbers.join()}`
    } catch (error) {
      return isDatabaseError(error) ? error.code : textOf(error)
    }
  })
}

describe('a disk that is full or fails to sync', () => {
  it.each(Object.keys(transfers))(
    'at any call of %s: refused, the source is as it was, and the same call does it after that',
    async (name) => {
      const { transfer, isLater = false } = transfers[name] ?? expect.unreachable(name)
      const { machine, sequence } = await crashed()
      if (isLater) {
        await machine.run(async () => {
          await backup(machine)
          const database = await open(directory, { host: machine, ...smallSteps })
          await commit(database, 'sync')
          await database.close()
        })
      }
      const base = machine.kill()
      const problems: string[] = []
      let runs = 0
      for (const kind of kinds) {
        let told = newUse()
        const work = async (host: SimulatedHost): Promise<void> => {
          told = newUse()
          await attempted(told, name, () => transfer(host))
        }
        const machineWith = (faults: FaultPlan) => base.fork({ seed, faults })
        for await (const { what, host } of everyFailure(machineWith, kind, work)) {
          runs += 1
          problems.push(...told.strange.map((one) => `${what}: ${one}`))
          const other = told.errors.find(({ code }) => !expectedCodes(kind).includes(code))
          if (other !== undefined) problems.push(`${what}: ${other.code} ${other.message}`)
          const next = runs % 2 === 0 ? host.kill() : host.crash({ mode: 'none-kept' })
          const found = await lookAtTarget(next)
          const isExpected = found === 'a database' || (found === 'NotADatabase' && !isLater)
          if (!isExpected) problems.push(`${what}: the target is ${found}`)
          if (runs % 4 === 0) problems.push(...(await problemsOn(next.fork(), sequence)))
          if (found === 'a database' && !isLater) continue
          const done = await next.run(() => transfer(next)).catch(textOf)
          if (typeof done === 'string') problems.push(`${what}, once more: ${done}`)
          const finished = await lookAtTarget(next)
          if (finished !== 'a database') problems.push(`${what}, once more: it is ${finished}`)
        }
      }
      expect(problems.slice(0, 5)).toEqual([])
      expect(runs).toBeGreaterThan(15)
    },
    wholeRunMs,
  )
})
