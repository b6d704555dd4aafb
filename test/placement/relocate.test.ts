import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, open, relocate } from '../../packages/asofdb/src/index.ts'
import { caught } from '../errors/caught.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'
import { commitUpTo, isAsWritten } from './placed-database.ts'

const place = temporaryFolder()
let made = 0

interface Folders {
  readonly home: string
  readonly db: string
  readonly log: string
  readonly points: string
}

/** Folders of a real file system, all new. */
function folders(): Folders {
  const home = place(`${++made}`)
  mkdirSync(home)
  return { home, db: join(home, 'db'), log: join(home, 'log'), points: join(home, 'points') }
}

/** A closed database of ten commits. */
async function build(paths: (at: Folders) => object): Promise<Folders> {
  const at = folders()
  const database = await open(at.db, { ...paths(at), segmentBytesMax: 5120 })
  await commitUpTo(database, 4)
  await database.checkpoint()
  await commitUpTo(database, 10)
  await database.close()
  return at
}

async function expectRefused(
  work: () => unknown,
  code: ErrorCode,
  { says = '' }: { says?: string } = {},
): Promise<void> {
  const error = await caught(work)
  expect(error.code).toBe(code)
  expect(error.message).toContain(says)
}

const both = ({ log, points }: Folders) => ({ logDirectory: log, checkpointDirectory: points })

/** Opens without saying where, looks, and writes. */
async function expectWhole(db: string): Promise<void> {
  const database = await open(db, { create: false })
  expect(database.recovery.outcome).toBe('clean')
  expect(isAsWritten(database)).toBe(true)
  await commitUpTo(database, database.sequence + 2)
  expect((await database.verify()).problems).toEqual([])
  await database.close()
}

describe('on real files, a log and checkpoints in directories of their own', () => {
  it('are used, locked while the database is open, and found again', async () => {
    const at = await build(both)
    const database = await open(at.db)
    expect(isAsWritten(database)).toBe(true)
    for (const part of [at.log, at.points]) expect(readdirSync(part)).toContain('LOCK')
    expect(readdirSync(at.db).sort()).toEqual(['LOCK', 'MANIFEST', 'MANIFEST.previous', 'PATHS'])
    await database.close()
    for (const part of [at.log, at.points]) expect(readdirSync(part)).not.toContain('LOCK')
    await expectWhole(at.db)
  })

  it('are the own ones under another name of the database directory', async () => {
    const at = await build(both)
    const link = join(at.home, 'link')
    symlinkSync(at.db, link)
    await expectWhole(link)
    await expectWhole(at.db)
  })

  it('are not used by a copy, also after the original has been opened and closed', async () => {
    const at = await build(both)
    cpSync(at.db, join(at.home, 'copy'), { recursive: true })
    await expectWhole(at.db)
    await expectRefused(() => open(join(at.home, 'copy')), 'ForeignFile')
  })
})

describe('relocate', () => {
  it('takes parts that were moved', async () => {
    const at = await build(both)
    const fast = join(at.home, 'fast')
    renameSync(at.log, fast)
    await expectRefused(() => open(at.db), 'IoFailed', { says: 'which is not there' })
    const report = await relocate(at.db, { logDirectory: fast })
    const expected = { directory: at.db, logDirectory: fast, checkpointDirectory: at.points }
    expect(report).toEqual(expected)
    await expectWhole(at.db)
  })

  it('takes a database that was moved to where it is now', async () => {
    const at = await build(both)
    const now = join(at.home, 'now')
    renameSync(at.db, now)
    await expectRefused(() => open(now), 'ForeignFile', { says: 'relocate' })
    await relocate(now)
    await expectWhole(now)
  })

  it('takes parts out of the directory of the database, and back into it', async () => {
    const at = await build(() => ({}))
    renameSync(join(at.db, 'log'), at.log)
    await expectRefused(() => open(at.db), 'Corrupt')
    await relocate(at.db, { logDirectory: '../log' })
    await expectWhole(at.db)
    renameSync(at.log, join(at.db, 'log'))
    await relocate(at.db, { logDirectory: 'log' })
    await expectWhole(at.db)
    expect(existsSync(join(at.db, 'log', 'OWNER'))).toBe(false)
  })

  it('writes PATHS again when it is gone', async () => {
    const at = await build(both)
    renameSync(join(at.db, 'PATHS'), join(at.home, 'PATHS'))
    await expectRefused(() => open(at.db), 'Corrupt')
    await relocate(at.db, both(at))
    await expectWhole(at.db)
  })

  it('gives a part up that is lost, so that a policy can save the rest', async () => {
    const at = await build(both)
    renameSync(at.log, join(at.home, 'lost'))
    const empty = join(at.home, 'empty')
    mkdirSync(empty)
    await relocate(at.db, { logDirectory: empty })
    await expectRefused(() => open(at.db), 'Corrupt')
    const saved = await open(at.db, { recovery: 'bestEffort' })
    expect([saved.recovery.outcome, saved.sequence]).toEqual(['degraded', 10])
    await saved.close()
    // Whoever finds it again has lost nothing.
    await relocate(at.db, { logDirectory: join(at.home, 'lost') })
    await expectWhole(at.db)
  })

  it('refuses what can not be the directory, and changes nothing', async () => {
    const at = await build(both)
    const other = await build(both)
    const empty = join(at.home, 'empty')
    mkdirSync(empty)
    const cases = [
      [join(at.home, 'nowhere'), 'InvalidArgument', 'there is no such directory'],
      [empty, 'InvalidArgument', 'still holds'],
      [at.home, 'InvalidArgument', 'the database itself lies in it'],
      [other.log, 'ForeignFile', `of the database in ${other.db}`],
      [at.points, 'InvalidArgument', 'each needs a directory'],
      [other.points, 'ForeignFile', `the checkpoints of the database in ${other.db}`],
    ] as const
    for (const [logDirectory, code, says] of cases) {
      await expectRefused(() => relocate(at.db, { logDirectory }), code, { says })
    }
    await expectRefused(() => relocate(empty), 'NotADatabase')
    const database = await open(at.db)
    await expectRefused(() => relocate(at.db), 'Locked')
    await database.close()
    await expectWhole(other.db)
  })

  it('refuses directories that the original of a copy has open', async () => {
    const at = await build(both)
    cpSync(at.db, join(at.home, 'copy'), { recursive: true })
    const database = await open(at.db)
    await expectRefused(() => relocate(join(at.home, 'copy')), 'Locked')
    await database.close()
    await expectWhole(at.db)
  })
})
