import { sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'
import { Adjacency, type Direction } from './adjacency.ts'
import type { GraphIndexes } from './graph-indexes.ts'
import { hasLabel, labelsOf } from './payload.ts'
import { indexKeyOf } from './property-index.ts'

/** Compares one derived index with a pass over the tables; gives what differs, in words. */
export interface IndexCheck {
  readonly name: string
  check(): Iterable<string>
}

/** One check for each index of the graph. */
export function graphIndexChecks(indexes: GraphIndexes): IndexCheck[] {
  const { tables, schema } = indexes
  const declared = [...schema.indexes(), ...schema.uniques()]
  return [
    { name: 'edges by source', check: () => checkAdjacency(indexes, 'out') },
    { name: 'edges by target', check: () => checkAdjacency(indexes, 'in') },
    { name: 'settled edges', check: () => checkSettled(indexes) },
    { name: 'labels', check: () => checkLabels(indexes) },
    ...declared.map(({ label, properties }) => ({
      name: `${label} (${properties.join(', ')})`,
      check: () => checkProperties(tables, indexes, { label, properties }),
    })),
  ]
}

/** The index as it was kept up, against one that is built now. */
function* checkAdjacency(indexes: GraphIndexes, direction: Direction): Generator<string> {
  const { tables, adjacency } = indexes
  const fresh = new Adjacency(tables)
  for (let node = 0; node < tables.nodesAllocated; node++) {
    const kept = adjacency.edges(direction, node)
    const built = fresh.edges(direction, node)
    if (kept.length === built.length && kept.every((edge, at) => edge === built[at])) continue
    yield `node ${node * 4 + 1} lists ${kept.length} edges, the tables have ${built.length}`
  }
}

function* checkSettled({ tables, adjacency }: GraphIndexes): Generator<string> {
  const { commits, edge } = tables
  const { sequence } = commits
  for (const seen of new Set([sequence, Math.floor(sequence / 2)])) {
    const point = { rows: commits.counts(seen).edge, high: 0x7ffffffe, low: 0 }
    for (let ordinal = 0; ordinal < edge.entityCount; ordinal++) {
      const presence = adjacency.settled.presence(ordinal, point)
      const isPresent = edge.payloadAt(ordinal, point) !== 0
      if (presence === 'unknown' || (presence === 'present') === isPresent) continue
      yield `edge ${ordinal * 4 + 2} is said to be ${presence} as of commit ${seen}, wrongly`
    }
  }
}

function* checkLabels({ tables, labels }: GraphIndexes): Generator<string> {
  const { node, symbols } = tables
  const listed = new Map<number, Set<number>>()
  for (const label of labels.labels()) listed.set(label, new Set(labels.nodes(label)))
  for (let row = 0; row < node.count; row++) {
    const reference = node.payloadOf(row)
    if (reference === 0) continue
    const ordinal = node.entityOf(row)
    for (const label of labelsOf(sliceOf(node.arena, reference))) {
      if (listed.get(label)?.has(ordinal) === true) continue
      yield `node ${ordinal * 4 + 1} is not listed under ${symbols.name(label)}`
    }
  }
}

function* checkProperties(
  tables: Tables,
  indexes: GraphIndexes,
  over: { readonly label: string; readonly properties: readonly string[] },
): Generator<string> {
  const { node, symbols } = tables
  const index = indexes.schema.index(over.label, over.properties)
  const label = symbols.find(over.label)
  if (index === undefined || label === undefined) return
  for (let row = 0; row < node.count; row++) {
    const reference = node.payloadOf(row)
    if (reference === 0) continue
    const slice = sliceOf(node.arena, reference)
    const key = hasLabel(slice, label) ? indexKeyOf(tables, slice, over.properties) : undefined
    if (key === undefined) continue
    const ordinal = node.entityOf(row)
    let isListed = false
    for (const candidate of index.candidates({ gte: key, lte: key })) {
      if (candidate === ordinal) isListed = true
    }
    if (!isListed) yield `node ${ordinal * 4 + 1} is not listed under its value in row ${row}`
  }
}
