import { type Database, type Instant, open, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { codeOf, commit, ofCode } from './keyspace.ts'

/** What is stated about the key by one commit each; `undefined` is a delete. */
type Statement = Value | undefined

interface Version {
  readonly sequence: number
  readonly value: Statement
}

interface VersionList {
  readonly database: Database
  /** The commit of each statement; among them there are commits about another key. */
  readonly sequences: number[]
}

async function listOf(statements: readonly Statement[]): Promise<VersionList> {
  const database = await open(':memory:', { keyRetention: 'forever' })
  const sequences: number[] = []
  const elsewhere = (): Promise<number> => commit(database, (keys) => keys.put('other', 0))
  await elsewhere()
  for (const statement of statements) {
    const sequence = await commit(database, (keys) => {
      if (statement === undefined) keys.delete('key')
      else keys.put('key', statement)
    })
    sequences.push(sequence)
    await elsewhere()
  }
  await elsewhere()
  return { database, sequences }
}

const shapes: [string, readonly Statement[]][] = [
  ['an empty list', []],
  ['one version', ['a']],
  ['several versions', ['a', 'b', 'c', 'd', 'e']],
  ['versions and deletes', ['a', undefined, 'b', 'c', undefined]],
]

/** States these of the key, one after another, by one commit. */
function stateAll(database: Database, values: readonly Value[]): Promise<number> {
  return commit(database, (keys) => values.forEach((value) => keys.put('key', value)))
}

/** Every commit of the database, and 0: before all of them. */
function points({ database }: VersionList): number[] {
  return Array.from({ length: database.sequence + 1 }, (_, sequence) => sequence)
}

/** The versions of the key that a view of the past has. */
function versionsAt(database: Database, sequence: number): Version[] {
  const range = { gte: 'key', lte: 'key' }
  const versions = [...database.asOf({ sequence }).keys('k').versions(range)]
  return versions.map((version) => ({ sequence: version.sequence ?? NaN, value: version.value }))
}

/** The values of all versions, in their order. */
function valuesOf(database: Database): Statement[] {
  return versionsAt(database, database.sequence).map(({ value }) => value)
}

describe('the number of versions', () => {
  it.each(shapes)('before a commit, of %s', async (_name, statements) => {
    const list = await listOf(statements)
    for (const point of points(list).slice(1)) {
      const expected = list.sequences.filter((sequence) => sequence < point).length
      expect([point, versionsAt(list.database, point - 1).length]).toEqual([point, expected])
    }
  })

  it.each(shapes)('up to a commit, of %s', async (_name, statements) => {
    const list = await listOf(statements)
    for (const point of points(list)) {
      const expected = list.sequences.filter((sequence) => sequence <= point)
      const found = versionsAt(list.database, point).map(({ sequence }) => sequence)
      expect([point, found]).toEqual([point, expected])
    }
  })

  it('before a commit and up to it differ where something was stated, only there', async () => {
    const list = await listOf(['a', undefined, 'b', 'b', 'c'])
    for (const point of points(list).slice(1)) {
      const before = versionsAt(list.database, point - 1).length
      const upTo = versionsAt(list.database, point).length
      expect([point, upTo - before]).toEqual([point, list.sequences.includes(point) ? 1 : 0])
    }
  })
})

describe('as of a commit', () => {
  it.each(shapes)('the newest version up to it is there, of %s', async (_name, statements) => {
    const list = await listOf(statements)
    for (const point of points(list)) {
      const newest = list.sequences.findLastIndex((sequence) => sequence <= point)
      const keys = list.database.asOf({ sequence: point }).keys('k')
      const found = [keys.get('key'), keys.range({ gte: 'key', lte: 'key' }).first()?.value]
      expect([point, ...found]).toEqual([point, statements[newest], statements[newest]])
    }
  })

  it.each(shapes)('the key is there as that version says, of %s', async (_name, statements) => {
    const list = await listOf(statements)
    for (const point of points(list)) {
      const newest = list.sequences.findLastIndex((sequence) => sequence <= point)
      const keys = list.database.asOf({ sequence: point }).keys('k')
      const isThere = statements[newest] !== undefined
      const found = [keys.has('key'), keys.cursor({ lte: 'key' }).next()]
      expect([point, ...found]).toEqual([point, isThere, isThere])
    }
  })
})

describe('a statement', () => {
  it('about a key of which nothing is known is its first version', async () => {
    const { database, sequences } = await listOf(['a'])
    const expected = [{ sequence: sequences[0], value: 'a' }]
    expect(versionsAt(database, database.sequence)).toEqual(expected)
  })

  it('that deletes a key of which nothing is known is none', async () => {
    const database = await open(':memory:', { keyRetention: 'forever' })
    await commit(database, (keys) => expect(keys.delete('key')).toBe(0))
    expect([database.sequence, database.stats().versions.keys]).toEqual([0, 0])
    expect(valuesOf(database)).toEqual([])
  })

  it('comes after all that were made before it', async () => {
    const { database, sequences } = await listOf(['c', 'a', 'b'])
    expect(versionsAt(database, database.sequence)).toEqual(
      ['c', 'a', 'b'].map((value, index) => ({ sequence: sequences[index], value })),
    )
    expect(sequences.toSorted((a, b) => a - b)).toEqual(sequences)
  })

  it('can’t be put before one that was made: its time would be refused', async () => {
    const database = await open(':memory:', { keyRetention: 'forever' })
    for (const system of ['2020-01-01', '2022-01-01']) {
      await database.import((tx) => tx.keys('k').put('key', system), { system })
    }
    for (const system of ['2021-01-01', '2019-01-01', '2022-01-01']) {
      const late = database.import((tx) => tx.keys('k').put('key', system), { system })
      await expect(late).rejects.toEqual(ofCode('NotMonotonic'))
    }
    expect([valuesOf(database), database.sequence]).toEqual([['2020-01-01', '2022-01-01'], 2])
  })

  it('of the value that is there is a version, too, unless it asks not to be', async () => {
    const { database } = await listOf(['a', 'a', 'b', 'b', 'a'])
    expect(valuesOf(database)).toEqual(['a', 'a', 'b', 'b', 'a'])
    await commit(database, (keys) => expect(keys.put('key', 'a', { skipUnchanged: true })).toBe(0))
    expect(valuesOf(database)).toHaveLength(5)
    await commit(database, (keys) => expect(keys.put('key', 'c', { skipUnchanged: true })).toBe(1))
    expect(valuesOf(database)).toEqual(['a', 'a', 'b', 'b', 'a', 'c'])
  })

  it('that deletes is a version among the others, also the last one', async () => {
    const { database, sequences } = await listOf(['a', undefined, 'b', undefined])
    expect(valuesOf(database)).toEqual(['a', undefined, 'b', undefined])
    const [first = 0, second = 0, third = 0] = sequences
    const views = [first, second, third].map((sequence) => database.asOf({ sequence }))
    const states = [...views, database].map((view) => view.keys('k').get('key'))
    expect(states).toEqual(['a', undefined, 'b', undefined])
    await commit(database, (keys) => expect(keys.insert('key', 'c')).toBe(1))
    expect(valuesOf(database).slice(-2)).toEqual([undefined, 'c'])
  })

  it('that deletes what is deleted is none, however often', async () => {
    const { database, sequences } = await listOf(['a', undefined, undefined, undefined])
    expect(valuesOf(database)).toEqual(['a', undefined])
    expect(versionsAt(database, database.sequence)[1]?.sequence).toBe(sequences[1])
  })
})

describe('several statements in one commit', () => {
  it('are versions each, of one commit; the last is what is there', async () => {
    const { database } = await listOf(['a'])
    const sequence = await stateAll(database, ['b', 'c', 'c'])
    expect(versionsAt(database, sequence).slice(1)).toEqual([
      { sequence, value: 'b' },
      { sequence, value: 'c' },
      { sequence, value: 'c' },
    ])
    expect(database.keys('k').get('key')).toBe('c')
    // Nobody ever saw the others.
    expect(database.asOf({ sequence: sequence - 1 }).keys('k').get('key')).toBe('a')
  })

  it('of a delete and a value, or a value and a delete: the last holds', async () => {
    for (const isDeleteFirst of [true, false]) {
      const { database } = await listOf(['a'])
      const sequence = await commit(database, (keys) => {
        if (isDeleteFirst) keys.delete('key')
        keys.put('key', 'b')
        if (!isDeleteFirst) keys.delete('key')
      })
      const expected = isDeleteFirst ? 'b' : undefined
      expect(database.keys('k').get('key')).toBe(expected)
      expect(database.keys('k').has('key')).toBe(isDeleteFirst)
      expect(database.asOf({ sequence: sequence - 1 }).keys('k').get('key')).toBe('a')
      const [second, third] = isDeleteFirst ? [undefined, 'b'] : ['b', undefined]
      expect(valuesOf(database)).toEqual(['a', second, third])
    }
  })

  it('in turn with commits of one statement are all where they belong', async () => {
    const { database } = await listOf([])
    const expected: Version[] = []
    for (let round = 0; round < 10; round++) {
      const values = Array.from({ length: (round % 3) + 1 }, (_, at) => round * 10 + at)
      const sequence = await stateAll(database, values)
      expected.push(...values.map((value) => ({ sequence, value })))
      expect(versionsAt(database, sequence)).toEqual(expected)
      expect(database.keys('k').get('key')).toBe(values.at(-1))
    }
    for (const { sequence } of expected) {
      const last = expected.findLast((one) => one.sequence === sequence)
      expect(database.asOf({ sequence }).keys('k').get('key')).toBe(last?.value)
    }
  })
})

describe('a statement about a part of time', () => {
  const days = (from: number, to: number) => ({
    validFrom: new Date(from * 86_400_000),
    validTo: new Date(to * 86_400_000),
  })

  /** What the key holds when, in days. */
  function timeline(database: Database): unknown[] {
    const day = (instant: Instant | null): number =>
      Number(instant?.epochMicroseconds) / 86_400_000_000
    const parts = database.keys('k').timeline('key')
    return parts.map(({ valid: { from, to }, value }) => [day(from), day(to), value])
  }

  it('in the midst of what is known, before it all, or instead of some, comes last', async () => {
    const database = await open(':memory:', { keyRetention: 'forever' })
    const put = (value: Value, from: number, to: number): Promise<number> =>
      commit(database, (keys) => keys.put('key', value, days(from, to)))
    await put('a', 10, 20)
    await put('b', 20, 30)
    await put('in the midst', 15, 25)
    expect(timeline(database)).toEqual([
      [10, 15, 'a'],
      [15, 25, 'in the midst'],
      [25, 30, 'b'],
    ])
    await put('before', 5, 10)
    await put('instead', 15, 25)
    expect(timeline(database)).toEqual([
      [5, 10, 'before'],
      [10, 15, 'a'],
      [15, 25, 'instead'],
      [25, 30, 'b'],
    ])
    expect(valuesOf(database)).toEqual(['a', 'b', 'in the midst', 'before', 'instead'])
    const at = (sequence: number, day: number): Statement =>
      database.asOf({ sequence, valid: new Date(day * 86_400_000) }).keys('k').get('key')
    expect([at(2, 17), at(3, 17), at(5, 17), at(3, 7), at(4, 7)]).toEqual([
      'a',
      'in the midst',
      'instead',
      undefined,
      'before',
    ])
    expect(codeOf(() => at(6, 7))).toBe('InvalidArgument')
  })
})

describe('a long list', () => {
  it('of a hundred commits has each of them', async () => {
    const statements = Array.from({ length: 100 }, (_, at) => (at % 7 === 6 ? undefined : at))
    const { database, sequences } = await listOf(statements)
    expect(valuesOf(database)).toEqual(statements)
    const found = sequences.map((sequence) => database.asOf({ sequence }).keys('k').get('key'))
    expect(found).toEqual(statements)
    expect(database.stats().superseded.keys).toBe(99 + 101)
  })

  it('of a hundred statements in one commit has each of them; the last holds', async () => {
    const { database } = await listOf(['before'])
    const values = Array.from({ length: 100 }, (_, at) => at)
    const sequence = await stateAll(database, values)
    expect(valuesOf(database)).toEqual(['before', ...values])
    expect(database.keys('k').get('key')).toBe(99)
    expect(database.asOf({ sequence: sequence - 1 }).keys('k').get('key')).toBe('before')
  })
})
