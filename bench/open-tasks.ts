import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open } from 'asofdb'
import { compressions } from '../packages/asofdb/src/encoding/compression.ts'
import { mustBe } from './rounds.ts'
import { ageOf, at, drawNodes, loadGraph, makeSampleGraph, nodeIdOf } from './sample-graph.ts'
import type { Task } from './tasks.ts'

const hubs = 1000
const callers = 32

/**
 * Makes a database of so many nodes and edges, all of it in a checkpoint, compressed as the third
 * number says (0 none, 1 LZ4, 2 deflate).
 */
export const buildGraph: Task = async (folder, [nodeCount = 0, edgeCount = 0, compression = 0]) => {
  const checkpointCompression = compressions[compression]
  mustBe(checkpointCompression !== undefined, 'there is a compression of that number')
  const db = await open(folder, {
    durability: 'os',
    checkpointLogBytes: Infinity,
    checkpointCompression,
  })
  await loadGraph(db, makeSampleGraph(nodeCount, edgeCount))
  const began = performance.now()
  await db.checkpoint()
  const checkpointMs = performance.now() - began
  await db.close()
  return { checkpointMs }
}

/** Every byte of a folder, each file into memory of its own: what any opening has to read. */
export const readBytes: Task = (folder) => {
  const began = performance.now()
  const files = filesBelow(folder).map(readWhole)
  const openMs = performance.now() - began
  return Promise.resolve({ openMs, bytes: files.reduce((sum, file) => sum + file.length, 0) })
}

function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r')
  const { size } = statSync(path)
  const memory = new Uint8Array(size)
  for (let read = 0; read < size; ) read += readSync(file, memory, read, size - read, read)
  closeSync(file)
  return memory
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}

/** Opens what `buildGraph` made, takes the first steps, and then looks whether all is right. */
export const openGraph: Task = async (folder, [nodeCount = 0, edgeCount = 0]) => {
  const began = performance.now()
  const db = await open(folder, { indexImages: false })
  const opened = performance.now()
  const age = db.node(nodeIdOf(nodeCount - 1))?.get('age')
  const read = performance.now()
  db.targets(nodeIdOf(0))
  const walkedOut = performance.now()
  db.sources(nodeIdOf(0))
  const walkedIn = performance.now()
  mustBe(age === ageOf(nodeCount - 1), 'the last node has its age')
  checkGraph(db, nodeCount, edgeCount)
  await db.close()
  return {
    openMs: opened - began,
    firstReadMs: read - opened,
    firstStepMs: walkedOut - read,
    firstStepBackMs: walkedIn - walkedOut,
  }
}

function checkGraph(db: Database, nodeCount: number, edgeCount: number): void {
  const { entities } = db.stats()
  mustBe(entities.nodes === nodeCount, `${entities.nodes} nodes of ${nodeCount}`)
  mustBe(entities.edges === edgeCount, `${entities.edges} edges of ${edgeCount}`)
  const graph = makeSampleGraph(nodeCount, edgeCount)
  for (const node of drawNodes(graph, 1000, 'check')) {
    const [start, end] = [at(graph.starts, node), at(graph.starts, node + 1)]
    const expected = [...graph.targetsByNode.subarray(start, end)].map(nodeIdOf)
    const found = db.targets(nodeIdOf(node))
    mustBe(found.join() === expected.join(), `the edges of node ${node}`)
  }
}

/**
 * Small commits by many callers, for ever: a node, an edge and a key each. Once the log is long
 * enough it says again and again how many were acknowledged, a line of JSON each, until somebody
 * kills its process.
 */
export const fillLog: Task = async (folder, [bytesMin = 0]) => {
  const db = await open(folder, { durability: 'os', checkpointLogBytes: Infinity })
  await db.write((tx) => {
    for (let hub = 0; hub < hubs; hub++) tx.createNode('Hub', { number: hub })
  })
  let next = 0
  let acknowledged = 0
  const call = async (): Promise<never> => {
    for (;;) {
      const number = next++
      await db.write((tx) => {
        const node = tx.createNode('Entry', { number, name: nameOf(number), isNew: true })
        tx.createEdge(node, 'BELONGS_TO', nodeIdOf(number % hubs), { weight: number % 7 })
        tx.keys('entries').put(number, node.id)
      })
      acknowledged++
      if (acknowledged % 100 !== 0 || db.stats().bytes.log < bytesMin) continue
      process.stdout.write(`${JSON.stringify({ acknowledged })}\n`)
    }
  }
  return Promise.race(Array.from({ length: callers }, call))
}

function nameOf(number: number): string {
  return `entry ${number} of the log`
}

/** Opens after the kill; every acknowledged commit is there, and each that is there is whole. */
export const openTail: Task = async (folder, [acknowledged = 0]) => {
  const began = performance.now()
  const db = await open(folder)
  const openMs = performance.now() - began
  const commits = db.sequence - 1
  mustBe(commits >= acknowledged, `${commits} commits of ${acknowledged} acknowledged`)
  const { versions } = db.stats()
  const isWhole = versions.nodes === commits + hubs && versions.edges === commits
  mustBe(isWhole && versions.keys === commits, `half commits: ${JSON.stringify(versions)}`)
  let found = 0
  for (const { key, value } of db.keys('entries').range()) {
    found++
    if (typeof key !== 'number' || typeof value !== 'number' || key % 97 !== 0) continue
    mustBe(db.node(value)?.get('name') === nameOf(key), `entry ${key} is another`)
    const [edge] = db.out(value)
    mustBe(edge?.target === nodeIdOf(key % hubs), `the edge of entry ${key} is another`)
  }
  mustBe(found === commits, `${found} keys after ${commits} commits`)
  await db.close()
  return { openMs, commits }
}
