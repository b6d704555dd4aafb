import { describe, expect, it } from 'vitest'
import type { HostFile } from '../../packages/asofdb/src/host/host.ts'
import { DatabaseError } from '../../packages/asofdb/src/rules/errors.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { bytesOf, filesBelow } from '../simulation/simulated-machine.ts'
import { describeTables, SampleCommits } from './sample-commits.ts'
import { StoredCommits } from './stored-commits.ts'

const seed = 'recovery'

/** What the tables hold after so many commits. */
function expected(sequence: number): unknown {
  const sample = new SampleCommits(seed)
  sample.commits(sequence)
  return describeTables(sample.tables)
}

interface Story {
  /** Small segments, so that there are several. */
  readonly segmentBytesMax?: number
  /** After how many commits a checkpoint is made. */
  readonly checkpointsAt?: readonly number[]
  readonly commits: number
  readonly isClosed?: boolean
}

/** A machine on which a database was used; commits are those of the seed. */
async function machineAfter(story: Story): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed })
  await host.run(async () => {
    const { segmentBytesMax = 1024 * 1024 } = story
    const stored = await StoredCommits.open({ host, seed, segmentBytesMax })
    for (let sequence = 1; sequence <= story.commits; sequence++) {
      await stored.commit()
      if (story.checkpointsAt?.includes(sequence)) await stored.checkpoint()
    }
    if (story.isClosed !== false) await stored.close()
  })
  return host
}

async function reopen(host: SimulatedHost, options: { create?: boolean } = {}) {
  return host.run(async () => StoredCommits.open({ host, seed, ...options }))
}

async function refusalOf(host: SimulatedHost, options: { create?: boolean } = {}) {
  const before = await contentOf(host)
  const error = await reopen(host, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(await contentOf(host)).toEqual(before)
  if (!(error instanceof DatabaseError)) throw new Error('it was opened', { cause: error })
  return error
}

/** All files and their bytes. */
function contentOf(host: SimulatedHost): Promise<Map<string, string>> {
  return host.run(async () => {
    const content = new Map<string, string>()
    for (const path of await filesBelow(host.files, '/db')) {
      content.set(path, (await bytesOf(host.files, path)).toString('hex'))
    }
    return content
  })
}

function edit(host: SimulatedHost, path: string, change: (file: HostFile) => Promise<unknown>) {
  return host.run(async () => {
    const file = await host.files.open(path, 'write')
    await change(file)
    await file.sync()
    await file.close()
  })
}

async function flip(host: SimulatedHost, path: string, bit: number): Promise<void> {
  await edit(host, path, async (file) => {
    const byte = new Uint8Array(1)
    await file.read(byte, bit >>> 3)
    byte[0] = (byte[0] ?? 0) ^ (1 << (bit & 7))
    await file.write(byte, bit >>> 3)
  })
}

const names = (host: SimulatedHost, path: string) => host.run(() => host.files.list(path))

describe('opening a directory', () => {
  it('makes a database where there is nothing, and opens it again', async () => {
    const host = new SimulatedHost({ seed })
    await host.run(async () => {
      const stored = await StoredCommits.open({ host, seed, directory: '/deep/er/db' })
      expect(stored.opened.report).toMatchObject({ outcome: 'created', row: 'A' })
      expect(stored.opened.manifest).toMatchObject({ epoch: 1, settings: { nodesValid: 'now' } })
      await stored.commits(3)
      await stored.close()
      const again = await StoredCommits.open({ host, seed, directory: '/deep/er/db' })
      expect(again.opened.report).toMatchObject({
        outcome: 'clean',
        isCleanShutdown: true,
        replayed: { records: 3, firstSequence: 1, lastSequence: 3 },
      })
      expect(again.opened.manifest).toMatchObject({
        epoch: 2,
        databaseId: stored.opened.manifest.databaseId,
      })
      expect(describeTables(again.sample.tables)).toEqual(expected(3))
    })
  })

  it('goes on over many openings, checkpoints and segments as if it never ended', async () => {
    const host = new SimulatedHost({ seed })
    let before = describeTables(new SampleCommits(seed).tables)
    await host.run(async () => {
      for (let opening = 1; opening <= 8; opening++) {
        const stored = await StoredCommits.open({ host, seed: `${opening}`, segmentBytesMax: 5000 })
        expect(describeTables(stored.sample.tables)).toEqual(before)
        expect(stored.opened.manifest.epoch).toBe(opening)
        for (let round = 0; round < 3; round++) {
          for (let commit = 0; commit < 1 + opening * round; commit++) {
            await stored.commit()
          }
          if ((opening + round) % 2 === 0) await stored.checkpoint()
        }
        before = describeTables(stored.sample.tables)
        expect(await stored.verify()).toMatchObject({ isSound: true, problems: [] })
        await stored.close()
      }
    })
    expect((await names(host, '/db/checkpoint')).length).toBeLessThan(8)
    expect((await names(host, '/db/log')).length).toBeLessThan(12)
  })

  it('refuses to make a database when told not to, or among other things', async () => {
    const host = new SimulatedHost({ seed })
    await host.run(() => host.files.makeDirectory('/db'))
    expect(await refusalOf(host, { create: false })).toMatchObject({
      code: 'NotADatabase',
      details: { row: 'B' },
    })
    await host.run(async () => (await host.files.open('/db/thesis.txt', 'create')).close())
    const error = await refusalOf(host)
    expect(error).toMatchObject({ code: 'NotADatabase', details: { row: 'C' } })
    expect(error.message).toMatch(/thesis\.txt.*directory of its own/)
    expect(error.message).not.toMatch(/delete|remove/)
  })

  it('cuts a torn tail and says so', async () => {
    const host = await machineAfter({ commits: 5, isClosed: false })
    const [segment = ''] = await names(host, '/db/log')
    const path = `/db/log/${segment}`
    const size = (await host.run(() => host.files.stat(path)))?.size ?? 0
    await edit(host, path, (file) => file.truncate(size - 9))
    const stored = await reopen(host)
    expect(stored.opened.report).toMatchObject({
      outcome: 'recovered',
      row: 'R',
      isCleanShutdown: false,
      tornTail: { file: `log/${segment}`, firstSequenceDiscarded: 5 },
      recoveredSequence: 4,
    })
    expect(describeTables(stored.sample.tables)).toEqual(expected(4))
    await host.run(() => stored.commits(2))
    const again = await reopen(host.fork())
    expect(again.opened.report).toMatchObject({ outcome: 'clean', recoveredSequence: 6 })
  })

  it('removes what a crash left and no manifest names', async () => {
    const host = await machineAfter({ commits: 5, checkpointsAt: [3] })
    await host.run(async () => {
      for (const path of ['/db/checkpoint/00000002.checkpoint', '/db/MANIFEST.tmp']) {
        const file = await host.files.open(path, 'create')
        await file.close()
      }
    })
    const stored = await reopen(host)
    expect(stored.opened.report).toMatchObject({
      outcome: 'clean',
      orphansRemoved: ['MANIFEST.tmp', 'checkpoint/00000002.checkpoint'],
    })
    expect(await names(host, '/db')).not.toContain('MANIFEST.tmp')
    expect(await names(host, '/db/checkpoint')).toEqual(['00000001.checkpoint'])
  })

  it('works without a log, and with one again', async () => {
    const host = new SimulatedHost({ seed })
    await host.run(async () => {
      const first = await StoredCommits.open({ host, seed })
      await first.commits(2)
      await first.close()
      const unlogged = await StoredCommits.open({ host, seed: 'more', isLogged: false })
      await unlogged.commits(3)
      await unlogged.checkpoint()
      await unlogged.commits(2)
      const logged = await StoredCommits.open({ host, seed: 'again' })
      const report = { outcome: 'clean', row: 'O', recoveredSequence: 5 }
      expect(logged.opened.report).toMatchObject(report)
      await logged.commits(2)
      await logged.close()
      const last = await StoredCommits.open({ host, seed })
      expect(last.opened.report).toMatchObject({ outcome: 'clean', recoveredSequence: 7 })
      expect(describeTables(last.sample.tables)).toEqual(describeTables(logged.sample.tables))
    })
  })
})

describe('damage at rest', () => {
  const used = { commits: 9, checkpointsAt: [3, 6] } as const

  it('in the newest checkpoint is healed from the one before and the log', async () => {
    const host = await machineAfter({ ...used, segmentBytesMax: 4800 })
    const checkpoints = await names(host, '/db/checkpoint')
    const newest = checkpoints.at(-1) ?? ''
    await flip(host, `/db/checkpoint/${newest}`, 8 * 1000)
    const stored = await reopen(host)
    expect(stored.opened.report).toMatchObject({
      outcome: 'healed',
      row: 'P',
      checkpoint: { sequence: 3 },
      replayed: { firstSequence: 4, lastSequence: 9 },
      healed: [{ file: `checkpoint/${newest}` }],
    })
    expect(describeTables(stored.sample.tables)).toEqual(expected(9))
    await host.run(() => stored.checkpoint())
    const again = await reopen(host.fork())
    expect(again.opened.report).toMatchObject({ outcome: 'clean', damage: [] })
    expect(describeTables(again.sample.tables)).toEqual(expected(9))
  })

  it('to any bit of any checkpoint file is healed or refused, never missed', async () => {
    const original = await machineAfter({ commits: 4, checkpointsAt: [2, 3] })
    const files = await names(original, '/db/checkpoint')
    expect(files.length).toBe(2)
    const whole = expected(4)
    for (const name of files) {
      const path = `/db/checkpoint/${name}`
      const size = (await original.run(() => original.files.stat(path)))?.size ?? 0
      for (let byte = 0; byte < size; byte += byte < 680 ? 7 : 61) {
        const host = original.fork()
        await flip(host, path, byte * 8 + (byte % 8))
        const stored = await reopen(host)
        expect(stored.opened.report).toMatchObject({ outcome: 'healed', recoveredSequence: 4 })
        expect(stored.opened.report.damage[0]?.file).toBe(`checkpoint/${name}`)
        expect(describeTables(stored.sample.tables)).toEqual(whole)
      }
    }
  })

  it('to all checkpoints is refused where the log does not go back to the start', async () => {
    const host = await machineAfter({ ...used, segmentBytesMax: 4300 })
    for (const name of await names(host, '/db/checkpoint')) {
      await flip(host, `/db/checkpoint/${name}`, 8 * 900)
    }
    expect(await refusalOf(host)).toMatchObject({
      code: 'Corrupt',
      details: { row: 'L', file: 'checkpoint/00000001.checkpoint', kind: 'checksum' },
    })
  })

  it('to any bit of the manifest is refused', async () => {
    const original = await machineAfter(used)
    const size = (await original.run(() => original.files.stat('/db/MANIFEST')))?.size ?? 0
    for (let byte = 0; byte < size; byte += byte < 40 ? 1 : 67) {
      const host = original.fork()
      await flip(host, '/db/MANIFEST', byte * 8 + (byte % 8))
      const error = await refusalOf(host)
      expect(error).toMatchObject({ code: 'Corrupt', details: { file: 'MANIFEST' } })
    }
  })

  it('to an acknowledged record is refused, naming file, offset and sequence', async () => {
    const host = await machineAfter({ commits: 6 })
    const [segment = ''] = await names(host, '/db/log')
    await flip(host, `/db/log/${segment}`, 8 * (4096 + 60))
    expect(await refusalOf(host)).toMatchObject({
      code: 'Corrupt',
      details: {
        row: 'M',
        file: `log/${segment}`,
        offset: 4096,
        kind: 'checksum',
        sequenceExpected: 1,
      },
    })
  })

  it('by files that are gone is refused, or healed where the rest suffices', async () => {
    const gone = async (path: string) => {
      const host = await machineAfter({ ...used, segmentBytesMax: 4300 })
      const [, directory = '', place = ''] = /^(.*\/)(first|last|.*)$/.exec(path) ?? []
      const all = await names(host, directory.slice(0, -1))
      const name = place === 'first' ? all[0] : place === 'last' ? all.at(-1) : place
      await host.run(() => host.files.remove(`${directory}${name ?? ''}`))
      return host
    }
    expect(await refusalOf(await gone('/db/MANIFEST'))).toMatchObject({
      code: 'Corrupt',
      details: { row: 'D', kind: 'missing' },
    })
    expect(await refusalOf(await gone('/db/log/last'))).toMatchObject({
      code: 'Corrupt',
      details: { row: 'M', kind: 'missing' },
    })
    const healed = await reopen(await gone('/db/checkpoint/last'))
    expect(healed.opened.report).toMatchObject({ outcome: 'healed', damage: [{ kind: 'missing' }] })
    expect(describeTables(healed.sample.tables)).toEqual(expected(9))
  })

  it('by a manifest that was put back is refused when the log shows it', async () => {
    const host = await machineAfter({ commits: 2 })
    const old = await host.run(() => bytesOf(host.files, '/db/MANIFEST'))
    const options = { host, seed, segmentBytesMax: 4300 }
    const stored = await host.run(async () => StoredCommits.open(options))
    await host.run(() => stored.commits(3))
    await edit(host, '/db/MANIFEST', async (file) => {
      await file.truncate(old.length)
      await file.write(old, 0)
    })
    expect(await refusalOf(host)).toMatchObject({ code: 'Corrupt', details: { row: 'K' } })
  })

  it('by files of another database is refused as foreign', async () => {
    const host = await machineAfter({ ...used })
    const other = new SimulatedHost({ seed: 'other' })
    await other.run(async () => {
      const stored = await StoredCommits.open({ host: other, seed })
      await stored.commits(3)
      await stored.checkpoint()
      await stored.commits(3)
      await stored.checkpoint()
    })
    const [name = ''] = (await names(other, '/db/checkpoint')).slice(-1)
    const bytes = await other.run(() => bytesOf(other.files, `/db/checkpoint/${name}`))
    await edit(host, `/db/checkpoint/${name}`, (file) => file.write(bytes, 0))
    const error = await refusalOf(host)
    const details = { row: 'I', file: `checkpoint/${name}` }
    expect(error).toMatchObject({ code: 'ForeignFile', details })
  })

  it('is found by a verification of the open database', async () => {
    const host = await machineAfter({ ...used })
    const stored = await reopen(host)
    const [checkpoint = ''] = await names(host, '/db/checkpoint')
    const [segment = ''] = await names(host, '/db/log')
    await flip(host, `/db/checkpoint/${checkpoint}`, 8 * 800)
    await flip(host, `/db/log/${segment}`, 8 * 5000)
    const report = await host.run(() => stored.verify())
    expect(report.isSound).toBe(false)
    expect(report.problems.map((problem) => problem.where)).toEqual([
      `checkpoint/${checkpoint}`,
      `log/${segment}`,
    ])
  })
})
