import type { CommitCheck } from '../commit/commit-pipeline.ts'
import type { OwnEvent } from '../commit/tail.ts'
import type { TransactionCore } from '../commit/transaction-core.ts'
import { DatabaseError } from '../rules/errors.ts'
import { edgeId, nodeId } from '../versions/entity.ts'
import { foreverMicros, intersectSpans, type Span, subtractSpans } from '../versions/periods.ts'
import type { EdgeTable } from '../versions/tables.ts'
import { presenceWithin } from '../versions/timeline.ts'
import type { GraphIndexes } from './graph-indexes.ts'
import { describeMicros } from './period-options.ts'

interface NodePair {
  readonly source: number
  readonly target: number
}

/** Where both ends of an edge are present, as the transaction sees it. */
export class EdgePresence {
  readonly #core: TransactionCore
  readonly #nodes: NodePair

  constructor(core: TransactionCore, nodes: NodePair) {
    this.#core = core
    this.#nodes = nodes
  }

  /** The first instant after `from` at which an end is absent; both must be present at `from`. */
  mustEndAfter(from: bigint): bigint {
    const rest = { from, to: foreverMicros }
    let end = foreverMicros
    for (const node of [this.#nodes.source, this.#nodes.target]) {
      if (this.#holdsThroughout(node, rest)) continue
      const [first] = this.#presence(node, rest)
      if (first === undefined || first.from !== from) {
        const until = first === undefined ? foreverMicros : first.from
        const missing = {
          [node === this.#nodes.source ? 'source' : 'target']: [{ from, to: until }],
        }
        throw endpointNotValid(missing, this.#nodes)
      }
      if (first.to < end) end = first.to
    }
    return end
  }

  /** The parts of `span` in which both ends are present; at least one. */
  mustClip(span: Span): readonly Span[] {
    const parts: Span[] = []
    const targets = this.#presence(this.#nodes.target, span)
    for (const one of this.#presence(this.#nodes.source, span)) {
      for (const other of targets) {
        const common = intersectSpans(one, other)
        if (common !== undefined) parts.push(common)
      }
    }
    if (parts.length === 0) {
      throw endpointNotValid(
        { source: this.#missing('source', span), target: this.#missing('target', span) },
        this.#nodes,
      )
    }
    return parts
  }

  /** The parts of `span` in which an end is absent. */
  #missing(end: 'source' | 'target', span: Span): Span[] {
    return subtractSpans(span, this.#presence(this.#nodes[end], span))
  }

  /** Refuses `span` unless both ends are present throughout. */
  mustCover(span: Span): void {
    const source = this.#missing('source', span)
    const target = this.#missing('target', span)
    if (source.length + target.length > 0) throw endpointNotValid({ source, target }, this.#nodes)
  }

  #holdsThroughout(node: number, span: Span): boolean {
    this.#core.reads.add(nodeId(node))
    return this.#core.newestHolds('node', node, span)
  }

  #presence(node: number, span: Span): Span[] {
    this.#core.reads.add(nodeId(node))
    return presenceWithin(this.#core.events('node', node), span)
  }
}

function endpointNotValid(
  missing: { readonly source?: Span[] | undefined; readonly target?: Span[] | undefined },
  nodes: NodePair,
): DatabaseError {
  const parts: string[] = []
  for (const end of ['source', 'target'] as const) {
    for (const { from, to } of missing[end] ?? []) {
      parts.push(
        `its ${end}, node ${nodeId(nodes[end])}, does not hold in ` +
          `[${describeMicros(from)}, ${describeMicros(to)})`,
      )
    }
  }
  return new DatabaseError(
    'EndpointNotValid',
    `an edge can hold only while both its ends hold: ${parts.join('; ')}. Give the node a longer ` +
      `validity (valid: 'always', or the database option nodesValid: 'always'), shorten the ` +
      `period, or write with bounds: 'clip'`,
    {
      details: {
        source: { id: nodeId(nodes.source), periods: missing.source ?? [] },
        target: { id: nodeId(nodes.target), periods: missing.target ?? [] },
      },
    },
  )
}

/** The common case, told without a look at any other statement. False says nothing. */
function holdBothEnds(core: TransactionCore, edgeEnds: EdgeTable, edge: OwnEvent): boolean {
  const { ordinal } = edge
  return (
    core.newestHolds('node', edgeEnds.source(ordinal), edge) &&
    core.newestHolds('node', edgeEnds.target(ordinal), edge)
  )
}

/**
 * Invariant I1 (semantics 2.4): wherever an edge holds, both its ends hold. Checked at commit over
 * the final state, so the order of operations inside a transaction does not matter. Edges the
 * transaction made present are held against their ends; nodes it made absent against their edges.
 */
export class GraphIntegrity implements CommitCheck {
  readonly #indexes: GraphIndexes

  constructor(indexes: GraphIndexes) {
    this.#indexes = indexes
  }

  check(core: TransactionCore): void {
    const { edgeEnds } = this.#indexes.tables
    for (const event of core.tail.events) {
      if (event.kind !== 'edge' || event.payload === undefined) continue
      if (event.isNewest && holdBothEnds(core, edgeEnds, event)) continue
      const presence = new EdgePresence(core, edgeEnds.ends(event.ordinal))
      for (const part of presenceWithin(core.events('edge', event.ordinal), event)) {
        presence.mustCover(part)
      }
    }
    if (!core.tail.has('node')) return
    for (const event of core.tail.events) {
      if (event.kind !== 'node' || event.payload !== undefined) continue
      this.#refuseDangling(core, event.ordinal, event)
    }
  }

  #refuseDangling(core: TransactionCore, node: number, deletion: Span): void {
    const absent = subtractSpans(deletion, presenceWithin(core.events('node', node), deletion))
    if (absent.length === 0) return
    const clashes: { id: number; periods: Span[] }[] = []
    for (const edge of this.#edgesOf(core, node)) {
      const periods: Span[] = []
      for (const gap of absent) periods.push(...presenceWithin(core.events('edge', edge), gap))
      if (periods.length > 0) clashes.push({ id: edgeId(edge), periods })
    }
    if (clashes.length === 0) return
    throw new DatabaseError(
      'ConnectedEdges',
      `node ${nodeId(node)} still has edges in the deleted period (${clashes.length}, edge ` +
        `${clashes[0]?.id ?? 0} first); delete them too, or delete the node with detach: true`,
      { details: { id: nodeId(node), edges: clashes } },
    )
  }

  #edgesOf(core: TransactionCore, node: number): Set<number> {
    const edges = new Set<number>()
    for (const direction of ['out', 'in'] as const) {
      for (const edge of this.#indexes.adjacency.edges(direction, node)) edges.add(edge)
      for (const edge of core.tail.edgesOf(node, direction === 'out')) edges.add(edge)
    }
    return edges
  }
}
