import { type Durability, open, restore } from 'asofdb'
import { expect, test } from 'vitest'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { commits, describeDatabase } from '../formats/fixture.ts'
import { valuesOf, World } from './world.ts'

/** The bars that the study of oxirs-vec ends with, those on search apart. */
const modes = ['sync', 'interval', 'os', 'checkpoint'] as const satisfies readonly Durability[]

test('default configuration: n acknowledged and closed, n present', async () => {
  const world = new World()
  const db = await world.open()
  for (let number = 0; number < 5; number++) {
    await db.write((tx) => tx.keys('k').put(number, number))
  }
  await db.close()
  expect(valuesOf(await world.open(), 'k').size).toBe(5)
})

test('restart within the same second, then 100 synced writes: all present', async () => {
  const world = new World()
  const first = await world.open()
  for (let number = 0; number < 3; number++) {
    await first.write((tx) => tx.keys('k').put(number, number))
  }
  await first.close()
  const second = await world.open()
  for (let number = 3; number < 103; number++) {
    await second.write((tx) => tx.keys('k').put(number, number))
  }
  expect(valuesOf(await world.killed().open(), 'k').size).toBe(103)
})

// With the thresholds of checkpoints as they are, and with many checkpoints.
const thresholds = [{}, { checkpointLogBytes: 100_000 }] as const

test.each(thresholds)('10,010 synced writes over two sessions, %o', async (options) => {
  const world = new World()
  for (const [from, to] of [
    [0, 5005],
    [5005, 10_010],
  ] as const) {
    const db = await world.open({ segmentBytesMax: 64 * 1024, ...options })
    for (let number = from; number < to; number++) {
      await db.write((tx) => tx.keys('k').put(number, number))
    }
    await db.close()
  }
  expect(valuesOf(await world.open(), 'k').size).toBe(10_010)
})

test('a checkpoint after each 5 of 12 synced writes', async () => {
  const world = new World()
  const db = await world.open()
  for (let number = 1; number <= 12; number++) {
    await db.write((tx) => tx.keys('k').put(number, number))
    if (number % 5 === 0) await db.checkpoint()
    expect(valuesOf(await world.killed().open(), 'k').size).toBe(number)
  }
})

test('an aborted or unfinished transaction leaves no trace', async () => {
  const world = new World()
  const db = await world.open()
  await db.write((tx) => tx.keys('k').put('kept', 1))
  const aborted = db.begin()
  aborted.keys('k').put('aborted', 1)
  aborted.createNode('A')
  aborted.cancel()
  const unfinished = db.begin()
  unfinished.keys('k').put('unfinished', 1)
  await db.write((tx) => tx.createNode('B'))
  const again = await world.killed().open()
  expect([...valuesOf(again, 'k').keys()]).toEqual(['kept'])
  expect([...again.nodes()].map(({ labels }) => labels)).toEqual([['B']])
})

test('a single flipped bit is reported or harmless, in every file', async () => {
  const world = new World()
  const db = await world.open({ segmentBytesMax: 5120 })
  const states = [describeDatabase(db).join('\n')]
  for (const [at, commit] of commits.entries()) {
    await db.write(commit)
    states.push(describeDatabase(db).join('\n'))
    if (at === 4) await db.checkpoint()
  }
  const { image } = world.files
  const random = new RandomStream('bits')
  for (const [path, bytes] of image.files) {
    for (let trial = 0; trial < 25; trial++) {
      const at = random.below(bytes.length)
      const flipped = bytes.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8))
      const other = new World({ ...image, files: new Map(image.files).set(path, flipped) })
      const opened = await other.open().catch((error: unknown) => error)
      if (opened instanceof Error) expect(opened.message).toMatch(/\/|MANIFEST|log|checkpoint/)
      else expect(states).toContain(describeDatabase(await other.killed().open()).join('\n'))
    }
  }
})

test('killed after an acknowledgement at the level of the system: nothing lost', async () => {
  const world = new World()
  const db = await world.open({ durability: 'os' })
  for (let number = 1; number <= 200; number++) {
    await db.write((tx) => tx.keys('k').put(number, number))
    if (number % 20 !== 0) continue
    expect(valuesOf(await world.killed().open(), 'k').size).toBe(number)
  }
})

test('a scan of the history changes no byte of the directory', async () => {
  const world = new World()
  const db = await world.open()
  for (const commit of commits) await db.write(commit)
  const { changes, image } = world.files
  expect([...db.changes()].length).toBe(commits.length)
  describeDatabase(db)
  expect((await db.verify()).problems).toEqual([])
  expect(world.files.changes).toBe(changes)
  expect(world.files.image.files).toEqual(image.files)
})

test('replay equals the live state after 8 concurrent writers', async () => {
  const world = new World()
  const db = await world.open({ segmentBytesMax: 16 * 1024 })
  const random = new RandomStream('writers')
  const writer = async (name: number): Promise<void> => {
    for (let round = 0; round < 100; round++) {
      const key = random.below(300)
      await db.write((tx) => tx.keys('k').put(key, `${name} ${round}`), { isolation: 'snapshot' })
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, name) => writer(name)))
  const again = await world.killed().open()
  expect([...valuesOf(again, 'k')]).toEqual([...valuesOf(db, 'k')])
  expect(again.sequence).toBe(800)
})

test('every kind of entry replays', async () => {
  const world = new World()
  const db = await world.open()
  for (const commit of commits) await db.write(commit)
  const again = await world.killed().open()
  expect(describeDatabase(again)).toEqual(describeDatabase(db))
})

test('a refused operation leaves no record, and strict recovery opens', async () => {
  const world = new World()
  const db = await world.open()
  await db.write((tx) => {
    tx.createUnique('A', ['n'])
    tx.createNode('A', { n: 1 })
  })
  await expect(db.write((tx) => tx.createNode('A', { n: 1 }))).rejects.toMatchObject({
    code: 'UniqueViolation',
  })
  await expect(db.write((tx) => tx.createEdge(1, 'T', 99))).rejects.toMatchObject({
    kind: 'invalid',
  })
  const again = await world.killed().open()
  expect(again.sequence).toBe(1)
  expect([...again.nodes()].length).toBe(1)
})

test('restored to now, after a checkpoint, it equals what was live', async () => {
  const host = new SimulatedHost({ seed: 'restore' })
  await host.run(async () => {
    const db = await open('/live', { host })
    const states: string[] = [describeDatabase(db).join('\n')]
    for (const [at, commit] of commits.entries()) {
      await db.write(commit)
      if (at === 2 || at === 5) await db.checkpoint()
      states.push(describeDatabase(db).join('\n'))
    }
    await db.backup('/backup')
    for (const [toSequence, state] of [...states.entries(), [undefined, states.at(-1)] as const]) {
      const into = `/restored ${String(toSequence)}`
      await restore('/backup', into, { host, toSequence })
      const restored = await open(into, { host })
      expect(describeDatabase(restored).join('\n')).toBe(state)
      await restored.close()
    }
    await db.close()
  })
})

test('what opens after a checkpoint equals what was live', async () => {
  const world = new World()
  const db = await world.open()
  for (const [at, commit] of commits.entries()) {
    await db.write(commit)
    if (at === 5) await db.checkpoint()
  }
  expect(describeDatabase(await world.killed().open())).toEqual(describeDatabase(db))
})

test.each(modes)('what was deleted stays deleted, %s', async (durability) => {
  const world = new World()
  const db = await world.open({ durability })
  await db.write((tx) => {
    tx.createNode('A')
    tx.keys('k').put('k', 1)
  })
  await db.write((tx) => {
    tx.delete(1)
    tx.keys('k').delete('k')
  })
  expect(db.node(1)).toBeUndefined()
  await db.close()
  const again = await world.open({ durability })
  expect(again.node(1)).toBeUndefined()
  expect(again.keys('k').has('k')).toBe(false)
  expect(again.asOf({ sequence: 1 }).keys('k').get('k')).toBe(1)
})

test('a round trip through a checkpoint keeps ids, deletions and settings', async () => {
  const world = new World()
  const db = await world.open({ nodesValid: 'always' })
  const ids = await db.write((tx) => [1, 2, 3].map(() => tx.createNode('A').id))
  await db.write((tx) => tx.delete(ids[1] ?? 0, { valid: 'always' }))
  await db.close()
  const again = await world.open()
  expect([...again.nodes()].map(({ id }) => id)).toEqual([ids[0], ids[2]])
  const next = await again.write((tx) => tx.createNode('A').id)
  expect(ids).not.toContain(next)
  expect(again.asOf({ valid: '1900-01-01' }).node(next)).toBeDefined()
})
