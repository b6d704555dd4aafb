import type { TransactionCore } from './commit/transaction-core.ts'
import {
  type Instant,
  type InstantInput,
  instantToMicros,
  microsToInstant,
} from './encoding/instant.ts'
import { type KeyInput, keyToLatin1 } from './encoding/ordered-key.ts'
import type { Value } from './encoding/value.ts'
import type { Edge, Node } from './graph/elements.ts'
import { type EdgeSelection, GraphReader } from './graph/graph-reader.ts'
import {
  provenanceEntries,
  type ProvenanceEntry,
  type SpanSelection,
  timelineEntries,
  type TimelineEntry,
} from './graph/history.ts'
import { type Horizons, toldFrom } from './graph/horizons.ts'
import { type MatchRow, type Pattern, PatternMatcher } from './graph/match.ts'
import { periodToSpan, type Period, spanToPeriod } from './graph/period-options.ts'
import type { Where } from './graph/where.ts'
import type { Generation } from './generation.ts'
import { type KeyEntry, type KeyRange, KeyReader } from './keys/key-reader.ts'
import { DatabaseError } from './rules/errors.ts'
import { must } from './rules/invariant.ts'
import type { RowCounts } from './versions/commit-table.ts'
import { kindOf, ordinalOf } from './versions/entity.ts'
import { alwaysSpan } from './versions/periods.ts'
import { rectanglesOf, timelineWithin } from './versions/timeline.ts'
import { decodeValue } from './encoding/value.ts'

/**
 * A window of valid time: [from, to), or `between` with both ends included. Parts that meet it are
 * kept; `during` keeps only those wholly inside; `clamp` cuts the bounds shown to the window.
 */
export type Window = {
  readonly from?: InstantInput | null | undefined
  readonly to?: InstantInput | null | undefined
  readonly between?: readonly [InstantInput, InstantInput] | undefined
  readonly clamp?: boolean | undefined
  readonly during?: boolean | undefined
}

/** Where to look. What is not given is now, and as best known now. */
export interface Coordinates {
  readonly valid?: InstantInput | undefined
  readonly system?: InstantInput | undefined
  /** System time as a commit's number instead of an instant. */
  readonly sequence?: number | undefined
}

/** What every view of one database shares. */
export interface ViewContext extends Pick<Generation, 'indexes' | 'keyIndex'> {
  readonly timeZone: string
  /** Throws when the database can no longer be read. */
  mustBeReadable(): void
}

export interface ViewPoint {
  readonly sequence: number
  readonly counts: RowCounts
  /** Microseconds since 1970. */
  readonly valid: bigint
  readonly core?: TransactionCore | undefined
  /** What it must not be asked, because some of it was pruned. */
  readonly horizons?: Horizons | undefined
}

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

  /** A keyspace; one never written to is empty. */
  keys(keyspace: string): KeyView {
    this.#mustBeReadable()
    return new KeyView(keyspace, this.context, this.point)
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

/** A window as a span with its reading options. */
function selectionOf(window: Window, timeZone: string): SpanSelection {
  const options = { isClamped: window.clamp === true, isDuring: window.during === true }
  if (window.between === undefined) {
    const isWhole = window.from === undefined && window.to === undefined
    return { ...(isWhole ? alwaysSpan : periodToSpan(window, timeZone)), ...options }
  }
  if (window.from !== undefined || window.to !== undefined) {
    throw new DatabaseError('InvalidPeriod', 'a window takes from and to, or between, not both')
  }
  const [first, last] = window.between
  const from = instantToMicros(first, timeZone)
  const to = instantToMicros(last, timeZone) + 1n
  return { ...periodToSpan({ from, to }, timeZone), ...options }
}

export function keyReaderAt(keyspace: string, context: ViewContext, point: ViewPoint): KeyReader {
  const { indexes, keyIndex } = context
  return new KeyReader(keyspace, { ...point, tables: indexes.tables, keyIndex })
}

/** One part of a key's timeline. */
export interface KeyTimelineEntry {
  readonly valid: Period
  readonly value: Value
}

/** One rectangle of a key's history. */
export interface KeyProvenanceEntry extends KeyTimelineEntry {
  readonly system: Period
  readonly sequence: number
}

/** One keyspace at one point of the two times. */
export class KeyView {
  readonly keyspace: string
  readonly #context: ViewContext
  readonly #point: ViewPoint | undefined
  #reader: KeyReader | undefined

  /** Without a point, `reader` has to be overridden. */
  constructor(keyspace: string, context: ViewContext, point?: ViewPoint) {
    this.keyspace = keyspace
    this.#context = context
    this.#point = point
  }

  /** Overridden where compaction changes it. */
  protected get context(): ViewContext {
    return this.#context
  }

  protected get reader(): KeyReader {
    this.#reader ??= keyReaderAt(
      this.keyspace,
      this.context,
      must(this.#point, 'the point of a keyspace'),
    )
    return this.#reader
  }

  #mustBeReadable(): void {
    this.context.mustBeReadable()
    this.#point?.core?.mustBeOpen()
    this.#point?.horizons?.mustSeeAll('key', this.keyspace)
  }

  /** The value of a key; undefined when it has none at this point. */
  get(key: KeyInput): Value | undefined {
    this.#mustBeReadable()
    return this.reader.get(key)
  }

  has(key: KeyInput): boolean {
    this.#mustBeReadable()
    return this.reader.has(key)
  }

  /** Keys within bounds, in key order or in reverse. Lazy. */
  range(range?: KeyRange): Generator<KeyEntry> {
    this.#mustBeReadable()
    return this.reader.range(range)
  }

  /** What the key held when, as known at this view's system time. */
  timeline(key: KeyInput, window: Window = {}): KeyTimelineEntry[] {
    this.#mustBeReadable()
    const selection = selectionOf(window, this.context.timeZone)
    const cut = selection.isClamped ? selection : alwaysSpan
    const entries: KeyTimelineEntry[] = []
    for (const part of timelineWithin(this.reader.events(key), cut)) {
      if (part.to <= selection.from || part.from >= selection.to) continue
      const isInside = part.from >= selection.from && part.to <= selection.to
      if (selection.isDuring && !isInside) continue
      const value = decodeValue(part.payload.bytes, part.payload.start)
      entries.push({ valid: spanToPeriod(part), value })
    }
    return entries
  }

  /** Every version of the key known at this view's system time, as rectangles. */
  provenance(key: KeyInput): KeyProvenanceEntry[] {
    this.#mustBeReadable()
    const { tables } = this.context.indexes
    const { commits } = tables
    const symbol = tables.symbols.find(this.keyspace)
    const ordinal =
      symbol === undefined ? undefined : this.context.keyIndex.find(symbol, keyToLatin1(key))
    const sequence = this.#point?.sequence ?? commits.sequence
    const horizon =
      ordinal === undefined ? 0 : toldFrom(tables, { kind: 'key', ordinal }, sequence)
    const instant = (sequence: number | undefined): Instant | null =>
      sequence === undefined || sequence === Infinity
        ? null
        : microsToInstant(commits.systemTime(sequence))
    const rectangles = rectanglesOf(this.reader.events(key))
    const known = rectangles.filter(({ closed = Infinity }) => closed > horizon)
    return known.map((rectangle) => ({
      valid: spanToPeriod(rectangle.valid),
      system: { from: instant(rectangle.sequence), to: instant(rectangle.closed) },
      sequence: rectangle.sequence,
      value: decodeValue(rectangle.payload.bytes, rectangle.payload.start),
    }))
  }
}
