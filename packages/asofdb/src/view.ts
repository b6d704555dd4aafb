import { type Instant, microsToInstant } from './encoding/instant.ts'
import type { Edge, Node } from './graph/elements.ts'
import { type EdgeSelection, GraphReader } from './graph/graph-reader.ts'
import {
  provenanceEntries,
  type ProvenanceEntry,
  type SpanSelection,
  timelineEntries,
  type TimelineEntry,
} from './graph/history.ts'
import { toldFrom } from './graph/horizons.ts'
import { type MatchRow, type Pattern, PatternMatcher } from './graph/match.ts'
import type { Where } from './graph/where.ts'
import { KeyView } from './key-view.ts'
import {
  type KeyspaceOptions,
  type NamedValueEncoding,
  type ValuesByEncoding,
  valuesOf,
} from './keys/value-encoding.ts'
import { keyspacesAt } from './keys/keyspaces.ts'
import { kindOf, ordinalOf } from './versions/entity.ts'
import { selectionOf, type ViewContext, type ViewPoint, type Window } from './view-point.ts'

/**
 * The database at one point of the two times. Immutable: later commits never change its answers.
 * It holds no resource and needs no closing.
 */
export class View {
  /** How many commits it knows. */
  readonly sequence: number
  protected readonly context: ViewContext
  protected readonly point: ViewPoint
  /** Made when first needed: a transaction that only writes keys reads no graph. */
  #graphReader: GraphReader | undefined

  constructor(context: ViewContext, point: ViewPoint) {
    this.sequence = point.sequence
    this.context = context
    this.point = point
  }

  get #reader(): GraphReader {
    this.#graphReader ??= new GraphReader(this.context.indexes, this.point)
    return this.#graphReader
  }

  /** The valid time it looks at. */
  get valid(): Instant {
    return microsToInstant(this.point.valid)
  }

  /** A node; undefined if it does not hold at this point. */
  node(id: number): Node | undefined {
    this.#mustBeReadable()
    this.#mustSee(id)
    return this.#reader.node(id)
  }

  /** An edge; undefined if it does not hold at this point. */
  edge(id: number): Edge | undefined {
    this.#mustBeReadable()
    this.#mustSee(id)
    return this.#reader.edge(id)
  }

  /**
   * Nodes, of one label if given, that satisfy every condition. Lazy; the order is not specified.
   * A declared index on (label, property) is used for equality and ranges.
   */
  nodes(label?: string, where?: Where): Generator<Node> {
    this.#mustBeReadable()
    this.point.horizons?.mustSeeAll('node', label)
    return this.#reader.nodes(label, where)
  }

  /** Edges, of one type if given, by id. Lazy. */
  edges(type?: string): Generator<Edge> {
    this.#mustBeReadable()
    this.point.horizons?.mustSeeAll('edge', type)
    return this.#reader.edges(type)
  }

  /** Outgoing edges in the order of their creation: of a type, or as selected. */
  out(id: number, selection: string | EdgeSelection = {}): Edge[] {
    return this.#edgesOf(id, 'out', toSelection(selection))
  }

  /** Incoming edges in the order of their creation: of a type, or as selected. */
  in(id: number, selection: string | EdgeSelection = {}): Edge[] {
    return this.#edgesOf(id, 'in', toSelection(selection))
  }

  /** Ids of the nodes that outgoing edges reach, one for each edge. */
  targets(id: number, type?: string): number[] {
    this.#mustBeReadable()
    this.point.horizons?.mustSeeAll('edge', type)
    return this.#reader.neighbours(id, 'out', type)
  }

  /** Ids of the nodes that incoming edges leave, one for each edge. */
  sources(id: number, type?: string): number[] {
    this.#mustBeReadable()
    this.point.horizons?.mustSeeAll('edge', type)
    return this.#reader.neighbours(id, 'in', type)
  }

  /**
   * What held when, as known at this view's system time: maximal parts of equal content, absence
   * left out, in time order.
   */
  timeline(id: number, window: Window = {}): TimelineEntry[] {
    this.#mustBeReadable()
    this.#mustSee(id)
    const { symbols } = this.context.indexes.tables
    return timelineEntries(this.#reader.events(id), this.#selection(window), symbols)
  }

  /**
   * Every version known at this view's system time, as rectangles of the two times. Of what was
   * pruned nothing is told that was over before the horizon.
   */
  provenance(id: number): ProvenanceEntry[] {
    this.#mustBeReadable()
    this.#mustSee(id)
    const { tables } = this.context.indexes
    const events = this.#reader.events(id)
    const kind = kindOf(id)
    const { sequence } = this.point
    const horizon =
      kind === undefined ? 0 : toldFrom(tables, { kind, ordinal: ordinalOf(id) }, sequence)
    return provenanceEntries(events, tables, horizon)
  }

  /**
   * The paths that match, over a window of valid time (default: all of it). Each row carries the
   * time in which all of it held together. Lazy.
   */
  match(pattern: Pattern, window: Window = {}): Generator<MatchRow> {
    this.#mustBeReadable()
    this.#mustSeePattern(pattern)
    const matcher = new PatternMatcher(this.#reader, this.context.indexes, pattern)
    return matcher.rows(this.#selection(window))
  }

  /**
   * A keyspace; one never written to is empty. Values are anything that can be stored, unless an
   * encoding is given; what 'json' holds may be given a type of one's own.
   */
  keys<Name extends NamedValueEncoding = 'value'>(
    keyspace: string,
    options?: { readonly values?: Name | undefined },
  ): KeyView<ValuesByEncoding[Name]>
  keys<V>(keyspace: string, options: KeyspaceOptions<V>): KeyView<V>
  keys(keyspace: string, options?: KeyspaceOptions<unknown>): KeyView<unknown> {
    this.#mustBeReadable()
    return new KeyView(keyspace, this.context, { point: this.point, values: valuesOf(options) })
  }

  /**
   * Names of the keyspaces in which anything was ever stated about a key, as known here, in the
   * order of their code units. One whose keys were all deleted since is among them.
   */
  keyspaces(): string[] {
    this.#mustBeReadable()
    const { indexes, keyIndex } = this.context
    return keyspacesAt({ ...this.point, tables: indexes.tables, keyIndex })
  }

  #edgesOf(id: number, direction: 'out' | 'in', selection: EdgeSelection): Edge[] {
    this.#mustBeReadable()
    this.point.horizons?.mustSeeAll('edge', selection.type)
    return this.#reader.edgesOf(id, direction, selection)
  }

  /** What is no id of a node or an edge is refused by whoever reads it. */
  #mustSee(id: number): void {
    const { horizons } = this.point
    if (horizons === undefined) return
    const kind = kindOf(id)
    if (kind !== undefined) horizons.mustSee(kind, ordinalOf(id))
  }

  #mustSeePattern(pattern: Pattern): void {
    const { horizons } = this.point
    if (horizons === undefined) return
    for (const part of pattern) {
      if ('edge' in part) horizons.mustSeeAll('edge', part.type)
      else if (part.id === undefined) horizons.mustSeeAll('node', part.label)
      else this.#mustSee(part.id)
    }
  }

  /** A transaction that has ended answers nothing: what it saw is no state of the database. */
  #mustBeReadable(): void {
    this.context.mustBeReadable()
    this.point.core?.mustBeOpen()
  }

  #selection(window: Window): SpanSelection {
    return selectionOf(window, this.context.timeZone)
  }

  /** The reader of a view, for those who compare views. */
  static readerOf(view: View): GraphReader {
    return view.#reader
  }

  static pointOf(view: View): ViewPoint {
    return view.point
  }
}

function toSelection(selection: string | EdgeSelection): EdgeSelection {
  return typeof selection === 'string' ? { type: selection } : selection
}
