import { DatabaseError } from './rules/errors.ts'
import { type EntityKind, entityKinds } from './versions/entity.ts'

/** Nodes with a label, edges of a type, or keys of a keyspace. */
export type RetentionTarget =
  { readonly label: string } | { readonly type: string } | { readonly keyspace: string }

/**
 * How long what was known is told. `forever`; `present`: only what is known now; or the length of
 * time for which a question about the past is answered, in milliseconds of system time.
 */
export type Retention = 'forever' | 'present' | { readonly keepMs: number }

/** What keyspaces have in common that no rule is about. */
export const otherKeyspaces = 'other keyspaces'

export interface RetentionRule {
  /** `other keyspaces`: what holds for those without a rule, as this opening says. */
  readonly of: RetentionTarget | typeof otherKeyspaces
  readonly keep: Retention
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

/** As it is stored. */
export function retentionToKeep(retention: Retention): 'forever' | 'present' | number {
  return typeof retention === 'object' ? retention.keepMs : retention
}

export function keepToRetention(keep: 'forever' | 'present' | number): Retention {
  return typeof keep === 'number' ? { keepMs: keep } : keep
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
