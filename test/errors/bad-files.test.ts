import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, open } from 'asofdb'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { caught, expectError } from './caught.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'asof-errors-'))
  path = join(folder, 'db')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

async function makeDatabase(at: string): Promise<void> {
  const db = await open(at)
  await db.write((tx) => tx.createNode('P', { name: 'first' }, { valid: 'always' }))
  await db.close()
}

/** Every file below a folder with its content. */
async function contents(at: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(at, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    found[file.slice(at.length)] = (await readFile(file)).toString('base64')
  }
  return found
}

describe('directories', () => {
  it('refuses a directory that holds something else, and leaves it alone', async () => {
    await mkdir(path)
    await writeFile(join(path, 'letter.txt'), 'dear reader')
    const before = await contents(path)
    await expectError(() => open(path), {
      code: 'NotADatabase',
      kind: 'invalid',
      says: /letter\.txt/,
    })
    expect(await contents(path)).toEqual(before)
  })

  it('refuses a file in place of a directory', async () => {
    await writeFile(path, 'a file')
    await expectError(() => open(path), { code: 'NotADatabase', kind: 'invalid', says: /path/ })
  })

  it('makes nothing when told not to', async () => {
    await expectError(() => open(path, { create: false }), {
      code: 'NotADatabase',
      kind: 'invalid',
      says: /create: true/,
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('refuses the log of another database, and names the file', async () => {
    await makeDatabase(path)
    const other = join(folder, 'other')
    await makeDatabase(other)
    const [segment] = await readdir(join(path, 'log'))
    await cp(join(other, 'log', segment ?? ''), join(path, 'log', segment ?? ''))
    const before = await contents(path)
    const error = await caught(() => open(path))
    expect(error.code).toBe('ForeignFile')
    expect(error.kind).toBe('corrupt')
    expect(error.message).toContain(segment)
    expect(await contents(path)).toEqual(before)
  })

  it('refuses a segment that has gone, and names it', async () => {
    await makeDatabase(path)
    const [segment = ''] = await readdir(join(path, 'log'))
    await rename(join(path, 'log', segment), join(folder, segment))
    const error = await caught(() => open(path))
    expect(error.code).toBe('Corrupt')
    expect(error.message).toContain(segment)
    await rename(join(folder, segment), join(path, 'log', segment))
    const db = await open(path)
    expect(db.node(1)?.get('name')).toBe('first')
    await db.close()
  })
})

describe('the owner', () => {
  it('is named to a second opener of the same process', async () => {
    const db = await open(path)
    await expectError(() => open(path), {
      code: 'Locked',
      kind: 'unavailable',
      says: new RegExp(`process ${process.pid} .*since ${new Date().getUTCFullYear()}`),
    })
    await db.close()
    await (await open(path)).close()
  })

  it('is named to another process, and its death frees the directory', async () => {
    await makeDatabase(path)
    const script = fileURLToPath(new URL('./hold-database.ts', import.meta.url))
    const loader = new URL('../../scripts/typescript-loader.mjs', import.meta.url).href
    const child = spawn(process.execPath, ['--import', loader, script, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve())
      child.once('exit', () => reject(new Error('the holder ended before it held')))
    })
    await expectError(() => open(path), {
      code: 'Locked',
      kind: 'unavailable',
      says: new RegExp(`process ${child.pid} .*since `),
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    const db = await open(path)
    expect(db.node(1)?.get('name')).toBe('first')
    await db.close()
  }, 30_000)
})

describe('disks', () => {
  /** A database on a simulated disk, with one commit, that fails as planned from then on. */
  async function onDisk(
    faults: ConstructorParameters<typeof SimulatedHost>[0]['faults'],
    work: (db: Database, host: SimulatedHost) => Promise<void>,
  ): Promise<SimulatedHost> {
    const made = new SimulatedHost({ seed: 1 })
    await made.run(async () => {
      const db = await open('/db', { host: made })
      await db.write((tx) => tx.createNode('P', { name: 'first' }, { valid: 'always' }))
      await db.close()
    })
    const host = made.fork(faults === undefined ? {} : { faults })
    await host.run(async () => {
      const db = await open('/db', { host })
      await work(db, host)
    })
    return host
  }

  it('a full disk rejects the commit and keeps what was acknowledged', async () => {
    const used = 64 * 1024
    const host = await onDisk({ capacityBytes: used }, async (db) => {
      const large = { text: 'x'.repeat(used) }
      await expectError(() => db.write((tx) => tx.createNode('P', large)), {
        code: 'DiskFull',
        kind: 'unavailable',
        says: /room|space|full/i,
      })
      expect(db.node(1)?.get('name')).toBe('first')
      const refused = await caught(() => db.write((tx) => tx.createNode('P')))
      expect(refused.kind).toBe('unavailable')
      await db.close()
    })
    const roomy = host.kill()
    await roomy.run(async () => {
      const db = await open('/db', { host: roomy })
      expect([...db.nodes('P')].map((node) => node.get('name'))).toEqual(['first'])
      const { id } = await db.write((tx) => tx.createNode('P', { name: 'second' }))
      expect(db.node(id)?.get('name')).toBe('second')
      await db.close()
    })
  })

  it('a failed sync is final: every later write is refused, reads go on', async () => {
    const opening = await onDisk(undefined, (db) => db.close())
    const nth = (opening.files.faults.counts.get('sync') ?? 0) + 1
    const faults = { faults: [{ kind: 'sync' as const, nth, path: '.seg', error: 'EIO' as const }] }
    await onDisk(faults, async (db) => {
      const error = await caught(async () => {
        for (;;) await db.write((tx) => tx.createNode('P'))
      })
      expect(error.kind).toBe('unavailable')
      await expectError(() => db.write((tx) => tx.createNode('P')), {
        code: 'Poisoned',
        kind: 'unavailable',
        says: /open/,
      })
      expect(db.node(1)?.get('name')).toBe('first')
      await db.close()
    })
  })

  it('a read-only file system is said to be one', async () => {
    const made = new SimulatedHost({ seed: 2 })
    await made.run(async () => {
      await (await open('/db', { host: made })).close()
    })
    const host = made.fork({
      faults: {
        faults: (['create', 'write', 'rename', 'syncDirectory'] as const).map((kind) => ({
          kind,
          nth: 1,
          isLasting: true,
          error: 'EROFS' as const,
        })),
      },
    })
    await host.run(async () => {
      const error = await caught(() => open('/db', { host }))
      expect(error.kind).toBe('unavailable')
      expect(error.message).toMatch(/read-only|EROFS|permission/i)
    })
  })
})
