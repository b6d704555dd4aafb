import type { TransactionCore } from '../commit/transaction-core.ts'
import { storedEvents } from '../commit/transaction-core.ts'
import { timeHigh, timeLow } from '../encoding/instant.ts'
import { must } from '../rules/invariant.ts'
import type { RowCounts } from '../versions/commit-table.ts'
import {
  edgeId,
  edgeOrdinal,
  type EntityKind,
  entityId,
  kindOf,
  nodeId,
  nodeOrdinal,
  ordinalOf,
} from '../versions/entity.ts'
import { type PayloadSlice, sliceOf } from '../versions/payload-slice.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'
import type { VersionEvent } from '../versions/timeline.ts'
import type { VersionPoint } from '../versions/version-point.ts'
import type { VersionTable } from '../versions/version-table.ts'
import type { Direction } from './adjacency.ts'
import { Edge, type EdgeIdentity, type EdgeOrigin, Node } from './elements.ts'
import type { GraphIndexes } from './graph-indexes.ts'
import { emptyPayload, hasLabel } from './payload.ts'
import { type Condition, conditionsOf, type Where } from './where.ts'

/** Which edges of a node: by type, at most `limit`, those after an edge id (for paging). */
export interface EdgeSelection {
  readonly type?: string | undefined
  readonly limit?: number | undefined
  readonly after?: number | undefined
}

/** A point on both axes, and the transaction whose own statements come on top, if any. */
export interface ReadPoint {
  readonly counts: RowCounts
  /** Valid time, microseconds since 1970. */
  readonly valid: bigint
  readonly core?: TransactionCore | undefined
}

/**
 * The graph at one point of the two times. Every read resolves versions by the same rule, so no
 * index can show what a point read would not. By invariant I1 of the semantics an edge that holds
 * has both its ends, so traversals look at edges alone.
 */
export class GraphReader implements EdgeOrigin {
  readonly #indexes: GraphIndexes
  readonly #core: TransactionCore | undefined
  readonly #nodes: VersionTable
  readonly #symbols: SymbolTable
  readonly #nodePoint: VersionPoint
  readonly #edgePoint: VersionPoint
  readonly #valid: bigint

  constructor(indexes: GraphIndexes, point: ReadPoint) {
    const high = timeHigh(point.valid)
    const low = timeLow(point.valid)
    this.#indexes = indexes
    this.#core = point.core
    this.#nodes = indexes.tables.node
    this.#symbols = indexes.tables.symbols
    this.#valid = point.valid
    this.#nodePoint = { rows: point.counts.node, high, low }
    this.#edgePoint = { rows: point.counts.edge, high, low }
  }

  node(id: number): Node | undefined {
    // As `nodeOrdinal`, which is called to refuse: most reads come this way.
    const ordinal = (id & 3) === 1 && id >>> 0 === id ? id >>> 2 : nodeOrdinal(id)
    if (this.#core !== undefined) {
      const slice = this.#sliceWithin(this.#core, 'node', ordinal)
      return slice === undefined ? undefined : new Node(id, this.#symbols, slice)
    }
    return this.#nodeOf(id, this.#nodes.payloadAt(ordinal, this.#nodePoint))
  }

  /**
   * The node if what is known of it now holds from the point on for ever: then it holds at every
   * later instant too. Undefined says nothing.
   */
  openEndedNode(id: number): Node | undefined {
    const ordinal = (id & 3) === 1 && id >>> 0 === id ? id >>> 2 : nodeOrdinal(id)
    return this.#nodeOf(id, this.#nodes.openEndedPayload(ordinal, this.#nodePoint))
  }

  #nodeOf(id: number, reference: number): Node | undefined {
    if (reference === 0) return undefined
    const { arena } = this.#nodes
    const entry = { bytes: arena.chunkOf(reference), offset: arena.offsetOf(reference) }
    return new Node(id, this.#symbols, entry)
  }

  edge(id: number): Edge | undefined {
    return this.#edgeAt(edgeOrdinal(id))
  }

  /** Nodes that hold at the point, of one label, under conditions. Lazy; in no stated order. */
  *nodes(label?: string, where: Where = {}): Generator<Node> {
    const conditions = conditionsOf(where, this.#indexes.tables.symbols)
    for (const ordinal of this.#nodeCandidates(label, conditions)) {
      const node = this.#matching(ordinal, label, conditions)
      if (node !== undefined) yield node
    }
  }

  /** Edges that hold at the point, of one type if given, by id. Lazy. */
  *edges(type?: string): Generator<Edge> {
    const { tables } = this.#indexes
    this.#dependOn(`edges`, (kind) => kind === 'edge')
    const symbol = type === undefined ? undefined : tables.symbols.find(type)
    if (type !== undefined && symbol === undefined) return
    const end = tables.edgeEnds.column.count
    for (let ordinal = 0; ordinal < end; ordinal++) {
      if (symbol !== undefined && tables.edgeEnds.type(ordinal) !== symbol) continue
      const edge = this.#edgeAt(ordinal)
      if (edge !== undefined) yield edge
    }
  }

  /** Edges of a node that hold at the point, in the order of their creation. */
  edgesOf(id: number, direction: Direction, selection: EdgeSelection): Edge[] {
    const found: Edge[] = []
    const limit = selection.limit ?? Infinity
    if (limit <= 0) return found
    if (direction === 'out' && selection.type === undefined && this.#core === undefined) {
      const after = selection.after === undefined ? -1 : edgeOrdinal(selection.after)
      return this.#edgesFrom(nodeOrdinal(id), after, limit)
    }
    this.#eachEdge(id, { ...selection, direction }, (ordinal, far) => {
      if (this.#core !== undefined) {
        // The transaction may write on, so what the edge is now is settled now.
        const edge = this.#edgeAt(ordinal)
        if (edge !== undefined) found.push(edge)
      } else if (this.#holdsEdge(ordinal)) {
        const known = far ?? this.#farOrdinal(ordinal, direction)
        const source = direction === 'out' ? id : nodeId(known)
        const target = direction === 'out' ? nodeId(known) : id
        found.push(new Edge({ id: edgeId(ordinal), source, target }, this))
      }
      return found.length < limit
    })
    return found
  }

  /** All edges that leave a node, from the postings alone where all of them hold. */
  #edgesFrom(node: number, after: number, limit: number): Edge[] {
    const found: Edge[] = []
    const { adjacency } = this.#indexes
    const lists = adjacency.outgoing
    const areAllPresent = adjacency.settled.allPresent(node, this.#edgePoint)
    const count = lists.count(node)
    if (count === 0) return found
    const block = lists.blockOf(node)
    const start = lists.startOf(node)
    const end = start + count * 2
    const source = nodeId(node)
    for (let at = start; at < end; at += 2) {
      const edge = block[at] as number
      if (edge <= after || !(areAllPresent || this.#holdsEdge(edge))) continue
      const target = (block[at + 1] as number) * 4 + 1
      found.push(new Edge({ id: edge * 4 + 2, source, target }, this))
      if (!(found.length < limit)) break
    }
    return found
  }

  #farOrdinal(edge: number, direction: Direction): number {
    const { edgeEnds } = this.#indexes.tables
    return direction === 'out' ? edgeEnds.target(edge) : edgeEnds.source(edge)
  }

  /** Ids of the nodes at the far ends of a node's edges, one for each edge that holds. */
  neighbours(id: number, direction: Direction, type?: string): number[] {
    if (direction === 'out' && type === undefined && this.#core === undefined) {
      return this.#targets(nodeOrdinal(id))
    }
    const found: number[] = []
    this.#eachEdge(id, { direction, type }, (ordinal, far) => {
      if (this.#holdsEdge(ordinal)) found.push(nodeId(far ?? this.#farOrdinal(ordinal, direction)))
      return true
    })
    return found
  }

  /**
   * The walk that matters most, without a call per edge: the far node lies beside the edge. Where
   * all edges of the node are settled and hold, their postings are all that is looked at.
   */
  #targets(node: number): number[] {
    const { adjacency } = this.#indexes
    const lists = adjacency.outgoing
    if (!adjacency.settled.allPresent(node, this.#edgePoint)) return this.#targetsPresent(node)
    const found: number[] = []
    const count = lists.count(node)
    if (count === 0) return found
    const block = lists.blockOf(node)
    const start = lists.startOf(node) + 1
    const end = start + count * 2
    for (let at = start; at < end; at += 2) found.push((block[at] as number) * 4 + 1)
    return found
  }

  #targetsPresent(node: number): number[] {
    const found: number[] = []
    const { adjacency, tables } = this.#indexes
    const { outgoing, settled } = adjacency
    const count = outgoing.count(node)
    if (count === 0) return found
    const block = outgoing.blockOf(node)
    const start = outgoing.startOf(node)
    const end = start + count * 2
    const point = this.#edgePoint
    for (let at = start; at < end; at += 2) {
      const edge = block[at] as number
      const presence = settled.presence(edge, point)
      if (presence === 'absent') continue
      if (presence === 'unknown' && tables.edge.payloadAt(edge, point) === 0) continue
      found.push((block[at + 1] as number) * 4 + 1)
    }
    return found
  }

  /** Every version of a node or an edge known at the point, newest first. */
  events(id: number): Iterable<VersionEvent> {
    const kind = kindOf(id)
    if (kind === undefined || kind === 'key') nodeOrdinal(id)
    const ordinal = ordinalOf(id)
    const stored = kind === 'edge' ? 'edge' : 'node'
    if (this.#core !== undefined) {
      this.#core.reads.add(id)
      return this.#core.events(stored, ordinal)
    }
    const rows = stored === 'edge' ? this.#edgePoint.rows : this.#nodePoint.rows
    return storedEvents(this.#indexes.tables, stored, { ordinal, rows })
  }

  /** Ordinals of every edge that was ever attached to a node, whether it holds now or not. */
  edgesEver(id: number, direction: Direction, type?: string): number[] {
    const found: number[] = []
    this.#eachEdge(id, { direction, type }, (ordinal) => found.push(ordinal) > 0)
    return found
  }

  /** Ordinals of every node that ever was, or ever had a label. */
  nodesEver(label?: string): Iterable<number> {
    return this.#nodeCandidates(label, [])
  }

  /** What holds of a node or an edge at the point; undefined if it is absent. */
  payload(id: number): PayloadSlice | undefined {
    const kind = kindOf(id)
    if (kind === 'edge') return this.#edgeSlice(ordinalOf(id))
    const ordinal = nodeOrdinal(id)
    if (this.#core !== undefined) return this.#sliceWithin(this.#core, 'node', ordinal)
    return this.#nodeSlice(ordinal)
  }

  get symbols(): SymbolTable {
    return this.#indexes.tables.symbols
  }

  edgeType(id: number): string {
    return this.symbols.name(this.#indexes.tables.edgeEnds.type(ordinalOf(id)))
  }

  edgePayload(id: number): PayloadSlice {
    const slice = this.#edgeSlice(ordinalOf(id))
    // Who holds on to an edge that has been erased meanwhile sees nothing of it.
    const { edge } = this.#indexes.tables
    if (slice === undefined && edge.isErased(ordinalOf(id))) return emptyPayload
    return must(slice, 'the payload of an edge that holds')
  }

  #edgeAt(ordinal: number): Edge | undefined {
    const slice = this.#edgeSlice(ordinal)
    return slice === undefined ? undefined : new Edge(this.#identity(ordinal), this, slice)
  }

  #identity(ordinal: number): EdgeIdentity {
    const { source, target } = this.#indexes.tables.edgeEnds.ends(ordinal)
    return { id: edgeId(ordinal), source: nodeId(source), target: nodeId(target) }
  }

  #edgeSlice(ordinal: number): PayloadSlice | undefined {
    if (this.#core !== undefined) return this.#sliceWithin(this.#core, 'edge', ordinal)
    const { edge } = this.#indexes.tables
    const reference = edge.payloadAt(ordinal, this.#edgePoint)
    return reference === 0 ? undefined : sliceOf(edge.arena, reference)
  }

  #holdsEdge(ordinal: number): boolean {
    if (this.#core !== undefined) return this.#edgeSlice(ordinal) !== undefined
    const presence = this.#indexes.adjacency.settled.presence(ordinal, this.#edgePoint)
    if (presence !== 'unknown') return presence === 'present'
    return this.#indexes.tables.edge.payloadAt(ordinal, this.#edgePoint) !== 0
  }

  /** Own statements first; what is read is remembered, also when nothing is found. */
  #sliceWithin(core: TransactionCore, kind: EntityKind, ordinal: number): PayloadSlice | undefined {
    const id = entityId(kind, ordinal)
    core.reads.add(id)
    let own = core.tail.newest(kind, ordinal)
    for (; own !== undefined; own = own.earlier) {
      if (own.from <= this.#valid && this.#valid < own.to) return own.payload
    }
    const table = this.#indexes.tables.versions(kind)
    const point = kind === 'node' ? this.#nodePoint : this.#edgePoint
    const reference = table.payloadAt(ordinal, point)
    return reference === 0 ? undefined : sliceOf(table.arena, reference)
  }

  /**
   * Calls `visit` for each edge ever attached, with its far node where that is at hand, until it
   * returns false.
   */
  #eachEdge(
    id: number,
    selection: EdgeSelection & { readonly direction: Direction },
    visit: (ordinal: number, far?: number) => boolean,
  ): void {
    const { direction } = selection
    const node = nodeOrdinal(id)
    const { adjacency, tables } = this.#indexes
    const { edgeEnds } = tables
    this.#dependOnEdges(node, direction)
    const type = selection.type === undefined ? -1 : (tables.symbols.find(selection.type) ?? -2)
    if (type === -2) return
    const after = selection.after === undefined ? -1 : edgeOrdinal(selection.after)
    const typed = type < 0 ? undefined : adjacency.typed(direction, node, type)
    if (typed !== undefined) {
      for (const edge of typed) if (edge > after && !visit(edge)) return
    } else {
      const lists = adjacency.lists(direction)
      const count = lists.count(node)
      const block = count === 0 ? noWords : lists.blockOf(node)
      const start = count === 0 ? 0 : lists.startOf(node)
      for (let at = start; at < start + count * lists.width; at += lists.width) {
        const edge = block[at] as number
        if (edge <= after || (type >= 0 && edgeEnds.type(edge) !== type)) continue
        if (!visit(edge, lists.width === 2 ? block[at + 1] : undefined)) return
      }
    }
    const isOutgoing = direction === 'out'
    for (const edge of this.#core?.tail.edgesOf(node, isOutgoing) ?? []) {
      if (edge <= after || (type >= 0 && edgeEnds.type(edge) !== type)) continue
      if (!visit(edge)) return
    }
  }

  #matching(
    ordinal: number,
    label: string | undefined,
    conditions: readonly Condition[],
  ): Node | undefined {
    const { tables } = this.#indexes
    const slice =
      this.#core !== undefined
        ? this.#sliceWithin(this.#core, 'node', ordinal)
        : this.#nodeSlice(ordinal)
    if (slice === undefined) return undefined
    if (label !== undefined) {
      const symbol = tables.symbols.find(label)
      if (symbol === undefined || !hasLabel(slice, symbol)) return undefined
    }
    if (!conditions.every((condition) => condition.matches(slice))) return undefined
    return new Node(nodeId(ordinal), tables.symbols, slice)
  }

  #nodeSlice(ordinal: number): PayloadSlice | undefined {
    const { node } = this.#indexes.tables
    const reference = node.payloadAt(ordinal, this.#nodePoint)
    return reference === 0 ? undefined : sliceOf(node.arena, reference)
  }

  /** Node ordinals that may match, each once: from an index, a label, or all. */
  *#nodeCandidates(label: string | undefined, conditions: readonly Condition[]): Generator<number> {
    this.#dependOnLabel(label)
    const seen = new Set<number>()
    for (const { ordinal } of this.#core?.tail.newestOf('node') ?? []) seen.add(ordinal)
    const own = [...seen]
    const isRepeating = this.#isIndexed(label, conditions)
    for (const ordinal of this.#storedCandidates(label, conditions)) {
      if (seen.has(ordinal)) continue
      if (isRepeating) seen.add(ordinal)
      yield ordinal
    }
    yield* own
  }

  #isIndexed(label: string | undefined, conditions: readonly Condition[]): boolean {
    return this.#bestIndex(label, conditions) !== undefined
  }

  #storedCandidates(label: string | undefined, conditions: readonly Condition[]): Iterable<number> {
    const { labels, tables } = this.#indexes
    const best = this.#bestIndex(label, conditions)
    if (best !== undefined) return best
    if (label === undefined) return ordinalsBelow(tables.node.entityCount)
    const symbol = tables.symbols.find(label)
    return symbol === undefined ? [] : labels.nodes(symbol)
  }

  /** An equality that an index answers is taken before a range. */
  #bestIndex(
    label: string | undefined,
    conditions: readonly Condition[],
  ): Iterable<number> | undefined {
    if (label === undefined) return undefined
    let best: Iterable<number> | undefined
    for (const { property, range } of conditions) {
      if (range === undefined) continue
      const index = this.#indexes.schema.index(label, [property])
      if (index === undefined) continue
      const isEquality = range.gte !== undefined && range.gte === range.lte
      if (best === undefined || isEquality) best = index.candidates(range)
      if (isEquality) break
    }
    return best
  }

  #dependOn(name: string, isChangedBy: (kind: EntityKind, entity: number) => boolean): void {
    this.#core?.reads.depend(name, () => ({ isChangedBy }))
  }

  #dependOnEdges(node: number, direction: Direction): void {
    if (this.#core === undefined) return
    const { edgeEnds } = this.#indexes.tables
    this.#dependOn(`${direction} ${node}`, (kind, entity) => {
      if (kind !== 'edge') return false
      return (direction === 'out' ? edgeEnds.source(entity) : edgeEnds.target(entity)) === node
    })
  }

  /** A node that carries the label after a change, or ever did before, may be part of the scan. */
  #dependOnLabel(label: string | undefined): void {
    if (this.#core === undefined) return
    const { symbols, node } = this.#indexes.tables
    this.#dependOn(label === undefined ? 'nodes' : `label ${label}`, (kind, entity) => {
      if (kind !== 'node') return false
      const symbol = label === undefined ? undefined : symbols.find(label)
      if (label !== undefined && symbol === undefined) return false
      for (const row of node.rowsOf(entity, node.count)) {
        if (symbol === undefined) return true
        const reference = node.payloadOf(row)
        if (reference !== 0 && hasLabel(sliceOf(node.arena, reference), symbol)) return true
      }
      return false
    })
  }
}

const noWords = new Int32Array(0)

function* ordinalsBelow(end: number): Generator<number> {
  for (let ordinal = 0; ordinal < end; ordinal++) yield ordinal
}
