import type { Tables } from '../versions/tables.ts'
import { PostingLists } from './posting-lists.ts'

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
  readonly #out = new PostingLists()
  readonly #in = new PostingLists()
  readonly #outByType = new Map<number, TypedLists>()
  readonly #inByType = new Map<number, TypedLists>()
  #known = 0
  #isBuilt = false

  constructor(tables: Tables) {
    this.#tables = tables
  }

  get byteLength(): number {
    return this.#out.byteLength + this.#in.byteLength
  }

  /** Lists of edge ordinals by node ordinal, up to date. */
  lists(direction: Direction): PostingLists {
    this.#follow()
    return direction === 'out' ? this.#out : this.#in
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
      const edge = block[start + typed.count] as number
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
    for (; this.#known < edge.count; this.#known++) {
      if (edge.previous(this.#known) >= 0) continue
      const ordinal = edge.entityOf(this.#known)
      const source = this.#tables.edgeEnds.source(ordinal)
      const target = this.#tables.edgeEnds.target(ordinal)
      if (!this.#out.append(source, ordinal)) this.#outByType.delete(source)
      if (!this.#in.append(target, ordinal)) this.#inByType.delete(target)
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
      if (edge.previous(row) >= 0) continue
      const ordinal = edge.entityOf(row)
      const source = edgeEnds.source(ordinal)
      const target = edgeEnds.target(ordinal)
      outgoing[source] = (outgoing[source] as number) + 1
      incoming[target] = (incoming[target] as number) + 1
    }
    this.#out.reserve(outgoing)
    this.#in.reserve(incoming)
    for (let row = 0; row < end; row++) {
      if (edge.previous(row) >= 0) continue
      const ordinal = edge.entityOf(row)
      this.#out.appendReserved(edgeEnds.source(ordinal), ordinal, outgoing)
      this.#in.appendReserved(edgeEnds.target(ordinal), ordinal, incoming)
    }
    this.#known = end
  }
}

interface TypedLists {
  readonly byType: Map<number, number[]>
  count: number
}

const noEdges: readonly number[] = []
