import { describe, expect, it } from 'vitest'
import { describeTables, SampleCommits } from '../../../../test/recovery/sample-commits.ts'
import { SimulatedHost } from '../../../../simulation/simulated-host.ts'
import type { FaultPlan } from '../../../../simulation/fault-plan.ts'
import { LiveTables } from '../versions/live-tables.ts'
import { Tables } from '../versions/tables.ts'
import { Checkpointer } from './checkpoint-writer.ts'
import { filesOf, type Manifest } from './manifest.ts'
import { ManifestStore } from './manifest-store.ts'
import { loadCheckpoint, readCheckpointHeader } from './read-checkpoint.ts'

const firstManifest: Manifest = {
  databaseId: '00112233445566778899aabbccddeeff',
  revision: 1,
  epoch: 1,
  isLogged: true,
  generation: 0,
  settings: { nodesValid: 'now' },
  checkpoint: { sequence: 0, files: [] },
  previous: { sequence: 0, files: [] },
  segments: [],
  segmentNumber: 0,
  durableSequence: 0,
}

interface SetUp {
  readonly faults?: FaultPlan
  readonly untilDurable?: (sequence: number) => Promise<void>
}

async function setUp({ faults = {}, untilDurable = async () => undefined }: SetUp = {}) {
  const host = new SimulatedHost({ seed: 'checkpoint', faults })
  return host.run(async () => {
    await host.files.makeDirectory('/db')
    await host.files.makeDirectory('/db/checkpoint')
    const place = { files: host.files, directory: '/db' }
    const manifests = await ManifestStore.create(place, firstManifest)
    const sample = new SampleCommits('checkpoint')
    const checkpointer = new Checkpointer({
      host,
      directory: '/db',
      live: new LiveTables(sample.tables),
      manifests,
      untilDurable,
      dropLogBefore: async () => [],
    })
    return { host, manifests, sample, checkpointer }
  })
}

async function load(host: SimulatedHost, manifest: Manifest): Promise<Tables> {
  const chain = []
  for (const { name, headerChecksum, size } of manifest.checkpoint.files) {
    const path = `/db/checkpoint/${name}`
    const found = await readCheckpointHeader(host.files, path)
    if (found.type !== 'header') throw new Error(`${name} is ${found.type}`)
    expect(found).toMatchObject({ checksum: headerChecksum, size })
    chain.push({ path, header: found.header })
  }
  const tables = new Tables()
  expect(await loadCheckpoint(host.files, chain, tables)).toBeUndefined()
  return tables
}

describe('the checkpointer', () => {
  it('brings back exactly the tables of its moment, whatever was merged', async () => {
    const { host, manifests, sample, checkpointer } = await setUp()
    await host.run(async () => {
      const filesAtATime: number[] = []
      for (const commits of [20, 1, 3, 40, 2, 1, 1, 200, 5, 1]) {
        sample.commits(commits)
        const report = await checkpointer.checkpoint()
        filesAtATime.push(report.files)
        expect(report.sequence).toBe(sample.tables.commits.sequence)
        const tables = await load(host, manifests.current)
        expect(describeTables(tables)).toEqual(describeTables(sample.tables))
      }
      expect(Math.max(...filesAtATime)).toBeGreaterThan(2)
      expect(Math.max(...filesAtATime)).toBeLessThan(6)
    })
  })

  it('leaves out what is committed while it writes', async () => {
    const { host, manifests, sample, checkpointer } = await setUp()
    await host.run(async () => {
      sample.commits(30, 3000)
      const expected = describeTables(sample.tables)
      const underWay = checkpointer.checkpoint()
      // It begins in the next microtask; from then on nothing else belongs to it.
      await Promise.resolve()
      for (let turn = 0; turn < 30; turn++) {
        sample.commits(20, 3000)
        await host.timers.yieldTurn()
      }
      expect(await underWay).toMatchObject({ sequence: 30 })
      expect(describeTables(await load(host, manifests.current))).toEqual(expected)
    })
  })

  it('keeps the files of this and the previous checkpoint and no others', async () => {
    const { host, manifests, sample, checkpointer } = await setUp()
    await host.run(async () => {
      for (let round = 0; round < 5; round++) {
        sample.commits(4)
        await checkpointer.checkpoint()
        const named = filesOf(manifests.current).map((file) => file.name)
        expect(await host.files.list('/db/checkpoint')).toEqual(named.sort())
      }
      expect(manifests.current.previous.sequence).toBe(16)
    })
  })

  it('writes nothing when nothing is new', async () => {
    const { host, manifests, sample, checkpointer } = await setUp()
    await host.run(async () => {
      sample.commits(4)
      await checkpointer.checkpoint()
      const { revision } = manifests.current
      expect(await checkpointer.checkpoint()).toMatchObject({ bytesWritten: 0, sequence: 4 })
      expect(manifests.current.revision).toBe(revision)
    })
  })

  it('waits until the log holds durably what it wrote', async () => {
    const asked: number[] = []
    let settle = { resolve: () => {}, reject: (_error: Error) => {} }
    const untilDurable = (sequence: number) => {
      asked.push(sequence)
      return new Promise<void>((resolve, reject) => (settle = { resolve, reject }))
    }
    const { host, manifests, sample, checkpointer } = await setUp({ untilDurable })
    await host.run(async () => {
      const aWhile = () => new Promise<void>((resolve) => void host.timers.after(1000, resolve))
      sample.commits(4)
      const refused = checkpointer.checkpoint()
      refused.catch(() => undefined)
      await aWhile()
      expect(asked).toEqual([4])
      expect(manifests.current.checkpoint.sequence).toBe(0)
      settle.reject(new Error('the log has failed'))
      await expect(refused).rejects.toThrow('the log has failed')
      expect(await host.files.list('/db/checkpoint')).toEqual([])
      const granted = checkpointer.checkpoint()
      await aWhile()
      settle.resolve()
      expect(await granted).toMatchObject({ sequence: 4 })
      expect(manifests.current).toMatchObject({ checkpoint: { sequence: 4 }, durableSequence: 4 })
    })
  })

  it('leaves the old state in force when anything fails, and can be asked again', async () => {
    const outcomes: string[] = []
    for (let nth = 1; outcomes.at(-1) !== 'done'; nth++) {
      const { host, manifests, sample, checkpointer } = await setUp()
      await host.run(async () => {
        for (let round = 0; round < 2; round++) {
          sample.commits(4)
          await checkpointer.checkpoint()
        }
        const expected = describeTables(sample.tables)
        sample.commits(4)
        Object.assign(host.files.faults.plan, { faults: [{ kind: 'any', nth, error: 'EIO' }] })
        const outcome = await checkpointer.checkpoint().then(
          (report) => (report.leftBehind.length === 0 ? 'done' : 'left behind'),
          (error: { code: string }) => error.code,
        )
        outcomes.push(outcome)
        if (outcome === 'done' || outcome === 'left behind') return
        const again = await checkpointer.checkpoint().catch((error: unknown) => error)
        const refusal = { code: 'Poisoned' }
        const answers = outcome === 'Poisoned' ? refusal : { sequence: 12 }
        const state = outcome === 'Poisoned' ? expected : describeTables(sample.tables)
        expect(again).toMatchObject(answers)
        expect(describeTables(await load(host, manifests.current))).toEqual(state)
      })
    }
    expect(outcomes.length).toBeGreaterThan(20)
    expect(new Set(outcomes)).toEqual(new Set(['IoFailed', 'Poisoned', 'left behind', 'done']))
  })

  it.each([
    { kind: 'list', left: ['checkpoint'], isGone: false },
    { kind: undefined, left: [], isGone: true },
  ] as const)('alone leaves nothing older, or tells what is left ($kind)', async (fails) => {
    const { host, sample, checkpointer } = await setUp()
    const { plan } = host.files.faults
    await host.run(async () => {
      sample.commits(4)
      await checkpointer.checkpoint()
      const oldest = '/db/checkpoint/00000001.checkpoint'
      Object.assign(plan, { faults: [{ kind: 'remove', path: oldest, nth: 1, error: 'EIO' }] })
      for (let round = 0; round < 2; round++) {
        sample.commits(9)
        await checkpointer.checkpoint()
      }
      expect(await host.files.list('/db/checkpoint')).toContain('00000001.checkpoint')
      const { kind } = fails
      Object.assign(plan, { faults: kind === undefined ? [] : [{ kind, nth: 1, error: 'EIO' }] })
      const { leftBehind } = await checkpointer.checkpoint('alone')
      expect(leftBehind.map(({ name }) => name)).toEqual(fails.left)
      const names = await host.files.list('/db/checkpoint')
      expect(names.includes('00000001.checkpoint')).toBe(!fails.isGone)
    })
  })
})
