import { describe, expect, it } from 'vitest'
import { type Database, type Host, open, type OpenOptions } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { filesBelow, flipByte, wait } from '../simulation/simulated-machine.ts'
import { hostWith } from '../transfer/host-with-files.ts'
import { askAll, Secrets, secretOptions, tellSecrets, type Told } from './secrets.ts'

const path = '/database'
const backupPath = '/backup'

const modes: readonly [string, OpenOptions][] = [
  ['sync', { durability: 'sync' }],
  ['interval', { durability: 'interval' }],
  ['os', { durability: 'os' }],
  ['log async, fsync always', { log: 'async', fsync: 'always' }],
  ['log async, fsync never', { log: 'async', fsync: 'never' }],
  ['no log', { log: 'off' }],
  ['LZ4', { checkpointCompression: 'lz4' }],
]

type Before = 'nothing' | 'a checkpoint' | 'two checkpoints' | 'another opening'

const stages: readonly Before[] = ['nothing', 'a checkpoint', 'two checkpoints', 'another opening']

const cases = modes.flatMap(([mode, options], at) =>
  stages
    .filter((before) => at === 0 || before === 'nothing' || before === 'another opening')
    .map((before): [string, Before, OpenOptions] => [mode, before, options]),
)

function targetsOf({ person, edge, key, tuple }: Told) {
  return [person, edge, { keyspace: 'vault', key }, { keyspace: 'vault', key: tuple }]
}

async function mustBeSound(database: Database): Promise<void> {
  const { isSound, problems } = await database.verify()
  expect({ isSound, problems }).toEqual({ isSound: true, problems: [] })
}

/** A machine, and how the database on it is opened. */
interface World {
  readonly host: SimulatedHost
  readonly secrets: Secrets
  readonly openIt: (options?: OpenOptions) => Promise<Database>
  readonly found: (directory?: string) => Promise<string[]>
}

function inWorld(seed: string, play: (world: World) => Promise<void>): Promise<void> {
  const host = new SimulatedHost({ seed })
  const secrets = new Secrets(seed)
  return host.run(() =>
    play({
      host,
      secrets,
      openIt: (options = {}) => open(path, { host, ...secretOptions, ...options }),
      found: (directory = path) => secrets.foundIn(host, directory),
    }),
  )
}

describe('after an erasure no file holds a byte of what was erased', () => {
  it.each(cases)('%s, with %s before it', async (mode, before, options) => {
    await inWorld(`${mode}, ${before}`, async ({ openIt, secrets, found }) => {
      let database = await openIt(options)
      const told = await tellSecrets(database, secrets)
      if (before.endsWith('checkpoint') || before.endsWith('checkpoints')) {
        await database.checkpoint()
      }
      if (before === 'two checkpoints') {
        await database.write((tx) => tx.patch(told.other, { name: 'another' }))
        await database.checkpoint()
      }
      if (before === 'another opening') {
        await database.close()
        database = await openIt(options)
        askAll(database, told.person)
      }
      if (before !== 'nothing') expect(await found()).not.toEqual([])
      const report = await database.erase(targetsOf(told))
      expect(report).toMatchObject({ nodes: 1, edges: 4, keys: 2, remaining: [] })
      expect(await found()).toEqual([])
      askAll(database, told.person)
      await database.write((tx) => tx.keys('vault').put('after', 1))
      await database.checkpoint()
      await mustBeSound(database)
      await database.close()
      expect(await found()).toEqual([])
      const again = await openIt(options)
      askAll(again, told.person)
      expect(again.node(told.person)).toBeUndefined()
      expect(again.keys('vault').get('stays')).toBe('with us')
      await mustBeSound(again)
      await again.close()
      expect(await found()).toEqual([])
    })
  })

  it('nor does a log of an opening that still had one', async () => {
    await inWorld('log of before', async ({ openIt, secrets, found }) => {
      const logged = await openIt()
      const told = await tellSecrets(logged, secrets)
      await logged.close()
      expect((await found()).some((one) => one.startsWith('log/'))).toBe(true)
      const database = await openIt({ log: 'off' })
      expect(await database.erase(targetsOf(told))).toMatchObject({ remaining: [] })
      expect(await found()).toEqual([])
      await mustBeSound(database)
      await database.close()
      const again = await openIt()
      expect(again.keys('vault').get('stays')).toBe('with us')
      await again.write((tx) => tx.keys('vault').put('after', 1))
      await mustBeSound(again)
      await again.close()
      expect(await found()).toEqual([])
    })
  })

  it.each([0, 100, 200, 1000])(
    'nor does an image of an index, %i ms after its begin',
    async (ms) => {
      await inWorld('images', async ({ host: simulated, secrets, found }) => {
        const host = withSlowImages(simulated)
        const database = await open(path, { host, ...secretOptions })
        const told = await tellSecrets(database, secrets)
        await database.checkpoint()
        // The checkpoint has begun to write images.
        await wait(host, ms)
        const report = await database.erase(targetsOf(told))
        expect(report.remaining).toEqual([])
        expect(await found()).toEqual([])
        askAll(database, told.person)
        await database.close()
        const names = await filesBelow(host.files, `${path}/index`)
        expect(names.some((name) => name.includes('/property-'))).toBe(true)
        expect(await found()).toEqual([])
      })
    },
  )

  it.each(modes)('nor after a power cut at that moment (%s)', async (mode, options) => {
    const host = new SimulatedHost({ seed: `power cut ${mode}` })
    const secrets = new Secrets(mode)
    const told = await host.run(async () => {
      const first = await open(path, { host, ...secretOptions, ...options })
      const found = await tellSecrets(first, secrets)
      await first.close()
      const database = await open(path, { host, ...secretOptions, ...options })
      askAll(database, found.person)
      await database.erase(targetsOf(found))
      return found
    })
    for (const crash of host.crashes({ randomCount: 4 })) {
      const next = host.crash(crash)
      await next.run(async () => {
        expect([crash, await secrets.foundIn(next, path)]).toEqual([crash, []])
        const database = await open(path, { host: next, ...secretOptions, ...options })
        expect(database.node(told.person)).toBeUndefined()
        expect(database.keys('vault').get('stays')).toBe('with us')
        await database.close()
      })
    }
  })

  it('nor of several that were asked for at once, while a checkpoint is made', async () => {
    await inWorld('at once', async ({ openIt, secrets, found }) => {
      const database = await openIt()
      const told = await tellSecrets(database, secrets)
      const checkpoint = database.checkpoint()
      const erasures = targetsOf(told).map((target) => database.erase(target))
      const compaction = database.compact()
      for (const { remaining } of await Promise.all(erasures)) expect(remaining).toEqual([])
      expect(await found()).toEqual([])
      await Promise.all([checkpoint, compaction])
      await mustBeSound(database)
      await database.close()
      expect(await found()).toEqual([])
    })
  })

  it('nor when closing cut it short, once the next opening has finished it', async () => {
    await inWorld('closed', async ({ host, openIt, secrets, found }) => {
      const database = await openIt()
      const told = await tellSecrets(database, secrets)
      const committed = new Promise<void>((resolve) => database.on('commit', () => resolve()))
      const erasing = database.erase(targetsOf(told)).catch((error: unknown) => error)
      await committed
      await database.close()
      expect(await erasing).toMatchObject({ code: 'Closed' })
      expect(await found()).not.toEqual([])
      const again = await openIt()
      expect(again.node(told.person)).toBeUndefined()
      await wait(host, 1000)
      expect(await found()).toEqual([])
      expect(again.health().reasons).toEqual([])
      await again.close()
    })
  })

  it('nor does memory that a fork is made of, before the tables are made anew', async () => {
    await inWorld('fork', async ({ openIt, secrets, found }) => {
      const database = await openIt()
      const told = await tellSecrets(database, secrets)
      const { sequence } = database
      const committed = new Promise<void>((resolve) => database.on('commit', () => resolve()))
      const erasing = database.erase(targetsOf(told))
      await committed
      await database.fork('/early', { toSequence: sequence })
      await erasing
      await database.fork('/late')
      for (const folder of ['/early', '/late']) expect(await found(folder)).toEqual([])
      await database.close()
    })
  })
})

describe('an image of an index that is written while tables are made anew', () => {
  it.each([0, 60, 120, 170, 180, 190, 240])('is none of the new ones, after %i ms', async (ms) => {
    await inWorld(`anew ${ms}`, async ({ host: simulated }) => {
      const host = withSlowImages(simulated)
      const database = await open(path, { host, ...secretOptions })
      const told = await tellSecrets(database, new Secrets('anew'))
      await database.checkpoint()
      await wait(host, ms)
      await database.prune()
      await database.prune({ before: database.commit(15)?.system })
      // As many rows as there were before, so that numbers of rows alone tell nothing.
      for (let number = 0; number < 14; number++) {
        await database.write((tx) => {
          tx.keys('vault').put(['later', number % 7, number], number)
          tx.createNode('Filler', { number })
        })
      }
      const idsIn = (one: Database) => [...one.nodes('Filler')].map(({ id }) => id)
      const keysIn = (one: Database) => [...one.keys('vault').range({})]
      const expected = [idsIn(database), keysIn(database)]
      await database.close()
      const again = await open(path, { host, ...secretOptions })
      askAll(again, told.person)
      expect([idsIn(again), keysIn(again)]).toEqual(expected)
      expect(again.recovery.indexes.filter(({ state }) => state === 'damaged')).toEqual([])
      await mustBeSound(again)
      await again.close()
    })
  })
})

describe('a backup that is brought up to date after an erasure', () => {
  it('holds nothing of it, images of indexes included, nor after a power cut', async () => {
    const cut: { host: SimulatedHost; secrets: Secrets }[] = []
    await inWorld('opened backup', async ({ host, openIt, secrets, found }) => {
      const database = await openIt()
      const told = await tellSecrets(database, secrets)
      await database.backup(backupPath)
      const copy = await open(backupPath, { host, ...secretOptions })
      askAll(copy, told.person)
      await copy.close()
      expect((await found(backupPath)).some((one) => one.startsWith('index/'))).toBe(true)
      await database.erase(targetsOf(told))
      const { leftBehind } = await database.backup(backupPath)
      expect(leftBehind).toEqual([])
      expect(await found(backupPath)).toEqual([])
      cut.push({ host: host.fork().crash({ mode: 'none-kept' }), secrets })
      await database.close()
    })
    for (const { host, secrets } of cut) {
      expect(await host.run(() => secrets.foundIn(host, backupPath))).toEqual([])
      expect(await host.run(() => host.files.list(`${backupPath}/checkpoint`))).toHaveLength(1)
    }
  })

  it('tells the files that it could not remove, and goes on with them the next time', async () => {
    await inWorld('stuck backup', async ({ host: simulated, secrets, found }) => {
      let isStuck = false
      const remove = async (name: string): Promise<void> => {
        if (isStuck && name.startsWith(`${backupPath}/`) && !name.endsWith('.tmp')) {
          throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' })
        }
        await simulated.files.remove(name)
      }
      const host = hostWith(simulated, { files: { remove } })
      const database = await open(path, { host, ...secretOptions })
      const told = await tellSecrets(database, secrets)
      const { sequence } = await database.backup(backupPath)
      const names = (await host.files.list(`${backupPath}/checkpoint`)).map(
        (name) => `checkpoint/${name}`,
      )
      await database.erase(targetsOf(told))
      isStuck = true
      const stuck = await database.backup(backupPath)
      expect(stuck.removed).toEqual([])
      expect(stuck.leftBehind).toEqual(names.map((name) => ({ name, why: 'EBUSY' })))
      expect(await found(backupPath)).not.toEqual([])
      const { backups } = await database.erase([])
      expect(backups).toEqual([{ directory: backupPath, sequence }])
      isStuck = false
      const again = await database.backup(backupPath)
      expect(again.leftBehind).toEqual([])
      expect(again.removed).toEqual(expect.arrayContaining(names))
      expect(await found(backupPath)).toEqual([])
      expect((await database.erase([])).backups).toEqual([])
      await database.close()
    })
  })
})

describe('files that cannot go at once are told', () => {
  it('those that a backup reads, until it has ended', async () => {
    await inWorld('backup', async ({ host: simulated, secrets, found }) => {
      const { host, reached, release } = stoppedBackup(simulated)
      const database = await open(path, { host, ...secretOptions })
      const told = await tellSecrets(database, secrets)
      await database.checkpoint()
      const backing = database.backup(backupPath)
      await reached
      await compactOften(database)
      const { remaining, backupsBefore, backups } = await database.erase(targetsOf(told))
      // It has never been reported done.
      expect(backups).toEqual([{ directory: backupPath, sequence: 0 }])
      expect(remaining.length).toBeGreaterThan(0)
      for (const { why } of remaining) expect(why).toContain('a backup reads it')
      const names = remaining.map(({ name }) => name)
      const held = new Set((await found()).map((one) => one.slice(0, one.indexOf(': '))))
      expect(held.size).toBeGreaterThan(0)
      for (const name of held) expect(names).toContain(name)
      release()
      const backup = await backing
      expect(await found()).toEqual([])
      expect(backup.sequence).toBeLessThan(backupsBefore)
      expect(await found(backupPath)).not.toEqual([])

      const newer = await database.backup(backupPath)
      expect(newer.sequence).toBeGreaterThanOrEqual(backupsBefore)
      expect((await database.erase([])).backups).toEqual([])
      expect(await found(backupPath)).toEqual([])
      await database.close()
      const copy = await open(backupPath, { host, ...secretOptions })
      expect(copy.asOf({ sequence: backup.sequence }).node(told.person)).toBeUndefined()
      await mustBeSound(copy)
      await copy.close()
      expect(await found(backupPath)).toEqual([])
    })
  })

  it('those in quarantine, which nobody looks into', async () => {
    await inWorld('quarantine', async ({ host, openIt, secrets, found }) => {
      const database = await openIt()
      const told = await tellSecrets(database, secrets)
      await database.close()
      const [file = ''] = await filesBelow(host.files, `${path}/checkpoint`)
      await flipByte(host.files, file, -16)
      const repaired = await openIt({ recovery: 'repair' })
      const names = (await host.files.list(`${path}/quarantine`)).map(
        (name) => `quarantine/${name}`,
      )
      expect(names.length).toBeGreaterThan(0)
      const { remaining } = await repaired.erase(targetsOf(told))
      expect(remaining.map(({ name }) => name)).toEqual(names)
      const left = await found()
      expect(left).not.toEqual([])
      expect(left.filter((one) => !one.startsWith('quarantine/'))).toEqual([])
      await repaired.close()
    })
  })

  it('those that the disk does not let go of, until the next opening', async () => {
    await inWorld('stuck', async ({ host: simulated, secrets, found }) => {
      let isStuck = false
      const remove = async (name: string): Promise<void> => {
        const isHeld = /\/(checkpoint|index)\//.test(name) && !name.endsWith('.tmp')
        const isThere = (await simulated.files.stat(name)) !== undefined
        if (isStuck && isHeld && isThere) throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' })
        await simulated.files.remove(name)
      }
      const host = hostWith(simulated, { files: { remove } })
      const database = await open(path, { host, ...secretOptions })
      const told = await tellSecrets(database, secrets)
      await database.close()
      const again = await open(path, { host, ...secretOptions })
      isStuck = true
      await compactOften(again)
      const { remaining } = await again.erase(targetsOf(told))
      const held = new Set((await found()).map((one) => one.slice(0, one.indexOf(': '))))
      const named = remaining.map(({ name }) => name)
      expect(held.size).toBeGreaterThan(1)
      for (const name of held) expect(named).toContain(name)
      isStuck = false
      await again.close()
      await (await open(path, { host, ...secretOptions })).close()
      expect(await found()).toEqual([])
    })
  })
})

/** A machine on which whatever happens to the name of an image takes a while. */
function withSlowImages(simulated: SimulatedHost): Host {
  const pause = async (name: string): Promise<void> => {
    if (!name.startsWith(`${path}/index/`)) return
    await wait(simulated, 20)
  }
  return hostWith(simulated, {
    files: {
      rename: async (from, to) => {
        await pause(to)
        await simulated.files.rename(from, to)
      },
      remove: async (name) => {
        await pause(name)
        await simulated.files.remove(name)
      },
    },
  })
}

/** Until no manifest names the files any more that were there before. */
async function compactOften(database: Database): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await database.write((tx) => tx.keys('vault').put('round', round))
    await database.compact()
  }
}

/** A machine on which a backup waits with its first file until it is let go. */
function stoppedBackup(simulated: SimulatedHost) {
  let tell: () => void = () => undefined
  let release: () => void = () => undefined
  const reached = new Promise<void>((resolve) => void (tell = resolve))
  const gate = new Promise<void>((resolve) => void (release = resolve))
  const host: Host = hostWith(simulated, {
    files: {
      open: async (name, mode) => {
        if (mode === 'create' && name.startsWith(`${backupPath}/checkpoint/`)) {
          tell()
          await gate
        }
        return simulated.files.open(name, mode)
      },
    },
  })
  return { host, reached, release: () => release() }
}
