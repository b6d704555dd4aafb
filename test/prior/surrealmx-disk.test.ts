import { describe, expect, test } from 'vitest'
import { RandomStream } from '../../simulation/random.ts'
import { fileOf, fourCommits, outcomeOf, stateOf, withFile } from './stored-images.ts'
import { valuesOf, World } from './world.ts'

/** The defects of SurrealMX that are about bytes on the disk; see surrealmx.test.ts. */
describe('what lies on the disk', () => {
  test('P1: a flipped bit of the log never opens with wrong contents', async () => {
    const world = new World()
    const states = await fourCommits(world)
    const { image } = world.files
    const { path, bytes } = fileOf(image, '/log/')
    const random = new RandomStream('P1')
    const outcomes = new Set<string>()
    for (let at = bytes.length - 480; at < bytes.length; at++) {
      const flipped = bytes.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8))
      outcomes.add(await outcomeOf(withFile(image, path, flipped)))
    }
    expect(outcomes).toContain('Corrupt')
    outcomes.delete('Corrupt')
    expect([...outcomes].filter((state) => !states.includes(state))).toEqual([])
  })

  test('P2: of a torn transaction nothing is recovered', async () => {
    const world = new World()
    const db = await world.open()
    await db.write((tx) => tx.keys('k').put('before', 1))
    await db.write((tx) => {
      for (let number = 0; number < 200; number++) tx.keys('k').put(number, 'x'.repeat(100))
    })
    const { image } = world.files
    const { path, bytes } = fileOf(image, '/log/')
    for (let length = bytes.length - 1; length > bytes.length - 20_000; length -= 97) {
      const after = await withFile(image, path, bytes.slice(0, length)).open()
      expect([...valuesOf(after, 'k')]).toEqual([['before', 1]])
    }
  })

  test('P12: a cut checkpoint never opens with keys missing', async () => {
    const world = new World()
    const db = await world.open()
    for (let number = 0; number < 20; number++) {
      await db.write((tx) => tx.keys('k').put(number, 'some value'))
    }
    const whole = stateOf(db)
    await db.close()
    const { image } = world.files
    const { path, bytes } = fileOf(image, '/checkpoint/')
    const outcomes = new Set<string>()
    for (let length = 0; length < bytes.length; length += 5) {
      outcomes.add(await outcomeOf(withFile(image, path, bytes.slice(0, length))))
    }
    outcomes.delete('Corrupt')
    expect([...outcomes].filter((state) => state !== whole)).toEqual([])
  })

  test.each(['lz4', 'deflate'] as const)('P13: a cut %s checkpoint is never whole', async (way) => {
    const world = new World()
    const db = await world.open({ checkpointCompression: way, durability: 'checkpoint' })
    for (let number = 0; number < 20; number++) {
      await db.write((tx) => tx.keys('k').put(number, 'some value '.repeat(50)))
    }
    const whole = stateOf(db)
    await db.close()
    const { image } = world.files
    const { path, bytes } = fileOf(image, '/checkpoint/')
    expect(bytes.length).toBeLessThan(20 * 550)
    expect(await outcomeOf(withFile(image, path, bytes))).toBe(whole)
    // Without a log nothing stands in for the checkpoint.
    for (let length = 0; length < bytes.length; length += 7) {
      expect(await outcomeOf(withFile(image, path, bytes.slice(0, length)))).toBe('Corrupt')
    }
    const random = new RandomStream(`P13 ${way}`)
    for (let at = 0; at < bytes.length; at += 7) {
      const flipped = bytes.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8))
      const outcome = await outcomeOf(withFile(image, path, flipped))
      expect(['Corrupt', 'ForeignFile', 'FormatTooNew']).toContain(outcome)
    }
  })

  test('P14: no key or value can make a file look like another kind', async () => {
    const world = new World()
    const db = await world.open()
    const magic = Uint8Array.of(0x04, 0x22, 0x4d, 0x18)
    await db.write((tx) => {
      tx.keys('\u0004"M\u0018').put(magic, magic)
      tx.keys('k').put('asofdb manifest 1', 'asofdb')
    })
    await db.close()
    const again = await world.open()
    expect(again.keys('\u0004"M\u0018').get(magic)).toEqual(magic)
    expect(again.keys('k').get('asofdb manifest 1')).toBe('asofdb')
  })
})

describe('P21: one damaged byte is not the end', () => {
  async function damagedIn(part: '/checkpoint/' | '/log/'): Promise<World> {
    const world = new World()
    const db = await world.open({ segmentBytesMax: 5120 })
    for (let number = 1; number <= 30; number++) {
      await db.write((tx) => tx.keys('k').put(number, 'x'.repeat(400)))
      if (number === 5 || number === 10) await db.checkpoint()
    }
    const { image } = world.files
    const paths = [...image.files.keys()].filter((path) => path.includes(part)).sort()
    // Of the log one in the middle, with sound segments behind it.
    const path = paths.at(part === '/log/' ? -2 : -1) ?? expect.unreachable(part)
    const bytes = (image.files.get(path) ?? expect.unreachable(path)).slice()
    // Behind the header of a segment, in its first record.
    bytes[4200] = (bytes[4200] ?? 0) ^ 1
    return withFile(image, path, bytes)
  }

  test('P21: the checkpoint before and the log stand in for a damaged checkpoint', async () => {
    const world = await damagedIn('/checkpoint/')
    const db = await world.open()
    expect(db.recovery).toMatchObject({ outcome: 'healed', lost: null, isReadOnly: false })
    expect(valuesOf(db, 'k').size).toBe(30)
  })

  test('P21: strict refuses with file and byte, and changes nothing', async () => {
    const world = await damagedIn('/log/')
    const files = new Map(world.files.image.files)
    const error: unknown = await world.open().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'Corrupt' })
    expect(error).toMatchObject({ details: { file: expect.stringMatching(/^log\//) } })
    expect(error).toMatchObject({ details: { offset: expect.any(Number) } })
    expect(world.files.image.files).toEqual(files)
  })

  test('P21: by choice what is whole is opened for reading, or repaired', async () => {
    const world = await damagedIn('/log/')
    const files = new Map(world.files.image.files)
    const reading = await world.open({ recovery: 'bestEffort' })
    const { lost, isReadOnly } = reading.recovery
    expect(isReadOnly).toBe(true)
    const keys = [...valuesOf(reading, 'k').keys()]
    expect(keys).toEqual(Array.from({ length: keys.length }, (_, at) => at + 1))
    expect(keys.length).toBeGreaterThanOrEqual(10)
    expect(lost?.first).toBe(keys.length + 1)
    await reading.close()
    expect(world.files.image.files).toEqual(files)
    const repaired = await world.open({ recovery: 'repair' })
    expect([...valuesOf(repaired, 'k').keys()]).toEqual(keys)
    expect(repaired.recovery.quarantined.length).toBeGreaterThan(0)
    await repaired.write((tx) => tx.keys('k').put('after', 1))
    await repaired.close()
    const strict = await world.open()
    expect(strict.recovery.outcome).toBe('clean')
    expect(valuesOf(strict, 'k').size).toBe(keys.length + 1)
  })
})
