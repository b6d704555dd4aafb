import type { BeginOptions, Database, KeyTransaction } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  commit,
  ending,
  type Held,
  heldBy,
  heldNow,
  holding,
  isolations,
  type Party,
  putAll,
  readConflict,
  writeConflict,
} from './keyspace.ts'

/** The named anomalies (Adya; Hermitage), each as the steps that would show it. */
interface Stage {
  readonly database: Database
  readonly first: Party
  readonly second: Party
}

/** Two transactions over x = 10 and y = 20, begun on the same state. */
async function stage(options: BeginOptions = {}, held: Held = { x: 10, y: 20 }): Promise<Stage> {
  const database = await holding(held)
  return { database, first: begin(database, options), second: begin(database, options) }
}

const read = (keys: KeyTransaction): unknown[] => keys.getMany(['x', 'y'])

describe.each(isolations)('under %s', (isolation) => {
  it('there are no dirty writes (G0): the writes of two are never mixed', async () => {
    const { database, first, second } = await stage({ isolation })
    first.keys.put('x', 11)
    second.keys.put('x', 12)
    first.keys.put('y', 21)
    expect(await ending(first)).toBe('committed')
    expect(heldNow(database)).toEqual(Object.entries({ x: 11, y: 21 }))
    second.keys.put('y', 22)
    expect(await ending(second)).toEqual(writeConflict('x'))
    expect(heldNow(database)).toEqual(Object.entries({ x: 11, y: 21 }))
  })

  it('there are no aborted reads (G1a): what is cancelled was never seen', async () => {
    const { database, first, second } = await stage({ isolation })
    first.keys.put('x', 101)
    first.keys.put('z', 101)
    const see = (keys: KeyTransaction): unknown => [read(keys), heldBy(keys), keys.has('z')]
    const unchanged = [[10, 20], Object.entries({ x: 10, y: 20 }), false]
    expect(see(second.keys)).toEqual(unchanged)
    expect(see(begin(database, { isolation }).keys)).toEqual(unchanged)
    first.tx.cancel()
    expect(see(second.keys)).toEqual(unchanged)
    second.keys.put('w', 1)
    expect(await ending(second)).toBe('committed')
    expect(heldNow(database)).toEqual(Object.entries({ w: 1, x: 10, y: 20 }))
  })

  it('there are no intermediate reads (G1b): only what was put last is ever seen', async () => {
    const { database, first, second } = await stage({ isolation })
    first.keys.put('x', 101)
    expect(second.keys.get('x')).toBe(10)
    first.keys.put('x', 11)
    expect(await ending(first)).toBe('committed')
    expect(second.keys.get('x')).toBe(10)
    expect(begin(database).keys.get('x')).toBe(11)
    for (const { value } of database.keys('k').provenance('x')) expect(value).not.toBe(101)
    for (let sequence = 0; sequence <= database.sequence; sequence++) {
      expect(database.asOf({ sequence }).keys('k').get('x')).not.toBe(101)
    }
  })

  it('a range is read as it was (PMP): what is put into it meanwhile is not seen', async () => {
    const { database, first, second } = await stage({ isolation })
    const range = (keys: KeyTransaction): unknown => keys.range({ gte: 'x', lt: 'z' }).toArray()
    const before = range(first.keys)
    second.keys.put('xx', 30)
    second.keys.delete('y')
    expect(await ending(second)).toBe('committed')
    expect(range(first.keys)).toEqual(before)
    expect(first.keys.range({ gte: 'x', lt: 'z' }).count()).toBe(2)
    expect(await ending(first)).toBe('nothing to commit')
    expect(heldNow(database)).toEqual(Object.entries({ x: 10, xx: 30 }))
  })

  it('no update is lost (P4): the second to write what both have read is refused', async () => {
    const { database, first, second } = await stage({ isolation })
    for (const { keys } of [first, second]) keys.put('x', Number(keys.get('x')) + 1)
    expect(await ending(first)).toBe('committed')
    expect(await ending(second)).toEqual(writeConflict('x'))
    expect(database.keys('k').get('x')).toBe(11)
  })

  it('there is no read skew (G-single): both keys are read of one state', async () => {
    const { database, first, second } = await stage({ isolation })
    expect(first.keys.get('x')).toBe(10)
    expect(read(second.keys)).toEqual([10, 20])
    putAll(second.keys, { x: 12, y: 18 })
    expect(await ending(second)).toBe('committed')
    expect(first.keys.get('y')).toBe(20)
    expect(heldBy(first.keys)).toEqual(Object.entries({ x: 10, y: 20 }))
    expect(await ending(first)).toBe('nothing to commit')
    expect(heldNow(database)).toEqual(Object.entries({ x: 12, y: 18 }))
  })

  it('there is no read skew that leads to a write', async () => {
    const { database, first, second } = await stage({ isolation })
    expect(first.keys.get('x')).toBe(10)
    putAll(second.keys, { x: 12, y: 18 })
    expect(await ending(second)).toBe('committed')
    // Y is still 20 for the one that deletes it for being so.
    expect(first.keys.compareAndDelete('y', 20)).toBe(true)
    const lost = isolation === 'snapshot' ? writeConflict('y') : readConflict('x')
    expect(await ending(first)).toEqual(lost)
    expect(heldNow(database)).toEqual(Object.entries({ x: 12, y: 18 }))
  })

  it('a writer goes on where the other that changed what it read is cancelled', async () => {
    const { database, first, second } = await stage({ isolation })
    expect(first.keys.get('x')).toBe(10)
    putAll(second.keys, { x: 12, y: 18 })
    expect(first.keys.compareAndDelete('y', 20)).toBe(true)
    second.tx.cancel()
    expect(await ending(first)).toBe('committed')
    expect(heldNow(database)).toEqual([['x', 10]])
  })

  it('what was found by a range and deleted loses against a put of it', async () => {
    const { database, first, second } = await stage({ isolation })
    putAll(first.keys, { x: 20, y: 30 })
    const twenties = (keys: KeyTransaction): unknown[] =>
      [...keys.range()].filter(({ value }) => value === 20).map(({ key }) => key)
    expect(twenties(second.keys)).toEqual(['y'])
    second.keys.delete('y')
    expect(await ending(first)).toBe('committed')
    // The one that deletes sees its own delete, and nothing of the other.
    expect(heldBy(second.keys)).toEqual([['x', 10]])
    const lost = isolation === 'snapshot' ? writeConflict('y') : readConflict('x')
    expect(await ending(second)).toEqual(lost)
    expect(heldNow(database)).toEqual(Object.entries({ x: 20, y: 30 }))
  })

  it('blind writes of one key: only the first commits', async () => {
    const { database, first, second } = await stage({ isolation })
    first.keys.put('new', 1)
    second.keys.put('new', 2)
    expect(await ending(second)).toBe('committed')
    expect(await ending(first)).toEqual(writeConflict('new'))
    expect(database.keys('k').get('new')).toBe(2)
  })

  it('writes of keys that no other has read or written all commit', async () => {
    const { database, first, second } = await stage({ isolation })
    expect(first.keys.get('x')).toBe(10)
    first.keys.put('x', 11)
    expect(second.keys.get('y')).toBe(20)
    second.keys.put('y', 21)
    expect([await ending(first), await ending(second)]).toEqual(['committed', 'committed'])
    expect(heldNow(database)).toEqual(Object.entries({ x: 11, y: 21 }))
  })

  it('read and then written keys: only the first commits', async () => {
    const { database, first, second } = await stage({ isolation }, {})
    for (const [index, { keys }] of [first, second].entries()) {
      expect(keys.get('x')).toBeUndefined()
      keys.put('x', index)
    }
    expect(await ending(first)).toBe('committed')
    expect(await ending(second)).toEqual(writeConflict('x'))
    expect(database.keys('k').get('x')).toBe(0)
  })

  it('a key that is written over after another has deleted it is refused', async () => {
    for (const hasRead of [true, false]) {
      const { database, first, second } = await stage({ isolation })
      if (hasRead) expect(first.keys.get('x')).toBe(10)
      first.keys.put('x', 11)
      second.keys.delete('x')
      expect(await ending(second)).toBe('committed')
      expect(first.keys.get('x')).toBe(11)
      expect(await ending(first)).toEqual(writeConflict('x'))
      expect(heldNow(database)).toEqual([['y', 20]])
    }
  })

  it('a range keeps to its state, own writes on top, until it is refused', async () => {
    for (const change of [
      (keys: KeyTransaction) => keys.put('x', 'theirs'),
      (keys: KeyTransaction) => keys.delete('x'),
    ]) {
      const { database, first } = await stage({ isolation })
      await commit(database, change)
      expect(heldBy(first.keys)).toEqual(Object.entries({ x: 10, y: 20 }))
      putAll(first.keys, { x: 11, z: 30 })
      expect(heldBy(first.keys)).toEqual(Object.entries({ x: 11, y: 20, z: 30 }))
      await commit(database, (keys) => keys.put('y', 'theirs'))
      expect(heldBy(first.keys)).toEqual(Object.entries({ x: 11, y: 20, z: 30 }))
      expect(await ending(first)).toEqual(writeConflict('x'))
      expect(database.keys('k').has('z')).toBe(false)
    }
  })
})

/** What becomes of one that has read a key and writes another, while the key is changed. */
async function readAndWriteElsewhere(
  options: BeginOptions,
  change: (keys: KeyTransaction) => unknown,
): Promise<unknown> {
  const { database, first } = await stage(options)
  expect(first.keys.get('x')).toBe(10)
  expect(first.keys.get('absent')).toBeUndefined()
  first.keys.put('y', 21)
  await commit(database, change)
  return ending(first)
}

describe('a read that another changes', () => {
  const changes = [
    ['a put', (keys: KeyTransaction) => keys.put('x', 11), 'x'],
    ['a delete', (keys: KeyTransaction) => keys.delete('x'), 'x'],
    [
      'the insert of what was not there',
      (keys: KeyTransaction) => keys.insert('absent', 1),
      'absent',
    ],
  ] as const

  it.each(changes)('by %s refuses the commit under serializable', async (_name, change, key) => {
    expect(await readAndWriteElsewhere({}, change)).toEqual(readConflict(key))
  })

  it.each(changes)('by %s lets it pass under snapshot', async (_name, change) => {
    expect(await readAndWriteElsewhere({ isolation: 'snapshot' }, change)).toBe('committed')
  })

  it('lets pass whoever wrote nothing', async () => {
    const { database, first } = await stage()
    expect(heldBy(first.keys)).toHaveLength(2)
    await commit(database, (keys) => keys.clear())
    expect(await ending(first)).toBe('nothing to commit')
  })
})

describe('a range that another changes', () => {
  const changes = [
    ['a put', (keys: KeyTransaction) => keys.put('b', 2), 'b'],
    ['a delete', (keys: KeyTransaction) => keys.delete('b'), 'b'],
    ['a new key', (keys: KeyTransaction) => keys.put('bb', 2), 'bb'],
  ] as const

  it.each(changes)(
    'by %s refuses a commit elsewhere, under serializable only',
    async (_name, change, key) => {
      for (const isolation of isolations) {
        for (const reverse of [false, true]) {
          const { database, first } = await stage({ isolation }, { a: 1, b: 1, c: 1 })
          const scan = first.keys.range({ gte: 'a', lte: 'c', reverse })
          const before = scan.toArray()
          first.keys.put('elsewhere', 1)
          await commit(database, change)
          expect(scan.toArray()).toEqual(before)
          const refused = isolation === 'serializable'
          expect(await ending(first)).toEqual(refused ? readConflict(key) : 'committed')
        }
      }
    },
  )
})

describe('a circle of reads', () => {
  it('between two (G1c) is broken: neither has seen the other, so one is refused', async () => {
    const { database, first, second } = await stage()
    first.keys.put('x', 11)
    second.keys.put('y', 22)
    expect([first.keys.get('y'), second.keys.get('x')]).toEqual([20, 10])
    expect(await ending(first)).toBe('committed')
    expect(await ending(second)).toEqual(readConflict('x'))
    expect(heldNow(database)).toEqual(Object.entries({ x: 11, y: 20 }))
  })

  it('over items (G2-item) is broken: of two that write one key each, one is refused', async () => {
    for (const see of [heldBy, read]) {
      const { database, first, second } = await stage()
      expect(see(first.keys)).toEqual(see(second.keys))
      first.keys.put('x', 11)
      second.keys.put('y', 21)
      expect(await ending(second)).toBe('committed')
      expect(await ending(first)).toEqual(readConflict('y'))
      expect(heldNow(database)).toEqual(Object.entries({ x: 10, y: 21 }))
    }
    // Snapshots let both pass, and nothing else of this kind.
    const { database, first, second } = await stage({ isolation: 'snapshot' })
    for (const { keys } of [first, second]) read(keys)
    first.keys.put('x', 11)
    second.keys.put('y', 21)
    expect([await ending(first), await ending(second)]).toEqual(['committed', 'committed'])
    expect(heldNow(database)).toEqual(Object.entries({ x: 11, y: 21 }))
  })

  /** What becomes of the second of two that read a range and put a key each. */
  async function afterPut(range: readonly [string, string], key: string): Promise<unknown> {
    const { first, second } = await stage()
    const [gte, lt] = range
    first.keys.range({ gte: 'a', lt: 'm' }).toArray()
    second.keys.range({ gte, lt }).toArray()
    first.keys.put(key, 30)
    second.keys.put('zz', 42)
    expect(await ending(first)).toBe('committed')
    return ending(second)
  }

  it('over ranges (G2) is broken, where a key is put into what the other has read', async () => {
    expect(await afterPut(['a', 'm'], 'c')).toEqual(readConflict('c'))
    expect(await afterPut(['a', 'm'], 'a')).toEqual(readConflict('a'))
    expect(await afterPut(['c', 'd'], 'c')).toEqual(readConflict('c'))
    expect(await afterPut(['b', 'd'], 'cc')).toEqual(readConflict('cc'))
    expect(await afterPut(['c', 'c\0'], 'c')).toEqual(readConflict('c'))
    for (const key of ['m', 'n']) expect(await afterPut(['a', 'm'], key)).toBe('committed')
    expect(await afterPut(['d', 'm'], 'c')).toBe('committed')
    expect(await afterPut(['a', 'c'], 'c')).toBe('committed')
  })
})

describe('transactions one after another', () => {
  it('conflict with those that overlapped them, and with no others', async () => {
    const database = await holding({ x: 0 })
    const endings: unknown[] = []
    // Each is begun before the one before it ends, and is let go of after its own end.
    let before = begin(database)
    before.keys.put('x', 0)
    for (let number = 1; number <= 20; number++) {
      const next = begin(database)
      next.keys.get('x')
      next.keys.put(number % 3 === 0 ? `own ${number}` : 'x', number)
      endings.push(await ending(before))
      before = next
    }
    endings.push(await ending(before))
    const writers = endings.map((one) => one === 'committed')
    // A refused one changes nothing, so the one after it passes: no two in a row conflict for ever.
    const expected = expectedWriters(20)
    expect(writers).toEqual(expected)
    const lost = endings.filter((one) => one !== 'committed')
    for (const one of lost) expect([readConflict('x'), writeConflict('x')]).toContainEqual(one)
  })
})

/** By the rule alone: refused is whose overlapping predecessor has committed a change of `x`. */
function expectedWriters(last: number): boolean[] {
  const committed = [true]
  const writesX = (number: number): boolean => number === 0 || number % 3 !== 0
  for (let number = 1; number <= last; number++) {
    const hasRival = committed[number - 1] === true && writesX(number - 1)
    committed.push(!hasRival)
  }
  return committed
}
