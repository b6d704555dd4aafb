import { describe, expect, test } from 'vitest'
import { open } from '../open.ts'
import type { View } from '../view.ts'

/** The same reader asked through the view of a transaction, of now, and as of the last commit. */
async function eachWay(
  write: (tx: Parameters<Parameters<Awaited<ReturnType<typeof open>>['write']>[0]>[0]) => number,
  check: (node: ReturnType<View['node']>) => void,
): Promise<void> {
  const db = await open(':memory:')
  const id = await db.write((tx) => {
    const made = write(tx)
    check(tx.node(made))
    return made
  })
  check(db.node(id))
  check(db.snapshot().node(id))
  await db.close()
}

describe('a node', () => {
  test('has its properties among more names and labels than a byte counts', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `property ${index}`)
    const labels = Array.from({ length: 130 }, (_, index) => `label ${index}`)
    const valueOf = (index: number) => (index % 3 === 0 ? index : `value ${index}`)
    for (const [labelSpan, start, end] of [
      [[0, 130], 0, 300],
      [[0, 128], 0, 300],
      [[0, 128], 5, 20],
      [[128, 130], 0, 300],
      [[129, 130], 250, 260],
      [[0, 1], 290, 299],
      [[0, 0], 100, 150],
    ] as const) {
      await eachWay(
        (tx) => {
          tx.createNode(labels, Object.fromEntries(names.map((name) => [name, 1])))
          const given = names.slice(start, end).map((name, at) => [name, valueOf(start + at)])
          return tx.createNode(labels.slice(...labelSpan), Object.fromEntries(given)).id
        },
        (node) => {
          const wrong = names.filter((name, index) => {
            return node?.get(name) !== (index >= start && index < end ? valueOf(index) : undefined)
          })
          expect(wrong).toEqual([])
          expect(node?.labels).toEqual(labels.slice(...labelSpan).sort())
        },
      )
    }
  })

  test('without labels and properties has none', async () => {
    await eachWay(
      (tx) => {
        tx.createNode('Named', { name: 'a' })
        return tx.createNode([]).id
      },
      (node) => {
        expect(node?.get('name')).toBeUndefined()
        expect(node?.get('never used')).toBeUndefined()
        expect(node?.toJSON()).toEqual({ id: 5, labels: [], properties: {} })
      },
    )
  })

  test('with a payload of many bytes keeps it apart from the next', async () => {
    const long = 'long '.repeat(5000)
    await eachWay(
      (tx) => {
        const { id } = tx.createNode('A', { first: long, second: 64, third: -1, fourth: 8191 })
        tx.createNode('B', { second: 'other' })
        return id
      },
      (node) => {
        expect(['first', 'second', 'third', 'fourth'].map((name) => node?.get(name))).toEqual([
          long,
          64,
          -1,
          8191,
        ])
        expect(node?.has('A')).toBe(true)
        expect(node?.has('B')).toBe(false)
      },
    )
  })

  test('is found by its id alone', async () => {
    const db = await open(':memory:')
    await db.write((tx) => tx.createNode('A'))
    const invalid = expect.objectContaining({ code: 'InvalidArgument' })
    for (const id of [0, 2, 3, -3, 1.5, NaN, 2 ** 32 + 1, '1', null] as never[]) {
      expect(() => db.node(id)).toThrow(invalid)
      expect(() => db.snapshot().node(id)).toThrow(invalid)
    }
    expect(db.node(1)?.id).toBe(1)
    expect([db.node(5), db.node(2 ** 32 - 3)]).toEqual([undefined, undefined])
  })
})
