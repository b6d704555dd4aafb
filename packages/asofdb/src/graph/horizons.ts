import { microsToInstant } from '../encoding/instant.ts'
import { DatabaseError } from '../rules/errors.ts'
import { type EntityKind, entityId } from '../versions/entity.ts'
import { sliceOf } from '../versions/payload-slice.ts'
import type { Pruning } from '../versions/removals.ts'
import type { Tables } from '../versions/tables.ts'
import { labelsOf } from './payload.ts'

const namesOfKinds: Readonly<Record<EntityKind, string>> = {
  node: 'label',
  edge: 'edge type',
  key: 'keyspace',
}

/** Versions looked at between two steps of `findPruning`. */
const rowsAtATime = 256

/**
 * The horizon of one entity: that of its type or keyspace; of a node the earliest among those of
 * all labels it ever had, so that the longest retention wins. Undefined when it keeps everything.
 * In small steps, for those who look at many entities.
 */
export function* findPruning(
  tables: Tables,
  kind: EntityKind,
  ordinal: number,
): Generator<undefined, Pruning | undefined> {
  const { removals, edgeEnds, keyNames, node } = tables
  if (removals.latestPruning(kind) === undefined) return undefined
  if (kind === 'edge') return removals.pruning(kind, edgeEnds.type(ordinal))
  if (kind === 'key') {
    return keyNames.has(ordinal) ? removals.pruning(kind, keyNames.keyspace(ordinal)) : undefined
  }
  if (!removals.hasOwnPrunings(kind)) return removals.pruningOfAll
  let earliest: Pruning | undefined
  let looked = 0
  for (const row of node.rowsOf(ordinal, node.count)) {
    const reference = node.payloadOf(row)
    for (const label of reference === 0 ? [] : labelsOf(sliceOf(node.arena, reference))) {
      const pruning = removals.pruning(kind, label)
      if (pruning === undefined) return undefined
      if (earliest === undefined || pruning.sequence < earliest.sequence) earliest = pruning
    }
    if (++looked % rowsAtATime === 0) yield
  }
  return earliest ?? removals.pruningOfAll
}

/** At once what `findPruning` finds: the commit before which the past is not told; 0: none. */
export function horizonOf(tables: Tables, kind: EntityKind, ordinal: number): number {
  const search = findPruning(tables, kind, ordinal)
  for (;;) {
    const step = search.next()
    if (step.done === true) return step.value?.sequence ?? 0
  }
}

/**
 * The commit before which a view of a commit tells nothing of an entity. A horizon beyond the view
 * was set after the view was made, which goes on telling what the rows that it holds still tell.
 */
export function toldFrom(
  tables: Tables,
  { kind, ordinal }: { readonly kind: EntityKind; readonly ordinal: number },
  sequence: number,
): number {
  const horizon = horizonOf(tables, kind, ordinal)
  if (horizon <= sequence) return horizon
  const table = tables.versions(kind)
  const oldest = table.oldest(ordinal)
  const removal = oldest < 0 ? -1 : table.prunedBefore(oldest)
  return removal < 0 ? 0 : (tables.removals.at(removal)?.sequence ?? 0)
}

/**
 * What a view of an early commit must not be asked, because some of it was pruned. Reads that
 * nothing pruned can have changed go on; all others are refused, so that no answer is ever short of
 * something without a word.
 */
export class Horizons {
  readonly #tables: Tables
  readonly #sequence: number

  private constructor(tables: Tables, sequence: number) {
    this.#tables = tables
    this.#sequence = sequence
  }

  /** Of a view of a commit; undefined when nothing that it shows was pruned. */
  static at(tables: Tables, sequence: number): Horizons | undefined {
    const isComplete = sequence >= tables.removals.latestHorizon
    return isComplete ? undefined : new Horizons(tables, sequence)
  }

  /** Refuses to look at all entities of a kind, or at those of a label, a type, a keyspace. */
  mustSeeAll(kind: EntityKind, name: string | undefined): void {
    const { removals, symbols } = this.#tables
    if (name === undefined) {
      const what = kind === 'node' ? 'a label' : kind === 'edge' ? 'an edge type' : 'a keyspace'
      return this.#check(removals.latestPruning(kind)?.sequence, what)
    }
    const symbol = symbols.find(name)
    if (symbol === undefined) return
    this.#check(removals.pruning(kind, symbol)?.sequence, `the ${namesOfKinds[kind]} ${name}`)
  }

  /**
   * Refuses to look at a node or an edge whose past is not told, or of which versions are missing
   * because its horizon once was a later one.
   */
  mustSee(kind: EntityKind, ordinal: number): void {
    const table = this.#tables.versions(kind)
    const oldest = table.oldest(ordinal)
    if (oldest < 0) return
    const what = `${kind} ${entityId(kind, ordinal)}`
    this.#check(horizonOf(this.#tables, kind, ordinal), what)
    const removal = table.prunedBefore(oldest)
    if (removal >= 0) this.#check(this.#tables.removals.at(removal)?.sequence, what)
  }

  #check(horizon: number | undefined, what: string): void {
    if (horizon === undefined || this.#sequence >= horizon) return
    throw historyPruned(this.#tables, horizon, what)
  }
}

/** Refuses a question about what was known before the latest horizon of all. */
export function mustSeeEverything(tables: Tables, sequence: number): void {
  const { latestHorizon } = tables.removals
  if (sequence >= latestHorizon) return
  throw historyPruned(tables, latestHorizon, 'a label, an edge type or a keyspace')
}

function historyPruned(tables: Tables, horizon: number, what: string): DatabaseError {
  const system = tables.commits.systemTime(horizon)
  return new DatabaseError(
    'HistoryPruned',
    `what was known of ${what} before commit ${horizon} (${microsToInstant(system).toString()}) ` +
      'was pruned; ask as of that commit or later, or look in a backup from before',
    { details: { horizon, system } },
  )
}
