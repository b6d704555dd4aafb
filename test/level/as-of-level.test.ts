import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { open } from 'asofdb'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { AsOfLevel, AsOfLevelError } from '../../packages/asofdb/src/level/index.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { repository } from '../docs/document.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'asof-level-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Codes of an error and of its causes, outermost first. */
async function codesOf(work: Promise<unknown> | (() => unknown)): Promise<unknown[]> {
  const codes: unknown[] = []
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (thrown) {
    let error: unknown = thrown
    for (; error instanceof Error; error = error.cause) codes.push(Reflect.get(error, 'code'))
  }
  return codes
}

describe('a directory of its own', () => {
  it('keeps everything, sublevels too', async () => {
    const location = join(folder, 'kept', 'deep')
    const level = new AsOfLevel<string, { n: number }>(location, { valueEncoding: 'json' })
    expect([level.location, level.supports.permanence]).toEqual([location, true])
    await level.put('a', { n: 1 })
    await level.sublevel<string, number>('s', { valueEncoding: 'json' }).put('a', 2)
    await level.batch().put('b', { n: 3 }).del('a').write()
    await level.close()
    await level.open()
    const expected = [
      ['!s!a', '2'],
      ['b', '{"n":3}'],
    ]
    expect(await level.iterator({ valueEncoding: 'utf8' }).all()).toEqual(expected)
    await level.close()
    await using again = new AsOfLevel(location)
    expect(await again.iterator().all()).toEqual(expected)
    expect((await again.database.verify()).problems).toEqual([])
  })

  it('is open once, and says who has it', async () => {
    const location = join(folder, 'locked')
    await using level = new AsOfLevel(location)
    await level.open()
    const second = new AsOfLevel(location)
    expect(await codesOf(second.open())).toEqual([
      'LEVEL_DATABASE_NOT_OPEN',
      'LEVEL_LOCKED',
      'Locked',
    ])
    expect(second.status).toBe('closed')
    await level.close()
    await second.open()
    await second.close()
  })

  it('is made, or not, as asked for', async () => {
    const location = join(folder, 'options')
    const missing = new AsOfLevel(location, { createIfMissing: false })
    expect(await codesOf(missing.open())).toEqual([
      'LEVEL_DATABASE_NOT_OPEN',
      'NotADatabase',
      'NotADatabase',
    ])
    expect(existsSync(location)).toBe(false)
    const level = new AsOfLevel(location, { errorIfExists: true })
    await level.put('a', '1')
    await level.close()
    expect(await codesOf(level.open())).toEqual(['LEVEL_DATABASE_NOT_OPEN', 'AlreadyExists'])
    await missing.open()
    expect(await missing.get('a')).toBe('1')
    await missing.close()
  })

  it('is not one that holds something else', async () => {
    const location = mkdtempSync(join(folder, 'foreign-'))
    writeFileSync(join(location, 'notes.txt'), 'mine')
    for (const options of [{}, { errorIfExists: true }]) {
      const level = new AsOfLevel(location, options)
      expect((await codesOf(level.open())).slice(0, 2)).toEqual([
        'LEVEL_DATABASE_NOT_OPEN',
        'NotADatabase',
      ])
    }
    expect(readFileSync(join(location, 'notes.txt'), 'utf8')).toBe('mine')
  })

  it('needs a name, and a keyspace that may be one', () => {
    expect(() => new AsOfLevel('')).toThrow(TypeError)
    expect(() => new AsOfLevel(':memory:', { keyspace: '' })).toThrow(/keyspace/)
  })
})

const bytesOf = fc.uint8Array({ maxLength: 4, min: 0, max: 255 })
const fewBytes = fc.array(fc.constantFrom(0, 1, 127, 255), { maxLength: 4 })
const key = fc.oneof(bytesOf, fewBytes.map((bytes) => Uint8Array.from(bytes)))

describe('keys', () => {
  it('of any bytes come back in the order of their bytes, within any bounds', async () => {
    const view = { keyEncoding: 'view', valueEncoding: 'view' } as const
    const bound = fc.option(key, { nil: undefined })
    const range = fc.record({ gt: bound, gte: bound, lt: bound, lte: bound, reverse: fc.boolean() })
    const some = fc.array(key, { maxLength: 12 })
    const property = fc.asyncProperty(some, range, async (keys, given) => {
      await using level = new AsOfLevel<Uint8Array, Uint8Array>(':memory:', view)
      await level.batch(keys.map((one) => ({ type: 'put', key: one, value: one })))
      const { reverse, ...bounds } = given
      const { gt, gte, lt, lte } = bounds
      const within = (one: Buffer): boolean =>
        (gte === undefined || one.compare(gte) >= 0) &&
        (gt === undefined || gte !== undefined || one.compare(gt) > 0) &&
        (lte === undefined || one.compare(lte) <= 0) &&
        (lt === undefined || lte !== undefined || one.compare(lt) < 0)
      const names = new Set(keys.map((one) => Buffer.from(one).toString('hex')))
      const sorted = [...names].sort().map((name) => Buffer.from(name, 'hex'))
      const expected = sorted.filter(within).map((one) => one.toString('hex'))
      if (reverse) expected.reverse()
      const options = Object.fromEntries(
        Object.entries({ ...bounds, reverse }).filter(([, value]) => value !== undefined),
      )
      const found = await level.iterator(options).all()
      const shown = found.map((entry) => entry.map((one) => Buffer.from(one).toString('hex')))
      expect(shown).toEqual(expected.map((one) => [one, one]))
      for (const one of keys) expect(level.getSync(one)).toEqual(one)
    })
    await fc.assert(property, { seed: 4417, numRuns: 150 })
  })

  it('are bytes to the database, the same unless they are nothing but zeros', async () => {
    await using level = new AsOfLevel<Uint8Array, string>(':memory:', { keyEncoding: 'view' })
    await level.open()
    for (const one of [[], [0], [0, 0], [0, 1], [97]]) await level.put(Uint8Array.from(one), 'x')
    const stored = [...level.database.keys('level').range().keys()]
    const bytes = stored.map((one) => [...(one instanceof Uint8Array ? one : [])])
    expect(bytes).toEqual([[0], [0, 0], [0, 0, 0], [0, 1], [97]])
    const { database } = level
    await database.write((tx) => tx.keys('level').put('text', 'not of Level'))
    expect(await level.keys().all()).toHaveLength(5)
    await level.clear()
    expect([...database.keys('level').range().keys()]).toEqual(['text'])
  })

  it('and values that are too large, or were put there by others, are refused', async () => {
    await using level = new AsOfLevel(':memory:')
    const long = level.put('k'.repeat(70_000), 'v')
    expect(await codesOf(long)).toEqual(['LEVEL_INVALID_KEY', 'InvalidKey'])
    const wide = level.put('k', 'v'.repeat(33 * 1024 * 1024))
    expect((await codesOf(wide))[0]).toBe('LEVEL_INVALID_VALUE')
    const foreign = new TextEncoder().encode('k')
    await level.database.write((tx) => tx.keys('level').put(foreign, 42))
    expect(await codesOf(level.get('k'))).toEqual(['LEVEL_INVALID_VALUE', 'InvalidValue'])
    expect(await codesOf(level.values().next())).toEqual(['LEVEL_INVALID_VALUE', 'InvalidValue'])
    expect(await level.keys().all()).toEqual(['k'])
  })
})

describe('writes', () => {
  it('are one commit each, all of it or nothing', async () => {
    await using level = new AsOfLevel(':memory:')
    await level.open()
    const { database } = level
    await level.batch([
      { type: 'put', key: 'a', value: '1' },
      { type: 'put', key: 'b', value: '2' },
      { type: 'del', key: 'a' },
    ])
    await level.batch().put('c', '3').put('d', '4').write()
    expect(database.sequence).toBe(2)
    await level.clear({ gte: 'c' })
    expect([database.sequence, await level.keys().all()]).toEqual([3, ['b']])
    const failing = level.batch([
      { type: 'put', key: 'e', value: '5' },
      { type: 'put', key: 'k'.repeat(70_000), value: '6' },
    ])
    expect(await codesOf(failing)).toEqual(['LEVEL_INVALID_KEY', 'InvalidKey'])
    expect([database.sequence, await level.keys().all()]).toEqual([3, ['b']])
  })

  it('of one key that come together all succeed, and wait for the disk', async () => {
    const host = new SimulatedHost({ seed: 'level' })
    await host.run(async () => {
      // More than the queue of the log takes at once.
      const level = new AsOfLevel('/level', { host, log: 'async', logQueueBytesMax: 1000 })
      await level.open()
      const values = Array.from({ length: 60 }, (_, n) => String(n).padEnd(400, '.'))
      await Promise.all([...values.map((value) => level.put('same', value)), level.put('x', '')])
      expect(values).toContain(await level.get('same'))
      expect(level.database.sequence).toBe(61)
      await level.close()
    })
  })

  it('are on the disk where sync is asked for', async () => {
    const host = new SimulatedHost({ seed: 'level' })
    await host.run(async () => {
      const level = new AsOfLevel('/level', { host, durability: 'os' })
      await level.put('a', '1')
      expect(level.database.stats().durableSequence).toBe(0)
      await level.put('b', '2', { sync: true })
      expect(level.database.stats().durableSequence).toBe(2)
      await level.close()
    })
    await using level = new AsOfLevel(':memory:')
    await level.put('a', '1', { sync: true })
    expect(await level.has('a')).toBe(true)
  })

  it('tell of a disk that fails', async () => {
    const failing = { kind: 'write', path: '/log/', error: 'ENOSPC', nth: 3 } as const
    const host = new SimulatedHost({ seed: 'level', faults: { faults: [failing] } })
    await host.run(async () => {
      const level = new AsOfLevel('/level', { host })
      await level.open()
      const codes: unknown[] = []
      for (let n = 0; n < 6; n++) codes.push((await codesOf(level.put('k', 'x'.repeat(500))))[0])
      expect(codes).toContain('LEVEL_IO_ERROR')
      await level.close()
    })
  })
})

describe('reads', () => {
  it('of an iterator stay at the point at which it began, whatever follows', async () => {
    await using level = new AsOfLevel(':memory:')
    await level.batch(['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: key })))
    const iterator = level.iterator({ reverse: true })
    expect(await iterator.next()).toEqual(['c', 'c'])
    await level.clear()
    await level.put('a', 'later')
    await level.database.compact()
    expect(await iterator.all()).toEqual([
      ['b', 'b'],
      ['a', 'a'],
    ])
  })

  it('let others have a turn', async () => {
    await using level = new AsOfLevel(':memory:')
    const count = 5000
    const keys = Array.from({ length: count }, (_, n) => String(n).padStart(5, '0'))
    await level.batch(keys.map((key) => ({ type: 'put', key, value: '' })))
    const reads = [
      async () => {
        let read = 0
        for await (const _ of level.keys()) read++
        return read
      },
      async () => (await level.iterator().all()).length,
      async () => (await level.values().nextv(count)).length,
    ]
    for (const read of reads) {
      let turns = 0
      let isOver = false
      const take = (): void => {
        turns++
        if (!isOver) setImmediate(take)
      }
      setImmediate(take)
      expect(await read()).toBe(count)
      isOver = true
      expect(turns).toBeGreaterThanOrEqual(4)
    }
  })

  it('end at the abort of a signal', async () => {
    await using level = new AsOfLevel(':memory:')
    await level.put('a', 'a')
    const controller = new AbortController()
    const iterator = level.iterator({ signal: controller.signal })
    expect(await iterator.next()).toEqual(['a', 'a'])
    const next = iterator.next()
    controller.abort()
    await expect(next).rejects.toMatchObject({ code: 'LEVEL_ABORTED', name: 'AbortError' })
  })

  it('of a snapshot of another Level are refused', async () => {
    await using database = await open(':memory:')
    await using one = new AsOfLevel({ database, keyspace: 'one' })
    await using other = new AsOfLevel({ database, keyspace: 'other' })
    await Promise.all([one.open(), other.open()])
    const snapshot = one.snapshot()
    await expect(other.get('a', { snapshot })).rejects.toThrow(TypeError)
    expect(() => other.keys({ snapshot })).toThrow(TypeError)
  })
})

describe('a shared database', () => {
  it('holds several, and stays open when they close', async () => {
    await using database = await open(':memory:')
    const users = new AsOfLevel({ database, keyspace: 'users' })
    const sessions = new AsOfLevel<string, Uint8Array>({
      database,
      keyspace: 'sessions',
      valueEncoding: 'view',
    })
    await users.put('a', 'Ada')
    await sessions.put('a', Uint8Array.of(1, 2))
    await database.write((tx) => {
      const key = new TextEncoder().encode('b')
      tx.keys('users').put(key, new TextEncoder().encode('Bob'))
      tx.keys('sessions').put(key, key)
    })
    expect(await users.iterator().all()).toEqual([
      ['a', 'Ada'],
      ['b', 'Bob'],
    ])
    expect(await sessions.values().all()).toEqual([Uint8Array.of(1, 2), Uint8Array.of(98)])
    expect(users.supports).toMatchObject({ createIfMissing: false, errorIfExists: false })
    await users.close()
    await sessions.clear()
    await sessions.close()
    await users.open()
    expect(await users.get('b')).toBe('Bob')
    await users.close()
  })

  it('that is closed by its owner can no longer be read, written or opened', async () => {
    const database = await open(':memory:')
    const level = new AsOfLevel({ database })
    await level.put('a', '1')
    const iterator = level.iterator()
    await database.close()
    const closed = ['LEVEL_DATABASE_NOT_OPEN', 'Closed']
    expect(await codesOf(level.get('a'))).toEqual(closed)
    expect(await codesOf(level.put('a', '2'))).toEqual(closed)
    expect(await codesOf(iterator.next())).toEqual(closed)
    expect(await codesOf(() => level.iterator())).toEqual(closed)
    await level.close()
    expect(await codesOf(level.open())).toEqual(['LEVEL_DATABASE_NOT_OPEN', ...closed])
  })
})

describe('the past', () => {
  /** Three values of one key, and the sequence of each; it is told for ever. */
  async function withPast(level: AsOfLevel): Promise<number[]> {
    await level.open()
    const { database, keyspace } = level
    await database.write((tx) => tx.setRetention({ keyspace }, 'forever'))
    const sequences: number[] = []
    for (const value of ['one', 'two', 'three']) {
      await level.put('k', value)
      sequences.push(database.sequence)
    }
    return sequences
  }

  it('is a snapshot at a sequence or a system time, for sublevels too', async () => {
    await using level = new AsOfLevel(':memory:')
    const [first = 0, second = 0] = await withPast(level)
    const sublevel = level.sublevel('s')
    await sublevel.put('k', 'in it')
    const snapshot = level.snapshot({ sequence: first })
    expect(await level.get('k', { snapshot })).toBe('one')
    const system = level.database.commit(second)?.system
    expect(await level.get('k', { snapshot: level.snapshot({ system }) })).toBe('two')
    expect(await level.get('k', { snapshot: level.snapshot() })).toBe('three')
    const before = sublevel.snapshot({ sequence: second })
    expect(await sublevel.keys({ snapshot: before }).all()).toEqual([])
    expect(await sublevel.keys().all()).toEqual(['k'])
    expect(() => level.snapshot({ sequence: 99 })).toThrow(/no commit 99/)
  })

  it('is a Level that can only be read, with the same encodings', async () => {
    const level = new AsOfLevel<string, string>(':memory:', { valueEncoding: 'json' })
    const [, second = 0, third = 0] = await withPast(level)
    const past = level.asOf({ sequence: second })
    expect([past.status, await past.get('k'), past.status]).toEqual(['opening', 'two', 'open'])
    await level.put('k', 'four')
    await level.put('l', 'new')
    expect(await past.iterator().all()).toEqual([['k', 'two']])
    expect([past.getSync('k'), await past.has('l')]).toEqual(['two', false])
    expect(await past.sublevel('s').keys().all()).toEqual([])
    const writes = [
      past.put('k', 'x'),
      past.del('k'),
      past.clear(),
      past.batch([{ type: 'del', key: 'k' }]),
      past.batch().del('k').write(),
      past.sublevel('s').put('k', 'x'),
    ]
    for (const write of writes) expect(await codesOf(write)).toEqual(['LEVEL_READONLY'])
    expect(level.database.sequence).toBe(third + 2)
    await level.asOf({ sequence: third }).close()
    expect(() => level.asOf({ sequence: 99 })).toThrow(/no commit 99/)
    await level.close()
    expect(past.status).toBe('closed')
    expect(() => level.asOf({ sequence: 1 })).toThrow(AsOfLevelError)
  })
})

it('a crash leaves all that was acknowledged, and no batch in part', async () => {
  const names = ['a', 'b', 'c']
  const beyond = new Set<number>()
  for (const turns of [0, 1, 2, 4, 8]) {
    const host = new SimulatedHost({ seed: 'level crash' })
    let acknowledged = -1
    await host.run(async () => {
      const level = new AsOfLevel('/level', { host })
      await level.open()
      const write = async (n: number): Promise<void> => {
        await level.batch(names.map((key) => ({ type: 'put', key, value: String(n) })))
        acknowledged = Math.max(acknowledged, n)
      }
      for (let n = 0; n < 3; n++) await write(n)
      for (let n = 3; n < 9; n++) void write(n)
      for (let turn = 0; turn < turns; turn++) await host.timers.yieldTurn()
    })
    for (const spec of host.crashes({ randomCount: 6 })) {
      const next = host.crash(spec)
      await next.run(async () => {
        const level = new AsOfLevel('/level', { host: next })
        const values = await level.getMany(names)
        expect(new Set(values).size).toBe(1)
        const kept = Number(values[0])
        expect(kept).toBeGreaterThanOrEqual(acknowledged)
        beyond.add(kept - acknowledged)
        await level.put('after', 'x')
        await level.close()
      })
    }
  }
  // So some were cut off while their records were being written.
  expect(beyond.size).toBeGreaterThan(1)
})

describe('the package', () => {
  it('runs without abstract-level, which only its own entry imports', async () => {
    vi.resetModules()
    vi.doMock('abstract-level', () => {
      throw new Error('it was imported')
    })
    try {
      const engine = await import('../../packages/asofdb/src/index.ts')
      await using database = await engine.open(':memory:')
      expect(database.sequence).toBe(0)
      const entry = import('../../packages/asofdb/src/level/index.ts')
      await expect(entry).rejects.toMatchObject({
        cause: expect.objectContaining({ message: 'it was imported' }),
      })
    } finally {
      vi.doUnmock('abstract-level')
    }
  })

  it('names it as an optional peer, and has an entry for it', () => {
    const manifest = JSON.parse(readFileSync(`${repository}packages/asofdb/package.json`, 'utf8'))
    expect(manifest.peerDependencies['abstract-level']).toBe('^3.1.1')
    expect(manifest.peerDependenciesMeta['abstract-level']).toEqual({ optional: true })
    const { types, default: code } = manifest.exports['./level']
    expect([types, code]).toEqual(['./dist/level/index.d.ts', './dist/level/index.js'])
  })
})
