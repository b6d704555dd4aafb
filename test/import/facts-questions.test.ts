import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Database, type Edge, type Node, open, type View } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { parseCondition } from '../../packages/asof/src/facts/condition.ts'
import { parseColumnChoice } from '../../packages/asof/src/facts/fact-columns.ts'
import { FactReader, type FactReading } from '../../packages/asof/src/facts/fact-reader.ts'
import { FactWriter } from '../../packages/asof/src/facts/fact-writer.ts'
import { importFacts } from '../../packages/asof/src/facts/import-facts.ts'
import { readNames } from '../../packages/asof/src/facts/name-map.ts'
import { TimeMapping } from '../../packages/asof/src/facts/time-mapping.ts'
import { SeededRandom } from './seeded-random.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const seed = Number(process.env['ASOF_SEED'] ?? 11)
const questionCount = 10_000

/** A row of the input as the brute-force filter sees it; times are instants in microseconds. */
interface PlainFact {
  readonly subject: string
  readonly relation: string
  readonly object: string
  readonly from: number
  /** The first instant after it; Infinity: for ever. */
  readonly to: number
  /** The load that stated it, from 0. */
  readonly load: number
}

/**
 * The naive answer: of all statements of a fact (subject, relation, object and start) known at a
 * load, the last one counts.
 */
class BruteForce {
  readonly #bySubject: Map<string, PlainFact[]>[] = []
  readonly facts: PlainFact[]

  constructor(facts: PlainFact[], loads: number) {
    this.facts = facts
    for (let load = 0; load < loads; load++) {
      const last = new Map<string, PlainFact>()
      for (const fact of facts) {
        if (fact.load <= load) last.set(keyOf(fact), fact)
      }
      const bySubject = new Map<string, PlainFact[]>()
      for (const fact of last.values()) {
        const list = bySubject.get(fact.subject) ?? []
        list.push(fact)
        bySubject.set(fact.subject, list)
      }
      this.#bySubject.push(bySubject)
    }
  }

  countAt(load: number): number {
    return [...(this.#bySubject[load]?.values() ?? [])].reduce((sum, list) => sum + list.length, 0)
  }

  ask(subject: string, at: { readonly micros: number; readonly load: number }): string[] {
    const list = this.#bySubject[at.load]?.get(subject) ?? []
    return list
      .filter(({ from, to }) => from <= at.micros && at.micros < to)
      .map(({ relation, object }) => `${relation} ${object}`)
      .sort()
  }
}

function keyOf({ subject, relation, object, from }: PlainFact): string {
  return JSON.stringify([subject, relation, object, from])
}

/** The same from the database. */
function askDatabase(view: View, subject: number): string[] {
  return view
    .out(subject)
    .map((edge: Edge) => `${edge.type} ${nameOf(view.node(edge.target))}`)
    .sort()
}

function nameOf(node: Node | undefined): string {
  const name = node?.get('name')
  return typeof name === 'string' ? name : ''
}

interface Asking {
  readonly database: Database
  readonly model: BruteForce
  /** The last commit of each load. */
  readonly sequences: readonly number[]
}

/** Random subjects at random moments of both times, bounds of facts among them. */
function askMany({ database, model, sequences }: Asking): void {
  const random = new SeededRandom(seed)
  const ids = new Map([...database.nodes('Entity')].map((node) => [nameOf(node), node.id]))
  for (let question = 0; question < questionCount; question++) {
    const near = random.pick(model.facts)
    const { subject } = random.chance(0.9) ? near : random.pick(model.facts)
    const bound = random.chance(0.5) || near.to === Infinity ? near.from : near.to
    const micros = bound + random.pick([0, -1, 1, 0, 86_400_000_000, -86_400_000_000])
    const load = random.below(sequences.length)
    const sequence = sequences[load] ?? 0
    const view = database.asOf({ valid: BigInt(micros), sequence })
    const id = ids.get(subject)
    expect(id, subject).toBeDefined()
    const answer = askDatabase(view, id ?? 0)
    const expected = model.ask(subject, { micros, load })
    // A plain comparison first: a matcher for each question would take most of the time.
    if (answer.join('\n') !== expected.join('\n')) {
      expect(answer, `${subject} at ${micros} #${sequence} (seed ${seed})`).toEqual(expected)
    }
  }
}

async function load(
  database: Database,
  paths: readonly string[],
  reading: FactReading,
): Promise<number> {
  const writer = new FactWriter(database.snapshot())
  let bad = 0
  for (const path of paths) {
    const reader = new FactReader(reading)
    const options = { path, reader, reading: 'test', batchFacts: 1000, onBadRow: () => void bad++ }
    await importFacts(database, writer, options)
  }
  return bad
}

const yearMicros = (year: number): number => new Date(0).setUTCFullYear(year, 0, 1) * 1000

describe('as-of answers about imported facts', () => {
  it(`are those of a brute-force filter, with corrections (seed ${seed})`, async () => {
    const random = new SeededRandom(seed)
    const facts: PlainFact[] = []
    const files = [0, 1, 2].map((loadNumber) => {
      const lines: string[] = []
      for (let row = 0; row < 4000; row++) {
        const known = loadNumber > 0 && random.chance(0.5) ? random.pick(facts) : undefined
        const first =
          known === undefined
            ? 1900 + random.below(100)
            : new Date(known.from / 1000).getUTCFullYear()
        const last = random.chance(0.2) ? 3000 : first + random.below(30)
        const subject = known?.subject ?? `s${random.below(300)}`
        const relation = known?.relation ?? `r${random.below(4)}`
        const object = known?.object ?? `s${random.below(300)}`
        lines.push([subject, relation, object, first, last].join('\t'))
        const to = last === 3000 ? Infinity : yearMicros(last + 1)
        facts.push({ subject, relation, object, from: yearMicros(first), to, load: loadNumber })
      }
      const path = place(`load-${loadNumber}.tsv`)
      writeFileSync(path, lines.join('\n'))
      return path
    })
    const database = await open(':memory:')
    const time = new TimeMapping({ format: 'year', openEnds: ['3000'], openStarts: [] })
    const sequences: number[] = []
    for (const path of files) {
      await load(database, [path], { format: 'tsv', conditions: [], time })
      sequences.push(database.sequence)
    }
    const model = new BruteForce(facts, files.length)
    expect(database.stats().entities.edges).toBe(model.countAt(2))
    askMany({ database, model, sequences })
  })
})

const shared = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const parts = ['train.txt', 'valid.txt', 'test.txt']

/** Rows of a set of files as numbers, columns split at blanks. */
function readNumbers(folder: string): number[][] {
  return parts.flatMap((part) =>
    readFileSync(`${shared}${folder}/${part}`, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => line.trim().split(/\s+/).map(Number)),
  )
}

function readNameList(path: string): Map<number, string> {
  const lines = readFileSync(`${shared}${path}`, 'utf8').split('\n')
  const pairs = lines.filter((line) => line !== '').map((line) => line.split('\t'))
  return new Map(pairs.map(([name = '', id = '']) => [Number(id), name.trim()]))
}

describe.skipIf(!existsSync(`${shared}icews14`))('as-of answers about real facts', () => {
  const nameColumns = { name: 0, id: 1 }

  it(`are those of a brute-force filter: dated events (seed ${seed})`, async () => {
    const entities = readNameList('icews14/entity2id.txt')
    const relations = readNameList('icews14/relation2id.txt')
    const day = 86_400_000_000
    const facts = readNumbers('icews14').map(
      ([subject = 0, relation = 0, object = 0, hour = 0]) => {
        const from = Date.UTC(2014, 0, 1) * 1000 + hour * (day / 24)
        return {
          subject: entities.get(subject) ?? '',
          relation: relations.get(relation) ?? '',
          object: entities.get(object) ?? '',
          from,
          to: from + day,
          load: 0,
        }
      },
    )
    const database = await open(':memory:')
    const bad = await load(
      database,
      parts.map((part) => `${shared}icews14/${part}`),
      {
        format: 'tsv',
        columns: parseColumnChoice('subject=0,relation=1,object=2,from=3'),
        conditions: [],
        time: new TimeMapping({
          format: 'hour',
          zero: '2014-01-01',
          lasts: 'day',
          openEnds: [],
          openStarts: [],
        }),
        entityNames: await readNames(`${shared}icews14/entity2id.txt`, nameColumns),
        relationNames: await readNames(`${shared}icews14/relation2id.txt`, nameColumns),
      },
    )
    expect(bad).toBe(0)
    const model = new BruteForce(facts, 1)
    expect(database.stats().entities.edges).toBe(model.countAt(0))
    expect(model.countAt(0)).toBe(90_730)
    askMany({ database, model, sequences: [database.sequence] })
  })

  it(`are those of a brute-force filter: years and corrections (seed ${seed})`, async () => {
    const entities = readNameList('wikidata12k/entity2id.txt')
    const relations = readNameList('wikidata12k/relation2id.txt')
    const facts = ['wikidata12k', 'wikidata12k-corrected'].flatMap((folder, loadNumber) =>
      readNumbers(folder)
        .filter(([, relation = 0, , first = 0, last = 0]) => relation < 24 && first <= last)
        .map(([subject = 0, relation = 0, object = 0, first = 0, last = 0]) => ({
          subject: entities.get(subject) ?? '',
          relation: relations.get(relation) ?? '',
          object: entities.get(object) ?? '',
          from: yearMicros(first),
          to: last === 3000 ? Infinity : yearMicros(last + 1),
          load: loadNumber,
        })),
    )
    const database = await open(':memory:')
    const reading: FactReading = {
      format: 'tsv',
      conditions: [parseCondition('relation<24')],
      time: new TimeMapping({ format: 'year', openEnds: ['3000'], openStarts: [] }),
      entityNames: await readNames(`${shared}wikidata12k/entity2id.txt`, nameColumns),
      relationNames: await readNames(`${shared}wikidata12k/relation2id.txt`, nameColumns),
    }
    const sequences: number[] = []
    const bad: number[] = []
    for (const folder of ['wikidata12k', 'wikidata12k-corrected']) {
      bad.push(
        await load(
          database,
          parts.map((part) => `${shared}${folder}/${part}`),
          reading,
        ),
      )
      sequences.push(database.sequence)
    }
    expect(bad).toEqual([0, 10])
    const model = new BruteForce(facts, 2)
    const first = database.asOf({ sequence: sequences[0] })
    expect(first.sequence).toBe(sequences[0])
    expect(database.stats().entities.edges).toBe(model.countAt(1))
    askMany({ database, model, sequences })
  })
})
