import { describe, expect, it } from 'vitest'
import {
  type DatabaseError,
  inspect,
  open,
  recover,
  relocate,
  restore,
} from '../../packages/asofdb/src/index.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { caught } from '../errors/caught.ts'
import { hostWith } from '../transfer/host-with-files.ts'
import {
  commitUpTo,
  contentOf,
  copyFolder,
  directory,
  elsewhere,
  emptyFolder,
  isAsWritten,
  openOn,
} from './placed-database.ts'

const segment = 'log-0000000000000001-00000001.seg'

/** A machine with a closed database of ten commits, two of them in a checkpoint of their own. */
async function machine(paths: object = elsewhere): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed: 'custom paths' })
  await host.run(async () => {
    const database = await openOn(host, paths)
    await commitUpTo(database, 2)
    await database.checkpoint()
    await commitUpTo(database, 10)
    await database.close()
  })
  return host
}

function refusalOf(work: Promise<unknown>): Promise<DatabaseError> {
  return caught(() => work)
}

describe('a log and checkpoints in directories of their own', () => {
  it('lie there and nowhere else, and are found again without saying where', async () => {
    const host = await machine()
    await host.run(async () => {
      expect(await host.files.list(directory)).toEqual(['MANIFEST', 'MANIFEST.previous', 'PATHS'])
      expect(await host.files.list('/fast/log')).toContain('OWNER')
      const segments = (await host.files.list('/fast/log')).filter((name) => name.endsWith('.seg'))
      expect(segments.length).toBeGreaterThan(0)
      expect(await host.files.list('/big/points')).toContain('00000002.checkpoint')
      const database = await openOn(host)
      expect(database.recovery.outcome).toBe('clean')
      expect(isAsWritten(database)).toBe(true)
      await commitUpTo(database, 20)
      expect(await database.verify()).toMatchObject({ isSound: true, sequence: 20 })
      await database.close()
      const { isSound, places } = await inspect(directory, { host })
      const { logDirectory: log, checkpointDirectory: checkpoint } = elsewhere
      expect({ isSound, places }).toEqual({ isSound: true, places: { log, checkpoint } })
    })
  })

  it.each([
    { paths: { logDirectory: '../log' }, log: '/site/log', checkpoint: `${directory}/checkpoint` },
    {
      paths: { checkpointDirectory: '/big/points' },
      log: `${directory}/log`,
      checkpoint: '/big/points',
    },
    {
      paths: { logDirectory: 'wal', checkpointDirectory: 'snap/shots' },
      log: `${directory}/wal`,
      checkpoint: `${directory}/snap/shots`,
    },
    {
      paths: { logDirectory: 'log', checkpointDirectory: `${directory}/checkpoint` },
      log: `${directory}/log`,
      checkpoint: `${directory}/checkpoint`,
    },
  ])('may be relative to the database, inside of it, or one of them: %o', async (of) => {
    const { paths, log, checkpoint } = of
    const host = await machine(paths)
    await host.run(async () => {
      expect((await host.files.list(log)).some((name) => name.endsWith('.seg'))).toBe(true)
      expect(await host.files.list(checkpoint)).toContain('00000001.checkpoint')
      for (const again of [{}, paths]) {
        const database = await openOn(host, again)
        expect(isAsWritten(database)).toBe(true)
        await database.close()
      }
    })
  })

  it('are backed up, restored and forked into one directory, and read as a source', async () => {
    const host = await machine()
    await host.run(async () => {
      const database = await openOn(host)
      await database.backup('/copies/backup')
      await database.fork('/copies/fork', { toSequence: 7 })
      for (const inside of ['/fast/log/x', '/big/points', '/site/db/x']) {
        expect((await refusalOf(database.backup(inside))).code).toBe('InvalidArgument')
        expect((await refusalOf(database.fork(inside))).code).toBe('InvalidArgument')
      }
      await database.close()
      await restore(directory, '/copies/restored', { host, toSequence: 5 })
      for (const [name, sequence] of [['backup', 10], ['fork', 7], ['restored', 5]] as const) {
        const copy = await open(`/copies/${name}`, { host, create: false })
        expect(copy.sequence).toBe(sequence)
        expect(isAsWritten(copy)).toBe(true)
        await copy.close()
        expect(await host.files.list(`/copies/${name}`)).not.toContain('PATHS')
      }
    })
  })

  it('are named with where they are when something in them is damaged', async () => {
    const host = new SimulatedHost({ seed: 'damaged' })
    await host.run(async () => {
      const database = await openOn(host, elsewhere)
      await commitUpTo(database, 12)
    })
    const next = host.kill()
    await next.run(async () => {
      const file = await next.files.open(`/fast/log/${segment}`, 'write')
      await file.write(new Uint8Array([1, 2, 3]), 4500)
      await file.close()
      const refused = await refusalOf(openOn(next))
      expect(refused).toMatchObject({ code: 'Corrupt', details: { file: `log/${segment}` } })
      expect(refused.message).toContain('log/ of this database is /fast/log')
      const { places, damage } = await inspect(directory, { host: next })
      expect([places.log, damage[0]?.file]).toEqual(['/fast/log', `log/${segment}`])
      const report = await recover(directory, { host: next })
      expect(report.outcome).toBe('repaired')
      expect(report.quarantined.map(({ file }) => file)).toContain(`log/${segment}`)
      const repaired = await openOn(next)
      expect(isAsWritten(repaired)).toBe(true)
      await repaired.close()
      expect(await next.files.list('/fast/log')).not.toContain(segment)
    })
  })

  it('keep a file that another disk refuses to read where it is, under another name', async () => {
    const host = new SimulatedHost({ seed: 'refused' })
    await host.run(async () => {
      const database = await openOn(host, elsewhere)
      await commitUpTo(database, 12)
    })
    const next = host.kill()
    const broken = hostWith(next, {
      files: {
        open: async (path, mode) => {
          const file = await next.files.open(path, mode)
          if (path !== `/fast/log/${segment}`) return file
          return Object.assign(Object.create(file) as typeof file, {
            read: (into: Uint8Array, position: number) =>
              position + into.length > 4608 && position < 5120
                ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
                : file.read(into, position),
            size: () => file.size(),
            close: () => file.close(),
          })
        },
        rename: (from, to) =>
          from.startsWith('/fast') === to.startsWith('/fast')
            ? next.files.rename(from, to)
            : Promise.reject(Object.assign(new Error('EXDEV'), { code: 'EXDEV' })),
      },
    })
    await next.run(async () => {
      const report = await recover(directory, { host: broken })
      expect(report.outcome).toBe('repaired')
      expect(await next.files.list('/fast/log')).toContain(`${segment}.unreadable`)
      const database = await openOn(next)
      expect(isAsWritten(database)).toBe(true)
      await database.close()
    })
  })
})

describe('directories that are not the right ones', () => {
  it('are refused when the database was made with others, and nothing is changed', async () => {
    for (const paths of [elsewhere, {}]) {
      const host = await machine(paths)
      await host.run(async () => {
        const before = await contentOf(host, '')
        const refused = await refusalOf(openOn(host, { ...elsewhere, logDirectory: '/other' }))
        expect(refused.code).toBe('InvalidArgument')
        const stored = paths === elsewhere ? '/fast/log' : '/site/db/log'
        expect(refused.message).toContain(`with the log in ${stored}`)
        expect(await contentOf(host, '')).toEqual(before)
      })
    }
  })

  it.each([
    [{ logDirectory: '' }],
    [{ logDirectory: 7 as unknown as string }],
    [{ logDirectory: '/site' }],
    [{ logDirectory: '.' }],
    [{ logDirectory: 'index' }],
    [{ logDirectory: 'checkpoint/log' }],
    [{ checkpointDirectory: 'UNFINISHED' }],
    [{ checkpointDirectory: 'MANIFEST' }],
    [{ checkpointDirectory: 'log' }],
    [{ logDirectory: '/other', checkpointDirectory: '/other' }],
    [{ logDirectory: '/other', checkpointDirectory: '/other/points' }],
  ])('are refused where they would be in the way: %o', async (paths) => {
    const host = new SimulatedHost({ seed: 'in the way' })
    await host.run(async () => {
      expect((await refusalOf(openOn(host, paths))).code).toBe('InvalidArgument')
      const database = await openOn(host)
      await database.close()
    })
  })

  it('are refused in memory', async () => {
    for (const options of [{ durability: 'memory' } as const, {}]) {
      const path = options.durability === undefined ? ':memory:' : directory
      const refused = await refusalOf(open(path, { ...options, logDirectory: '/other' }))
      expect(refused.code).toBe('InvalidArgument')
    }
  })

  it('are refused when they hold other things, or belong to another database', async () => {
    const host = await machine()
    await host.run(async () => {
      await host.files.makeDirectory('/other')
      await host.files.makeDirectory('/other/things')
      const other = (logDirectory: string) => open('/site/second', { host, logDirectory })
      expect(await refusalOf(other('/other'))).toMatchObject({ code: 'NotADatabase' })
      const foreign = await refusalOf(other('/fast/log'))
      expect(foreign.code).toBe('ForeignFile')
      expect(foreign.message).toContain(`the log of the database in ${directory}`)
      // Nothing stands in the way of another choice.
      const database = await other('/third')
      await database.close()
      const first = await openOn(host)
      expect(isAsWritten(first)).toBe(true)
      await first.close()
    })
  })

  it('are refused when they are of a database that was there before', async () => {
    const host = await machine()
    await host.run(async () => {
      await copyFolder(host, { from: '/fast/log', to: '/saved' })
      for (const path of [directory, '/fast/log', '/big/points']) await emptyFolder(host, path)
      const database = await openOn(host, elsewhere)
      await commitUpTo(database, 3)
      await database.close()
      await emptyFolder(host, '/fast/log')
      await copyFolder(host, { from: '/saved', to: '/fast/log' })
      const refused = await refusalOf(openOn(host))
      expect(refused.code).toBe('ForeignFile')
      expect(refused.message).toContain("can't be taken for the log")
    })
  })

  it('that are not there, or not mounted, are an error and no empty database', async () => {
    for (const part of ['/fast/log', '/big/points']) {
      for (const isMounted of [true, false]) {
        const host = await machine()
        await host.run(async () => {
          await copyFolder(host, { from: part, to: '/saved' })
          await emptyFolder(host, part)
          const gone = hostWith(host, {
            files: {
              stat: (path) =>
                !isMounted && path === part ? Promise.resolve(undefined) : host.files.stat(path),
            },
          })
          const before = await contentOf(host, '')
          for (const recovery of ['strict', 'bestEffort', 'repair'] as const) {
            const refused = await refusalOf(openOn(gone, { recovery }))
            expect(refused.code).toBe('IoFailed')
            expect(refused.message).toContain(`kept in ${part}`)
          }
          expect((await refusalOf(inspect(directory, { host: gone }))).code).toBe('IoFailed')
          expect((await refusalOf(restore(directory, '/r', { host: gone }))).code).toBe('IoFailed')
          expect(await contentOf(host, '')).toEqual(before)
          await copyFolder(host, { from: '/saved', to: part })
          const database = await openOn(host)
          expect(isAsWritten(database)).toBe(true)
          await database.close()
        })
      }
    }
  })

  it('are not shared by a copy of the database directory, open or not', async () => {
    const host = await machine()
    await host.run(async () => {
      await copyFolder(host, { from: directory, to: '/site/copy' })
      const closed = await refusalOf(open('/site/copy', { host }))
      expect(closed.code).toBe('ForeignFile')
      expect(closed.message).toContain(`of the database in ${directory}`)
      const database = await openOn(host)
      expect((await refusalOf(open('/site/copy', { host }))).code).toBe('Locked')
      await commitUpTo(database, 12)
      expect(isAsWritten(database)).toBe(true)
      await database.close()
    })
  })

  it('that are relative go with the database when both are copied', async () => {
    const host = await machine({ logDirectory: '../log' })
    await host.run(async () => {
      await copyFolder(host, { from: '/site', to: '/moved' })
      const [old, copy] = [await openOn(host), await open('/moved/db', { host })]
      await commitUpTo(copy, 13)
      expect([old.sequence, copy.sequence]).toEqual([10, 13])
      expect(isAsWritten(copy)).toBe(true)
      await old.close()
      await copy.close()
    })
  })

  it('are no place for a new database when every manifest is gone', async () => {
    const host = await machine()
    await host.run(async () => {
      for (const name of ['MANIFEST', 'MANIFEST.previous']) {
        await host.files.remove(`${directory}/${name}`)
      }
      const before = await contentOf(host, '')
      expect((await refusalOf(openOn(host))).code).toBe('Corrupt')
      const others = { logDirectory: '/other', checkpointDirectory: '/others' }
      expect((await refusalOf(openOn(host, others))).code).toBe('InvalidArgument')
      expect(await contentOf(host, '')).toEqual(before)
      const database = await openOn(host, { recovery: 'repair' })
      expect(database.sequence).toBe(10)
      expect(isAsWritten(database)).toBe(true)
      await database.close()
    })
  })

  it('of a backup that was taken apart are not brought up to date', async () => {
    const host = new SimulatedHost({ seed: 'apart' })
    await host.run(async () => {
      const database = await openOn(host)
      await commitUpTo(database, 3)
      await database.backup('/copies/backup')
      await host.files.rename('/copies/backup/checkpoint', '/copies/points')
      await relocate('/copies/backup', { host, checkpointDirectory: '../points' })
      await commitUpTo(database, 5)
      expect((await refusalOf(database.backup('/copies/backup'))).code).toBe('AlreadyExists')
      await restore('/copies/backup', '/restored', { host })
      await database.close()
    })
  })

  it('are not known any more when PATHS is damaged or gone, and nothing is made up', async () => {
    const host = await machine()
    await host.run(async () => {
      const file = await host.files.open(`${directory}/PATHS`, 'write')
      await file.write(new Uint8Array([63]), 60)
      await file.close()
      const refused = await refusalOf(openOn(host))
      expect(refused).toMatchObject({ code: 'Corrupt', details: { file: `${directory}/PATHS` } })
      await host.files.remove(`${directory}/PATHS`)
      expect(await refusalOf(openOn(host))).toMatchObject({ code: 'Corrupt' })
    })
  })
})
