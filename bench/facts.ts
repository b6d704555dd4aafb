import { existsSync, readFileSync } from 'node:fs'
import { RandomStream } from '../simulation/random.ts'

/** A dated fact: names, and a half-open period in microseconds since 1970. */
export interface Fact {
  readonly subject: string
  readonly relation: string
  readonly object: string
  readonly fromMicros: number
  readonly toMicros: number
}

export interface FactSet {
  readonly name: string
  readonly facts: readonly Fact[]
}

const dayMicros = 86_400_000_000
const firstDayMicros = Date.UTC(2014, 0, 1) * 1000

/** A year of political events, when the data set lies beside the repository. */
const events = new URL('../../shared/data/icews14/', import.meta.url)

/** As many facts, entities and relations as that data set has. */
const syntheticFacts = 90_730
const syntheticEntities = 7128
const syntheticRelations = 230
const syntheticDays = 365

/** The first `count` facts of the data set, or of a made one of the same shape. */
export function readFacts(share: number): FactSet {
  const set = existsSync(events) ? readEvents() : makeFacts()
  const count = Math.max(200, Math.round(set.facts.length * share))
  return { name: set.name, facts: set.facts.slice(0, count) }
}

function readEvents(): FactSet {
  const entities = readNames('entity2id.txt')
  const relations = readNames('relation2id.txt')
  const lines = ['train.txt', 'valid.txt', 'test.txt'].flatMap(readLines)
  const rows = lines.map((line) => line.split('\t').map(Number))
  const step = Math.min(...rows.flatMap(([, , , time = 0]) => (time > 0 ? [time] : [])))
  const facts = rows.map(([subject = 0, relation = 0, object = 0, time = 0]) => ({
    subject: entities.get(subject) ?? `entity ${subject}`,
    relation: relations.get(relation) ?? `relation ${relation}`,
    object: entities.get(object) ?? `entity ${object}`,
    ...dayOf(time / step),
  }))
  return { name: 'ICEWS 2014', facts }
}

function makeFacts(): FactSet {
  const random = new RandomStream('facts')
  // Few entities are in most of the facts, as in any news.
  const entity = (): string => `entity ${Math.floor(syntheticEntities * random.fraction() ** 4)}`
  const facts = Array.from({ length: syntheticFacts }, () => ({
    subject: entity(),
    relation: `relation ${Math.floor(syntheticRelations * random.fraction() ** 3)}`,
    object: entity(),
    ...dayOf(random.below(syntheticDays)),
  }))
  return { name: 'synthetic', facts }
}

function dayOf(day: number): { fromMicros: number; toMicros: number } {
  const fromMicros = firstDayMicros + day * dayMicros
  return { fromMicros, toMicros: fromMicros + dayMicros }
}

function readNames(file: string): Map<number, string> {
  return new Map(
    readLines(file).map((line) => {
      const [name = '', number = ''] = line.split('\t')
      return [Number(number), name]
    }),
  )
}

function readLines(file: string): string[] {
  const text = readFileSync(new URL(file, events), 'utf8')
  return text.split(/\r?\n/).filter((line) => line.includes('\t'))
}
