import {
  type Edge,
  type KeyInput,
  type KeyRange as EngineKeyRange,
  type MatchRow,
  type Node,
  type Pattern,
  type View,
  type Where,
  type Window,
} from '../../packages/asofdb/src/index.ts'
import {
  toValue,
  type EndsQuery,
  type IncidentQuery,
  type Query,
  type ScriptCondition,
  type ScriptKey,
  type ScriptKeyRange,
  type ScriptWindow,
} from '../../simulation/operation-script.ts'
import { BEGINNING, FOREVER } from '../../simulation/reference-periods.ts'
import { valueText } from '../../simulation/reference-values.ts'
import {
  formatEdge,
  formatKeyEntry,
  formatKeyVersion,
  formatPayload,
  formatPeriod,
  formatProvenance,
  formatTimeline,
} from './store.ts'
import {
  mustPayload,
  toEngineInstant,
  toEngineValue,
  toMicros,
  toPlainKey,
  toPlainPeriod,
  toPlainValue,
} from './engine-values.ts'

/** Which id goes by which name in the script. */
export class EntityNames {
  readonly #ids = new Map<string, number>()
  readonly #names = new Map<number, string>()
  readonly #edges = new Set<string>()

  addNode(name: string, id: number): void {
    this.#ids.set(name, id)
    this.#names.set(id, name)
  }

  addEdge(name: string, id: number): void {
    this.addNode(name, id)
    this.#edges.add(name)
  }

  isEdge(name: string): boolean {
    return this.#edges.has(name)
  }

  id(name: string): number {
    const id = this.#ids.get(name)
    if (id === undefined) throw new Error(`nothing was created by the name ${name}`)
    return id
  }

  name(id: number): string {
    return this.#names.get(id) ?? `#${id}`
  }
}

/** The answer of a view of the engine to a question, as text. */
export function answerFromView(view: View, query: Query, names: EntityNames): string {
  switch (query.ask) {
    case 'entity': {
      const id = names.id(query.entity)
      const found = names.isEdge(query.entity) ? view.edge(id) : view.node(id)
      return formatPayload(found === undefined ? undefined : mustPayload(found))
    }
    case 'nodes':
      return listText([...view.nodes(query.label, toWhere(query.where))], names)
    case 'edges':
      return listText([...view.edges(query.type)], names)
    case 'out':
    case 'in':
      return answerIncident(view, query, names)
    case 'targets':
    case 'sources':
      return answerEnds(view, query, names)
    case 'timeline': {
      const entries = view.timeline(names.id(query.entity), toEngineWindow(query.window))
      return formatTimeline(
        entries.map((entry) => ({
          period: toPlainPeriod(entry.valid),
          payload: mustPayload(entry),
        })),
      )
    }
    case 'provenance':
      return formatProvenance(
        view.provenance(names.id(query.entity)).map((entry) => ({
          valid: toPlainPeriod(entry.valid),
          systemFrom: toMicros(entry.system.from, BEGINNING),
          systemTo: toMicros(entry.system.to, FOREVER),
          sequence: entry.sequence,
          payload: mustPayload(entry),
        })),
      )
    case 'paths':
      return [...view.match(pathPattern(query.hops))]
        .map((row) => pathText(row, query.hops, names))
        .sort()
        .join('; ')
    default:
      return answerKeys(view, query)
  }
}

function listText(found: readonly (Node | Edge)[], names: EntityNames): string {
  return found
    .map((one) => names.name(one.id) + formatPayload(mustPayload(one)))
    .sort()
    .join('; ')
}

function answerIncident(view: View, query: IncidentQuery, names: EntityNames): string {
  const { ask, type, limit, after } = query
  const selection = { type, limit, after: after === undefined ? undefined : names.id(after) }
  const isPlain = limit === undefined && after === undefined
  const edges = view[ask](names.id(query.entity), isPlain && type !== undefined ? type : selection)
  return edges
    .map((edge) =>
      formatEdge({
        name: names.name(edge.id),
        type: edge.type,
        source: names.name(edge.source),
        target: names.name(edge.target),
        payload: mustPayload(edge),
      }),
    )
    .join('; ')
}

function answerEnds(view: View, query: EndsQuery, names: EntityNames): string {
  return view[query.ask](names.id(query.entity), query.type)
    .map((id) => names.name(id))
    .sort()
    .join('; ')
}

function answerKeys(view: View, query: Extract<Query, { keyspace: string }>): string {
  const reader = view.keys(query.keyspace)
  switch (query.ask) {
    case 'key': {
      const value = reader.get(query.key)
      if (reader.has(query.key) !== (value !== undefined)) return 'get and has differ'
      return value === undefined ? '∅' : valueText(toPlainValue(value))
    }
    case 'keyRange':
      return [...reader.range(toEngineRange(query.range))]
        .map((entry) => ({ key: toPlainKey(entry.key), value: toPlainValue(entry.value) }))
        .map(formatKeyEntry)
        .join('; ')
    case 'keyVersions':
      return [...reader.versions(toEngineRange(query.range))]
        .map(({ key, sequence = Infinity, valid, value }) => ({
          key: toPlainKey(key),
          sequence,
          period: toPlainPeriod(valid),
          value: value === undefined ? undefined : toPlainValue(value),
        }))
        .map(formatKeyVersion)
        .join('; ')
    case 'keyTimeline':
      return formatTimeline(
        reader.timeline(query.key).map(({ valid, value }) => ({
          period: toPlainPeriod(valid),
          payload: mustPayload({ properties: { value } }),
        })),
      )
    case 'keyProvenance':
      return formatProvenance(
        reader.provenance(query.key).map(({ valid, system, sequence, value }) => ({
          valid: toPlainPeriod(valid),
          systemFrom: toMicros(system.from, BEGINNING),
          systemTo: toMicros(system.to, FOREVER),
          sequence,
          payload: mustPayload({ properties: { value } }),
        })),
      )
  }
}

export function toEngineRange(range: ScriptKeyRange): EngineKeyRange {
  const bound = (key: ScriptKey | undefined): KeyInput | undefined => key
  const { gt, gte, lt, lte, ...others } = range
  return { gt: bound(gt), gte: bound(gte), lt: bound(lt), lte: bound(lte), ...others }
}

function toWhere(conditions: readonly ScriptCondition[] | undefined): Where | undefined {
  if (conditions === undefined) return undefined
  const where = conditions.map(({ property, equals, ...bounds }) => {
    if (equals !== undefined) return [property, toEngineValue(toValue(equals))]
    const limits = Object.entries(bounds).map(([name, bound]) => {
      return [name, toEngineValue(toValue(bound))]
    })
    return [property, Object.fromEntries(limits)]
  })
  return Object.fromEntries(where)
}

export function toEngineWindow(window: ScriptWindow | undefined): Window {
  if (window === undefined) return {}
  const { from = '-inf', to = 'inf', between, clamp, during } = window
  const [first, last] = [toEngineInstant(from), toEngineInstant(to)]
  const options = { clamp, during }
  if (between === true) return { between: [first, last], ...options }
  return { from: first, to: last, ...options }
}

function pathPattern(hops: number): Pattern {
  const steps = Array.from({ length: hops }, (_, hop) => [
    { edge: `edge${hop}` },
    { node: `node${hop + 1}` },
  ])
  return [{ node: 'node0' }, ...steps.flat()]
}

function pathText({ valid, bindings }: MatchRow, hops: number, names: EntityNames): string {
  const order = Array.from({ length: hops }, (_, hop) => [`edge${hop}`, `node${hop + 1}`])
  const shown = ['node0', ...order.flat()].map((variable) => {
    const element = bindings[variable]
    if (element === undefined) return '?'
    return names.name(element.id) + formatPayload(mustPayload(element))
  })
  return `${formatPeriod(toPlainPeriod(valid))} ${shown.join(' ')}`
}

