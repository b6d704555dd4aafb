import { type EntityKind, entityId } from '../versions/entity.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { Span } from '../versions/periods.ts'
import type { EdgeEnds } from '../versions/tables.ts'
import type { VersionEvent } from '../versions/timeline.ts'

/** A statement of an open transaction. */
export interface OwnEvent extends VersionEvent {
  readonly kind: EntityKind
  readonly ordinal: number
}

export interface OwnEdge extends EdgeEnds {
  readonly ordinal: number
}

/**
 * What an open transaction has stated so far: a few rows that lie, for its own reads, on top of
 * its snapshot. Own statements are simply the newest.
 */
export class Tail {
  readonly events: OwnEvent[] = []
  readonly edges: OwnEdge[] = []
  readonly #byEntity = new Map<number, OwnEvent[]>()
  readonly #kinds = new Set<EntityKind>()
  readonly #edgesByNode = new Map<number, number[]>()
  #edgesListed = 0

  record(kind: EntityKind, ordinal: number, statement: OwnStatement): void {
    const { from, to } = statement.span
    const event = { kind, ordinal, from, to, payload: statement.payload, sequence: Infinity }
    this.events.push(event)
    this.#kinds.add(kind)
    const id = entityId(kind, ordinal)
    const earlier = this.#byEntity.get(id)
    if (earlier === undefined) this.#byEntity.set(id, [event])
    else earlier.push(event)
  }

  /** Whether anything was stated about entities of a kind. */
  has(kind: EntityKind): boolean {
    return this.#kinds.has(kind)
  }

  /** Own statements about an entity, oldest first; undefined when there are none. */
  of(id: number): readonly OwnEvent[] | undefined {
    return this.#byEntity.get(id)
  }

  /** Ordinals of own edges that leave (`isOutgoing`) or reach a node, ascending. */
  edgesOf(node: number, isOutgoing: boolean): readonly number[] {
    for (; this.#edgesListed < this.edges.length; this.#edgesListed++) {
      const edge = this.edges[this.#edgesListed]
      if (edge === undefined) continue
      this.#list(edge.source * 2 + 1, edge.ordinal)
      this.#list(edge.target * 2, edge.ordinal)
    }
    return this.#edgesByNode.get(node * 2 + (isOutgoing ? 1 : 0)) ?? []
  }

  /** Ids of the entities stated about, in the order of their first statement. */
  entities(): IterableIterator<number> {
    return this.#byEntity.keys()
  }

  #list(end: number, ordinal: number): void {
    const listed = this.#edgesByNode.get(end)
    if (listed === undefined) this.#edgesByNode.set(end, [ordinal])
    else listed.push(ordinal)
  }
}

export interface OwnStatement {
  readonly span: Span
  readonly payload: PayloadSlice | undefined
}
