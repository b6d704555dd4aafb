import type { KeyCursor, KeyRange, KeyTransaction } from 'asofdb'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { begin, codeOf, commit, heldBy, holding } from './keyspace.ts'
import { everyReader, place, walk } from './walks.ts'

const four = { a: 1, b: 2, c: 3, d: 4 }

describe('a cursor', () => {
  it('walks forwards over all there is, and is not valid past the end', async () => {
    for (const [name, keys] of await everyReader(four)) {
      const cursor = keys.cursor()
      expect(cursor.isValid).toBe(false)
      expect([name, walk(cursor, 'next')]).toEqual([name, Object.entries(four)])
      expect(codeOf(() => cursor.key)).toBe('InvalidArgument')
      expect(codeOf(() => cursor.value)).toBe('InvalidArgument')
      const others = Object.entries(four).slice(1)
      expect([cursor.seekToFirst(), walk(cursor, 'next')]).toEqual([true, others])
    }
  })

  it('walks in reverse over all there is, and is not valid past the start', async () => {
    for (const [name, keys] of await everyReader(four)) {
      const cursor = keys.cursor()
      const reversed = Object.entries(four).reverse()
      expect([name, walk(cursor, 'prev')]).toEqual([name, reversed])
      expect([cursor.seekToLast(), walk(cursor, 'prev')]).toEqual([true, reversed.slice(1)])
    }
  })

  it('is sought on a key, in a gap, and outside its range, to either side', async () => {
    const places: [string, unknown, unknown][] = [
      // What was sought, the first from there on, the last up to there.
      ['', 'c', undefined],
      ['b', 'c', undefined],
      ['c', 'c', 'c'],
      ['c\0', 'e', 'c'],
      ['d', 'e', 'c'],
      ['e', 'e', 'e'],
      ['f', 'g', 'e'],
      ['g', 'g', 'g'],
      ['h', undefined, 'g'],
      ['i', undefined, 'g'],
      ['z', undefined, 'g'],
    ]
    for (const [name, keys] of await everyReader({ a: 1, c: 3, e: 5, g: 7, i: 9 })) {
      const cursor = keys.cursor({ gt: 'a', lt: 'i' })
      for (const [sought, after, before] of places) {
        const isFound = cursor.seek(sought)
        expect([name, sought, isFound]).toEqual([name, sought, after !== undefined])
        expect(cursor.isValid ? cursor.key : undefined).toBe(after)
        const isFoundBefore = cursor.seekForPrev(sought)
        expect([name, sought, isFoundBefore]).toEqual([name, sought, before !== undefined])
        expect(cursor.isValid ? cursor.key : undefined).toBe(before)
      }
    }
  })

  it('turns round anywhere and has the neighbour on that side, also again and again', async () => {
    for (const [, keys] of await everyReader(four)) {
      const cursor = keys.cursor()
      const moves = 'next next prev next next prev prev next prev next next next prev prev prev'
      const came = moves.split(' ').map((move) => {
        expect(move === 'next' ? cursor.next() : cursor.prev()).toBe(true)
        return cursor.key
      })
      expect(came.join('')).toBe('abab' + 'cbab' + 'abcd' + 'cba')
    }
  })

  it('that steps off the first entry is not valid until it is sought again', async () => {
    for (const [, keys] of await everyReader(four)) {
      const cursor = keys.cursor()
      expect([cursor.seekToFirst(), cursor.next(), cursor.prev(), place(cursor)]).toEqual([
        true,
        true,
        true,
        ['a', 1],
      ])
      const moves = [cursor.prev(), cursor.isValid, cursor.next(), cursor.prev()]
      expect(moves).toEqual(Array(4).fill(false))
      expect([cursor.seek('a'), cursor.next(), place(cursor)]).toEqual([true, true, ['b', 2]])
    }
  })

  it('that steps off the last entry is not valid until it is sought again', async () => {
    for (const [, keys] of await everyReader(four)) {
      const cursor = keys.cursor()
      expect([cursor.seekToLast(), cursor.prev(), cursor.next(), place(cursor)]).toEqual([
        true,
        true,
        true,
        ['d', 4],
      ])
      const moves = [cursor.next(), cursor.isValid, cursor.prev(), cursor.next()]
      expect(moves).toEqual(Array(4).fill(false))
      expect([cursor.seekForPrev('z'), cursor.prev()]).toEqual([true, true])
      expect(place(cursor)).toEqual(['c', 3])
    }
  })

  it('over a range with nothing in it never stands, be there anything outside or not', async () => {
    for (const held of [{}, { a: 1, z: 1 }, { a: 1 }, { z: 1 }]) {
      for (const [name, keys] of await everyReader(held)) {
        const cursor = keys.cursor({ gte: 'b', lt: 'y' })
        const moves = [
          cursor.next(),
          cursor.prev(),
          cursor.seekToFirst(),
          cursor.seekToLast(),
          cursor.seek('c'),
          cursor.seek('a'),
          cursor.seekForPrev('c'),
          cursor.seekForPrev('z'),
          cursor.isValid,
        ]
        expect([name, moves]).toEqual([name, Array(9).fill(false)])
      }
    }
  })

  it('over one entry stands on it from either side, and off it on either side', async () => {
    for (const [, keys] of await everyReader(four)) {
      const cursor = keys.cursor({ gte: 'b', lt: 'c' })
      expect(walk(cursor, 'next')).toEqual([['b', 2]])
      expect([cursor.seekToLast(), place(cursor), cursor.prev()]).toEqual([true, ['b', 2], false])
      expect([cursor.seek('b'), cursor.next(), cursor.isValid]).toEqual([true, false, false])
      expect(walk(keys.cursor({ gte: 'b', lt: 'c' }), 'prev')).toEqual([['b', 2]])
    }
  })

  it('passes over what is deleted, by others or by its own transaction, both ways', async () => {
    const database = await holding({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 })
    await commit(database, (keys) => ['a', 'd'].forEach((key) => keys.delete(key)))
    const { keys } = begin(database)
    for (const key of ['b', 'f']) keys.delete(key)
    const left = Object.entries({ c: 3, e: 5 })
    expect(walk(keys.cursor(), 'next')).toEqual(left)
    expect(walk(keys.cursor(), 'prev')).toEqual([...left].reverse())
    const cursor = keys.cursor()
    const after = (key: string): unknown => (cursor.seek(key) ? cursor.key : undefined)
    const before = (key: string): unknown => (cursor.seekForPrev(key) ? cursor.key : undefined)
    expect([after('a'), after('d'), before('f'), before('d')]).toEqual(['c', 'e', 'e', 'c'])
    expect([cursor.seek('f'), cursor.seekForPrev('b')]).toEqual([false, false])
    expect(heldBy(keys)).toEqual(Object.entries({ c: 3, e: 5 }))
  })

  it('stays out of the way of others over the same range', async () => {
    for (const [, keys] of await everyReader(four)) {
      const cursors = [keys.cursor(), keys.cursor({ gte: 'b' }), keys.cursor()]
      const places = cursors.map(() => '')
      for (let step = 0; step < 3; step++) {
        for (const [index, cursor] of cursors.entries()) {
          const isOn = index === 2 ? cursor.prev() : cursor.next()
          places[index] += isOn ? String(cursor.key) : '.'
        }
      }
      expect(places).toEqual(['abc', 'bcd', 'dcb'])
    }
  })

  it('is refused in a transaction that has ended, also if it was opened before', async () => {
    const database = await holding(four)
    for (const end of ['commit', 'cancel'] as const) {
      const party = begin(database)
      const cursor = party.keys.cursor()
      expect(cursor.seek('b')).toBe(true)
      party.keys.put('b', end)
      if (end === 'commit') await party.tx.commit()
      else party.tx.cancel()
      const calls: (() => unknown)[] = [
        () => party.keys.cursor(),
        () => cursor.next(),
        () => cursor.prev(),
        () => cursor.seek('a'),
        () => cursor.seekForPrev('a'),
        () => cursor.seekToFirst(),
        () => cursor.seekToLast(),
        () => cursor.key,
        () => cursor.value,
      ]
      expect(calls.map(codeOf)).toEqual(calls.map(() => 'TransactionFinished'))
      const next = begin(database).keys.cursor()
      expect([next.seek('b'), next.value]).toEqual([true, 'commit'])
    }
  })

  it('comes to stand where a sorted list says, however it is moved and written over', async () => {
    const names = Array.from('abcdefghij')
    const some = fc.constantFrom(...names)
    const move = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('next', 'prev') },
      fc.constantFrom('seekToFirst', 'seekToLast'),
      fc.tuple(fc.constantFrom('seek', 'seekForPrev', 'put', 'delete'), some),
    )
    const bounds = fc.record({ gte: some, lt: some }, { requiredKeys: [] })
    const property = fc.asyncProperty(
      fc.uniqueArray(some),
      bounds,
      fc.array(move, { minLength: 20, maxLength: 40 }),
      async (stored, range, moves) => {
        const database = await holding(Object.fromEntries(stored.map((name) => [name, 0])))
        const { keys } = begin(database)
        expect(stepsOf(keys, range, moves)).toEqual(stepsInList(stored, range, moves))
        await database.close()
      },
    )
    await fc.assert(property, { seed: 410, numRuns: 60 })
  })
})

type Move = string | [string, string]

const plainMoves: Readonly<Record<string, (cursor: KeyCursor) => boolean>> = {
  next: (cursor) => cursor.next(),
  prev: (cursor) => cursor.prev(),
  seekToFirst: (cursor) => cursor.seekToFirst(),
  seekToLast: (cursor) => cursor.seekToLast(),
}

/** Where a cursor stands after each move; writes are made beneath it. */
function stepsOf(keys: KeyTransaction, range: KeyRange, moves: readonly Move[]): unknown[] {
  const cursor = keys.cursor(range)
  return moves.map((move) => {
    const [verb, key = ''] = typeof move === 'string' ? [move] : move
    if (verb === 'put') keys.put(key, 0)
    else if (verb === 'delete') keys.delete(key)
    else if (verb === 'seek' || verb === 'seekForPrev') cursor[verb](key)
    else plainMoves[verb]?.(cursor)
    return cursor.isValid ? cursor.key : undefined
  })
}

/** The same with a set of names. A cursor whose key is deleted goes on from there. */
function stepsInList(
  stored: readonly string[],
  range: KeyRange,
  moves: readonly Move[],
): unknown[] {
  const held = new Set(stored)
  const isInside = (name: string): boolean =>
    name >= String(range.gte ?? '') && name < String(range.lt ?? '~')
  const first = (test: (name: string) => boolean): string | undefined =>
    [...held].sort().find((name) => isInside(name) && test(name))
  const last = (test: (name: string) => boolean): string | undefined =>
    [...held].sort().findLast((name) => isInside(name) && test(name))
  let at: string | undefined
  let hasBegun = false
  return moves.map((move) => {
    const [verb, key = ''] = typeof move === 'string' ? [move] : move
    const from = at
    if (verb === 'put') held.add(key)
    else if (verb === 'delete') held.delete(key)
    else {
      if (verb === 'seek') at = first((name) => name >= key)
      else if (verb === 'seekForPrev') at = last((name) => name <= key)
      else if (verb === 'seekToFirst' || (verb === 'next' && !hasBegun)) at = first(() => true)
      else if (verb === 'seekToLast' || (verb === 'prev' && !hasBegun)) at = last(() => true)
      else if (from === undefined) at = undefined
      else at = verb === 'next' ? first((name) => name > from) : last((name) => name < from)
      hasBegun = true
    }
    return at !== undefined && held.has(at) ? at : undefined
  })
}
