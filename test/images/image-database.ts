import { type Database, open, type OpenOptions } from 'asofdb'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { RandomWriter } from '../transfer/random-database.ts'
import { wholeHistory } from '../transfer/whole-history.ts'

export const databasePath = '/database'
export const indexPath = `${databasePath}/index`

/** Every index is worth an image, however small, and checkpoints come when they are asked for. */
const options = {
  segmentBytesMax: 5120,
  checkpointLogBytes: Number.POSITIVE_INFINITY,
  indexImageRowsMin: 1,
}

export function openOn(host: Host, changes: OpenOptions = {}): Promise<Database> {
  return open(databasePath, { host, ...options, ...changes })
}

/** What every test has besides what is random: names that the tests know, of every kind. */
export async function writeKnown(database: Database, count: number): Promise<void> {
  await database.write((tx) => {
    tx.createIndex('Known', 'number')
    const ids: number[] = []
    for (let number = 0; number < count; number++) {
      const { id } = tx.createNode('Known', { number: number % 7, name: `n ${number}` })
      ids.push(id)
      tx.keys('known').put(['k', (number * 37) % count], id)
      tx.createEdge(ids[number >> 1] ?? id, 'LEADS_TO', id, {})
    }
  })
}

/** Asks every index something. */
export function ask(database: Database): string[] {
  const lines: string[] = []
  for (let number = 0; number < 7; number++) {
    lines.push([...database.nodes('Known', { number })].map(({ id }) => id).join(' '))
  }
  for (const { id } of database.nodes('Known')) {
    lines.push(`${id}: ${database.targets(id).join(' ')}; ${database.sources(id).join(' ')}`)
  }
  for (const { key, value } of database.keys('known').range({})) {
    lines.push(JSON.stringify([key, value, database.keys('known').get(key)]))
  }
  return lines
}

/** All answers, those of the past included. */
export function answersOf(database: Database): string[] {
  return [...ask(database), ...wholeHistory(database, database.sequence)]
}

/** The state of each image, by the name of its index. */
export function statesOf(database: Database): Record<string, string> {
  return Object.fromEntries(
    database.recovery.indexes.map(({ index, file, state, isRebuilt }) => [
      index ?? file,
      isRebuilt ? `${state}, rebuilt` : state,
    ]),
  )
}

export const everyIndex = [
  'edges by source',
  'edges by target',
  'settled edges',
  'labels',
  'keys',
  'Known (number)',
]

/** The same state for every index. */
export function all(state: string): Record<string, string> {
  return Object.fromEntries(everyIndex.map((name) => [name, state]))
}

/** A closed database of some commits, all of them in images. */
export async function makeClosed(host: SimulatedHost, seed: string, steps = 30): Promise<void> {
  const database = await openOn(host)
  const writer = new RandomWriter(seed, steps * 2)
  await writeKnown(database, 40)
  await writer.steps(database, steps)
  answersOf(database)
  await database.close()
}

export function imagesOn(host: SimulatedHost): Promise<string[]> {
  return host.files.list(indexPath)
}
