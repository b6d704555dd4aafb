import { describe, expect, it } from 'vitest'
import { type Database, open, type OpenOptions } from '../../packages/asofdb/src/index.ts'
import type { FaultPlan } from '../../simulation/fault-plan.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { bytesOf, filesBelow, flipByte, runUntilCrash } from '../simulation/simulated-machine.ts'

const seed = 'repair-crash'
const directory = '/db'
const usual = { segmentBytesMax: 5120, checkpointLogBytes: Infinity } as const

function openOn(host: SimulatedHost, options: OpenOptions = {}): Promise<Database> {
  return open(directory, { ...usual, host, ...options })
}

/** Seven commits in several segments, the first in a checkpoint too; killed. */
async function machine(): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed })
  await host.run(async () => {
    const database = await openOn(host)
    for (let commit = 1; commit <= 7; commit++) {
      const text = String(commit).repeat(300)
      await database.write((tx) => tx.keys('all').put(commit, text))
      if (commit === 1) await database.checkpoint()
    }
  })
  return host.kill()
}

interface DamageCase {
  readonly flip: RegExp
  /** From the end when negative. */
  readonly at: number
  /** What can be recovered. */
  readonly sequence: number
  /** With which `strict` refuses it. */
  readonly row: string
}

const damages: Readonly<Record<string, DamageCase>> = {
  'a record in the middle': { flip: /^log\/log-0{15}1/, at: -40, sequence: 1, row: 'M' },
  'the manifest': { flip: /^MANIFEST$/, at: 300, sequence: 7, row: 'G' },
}

async function namesOf(host: SimulatedHost): Promise<string[]> {
  const paths = await filesBelow(host.files, directory)
  return paths.map((path) => path.slice(directory.length + 1))
}

async function contentOf(host: SimulatedHost, name: string): Promise<string> {
  return (await bytesOf(host.files, `${directory}/${name}`)).toString('base64')
}

/** Flips a byte durably; gives the bytes of the damaged file. */
async function damage(host: SimulatedHost, of: { flip: RegExp; at: number }): Promise<string> {
  const name = (await namesOf(host)).find((one) => of.flip.test(one)) ?? 'nothing'
  await flipByte(host.files, `${directory}/${name}`, of.at)
  return contentOf(host, name)
}

function keysOf(database: Database): unknown[] {
  return [...database.keys('all').range({})].map(({ key }) => key)
}

/** As damaged as it was, or whole: a crash never leaves damage of another kind. */
async function expectSameOrWhole(host: SimulatedHost, row: string): Promise<void> {
  await host.run(async () => {
    const opened = await openOn(host).catch((error: unknown) => error)
    if (opened instanceof Error) expect(opened).toMatchObject({ code: 'Corrupt', details: { row } })
  })
}

/** Opens by repair if it must, else strictly; nothing more is lost, and the bytes are kept. */
async function expectRepairable(host: SimulatedHost, sequence: number, damaged: string) {
  return host.run(async () => {
    const repaired = await openOn(host, { recovery: 'repair' })
    expect(repaired.sequence).toBe(sequence)
    expect(keysOf(repaired)).toEqual(Array.from({ length: sequence }, (_, at) => at + 1))
    await repaired.write((tx) => tx.keys('all').put(100, 'after'))
    await repaired.close()
    const names = await namesOf(host)
    const kept = names.filter((name) => name.startsWith('quarantine/'))
    const copies = await Promise.all(kept.map((name) => contentOf(host, name)))
    expect(copies).toContain(damaged)
    const again = await openOn(host)
    expect(again.recovery).toMatchObject({ outcome: 'clean', damage: [] })
    expect(again.sequence).toBe(sequence + 1)
    expect(await again.verify()).toMatchObject({ isSound: true })
    await again.close()
    return repaired.recovery.outcome
  })
}

describe.each(Object.entries(damages))('a crash while %s is repaired', (_name, of) => {
  it('at any call leaves something that repairs again, and loses no damaged byte', async () => {
    const before = await machine()
    const damaged = await before.run(() => damage(before, of))
    const outcomes = new Set<string>()
    for (let operation = 1; ; operation++) {
      const faults: FaultPlan = { crashAt: { operation, outcome: 'partly-done' } }
      const host = before.fork({ seed: `${seed}/${operation}`, crashRejects: true, faults })
      if (!(await runUntilCrash(host, () => openOn(host, { recovery: 'repair' })))) break
      const worlds = [
        host.crash({ mode: 'none-kept' }),
        host.crash({ mode: 'random', seed: operation }),
        host.kill(),
      ]
      for (const world of worlds) {
        await expectSameOrWhole(world.fork(), of.row)
        outcomes.add(await expectRepairable(world, of.sequence, damaged))
      }
      expect(operation).toBeLessThan(400)
    }
    expect([...outcomes].sort()).toEqual(['clean', 'repaired'])
  }, 60_000)
})

describe('a read that fails for a passing reason', () => {
  it.each(['EAGAIN', 'EINTR', 'EBUSY', 'EIO'] as const)('is tried again: %s', async (error) => {
    const before = await machine()
    let retries = 0
    for (let nth = 1; nth <= 12; nth++) {
      const host = before.fork({ faults: { faults: [{ kind: 'read', nth, error }] } })
      const { recovery, sequence } = await host.run(async () => {
        const database = await openOn(host)
        return { recovery: database.recovery, sequence: database.sequence }
      })
      expect(sequence).toBe(7)
      expect(recovery.damage).toEqual([])
      retries += recovery.retries
    }
    expect(retries).toBeGreaterThan(4)
  })

  it('keeps the file itself when it goes on and the database is repaired', async () => {
    const before = await machine()
    const names = await before.run(() => namesOf(before))
    const segment = names.find((name) => /^log\/log-0{15}1/.test(name)) ?? 'nothing'
    const bytes = await before.run(() => contentOf(before, segment))
    const faults: FaultPlan = {
      faults: [{ kind: 'read', nth: 1, error: 'EIO', isLasting: true, path: segment }],
    }
    const host = before.fork({ faults })
    const { recovery, sequence } = await host.run(async () => {
      const database = await openOn(host, { recovery: 'repair' })
      const { recovery: report, sequence: newest } = database
      await database.close()
      return { recovery: report, sequence: newest }
    })
    expect(sequence).toBe(1)
    expect(recovery.damage).toContainEqual(expect.objectContaining({ kind: 'ioError' }))
    const [copy] = recovery.quarantined.filter(({ file }) => file === segment)
    const after = host.fork({ faults: {} })
    expect(await after.run(() => contentOf(after, `${copy?.path}.unreadable`))).toBe(bytes)
    const zeros = Buffer.from(bytes, 'base64').fill(0).toString('base64')
    expect(await after.run(() => contentOf(after, copy?.path ?? ''))).toBe(zeros)
    const again = await after.run(() => openOn(after))
    expect(again.recovery).toMatchObject({ outcome: 'clean', damage: [] })
  })

  it('is damage when it goes on, after a limit', async () => {
    const before = await machine()
    const faults: FaultPlan = { faults: [{ kind: 'read', nth: 3, error: 'EIO', isLasting: true }] }
    const host = before.fork({ faults })
    const opened = await host.run(() => openOn(host).catch((error: unknown) => error))
    expect(opened).toMatchObject({ code: expect.stringMatching(/^(Corrupt|IoFailed)$/) })
  })
})
