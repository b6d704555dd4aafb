import { describe, expect, test } from 'vitest'
import { Instant, type KeyTransaction } from '../index.ts'
import { open } from '../open.ts'

const bytes = new Uint8Array([0, 1, 255])
/** A date as the number of its day. */
const day = {
  encode: (value: Date) => value.getTime() / 86_400_000,
  decode: (stored: unknown) => {
    if (typeof stored !== 'number') throw new TypeError('no day')
    return new Date(stored * 86_400_000)
  },
}

describe('values', () => {
  test('come back as they are encoded, everywhere', async () => {
    const database = await open(':memory:')
    const tuples = [
      ['bytes', bytes, new Uint8Array([2])],
      ['text', 'a', 'b'],
      ['json', { b: [1, null, 'x'], a: true }, [2]],
      ['value', { a: 1n }, [1.5]],
      [day, new Date(86_400_000), new Date(0)],
    ] as const
    for (const [values, first, second] of tuples) {
      const name = typeof values === 'string' ? values : 'day'
      const options = { values } as { values: 'value' }
      await database.write((tx) => {
        const keys = tx.keys(name, options) as KeyTransaction<unknown, unknown>
        keys.put('a', first)
        expect(keys.get('a')).toEqual(name === 'value' ? { a: 1 } : first)
        expect(keys.insert('b', second)).toBe(1)
        expect(keys.compareAndSet('b', first, first)).toBe(false)
        expect(keys.compareAndSet('b', second, first)).toBe(true)
        expect(keys.compareAndSet('b', first, second)).toBe(true)
        expect(keys.compareAndDelete('a', second)).toBe(false)
      })
      const wanted = name === 'value' ? [{ a: 1 }, [1.5]] : [first, second]
      const keys = database.keys(name, options)
      expect(keys.getMany(['a', 'b'])).toEqual(wanted)
      expect([...keys.range().values()]).toEqual(wanted)
      expect([...keys.range()].map(({ value }) => value)).toEqual(wanted)
      expect(keys.timeline('b').map(({ value }) => value)).toEqual([wanted[1]])
      expect(keys.provenance('a').map(({ value }) => value)).toEqual([wanted[0]])
      expect([...keys.versions()].map(({ value }) => value)).toEqual([
        wanted[0],
        wanted[1],
        wanted[0],
        wanted[1],
      ])
      const cursor = keys.cursor()
      expect([cursor.next(), cursor.value]).toEqual([true, wanted[0]])
    }
    await database.close()
  })

  test('in JSON are text to whoever looks at them without it', async () => {
    const database = await open(':memory:')
    await database.write((tx) => tx.keys('k', { values: 'json' }).put('a', { b: 1 }))
    expect(database.keys('k').get('a')).toBe('{"b":1}')
    expect(database.keys('k', { values: 'text' }).get('a')).toBe('{"b":1}')
    expect(database.keys<{ b: number }>('k', { values: 'json' }).get('a')?.b).toBe(1)
    await database.close()
  })

  const circular = (): unknown => {
    const list: unknown[] = []
    list.push(list)
    return list
  }

  test.each([
    [
      'bytes',
      'text',
      /"the key" in keyspace k is of type string; this keyspace takes a Uint8Array/,
    ],
    ['bytes', undefined, /"the key" in keyspace k is undefined/],
    ['text', bytes, /"the key" in keyspace k is bytes; this keyspace takes a string/],
    ['text', ['a'], /is a list/],
    ['json', undefined, /"the key" in keyspace k is undefined, which JSON can't say/],
    ['json', () => 1, /is of type function/],
    [
      'json',
      { toJSON: circular },
      /"the key" in keyspace k is nothing that JSON can say: .*circular/,
    ],
    ['json', 1n, /is nothing that JSON can say/],
    ['value', undefined, /"the key" in keyspace k: undefined can't be stored/],
    ['value', { a: [undefined] }, /"the key" in keyspace k\.a\[0\]: undefined/],
    [day, 'no date', /"the key" in keyspace k was refused by the encoding: value.getTime/],
  ])('as %o refuse %o, with the key', async (values, value, says) => {
    const database = await open(':memory:')
    await database.write((tx) => {
      const keys = tx.keys('k', { values } as object) as KeyTransaction<unknown, unknown>
      const invalid = expect.objectContaining({
        code: 'InvalidValue',
        message: expect.stringMatching(says) as unknown,
      })
      expect(() => keys.put('the key', value)).toThrow(invalid)
      expect(() => keys.insert('the key', value)).toThrow(invalid)
      if (value !== undefined) {
        expect(() => keys.compareAndDelete('the key', value)).toThrow(invalid)
      }
      expect(keys.range().count()).toBe(0)
    })
    expect(database.sequence).toBe(0)
    await database.close()
  })

  test.each([
    ['bytes', 'text', /"the key" in keyspace k is of type string; .* opened for bytes/],
    ['text', 5, /"the key" in keyspace k is of type number; .* opened for text/],
    ['json', bytes, /"the key" in keyspace k is bytes; .* for JSON/],
    ['json', '{', /"the key" in keyspace k is no JSON/],
    [day, 'x', /"the key" in keyspace k was refused by the decoding: no day/],
  ])('as %o can not be read from %o', async (values, stored, says) => {
    const database = await open(':memory:')
    await database.write((tx) => tx.keys('k').put('the key', stored))
    const keys = database.keys('k', { values } as { values: 'text' })
    const invalid = expect.objectContaining({
      code: 'InvalidValue',
      message: expect.stringMatching(says) as unknown,
      details: { keyspace: 'k', key: 'the key' },
    })
    for (const read of [
      () => keys.get('the key'),
      () => keys.getMany(['the key']),
      () => [...keys.range()],
      () => [...keys.range().values()],
      () => [...keys.versions()],
      () => keys.timeline('the key'),
      () =>
        database
          .snapshot()
          .keys('k', { values } as { values: 'text' })
          .get('the key'),
    ]) {
      expect(read).toThrow(invalid)
    }
    expect([keys.has('the key'), keys.range().count()]).toEqual([true, 1])
    expect([...keys.range().keys()]).toEqual(['the key'])
    await database.close()
  })

  test.each(['utf8', 5, null, {}, { encode: () => 1 }])('have no encoding %o', async (values) => {
    const database = await open(':memory:')
    const invalid = expect.objectContaining({ code: 'InvalidArgument' })
    const options = { values } as { values: 'text' }
    expect(() => database.keys('k', options)).toThrow(invalid)
    expect(() => database.snapshot().keys('k', options)).toThrow(invalid)
    expect(() => database.begin().keys('k', options)).toThrow(invalid)
    await database.close()
  })

  test('are not named without { values }', async () => {
    const database = await open(':memory:')
    for (const options of ['json', null]) {
      for (const place of [database, database.snapshot(), database.begin()]) {
        expect(() => Reflect.apply(place.keys, place, ['k', options])).toThrow(
          expect.objectContaining({ code: 'InvalidArgument' }),
        )
      }
    }
    await database.close()
  })

  test('show a key of any kind in what is said of them', async () => {
    const database = await open(':memory:')
    const said: [unknown, RegExp][] = [
      [['a', [1n, true]], /value of \["a", \[1, true\]\] in/],
      [new Uint8Array([1, 254]), /value of 0x01fe in/],
      [new Date(0), /value of 1970-01-01T00:00:00.000Z in/],
      [Instant.from(new Date(0)), /value of 1970-01-01T00:00:00Z in/],
      ['x'.repeat(500), /value of "x{79}… in/],
    ]
    await database.write((tx) => {
      for (const [key, says] of said) {
        expect(() => tx.keys('k', { values: 'bytes' }).put(key as string, 1 as never)).toThrow(says)
      }
    })
    await database.close()
  })
})
