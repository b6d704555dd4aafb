import type { WantedEvents } from './changes.ts'
import type { KeyInput } from './encoding/ordered-key.ts'
import { Horizons, mustSeeEverything } from './graph/horizons.ts'
import { labelsOf } from './graph/payload.ts'
import { checkRange, type KeyRange, type NameRange } from './keys/key-range.ts'
import { DatabaseError } from './rules/errors.ts'
import { type EntityKind, entityKinds, kindOf, ordinalOf } from './versions/entity.ts'
import { schemaKeyspace } from './versions/key-names.ts'
import { sliceOf } from './versions/payload-slice.ts'
import { type Span, subtractSpans } from './versions/periods.ts'
import type { Tables } from './versions/tables.ts'

/** The keys of a keyspace, or those within bounds. */
export interface WatchedKeys {
  readonly keyspace: string
  readonly gt?: KeyInput | undefined
  readonly gte?: KeyInput | undefined
  readonly lt?: KeyInput | undefined
  readonly lte?: KeyInput | undefined
  readonly prefix?: KeyRange['prefix']
}

/**
 * What to hear of: keys, nodes that have a label before or after the change, edges of a type, or
 * entities by their ids.
 */
export type WatchSelection =
  | WatchedKeys
  | { readonly label: string }
  | { readonly type: string }
  | { readonly id: number }
  | { readonly ids: readonly number[] }

/** A selection with everything in it checked. */
export interface EventSelection extends WantedEvents {
  /** Whether commits without an event of the selection are of interest. */
  readonly hasEveryCommit: boolean
  /** Whether that something was erased is in it; of an erased entity, only the id is known. */
  hasErased(tables: Tables, id: number): boolean
  /** Throws `HistoryPruned` where something of it after a commit may be gone. */
  mustBeTold(tables: Tables, after: number): void
}

const subjects = ['keyspace', 'label', 'type', 'id', 'ids'] as const
const bounds = ['gt', 'gte', 'lt', 'lte', 'prefix'] as const

/** Throws `InvalidArgument` and `InvalidKey`. */
export function checkSelection(selection: WatchSelection | undefined): EventSelection {
  if (selection === undefined) return everything
  if (typeof selection !== 'object' || selection === null) refuse()
  const given = new Map<string, unknown>(
    Object.entries(selection).filter(([, value]) => value !== undefined),
  )
  const named = subjects.filter((subject) => given.has(subject))
  const allowed: readonly string[] = given.has('keyspace') ? [...subjects, ...bounds] : subjects
  const isKnown = [...given.keys()].every((name) => allowed.includes(name))
  if (named.length !== 1 || !isKnown) refuse()
  if ('keyspace' in selection && given.has('keyspace')) return keysIn(selection)
  const label = given.get('label')
  if (label !== undefined) return nodesWith(nameOf(label))
  const type = given.get('type')
  if (type !== undefined) return edgesOf(nameOf(type))
  const ids: unknown = given.has('id') ? [given.get('id')] : given.get('ids')
  return entitiesBy(Array.isArray(ids) ? ids : refuse())
}

function nameOf(name: unknown): string {
  return typeof name === 'string' && name !== '' ? name : refuse()
}

function refuse(): never {
  throw new DatabaseError(
    'InvalidArgument',
    'to watch is one of { keyspace } with gt, gte, lt, lte or prefix if need be, { label }, ' +
      '{ type }, { id } and { ids }, or nothing for everything',
  )
}

const everything: EventSelection = {
  kinds: entityKinds,
  hasEveryCommit: true,
  has: () => true,
  hasErased: () => true,
  mustBeTold: mustSeeEverything,
}

function keysIn(selection: WatchedKeys): EventSelection {
  const { gt, gte, lt, lte, prefix } = selection
  const keyspace = nameOf(selection.keyspace)
  if (keyspace === schemaKeyspace) refuse()
  const range: NameRange = checkRange({ gt, gte, lt, lte, prefix })
  return {
    kinds: ['key'],
    hasEveryCommit: false,
    has: ({ key, keyNames, symbols }, _kind, row) => {
      const ordinal = key.entityOf(row)
      if (keyNames.keyspace(ordinal) !== symbols.find(keyspace)) return false
      const name = keyNames.text(ordinal)
      return name >= range.from && name < range.to
    },
    hasErased: (_tables, id) => kindOf(id) === 'key',
    mustBeTold: (tables, after) => Horizons.at(tables, after)?.mustSeeAll('key', keyspace),
  }
}

function edgesOf(type: string): EventSelection {
  const isOf = ({ edgeEnds, symbols }: Tables, ordinal: number): boolean =>
    edgeEnds.type(ordinal) === symbols.find(type)
  return {
    kinds: ['edge'],
    hasEveryCommit: false,
    has: (tables, _kind, row) => isOf(tables, tables.edge.entityOf(row)),
    hasErased: (tables, id) => kindOf(id) === 'edge' && isOf(tables, ordinalOf(id)),
    mustBeTold: (tables, after) => Horizons.at(tables, after)?.mustSeeAll('edge', type),
  }
}

function nodesWith(label: string): EventSelection {
  return {
    kinds: ['node'],
    hasEveryCommit: false,
    has: (tables, _kind, row) => {
      const symbol = tables.symbols.find(label)
      return symbol !== undefined && isOrWasLabelled(tables, row, symbol)
    },
    hasErased: (_tables, id) => kindOf(id) === 'node',
    mustBeTold: (tables, after) => Horizons.at(tables, after)?.mustSeeAll('node', label),
  }
}

/**
 * Whether a node has a label by a statement, or had it, at an instant that the statement is about,
 * by what was known before. Looks no further back than it takes to know all of that.
 */
function isOrWasLabelled({ node }: Tables, row: number, label: number): boolean {
  const isLabelled = (at: number): boolean => {
    const reference = node.payloadOf(at)
    return reference !== 0 && labelsOf(sliceOf(node.arena, reference)).includes(label)
  }
  if (isLabelled(row)) return true
  const first = node.firstSeen(node.entityOf(row))
  let open: readonly Span[] = [{ from: node.from(row), to: node.to(row) }]
  for (let at = node.previous(row); at >= first && open.length > 0; at = node.previous(at)) {
    const span = { from: node.from(at), to: node.to(at) }
    const isSeen = open.some(({ from, to }) => span.from < to && from < span.to)
    if (!isSeen) continue
    if (isLabelled(at)) return true
    open = open.flatMap((part) => subtractSpans(part, [span]))
  }
  return false
}

function entitiesBy(given: readonly unknown[]): EventSelection {
  const ids = new Set<number>()
  for (const id of given) ids.add(typeof id === 'number' ? id : refuse())
  const kinds = new Set([...ids].map((id) => kindOf(id) ?? refuse()))
  if (ids.size === 0) refuse()
  const ordinals = (kind: EntityKind): Set<number> =>
    new Set([...ids].filter((id) => kindOf(id) === kind).map(ordinalOf))
  const watched = { node: ordinals('node'), edge: ordinals('edge'), key: ordinals('key') }
  return {
    kinds: entityKinds.filter((kind) => kinds.has(kind)),
    hasEveryCommit: false,
    has: (tables, kind, row) => watched[kind].has(tables.versions(kind).entityOf(row)),
    hasErased: (_tables, id) => ids.has(id),
    mustBeTold: (tables, after) => {
      const horizons = Horizons.at(tables, after)
      if (horizons === undefined) return
      for (const kind of kinds) {
        for (const ordinal of watched[kind]) {
          // A key without a version may be one of which all is gone.
          const isThere = tables.versions(kind).head(ordinal) >= 0
          if (isThere || kind !== 'key') horizons.mustSee(kind, ordinal)
          else horizons.mustSeeAll('key', undefined)
        }
      }
    },
  }
}
