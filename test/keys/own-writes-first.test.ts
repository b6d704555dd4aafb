import type { KeyTransaction } from 'asofdb'
import { describe, expect, it } from 'vitest'
import {
  begin,
  codeOf,
  commit,
  ending,
  heldNow,
  holding,
  isolations,
  readConflict,
} from './keyspace.ts'

type Content = string | undefined

/** What a transaction may have done to a key before it asks, and what the key holds then. */
const ownSteps: readonly [string, (keys: KeyTransaction) => unknown, (held: Content) => Content][] =
  [
    ['nothing', () => undefined, (held) => held],
    ['a put', (keys) => keys.put('key', 'own'), () => 'own'],
    ['a delete', (keys) => keys.delete('key'), () => undefined],
    ['a put and a delete', (keys) => [keys.put('key', 'own'), keys.delete('key')], () => undefined],
    ['a delete and a put', (keys) => [keys.delete('key'), keys.put('key', 'own')], () => 'own'],
    ['a failed condition', (keys) => keys.compareAndSet('key', 'never', 'own'), (held) => held],
    ['a clear', (keys) => keys.clear({ gte: 'key', lte: 'key' }), () => undefined],
  ]

const contents: readonly Content[] = [undefined, 'stored']

interface Condition {
  readonly name: string
  readonly ask: (keys: KeyTransaction) => unknown
  /** What it gives over a content, and what it leaves. */
  readonly rule: (held: Content) => readonly [given: unknown, left: Content]
}

const conditions: readonly Condition[] = [
  {
    name: 'insert',
    ask: (keys) => codeOf(() => keys.insert('key', 'new')),
    rule: (held) => (held === undefined ? [undefined, 'new'] : ['AlreadyExists', held]),
  },
  ...[undefined, 'stored', 'own', 'never'].flatMap((expected): Condition[] => [
    {
      name: `compareAndSet of ${expected ?? 'none'}`,
      ask: (keys) => keys.compareAndSet('key', expected, 'new'),
      rule: (held) => (held === expected ? [true, 'new'] : [false, held]),
    },
    {
      name: `compareAndDelete of ${expected ?? 'none'}`,
      ask: (keys) => keys.compareAndDelete('key', expected),
      rule: (held) => (held === expected ? [true, undefined] : [false, held]),
    },
  ]),
]

describe('a condition looks at own writes first', () => {
  it.each(conditions)('$name, over everything that can have gone before', async ({ ask, rule }) => {
    for (const stored of contents) {
      for (const [before, step, after] of ownSteps) {
        const database = await holding(stored === undefined ? {} : { key: stored })
        const party = begin(database)
        step(party.keys)
        await commit(database, (keys) => keys.put('other', 1))
        const held = after(stored)
        const [given, left] = rule(held)
        expect([stored, before, ask(party.keys)]).toEqual([stored, before, given])
        expect([stored, before, party.keys.get('key')]).toEqual([stored, before, left])
        expect(party.keys.has('key')).toBe(left !== undefined)
        expect(party.keys.range({ prefix: 'key' }).values().toArray()).toEqual(
          left === undefined ? [] : [left],
        )
        expect(await ending(party)).not.toMatchObject({ kind: 'retry' })
        const now = heldNow(database).filter(([key]) => key === 'key')
        expect(now).toEqual(left === undefined ? [] : [['key', left]])
      }
    }
  })
})

describe('getMany looks at own writes first', () => {
  it('over everything that can have gone before, and at nothing of others', async () => {
    for (const isolation of isolations) {
      for (const stored of contents) {
        for (const [, step, after] of ownSteps) {
          const database = await holding(stored === undefined ? {} : { key: stored })
          const { keys } = begin(database, { isolation })
          step(keys)
          await commit(database, (others) => others.put('key', 'theirs'))
          const held = after(stored)
          expect(keys.getMany(['key', 'absent', 'key'])).toEqual([held, undefined, held])
        }
      }
    }
  })

  it('and has read the others: one that was changed refuses the commit', async () => {
    const database = await holding({ a: 1, b: 1, c: 1 })
    for (const [changed, end] of [
      ['a', readConflict('a')],
      ['b', readConflict('b')],
      ['c', 'committed'],
    ] as const) {
      const party = begin(database)
      party.keys.put('own', 1)
      expect(party.keys.getMany(['own', 'b', 'a'])).toHaveLength(3)
      await commit(database, (keys) => keys.put(changed, 2))
      expect([changed, await ending(party)]).toEqual([changed, end])
    }
  })

  it('and is refused in a transaction that has ended, however few keys are asked for', async () => {
    const database = await holding({ a: 1 })
    for (const keys of [[], ['a'], ['a', 'x']]) {
      const committed = begin(database)
      committed.keys.put('own', 1)
      expect(await ending(committed)).toBe('committed')
      const cancelled = begin(database)
      cancelled.tx.cancel()
      for (const party of [committed, cancelled]) {
        expect(codeOf(() => party.keys.getMany(keys))).toBe('TransactionFinished')
      }
    }
  })
})
