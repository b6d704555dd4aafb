import { describe, expect, it } from 'vitest'
import { type Database, type FileSystem, isDatabaseError, open } from 'asofdb'
import { copyFile } from '../../packages/asofdb/src/transfer/checkpoint-copy.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { expectError } from '../errors/caught.ts'
import { flipByte } from '../simulation/simulated-machine.ts'
import { hostWith } from './host-with-files.ts'
import { openDatabase, RandomWriter } from './random-database.ts'
import { wholeHistory } from './whole-history.ts'

const backupPath = '/backups/one'

/** Runs on a machine with a database of some random commits. */
function withDatabase(
  seed: string,
  body: (database: Database, host: SimulatedHost, writer: RandomWriter) => Promise<void>,
): Promise<void> {
  const host = new SimulatedHost({ seed })
  return host.run(async () => {
    const database = await openDatabase(host)
    const writer = new RandomWriter(seed, 400)
    await writer.steps(database, 60)
    await body(database, host, writer)
    await database.close()
  })
}

/** Opens and verifies a backup, and holds it against the original as of its last commit. */
async function expectEqual(host: SimulatedHost, path: string, original: Database): Promise<void> {
  const copy = await openDatabase(host, path)
  const { problems } = await copy.verify()
  expect(problems).toEqual([])
  expect(wholeHistory(copy, copy.sequence)).toEqual(wholeHistory(original, copy.sequence))
  await copy.close()
}

/** The one file that holds the most. */
async function largestFile(host: SimulatedHost, directory: string): Promise<string> {
  let largest = ''
  let size = 0
  for (const name of await host.files.list(directory)) {
    const status = await host.files.stat(`${directory}/${name}`)
    if (status?.type !== 'file' || status.size <= size) continue
    largest = `${directory}/${name}`
    size = status.size
  }
  return largest
}

async function damage(host: SimulatedHost, path: string): Promise<void> {
  const status = await host.files.stat(path)
  await flipByte(host.files, path, Math.floor((status?.size ?? 0) / 2))
}

async function copyDirectory(host: SimulatedHost, from: string, to: string): Promise<void> {
  const { files } = host
  await files.makeDirectory(to)
  for (const name of await files.list(from)) {
    const status = await files.stat(`${from}/${name}`)
    if (status?.type === 'directory') await copyDirectory(host, `${from}/${name}`, `${to}/${name}`)
    else await copyFile({ host, from: `${from}/${name}`, to: `${to}/${name}`, onPiece: () => {} })
  }
}

describe('a backup', () => {
  it('holds the commits up to the one it names, while others are written', async () => {
    for (const seed of ['a', 'b', 'c']) {
      await withDatabase(seed, async (database, host, writer) => {
        let isDone = false
        let during = 0
        const writing = (async () => {
          while (!isDone && !writer.isDone) {
            await writer.step(database)
            if (during++ % 4 === 1) await database.checkpoint()
          }
        })()
        const report = await database.backup(backupPath)
        isDone = true
        await writing
        expect(during).toBeGreaterThan(3)
        expect(report.previousSequence).toBeNull()
        expect(report.sequence).toBeLessThan(database.sequence)
        expect(report.system).toEqual(database.commit(report.sequence)?.system)
        const copy = await openDatabase(host, backupPath)
        expect(copy.sequence).toBe(report.sequence)
        await copy.close()
        await expectEqual(host, backupPath, database)
      })
    }
  })

  it('keeps the files it reads from checkpoints, and lets go of them afterwards', async () => {
    const simulated = new SimulatedHost({ seed: 'files' })
    await simulated.run(async () => {
      let beforeReading = (): Promise<void> => Promise.resolve()
      const openFile: FileSystem['open'] = async (path, mode) => {
        const isRead = mode === 'read' && path.startsWith('/database/checkpoint/')
        if (isRead) await beforeReading()
        return simulated.files.open(path, mode)
      }
      const host = hostWith(simulated, { files: { open: openFile } })
      const database = await open('/database', { host })
      const add = async (length: number): Promise<void> => {
        const text = 'x'.repeat(length)
        await database.write((tx) => tx.createNode('N', { text }, { valid: 'always' }))
        await database.checkpoint()
      }
      await add(90_000)
      await add(10)
      const before = await simulated.files.list('/database/checkpoint')
      expect(before).toHaveLength(2)
      // While the first file is opened, larger ones take up both of them.
      beforeReading = async () => {
        beforeReading = () => Promise.resolve()
        for (let count = 0; count < 3; count++) await add(300_000 * 2 ** count)
        expect(await simulated.files.list('/database/checkpoint')).toEqual(
          expect.arrayContaining(before),
        )
      }
      const report = await database.backup(backupPath)
      expect(report).toMatchObject({ sequence: 2, filesCopied: 2 })
      const after = await simulated.files.list('/database/checkpoint')
      expect(after).not.toEqual(expect.arrayContaining(before))
      expect((await database.verify()).problems).toEqual([])
      await expectEqual(simulated, backupPath, database)
      await database.close()
    })
  })

  it('is brought up to date with what it does not have yet', async () => {
    await withDatabase('incremental', async (database, host, writer) => {
      await database.write((tx) =>
        tx.createNode('Large', { text: 'x'.repeat(60_000) }, { valid: 'always' }),
      )
      const first = await database.backup(backupPath)
      expect(first).toMatchObject({ filesReused: 0, bytesReused: 0 })
      const again = await database.backup(backupPath)
      expect(again).toMatchObject({
        sequence: first.sequence,
        previousSequence: first.sequence,
        bytesCopied: 0,
        filesCopied: 0,
        bytesReused: first.bytesCopied,
      })
      await writer.steps(database, 5)
      const next = await database.backup(backupPath)
      expect(next.sequence).toBe(database.sequence)
      expect(next.previousSequence).toBe(first.sequence)
      expect(next.filesReused).toBe(first.filesCopied)
      expect(next.bytesReused).toBe(first.bytesCopied)
      expect(next.bytesCopied).toBeLessThan(first.bytesCopied / 2)
      await expectEqual(host, backupPath, database)
    })
  })

  it('goes on after it was opened, and stops being one when it is written to', async () => {
    await withDatabase('used', async (database, host, writer) => {
      await database.backup(backupPath)
      await expectEqual(host, backupPath, database)
      await writer.steps(database, 5)
      await database.backup(backupPath)
      await expectEqual(host, backupPath, database)
      for (const isClosed of [false, true]) {
        const copy = await openDatabase(host, backupPath)
        await copy.write((tx) => tx.createNode('Own', {}))
        if (isClosed) await copy.close()
        await expectError(() => database.backup(backupPath), {
          code: isClosed ? 'AlreadyExists' : 'Locked',
          kind: isClosed ? 'invalid' : 'unavailable',
          says: isClosed ? /written to since; give another directory/ : /is owned by/,
        })
        if (!isClosed) await copy.close()
      }
    })
  })

  it('stops being one when it was written to by a process that was killed', async () => {
    const host = new SimulatedHost({ seed: 'killed' })
    await host.run(async () => {
      const database = await openDatabase(host)
      await database.write((tx) => tx.createNode('N', {}))
      await database.backup(backupPath)
      const copy = await openDatabase(host, backupPath)
      await copy.write((tx) => tx.createNode('Own', {}))
    })
    const next = host.kill()
    await next.run(async () => {
      const database = await openDatabase(next)
      await database.write((tx) => tx.createNode('N', {}))
      await expectError(() => database.backup(backupPath), {
        code: 'AlreadyExists',
        kind: 'invalid',
        says: /written to since/,
      })
      const copy = await openDatabase(next, backupPath)
      expect([...copy.nodes('Own')]).toHaveLength(1)
      await copy.close()
      await database.close()
    })
  })

  it('is copied again where the one that is there is damaged', async () => {
    await withDatabase('mended', async (database, host) => {
      const first = await database.backup(backupPath)
      await damage(host, await largestFile(host, `${backupPath}/checkpoint`))
      const next = await database.backup(backupPath)
      expect(next.bytesCopied + next.bytesReused).toBe(first.bytesCopied)
      expect(next.bytesCopied).toBeGreaterThan(0)
      await expectEqual(host, backupPath, database)
    })
  })

  it('is refused of a damaged file, and the backup before stays as it was', async () => {
    await withDatabase('damaged', async (database, host, writer) => {
      const first = await database.backup(backupPath)
      await database.write((tx) => tx.createNode('L', { text: 'x'.repeat(9000) }))
      await database.checkpoint()
      const known = new Set(await host.files.list(`${backupPath}/checkpoint`))
      const names = await host.files.list('/database/checkpoint')
      for (const name of names.filter((one) => !known.has(one))) {
        await damage(host, `/database/checkpoint/${name}`)
      }
      await expectError(() => database.backup(backupPath), {
        code: 'Corrupt',
        kind: 'corrupt',
        says: /checkpoint\/0.*is damaged at byte \d+/,
      })
      await writer.step(database)
      const copy = await openDatabase(host, backupPath)
      expect(copy.sequence).toBe(first.sequence)
      await copy.close()
      await expectEqual(host, backupPath, database)
    })
  })

  it('of a database without commits is one without commits', async () => {
    const host = new SimulatedHost({ seed: 'empty' })
    await host.run(async () => {
      const database = await openDatabase(host)
      expect(await database.backup(backupPath)).toMatchObject({ sequence: 0, system: null })
      const copy = await openDatabase(host, backupPath)
      expect(copy.sequence).toBe(0)
      await copy.close()
      await database.write((tx) => tx.createNode('N', {}))
      expect(await database.backup(backupPath)).toMatchObject({ sequence: 1, previousSequence: 0 })
      await expectEqual(host, backupPath, database)
      await database.close()
    })
  })

  it('is made in every mode', async () => {
    for (const durability of ['interval', 'os', 'checkpoint'] as const) {
      const host = new SimulatedHost({ seed: durability })
      await host.run(async () => {
        const database = await open('/database', { host, durability })
        const writer = new RandomWriter(durability, 200)
        await writer.steps(database, 20)
        const writing = writer.steps(database, 10)
        const report = await database.backup(backupPath)
        await writing
        expect(report.sequence).toBeGreaterThan(5)
        await expectEqual(host, backupPath, database)
        await database.close()
      })
    }
  })

  it('is stopped by a signal and by closing, and finished by the same call', async () => {
    await withDatabase('stopped', async (database, host) => {
      const controller = new AbortController()
      const reason = new Error('enough')
      const onProgress = () => controller.abort(reason)
      const { signal } = controller
      await expect(database.backup(backupPath, { signal, onProgress })).rejects.toBe(reason)
      await expectError(() => openDatabase(host, backupPath), {
        code: 'NotADatabase',
        kind: 'invalid',
        says: /UNFINISHED/,
      })
      const stopped = database.backup(backupPath).catch((error: unknown) => error)
      await database.close()
      expect(isDatabaseError(await stopped, 'Closed')).toBe(true)
      const again = await openDatabase(host)
      await again.backup(backupPath)
      expect(await host.files.list(backupPath)).not.toContain('UNFINISHED')
      await expectEqual(host, backupPath, again)
      await again.close()
    })
  })
})

describe('a directory that holds something else', () => {
  it('takes no backup', async () => {
    await withDatabase('refused', async (database, host) => {
      const other = await openDatabase(host, '/other')
      await other.write((tx) => tx.createNode('N', {}))
      await other.backup('/other-backup')
      await other.close()
      await host.files.makeDirectory('/things')
      await (await host.files.open('/things/letter.txt', 'create')).close()
      const invalid = { kind: 'invalid' } as const
      await expectError(() => database.backup('/things'), {
        ...invalid,
        code: 'NotADatabase',
        says: /holds letter.txt; give an empty directory/,
      })
      for (const path of ['/other', '/other-backup']) {
        await expectError(() => database.backup(path), {
          ...invalid,
          code: 'AlreadyExists',
          says: /holds another database; give another directory/,
        })
      }
      for (const path of ['/database', '/database/backup']) {
        await expectError(() => database.backup(path), {
          ...invalid,
          code: 'InvalidArgument',
          says: /lies in the database itself/,
        })
      }
      expect(await host.files.list('/things')).toEqual(['letter.txt'])
    })
  })

  it('of the same database that went another way takes none either', async () => {
    await withDatabase('parted', async (database, host) => {
      await database.close()
      await copyDirectory(host, '/database', '/twin')
      const [one, twin] = [await openDatabase(host), await openDatabase(host, '/twin')]
      await one.write((tx) => tx.createNode('One', {}))
      await twin.write((tx) => tx.createNode('Twin', {}))
      expect(one.sequence).toBe(twin.sequence)
      await twin.write((tx) => tx.createNode('Twin', {}))
      await twin.backup(backupPath)
      // With fewer commits than the backup, with as many, and with more.
      for (const difference of [-1, 0, 1]) {
        expect(one.sequence - twin.sequence).toBe(difference)
        await expectError(() => one.backup(backupPath), {
          code: 'AlreadyExists',
          kind: 'invalid',
          says: /is a backup with commits, up to \d+, that this database doesn't have/,
        })
        await one.write((tx) => tx.createNode('One', {}))
      }
      await one.close()
      await twin.close()
    })
  })

  it('in memory has nothing to back up', async () => {
    const host = new SimulatedHost({ seed: 'memory' })
    await host.run(async () => {
      const database = await openDatabase(host, ':memory:')
      await expectError(() => database.backup(backupPath), {
        code: 'InvalidArgument',
        kind: 'invalid',
        says: /fork it into a directory/,
      })
    })
  })
})
