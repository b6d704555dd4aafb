import type { Tables } from '../versions/tables.ts'
import { PostingLists } from './posting-lists.ts'
import { SettledEdges } from './settled-edges.ts'

export type Direction = 'out' | 'in'

/** Nodes with more edges than this get a list per type when a type is asked for. */
const flatEdgesMax = 64

/**
 * The edges of each node, both ways, by edge id; of well-connected nodes
 * also by type. Derived from the edge versions when first needed, then kept up. It lists every
 * edge that ever was; whether one holds at some point is for its versions to say.
 */
export class Adjacency {
  readonly #tables: Tables
  // The far node lies beside an outgoing edge, so a walk along the edges reads nothing else; the
  // other way it is looked up, which halves what the lists take.
  readonly #out = new PostingLists(2)
  readonly #in = new PostingLists(1)
  readonly #settled: SettledEdges
  readonly #outByType = new Map<number, TypedLists>()
  readonly #inByType = new Map<number, TypedLists>()
  #known = 0
  #isBuilt = false

  constructor(tables: Tables) {
    this.#tables = tables
    this.#settled = new SettledEdges(tables.edge)
  }

  get byteLength(): number {
    return this.#out.byteLength + this.#in.byteLength + this.#settled.byteLength
  }

  /** What is known of edges without their versions, up to date. */
  get settled(): SettledEdges {
    this.#follow()
    return this.#settled
  }

  /** Lists of edge ordinals by node ordinal, the far node beside outgoing ones, up to date. */
  lists(direction: Direction): PostingLists {
    this.#follow()
    return direction === 'out' ? this.#out : this.#in
  }

  /** Ordinals of every edge ever attached to a node, ascending. */
  edges(direction: Direction, node: number): number[] {
    const lists = this.lists(direction)
    const count = lists.count(node)
    const edges: number[] = []
    for (let index = 0; index < count; index++) {
      edges.push(lists.blockOf(node)[lists.startOf(node) + index * lists.width] as number)
    }
    return edges
  }

  /** Edge ordinals of one type, for a node with many edges; undefined when it has few. */
  typed(direction: Direction, node: number, type: number): readonly number[] | undefined {
    const lists = this.lists(direction)
    const count = lists.count(node)
    if (count <= flatEdgesMax) return undefined
    const byNode = direction === 'out' ? this.#outByType : this.#inByType
    let typed = byNode.get(node)
    if (typed === undefined) {
      typed = { byType: new Map(), count: 0 }
      byNode.set(node, typed)
    }
    const block = lists.blockOf(node)
    const start = lists.startOf(node)
    for (; typed.count < count; typed.count++) {
      const edge = block[start + typed.count * lists.width] as number
      const type = this.#tables.edgeEnds.type(edge)
      const list = typed.byType.get(type)
      if (list === undefined) typed.byType.set(type, [edge])
      else list.push(edge)
    }
    return typed.byType.get(type) ?? noEdges
  }

  #follow(): void {
    const { edge } = this.#tables
    if (this.#known === edge.count) return
    if (!this.#isBuilt) this.#build()
    const { edgeEnds } = this.#tables
    for (; this.#known < edge.count; this.#known++) {
      this.#settled.follow(this.#known)
      if (edge.previous(this.#known) >= 0) continue
      const number = edge.entityOf(this.#known)
      const source = edgeEnds.source(number)
      const target = edgeEnds.target(number)
      if (!this.#out.append(source, { number, companion: target })) this.#outByType.delete(source)
      if (!this.#in.append(target, { number, companion: source })) this.#inByType.delete(target)
    }
  }

  /** The first pass counts, so that every list is laid out without moving. */
  #build(): void {
    this.#isBuilt = true
    const { edge, edgeEnds, nodesAllocated } = this.#tables
    const outgoing = new Int32Array(nodesAllocated)
    const incoming = new Int32Array(nodesAllocated)
    const end = edge.count
    for (let row = 0; row < end; row++) {
      this.#settled.follow(row)
      if (edge.previous(row) >= 0) continue
      const number = edge.entityOf(row)
      const source = edgeEnds.source(number)
      const target = edgeEnds.target(number)
      outgoing[source] = (outgoing[source] as number) + 1
      incoming[target] = (incoming[target] as number) + 1
    }
    this.#out.reserve(outgoing)
    this.#in.reserve(incoming)
    for (let row = 0; row < end; row++) {
      if (edge.previous(row) >= 0) continue
      const number = edge.entityOf(row)
      const source = edgeEnds.source(number)
      const target = edgeEnds.target(number)
      const reserved = outgoing[source] as number
      this.#out.appendReserved(source, { number, companion: target }, reserved)
      this.#in.appendReserved(target, { number, companion: source }, incoming[target] as number)
    }
    this.#known = end
  }
}

interface TypedLists {
  readonly byType: Map<number, number[]>
  count: number
}

const noEdges: readonly number[] = []
