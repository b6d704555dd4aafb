import type { Stage } from './memory-tasks.ts'
import { makeRow, type Row } from './report.ts'
import { scaled, type Setting } from './setting.ts'
import { runTask } from './tasks.ts'
import { isObject } from './values.ts'

const nodesFull = 1_000_000
const edgesPerNode = 5
const unit = 'bytes'
const nodeLimit = 120
const edgeLimit = 48

/** The graph that must fit, and the memory it must fit into. */
const nodesLarge = 10_000_000
const edgesLarge = 50_000_000
const gigabytesLarge = 24

/**
 * Resident bytes of a node and of an edge (both directions of adjacency built), payloads aside, in
 * a process that does nothing else: after loading, and after opening a checkpoint.
 */
export async function benchMemory(setting: Setting): Promise<Row[]> {
  const nodeCount = scaled(setting, nodesFull, 1000)
  const edgeCount = nodeCount * edgesPerNode
  const folder = setting.workspace.folder('memory')
  const call = { folder, sizes: [nodeCount, edgeCount] }
  setting.say(`Loading ${nodeCount} nodes and ${edgeCount} edges ...`)
  const loading = await runTask(setting, { name: 'measureLoading', call }, isLoading)
  setting.say('Opening as many from a checkpoint ...')
  await runTask(setting, { name: 'buildGraph', call }, isObject)
  const opening = await runTask(setting, { name: 'measureOpening', call }, isOpening)
  const { empty, nodes, edges } = loading
  const { bare, graph } = opening
  const node = costOf(empty, nodes, nodeCount)
  const edge = costOf(nodes, edges, edgeCount)
  const payload = (edges.payloads - empty.payloads) / nodeCount
  const large =
    (nodesLarge * (node.resident + payload) + edgesLarge * edge.resident + bare.rss) / 1e9
  const perNode = (graph.rss - bare.rss) / nodeCount
  const nodeText = 'a node of a small payload, payload aside'
  const edgeText = 'an edge in both its lists, payload aside'
  const row = (id: string, what: string, ours: number, limit: number): Row =>
    makeRow({ id, what, unit }, ours, { against: `limit ${limit} bytes`, theirs: limit })
  const wholeLimit = nodeLimit + payload + edgesPerNode * edgeLimit
  return [
    row('memory.node', `${nodeText}: resident`, node.resident, nodeLimit),
    row('memory.node.tables', `${nodeText}: columns alone`, node.columns, nodeLimit),
    row('memory.node.held', `${nodeText}: objects and buffers`, node.held, nodeLimit),
    row('memory.edge', `${edgeText}: resident`, edge.resident, edgeLimit),
    row('memory.edge.tables', `${edgeText}: columns alone`, edge.columns, edgeLimit),
    row('memory.edge.held', `${edgeText}: objects and buffers`, edge.held, edgeLimit),
    row(
      'memory.opened',
      `a node, its payload and ${edgesPerNode} edges after opening: resident`,
      perNode,
      Math.round(wholeLimit),
    ),
    makeRow(
      { id: 'memory.graph', what: '10 M nodes and 50 M edges, by these figures', unit: 'GB' },
      large,
      { against: `limit ${gigabytesLarge} GB`, theirs: gigabytesLarge },
    ),
  ]
}

/** What each of `count` entities added, payloads aside. */
function costOf(
  before: Stage,
  after: Stage,
  count: number,
): { resident: number; held: number; columns: number } {
  const payloads = after.payloads - before.payloads
  const columns = after.tables - before.tables + after.adjacency - before.adjacency
  return {
    resident: (after.rss - before.rss - payloads) / count,
    held: (after.held - before.held - payloads) / count,
    columns: columns / count,
  }
}

interface Loading {
  readonly empty: Stage
  readonly nodes: Stage
  readonly edges: Stage
}

interface Opening {
  readonly bare: Stage
  readonly graph: Stage
}

function isLoading(value: unknown): value is Loading {
  return areStages(value, ['empty', 'nodes', 'edges'])
}

function isOpening(value: unknown): value is Opening {
  return areStages(value, ['bare', 'graph'])
}

const stageNames = ['rss', 'held', 'tables', 'payloads', 'adjacency']

function areStages(value: unknown, names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => isStage(Reflect.get(value, name)))
}

function isStage(value: unknown): boolean {
  return isObject(value) && stageNames.every((name) => typeof Reflect.get(value, name) === 'number')
}
