/**
 * A process of its own for the `open` benchmark: makes a database, fills its log until it is
 * killed, or opens what is there and says how long it took. The last line is the answer.
 */
import { type Database, open } from 'asofdb'
import { mustBe } from './rounds.ts'
import { ageOf, at, drawNodes, loadGraph, makeSampleGraph, nodeIdOf } from './sample-graph.ts'

const hubs = 1000
const callers = 32

const [mode, folder = '', ...sizes] = process.argv.slice(2)
const [first = 0, second = 0] = sizes.map(Number)

if (mode === 'build') await build(first, second)
else if (mode === 'graph') await openGraph(first, second)
else if (mode === 'fill') await fillLog(first)
else if (mode === 'tail') await openTail(first)
else throw new Error(`there is no mode '${mode}'`)

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function build(nodeCount: number, edgeCount: number): Promise<void> {
  const db = await open(folder, { durability: 'os', checkpointLogBytes: Infinity })
  await loadGraph(db, makeSampleGraph(nodeCount, edgeCount))
  const began = performance.now()
  await db.checkpoint()
  const checkpointMs = performance.now() - began
  await db.close()
  answer({ checkpointMs })
}

async function openGraph(nodeCount: number, edgeCount: number): Promise<void> {
  const began = performance.now()
  const db = await open(folder)
  const opened = performance.now()
  const age = db.node(nodeIdOf(nodeCount - 1))?.get('age')
  const read = performance.now()
  db.targets(nodeIdOf(0))
  const walkedOut = performance.now()
  db.sources(nodeIdOf(0))
  const walkedIn = performance.now()
  mustBe(age === ageOf(nodeCount - 1), 'the last node has its age')
  checkGraph(db, nodeCount, edgeCount)
  answer({
    openMs: opened - began,
    firstReadMs: read - opened,
    firstStepMs: walkedOut - read,
    firstStepBackMs: walkedIn - walkedOut,
  })
  await db.close()
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

/** Small commits by many callers, for ever: a node, an edge and a key each. */
async function fillLog(bytesMin: number): Promise<void> {
  const db = await open(folder, { durability: 'os', checkpointLogBytes: Infinity })
  await db.write((tx) => {
    for (let hub = 0; hub < hubs; hub++) tx.createNode('Hub', { number: hub })
  })
  let next = 0
  let acknowledged = 0
  const call = async (): Promise<void> => {
    for (;;) {
      const number = next++
      await db.write((tx) => {
        const made = { number, name: nameOf(number), isNew: true }
        const node = tx.createNode('Entry', made)
        tx.createEdge(node, 'BELONGS_TO', nodeIdOf(number % hubs), { weight: number % 7 })
        tx.keys('entries').put(number, node.id)
      })
      acknowledged++
      if (acknowledged % 1000 === 0 && db.stats().bytes.log >= bytesMin) answer({ acknowledged })
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
}

function nameOf(number: number): string {
  return `entry ${number} of the log`
}

/** Opens after the kill; every acknowledged commit is there, and each that is there is whole. */
async function openTail(acknowledged: number): Promise<void> {
  const began = performance.now()
  const db = await open(folder)
  const openMs = performance.now() - began
  const commits = db.sequence - 1
  mustBe(commits >= acknowledged, `${commits} commits of ${acknowledged} acknowledged`)
  const { entities, versions } = db.stats()
  const isWhole = versions.nodes === commits + hubs && versions.edges === commits
  mustBe(isWhole && versions.keys === commits, `half commits: ${JSON.stringify(versions)}`)
  let found = 0
  for (const { key, value } of db.keys('entries').range()) {
    found++
    if (typeof key !== 'number' || typeof value !== 'number') continue
    if (key % 97 !== 0) continue
    const node = db.node(value)
    mustBe(node?.get('name') === nameOf(key), `entry ${key} is another`)
    const [edge] = db.out(value)
    mustBe(edge?.target === nodeIdOf(key % hubs), `the edge of entry ${key} is another`)
  }
  mustBe(found === commits, `${found} keys after ${commits} commits`)
  answer({ openMs, commits, entities: entities.nodes })
  await db.close()
}
