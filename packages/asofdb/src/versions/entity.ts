import { DatabaseError } from '../rules/errors.ts'

/**
 * An entity id is a number with the kind in its two low bits, so that an id alone says what it
 * names and ids of different kinds never meet: node 1, 5, 9 and so on, edge 2, 6, 10, key 3, 7, 11.
 * What remains is the ordinal, dense within the kind. An id that was committed is never reused.
 */
export type EntityKind = 'node' | 'edge' | 'key'

export const entityKinds = ['node', 'edge', 'key'] as const satisfies readonly EntityKind[]

export const ordinalMax = 2 ** 30 - 1

export function nodeId(ordinal: number): number {
  return ordinal * 4 + 1
}

export function edgeId(ordinal: number): number {
  return ordinal * 4 + 2
}

export function keyId(ordinal: number): number {
  return ordinal * 4 + 3
}

export function entityId(kind: EntityKind, ordinal: number): number {
  return kind === 'node' ? nodeId(ordinal) : kind === 'edge' ? edgeId(ordinal) : keyId(ordinal)
}

/** The ordinal within the kind, of a valid id. */
export function ordinalOf(id: number): number {
  return id >>> 2
}

/** The kind of an id; undefined when no entity can have it. */
export function kindOf(id: number): EntityKind | undefined {
  if (!Number.isInteger(id) || id <= 0 || id > ordinalMax * 4 + 3) return undefined
  const tag = id & 3
  return tag === 1 ? 'node' : tag === 2 ? 'edge' : tag === 3 ? 'key' : undefined
}

/** The ordinal of a node id; anything else is an InvalidArgument. */
export function nodeOrdinal(id: number): number {
  // The bits of an id are all of it: no number with a fraction or outside 32 bits passes.
  if ((id & 3) !== 1 || id >>> 0 !== id) refuseId(id, 'node')
  return id >>> 2
}

/** The ordinal of an edge id; anything else is an InvalidArgument. */
export function edgeOrdinal(id: number): number {
  if ((id & 3) !== 2 || id >>> 0 !== id) refuseId(id, 'edge')
  return id >>> 2
}

function refuseId(id: number, wanted: EntityKind): never {
  const kind = kindOf(id)
  throw new DatabaseError(
    'InvalidArgument',
    `${String(id)} is not the id of a ${wanted}` + (kind === undefined ? '' : ` but of a ${kind}`),
    { details: { id } },
  )
}
