import { type Database, Instant, open, type View } from 'asofdb'
import { RandomStream } from '../simulation/random.ts'
import { makeRow, type Row } from './report.ts'
import { compete, type Contestant, nanosecondsEach } from './rounds.ts'
import { at } from './sample-graph.ts'
import { scaled, type Setting } from './setting.ts'
import { numberOf } from './values.ts'

const unit = 'ns'
const dayMicros = 86_400_000_000n
const firstDay = 1_577_836_800_000_000n

/** States that every entity of the first part went through, each in a commit of its own phase. */
const phases = 5
const nodesFull = 200_000
const batch = 10_000

/** The past against the present, and a long history against a short one. */
export async function benchAsOf(setting: Setting): Promise<Row[]> {
  return [...(await benchPast(setting)), ...(await benchHistories(setting))]
}

/** Entities of five versions each: the value and the time of version p say p. */
async function benchPast(setting: Setting): Promise<Row[]> {
  const nodeCount = scaled(setting, nodesFull, 500)
  setting.say(`Loading ${nodeCount} nodes of ${phases} versions ...`)
  const db = await open(':memory:')
  const sequences = await loadPhases(db, nodeCount)
  const ids = drawIds(nodeCount, scaled(setting, 200_000, 200))
  // Known up to the third phase, at a day after its change: the middle of every history.
  const coordinates = { valid: dayOf(3), sequence: sequences[2] ?? 0 }
  const past = db.asOf(coordinates)
  const present = db.snapshot()
  const expectPast = expectation(ids, 2)
  const expectNow = expectation(ids, phases - 1)
  const figures = await compete(
    [
      contestant('past', () => sumOfView(past, ids), expectPast),
      contestant('present', () => sumOfNow(db, ids), expectNow),
      contestant('a view of the present', () => sumOfView(present, ids), expectNow),
      contestant('a view each', () => sumOfViews(db, ids, coordinates), expectPast),
    ],
    setting.rounds,
  )
  await db.close()
  const against = 'the same nodes, current'
  const theirs = figures.mustGet('present')
  const what = `a node of ${phases} versions, as of the third`
  const each = `${what}, a view made for each read`
  const throughView = figures.mustGet('a view of the present')
  const view = { against: `${against}, through a view`, theirs: throughView }
  return [
    makeRow({ id: 'asof.vsCurrent', what, unit }, figures.mustGet('past'), { against, theirs }),
    makeRow({ id: 'asof.vsCurrent.view', what, unit }, figures.mustGet('past'), view),
    makeRow({ id: 'asof.vsCurrent.fresh', what: each, unit }, figures.mustGet('a view each'), {
      against,
      theirs,
    }),
  ]
}

async function loadPhases(db: Database, nodeCount: number): Promise<number[]> {
  const sequences: number[] = []
  for (let phase = 0; phase < phases; phase++) {
    const options = { validFrom: dayOf(phase) }
    for (let first = 0; first < nodeCount; first += batch) {
      const end = Math.min(first + batch, nodeCount)
      await db.write((tx) => {
        for (let node = first; node < end; node++) {
          if (phase === 0) tx.createNode('Thing', { value: 0, name: `thing ${node}` }, options)
          else tx.patch(node * 4 + 1, { value: phase }, options)
        }
      })
    }
    sequences.push(db.sequence)
  }
  return sequences
}

function drawIds(nodeCount: number, count: number): Int32Array {
  const random = new RandomStream('as of')
  return Int32Array.from({ length: count }, () => random.below(nodeCount) * 4 + 1)
}

function dayOf(day: number): bigint {
  return firstDay + BigInt(day) * dayMicros
}

function expectation(ids: Int32Array, each: number): Expected {
  return { steps: ids.length, sum: ids.length * each }
}

function sumOfView(view: View, ids: Int32Array): number {
  let sum = 0
  for (const id of ids) sum += numberOf(view.node(id)?.get('value'))
  return sum
}

function sumOfNow(db: Database, ids: Int32Array): number {
  let sum = 0
  for (const id of ids) sum += numberOf(db.node(id)?.get('value'))
  return sum
}

function sumOfViews(
  db: Database,
  ids: Int32Array,
  coordinates: { readonly valid: bigint; readonly sequence: number },
): number {
  let sum = 0
  for (const id of ids) sum += numberOf(db.asOf(coordinates).node(id)?.get('value'))
  return sum
}

interface Expected {
  readonly steps: number
  readonly sum: number
}

function contestant(name: string, ask: () => number, expected: Expected): Contestant {
  return { name, run: () => nanosecondsEach(ask, expected) }
}

const versionsShort = 10
const versionsLong = 10_000
const viewCount = 1024

/** One entity with many versions beside one with few, asked at random points of both times. */
async function benchHistories(setting: Setting): Promise<Row[]> {
  const long = scaled(setting, versionsLong, 200)
  setting.say(`Loading an entity of ${long} versions ...`)
  const rows: Row[] = []
  for (const kind of ['states', 'corrections'] as const) {
    const few = await makeHistory(versionsShort, kind)
    const many = await makeHistory(long, kind)
    const reads = scaled(setting, 200_000, viewCount)
    const figures = await compete(
      [contestantOf('few', few, reads), contestantOf('many', many, reads)],
      setting.rounds,
    )
    const id = kind === 'states' ? 'asof.longHistory' : 'asof.longHistory.corrections'
    const how = kind === 'states' ? 'each from its day on' : 'each over a random period'
    const what = `random as-of among ${long} versions of one node, ${how}`
    const other = { against: `${versionsShort} versions`, theirs: figures.mustGet('few') }
    rows.push(makeRow({ id, what, unit }, figures.mustGet('many'), other))
    await few.db.close()
    await many.db.close()
  }
  return rows
}

interface History {
  readonly db: Database
  readonly id: number
  readonly views: readonly View[]
  /** What each view must read. */
  readonly expected: Int32Array
}

/** The periods of a history: states as they follow each other, one in five told late; or chaos. */
async function makeHistory(
  versions: number,
  kind: 'states' | 'corrections',
): Promise<History> {
  const random = new RandomStream(`${kind} ${versions}`)
  const db = await open(':memory:')
  const periods: { from: number; to: number }[] = [{ from: 0, to: versions * 2 }]
  const { id } = await db.write((tx) => {
    const options = { validFrom: dayOf(0), validTo: dayOf(versions * 2) }
    return tx.createNode('Thing', { value: 0 }, options)
  })
  for (let version = 1; version < versions; version++) {
    const isLate = kind === 'corrections' || random.chance(0.2)
    const from = isLate ? random.below(versions) : version
    const to = isLate ? from + 1 + random.below(versions) : versions * 2
    periods.push({ from, to })
    const options = { validFrom: dayOf(from), validTo: dayOf(to), labels: ['Thing'] }
    await db.write((tx) => tx.put(id, { value: version }, options))
  }
  const expected = new Int32Array(viewCount)
  const views = Array.from({ length: viewCount }, (_, index) => {
    const day = random.below(versions * 2)
    const sequence = 1 + random.below(versions)
    const known = periods.slice(0, sequence)
    expected[index] = known.findLastIndex(({ from, to }) => from <= day && day < to)
    return db.asOf({ valid: Instant.from(dayOf(day)), sequence })
  })
  return { db, id, views, expected }
}

function contestantOf(name: string, history: History, reads: number): Contestant {
  const { id, views, expected } = history
  const rounds = Math.ceil(reads / viewCount)
  let sum = 0
  for (let index = 0; index < viewCount; index++) sum += at(expected, index)
  const ask = (): number => {
    let found = 0
    for (let round = 0; round < rounds; round++) {
      for (const view of views) found += numberOf(view.node(id)?.get('value'))
    }
    return found
  }
  return contestant(name, ask, { steps: rounds * viewCount, sum: rounds * sum })
}
