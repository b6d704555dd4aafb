import { fileURLToPath } from 'node:url'
import {
  BEGINNING,
  type Database,
  Duration,
  Float,
  float,
  FOREVER,
  Instant,
  type KeyInput,
  LocalDate,
  LocalDateTime,
  LocalTime,
  type Transaction,
  type ValueInput,
  ZonedDateTime,
} from 'asofdb'

/** Directories of databases as releases wrote them: a folder for each release. */
export const releases = fileURLToPath(new URL('releases', import.meta.url))

/** Directories whose checkpoints are compressed: a folder for each way. */
export const compressed = fileURLToPath(new URL('compressed', import.meta.url))

/** The states in which a directory was left, and what opening it must do. */
export const fixtures = [
  { name: 'closed', opens: 'whole' },
  { name: 'killed', opens: 'whole' },
  { name: 'torn', opens: 'without its last commit' },
  { name: 'damaged-checkpoint', opens: 'whole' },
  { name: 'damaged-log', opens: 'never' },
] as const

/** Small segments, so that there are several. */
export const segmentBytesMax = 5120

/** One of each kind that can be stored. */
export const values: Readonly<Record<string, ValueInput>> = {
  nothing: null,
  yes: true,
  small: 42,
  negative: -1_000_000,
  unsafe: 2n ** 62n,
  half: 0.5,
  minusZero: -0,
  notANumber: Number.NaN,
  whole: float(3),
  text: 'größe 😀',
  long: 'x'.repeat(300),
  illFormed: 'half \ud800 a pair',
  bytes: Uint8Array.of(0, 127, 255),
  vector: Float32Array.of(1, -0.25, 1e-20),
  instant: Instant.from('2024-05-06T07:08:09.123456789Z'),
  always: FOREVER,
  never: BEGINNING,
  date: LocalDate.from('2024-02-29'),
  time: LocalTime.from('23:59:59.999999999'),
  dateTime: LocalDateTime.from('1582-10-04T00:00:01'),
  zoned: ZonedDateTime.from('2024-07-01T12:00:00+02:00[Europe/Berlin]'),
  duration: Duration.from('P1Y2M3DT4H5M6.7S'),
  list: [1, ['two', [3n]], { four: 4 }],
  map: { b: 1, a: { nested: [true] }, __proto__: null },
}

export const keys: readonly KeyInput[] = [
  'text',
  'größe',
  7,
  -1.5,
  2n ** 60n,
  true,
  Uint8Array.of(1, 0, 2),
  Instant.from('2000-01-01'),
  ['tuple', 1, ['nested', Uint8Array.of(9)]],
]

/** The commits of every fixture, each with a system time of its own. */
export const commits: readonly ((tx: Transaction) => void)[] = [
  (tx) => {
    tx.createNode(['Person', 'Writer'], { name: 'Ada', ...values }, { valid: 'always' })
    const bounds = { validFrom: '1816-01-01', validTo: '1852-11-27' }
    tx.createNode('Person', { name: 'Byron' }, bounds)
    tx.createEdge(1, 'KNOWS', 5, { how: 'by letter' }, bounds)
    tx.createIndex('Person', 'name')
  },
  (tx) => {
    for (const [at, key] of keys.entries()) tx.keys('all kinds').put(key, { at })
    tx.keys('dated').put('k', 1, { validFrom: '2001-01-01', validTo: '2002-01-01' })
    tx.createUnique('Person', ['name'])
  },
  (tx) => {
    tx.patch(1, { small: 43, text: null }, { validFrom: '1835-07-08', validTo: '1840-01-01' })
    tx.keys('dated').put('k', 2)
  },
  (tx) => tx.delete(1, { validFrom: '1900-01-01', validTo: '1950-01-01' }),
  (tx) => {
    for (let row = 0; row < 24; row++) tx.createNode('Row', { row, text: 'r'.repeat(40) })
  },
  (tx) => tx.delete(5, { validFrom: '1824-04-19', detach: true }),
  (tx) => {
    tx.keys('all kinds').delete('text')
    tx.createEdge(1, 'WROTE', 9, {}, { bounds: 'clip' })
  },
  (tx) => tx.put(1, { name: 'Countess of Lovelace' }, { labels: ['Person'] }),
]

/** Makes them in a new database, with a checkpoint after some, by their numbers from 1. */
export async function importCommits(
  database: Database,
  checkpointsAfter: readonly number[] = [],
): Promise<void> {
  for (const [at, commit] of commits.entries()) {
    const number = at + 1
    const isTold = at % 2 === 0
    const meta = isTold ? { who: 'a writer', why: `commit ${number}`, source: 'fixture' } : {}
    const system = new Date(Date.UTC(2025, 0, 1 + number)).toISOString()
    await database.import(commit, { system, meta })
    if (checkpointsAfter.includes(number)) await database.checkpoint()
  }
}

/** Everything there is to know of a database, by its public reads alone, as lines of JSON. */
export function describeDatabase(database: Database): string[] {
  const lines = [...database.changes()].map(toLine)
  const last = database.commit(database.sequence)
  if (last === undefined) return lines
  // The same valid time whenever this is asked, which is that of the last commit.
  const view = database.asOf({ valid: last.system, sequence: last.sequence })
  for (const { id, labels } of view.nodes()) {
    lines.push(toLine(['node', id, labels, view.timeline(id), view.provenance(id)]))
  }
  for (const { id, type, source, target } of view.edges()) {
    lines.push(toLine(['edge', id, type, source, target, view.timeline(id), view.provenance(id)]))
  }
  for (const keyspace of ['all kinds', 'dated']) {
    const reader = view.keys(keyspace)
    for (const { key, value } of reader.range()) {
      lines.push(toLine(['key', keyspace, key, value, reader.timeline(key)]))
    }
  }
  lines.push(toLine(['found', [...view.nodes('Person', { name: 'Byron' })].map(({ id }) => id)]))
  return lines
}

const timeKinds = { Duration, Instant, LocalDate, LocalDateTime, LocalTime, ZonedDateTime }

function toLine(value: unknown): string {
  return JSON.stringify(toPlain(value))
}

/** As JSON can hold it, with the kind of what JSON has no word for. */
function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) }
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0) ? value : { number: numberName(value) }
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (value instanceof Float32Array) return { vector: [...value] }
  if (value instanceof Float) return { float: value.value }
  for (const [name, kind] of Object.entries(timeKinds)) {
    if (value instanceof kind) return { [name]: value.toString() }
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toPlain(one)]))
}

function numberName(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
