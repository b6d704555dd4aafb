import { FOREVER } from '../../simulation/reference-periods.ts'
import {
  readEdges,
  readIncident,
  readKeys,
  readKeyVersions,
  readNodes,
  readPaths,
  readPayload,
  readProvenance,
  readTimeline,
  type Condition,
  type HistoryView,
  type PathRow,
  type Present,
} from '../../simulation/reference-reads.ts'
import {
  keyName,
  toValue,
  toWindow,
  type EndsQuery,
  type IncidentQuery,
  type Query,
  type ScriptCondition,
} from '../../simulation/operation-script.ts'
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

/** The answer of the reference model to a question, as text. */
export function answerQuery(view: HistoryView, query: Query): string {
  switch (query.ask) {
    case 'entity':
      return formatPayload(readPayload(view, query.entity))
    case 'nodes':
      return readNodes(view, query.label, (query.where ?? []).map(toCondition))
        .map(({ entity, payload }) => entity.name + formatPayload(payload))
        .sort()
        .join('; ')
    case 'edges':
      return readEdges(view, query.type)
        .map(({ entity, payload }) => entity.name + formatPayload(payload))
        .sort()
        .join('; ')
    case 'out':
    case 'in':
      return answerIncident(view, query)
    case 'targets':
    case 'sources':
      return answerEnds(view, query)
    case 'timeline':
      return formatTimeline(readTimeline(view, query.entity, toTimelineWindow(query)))
    case 'provenance':
      return answerProvenance(view, query.entity)
    case 'paths':
      return readPaths(view, query.hops).map(formatPath).sort().join('; ')
    default:
      return answerKeys(view, query)
  }
}

function answerIncident(view: HistoryView, query: IncidentQuery): string {
  const edges = incidentEdges(view, query, query.ask)
  const { after, limit = edges.length } = query
  const ordinal = view.entities().find((entity) => entity.name === after)?.ordinal ?? -1
  return edges
    .filter(({ entity }) => entity.ordinal > ordinal)
    .slice(0, limit)
    .map(({ entity, payload }) => {
      const { type, source, target } = entity.edge ?? { type: '', source: '', target: '' }
      return formatEdge({ name: entity.name, type, source, target, payload })
    })
    .join('; ')
}

function answerEnds(view: HistoryView, query: EndsQuery): string {
  const direction = query.ask === 'targets' ? 'out' : 'in'
  return incidentEdges(view, query, direction)
    .map(({ entity }) => (direction === 'out' ? entity.edge?.target : entity.edge?.source) ?? '')
    .sort()
    .join('; ')
}

function incidentEdges(
  view: HistoryView,
  query: { entity: string; type?: string },
  direction: 'out' | 'in',
): Present[] {
  return readIncident(view, query.entity, {
    direction,
    ...(query.type === undefined ? {} : { type: query.type }),
  })
}

function answerKeys(
  view: HistoryView,
  query: Extract<Query, { keyspace: string }>,
): string {
  if ('range' in query) {
    const { ask, keyspace, range } = query
    if (ask === 'keyRange') return readKeys(view, keyspace, range).map(formatKeyEntry).join('; ')
    return readKeyVersions(view, keyspace, range)
      .flatMap(({ key, events }) =>
        events.map(({ sequence, period, payload }) => {
          const value = payload === undefined ? undefined : (payload.properties['value'] ?? null)
          return formatKeyVersion({ key, sequence, period, value })
        }),
      )
      .join('; ')
  }
  const name = keyName(query)
  if (query.ask === 'keyTimeline') return formatTimeline(readTimeline(view, name))
  if (query.ask === 'keyProvenance') return answerProvenance(view, name)
  const payload = readPayload(view, name)
  return payload === undefined ? '∅' : valueText(payload.properties['value'] ?? null)
}

function answerProvenance(view: HistoryView, name: string): string {
  return formatProvenance(
    readProvenance(view, name).map((row) => ({ ...row, systemTo: row.systemTo ?? FOREVER })),
  )
}

function toTimelineWindow(query: Extract<Query, { ask: 'timeline' }>) {
  const window = query.window
  if (window === undefined) return {}
  return {
    window: toWindow(window),
    clamp: window.clamp === true,
    during: window.during === true,
  }
}

function toCondition(condition: ScriptCondition): Condition {
  const { property, equals, gt, gte, lt, lte } = condition
  return {
    property,
    ...(equals === undefined ? {} : { equals: toValue(equals) }),
    ...(gt === undefined ? {} : { gt: toValue(gt) }),
    ...(gte === undefined ? {} : { gte: toValue(gte) }),
    ...(lt === undefined ? {} : { lt: toValue(lt) }),
    ...(lte === undefined ? {} : { lte: toValue(lte) }),
  }
}

function formatPath({ valid, elements }: PathRow): string {
  const shown = elements.map(({ entity, part }) => entity.name + formatPayload(part.payload))
  return `${formatPeriod(valid)} ${shown.join(' ')}`
}
