import { DatabaseError } from '../rules/errors.ts'
import { edgeId, nodeId, nodeOrdinal } from '../versions/entity.ts'
import type { Span } from '../versions/periods.ts'
import { timelineWithin } from '../versions/timeline.ts'
import type { Direction } from './adjacency.ts'
import { Edge, Node } from './elements.ts'
import type { GraphIndexes } from './graph-indexes.ts'
import type { GraphReader } from './graph-reader.ts'
import { hasLabel } from './payload.ts'
import { type Period, spanToPeriod } from './period-options.ts'
import { type Condition, conditionsOf, type Where } from './where.ts'

/** A node of a pattern; the same name twice means the same node. */
export interface NodePattern {
  readonly node: string
  readonly id?: number | undefined
  readonly label?: string | undefined
  readonly where?: Where | undefined
}

/** An edge of a pattern, from the node before it to the node after it unless `in`. */
export interface EdgePattern {
  readonly edge: string
  readonly type?: string | undefined
  readonly direction?: Direction | undefined
  readonly where?: Where | undefined
}

/** A path: node, edge, node, edge … node. */
export type Pattern = readonly (NodePattern | EdgePattern)[]

export interface MatchRow {
  /** The time in which everything in the row held together. */
  readonly valid: Period
  readonly bindings: Readonly<Record<string, Node | Edge>>
}

interface Bound {
  readonly element: Node | Edge
  readonly span: Span
}

/**
 * Sequenced matching over a window of valid time (semantics 2.7): every element is bound to one
 * part of its coalesced timeline, and a row is kept while the common span of all parts and the
 * window is not empty. So the rows whose period contains V are exactly those of an ordinary match
 * at V.
 */
export class PatternMatcher {
  readonly #reader: GraphReader
  readonly #indexes: GraphIndexes
  readonly #pattern: Pattern
  readonly #conditions: readonly (readonly Condition[])[]

  constructor(reader: GraphReader, indexes: GraphIndexes, pattern: Pattern) {
    checkPattern(pattern)
    this.#reader = reader
    this.#indexes = indexes
    this.#pattern = pattern
    const { symbols } = indexes.tables
    this.#conditions = pattern.map((part) => conditionsOf(part.where ?? {}, symbols))
  }

  *rows(window: Span): Generator<MatchRow> {
    const [first] = this.#pattern
    if (first === undefined || !('node' in first)) return
    for (const id of this.#startIds(first)) {
      for (const bound of this.#nodeParts(0, id, window)) {
        yield* this.#extend(1, new Map([[first.node, bound]]), bound.span)
      }
    }
  }

  /** Binds the edge at `at` and the node after it in every way that leaves a common span. */
  *#extend(at: number, bindings: Map<string, Bound>, span: Span): Generator<MatchRow> {
    const edge = this.#pattern[at]
    const far = this.#pattern[at + 1]
    const near = this.#pattern[at - 1]
    if (edge === undefined || far === undefined) {
      const elements = [...bindings].map(([name, bound]) => [name, bound.element] as const)
      yield { valid: spanToPeriod(span), bindings: Object.fromEntries(elements) }
      return
    }
    if (!('edge' in edge) || !('node' in far) || near === undefined || !('node' in near)) return
    const from = bindings.get(near.node)?.element
    if (from === undefined) return
    const direction = edge.direction ?? 'out'
    for (const ordinal of this.#reader.edgesEver(from.id, direction, edge.type)) {
      // As in Cypher, one path walks an edge once.
      if (isWalked(bindings, edgeId(ordinal))) continue
      const ends = this.#indexes.tables.edgeEnds.ends(ordinal)
      const farId = nodeId(direction === 'out' ? ends.target : ends.source)
      const known = bindings.get(far.node)
      if (known !== undefined && known.element.id !== farId) continue
      for (const edgeBound of this.#edgeParts(at, ordinal, span)) {
        // A node that is bound already has one part here: the span lies in what it was bound to.
        for (const nodeBound of this.#nodeParts(at + 1, farId, edgeBound.span)) {
          const next = new Map(bindings).set(edge.edge, edgeBound).set(far.node, nodeBound)
          yield* this.#extend(at + 2, next, nodeBound.span)
        }
      }
    }
  }

  *#startIds(first: NodePattern): Generator<number> {
    if (first.id !== undefined) {
      nodeOrdinal(first.id)
      yield first.id
      return
    }
    for (const ordinal of this.#reader.nodesEver(first.label)) yield nodeId(ordinal)
  }

  /** The parts of a node that satisfy its pattern, cut to `span`. */
  *#nodeParts(at: number, id: number, span: Span): Generator<Bound> {
    const pattern = this.#pattern[at]
    if (pattern === undefined || !('node' in pattern)) return
    if (pattern.id !== undefined && pattern.id !== id) return
    const { symbols } = this.#indexes.tables
    const label = pattern.label === undefined ? undefined : symbols.find(pattern.label)
    if (pattern.label !== undefined && label === undefined) return
    for (const part of timelineWithin(this.#reader.events(id), span)) {
      if (label !== undefined && !hasLabel(part.payload, label)) continue
      if (!this.#conditions[at]?.every((condition) => condition.matches(part.payload))) continue
      yield { element: new Node(id, symbols, part.payload), span: part }
    }
  }

  *#edgeParts(at: number, ordinal: number, span: Span): Generator<Bound> {
    const { source, target } = this.#indexes.tables.edgeEnds.ends(ordinal)
    const identity = { id: edgeId(ordinal), source: nodeId(source), target: nodeId(target) }
    for (const part of timelineWithin(this.#reader.events(identity.id), span)) {
      if (!this.#conditions[at]?.every((condition) => condition.matches(part.payload))) continue
      yield { element: new Edge(identity, this.#reader, part.payload), span: part }
    }
  }
}

function isWalked(bindings: ReadonlyMap<string, Bound>, id: number): boolean {
  for (const { element } of bindings.values()) if (element.id === id) return true
  return false
}

function checkPattern(pattern: Pattern): void {
  const isPath =
    pattern.length % 2 === 1 &&
    pattern.every((part, at) => (at % 2 === 0 ? 'node' in part : 'edge' in part))
  if (!isPath) {
    throw new DatabaseError(
      'InvalidArgument',
      'a pattern is a path: { node }, { edge }, { node } …, beginning and ending with a node',
    )
  }
  const nodeNames = new Set(pattern.flatMap((part) => ('node' in part ? [part.node] : [])))
  const edgeNames = pattern.flatMap((part) => ('edge' in part ? [part.edge] : []))
  const isClear = new Set(edgeNames).size === edgeNames.length
  if (isClear && !edgeNames.some((name) => nodeNames.has(name))) return
  throw new DatabaseError(
    'InvalidArgument',
    'each edge of a pattern has a name of its own, because a path walks an edge once',
  )
}
