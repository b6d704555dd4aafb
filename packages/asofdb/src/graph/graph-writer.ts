import type { TransactionCore } from '../commit/transaction-core.ts'
import {
  createVersion,
  deleteVersions,
  type Merge,
  nextBoundary,
  patchVersions,
  putVersion,
  upsertVersions,
  type WriteTarget,
} from '../commit/verbs.ts'
import { microsToInstant } from '../encoding/instant.ts'
import { DatabaseError } from '../rules/errors.ts'
import {
  edgeId,
  type EntityKind,
  entityId,
  kindOf,
  nodeId,
  nodeOrdinal,
  ordinalOf,
} from '../versions/entity.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import { alwaysSpan, type Span } from '../versions/periods.ts'
import { presenceWithin } from '../versions/timeline.ts'
import type { GraphIndexes } from './graph-indexes.ts'
import { EdgePresence } from './integrity.ts'
import {
  applyChanges,
  checkName,
  draftOf,
  encodeDraft,
  encodePayload,
  labelsOf,
  type Properties,
  type PropertyChanges,
} from './payload.ts'
import { type PeriodOptions, type TimeContext, writePeriod } from './period-options.ts'

/** An id, or anything that has one (what `createNode` returned, a `Node`, an `Edge`). */
export type EntityInput = number | { readonly id: number }

export interface EntityReference {
  readonly id: number
}

export interface EdgeBounds {
  /** `'clip'`: write only where both ends hold, in several parts if need be. */
  readonly bounds?: 'clip' | undefined
}

export interface WriteVerbOptions extends PeriodOptions, EdgeBounds {
  /** Record nothing where nothing would change. */
  readonly skipUnchanged?: boolean | undefined
}

export interface PutOptions extends WriteVerbOptions {
  /** The node's labels. Default: those it was last given. */
  readonly labels?: readonly string[] | undefined
}

export interface PatchOptions extends WriteVerbOptions {
  readonly labels?:
    | {
        readonly add?: readonly string[] | undefined
        readonly remove?: readonly string[] | undefined
      }
    | undefined
  /** Throw NotFound when nothing is there in the period. */
  readonly mustExist?: boolean | undefined
}

export interface DeleteOptions extends PeriodOptions {
  /** Of a node: also cut its edges, over exactly this period. */
  readonly detach?: boolean | undefined
  readonly mustExist?: boolean | undefined
}

export interface GraphSettings {
  readonly timeZone: string
  /** The period of `createNode` when none is given. */
  readonly nodesValid: 'now' | 'always'
}

/** The write verbs on nodes and edges (semantics 2.3, 2.4), within one transaction. */
export class GraphWriter {
  readonly #core: TransactionCore
  readonly #indexes: GraphIndexes
  readonly #settings: GraphSettings
  readonly #time: TimeContext
  readonly #symbolOf: (name: string) => number

  constructor(core: TransactionCore, indexes: GraphIndexes, settings: GraphSettings) {
    this.#core = core
    this.#indexes = indexes
    this.#settings = settings
    this.#time = { now: core.now, timeZone: settings.timeZone }
    this.#symbolOf = (name) => core.symbol(name)
  }

  createNode(
    labels: string | readonly string[],
    properties: Properties = {},
    options: PeriodOptions = {},
  ): EntityReference {
    this.#core.mustBeWritable()
    const names = typeof labels === 'string' ? [labels] : labels
    const payload = encodePayload(names, properties, this.#symbolOf)
    const hasPeriod = Object.values(options).some((option) => option !== undefined)
    const span =
      this.#settings.nodesValid === 'always' && !hasPeriod ? alwaysSpan : this.#period(options).span
    const ordinal = this.#core.allocateNode()
    this.#core.recordFirst('node', ordinal, { span, payload })
    return { id: nodeId(ordinal) }
  }

  createEdge(
    ends: { readonly source: EntityInput; readonly type: string; readonly target: EntityInput },
    properties: Properties = {},
    options: PeriodOptions & EdgeBounds = {},
  ): EntityReference {
    this.#core.mustBeWritable()
    const source = this.#knownNode(ends.source)
    const target = this.#knownNode(ends.target)
    const type = this.#core.symbol(checkName(ends.type, 'type'))
    const payload = encodePayload([], properties, this.#symbolOf)
    const period = this.#period(options)
    if (options.bounds === undefined && period.hasExplicitEnd) {
      // Where both ends hold is not looked at before the commit.
      const ordinal = this.#core.allocateEdge({ type, source, target })
      this.#core.recordFirst('edge', ordinal, { span: period.span, payload })
      return { id: edgeId(ordinal) }
    }
    const presence = new EdgePresence(this.#core, { source, target })
    const spans = this.#edgeSpans(presence, options, undefined)
    const ordinal = this.#core.allocateEdge({ type, source, target })
    for (const span of spans) this.#core.record('edge', ordinal, { span, payload })
    return { id: edgeId(ordinal) }
  }

  create(entity: EntityInput, properties: Properties, options: PutOptions = {}): number {
    const payload = this.#newPayload(entity, properties, options)
    return this.#eachSpan(entity, options, (target) => createVersion(target, payload))
  }

  put(entity: EntityInput, properties: Properties, options: PutOptions = {}): number {
    const payload = this.#newPayload(entity, properties, options)
    return this.#eachSpan(entity, options, (target) => putVersion(target, payload))
  }

  patch(entity: EntityInput, changes: PropertyChanges, options: PatchOptions = {}): number {
    const merge = this.#merge(entity, changes, options)
    const target = this.#target(entity, options, this.#wholeSpan(entity, options))
    return patchVersions(target, merge)
  }

  upsert(entity: EntityInput, changes: PropertyChanges, options: PatchOptions = {}): number {
    const merge = this.#merge(entity, changes, options)
    return this.#eachSpan(entity, options, (target) => upsertVersions(target, merge))
  }

  delete(entity: EntityInput, options: DeleteOptions = {}): number {
    const id = this.#knownId(entity)
    const span = this.#wholeSpan(entity, options)
    if (options.detach === true && kindOf(id) === 'node') this.#cutEdges(ordinalOf(id), span)
    return deleteVersions(this.#target(entity, options, span))
  }

  /** Deletes every incident edge over exactly the part of `span` in which it is present. */
  #cutEdges(node: number, span: Span): void {
    const { adjacency } = this.#indexes
    const edges = new Set<number>()
    for (const direction of ['out', 'in'] as const) {
      for (const edge of adjacency.edges(direction, node)) edges.add(edge)
      for (const edge of this.#core.tail.edgesOf(node, direction === 'out')) edges.add(edge)
    }
    for (const edge of edges) {
      for (const part of presenceWithin(this.#core.events('edge', edge), span)) {
        this.#core.record('edge', edge, { span: part, payload: undefined })
      }
    }
  }

  #newPayload(entity: EntityInput, properties: Properties, options: PutOptions): PayloadSlice {
    const id = this.#knownId(entity)
    if (kindOf(id) === 'edge') {
      refuseLabels(options.labels)
      return encodePayload([], properties, this.#symbolOf)
    }
    if (options.labels !== undefined) {
      return encodePayload(options.labels, properties, this.#symbolOf)
    }
    const { symbols } = this.#core.tables
    const labels = this.#lastLabels(ordinalOf(id)).map((label) => symbols.name(label))
    return encodePayload(labels, properties, this.#symbolOf)
  }

  #lastLabels(node: number): number[] {
    this.#core.reads.add(nodeId(node))
    for (const event of this.#core.events('node', node)) {
      if (event.payload !== undefined) return labelsOf(event.payload)
    }
    return []
  }

  #merge(entity: EntityInput, changes: PropertyChanges, options: PatchOptions): Merge {
    const id = this.#knownId(entity)
    if (kindOf(id) === 'edge') refuseLabels(options.labels)
    const add = options.labels?.add ?? []
    const remove = options.labels?.remove ?? []
    return (before) => {
      const draft = draftOf(before)
      for (const label of add) draft.labels.add(this.#symbolOf(checkName(label, 'label')))
      for (const label of remove) draft.labels.delete(this.#symbolOf(checkName(label, 'label')))
      applyChanges(draft, changes, this.#symbolOf)
      return encodeDraft(draft)
    }
  }

  /** Runs a verb that makes the entity present, over the spans its coverage allows. */
  #eachSpan(
    entity: EntityInput,
    options: WriteVerbOptions,
    run: (target: WriteTarget) => number,
  ): number {
    const id = this.#knownId(entity)
    if (kindOf(id) === 'node') {
      return run(this.#target(entity, options, this.#wholeSpan(entity, options)))
    }
    const ordinal = ordinalOf(id)
    const presence = new EdgePresence(this.#core, this.#core.tables.edgeEnds.ends(ordinal))
    let touched = 0
    for (const span of this.#edgeSpans(presence, options, ordinal)) {
      touched += run(this.#target(entity, options, span))
    }
    return touched
  }

  /** Semantics 2.4, rules 1 and 2: explicit bounds stand, an implicit end is clipped. */
  #edgeSpans(
    presence: EdgePresence,
    options: PeriodOptions & EdgeBounds,
    edge: number | undefined,
  ): readonly Span[] {
    const period = this.#period(options)
    const { from } = period.span
    let { span } = period
    if (period.isUntilNext && edge !== undefined) {
      const to = nextBoundary({ core: this.#core, kind: 'edge', ordinal: edge }, from)
      span = { from, to }
    }
    if (options.bounds === 'clip') return presence.mustClip(span)
    if (options.bounds !== undefined) {
      throw new DatabaseError('InvalidArgument', `bounds takes 'clip' or nothing`)
    }
    if (period.hasExplicitEnd) return [span]
    const end = presence.mustEndAfter(from)
    return [{ from, to: end < span.to ? end : span.to }]
  }

  /** The write period as given, for a verb whose effect needs no coverage. */
  #wholeSpan(entity: EntityInput, options: PeriodOptions): Span {
    const id = this.#knownId(entity)
    const period = this.#period(options)
    if (!period.isUntilNext) return period.span
    const kind = kindOf(id) === 'edge' ? 'edge' : 'node'
    const { from } = period.span
    const to = nextBoundary({ core: this.#core, kind, ordinal: ordinalOf(id) }, from)
    return { from, to }
  }

  #period(options: PeriodOptions) {
    return writePeriod(options, this.#time)
  }

  #target(
    entity: EntityInput,
    options: Pick<PatchOptions, 'skipUnchanged' | 'mustExist'>,
    span: Span,
  ): WriteTarget {
    const id = this.#knownId(entity)
    const kind = kindOf(id) === 'edge' ? 'edge' : 'node'
    const { skipUnchanged, mustExist } = options
    return { core: this.#core, kind, ordinal: ordinalOf(id), span, skipUnchanged, mustExist }
  }

  #knownNode(input: EntityInput): number {
    const id = idOf(input)
    const ordinal = nodeOrdinal(id)
    this.#mustKnow('node', id)
    this.#mustNotBeErased('node', ordinal)
    return ordinal
  }

  /**
   * The id of a node or an edge that was created, by a commit or by this transaction. One that
   * another open transaction created may yet be taken back, identity and all.
   */
  #knownId(input: EntityInput): number {
    this.#core.mustBeWritable()
    const id = idOf(input)
    const kind = kindOf(id)
    if (kind === undefined || kind === 'key') throw unknownEntity(id)
    this.#mustNotBeErased(kind, ordinalOf(id))
    this.#mustKnow(kind, id)
    return id
  }

  #mustKnow(kind: EntityKind, id: number): void {
    if (this.#core.knows(kind, ordinalOf(id))) return
    // It may have been created since, in the tables that have taken over.
    this.#core.mustBeCurrent()
    throw unknownEntity(id)
  }

  /** An id that was erased stays taken, so that nothing that refers to it finds somebody else. */
  #mustNotBeErased(kind: EntityKind, ordinal: number): void {
    const { tables } = this.#core
    if (!tables.versions(kind).isErased(ordinal)) return
    const sequence = tables.removals.erasedAt(kind, ordinal)
    const id = entityId(kind, ordinal)
    if (sequence === undefined) {
      // The tables of this transaction have been replaced, and know no later commit.
      const message = `${kind} ${id} was erased; create another one in another transaction`
      throw new DatabaseError('Erased', message, { details: { id } })
    }
    const system = microsToInstant(tables.commits.systemTime(sequence))
    throw new DatabaseError(
      'Erased',
      `${kind} ${id} was erased by commit ${sequence} at ${system.toString()}; create another one`,
      { details: { id, sequence, system: system.epochMicroseconds } },
    )
  }
}

export function idOf(input: EntityInput): number {
  return typeof input === 'number' ? input : input.id
}

function unknownEntity(id: number): DatabaseError {
  return new DatabaseError(
    'InvalidArgument',
    `${String(id)} is not the id of a node or an edge of this database; use createNode or ` +
      'createEdge to make one',
    { details: { id } },
  )
}

function refuseLabels(labels: unknown): void {
  if (labels === undefined) return
  throw new DatabaseError(
    'ImmutableField',
    'an edge has a type, fixed when it is created, and no labels; create another edge instead',
  )
}
