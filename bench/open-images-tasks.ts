import { type Database, open } from 'asofdb'
import { mustBe } from './rounds.ts'
import { loadGraph, makeSampleGraph, nameOf, nodeIdOf } from './sample-graph.ts'
import type { Task } from './tasks.ts'

const keysAtOnce = 10_000
/** From so many versions on an index has an image by default. */
const imageRowsMin = 20_000
/** Keys come in an order that is not theirs. */
const keyStride = 7919

function keyOf(number: number, count: number): number {
  return (number * keyStride) % (count * 2 + 1)
}

/** Makes a database of nodes, edges, as many keys and a property index; asks each index. */
export const buildIndexed: Task = async (folder, [nodeCount = 0, edgeCount = 0]) => {
  const db = await open(folder, { durability: 'os', checkpointLogBytes: Infinity })
  await loadGraph(db, makeSampleGraph(nodeCount, edgeCount))
  for (let first = 0; first < nodeCount; first += keysAtOnce) {
    const end = Math.min(first + keysAtOnce, nodeCount)
    await db.write((tx) => {
      const entries = tx.keys('entries')
      for (let number = first; number < end; number++) {
        entries.put(keyOf(number, nodeCount), number)
      }
    })
  }
  await db.write((tx) => tx.createIndex('Person', 'name'))
  askAll(db, nodeCount)
  const began = performance.now()
  await db.close()
  return { closeMs: performance.now() - began }
}

/** The first question to each index, one after the other, with the milliseconds that each took. */
function askAll(db: Database, nodeCount: number): Record<string, number> {
  const times: Record<string, number> = {}
  const timed = (name: string, ask: () => boolean): void => {
    const began = performance.now()
    const isRight = ask()
    times[name] = performance.now() - began
    mustBe(isRight, `the first answer of ${name} is another`)
  }
  const last = nodeCount - 1
  timed('step', () => db.targets(nodeIdOf(0)).length >= 0)
  timed('back', () => db.sources(nodeIdOf(0)).length >= 0)
  timed('key', () => db.keys('entries').get(keyOf(last, nodeCount)) === last)
  timed('label', () => {
    for (const { id } of db.nodes('Person')) return id === nodeIdOf(0)
    return false
  })
  timed('property', () => {
    const found = [...db.nodes('Person', { name: nameOf(last) })]
    return found.length === 1 && found[0]?.id === nodeIdOf(last)
  })
  const keys = 1000
  timed('keys', () => {
    let sum = 0
    for (let at = 0; at < keys; at++) {
      const number = Math.floor((at * nodeCount) / keys)
      const value = db.keys('entries').get(keyOf(number, nodeCount))
      if (value === number) sum++
    }
    return sum === keys
  })
  return times
}

/** Opens what `buildIndexed` made, with its images (1) or without any (0). */
export const openIndexed: Task = async (folder, [nodeCount = 0, hasImages = 1]) => {
  const began = performance.now()
  const db = await open(folder, { indexImages: hasImages === 1 })
  const openMs = performance.now() - began
  const times = askAll(db, nodeCount)
  const derived = db.recovery.indexes.filter(({ isRebuilt }) => isRebuilt).length
  const { length } = db.recovery.indexes
  // Smaller indexes have none.
  const isLarge = nodeCount >= imageRowsMin
  mustBe(!isLarge || derived === (hasImages === 1 ? 0 : length), `${derived} of ${length} derived`)
  await db.close()
  return { openMs, ...times }
}
