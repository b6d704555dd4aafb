import {
  isSamePayload,
  provenanceOf,
  stateAt,
  timelineOf,
  type EntityKind,
  type Part,
  type Payload,
  type ProvenanceRow,
  type ReferenceEntity,
  type ReferenceEvent,
} from './reference-history.ts'
import {
  ALWAYS,
  elementaryPeriods,
  intersection,
  intersects,
  type Period,
} from './reference-periods.ts'
import {
  compareKeys,
  compareValues,
  valueText,
  type PlainKey,
  type PlainValue,
} from './reference-values.ts'

/** What can be read: every entity and its events up to some system time, at one valid instant. */
export interface HistoryView {
  readonly valid: bigint
  /** In the order of creation. */
  entities(): readonly ReferenceEntity[]
  events(name: string): readonly ReferenceEvent[]
  /** Whether a node or an edge was erased: it is absent, and takes no writes. */
  isErased?(name: string): boolean
  /** Of an entity nothing is told that was over by this system time. */
  toldFrom?(name: string): bigint
}

export interface Present {
  readonly entity: ReferenceEntity
  readonly payload: Payload
}

export interface Condition {
  readonly property: string
  readonly equals?: PlainValue
  readonly gt?: PlainValue
  readonly gte?: PlainValue
  readonly lt?: PlainValue
  readonly lte?: PlainValue
}

export interface KeyRange {
  readonly gt?: PlainKey
  readonly gte?: PlainKey
  readonly lt?: PlainKey
  readonly lte?: PlainKey
  readonly prefix?: string | readonly PlainKey[]
  readonly reverse?: boolean
  readonly skip?: number
  readonly limit?: number
}

export interface TimelineWindow {
  readonly window?: Period
  readonly clamp?: boolean
  readonly during?: boolean
}

export interface Difference {
  readonly name: string
  readonly kind: EntityKind
  readonly change: 'created' | 'deleted' | 'changed'
  readonly before: Payload | undefined
  readonly after: Payload | undefined
}

export interface NetDifference {
  readonly name: string
  readonly valid: Period
  readonly before: Payload | undefined
  readonly after: Payload | undefined
}

export function readPayload(view: HistoryView, name: string): Payload | undefined {
  return stateAt(view.events(name), view.valid)
}

export function readAll(view: HistoryView, kind: EntityKind): Present[] {
  return view.entities().flatMap((entity) => {
    if (entity.kind !== kind) return []
    const payload = readPayload(view, entity.name)
    return payload === undefined ? [] : [{ entity, payload }]
  })
}

export function readNodes(
  view: HistoryView,
  label?: string,
  conditions: readonly Condition[] = [],
): Present[] {
  return readAll(view, 'node').filter(
    ({ payload }) =>
      (label === undefined || payload.labels.includes(label)) &&
      conditions.every((condition) => meets(payload, condition)),
  )
}

function meets(payload: Payload, condition: Condition): boolean {
  const value = payload.properties[condition.property]
  if (value === undefined) return false
  const { equals, gt, gte, lt, lte } = condition
  if (equals !== undefined && !isEqual(value, equals)) return false
  return (
    isOrdered(value, gt, (order) => order > 0) &&
    isOrdered(value, gte, (order) => order >= 0) &&
    isOrdered(value, lt, (order) => order < 0) &&
    isOrdered(value, lte, (order) => order <= 0)
  )
}

function isEqual(value: PlainValue, wanted: PlainValue): boolean {
  const order = compareValues(value, wanted)
  return order === undefined ? valueText(value) === valueText(wanted) : order === 0
}

/** Values that can't be compared with a bound don't meet it. */
function isOrdered(
  value: PlainValue,
  bound: PlainValue | undefined,
  isWanted: (order: number) => boolean,
): boolean {
  if (bound === undefined) return true
  const order = compareValues(value, bound)
  return order !== undefined && isWanted(order)
}

export function readEdges(view: HistoryView, type?: string): Present[] {
  return readAll(view, 'edge').filter(
    ({ entity }) => type === undefined || entity.edge?.type === type,
  )
}

/** Edges of a node in the order of their creation. A loop is found in both directions. */
export function readIncident(
  view: HistoryView,
  node: string,
  options: { direction: 'out' | 'in'; type?: string },
): Present[] {
  return readEdges(view, options.type).filter(
    ({ entity }) =>
      (options.direction === 'out' ? entity.edge?.source : entity.edge?.target) === node,
  )
}

export function readKeys(
  view: HistoryView,
  keyspace: string,
  range: KeyRange = {},
): { key: PlainKey; value: PlainValue }[] {
  const found = readAll(view, 'key').flatMap(({ entity, payload }) => {
    const key = entity.key
    if (key === undefined || key.keyspace !== keyspace || !isInRange(key.key, range)) return []
    return [{ key: key.key, value: payload.properties['value'] ?? null }]
  })
  return inOrder(found, range)
}

/** All that was ever stated about the keys of a range, of each oldest first. */
export function readKeyVersions(
  view: HistoryView,
  keyspace: string,
  range: KeyRange = {},
): { key: PlainKey; events: readonly ReferenceEvent[] }[] {
  const found = view.entities().flatMap(({ key, name }) => {
    if (key === undefined || key.keyspace !== keyspace || !isInRange(key.key, range)) return []
    const events = view.events(name)
    return events.length === 0 ? [] : [{ key: key.key, events }]
  })
  return inOrder(found, range)
}

function inOrder<T extends { key: PlainKey }>(found: T[], range: KeyRange): T[] {
  const { skip = 0, limit = Infinity } = range
  found.sort((left, right) => compareKeys(left.key, right.key))
  if (range.reverse === true) found.reverse()
  return found.slice(skip, skip + limit)
}

function isInRange(key: PlainKey, range: KeyRange): boolean {
  return (
    (range.prefix === undefined || hasPrefix(key, range.prefix)) &&
    (range.gt === undefined || compareKeys(key, range.gt) > 0) &&
    (range.gte === undefined || compareKeys(key, range.gte) >= 0) &&
    (range.lt === undefined || compareKeys(key, range.lt) < 0) &&
    (range.lte === undefined || compareKeys(key, range.lte) <= 0)
  )
}

function hasPrefix(key: PlainKey, prefix: string | readonly PlainKey[]): boolean {
  if (typeof prefix === 'string') return typeof key === 'string' && key.startsWith(prefix)
  if (typeof key === 'string' || typeof key === 'number') return false
  const isSame = (part: PlainKey, index: number) => compareKeys(key[index] ?? [], part) === 0
  return key.length >= prefix.length && prefix.every(isSame)
}

/** The parts that intersect the window, with their stored bounds unless `clamp` (2.7). */
export function readTimeline(
  view: HistoryView,
  name: string,
  options: TimelineWindow = {},
): Part[] {
  const window = options.window ?? ALWAYS
  return timelineOf(view.events(name)).flatMap((part) => {
    const inside = intersection(part.period, window)
    if (inside === undefined) return []
    const isWhole = inside.from === part.period.from && inside.to === part.period.to
    if (options.during === true && !isWhole) return []
    return [options.clamp === true ? { period: inside, payload: part.payload } : part]
  })
}

export function readProvenance(view: HistoryView, name: string): ProvenanceRow[] {
  const rows = provenanceOf(view.events(name))
  const told = view.toldFrom?.(name)
  if (told === undefined) return rows
  return rows.filter(({ systemTo }) => systemTo === undefined || systemTo > told)
}

/** Nodes and edges whose states at the two points differ. Keys take no part. */
export function readDiff(before: HistoryView, after: HistoryView): Difference[] {
  const names = new Map<string, ReferenceEntity>()
  for (const entity of [...before.entities(), ...after.entities()]) names.set(entity.name, entity)
  return [...names.values()].flatMap((entity) => {
    if (entity.kind === 'key') return []
    const old = readPayload(before, entity.name)
    const current = readPayload(after, entity.name)
    if (isSamePayload(old, current)) return []
    const change = old === undefined ? 'created' : current === undefined ? 'deleted' : 'changed'
    return [{ name: entity.name, kind: entity.kind, change, before: old, after: current } as const]
  })
}

/**
 * Maximal periods within the window where the states of nodes and edges differ between two system
 * times, with both values; cut at the window.
 */
export function readNetDiff(
  before: HistoryView,
  after: HistoryView,
  options: { window?: Period; name?: string } = {},
): NetDifference[] {
  const names = new Set<string>()
  for (const entity of [...before.entities(), ...after.entities()]) {
    if (entity.kind === 'key') continue
    if (options.name === undefined || options.name === entity.name) names.add(entity.name)
  }
  return [...names].flatMap((name) => {
    const both = { before: before.events(name), after: after.events(name) }
    return netDifferences(name, both, options.window ?? ALWAYS)
  })
}

function netDifferences(
  name: string,
  events: { before: readonly ReferenceEvent[]; after: readonly ReferenceEvent[] },
  window: Period,
): NetDifference[] {
  const differences: NetDifference[] = []
  const periods = [...events.before, ...events.after].map((event) => event.period)
  for (const valid of elementaryPeriods(periods, window)) {
    const before = stateAt(events.before, valid.from)
    const after = stateAt(events.after, valid.from)
    if (isSamePayload(before, after)) continue
    const last = differences.at(-1)
    if (
      last !== undefined &&
      last.valid.to === valid.from &&
      isSamePayload(last.before, before) &&
      isSamePayload(last.after, after)
    ) {
      differences[differences.length - 1] = {
        ...last,
        valid: { from: last.valid.from, to: valid.to },
      }
    } else {
      differences.push({ name, valid, before, after })
    }
  }
  return differences
}

/** One row of a sequenced MATCH: the parts bound, in the order of the path, and their period. */
export interface PathRow {
  readonly valid: Period
  readonly elements: readonly { readonly entity: ReferenceEntity; readonly part: Part }[]
}

/** Sequenced MATCH of a path of `hops` outgoing edges over a window (2.7), none used twice. */
export function readPaths(view: HistoryView, hops: number, window: Period = ALWAYS): PathRow[] {
  const nodes = view.entities().filter((entity) => entity.kind === 'node')
  const edges = view.entities().filter((entity) => entity.kind === 'edge')
  let rows: PathRow[] = nodes.flatMap((node) =>
    extendPath(view, { valid: window, elements: [] }, node),
  )
  for (let hop = 0; hop < hops; hop += 1) {
    rows = rows.flatMap((row) =>
      edges.flatMap((edge) => {
        const last = row.elements.at(-1)?.entity.name
        const isUsed = row.elements.some(({ entity }) => entity === edge)
        const target = nodes.find((node) => node.name === edge.edge?.target)
        if (edge.edge?.source !== last || isUsed || target === undefined) return []
        return extendPath(view, row, edge).flatMap((longer) => extendPath(view, longer, target))
      }),
    )
  }
  return rows
}

/** A node met twice on a path keeps the part it was first bound to. */
function extendPath(view: HistoryView, row: PathRow, entity: ReferenceEntity): PathRow[] {
  const bound = row.elements.find((element) => element.entity === entity)
  const parts = bound === undefined ? timelineOf(view.events(entity.name)) : [bound.part]
  return parts
    .filter((part) => intersects(part.period, row.valid))
    .map((part) => ({
      valid: intersection(part.period, row.valid) ?? row.valid,
      elements: [...row.elements, { entity, part }],
    }))
}

