/** Walks over keys, and those that walk. */
import type { KeyCursor, KeyView } from 'asofdb'
import { expect } from 'vitest'
import { begin, holding, putAll } from './keyspace.ts'

/** Where a cursor came to stand. */
export function place(cursor: KeyCursor): unknown {
  return cursor.isValid ? [cursor.key, cursor.value] : undefined
}

/** Every place that a move, done until it finds nothing more, comes to. */
export function walk(cursor: KeyCursor, move: 'next' | 'prev'): unknown[] {
  const places: unknown[] = []
  while (cursor[move]()) places.push(place(cursor))
  expect([cursor.isValid, cursor[move](), cursor.isValid]).toEqual([false, false, false])
  return places
}

/** What a walk takes one by one, to an end or as far as it was told. */
export function taken<T>(listing: Iterable<T>, most = Infinity): T[] {
  const found: T[] = []
  for (const one of listing) {
    found.push(one)
    if (found.length === most) break
  }
  return found
}

/** The same keyspace to a view, to a transaction, and to one that has written all of it itself. */
export async function everyReader(
  held: Readonly<Record<string, number>>,
): Promise<[string, KeyView][]> {
  const database = await holding(held)
  const empty = await holding()
  const writer = begin(empty)
  putAll(writer.keys, held)
  return [
    ['the database', database.keys('k')],
    ['a snapshot', database.snapshot().keys('k')],
    ['a transaction', begin(database).keys],
    ['one that only reads', begin(database, { readonly: true }).keys],
    ['one that has put them itself', writer.keys],
  ]
}
