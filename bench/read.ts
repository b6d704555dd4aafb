import {
  floorName,
  lmdbInPlaceName,
  lmdbName,
  makeFloor,
  openLmdb,
  openLmdbInPlace,
  openOurs,
  openSqlite,
  oursName,
  type OurReadEngine,
  type ReadEngine,
  sqliteName,
} from './read-engines.ts'
import { makeRow, type Row, type RowText, rowOf } from './report.ts'
import { compete, type Contestant, type Figures, nanosecondsEach } from './rounds.ts'
import { ageOf, at, drawNodes, makeSampleGraph, nameOf, type SampleGraph } from './sample-graph.ts'
import { scaled, type Setting } from './setting.ts'

const nodesFull = 1_000_000
const edgesPerNode = 5
const ours = oursName
const unit = 'ns'

/** Reads of what holds now, of random nodes of a large graph: nanoseconds a step. */
export async function benchRead(setting: Setting): Promise<Row[]> {
  const nodeCount = scaled(setting, nodesFull, 1000)
  setting.say(`Loading ${nodeCount} nodes and ${nodeCount * edgesPerNode} edges ...`)
  const graph = makeSampleGraph(nodeCount, nodeCount * edgesPerNode)
  const { lmdb, sqlite } = setting.peers
  const own = await openOurs(graph)
  const peers: ReadEngine[] = []
  if (lmdb !== undefined) {
    peers.push(await openLmdb(lmdb, setting.workspace.folder('lmdb'), graph))
    peers.push(await openLmdbInPlace(lmdb, setting.workspace.folder('lmdb'), graph))
  }
  if (sqlite !== undefined) {
    peers.push(await openSqlite(sqlite, setting.workspace.folder('sqlite'), graph))
  }
  setting.say('Reading ...')
  const engines = [own, makeFloor(graph), ...peers]
  const rows = [
    ...(await benchNodes(setting, graph, engines)),
    ...(await benchSteps(setting, graph, { engines, own })),
    ...(await benchTwoHops(setting, graph, engines)),
  ]
  for (const engine of engines) await engine.close()
  return rows
}

async function benchNodes(
  setting: Setting,
  graph: SampleGraph,
  engines: readonly ReadEngine[],
): Promise<Row[]> {
  const draw = (round: number): Int32Array =>
    drawNodes(graph, scaled(setting, 300_000, 200), `nodes ${round}`)
  const expectAges = (nodes: Int32Array): Expected =>
    expectEach(nodes, (node) => ({ steps: 1, sum: ageOf(node) }))
  const expectNames = (nodes: Int32Array): Expected =>
    expectEach(nodes, (node) => ({ steps: 1, sum: nameOf(node).length }))
  const ages = await compete(
    engines.map((one) =>
      reader(one.name, (nodes) => one.ages(nodes), { draw, expect: expectAges }),
    ),
    setting.rounds,
  )
  const names = await compete(
    engines.map((one) =>
      reader(one.name, (nodes) => one.names(nodes), { draw, expect: expectNames }),
    ),
    setting.rounds,
  )
  const what = 'a node by id and one number of it'
  const whatString = 'a node by id and one string of it'
  return [
    ...rowsOf(ages, { id: 'node.byId', what, unit }, 100),
    ...rowsOf(names, { id: 'node.byId.string', what: whatString, unit }, 500),
  ]
}

async function benchSteps(
  setting: Setting,
  graph: SampleGraph,
  { engines, own }: { readonly engines: readonly ReadEngine[]; readonly own: OurReadEngine },
): Promise<Row[]> {
  const question: Question = {
    draw: (round) => drawNodes(graph, scaled(setting, 100_000, 200), `steps ${round}`),
    expect: (nodes) => expectEach(nodes, (node) => expectSteps(graph, node)),
  }
  const figures = await compete(
    [
      ...engines.map(
        (one) => one.steps && reader(one.name, (nodes) => one.steps?.(nodes) ?? 0, question),
      ),
      reader('an object each', (nodes) => own.stepsByEdge(nodes), question),
      reader('at this moment', (nodes) => own.stepsNow(nodes), question),
    ],
    setting.rounds,
  )
  const limit = { against: 'limit 100 ns', theirs: 100 }
  const objects = { id: 'edge.step.objects', what: 'the same, an object for each edge', unit }
  const now = { id: 'edge.step.now', what: 'the same, each node asked for at its moment', unit }
  return [
    ...rowsOf(figures, { id: 'edge.step', what: 'an edge of a random node', unit }, 100),
    makeRow(objects, figures.mustGet('an object each'), limit),
    makeRow(now, figures.mustGet('at this moment'), limit),
  ]
}

async function benchTwoHops(
  setting: Setting,
  graph: SampleGraph,
  engines: readonly ReadEngine[],
): Promise<Row[]> {
  const question: Question = {
    draw: (round) => drawNodes(graph, scaled(setting, 20_000, 100), `hops ${round}`),
    expect: (nodes) => expectEach(nodes, (node) => expectTwoHops(graph, node)),
  }
  const figures = await compete(
    engines.map(
      (one) => one.twoHops && reader(one.name, (nodes) => one.twoHops?.(nodes) ?? 0, question),
    ),
    setting.rounds,
  )
  return rowsOf(figures, { id: 'edge.twoHop', what: 'a path of two edges', unit }, 40)
}

/** A row against the limit, and one against each engine that was asked the same. */
function rowsOf(figures: Figures, text: RowText, limit: number): Row[] {
  const row = (suffix: string, theirs: string): Row =>
    rowOf(figures, { ...text, id: `${text.id}.${suffix}` }, { ours, theirs })
  return [
    makeRow(text, figures.mustGet(ours), { against: `limit ${limit} ns`, theirs: limit }),
    row('lmdb', lmdbName),
    ...(figures.get(lmdbInPlaceName) === undefined ? [] : [row('lmdbInPlace', lmdbInPlaceName)]),
    row('sqlite', sqliteName),
    row('floor', floorName),
  ]
}

interface Question {
  /** Which nodes to ask about, others each round. */
  draw(round: number): Int32Array
  expect(nodes: Int32Array): Expected
}

/** How many steps a question takes, and the sum of what they find. */
interface Expected {
  readonly steps: number
  readonly sum: number
}

function reader(
  name: string,
  ask: (nodes: Int32Array) => number,
  question: Question,
): Contestant {
  return {
    name,
    run(round) {
      const nodes = question.draw(round)
      const expected = question.expect(nodes)
      return nanosecondsEach(() => ask(nodes), expected)
    },
  }
}

function expectEach(nodes: Int32Array, expect: (node: number) => Expected): Expected {
  let steps = 0
  let sum = 0
  for (const node of nodes) {
    const one = expect(node)
    steps += one.steps
    sum += one.sum
  }
  return { steps, sum }
}

function expectSteps(graph: SampleGraph, node: number): Expected {
  const start = at(graph.starts, node)
  const end = at(graph.starts, node + 1)
  let sum = 0
  for (let place = start; place < end; place++) sum += at(graph.targetsByNode, place)
  return { steps: end - start, sum }
}

function expectTwoHops(graph: SampleGraph, node: number): Expected {
  const end = at(graph.starts, node + 1)
  let steps = 0
  let sum = 0
  for (let place = at(graph.starts, node); place < end; place++) {
    const beyond = expectSteps(graph, at(graph.targetsByNode, place))
    steps += beyond.steps
    sum += beyond.sum
  }
  return { steps, sum }
}
