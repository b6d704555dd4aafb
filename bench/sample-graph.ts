import type { Database } from 'asofdb'
import { RandomStream } from '../simulation/random.ts'
import { mustBe } from './rounds.ts'

/** Entities written by one transaction of a bulk load. */
const loadBatch = 10_000

const ageCount = 97

/**
 * A random graph as plain arrays: what every engine is loaded with, what every answer is held
 * against, and, as two dependent loads from memory, the floor under every figure.
 */
export interface SampleGraph {
  readonly nodeCount: number
  readonly edgeCount: number
  /** The ends of edges in the order of their creation, as node numbers from 0 on. */
  readonly sources: Int32Array
  readonly targets: Int32Array
  /** The targets of node n, by edge: `targetsByNode[starts[n]]` up to `starts[n + 1]`. */
  readonly starts: Int32Array
  readonly targetsByNode: Int32Array
}

/** Every edge joins two random nodes, so a walk finds nothing in the caches by luck. */
export function makeSampleGraph(nodeCount: number, edgeCount: number): SampleGraph {
  const random = new RandomStream('sample graph')
  const sources = new Int32Array(edgeCount)
  const targets = new Int32Array(edgeCount)
  const starts = new Int32Array(nodeCount + 1)
  for (let edge = 0; edge < edgeCount; edge++) {
    const source = random.below(nodeCount)
    sources[edge] = source
    targets[edge] = random.below(nodeCount)
    starts[source + 1] = at(starts, source + 1) + 1
  }
  for (let node = 0; node < nodeCount; node++) {
    starts[node + 1] = at(starts, node + 1) + at(starts, node)
  }
  const next = starts.slice()
  const targetsByNode = new Int32Array(edgeCount)
  for (let edge = 0; edge < edgeCount; edge++) {
    const source = at(sources, edge)
    const place = at(next, source)
    targetsByNode[place] = at(targets, edge)
    next[source] = place + 1
  }
  return { nodeCount, edgeCount, sources, targets, starts, targetsByNode }
}

export function ageOf(node: number): number {
  return (node * 7919) % ageCount
}

export function nameOf(node: number): string {
  return `person ${node}`
}

/** Ids are given in the order of creation, the kind in their low two bits. */
export function nodeIdOf(node: number): number {
  return node * 4 + 1
}

/** Loads a graph into an empty database, ten thousand entities a transaction. */
export async function loadGraph(db: Database, graph: SampleGraph): Promise<void> {
  await loadNodes(db, graph.nodeCount)
  await loadEdges(db, graph)
}

export async function loadNodes(db: Database, nodeCount: number): Promise<void> {
  for (let first = 0; first < nodeCount; first += loadBatch) {
    const end = Math.min(first + loadBatch, nodeCount)
    await db.write((tx) => {
      for (let node = first; node < end; node++) {
        const { id } = tx.createNode('Person', { age: ageOf(node), name: nameOf(node) })
        mustBe(id === nodeIdOf(node), `node ${node} was given the id ${id}`)
      }
    })
  }
}

export async function loadEdges(db: Database, graph: SampleGraph): Promise<void> {
  const { edgeCount, sources, targets } = graph
  for (let first = 0; first < edgeCount; first += loadBatch) {
    const end = Math.min(first + loadBatch, edgeCount)
    await db.write((tx) => {
      for (let edge = first; edge < end; edge++) {
        tx.createEdge(nodeIdOf(at(sources, edge)), 'KNOWS', nodeIdOf(at(targets, edge)))
      }
    })
  }
}

/** Random node numbers, drawn with a seed. */
export function drawNodes(graph: SampleGraph, count: number, seed: string): Int32Array {
  const random = new RandomStream(seed)
  return Int32Array.from({ length: count }, () => random.below(graph.nodeCount))
}

/** A number of an array that is there; 0 never hides a mistake, because sums are checked. */
export function at(numbers: Int32Array, index: number): number {
  return numbers[index] ?? 0
}
