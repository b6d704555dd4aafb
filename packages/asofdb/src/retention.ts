import type { TransactionCore } from './commit/transaction-core.ts'
import type { CompactionReport, CompactOptions } from './compactor.ts'
import type { InstantInput } from './encoding/instant.ts'
import { DatabaseError } from './rules/errors.ts'
import { type EntityKind, entityKinds } from './versions/entity.ts'
import { pruningOf, type Removal } from './versions/removals.ts'

/** Nodes with a label, edges of a type, or keys of a keyspace. */
export type RetentionTarget =
  | { readonly label: string }
  | { readonly type: string }
  | { readonly keyspace: string }

/**
 * How long what was known is told. `forever`; `present`: only what is known now; or the length of
 * time for which a question about the past is answered, in milliseconds of system time.
 */
export type Retention = 'forever' | 'present' | { readonly keepMs: number }

export interface RetentionRule {
  readonly of: RetentionTarget
  readonly keep: Retention
}

export interface PruneOptions extends CompactOptions {
  /**
   * The horizon: what was invisible from here on goes. Default: now for what is named, and what
   * the retention rules say where nothing is named either.
   */
  readonly before?: InstantInput | undefined
  /** A horizon for what has these names only. Default: for everything. */
  readonly labels?: readonly string[] | undefined
  readonly types?: readonly string[] | undefined
  readonly keyspaces?: readonly string[] | undefined
  /** Whether to give the memory and the disk space back at once. Default: true. */
  readonly compact?: boolean | undefined
}

/** A horizon that a prune has set or moved. */
export interface HorizonReport {
  /** What it is of; undefined: everything. */
  readonly of: RetentionTarget | undefined
  /** The first commit as of which questions are answered. */
  readonly sequence: number
}

export interface PruneReport {
  /** The commit that set the horizons; undefined when none had to be moved. */
  readonly sequence: number | undefined
  readonly horizons: readonly HorizonReport[]
  readonly compaction: CompactionReport | undefined
}

const members: Readonly<Record<EntityKind, 'label' | 'type' | 'keyspace'>> = {
  node: 'label',
  edge: 'type',
  key: 'keyspace',
}

/** The kind of entity that a retention is about, and the name. */
export function kindOfTarget(target: RetentionTarget): { kind: EntityKind; name: string } {
  const given = Object.entries(target)
  const [first] = given
  const kind = entityKinds.find((one) => members[one] === first?.[0])
  const name: unknown = first?.[1]
  if (given.length === 1 && kind !== undefined && typeof name === 'string' && name !== '') {
    return { kind, name }
  }
  throw new DatabaseError(
    'InvalidArgument',
    'a retention is of { label }, { type } or { keyspace }, one of them, with its name',
  )
}

export function targetOf(kind: EntityKind, name: string): RetentionTarget {
  return kind === 'node' ? { label: name } : kind === 'edge' ? { type: name } : { keyspace: name }
}

/** Refuses what is no retention. */
export function checkRetention(keep: Retention): void {
  if (keep === 'forever' || keep === 'present') return
  const keepMs: unknown = typeof keep === 'object' && keep !== null ? keep.keepMs : undefined
  if (typeof keepMs === 'number' && Number.isFinite(keepMs) && keepMs >= 0) return
  throw new DatabaseError(
    'InvalidArgument',
    "a retention is 'forever', 'present' or { keepMs }, milliseconds from 0 on",
  )
}

/** States in a transaction that horizons move on; those that are there already are passed over. */
export function stateHorizons(
  core: TransactionCore,
  horizons: readonly HorizonReport[],
): HorizonReport[] {
  const { removals, symbols } = core.tables
  const moved: HorizonReport[] = []
  for (const horizon of horizons) {
    const { of, sequence } = horizon
    let removal: Removal
    let now: number
    if (of === undefined) {
      removal = { kind: 'prunedEverything', subject: 0, sequence }
      now = removals.pruningOfAll?.sequence ?? 0
    } else {
      const { kind, name } = kindOfTarget(of)
      const symbol = symbols.find(name)
      now = symbol === undefined ? 0 : (removals.pruning(kind, symbol)?.sequence ?? 0)
      // A name that nobody has used has no past.
      if (symbol === undefined) continue
      removal = { kind: pruningOf(kind), subject: core.symbol(name), sequence }
    }
    if (sequence <= now) continue
    core.takeAway(removal)
    moved.push(horizon)
  }
  return moved
}
