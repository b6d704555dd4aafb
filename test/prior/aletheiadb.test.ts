import { type Database, type DatabaseError, isDatabaseError } from 'asofdb'
import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../simulation/random.ts'
import { commits, describeDatabase, values } from '../formats/fixture.ts'
import { createdInJanuaryUpdatedInJune, ownerAt, putMany } from './small-histories.ts'
import { valuesOf, World } from './world.ts'

/**
 * The acceptance tests that the study of AletheiaDB ends with, each of which the version studied
 * fails. Many are shown at greater length elsewhere; here each stands under its number. Those on
 * size, clocks and many at once (12 to 17) are in aletheiadb-scale.test.ts.
 */
async function openError(world: World): Promise<DatabaseError | undefined> {
  try {
    await (await world.open()).close()
    return undefined
  } catch (error) {
    if (isDatabaseError(error)) return error
    throw error
  }
}

describe('valid time and system time', () => {
  test('1: a value of January is still there in March after a change in June', async () => {
    const db = await createdInJanuaryUpdatedInJune()
    expect(ownerAt(db, '2024-03-01')).toBe('Ada')
    expect(ownerAt(db, '2024-03-01', 1)).toBe('Ada')
    expect(ownerAt(db, '2030-01-01', 1)).toBe('Ada')
    const [only] = db.asOf({ sequence: 1 }).timeline(1)
    expect(only?.valid.to).toBeNull()
  })

  test('2: a correction of [March, May) leaves today and all other quadrants alone', async () => {
    const db = await createdInJanuaryUpdatedInJune()
    const march = { validFrom: '2024-03-01', validTo: '2024-05-01' }
    await db.write((tx) => tx.patch(1, { owner: 'Mary' }, march))
    const quadrants = ['2024-02-01', '2024-04-01', '2024-05-15', '2024-07-01'].map((valid) => [
      ownerAt(db, valid),
      ownerAt(db, valid, 2),
    ])
    expect(quadrants).toEqual([
      ['Ada', 'Ada'],
      ['Mary', 'Ada'],
      ['Ada', 'Ada'],
      ['Grace', 'Grace'],
    ])
    expect(db.node(1)?.get('owner')).toBe('Grace')
  })

  test('3: 100,000 questions equal a naive oracle, before a crash and after it', async () => {
    const random = new RandomStream('oracle')
    const world = new World()
    const db = await world.open({ segmentBytesMax: 64 * 1024 })
    const events: { from: number; to: number; value: number | undefined; sequence: number }[] = []
    await db.write((tx) => tx.createNode('Any', { value: -1 }, { valid: 'always' }))
    for (let number = 0; number < 500; number++) {
      const from = random.below(1000)
      const to = from + 1 + random.below(300)
      const value = random.chance(0.2) ? undefined : number
      const bounds = { validFrom: BigInt(from), validTo: BigInt(to) }
      await db.write((tx) => {
        if (value === undefined) tx.delete(1, bounds)
        else tx.put(1, { value }, bounds)
      })
      // A deletion of what is not there is no commit.
      const isStated = db.sequence > (events.at(-1)?.sequence ?? 1)
      if (isStated) events.push({ from, to, value, sequence: db.sequence })
    }
    const ask = (asked: Database): void => {
      for (let question = 0; question < 100_000; question++) {
        const at = random.below(1400)
        const sequence = 1 + random.below(asked.sequence)
        const covering = events.findLast(
          (event) => event.sequence <= sequence && event.from <= at && at < event.to,
        )
        const expected = covering === undefined ? -1 : covering.value
        const found = asked.asOf({ valid: BigInt(at), sequence }).node(1)?.get('value')
        if (found !== expected) expect(found, `at ${at}, #${sequence}`).toBe(expected)
      }
    }
    ask(db)
    const again = await world.killed().open()
    expect(again.sequence).toBe(db.sequence)
    ask(again)
  })
})

describe('crash and replay', () => {
  test('4: cut at any byte of its tail, it opens, takes a commit and opens again', async () => {
    const world = new World()
    const db = await world.open()
    await putMany(db, 6)
    const { image } = world.files
    const [path] = [...image.files.keys()].filter((one) => one.includes('/log/'))
    const bytes = image.files.get(path ?? '') ?? expect.unreachable()
    let whole = 0
    for (let length = bytes.length; length > bytes.length - 400; length--) {
      const files = new Map(image.files).set(path ?? '', bytes.slice(0, length))
      const cut = new World({ ...image, files })
      const first = await cut.open()
      const kept = first.sequence
      if (length < bytes.length) expect(kept).toBeLessThan(6)
      expect(kept).toBeGreaterThanOrEqual(1)
      await first.write((tx) => tx.keys('numbers').put('after', length))
      await first.close()
      const second = await cut.killed().open()
      expect(second.sequence).toBe(kept + 1)
      expect(second.keys('numbers').get('after')).toBe(length)
      expect(valuesOf(second, 'numbers').size).toBe(kept + 1)
      whole++
    }
    expect(whole).toBe(400)
  })

  test('5 and 11: history, ids, times and every kind of value are the same after it', async () => {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 5120 })
    for (const [at, commit] of commits.entries()) {
      world.micros += 1_000_000
      await db.write(commit)
      if (at === 3) await db.checkpoint()
    }
    const before = describeDatabase(db)
    const replayed = await world.killed().open()
    expect(describeDatabase(replayed)).toEqual(before)
    await replayed.close()
    await db.close()
    const reopened = await world.killed().open()
    expect(describeDatabase(reopened)).toEqual(before)
    const stored = reopened.asOf({ sequence: 1 }).node(1)?.properties
    const kinds = Object.keys(values).filter((name) => values[name] !== null)
    expect(Object.keys(stored ?? {}).filter((name) => name !== 'name').sort()).toEqual(kinds.sort())
  })

  test('6: replaying any suffix twice changes nothing', async () => {
    for (let checkpointed = 0; checkpointed < commits.length; checkpointed++) {
      const world = new World()
      const db = await world.open()
      for (const [at, commit] of commits.entries()) {
        await db.write(commit)
        if (at + 1 === checkpointed) await db.checkpoint()
      }
      const before = describeDatabase(db)
      const once = world.killed()
      expect(describeDatabase(await once.open())).toEqual(before)
      expect(describeDatabase(await once.killed().open())).toEqual(before)
    }
  })

  test('7: no acknowledged write is lost when killed in a storm with checkpoints', async () => {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 8192 })
    const acknowledged = new Set<number>()
    const kills: { world: World; acknowledged: Set<number> }[] = []
    const writer = async (name: number): Promise<void> => {
      for (let round = 0; round < 25; round++) {
        const number = name * 1000 + round
        await db.write((tx) => tx.keys('storm').put(number, 'x'.repeat(100)))
        acknowledged.add(number)
        if (round % 7 === name % 7) {
          kills.push({ world: world.killed(), acknowledged: new Set(acknowledged) })
        }
      }
    }
    const checkpoints = async (): Promise<void> => {
      for (let count = 0; count < 10; count++) await db.checkpoint()
    }
    await Promise.all([...Array.from({ length: 12 }, (_, name) => writer(name)), checkpoints()])
    expect(kills.length).toBeGreaterThan(30)
    for (const killed of kills) {
      const after = await killed.world.open()
      const found = valuesOf(after, 'storm')
      expect([...killed.acknowledged].filter((number) => !found.has(number))).toEqual([])
    }
  })

  test('8: 1,000 rotations with failing checkpoints delete nothing that is needed', async () => {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 5120, checkpointLogBytes: 20_000 })
    await putMany(db, 10)
    await db.checkpoint()
    world.unmakeable = '/checkpoint/'
    const text = 'x'.repeat(4500)
    for (let number = 0; number < 1000; number++) {
      await db.write((tx) => tx.keys('long').put(number, `${number} ${text}`))
    }
    await expect(db.checkpoint()).rejects.toThrow(/checkpoint/)
    expect(db.stats().log.segments).toBeGreaterThan(1000)
    const after = await world.killed().open()
    expect(valuesOf(after, 'numbers').size).toBe(10)
    expect(valuesOf(after, 'long').size).toBe(1000)
    expect(after.keys('long').get(999)).toBe(`999 ${text}`)
  })

  test('8: writes stop loudly when too much is in no checkpoint, and go on after one', async () => {
    const world = new World()
    const limits = { checkpointLogBytes: 20_000, logBytesMax: 100_000 }
    const db = await world.open({ segmentBytesMax: 5120, ...limits })
    world.unmakeable = '/checkpoint/'
    const text = 'x'.repeat(4500)
    let taken = 0
    const write = async (): Promise<void> => {
      await db.write((tx) => tx.keys('long').put(taken, text))
      taken++
    }
    const writeAll = async (): Promise<void> => {
      while (taken < 1000) await write()
    }
    await expect(writeAll()).rejects.toMatchObject({ code: 'LogFull' })
    expect(taken).toBeLessThan(30)
    expect(db.health()).toMatchObject({ status: 'readonly' })
    expect(valuesOf(await world.killed().open(), 'long').size).toBe(taken)
    world.unmakeable = undefined
    await db.checkpoint()
    await write()
    expect(db.health().status).toBe('ok')
    expect(valuesOf(await world.killed().open(), 'long').size).toBe(taken)
  })

  test('9: a flipped bit, a cut, a lost file: right, refused, or only read', async () => {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 5120 })
    const histories = [describeDatabase(db).join('\n')]
    for (const [at, commit] of commits.entries()) {
      await db.write(commit)
      histories.push(describeDatabase(db).join('\n'))
      if (at === 2 || at === 4) await db.checkpoint()
    }
    const { image } = world.files
    const random = new RandomStream('damage')
    let refusals = 0
    let salvages = 0
    for (const [path, bytes] of image.files) {
      for (const way of ['flip', 'cut', 'lose'] as const) {
        const files = new Map(image.files)
        const damaged = bytes.slice(0, way === 'cut' ? random.below(bytes.length) : bytes.length)
        const at = random.below(bytes.length)
        if (way === 'flip') damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8))
        if (way === 'lose') files.delete(path)
        else files.set(path, damaged)
        const other = new World({ ...image, files })
        const error = await openError(other)
        if (error === undefined) {
          const reopened = await other.killed().open()
          expect(histories).toContain(describeDatabase(reopened).join('\n'))
        } else {
          refusals++
          expect(['corrupt', 'unavailable', 'invalid']).toContain(error.kind)
          expect(other.files.image.files).toEqual(files)
          const salvaged = await other.open({ recovery: 'bestEffort' }).catch(() => undefined)
          expect(other.files.image.files).toEqual(files)
          if (salvaged === undefined) continue
          salvages++
          expect(salvaged.recovery.isReadOnly).toBe(true)
          expect(histories).toContain(describeDatabase(salvaged).join('\n'))
          await salvaged.close()
        }
      }
    }
    expect(refusals).toBeGreaterThan(3)
    expect(salvages).toBeGreaterThan(3)
  })

  test('10: one write that finds no room leaves no wedge and no gap', async () => {
    const world = new World()
    const db = await world.open()
    await putMany(db, 3)
    world.isFull = true
    await expect(db.write((tx) => tx.keys('numbers').put(3, {}))).rejects.toThrow(/full/)
    expect(valuesOf(db, 'numbers').size).toBe(3)
    await db.close().catch(() => undefined)
    world.isFull = false
    const again = await world.open()
    expect(again.sequence).toBe(3)
    await putMany(again, 3, 3)
    await again.close()
    expect(valuesOf(await world.open(), 'numbers').size).toBe(6)
  })
})
