import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BEGINNING, type Database, type ErrorCode, FOREVER, open, type Transaction } from 'asofdb'
import { caught, expectError } from './caught.ts'

/** What a caller without a compiler may pass. The cast is the point. */
function foreign<T>(value: unknown): T {
  return value as T
}

let database: Database
let person: number
let other: number
let edge: number

beforeEach(async () => {
  database = await open(':memory:')
  await database.write((tx) => {
    person = tx.createNode('Person', { name: 'Ada' }, { valid: 'always' }).id
    const bounds = { validFrom: '2020-01-01', validTo: '2021-01-01' }
    other = tx.createNode('Person', { name: 'Bob' }, bounds).id
    edge = tx.createEdge(person, 'KNOWS', other, {}, bounds).id
    tx.createUnique('Person', ['name'])
  })
})

afterEach(() => database.close())

/** All of kind `invalid`: the call has to change. What the message must say comes last. */
type Case = readonly [
  what: string,
  body: (tx: Transaction) => unknown,
  code: ErrorCode,
  ...says: RegExp[],
]

const timeCases: readonly Case[] = [
  [
    'a bare number for an instant',
    (tx) => tx.put(person, {}, { validFrom: foreign(1_700_000_000) }),
    'InvalidInstant',
    /number/,
    /Date/,
  ],
  [
    'null for a start',
    (tx) => tx.put(person, {}, { validFrom: foreign(null) }),
    'InvalidInstant',
    /BEGINNING|start/,
  ],
  [
    'a text that is no time',
    (tx) => tx.put(person, {}, { validFrom: 'yesterday' }),
    'InvalidInstant',
    /'yesterday'/,
    /ISO 8601/,
  ],
  [
    'a day that no month has',
    (tx) => tx.put(person, {}, { validFrom: '2023-02-30' }),
    'InvalidInstant',
    /2023-02-30/,
  ],
  [
    'an invalid Date',
    (tx) => tx.put(person, {}, { validFrom: new Date(Number.NaN) }),
    'InvalidInstant',
    /Date/,
  ],
  [
    'an instant beyond the range of Date',
    (tx) => tx.put(person, {}, { validFrom: 8_640_000_000_000_000_001n }),
    'InvalidInstant',
    /range|beyond|between/,
  ],
  [
    'a period that ends before it begins',
    (tx) => tx.put(person, {}, { validFrom: '2021-01-01', validTo: '2020-01-01' }),
    'InvalidPeriod',
    /2021-01-01/,
    /2020-01-01/,
    /later/,
  ],
  [
    'an empty period',
    (tx) => tx.put(person, {}, { validFrom: '2021-01-01', validTo: '2021-01-01' }),
    'InvalidPeriod',
    /2021-01-01/,
    /empty/,
  ],
  [
    'a period that begins when time ends',
    (tx) => tx.put(person, {}, { validFrom: FOREVER }),
    'InvalidPeriod',
    /begin|start|from/,
  ],
  [
    'a period that ends when time begins',
    (tx) => tx.put(person, {}, { validTo: BEGINNING }),
    'InvalidPeriod',
    /end|to/,
  ],
  [
    'a bound besides always',
    (tx) => tx.put(person, {}, { valid: 'always', validFrom: '2020-01-01' }),
    'InvalidPeriod',
    /always/,
  ],
]

const graphCases: readonly Case[] = [
  [
    'creating what is there already',
    (tx) => tx.create(person, {}, { validFrom: '2020-01-01', validTo: '2020-06-01' }),
    'AlreadyExists',
    /node 1/,
    /put or patch/,
  ],
  [
    'a patch that must find something, where nothing is',
    (tx) => tx.patch(other, { a: 1 }, { validFrom: '2030-01-01', mustExist: true }),
    'NotFound',
    /node 5/,
    /put or upsert/,
  ],
  [
    'a delete that must find something, where nothing is',
    (tx) => tx.delete(other, { validFrom: '2030-01-01', mustExist: true }),
    'NotFound',
    /node 5/,
    /without mustExist/,
  ],
  [
    'an edge that outlasts one of its ends',
    (tx) => {
      const bounds = { validFrom: '2020-06-01', validTo: '2022-01-01' }
      return tx.createEdge(person, 'KNOWS', other, {}, bounds)
    },
    'EndpointNotValid',
    /target, node 5/,
    /2021-01-01.*2022-01-01/,
    /nodesValid: 'always'/,
    /bounds: 'clip'/,
  ],
  [
    'an edge from now on to a node that is no more',
    (tx) => tx.createEdge(person, 'KNOWS', other),
    'EndpointNotValid',
    /target, node 5/,
    /nodesValid: 'always'/,
  ],
  [
    'deleting a node that still has edges',
    (tx) => tx.delete(person, { valid: 'always' }),
    'ConnectedEdges',
    /node 1/,
    /edge 2/,
    /detach: true/,
  ],
  [
    'two holders of a unique value at once',
    (tx) => tx.createNode('Person', { name: 'Ada' }),
    'UniqueViolation',
    /Person/,
    /name/,
    /node 1/,
  ],
  [
    'a unique value that two hold already',
    (tx) => {
      tx.createNode('P', { e: 'x' })
      tx.createNode('P', { e: 'x' })
      tx.createUnique('P', ['e'])
    },
    'UniqueViolation',
    /P/,
    /e/,
  ],
  [
    'labels for an edge, which has a type for ever',
    (tx) => tx.put(edge, {}, { labels: ['LIKES'], validFrom: '2020-01-01', validTo: '2020-02-01' }),
    'ImmutableField',
    /type/,
    /create another edge/,
  ],
  ...[0, -1, 1.5, 3, 4, Number.NaN, 2 ** 40, 4001].map(
    (id): Case => [
      `the id ${id}, which nothing has`,
      (tx) => tx.put(id, {}),
      'InvalidArgument',
      /not the id/,
      /createNode or createEdge/,
    ],
  ),
  [
    'an end that is no node',
    (tx) => tx.createEdge(person, 'KNOWS', edge),
    'InvalidArgument',
    /node/,
  ],
  ['a label without a name', (tx) => tx.createNode(''), 'InvalidArgument', /label/, /non-empty/],
  [
    'dropping an index that is not there',
    (tx) => tx.dropIndex('Person', 'age'),
    'IndexNotFound',
    /Person/,
    /age/,
  ],
]

const circular: Record<string, unknown> = {}
circular['self'] = circular
let deep: unknown[] = []
for (let depth = 0; depth < 101; depth += 1) deep = [deep]

const valueCases: readonly Case[] = [
  ...(
    [
      ['a function', () => 1, /function/],
      ['a symbol', Symbol('s'), /symbol/],
      ['undefined in a list', [undefined], /undefined/],
      ['an instance of a class', new Map(), /Map/],
      ['an integer beyond 64 bits', 2n ** 63n, /64/],
      ['an invalid date', new Date(Number.NaN), /Date/],
      ['a value that contains itself', circular, /itself|deep/],
      ['a value that nests too deep', deep, /100/],
    ] as const
  ).map(
    ([what, value, says]): Case => [
      what,
      (tx) => tx.put(person, { city: { name: foreign(value) } }),
      'InvalidValue',
      /properties\.city\.name/,
      says,
    ],
  ),
  [
    'a value too large',
    (tx) => tx.put(person, { bad: new Uint8Array(33 * 1024 * 1024) }),
    'LimitExceeded',
    /bad/,
    /in parts/,
  ],
]

const keyCases: readonly Case[] = [
  ...[Number.NaN, {}, null, undefined, '', ['a', [{}]]].map(
    (key): Case => [
      `the key ${JSON.stringify(key)}`,
      (tx) => tx.keys('words').put(foreign(key), 1),
      'InvalidKey',
      /key|order/,
    ],
  ),
  [
    'a key too long',
    (tx) => tx.keys('words').put('k'.repeat(70_000), 1),
    'InvalidKey',
    /65536 bytes/,
    /in the value/,
  ],
  ...['', 'asof:schema'].map(
    (keyspace): Case => [
      `the keyspace '${keyspace}'`,
      (tx) => tx.keys(keyspace).put('a', 1),
      'InvalidArgument',
      /keyspace/,
      /non-empty/,
    ],
  ),
  [
    'a value that no key can hold',
    (tx) => tx.keys('words').put('a', foreign(Symbol('s'))),
    'InvalidValue',
    /symbol/,
  ],
]

describe.each([
  ['time', timeCases],
  ['the graph', graphCases],
  ['values', valueCases],
  ['keys', keyCases],
])('bad input about %s', (_, cases) => {
  const named = cases.map(([what, body, code, ...says]) => ({ what, body, code, says }))
  it.each(named)('refuses $what, and the whole transaction', async ({ body, code, says }) => {
    const before = await shown()
    const error = await caught(() =>
      database.write((tx) => {
        tx.createNode('Lost', {})
        tx.keys('words').put('lost', 1)
        return body(tx)
      }),
    )
    expect({ kind: error.kind, code: error.code }).toEqual({ kind: 'invalid', code })
    for (const words of says) expect(error.message).toMatch(words)
    expect(await shown()).toBe(before)
    await database.write((tx) => tx.createNode('After', {}))
    expect(database.sequence).toBe(2)
  })
})

/** What there is, and whether it is sound. */
async function shown(): Promise<string> {
  const nodes = [...database.nodes()].map(({ id, labels }) => `${id} ${labels.join()}`)
  const { appliedSequence, versions } = database.stats()
  const { problems } = await database.verify()
  const keys = [...database.keys('words').range({})]
  return JSON.stringify({ appliedSequence, versions, nodes, keys, problems })
}

describe('the system time', () => {
  const millennium = '2999-01-01'

  it('cannot be read at before it has come', async () => {
    const tooEarly = { code: 'TimeInFuture', kind: 'invalid', says: /2999.*has not come/ } as const
    await expectError(() => database.asOf({ system: millennium }), tooEarly)
    await expectError(() => database.rewind(millennium), tooEarly)
    const to = { system: millennium }
    await expectError(() => [...database.netDiff({ from: {}, to })], tooEarly)
  })

  it('is given by the database, but for an import', () =>
    expectError(() => database.write(() => 1, foreign({ system: '2020-01-01' })), {
      code: 'TimeReadOnly',
      kind: 'invalid',
      says: /given by the database.*import/,
    }))

  it('of an import is later than the last commit, and not in the future', async () => {
    const body = (tx: Transaction) => tx.createNode('Late', {})
    await expectError(() => database.import(body, { system: '2001-01-01' }), {
      code: 'NotMonotonic',
      kind: 'invalid',
      says: /later than.*last commit/,
    })
    await expectError(() => database.import(body, { system: millennium }), {
      code: 'TimeInFuture',
      kind: 'invalid',
      says: /2999-01-01.*future/,
    })
  })

  it('stands still for a transaction that only reads', () =>
    expectError(() => database.begin({ readonly: true }).put(person, {}), {
      code: 'TimeReadOnly',
      kind: 'invalid',
      says: /readonly.*begin one without it/,
    }))
})

it('tells the loser of a race what it lost, and to run again', async () => {
  const slow = database.begin()
  slow.patch(person, { a: 1 })
  await database.write((tx) => tx.patch(person, { a: 2 }))
  const error = await caught(() => slow.commit())
  expect(error).toMatchObject({ kind: 'retry', code: 'Conflict', details: { id: person } })
  expect(error.message).toMatch(/node 1.*run the transaction again/)
})

it.each([
  { durability: 'sometimes' },
  { nodesValid: 'never' },
  { segmentBytesMax: 1 },
  { syncEveryMs: 0 },
  { checkpointLogBytes: -1 },
])('refuses the option %j', (options) =>
  expectError(() => open(':memory:', foreign(options)), {
    code: 'InvalidArgument',
    kind: 'invalid',
    says: new RegExp(Object.keys(options)[0] ?? ''),
  }),
)

it('refuses a time zone that nobody knows', () =>
  expectError(() => open(':memory:', { timeZone: 'Mars/Olympus' }), {
    code: 'InvalidInstant',
    kind: 'invalid',
    says: /Mars/,
  }))
