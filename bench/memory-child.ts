/**
 * A process of its own for the `memory` benchmark: loads or opens a graph and says what it holds
 * resident after each stage. The answer is one line of JSON.
 */
import { type Database, open } from 'asofdb'
import { loadEdges, loadGraph, loadNodes, makeSampleGraph, nodeIdOf } from './sample-graph.ts'

const [mode, folder = '', ...sizes] = process.argv.slice(2)
const [nodeCount = 0, edgeCount = 0] = sizes.map(Number)

// Loading itself compiles code and grows the young heap: a first, smaller load is not counted.
const warmUpNodes = Math.min(nodeCount, 100_000)
const graph = makeSampleGraph(nodeCount, edgeCount)
if (mode !== 'opened') await warmUp()
const stages = mode === 'loaded' ? await loadStages() : await openStages()
process.stdout.write(`${JSON.stringify(stages)}\n`)

async function warmUp(): Promise<void> {
  const db = await open(':memory:')
  await loadGraph(db, makeSampleGraph(warmUpNodes, warmUpNodes * 2))
  db.targets(nodeIdOf(0))
  db.sources(nodeIdOf(0))
  await db.close()
}

async function loadStages(): Promise<object[]> {
  const db = await open(':memory:')
  const stages = [await measure(db)]
  await loadNodes(db, nodeCount)
  stages.push(await measure(db))
  await loadEdges(db, graph)
  db.targets(nodeIdOf(0))
  db.sources(nodeIdOf(0))
  stages.push(await measure(db))
  return stages
}

async function openStages(): Promise<object[]> {
  if (mode === 'build') {
    const built = await open(folder, { durability: 'os', checkpointLogBytes: Infinity })
    await loadGraph(built, graph)
    await built.close()
    return []
  }
  const before = await measure(undefined)
  const db = await open(folder)
  db.targets(nodeIdOf(0))
  db.sources(nodeIdOf(0))
  const after = await measure(db)
  await db.close()
  return [before, after]
}

/** What is resident after everything that nobody holds has gone. */
async function measure(db: Database | undefined): Promise<object> {
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
