import { readdirSync } from 'node:fs'
import { type Durability, open, type OpenOptions } from 'asofdb'
import { describe, expect, test } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'
import { fileOf, fourCommits, withFile } from './stored-images.ts'
import { directory, valuesOf, World } from './world.ts'

/**
 * The persistence defects found in SurrealMX, each as the experiment that showed it. Those about
 * bytes on the disk (P1, P2, P12, P13, P14, P21) are in surrealmx-disk.test.ts.
 */
const logged = ['sync', 'interval', 'os'] as const satisfies readonly Durability[]
const kept = [...logged, 'checkpoint'] as const satisfies readonly Durability[]
const asynchronous = [
  { log: 'async', fsync: 'always' },
  { log: 'async', fsync: { everyMs: 50 } },
  { log: 'async', fsync: 'never' },
] as const satisfies readonly OpenOptions[]
const closing = [...kept.map((durability) => ({ durability })), ...asynchronous]

describe('checkpoints', () => {
  test('P3: a checkpoint holds whole transactions, also without a log', async () => {
    const world = new World()
    const db = await world.open({ durability: 'checkpoint' })
    await db.write((tx) => {
      for (let number = 0; number < 2000; number++) tx.keys('k').put(number, 'between')
    })
    const restored: World[] = []
    for (let round = 0; round < 30; round++) {
      const taken = db.checkpoint()
      const write = db.write((tx) => {
        tx.keys('k').put(-1, round)
        tx.keys('k').put(5000, round)
      })
      await Promise.all([taken, write])
      restored.push(world.killed())
    }
    for (const killed of restored) {
      const after = await killed.open({ durability: 'checkpoint' })
      expect(after.keys('k').get(-1)).toBe(after.keys('k').get(5000))
    }
  })

  test('P5: a power cut at any step of a checkpoint loses nothing acknowledged', async () => {
    let crashes = 0
    for (let operation = 1; ; operation++) {
      const crashAt = { operation, outcome: 'done' } as const
      const host = new SimulatedHost({ seed: `P5 ${operation}`, faults: { crashAt } })
      let acknowledged = 0
      let isOver = false
      const work = async (): Promise<void> => {
        const db = await open(directory, { host })
        for (let number = 1; number <= 4; number++) {
          await db.write((tx) => tx.keys('k').put(number, number))
          acknowledged = number
          if (number % 2 === 0) await db.checkpoint()
        }
        isOver = true
      }
      await host.run(work).catch(() => undefined)
      if (isOver && !host.isStopped) break
      for (const spec of host.crashes({ randomCount: 2 })) {
        const next = host.crash(spec)
        const found = await next.run(async () => {
          return valuesOf(await open(directory, { host: next }), 'k')
        })
        expect(found.size).toBeGreaterThanOrEqual(acknowledged)
        crashes++
      }
    }
    expect(crashes).toBeGreaterThan(100)
  })

  test('P7: nothing is lost when killed while segments are retired, in two databases', async () => {
    const worlds = ['first', 'second'].map((name) => ({ name, world: new World() }))
    const kills: { name: string; world: World; count: number }[] = []
    await Promise.all(
      worlds.map(async ({ name, world }) => {
        const db = await world.open({ segmentBytesMax: 5120 })
        for (let number = 0; number < 60; number++) {
          await db.write((tx) => tx.keys('k').put(number, `${name} ${'x'.repeat(500)}`))
          const checkpoint = number % 5 === 0 ? db.checkpoint() : undefined
          kills.push({ name, world: world.killed(), count: number + 1 })
          await checkpoint
          kills.push({ name, world: world.killed(), count: number + 1 })
        }
      }),
    )
    for (const { name, world, count } of kills) {
      const values = [...valuesOf(await world.open(), 'k').values()]
      expect(values.length).toBe(count)
      expect(values.every((value) => String(value).startsWith(name))).toBe(true)
    }
  })

  test('P15: overlapping checkpoints lose nothing', async () => {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 5120 })
    for (let round = 0; round < 40; round++) {
      const three = [db.checkpoint(), db.checkpoint(), db.checkpoint()]
      await db.write((tx) => tx.keys('k').put(round, 'x'.repeat(300)))
      await Promise.all(three)
      if (round % 4 !== 0) continue
      expect(valuesOf(await world.killed().open(), 'k').size).toBe(round + 1)
    }
  })
})

describe('promises', () => {
  test('P4: the log has the order of the commits, and equal values count', async () => {
    const world = new World()
    const db = await world.open()
    await db.write((tx) => tx.keys('k').put('k', 'X'))
    const values = ['A', 'X']
    await Promise.all(
      values.map((value) =>
        db.write((tx) => tx.keys('k').put('k', value), { isolation: 'snapshot' }),
      ),
    )
    const again = await world.killed().open()
    expect(again.keys('k').get('k')).toBe(db.keys('k').get('k'))
    const written = [...again.changes()].flatMap(({ events }) => events.length)
    expect(written).toEqual([1, 1, 1])
  })

  test.each(closing)('P6: closing drops no commit, %o', async (mode) => {
    const world = new World()
    for (let round = 0; round < 5; round++) {
      const db = await world.open(mode)
      const writes = Array.from({ length: 100 }, (_, number) =>
        db.write((tx) => tx.keys('k').put(round * 100 + number, number)),
      )
      await Promise.all([...writes, db.close()])
    }
    expect(valuesOf(await world.open(mode), 'k').size).toBe(500)
  })

  test.each(logged)('P8: a failed write is heard of, and everything after it, %s', async (mode) => {
    const world = new World()
    const db = await world.open({ durability: mode })
    await db.write((tx) => tx.keys('k').put(1, 1))
    world.isFull = true
    await expect(db.write((tx) => tx.keys('k').put(2, 2))).rejects.toMatchObject({
      code: 'DiskFull',
    })
    world.isFull = false
    await expect(db.write((tx) => tx.keys('k').put(3, 3))).rejects.toMatchObject({
      code: 'Poisoned',
    })
    await db.close().catch(() => undefined)
    expect([...valuesOf(await world.open(), 'k').keys()]).toEqual([1])
  })

  test.each(asynchronous)('P8: what fails later is heard of in three ways, %o', async (mode) => {
    const world = new World()
    const db = await world.open(mode)
    const heard: unknown[] = []
    db.on('poisoned', ({ error }) => heard.push(error))
    await db.write((tx) => tx.keys('k').put(1, 1), { durability: 'os' })
    world.isFull = true
    await db.write((tx) => tx.keys('k').put(2, 2))
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    await expect(db.write((tx) => tx.keys('k').put(3, 3))).rejects.toMatchObject({
      code: 'Poisoned',
    })
    expect(heard).toMatchObject([{ code: 'Poisoned' }])
    expect(db.health()).toMatchObject({ status: 'readonly', reasons: [{ code: 'Poisoned' }] })
    world.isFull = false
    await expect(db.close()).rejects.toMatchObject({ code: 'Poisoned' })
    expect([...valuesOf(await world.open(), 'k').keys()]).toEqual([1])
  })

  test('P9: a torn tail is cut, so that what follows it is read', async () => {
    const world = new World()
    await fourCommits(world)
    const { image } = world.files
    const { path, bytes } = fileOf(image, '/log/')
    for (let length = bytes.length - 1; length > bytes.length - 209; length -= 5) {
      const cut = withFile(image, path, bytes.slice(0, length))
      const first = await cut.open()
      await first.write((tx) => tx.keys('k').put('after', length))
      const second = await cut.killed().open()
      expect(second.keys('k').get('after')).toBe(length)
      expect(valuesOf(second, 'k').size).toBe(valuesOf(first, 'k').size)
    }
  })

  test('P10: what could not be kept was never visible, and nothing is built on it', async () => {
    const world = new World()
    const db = await world.open()
    await db.write((tx) => tx.keys('k').put('n', 1))
    world.isFull = true
    const refused = db.write((tx) => tx.keys('k').put('n', 2))
    expect(db.keys('k').get('n')).toBe(1)
    await expect(refused).rejects.toMatchObject({ code: 'DiskFull' })
    world.isFull = false
    expect(db.keys('k').get('n')).toBe(1)
    expect(() => db.begin()).toThrow(/open/)
    await db.close().catch(() => undefined)
    expect((await world.open()).keys('k').get('n')).toBe(1)
  })

  test('P11: a failed sync is final until the database is opened again', async () => {
    const world = new World()
    const db = await world.open()
    await db.write((tx) => tx.keys('k').put(1, 1))
    world.isSyncFailing = true
    await expect(db.write((tx) => tx.keys('k').put(2, 2))).rejects.toMatchObject({
      code: 'Poisoned',
    })
    world.isSyncFailing = false
    const { syncs } = world
    await expect(db.write((tx) => tx.keys('k').put(3, 3))).rejects.toMatchObject({
      code: 'Poisoned',
    })
    expect(world.syncs).toBe(syncs)
    expect([...valuesOf(db, 'k').keys()]).toEqual([1])
    await db.close().catch(() => undefined)
    const again = await world.open()
    await again.write((tx) => tx.keys('k').put(4, 4))
    expect(again.keys('k').get(1)).toBe(1)
    expect(again.keys('k').get(3)).toBeUndefined()
  })

  test('P16: a clock behind the last commit hides nothing and loses no later write', async () => {
    const world = new World()
    const db = await world.open()
    await db.write((tx) => tx.keys('k').put('n', 'old'))
    await db.write((tx) => tx.createNode('A', { n: 'old' }))
    const behind = world.killed()
    behind.micros -= 3_600_000_000
    const again = await behind.open()
    expect([again.keys('k').get('n'), again.node(1)?.get('n')]).toEqual(['old', 'old'])
    await again.write((tx) => {
      tx.keys('k').put('n', 'new')
      tx.patch(1, { n: 'new' })
    })
    const caughtUp = behind.killed()
    caughtUp.micros += 7_200_000_000
    const last = await caughtUp.open()
    expect([last.keys('k').get('n'), last.node(1)?.get('n')]).toEqual(['new', 'new'])
  })

  test('P17: a log that is no longer written is not replayed over newer checkpoints', async () => {
    const world = new World()
    const withLog = await world.open()
    await withLog.write((tx) => tx.keys('k').put('gone', 1))
    const without = world.killed()
    const db = await without.open({ durability: 'checkpoint' })
    expect(db.keys('k').get('gone')).toBe(1)
    await db.write((tx) => tx.keys('k').delete('gone'))
    await db.close()
    for (const durability of kept) {
      const again = await without.killed().open({ durability })
      expect(again.keys('k').get('gone')).toBeUndefined()
      expect(again.sequence).toBe(2)
    }
  })
})

const place = temporaryFolder()

describe('handles', () => {
  test('P18: ending a view or a transaction stops nothing', async () => {
    const world = new World()
    const db = await world.open()
    for (let number = 0; number < 5; number++) {
      const tx = db.begin()
      tx.keys('k').put('never', number)
      tx.cancel()
      db.snapshot()
      await db.write((own) => own.keys('k').put(number, number))
    }
    expect([...valuesOf(await world.killed().open(), 'k').keys()]).toEqual([0, 1, 2, 3, 4])
  })

  test('P19: opening and closing leaves no file open', async () => {
    const path = place('files')
    const openFiles = (): number | undefined => {
      try {
        return readdirSync('/proc/self/fd').length
      } catch {
        return undefined
      }
    }
    let before: number | undefined
    for (let round = 0; round < 11; round++) {
      const db = await open(path)
      await db.write((tx) => tx.keys('k').put(round, round))
      await db.close()
      before ??= openFiles()
    }
    expect(openFiles()).toBe(before)
  })

  test('P20: a directory has one owner', async () => {
    const path = place('owned')
    const db = await open(path)
    await expect(open(path)).rejects.toMatchObject({ code: 'Locked' })
    await db.close()
    await (await open(path)).close()
  })
})
