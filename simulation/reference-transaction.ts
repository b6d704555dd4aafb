import { fail, type Clash } from './reference-failures.ts'
import {
  isSamePayload,
  merge,
  partsWithin,
  timelineOf,
  withoutNulls,
  type Changes,
  type LabelChanges,
  type Part,
  type Payload,
  type ReferenceEntity,
  type ReferenceEvent,
} from './reference-history.ts'
import {
  ALWAYS,
  contains,
  FOREVER,
  intersection,
  intersectionOfAll,
  mergePeriods,
  subtract,
  type Period,
} from './reference-periods.ts'
import type { HistoryView } from './reference-reads.ts'
import type { PlainKey, PlainMap, PlainValue } from './reference-values.ts'

/** A write period as the caller gave it. Nothing given at all is the default of the kind. */
export interface PeriodInput {
  readonly from?: bigint
  readonly to?: bigint
  readonly isAlways?: boolean
  readonly untilNext?: boolean
}

export interface PutOptions {
  readonly period?: PeriodInput
  readonly labels?: readonly string[]
  readonly skipUnchanged?: boolean
  readonly isClipped?: boolean
}

export interface PatchOptions {
  readonly period?: PeriodInput
  readonly labels?: LabelChanges
  readonly mustExist?: boolean
  readonly skipUnchanged?: boolean
}

export interface DeleteOptions {
  readonly period?: PeriodInput
  readonly detach?: boolean
  readonly mustExist?: boolean
}

export interface Unique {
  readonly label: string
  readonly properties: readonly string[]
  readonly isOverAllTime: boolean
}

export type Declaration =
  | { readonly declare: 'unique'; readonly unique: Unique }
  | ({ readonly declare: 'dropUnique' } & Omit<Unique, 'isOverAllTime'>)
  | { readonly declare: 'index' | 'dropIndex'; readonly label: string; readonly property: string }

/** An event of an open transaction; a delete without detach `restricts` the edges of its node. */
export interface TailEvent extends ReferenceEvent {
  readonly restricts: boolean
}

export interface TransactionStart {
  readonly now: bigint
  /** The sequence the snapshot ends with. */
  readonly base: number
  readonly isolation: 'serializable' | 'snapshot'
  readonly nodesAlwaysValid: boolean
  /** Import mode: the system time of the commit. */
  readonly system?: bigint
  readonly committed: HistoryView
  nextOrdinal(): number
}

interface WritePeriod extends Period {
  /** The end was not given: for an edge it is clipped (2.4 rule 2). */
  readonly isEndImplicit: boolean
}

/**
 * A private tail of events on top of a snapshot. Where the specification is open:
 *
 * - A property that is null in create, put or upsert is not stored, as after merge.
 * - `create` without labels keeps the labels last given, exactly as `put` does.
 * - "Always" is the default of every key write, and with the database option `nodesValid: 'always'`
 *   of createNode, but of no later write to the node: an update or a delete begins now (D3).
 * - Any part of a period given by the caller switches that default off: then a missing start is
 *   now, a missing end is forever.
 * - `until: 'next'` on an edge is an implicit end: the next boundary of the edge or the first
 *   instant an endpoint is absent, whichever is earlier.
 * - `bounds: 'clip'` takes a missing end as forever, and cuts, so the start need not be covered.
 * - put and create return the number of events written; with `skipUnchanged` 0 when the state all
 *   over the period is the payload already. patch, upsert and delete return the number of present
 *   parts touched: not those that `skipUnchanged` leaves alone, though they satisfy `mustExist`,
 *   and not the gaps that an upsert fills.
 * - upsert writes the parts first, then the gaps, each in the order of valid time; what it puts
 *   in a gap has the labels of `labels.add` and no others.
 * - A delete with detach writes one event per present part of each edge, cut to the period, and
 *   counts the parts of the node alone.
 * - The clip and the detach look at the state as of their operation in the transaction.
 */
export class ReferenceTransaction implements HistoryView {
  readonly start: TransactionStart
  readonly valid: bigint
  readonly tail: TailEvent[] = []
  readonly declarations: Declaration[] = []
  readonly created = new Map<string, ReferenceEntity>()
  /** How much there was of both when each was set. */
  readonly savepoints: { name: string; tail: number; declarations: number }[] = []
  isFinished = false

  constructor(start: TransactionStart) {
    this.start = start
    this.valid = start.now
  }

  entities(): readonly ReferenceEntity[] {
    const committed = this.start.committed.entities()
    const known = new Set(committed.map((entity) => entity.name))
    return [...committed, ...[...this.created.values()].filter(({ name }) => !known.has(name))]
  }

  events(name: string): readonly ReferenceEvent[] {
    const own = this.tail.filter((event) => event.entity === name)
    const committed = this.start.committed.events(name)
    return own.length === 0 ? committed : [...committed, ...own]
  }

  entity(name: string): ReferenceEntity | undefined {
    const committed = this.start.committed.entities()
    return this.created.get(name) ?? committed.find((one) => one.name === name)
  }

  createNode(
    name: string,
    payload: { labels: readonly string[]; properties: PlainMap },
    period: PeriodInput = {},
  ): void {
    const entity: ReferenceEntity = { name, kind: 'node', ordinal: this.start.nextOrdinal() }
    const written = this.creationPeriod(entity, period)
    this.created.set(name, entity)
    this.append(name, written, {
      payload: { ...payload, properties: withoutNulls(payload.properties) },
    })
  }

  /** The new edge over its period; `isClipped` may cut it into several parts. */
  createEdge(
    name: string,
    edge: { source: string; type: string; target: string; properties: PlainMap },
    options: { period?: PeriodInput; isClipped?: boolean } = {},
  ): void {
    const { source, type, target } = edge
    for (const end of [source, target]) {
      if (this.start.committed.isErased?.(end) === true) fail('Erased', { entity: end })
    }
    const ordinal = this.start.nextOrdinal()
    const entity: ReferenceEntity = { name, kind: 'edge', ordinal, edge: { type, source, target } }
    const periods = this.edgePeriods(entity, options)
    this.created.set(name, entity)
    const payload = { labels: [], properties: withoutNulls(edge.properties) }
    for (const period of periods) this.append(name, period, { payload })
  }

  create(
    name: string,
    properties: PlainMap,
    options: Omit<PutOptions, 'isClipped' | 'skipUnchanged'> = {},
  ): number {
    const entity = this.mustKnow(name)
    const periods = this.payloadPeriods(entity, options)
    const overlaps = periods.flatMap((period) => partsWithin(this.timeline(name), period))
    if (overlaps.length > 0) {
      fail('AlreadyExists', {
        entity: name,
        clashes: [{ entity: name, periods: mergePeriods(overlaps.map((part) => part.period)) }],
      })
    }
    return this.putOver(name, periods, this.payloadToPut(name, properties, options.labels))
  }

  put(name: string, properties: PlainMap, options: PutOptions = {}): number {
    const entity = this.mustKnow(name)
    const periods = this.payloadPeriods(entity, options)
    const payload = this.payloadToPut(name, properties, options.labels)
    const changed = periods.filter(
      (period) => options.skipUnchanged !== true || !this.isAllOver(name, period, payload),
    )
    return this.putOver(name, changed, payload)
  }

  patch(name: string, changes: Changes, options: PatchOptions = {}): number {
    const entity = this.mustKnow(name)
    const period = this.writePeriod(entity, options.period ?? {})
    const parts = partsWithin(this.timeline(name), period)
    if (parts.length === 0 && options.mustExist === true) fail('NotFound', { entity: name })
    return this.patchParts(name, parts, { changes, options })
  }

  upsert(name: string, changes: Changes, options: PatchOptions = {}): number {
    const entity = this.mustKnow(name)
    const over = this.payloadPeriods(entity, { period: options.period ?? {} })
    const parts = over.flatMap((period) => partsWithin(this.timeline(name), period))
    if (parts.length === 0 && options.mustExist === true) fail('NotFound', { entity: name })
    const gaps = over.flatMap((period) => subtract(period, parts.map((part) => part.period)))
    const touched = this.patchParts(name, parts, { changes, options })
    const filling = merge({ labels: [], properties: {} }, changes, options.labels)
    for (const gap of gaps) this.append(name, gap, { payload: filling })
    return touched
  }

  delete(name: string, options: DeleteOptions = {}): number {
    const entity = this.mustKnow(name)
    const period = this.writePeriod(entity, options.period ?? {})
    const isDetached = options.detach === true
    if (entity.kind === 'node' && isDetached) this.detach(name, period)
    const parts = partsWithin(this.timeline(name), period)
    if (parts.length === 0 && options.mustExist === true) fail('NotFound', { entity: name })
    const restricts = entity.kind === 'node' && !isDetached
    if (parts.length > 0) this.append(name, period, { payload: undefined, restricts })
    return parts.length
  }

  putKey(
    name: string,
    key: { keyspace: string; key: PlainKey },
    options: { value: PlainValue; period?: PeriodInput },
  ): number {
    const known = this.entity(name)
    const entity = known ?? { name, kind: 'key', ordinal: this.start.nextOrdinal(), key }
    const period = this.writePeriod(entity, options.period ?? {})
    if (known === undefined) this.created.set(name, entity)
    const payload = { labels: [], properties: { value: options.value } }
    this.append(name, period, { payload })
    return 1
  }

  /** A key that never was is absent, and deleting it touches nothing. */
  deleteKey(name: string, options: DeleteOptions = {}): number {
    if (this.entity(name) !== undefined) return this.delete(name, options)
    this.writePeriod({ name, kind: 'key', ordinal: 0 }, options.period ?? {})
    if (options.mustExist === true) fail('NotFound', { entity: name })
    return 0
  }

  declare(declaration: Declaration): void {
    this.mustBeOpen()
    this.declarations.push(declaration)
  }

  private mustBeOpen(): void {
    if (this.isFinished) fail('TransactionFinished')
  }

  private mustKnow(name: string): ReferenceEntity {
    if (this.start.committed.isErased?.(name) === true) fail('Erased', { entity: name })
    return this.entity(name) ?? fail('NotFound', { entity: name })
  }

  private append(
    name: string,
    period: Period,
    stated: { payload: Payload | undefined; restricts?: boolean },
  ): void {
    this.tail.push({
      entity: name,
      period: { from: period.from, to: period.to },
      payload: stated.payload,
      sequence: Number.POSITIVE_INFINITY,
      system: FOREVER,
      restricts: stated.restricts === true,
    })
  }

  private timeline(name: string): Part[] {
    return timelineOf(this.events(name))
  }

  private creationPeriod(entity: ReferenceEntity, input: PeriodInput): Period {
    const isAlways = this.start.nodesAlwaysValid && !isGiven(input)
    return this.writePeriod(entity, isAlways ? { isAlways } : input)
  }

  private writePeriod(entity: ReferenceEntity, input: PeriodInput): WritePeriod {
    this.mustBeOpen()
    if (input.isAlways === true || (entity.kind === 'key' && !isGiven(input))) {
      return { ...ALWAYS, isEndImplicit: false }
    }
    const from = input.from ?? this.start.now
    const next = input.untilNext === true ? this.nextBoundary(entity.name, from) : FOREVER
    const to = input.to ?? next
    if (to <= from) {
      fail('InvalidPeriod', {
        entity: entity.name,
        clashes: [{ entity: entity.name, periods: [{ from, to }] }],
      })
    }
    return { from, to, isEndImplicit: input.to === undefined }
  }

  private nextBoundary(name: string, from: bigint): bigint {
    const bounds = this.timeline(name).flatMap(({ period }) => [period.from, period.to])
    return bounds.reduce((least, bound) => (from < bound && bound < least ? bound : least), FOREVER)
  }

  /** Where put, create and upsert write: for an edge 2.4 rules 1 and 2 apply. */
  private payloadPeriods(
    entity: ReferenceEntity,
    options: { period?: PeriodInput; isClipped?: boolean },
  ): Period[] {
    if (entity.kind === 'edge') return this.edgePeriods(entity, options)
    return [this.writePeriod(entity, options.period ?? {})]
  }

  private edgePeriods(
    entity: ReferenceEntity,
    options: { period?: PeriodInput; isClipped?: boolean },
  ): Period[] {
    const period = this.writePeriod(entity, options.period ?? {})
    const ends = [entity.edge?.source ?? '', entity.edge?.target ?? '']
    const presence = ends.map((end) => ({ end, periods: this.presence(end) }))
    const covered = presence.reduce<Period[]>(
      (both, { periods }) => intersectionOfAll(both, periods),
      [ALWAYS],
    )
    if (options.isClipped === true) {
      const inside = intersectionOfAll([period], covered)
      return inside.length > 0 ? inside : failUncovered(entity.name, period, presence)
    }
    if (!period.isEndImplicit) return [period]
    const start = covered.find((one) => contains(one, period.from))
    if (start === undefined) failUncovered(entity.name, period, presence)
    return [intersection(period, start) ?? period]
  }

  private presence(name: string): Period[] {
    return mergePeriods(this.timeline(name).map((part) => part.period))
  }

  private payloadToPut(
    name: string,
    properties: PlainMap,
    labels: readonly string[] | undefined,
  ): Payload {
    const newest = this.events(name).findLast((event) => event.payload !== undefined)
    return {
      labels: labels ?? newest?.payload?.labels ?? [],
      properties: withoutNulls(properties),
    }
  }

  private isAllOver(name: string, period: Period, payload: Payload): boolean {
    const [only, ...others] = timelineOf(this.events(name), period)
    if (only === undefined || others.length > 0) return false
    const isWhole = only.period.from === period.from && only.period.to === period.to
    return isWhole && isSamePayload(only.payload, payload)
  }

  private putOver(name: string, periods: readonly Period[], payload: Payload): number {
    for (const period of periods) this.append(name, period, { payload })
    return periods.length
  }

  private patchParts(
    name: string,
    parts: readonly Part[],
    { changes, options }: { changes: Changes; options: PatchOptions },
  ): number {
    let touched = 0
    for (const part of parts) {
      const merged = merge(part.payload, changes, options.labels)
      if (options.skipUnchanged === true && isSamePayload(part.payload, merged)) continue
      this.append(name, part.period, { payload: merged })
      touched += 1
    }
    return touched
  }

  private detach(node: string, period: Period): void {
    const incident = this.entities().filter(
      ({ edge }) => edge !== undefined && (edge.source === node || edge.target === node),
    )
    for (const edge of incident) {
      for (const present of intersectionOfAll([period], this.presence(edge.name))) {
        this.append(edge.name, present, { payload: undefined })
      }
    }
  }
}

function isGiven({ from, to, untilNext }: PeriodInput): boolean {
  return from !== undefined || to !== undefined || untilNext === true
}

function failUncovered(
  edge: string,
  period: Period,
  presence: readonly { end: string; periods: readonly Period[] }[],
): never {
  const clashes: Clash[] = presence
    .map(({ end, periods }) => ({ entity: end, periods: subtract(period, periods) }))
    .filter(({ periods }) => periods.length > 0)
  fail('EndpointNotValid', { entity: edge, clashes })
}
