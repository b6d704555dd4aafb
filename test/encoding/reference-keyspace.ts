/** A keyspace in the plainest form: every statement in the order in which it was made. */
import type { KeyInput, KeyRange } from '../../packages/asofdb/src/index.ts'
import { compareReferenceKeys, hasReferencePrefix, storedKey } from './reference-keys.ts'

export interface ReferenceStatement {
  readonly key: KeyInput
  /** The commit; Infinity for one of the open transaction. */
  readonly sequence: number
  /** Valid from this on and before that. */
  readonly from: number
  readonly to: number
  readonly value: unknown
  readonly isDeleted: boolean
}

/** A valid instant and what was known after so many commits. */
export interface ReferencePoint {
  readonly valid: number
  readonly sequence: number
}

export interface ReferenceEntry {
  readonly key: KeyInput
  readonly value: unknown
}

export class ReferenceKeyspace {
  readonly statements: ReferenceStatement[] = []

  at(key: KeyInput, { valid, sequence }: ReferencePoint): ReferenceStatement | undefined {
    const found = this.statements.findLast(
      (one) =>
        compareReferenceKeys(one.key, key) === 0 &&
        one.sequence <= sequence &&
        one.from <= valid &&
        valid < one.to,
    )
    return found?.isDeleted === true ? undefined : found
  }

  /** Every key that was stated about up to a commit, in order. */
  keys(sequence: number): KeyInput[] {
    const keys: KeyInput[] = []
    for (const { key, sequence: at } of this.statements) {
      if (at > sequence || keys.some((one) => compareReferenceKeys(one, key) === 0)) continue
      keys.push(storedKey(key))
    }
    return keys.sort(compareReferenceKeys)
  }

  entries(point: ReferencePoint): ReferenceEntry[] {
    return this.keys(point.sequence).flatMap((key) => {
      const found = this.at(key, point)
      return found === undefined ? [] : [{ key, value: found.value }]
    })
  }

  /** Whether a key has a value anywhere in a period. */
  isAnywhere(key: KeyInput, from: number, to: number): boolean {
    const edges = this.statements.flatMap((one) => [one.from, one.to])
    const instants = [from, ...edges.filter((edge) => edge > from && edge < to)]
    return instants.some((valid) => this.at(key, { valid, sequence: Infinity }) !== undefined)
  }
}

export function isInRange(key: KeyInput, range: KeyRange): boolean {
  const { gt, gte, lt, lte, prefix } = range
  if (gt !== undefined && compareReferenceKeys(key, gt) <= 0) return false
  if (gte !== undefined && compareReferenceKeys(key, gte) < 0) return false
  if (lt !== undefined && compareReferenceKeys(key, lt) >= 0) return false
  if (lte !== undefined && compareReferenceKeys(key, lte) > 0) return false
  return prefix === undefined || hasReferencePrefix(key, prefix)
}

/** What a range gives of things in order. */
export function selectRange<T extends { readonly key: KeyInput }>(
  all: readonly T[],
  range: KeyRange,
): T[] {
  const within = all.filter(({ key }) => isInRange(key, range))
  if (range.reverse === true) within.reverse()
  const { skip = 0, limit = Infinity } = range
  return within.slice(skip, skip + limit)
}
