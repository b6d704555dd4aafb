import { invariant, must } from '../rules/invariant.ts'
import type { EntityKind } from '../versions/entity.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { Span } from '../versions/periods.ts'
import type { EdgeTable } from '../versions/tables.ts'
import type { VersionEvent } from '../versions/timeline.ts'

/** A statement of an open transaction. */
export class OwnEvent implements VersionEvent {
  readonly kind: EntityKind
  readonly ordinal: number
  from: bigint
  to: bigint
  readonly payload: PayloadSlice | undefined
  /** The statement before it about the same entity, of the same transaction. */
  earlier: OwnEvent | undefined = undefined
  /** Whether no other statement about the entity has followed. */
  isNewest = true

  constructor(kind: EntityKind, ordinal: number, statement: OwnStatement) {
    this.kind = kind
    this.ordinal = ordinal
    this.from = statement.span.from
    this.to = statement.span.to
    this.payload = statement.payload
  }

  get sequence(): number {
    return Infinity
  }

  shareBounds(other: OwnEvent): void {
    if (this.from === other.from) this.from = other.from
    if (this.to === other.to) this.to = other.to
  }
}

/** Up to so many statements are searched one by one: cheaper than a map for each transaction. */
const scannedEventsMax = 12

/** The newest statement about each entity of one kind, as far as the events have been looked at. */
interface NewestOfKind {
  readonly byOrdinal: Map<number, OwnEvent>
  seen: number
}

/** Where a tail stood. */
export interface TailPosition {
  readonly events: number
  readonly edges: number
  readonly hasNodes: boolean
  readonly hasEdges: boolean
  readonly hasKeys: boolean
}

/**
 * What an open transaction has stated so far: a few rows that lie, for its own reads, on top of
 * its snapshot. Own statements are simply the newest.
 */
export class Tail {
  readonly events: OwnEvent[] = []
  /** Ordinals of the edges that the transaction created, ascending. */
  readonly edges: number[] = []
  readonly #edgeEnds: EdgeTable
  #newestNodes: NewestOfKind | undefined
  #newestEdges: NewestOfKind | undefined
  #newestKeys: NewestOfKind | undefined
  #hasNodes = false
  #hasEdges = false
  #hasKeys = false
  #edgesByNode: Map<number, number[]> | undefined
  #edgesListed = 0

  constructor(edgeEnds: EdgeTable) {
    this.#edgeEnds = edgeEnds
  }

  record(kind: EntityKind, ordinal: number, statement: OwnStatement): void {
    const earlier = this.newest(kind, ordinal)
    const event = new OwnEvent(kind, ordinal, statement)
    if (earlier !== undefined) {
      earlier.isNewest = false
      event.earlier = earlier
    }
    this.#push(event)
  }

  /** As `record`, about an entity about which nothing has been stated yet: found without a look. */
  recordFirst(kind: EntityKind, ordinal: number, statement: OwnStatement): void {
    this.#push(new OwnEvent(kind, ordinal, statement))
  }

  #push(event: OwnEvent): void {
    // Bulk writes repeat bounds; to keep one of equal ones alive spares the collector the others.
    const last = this.events.at(-1)
    if (last !== undefined) event.shareBounds(last)
    this.events.push(event)
    if (event.kind === 'node') this.#hasNodes = true
    else if (event.kind === 'edge') this.#hasEdges = true
    else this.#hasKeys = true
  }

  /** Where the tail stands, to be gone back to with `takeBackTo`. */
  position(): TailPosition {
    return {
      events: this.events.length,
      edges: this.edges.length,
      hasNodes: this.#hasNodes,
      hasEdges: this.#hasEdges,
      hasKeys: this.#hasKeys,
    }
  }

  /**
   * Undoes what was stated since, and gives the edges that were created since. Everything the tail
   * tells is then what it told at the position; what is undone is all that is looked at.
   */
  takeBackTo(position: TailPosition): readonly number[] {
    this.#undoEvents(position.events)
    this.#unlistEdges(position.edges)
    this.#hasNodes = position.hasNodes
    this.#hasEdges = position.hasEdges
    this.#hasKeys = position.hasKeys
    return this.edges.splice(position.edges)
  }

  /** The statement before an undone one is the newest again, as in the maps that know of it. */
  #undoEvents(count: number): void {
    const { events } = this
    invariant(count <= events.length, 'a tail is taken back to where it was before')
    const maps = [this.#newestNodes, this.#newestEdges, this.#newestKeys]
    for (let at = events.length - 1; at >= count; at--) {
      const event = events.pop()
      invariant(event?.isNewest === true, 'what was stated last is undone first')
      const { kind, ordinal, earlier } = event
      if (earlier !== undefined) earlier.isNewest = true
      const map = kind === 'node' ? maps[0] : kind === 'edge' ? maps[1] : maps[2]
      if (map === undefined || map.seen <= at) continue
      if (earlier === undefined) map.byOrdinal.delete(ordinal)
      else map.byOrdinal.set(ordinal, earlier)
    }
    for (const map of maps) if (map !== undefined && map.seen > count) map.seen = count
  }

  /** Edges are listed as they are created, so those created last end their lists. */
  #unlistEdges(count: number): void {
    for (; this.#edgesListed > count; this.#edgesListed--) {
      const edge = must(this.edges[this.#edgesListed - 1], 'a listed edge')
      this.#edgesByNode?.get(this.#edgeEnds.source(edge) * 2 + 1)?.pop()
      this.#edgesByNode?.get(this.#edgeEnds.target(edge) * 2)?.pop()
    }
  }

  /** Whether anything was stated about entities of a kind. */
  has(kind: EntityKind): boolean {
    return kind === 'node' ? this.#hasNodes : kind === 'edge' ? this.#hasEdges : this.#hasKeys
  }

  /** The newest own statement about an entity; those before it are its `earlier` ones. */
  newest(kind: EntityKind, ordinal: number): OwnEvent | undefined {
    const { events } = this
    if (!this.has(kind)) return undefined
    if (events.length > scannedEventsMax) return this.#indexOf(kind).get(ordinal)
    for (let at = events.length - 1; at >= 0; at--) {
      const event = events[at]
      if (event !== undefined && event.ordinal === ordinal && event.kind === kind) return event
    }
    return undefined
  }

  /** Own statements about an entity, newest first. */
  *of(kind: EntityKind, ordinal: number): Generator<OwnEvent> {
    let event = this.newest(kind, ordinal)
    for (; event !== undefined; event = event.earlier) yield event
  }

  /** The newest statement about each entity of a kind, in the order of those. */
  *newestOf(kind: EntityKind): Generator<OwnEvent> {
    if (!this.has(kind)) return
    for (const event of this.events) if (event.isNewest && event.kind === kind) yield event
  }

  /** Ordinals of own edges that leave (`isOutgoing`) or reach a node, ascending. */
  edgesOf(node: number, isOutgoing: boolean): readonly number[] {
    for (; this.#edgesListed < this.edges.length; this.#edgesListed++) {
      const edge = this.edges[this.#edgesListed]
      if (edge === undefined) continue
      this.#list(this.#edgeEnds.source(edge) * 2 + 1, edge)
      this.#list(this.#edgeEnds.target(edge) * 2, edge)
    }
    return this.#edgesByNode?.get(node * 2 + (isOutgoing ? 1 : 0)) ?? []
  }

  #list(end: number, ordinal: number): void {
    this.#edgesByNode ??= new Map()
    const listed = this.#edgesByNode.get(end)
    if (listed === undefined) this.#edgesByNode.set(end, [ordinal])
    else listed.push(ordinal)
  }

  /** Takes in the statements since the last look: bulk writes pay for none nobody asks about. */
  #indexOf(kind: EntityKind): Map<number, OwnEvent> {
    const index = this.#newestOfKind(kind)
    const { byOrdinal } = index
    for (; index.seen < this.events.length; index.seen++) {
      const event = this.events[index.seen]
      if (event !== undefined && event.kind === kind) byOrdinal.set(event.ordinal, event)
    }
    return byOrdinal
  }

  #newestOfKind(kind: EntityKind): NewestOfKind {
    if (kind === 'node') return (this.#newestNodes ??= { byOrdinal: new Map(), seen: 0 })
    if (kind === 'edge') return (this.#newestEdges ??= { byOrdinal: new Map(), seen: 0 })
    return (this.#newestKeys ??= { byOrdinal: new Map(), seen: 0 })
  }
}

export interface OwnStatement {
  readonly span: Span
  readonly payload: PayloadSlice | undefined
}
