/** The checker on histories written by hand: it names what is wrong, and nothing else. */
import { describe, expect, it } from 'vitest'
import { judge } from './checking.ts'
import { DependencyGraph } from './dependency-graph.ts'
import type { History, Isolation, Outcome, RecordedStep, Result, Version } from './history.ts'
import type { Cell, Operation, Range } from './operations.ts'

interface Written {
  readonly base?: number
  readonly sequence?: number
  readonly outcome?: Outcome
  readonly steps: readonly RecordedStep[]
}

const space = 'left'

const get = (key: string, result: string | null): RecordedStep =>
  step({ do: 'get', space, key }, result)
const put = (key: string, value: string): RecordedStep => step({ do: 'put', space, key, value }, 1)
const list = (range: Range, ...entries: [string, string][]): RecordedStep =>
  step({ do: 'range', space, range, form: 'entries' }, entries)
const count = (range: Range, result: number): RecordedStep =>
  step({ do: 'range', space, range, form: 'count' }, result)

function step(operation: Operation, result: Result): RecordedStep {
  return { operation, result }
}

/** `versions`: the order that is not the one of the commits, of the keys that have one. */
function historyOf(
  transactions: readonly Written[],
  versions: Readonly<Record<string, readonly Version[]>> = {},
): History {
  const before = new Map<Cell, string>([
    ['left/a', '0.a'],
    ['left/b', '0.b'],
  ])
  const installed = new Map<Cell, Version[]>()
  const inOrder = [...transactions].sort(
    ({ sequence: left = 0 }, { sequence: right = 0 }) => left - right,
  )
  for (const { sequence, steps } of inOrder) {
    if (sequence === undefined) continue
    const last = new Map<Cell, string>()
    for (const { operation } of steps) {
      if (operation.do === 'put') last.set(`left/${operation.key}`, operation.value)
    }
    for (const [cell, value] of last) {
      installed.set(cell, [...(installed.get(cell) ?? []), { sequence, value }])
    }
  }
  for (const [key, list] of Object.entries(versions)) installed.set(`left/${key}`, [...list])
  return {
    before,
    versions: installed,
    transactions: transactions.map(({ base = 0, sequence, outcome, steps }, index) => ({
      name: `T${index + 1}`,
      isolation: 'snapshot',
      base,
      acknowledged: 0,
      steps,
      outcome:
        outcome ?? (sequence === undefined ? { kind: 'empty' } : { kind: 'committed', sequence }),
    })),
  }
}

function namesOf(history: History): string[] {
  return [...new Set(new DependencyGraph(history).phenomena().map(({ name }) => name))]
}

function objectionsOf(history: History, isolation: Isolation): string[] {
  const transactions = history.transactions.map((one) => ({ ...one, isolation }))
  const { objections } = judge({ ...history, transactions }, isolation)
  return [...new Set(objections.map(({ proof }) => proof))]
}

const aborted: Outcome = { kind: 'aborted', code: 'Conflict', cell: undefined, after: 0 }

const serial = historyOf([
  { sequence: 1, steps: [get('a', '0.a'), put('b', '1.1')] },
  { base: 1, sequence: 2, steps: [get('b', '1.1'), put('a', '2.1'), get('a', '2.1')] },
  { base: 2, steps: [list({}, ['a', '2.1'], ['b', '1.1']), get('c', null)] },
])

const writeSkew = historyOf([
  { sequence: 1, steps: [get('a', '0.a'), put('b', '1.1')] },
  { sequence: 2, steps: [get('b', '0.b'), put('a', '2.1')] },
])

const phantoms = historyOf([
  { sequence: 1, steps: [list({ gt: 'b' }), put('c', '1.1')] },
  { sequence: 2, steps: [count({ gt: 'b' }, 0), put('d', '2.1')] },
])

describe('the checker', () => {
  it('finds nothing where transactions came one after another', () => {
    expect(namesOf(serial)).toEqual([])
    expect(objectionsOf(serial, 'serializable')).toEqual([])
  })

  it('finds write skew, which snapshots allow and serializable does not', () => {
    expect(namesOf(writeSkew)).toEqual(['G2-item'])
    expect(objectionsOf(writeSkew, 'snapshot')).toEqual([])
    expect(objectionsOf(writeSkew, 'serializable')).toEqual(['graph', 'order', 'serial replay'])
  })

  it('finds write skew over ranges: each makes a key that the other missed', () => {
    expect(namesOf(phantoms)).toEqual(['G2'])
    expect(objectionsOf(phantoms, 'snapshot')).toEqual([])
    expect(objectionsOf(phantoms, 'serializable')).toEqual(['graph', 'order', 'serial replay'])
  })

  it('finds nothing where the range ends before what the other makes', () => {
    const history = historyOf([
      { sequence: 1, steps: [list({ limit: 2 }, ['a', '0.a'], ['b', '0.b']), put('d', '1.1')] },
      { sequence: 2, steps: [count({ gt: 'b' }, 0), put('c', '2.1')] },
    ])
    expect(namesOf(history)).toEqual([])
  })

  it('finds the anomaly of one who only reads', () => {
    // Fekete, O'Neil and O'Neil, "A Read-Only Transaction Anomaly Under Snapshot Isolation", 2004.
    const history = historyOf([
      { sequence: 2, steps: [get('a', '0.a'), get('b', '0.b'), put('a', '1.1')] },
      { sequence: 1, steps: [get('b', '0.b'), put('b', '2.1')] },
      { base: 1, steps: [get('a', '0.a'), get('b', '2.1')] },
    ])
    expect(namesOf(history)).toEqual(['G2-item'])
    expect(objectionsOf(history, 'serializable')).toContain('serial replay')
  })
})

const broken: Record<string, [expected: string, history: History]> = {
  'a write cycle': [
    'G0',
    historyOf(
      [
        { sequence: 1, steps: [put('a', '1.1'), put('b', '1.2')] },
        { sequence: 2, steps: [put('a', '2.1'), put('b', '2.2')] },
      ],
      {
        b: [
          { sequence: 2, value: '2.2' },
          { sequence: 1, value: '1.2' },
        ],
      },
    ),
  ],
  'a read of what was refused': [
    'G1a',
    historyOf([
      { outcome: aborted, steps: [put('a', '1.1')] },
      { sequence: 1, steps: [get('a', '1.1'), put('b', '2.1')] },
    ]),
  ],
  'a read of what was replaced before the end': [
    'G1b',
    historyOf([
      { sequence: 1, steps: [put('a', '1.1'), put('a', '1.2')] },
      { sequence: 2, steps: [get('a', '1.1'), put('b', '2.1')] },
    ]),
  ],
  'two that read what the other wrote': [
    'G1c',
    historyOf([
      { sequence: 1, steps: [put('a', '1.1'), get('b', '2.1')] },
      { sequence: 2, steps: [put('b', '2.1'), get('a', '1.1')] },
    ]),
  ],
  'a lost update': [
    'lost update',
    historyOf([
      { sequence: 1, steps: [get('a', '0.a'), put('a', '1.1')] },
      { sequence: 2, steps: [get('a', '0.a'), put('a', '2.1')] },
    ]),
  ],
  'two that inserted the same key': [
    'lost update',
    historyOf([
      { sequence: 1, steps: [get('c', null), put('c', '1.1')] },
      { sequence: 2, steps: [get('c', null), put('c', '2.1')] },
    ]),
  ],
  'a read of half a commit': [
    'read skew',
    historyOf([
      { steps: [get('a', '0.a'), get('b', '2.2')] },
      { sequence: 1, steps: [put('a', '2.1'), put('b', '2.2')] },
    ]),
  ],
  'a range that has half of a commit': [
    'read skew',
    historyOf([
      { steps: [list({}, ['a', '0.a'], ['b', '0.b'], ['d', '2.2'])] },
      { sequence: 1, steps: [put('c', '2.1'), put('d', '2.2')] },
    ]),
  ],
  'half of a commit seen through another': [
    'G-single',
    historyOf([
      { steps: [get('a', '0.a'), get('c', '3.1')] },
      { sequence: 1, steps: [put('a', '2.1'), put('b', '2.2')] },
      { base: 1, sequence: 2, steps: [get('b', '2.2'), put('c', '3.1')] },
    ]),
  ],
  'two readers that see two commits in different orders': [
    'G-nonadjacent',
    historyOf([
      { steps: [get('a', '2.1'), get('b', '0.b')] },
      { sequence: 1, steps: [put('a', '2.1')] },
      { steps: [get('a', '0.a'), get('b', '4.1')] },
      { sequence: 2, steps: [put('b', '4.1')] },
    ]),
  ],
  'a read of a commit later than the snapshot': [
    'G-SIa',
    historyOf([
      { sequence: 1, steps: [put('a', '1.1')] },
      { sequence: 2, steps: [get('a', '1.1'), put('b', '2.1')] },
    ]),
  ],
  'a read from before the snapshot': [
    'G-SIb',
    historyOf([
      { sequence: 1, steps: [put('a', '1.1')] },
      { base: 1, sequence: 2, steps: [get('a', '0.a'), put('b', '2.1')] },
    ]),
  ],
  'two that wrote the same at the same time': [
    'concurrent writes',
    historyOf([
      { sequence: 1, steps: [put('a', '1.1')] },
      { sequence: 2, steps: [put('a', '2.1')] },
    ]),
  ],
  'a value from nowhere': [
    'unexplained read',
    historyOf([{ sequence: 1, steps: [get('a', '9.9'), put('b', '1.1')] }]),
  ],
  'a count that no state explains': [
    'unexplained read',
    historyOf([{ sequence: 1, steps: [count({}, 3), put('b', '1.1')] }]),
  ],
  'own writes that are not seen': [
    'unexplained read',
    historyOf([{ sequence: 1, steps: [put('a', '1.1'), get('a', '0.a')] }]),
  ],
}

describe('the checker finds', () => {
  it.each(Object.entries(broken))('%s', (_, [expected, history]) => {
    expect(namesOf(history)).toContain(expected)
    expect(objectionsOf(history, 'snapshot')).toContain('graph')
  })

  it('a transaction that was begun on a state of before what had been acknowledged', () => {
    const history = historyOf([
      { sequence: 1, steps: [put('a', '1.1')] },
      { sequence: 2, steps: [put('b', '2.1')] },
    ])
    const transactions = history.transactions.map((one) => ({ ...one, acknowledged: 1 }))
    expect(namesOf({ ...history, transactions })).toEqual(['stale begin'])
  })

  it('a refusal without a cause, and one for what was not touched', () => {
    const commit = { sequence: 1, steps: [put('a', '1.1')] }
    const refused = (cell: Cell | undefined, key: string) =>
      historyOf([
        commit,
        { outcome: { ...aborted, cell, after: 1 }, steps: [get(key, `0.${key}`), put('c', '2.1')] },
      ])
    expect(objectionsOf(refused(undefined, 'a'), 'serializable')).toEqual([])
    expect(objectionsOf(refused('left/a', 'a'), 'serializable')).toEqual([])
    expect(objectionsOf(refused('left/a', 'b'), 'serializable')).toEqual(['abort'])
    expect(objectionsOf(refused('left/b', 'a'), 'serializable')).toEqual(['abort'])
  })

  it('a commit that the history of the database tells otherwise', () => {
    const commit = { sequence: 1, steps: [put('a', '1.1'), put('b', '1.2')] }
    const history = historyOf([commit], { b: [] })
    expect(objectionsOf(history, 'snapshot')).toEqual(['history'])
  })
})
