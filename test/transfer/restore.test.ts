import { describe, expect, it } from 'vitest'
import { type Database, type FileSystem, Instant, open, restore } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { expectError } from '../errors/caught.ts'
import { bytesOf } from '../simulation/simulated-machine.ts'
import { hostWith } from './host-with-files.ts'
import { openDatabase, RandomWriter } from './random-database.ts'
import { wholeHistory } from './whole-history.ts'

const backupPath = '/backups/one'

/** A database of some random commits, with checkpoints among them. */
async function build(host: SimulatedHost, seed: string, steps = 40): Promise<Database> {
  const database = await openDatabase(host)
  const writer = new RandomWriter(seed, 300)
  for (let done = 0; done < steps; done += 10) {
    await writer.steps(database, 10)
    await database.checkpoint()
  }
  await writer.steps(database, 5)
  return database
}

/** Opens a copy, verifies it, and holds it against the original as of a commit. */
async function expectEqual(
  host: SimulatedHost,
  path: string,
  of: { readonly original: Database; readonly sequence: number },
): Promise<void> {
  const copy = await openDatabase(host, path)
  expect(copy.sequence).toBe(of.sequence)
  expect(wholeHistory(copy, of.sequence)).toEqual(wholeHistory(of.original, of.sequence))
  expect((await copy.verify()).problems).toEqual([])
  await copy.close()
}

describe('a restored database', () => {
  it('equals the original as of every commit', async () => {
    for (const seed of ['a', 'b']) {
      const host = new SimulatedHost({ seed })
      await host.run(async () => {
        const database = await build(host, seed)
        await database.backup(backupPath)
        expect(database.sequence).toBeGreaterThan(12)
        for (let sequence = 0; sequence <= database.sequence; sequence++) {
          const into = `/restored/${sequence}`
          const report = await restore(backupPath, into, { host, toSequence: sequence })
          expect(report).toMatchObject({ directory: into, sequence })
          expect(report.system).toEqual(database.commit(sequence)?.system ?? null)
          await expectEqual(host, into, { original: database, sequence })
        }
        await database.close()
      })
    }
  })

  it('goes as far as a system time, the commit of that very time included', async () => {
    const host = new SimulatedHost({ seed: 'time' })
    await host.run(async () => {
      const database = await build(host, 'time')
      const times = [...database.changes()].map(({ system }) => system.epochMicroseconds)
      await database.close()
      const middle = times[6] ?? 0n
      const cases: [string, bigint, number][] = [
        ['exactly', middle, 7],
        ['before', middle - 1n, 6],
        ['start', (times[0] ?? 0n) - 1n, 0],
        ['end', times.at(-1) ?? 0n, times.length],
      ]
      for (const [name, micros, sequence] of cases) {
        const toTime = Instant.from(micros)
        const report = await restore('/database', `/${name}`, { host, toTime })
        expect([name, report.sequence]).toEqual([name, sequence])
      }
      const original = await openDatabase(host)
      for (const [name, , sequence] of cases) {
        await expectEqual(host, `/${name}`, { original, sequence })
      }
      await original.close()
    })
  })

  it('is a database of its own, which knows nothing of what came later', async () => {
    const host = new SimulatedHost({ seed: 'own' })
    await host.run(async () => {
      const database = await openDatabase(host)
      const first = await database.write((tx) => tx.createNode('N', { a: 1 }, { valid: 'always' }))
      await database.write((tx) => {
        tx.createUnique('N', ['a'])
        tx.createNode('Later', { secret: 'of later' }, { valid: 'always' })
        tx.createEdge(first.id, 'LATER', first.id, {}, { valid: 'always' })
        tx.keys('later').put('of later', 1)
      })
      const id = (await database.backup(backupPath)).directory
      expect(id).toBe(backupPath)
      await restore(backupPath, '/one', { host, toSequence: 1 })
      await restore(backupPath, '/two', { host })
      const ids = new Set<unknown>()
      for (const path of ['/database', '/one', '/two', backupPath]) {
        const text = await readText(host, `${path}/MANIFEST`)
        ids.add(/"database": "(\w+)"/.exec(text)?.[1])
      }
      expect(ids.size).toBe(3)
      for (const name of await host.files.list('/one/checkpoint')) {
        const text = await readText(host, `/one/checkpoint/${name}`)
        for (const word of ['ater', 'secret', 'LATER']) expect(text).not.toContain(word)
      }
      const twice = { labels: 'N', properties: { a: 1 } }
      const again = (copy: Database) =>
        copy.write((tx) => tx.createNode(twice.labels, twice.properties, { valid: 'always' }))
      const one = await openDatabase(host, '/one')
      expect((await again(one)).id).toBe(5)
      await one.write((tx) => tx.createEdge(1, 'OWN', 5, {}, { valid: 'always' }))
      expect((await one.verify()).problems).toEqual([])
      await one.close()
      const two = await openDatabase(host, '/two')
      await expectError(() => again(two), {
        code: 'UniqueViolation',
        kind: 'invalid',
        says: /N/,
      })
      await two.close()
      await database.close()
    })
  })

  it('keeps what was decided at the creation of the original', async () => {
    const host = new SimulatedHost({ seed: 'settings' })
    await host.run(async () => {
      const database = await open('/database', { host, nodesValid: 'always' })
      await database.write((tx) => tx.createNode('N', {}))
      await database.backup(backupPath)
      await database.fork('/forked')
      await restore(backupPath, '/restored', { host })
      for (const path of ['/forked', '/restored', backupPath]) {
        const copy = await openDatabase(host, path)
        const { id } = await copy.write((tx) => tx.createNode('N', {}))
        expect(copy.asOf({ valid: 0n }).node(id)).toBeDefined()
        await copy.close()
      }
      // What is restored is no backup, though it comes from one.
      expect(await readText(host, '/restored/MANIFEST')).not.toContain('"backup"')
      await database.close()
    })
  })

  it('is made from a place that can only be read', async () => {
    const simulated = new SimulatedHost({ seed: 'read only' })
    await simulated.run(async () => {
      const database = await build(simulated, 'read only', 20)
      await database.close()
      const refused = (): Promise<never> =>
        Promise.reject(Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' }))
      const isSource = (path: string): boolean => path.startsWith('/database')
      const { files } = simulated
      const lock: FileSystem['lock'] = (path) => (isSource(path) ? refused() : files.lock(path))
      const openFile: FileSystem['open'] = (path, mode) =>
        isSource(path) && mode !== 'read' ? refused() : files.open(path, mode)
      const host = hostWith(simulated, { files: { lock, open: openFile } })
      const { sequence } = await restore('/database', '/new', { host })
      const original = await openDatabase(simulated)
      expect(sequence).toBe(original.sequence)
      await expectEqual(simulated, '/new', { original, sequence })
      await original.close()
    })
  })

  it('is made of the log alone, too, and of a database that a crash ended', async () => {
    const host = new SimulatedHost({ seed: 'killed' })
    await host.run(async () => {
      const database = await openDatabase(host)
      await new RandomWriter('killed', 200).steps(database, 15)
    })
    const next = host.kill()
    await next.run(async () => {
      const { sequence } = await restore('/database', '/restored', { host: next })
      const original = await openDatabase(next)
      expect(sequence).toBe(original.sequence)
      await expectEqual(next, '/restored', { original, sequence })
      await original.close()
    })
  })
})

async function readText(host: SimulatedHost, path: string): Promise<string> {
  return (await bytesOf(host.files, path)).toString('latin1')
}

describe('a fork', () => {
  it('of an open database equals it as of any point, while it is written to', async () => {
    const host = new SimulatedHost({ seed: 'fork' })
    await host.run(async () => {
      const database = await build(host, 'fork')
      const { sequence } = database
      const system = database.commit(4)?.system
      const forks = Promise.all([
        database.fork('/whole'),
        database.fork('/three', { toSequence: 3 }),
        database.fork('/four', { toTime: system?.toString() ?? '' }),
      ])
      await database.write((tx) => tx.createNode('Later', {}))
      expect((await forks).map((report) => report.sequence)).toEqual([sequence, 3, 4])
      await expectEqual(host, '/whole', { original: database, sequence })
      await expectEqual(host, '/three', { original: database, sequence: 3 })
      await expectEqual(host, '/four', { original: database, sequence: 4 })
      await database.close()
    })
  })

  it('keeps a database in memory', async () => {
    const host = new SimulatedHost({ seed: 'memory' })
    await host.run(async () => {
      const database = await openDatabase(host, ':memory:')
      await new RandomWriter('memory', 200).steps(database, 20)
      const { sequence } = await database.fork('/kept')
      expect(sequence).toBe(database.sequence)
      await expectEqual(host, '/kept', { original: database, sequence })
    })
  })

  it('may be compressed though the original is not, and is backed up as it is', async () => {
    const host = new SimulatedHost({ seed: 'compressed' })
    await host.run(async () => {
      const database = await build(host, 'compressed')
      const { sequence } = database
      const plain = await database.fork('/plain')
      for (const checkpointCompression of ['lz4', 'deflate'] as const) {
        const path = `/${checkpointCompression}`
        const { bytesWritten } = await database.fork(path, { checkpointCompression })
        expect(bytesWritten).toBeLessThan(plain.bytesWritten)
        await expectEqual(host, path, { original: database, sequence })
        const copy = await openDatabase(host, path)
        const { bytesCopied } = await copy.backup(`${path}-backup`)
        expect(bytesCopied).toBe(bytesWritten)
        await copy.close()
        await expectEqual(host, `${path}-backup`, { original: database, sequence })
      }
      const checkpointCompression = 'zip' as 'lz4'
      await expectError(() => database.fork('/zip', { checkpointCompression }), {
        code: 'InvalidArgument',
        kind: 'invalid',
        says: /one of none, lz4, deflate, not zip/,
      })
      await database.close()
    })
  })

  it('lets others take turns, tells how far it is, and can be stopped', async () => {
    const simulated = new SimulatedHost({ seed: 'turns' })
    await simulated.run(async () => {
      let now = 0
      let turns = 0
      const host = hostWith(simulated, {
        clock: { wallMicros: () => simulated.clock.wallMicros(), monotonicMs: () => now++ },
        timers: {
          after: (delayMs, task) => simulated.timers.after(delayMs, task),
          yieldTurn: () => {
            turns++
            return simulated.timers.yieldTurn()
          },
        },
      })
      const database = await open('/database', { host })
      for (let number = 0; number < 40; number++) {
        await database.write((tx) => {
          for (let count = 0; count < 160; count++) tx.createNode('N', { number, count })
        })
      }
      const seen: number[] = []
      const turnsAtProgress = new Set<number>()
      await database.fork('/told', {
        onProgress: ({ done, of }) => {
          seen.push(done / of)
          turnsAtProgress.add(turns)
        },
      })
      expect(seen.length).toBeGreaterThan(5)
      expect(seen.at(-1)).toBe(1)
      expect(turnsAtProgress.size).toBe(seen.length)
      const controller = new AbortController()
      const { signal } = controller
      let progress = 0
      const onProgress = () => {
        progress++
        controller.abort(new Error('enough'))
      }
      await expect(database.fork('/stopped', { signal, onProgress })).rejects.toThrow('enough')
      expect(progress).toBe(1)
      expect(await host.files.list('/stopped')).not.toContain('MANIFEST')
      await database.fork('/stopped')
      await expectEqual(simulated, '/stopped', { original: database, sequence: 40 })
      await database.close()
    })
  })
})

describe('what can not be restored', () => {
  it('is refused, and nothing is changed', async () => {
    const host = new SimulatedHost({ seed: 'refused' })
    await host.run(async () => {
      const database = await build(host, 'refused', 20)
      const { sequence } = database
      const { files } = host
      await expectError(() => restore('/database', '/new', { host }), {
        code: 'Locked',
        kind: 'unavailable',
        says: /is owned by/,
      })
      const invalid = { kind: 'invalid', code: 'InvalidArgument' } as const
      await expectError(() => database.fork('/new', { toSequence: sequence + 1 }), {
        ...invalid,
        says: /there is no commit/,
      })
      await database.close()
      await expectError(() => restore('/database', '/new', { host, toSequence: -1 }), {
        ...invalid,
        says: /there is no commit -1; the newest is/,
      })
      const both = { host, toSequence: 1, toTime: '2020-01-01' }
      await expectError(() => restore('/database', '/new', both), {
        ...invalid,
        says: /not both/,
      })
      await expectError(() => restore('/database', '/new', { host, toTime: '2999-01-01' }), {
        code: 'TimeInFuture',
        kind: 'invalid',
        says: /has not come yet/,
      })
      await expectError(() => restore('/database', '/database/new', { host }), {
        ...invalid,
        says: /lies in the database itself/,
      })
      await expectError(() => restore('/nowhere', '/new', { host }), {
        code: 'NotADatabase',
        kind: 'invalid',
        says: /no directory/,
      })
      expect(await files.stat('/new')).toBeUndefined()
      const made = await restore('/database', '/new', { host })
      const exists = {
        code: 'AlreadyExists',
        kind: 'invalid',
        says: /there is a database in \/new already/,
      } as const
      await expectError(() => restore('/database', '/new', { host, toSequence: 1 }), exists)
      // The same once more finds that it is done, until somebody has used what it made.
      const { databaseId, sequence: again } = await restore('/database', '/new', { host })
      expect({ databaseId, sequence: again }).toEqual({
        databaseId: made.databaseId,
        sequence: made.sequence,
      })
      await (await openDatabase(host, '/new')).close()
      await expectError(() => restore('/database', '/new', { host }), exists)
      await files.makeDirectory('/things')
      await (await files.open('/things/letter.txt', 'create')).close()
      await expectError(() => restore('/database', '/things', { host }), {
        code: 'NotADatabase',
        kind: 'invalid',
        says: /holds letter.txt/,
      })
    })
  })

  it('because it is damaged says where', async () => {
    const host = new SimulatedHost({ seed: 'damaged' })
    await host.run(async () => {
      const database = await build(host, 'damaged', 20)
      await database.backup(backupPath)
      await database.close()
      for (const name of await host.files.list(`${backupPath}/checkpoint`)) {
        const file = await host.files.open(`${backupPath}/checkpoint/${name}`, 'write')
        await file.write(Uint8Array.of(255), (await file.size()) - 300)
        await file.close()
      }
      await expectError(() => restore(backupPath, '/new', { host }), {
        code: 'Corrupt',
        kind: 'corrupt',
        says: /checkpoint\/\d+.checkpoint is damaged at byte/,
      })
      expect(await host.files.stat('/new')).toBeUndefined()
    })
  })
})
