import { type Database, open } from 'asofdb'
import { loadEdges, loadGraph, loadNodes, makeSampleGraph, nodeIdOf } from './sample-graph.ts'
import type { Task } from './tasks.ts'

/** What a process holds at one moment, in bytes. */
export interface Stage {
  readonly rss: number
  /** Of JavaScript objects and array buffers that somebody refers to. */
  readonly held: number
  readonly tables: number
  readonly payloads: number
  readonly adjacency: number
}

const warmUpNodesMax = 100_000

/**
 * Loads a graph and measures before, after its nodes, and after its edges with both directions of
 * adjacency. Loading compiles code and grows the young heap, so a smaller load comes first.
 */
export const measureLoading: Task = async (_folder, [nodeCount = 0, edgeCount = 0]) => {
  const graph = makeSampleGraph(nodeCount, edgeCount)
  await warmUp(Math.min(nodeCount, warmUpNodesMax))
  const db = await open(':memory:')
  const empty = await measure(db)
  await loadNodes(db, nodeCount)
  const nodes = await measure(db)
  await loadEdges(db, graph)
  stepBothWays(db)
  const edges = await measure(db)
  await db.close()
  return { empty, nodes, edges }
}

async function warmUp(nodeCount: number): Promise<void> {
  const db = await open(':memory:')
  await loadGraph(db, makeSampleGraph(nodeCount, nodeCount * 2))
  stepBothWays(db)
  await db.close()
}

/** Measures before opening a graph from its checkpoint, and after a step each way. */
export const measureOpening: Task = async (folder) => {
  const bare = await measure(undefined)
  const db = await open(folder)
  stepBothWays(db)
  const graph = await measure(db)
  await db.close()
  return { bare, graph }
}

/** The first step in a direction makes its adjacency. */
function stepBothWays(db: Database): void {
  db.targets(nodeIdOf(0))
  db.sources(nodeIdOf(0))
}

/** What is resident after everything that nobody holds has gone. */
async function measure(db: Database | undefined): Promise<Stage> {
  for (let pass = 0; pass < 4; pass++) {
    globalThis.gc?.()
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  const bytes = db?.stats().bytes
  return {
    rss,
    held: heapUsed + arrayBuffers,
    tables: bytes?.tables ?? 0,
    payloads: bytes?.payloads ?? 0,
    adjacency: bytes?.adjacency ?? 0,
  }
}
