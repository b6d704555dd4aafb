/** What a database that was made to forget tells, and what it must refuse to tell. */
import { isDatabaseError, type View } from '../packages/asofdb/src/index.ts'
import { answerFromView, type EntityNames } from '../test/conformance/engine-answers.ts'
import { keyName, type Query } from './operation-script.ts'
import { type Question, type Readable, viewOf } from './oracle.ts'
import type { EntityKind } from './reference-history.ts'
import type { ReferenceModel, ReferenceView } from './reference-model.ts'
import { BEGINNING } from './reference-periods.ts'
import { replacing } from './replacing.ts'

/** `either`: answered as before, or refused; which depends on what is kept of an entity. */
export type Telling = 'told' | 'refused' | 'either'

/** Whether a question as of a commit is answered, as far as horizons go. */
export function tellingOf(model: ReferenceModel, { sequence, query }: Question): Telling {
  if (sequence >= model.forgetting.latest()) return 'told'
  switch (query.ask) {
    case 'nodes':
      return ofNames(model, sequence, { kind: 'node', name: query.label })
    case 'edges':
    case 'out':
    case 'in':
    case 'targets':
    case 'sources':
      return ofNames(model, sequence, { kind: 'edge', name: query.type })
    case 'entity':
    case 'timeline':
    case 'provenance':
      return ofEntity(model, sequence, query.entity)
    case 'paths':
      return 'either'
    default:
      return ofNames(model, sequence, { kind: 'key', name: query.keyspace })
  }
}

function ofNames(
  model: ReferenceModel,
  sequence: number,
  { kind, name }: { kind: EntityKind; name: string | undefined },
): Telling {
  const { forgetting } = model
  const due = forgetting
    .horizons(kind)
    .filter((horizon) => sequence < horizon.sequence)
    .filter(({ of }) => of === undefined || name === undefined || of.name === name)
  if (due.length === 0) return 'told'
  // A name that nobody had used has no past, so it may have no horizon either.
  const isUsed = due.some((horizon) => {
    const used = name ?? horizon.of?.name
    return used === undefined || isNameUsed(model, { kind, name: used }, horizon.sequence)
  })
  return isUsed ? 'refused' : 'either'
}

function ofEntity(model: ReferenceModel, sequence: number, name: string): Telling {
  const known = model.viewAt(model.sequence, BEGINNING).entities()
  const entity = known.find((one) => one.name === name)
  const { forgetting } = model
  // A node keeps as much as the one of its labels that keeps most.
  if (entity?.edge === undefined || forgetting.erasedAt(name) > 0) {
    return sequence < forgetting.latest(entity?.kind) ? 'either' : 'told'
  }
  return sequence < forgetting.of('edge', entity.edge.type) ? 'refused' : 'told'
}

/** Whether anything had the label, the type or the keyspace by a commit. */
export function isNameUsed(
  model: ReferenceModel,
  { kind, name }: { kind: EntityKind; name: string },
  upTo: number,
): boolean {
  const view = model.viewAt(upTo, BEGINNING)
  return view.entities().some((entity) => {
    if (entity.kind !== kind) return false
    if (entity.edge !== undefined) return entity.edge.type === name
    if (entity.key !== undefined) return entity.key.keyspace === name
    return view.events(entity.name).some(({ payload }) => payload?.labels.includes(name) === true)
  })
}

/** The model without what is not told of entities that were pruned. */
export function toldView(
  model: ReferenceModel,
  { sequence, valid }: Question,
  isPruning: boolean,
): ReferenceView {
  const view = model.viewAt(sequence, valid)
  if (!isPruning && model.forgetting.latest() === 0) return view
  return { ...view, toldFrom: (name) => toldFrom(model, name, isPruning) }
}

/**
 * The system time up to which nothing needs to be told of what was over. Of a node it depends on
 * what labels it ever had, so only what is open at the latest horizon is compared.
 */
function toldFrom(model: ReferenceModel, name: string, isPruning: boolean): bigint {
  if (isPruning) return model.lastSystem
  const { forgetting } = model
  const known = model.viewAt(model.sequence, BEGINNING).entities()
  const entity = known.find((one) => one.name === name)
  const { edge, key } = entity ?? {}
  const horizon =
    edge !== undefined
      ? forgetting.of('edge', edge.type)
      : key !== undefined
        ? forgetting.of('key', key.keyspace)
        : forgetting.latest('node')
  return model.commits[horizon - 1]?.system ?? BEGINNING
}

/** The answer of a view; undefined when it is refused because history was pruned. */
export function answerTold(
  database: Readable,
  question: Question,
  by: { readonly model: ReferenceModel; readonly names: EntityNames; readonly isPruning: boolean },
): string | undefined {
  const { model, names, isPruning } = by
  const { query } = question
  try {
    const view = viewOf(database, question)
    const name = provenanceSubject(query)
    const from = name === undefined ? BEGINNING : toldFrom(model, name, isPruning)
    return answerFromView(from === BEGINNING ? view : withoutOld(view, from), query, names)
  } catch (error) {
    if (isDatabaseError(error, 'HistoryPruned')) return undefined
    throw error
  }
}

function provenanceSubject(query: Query): string | undefined {
  if (query.ask === 'provenance') return query.entity
  return query.ask === 'keyProvenance' ? keyName(query) : undefined
}

/** Its provenance leaves out what was over by a system time. */
function withoutOld(view: View, from: bigint): View {
  const isTold = ({ system: { to } }: { system: { to: { epochMicroseconds: bigint } | null } }) =>
    to === null || to.epochMicroseconds > from
  return replacing(view, {
    provenance: (id) => view.provenance(id).filter(isTold),
    keys: (keyspace: string) => {
      const keys = view.keys(keyspace)
      return replacing(keys, { provenance: (key) => keys.provenance(key).filter(isTold) })
    },
  })
}
