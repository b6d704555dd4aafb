import { type ImagedIndex, IndexShelf } from '../versions/index-shelf.ts'
import type { Tables } from '../versions/tables.ts'
import { PostingLists } from './posting-lists.ts'
import { SettledEdges } from './settled-edges.ts'

export type Direction = 'out' | 'in'

/** Nodes whose edges are loaded together: what they take fits a core's cache. */
const groupBits = 11

/** Nodes with more edges than this get a list per type when a type is asked for. */
const flatEdgesMax = 64

/**
 * The edges of each node, both ways, by edge id; of well-connected nodes also by type. Derived
 * from the edge versions, each direction when first needed, then kept up. It lists every edge that
 * ever was; whether one holds at some point is for its versions to say.
 */
export class Adjacency {
  readonly #tables: Tables
  // The far node lies beside an outgoing edge, so a walk along the edges reads nothing else; the
  // other way it is looked up, which halves what the lists take.
  readonly #out: DirectedAdjacency
  readonly #in: DirectedAdjacency
  readonly #settled: SettledEdges
  readonly #shelf: IndexShelf
  readonly #settledIndex: ImagedIndex
  #settledRows = 0

  constructor(tables: Tables, shelf: IndexShelf = new IndexShelf()) {
    this.#tables = tables
    this.#shelf = shelf
    this.#out = new DirectedAdjacency(tables, 'out', shelf)
    this.#in = new DirectedAdjacency(tables, 'in', shelf)
    this.#settled = new SettledEdges(tables.edge, tables.edgeEnds)
    this.#settledIndex = this.#imageOfSettled()
    for (const index of [this.#out, this.#in, this.#settledIndex]) shelf.add(index)
  }

  #imageOfSettled(): ImagedIndex {
    const rowsKnown = (): number => this.#settledRows
    return {
      name: 'settled edges',
      kind: 'edge',
      format: 1,
      get stamp() {
        return rowsKnown()
      },
      rowsToSave: (rowsMax) => (rowsKnown() <= rowsMax ? rowsKnown() : 0),
      follow: () => this.#followSettled(),
      save: () => this.#settled.save(),
      load: (sections, rows) => {
        const isLoaded = this.#settled.restore(sections)
        if (isLoaded) this.#settledRows = rows
        return isLoaded
      },
    }
  }

  get byteLength(): number {
    return this.#out.lists.byteLength + this.#in.lists.byteLength + this.#settled.byteLength
  }

  /** What is known of edges without their versions, up to date. */
  get settled(): SettledEdges {
    if (this.#settledRows < this.#tables.edge.count) this.#followSettled()
    return this.#settled
  }

  #followSettled(): void {
    if (this.#settledRows === 0) this.#shelf.load(this.#settledIndex)
    const end = this.#tables.edge.count
    while (this.#settledRows < end) this.#settled.follow(this.#settledRows++)
  }

  /** As `lists('out')`. */
  get outgoing(): PostingLists {
    return this.#out.upToDate()
  }

  /** Lists of edge ordinals by node ordinal, the far node beside outgoing ones, up to date. */
  lists(direction: Direction): PostingLists {
    return (direction === 'out' ? this.#out : this.#in).upToDate()
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
    const directed = direction === 'out' ? this.#out : this.#in
    directed.follow()
    return directed.lists.count(node) <= flatEdgesMax ? undefined : directed.typed(node, type)
  }
}

class DirectedAdjacency implements ImagedIndex {
  readonly lists: PostingLists
  readonly name: string
  readonly kind = 'edge'
  readonly format = 1
  readonly #shelf: IndexShelf
  readonly #tables: Tables
  readonly #isOut: boolean
  readonly #byType = new Map<number, TypedLists>()
  #known = 0

  constructor(tables: Tables, direction: Direction, shelf: IndexShelf) {
    this.lists = new PostingLists(direction === 'out' ? 2 : 1)
    this.name = direction === 'out' ? 'edges by source' : 'edges by target'
    this.#tables = tables
    this.#shelf = shelf
    this.#isOut = direction === 'out'
  }

  get stamp(): number {
    return this.#known
  }

  rowsToSave(rowsMax: number): number {
    return this.#known <= rowsMax ? this.#known : 0
  }

  save(): Iterable<Iterable<Uint8Array>> {
    return this.lists.save()
  }

  load(sections: readonly Uint8Array[], rows: number): boolean {
    const isLoaded = this.lists.restore(sections)
    if (isLoaded) this.#known = rows
    return isLoaded
  }

  upToDate(): PostingLists {
    if (this.#known !== this.#tables.edge.count) this.follow()
    return this.lists
  }

  follow(): void {
    const { edge, edgeEnds } = this.#tables
    if (this.#known === edge.count) return
    if (this.#known === 0 && !this.#shelf.load(this)) this.#build()
    for (; this.#known < edge.count; this.#known++) {
      if (edge.previous(this.#known) >= 0) continue
      const number = edge.entityOf(this.#known)
      const source = edgeEnds.source(number)
      const target = edgeEnds.target(number)
      const near = this.#isOut ? source : target
      const companion = this.#isOut ? target : source
      if (!this.lists.append(near, { number, companion })) this.#byType.delete(near)
    }
  }

  typed(node: number, type: number): readonly number[] {
    let typed = this.#byType.get(node)
    if (typed === undefined) {
      typed = { byType: new Map(), count: 0 }
      this.#byType.set(node, typed)
    }
    const { lists } = this
    const count = lists.count(node)
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

  /**
   * All edges at once: grouped by the high bits of the near node first, then loaded group by group
   * (a radix partition), so that hardly any access goes far.
   */
  #build(): void {
    const { edge, edgeEnds, nodesAllocated } = this.#tables
    const end = edge.count
    const nearOf = (number: number): number =>
      this.#isOut ? edgeEnds.source(number) : edgeEnds.target(number)
    const starts = new Int32Array((nodesAllocated >>> groupBits) + 2)
    for (let row = 0; row < end; row++) {
      if (edge.previous(row) >= 0) continue
      const next = (nearOf(edge.entityOf(row)) >>> groupBits) + 1
      starts[next] = (starts[next] as number) + 3
    }
    for (let group = 1; group < starts.length; group++) {
      starts[group] = (starts[group] as number) + (starts[group - 1] as number)
    }
    const ends = starts.slice()
    const triples = new Int32Array(starts.at(-1) ?? 0)
    for (let row = 0; row < end; row++) {
      if (edge.previous(row) >= 0) continue
      const number = edge.entityOf(row)
      const near = nearOf(number)
      const group = near >>> groupBits
      const at = ends[group] as number
      triples[at] = near
      triples[at + 1] = number
      triples[at + 2] = this.#isOut ? edgeEnds.target(number) : edgeEnds.source(number)
      ends[group] = at + 3
    }
    for (let group = 0; group + 1 < starts.length; group++) {
      const slice = triples.subarray(starts[group], starts[group + 1])
      if (slice.length > 0) this.lists.load(slice, group << groupBits)
    }
    this.#known = end
  }
}

interface TypedLists {
  readonly byType: Map<number, number[]>
  count: number
}

const noEdges: readonly number[] = []
