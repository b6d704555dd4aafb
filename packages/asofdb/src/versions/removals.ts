import { invariant } from '../rules/invariant.ts'
import { type EntityKind, entityKinds } from './entity.ts'
import { WordColumn } from './word-column.ts'

const kindWord = 0
const subjectWord = 1
const lowSequence = 2
const highSequence = 3

/** The number of a kind in a row is its place in this list, which only ever grows at its end. */
export const removalKinds = [
  'erasedNode',
  'erasedEdge',
  'erasedKey',
  'prunedLabel',
  'prunedType',
  'prunedKeyspace',
  'prunedEverything',
  'rewritten',
] as const

export type RemovalKind = (typeof removalKinds)[number]

/**
 * Something that was taken away from the past.
 *
 * `erased…`: the entity with the ordinal `subject`, in the commit `sequence`. `pruned…`: of the
 * entities with the label, of the type, in the keyspace `subject` (a symbol), or of all, what was
 * invisible from the commit `sequence` on, the horizon. `rewritten`: the tables were made anew
 * without what the commits up to `sequence` had taken away.
 */
export interface Removal {
  readonly kind: RemovalKind
  readonly subject: number
  readonly sequence: number
}

const erasures: Readonly<Record<EntityKind, RemovalKind>> = {
  node: 'erasedNode',
  edge: 'erasedEdge',
  key: 'erasedKey',
}

const prunings: Readonly<Record<EntityKind, RemovalKind>> = {
  node: 'prunedLabel',
  edge: 'prunedType',
  key: 'prunedKeyspace',
}

/** The kind of entity that a removal erases; undefined for a removal that erases none. */
export function erasedKindOf(kind: RemovalKind): EntityKind | undefined {
  return entityKinds.find((entity) => erasures[entity] === kind)
}

/** How the erasure of an entity is recorded. */
export function erasureOf(kind: EntityKind): RemovalKind {
  return erasures[kind]
}

/** How a horizon of a label, a type or a keyspace is recorded. */
export function pruningOf(kind: EntityKind): RemovalKind {
  return prunings[kind]
}

/**
 * What was taken away, in the order in which that happened: one row each. It is part of the truth,
 * because a state that has lost something must not be taken for one that never had it.
 */
export class Removals {
  readonly column = new WordColumn(4)
  #known = 0
  /** By kind and subject: the commit, or the latest horizon. */
  readonly #latest = new Map<RemovalKind, Map<number, Pruning>>()
  #latestHorizon = 0
  #erasedUpTo = 0
  #rewrittenUpTo = 0
  #rewrites = 0

  get count(): number {
    return this.column.count
  }

  /** How often the tables were made anew: row numbers mean something within one number only. */
  get rewrites(): number {
    this.#follow()
    return this.#rewrites
  }

  append(removal: Removal): void {
    invariant(removal.subject >= 0 && removal.subject < 2 ** 31, 'a subject is a number of ours')
    invariant(Number.isSafeInteger(removal.sequence), 'a commit has a number')
    const row = this.column.extend()
    this.column.set(row, kindWord, removalKinds.indexOf(removal.kind))
    this.column.set(row, subjectWord, removal.subject)
    this.column.set(row, lowSequence, removal.sequence | 0)
    this.column.set(row, highSequence, Math.floor(removal.sequence / 2 ** 32))
  }

  /** Row `index`; undefined where the row is none that this release knows. */
  at(index: number): Removal | undefined {
    const kind = removalKinds[this.column.word(index, kindWord)]
    if (kind === undefined) return undefined
    const sequence =
      (this.column.word(index, lowSequence) >>> 0) + this.column.word(index, highSequence) * 2 ** 32
    return { kind, subject: this.column.word(index, subjectWord), sequence }
  }

  /** The commit that erased an entity. */
  erasedAt(kind: EntityKind, ordinal: number): number | undefined {
    this.#follow()
    return this.#latest.get(erasures[kind])?.get(ordinal)?.sequence
  }

  /** Whether something was erased of which the tables may still hold the bytes. */
  get hasUnfinishedErasure(): boolean {
    this.#follow()
    return this.#erasedUpTo > this.#rewrittenUpTo
  }

  /** The last commit whose versions were looked at when the tables were made anew; 0: none. */
  get rewrittenUpTo(): number {
    this.#follow()
    return this.#rewrittenUpTo
  }

  /** How many entities of a kind were erased. */
  erasedCount(kind: EntityKind): number {
    this.#follow()
    return this.#latest.get(erasures[kind])?.size ?? 0
  }

  /** The horizon of a label, a type or a keyspace; undefined when all of its past is there. */
  pruning(kind: EntityKind, symbol: number): Pruning | undefined {
    this.#follow()
    return later(this.#latest.get(prunings[kind])?.get(symbol), this.pruningOfAll)
  }

  /** The horizon of what has no name. */
  get pruningOfAll(): Pruning | undefined {
    this.#follow()
    return this.#latest.get('prunedEverything')?.get(0)
  }

  /** Whether a label, a type or a keyspace has a horizon of its own. */
  hasOwnPrunings(kind: EntityKind): boolean {
    this.#follow()
    return this.#latest.has(prunings[kind])
  }

  /** The latest horizon of anything of a kind. */
  latestPruning(kind: EntityKind): Pruning | undefined {
    let latest = this.pruningOfAll
    for (const one of this.#latest.get(prunings[kind])?.values() ?? []) latest = later(latest, one)
    return latest
  }

  /** The latest horizon of all, a commit: reads from there on miss nothing. 0: none do. */
  get latestHorizon(): number {
    this.#follow()
    return this.#latestHorizon
  }

  /** How many horizons there are: of names, and of everything. */
  get horizonCount(): number {
    this.#follow()
    let count = 0
    for (const [kind, subjects] of this.#latest) if (isPruning(kind)) count += subjects.size
    return count
  }

  /** Takes in the rows that a commit or a checkpoint brought since the last call. */
  #follow(): void {
    for (; this.#known < this.column.count; this.#known++) {
      const index = this.#known
      const removal = this.at(index)
      if (removal === undefined) continue
      const { kind, subject, sequence } = removal
      if (kind === 'rewritten') {
        this.#rewrites++
        this.#rewrittenUpTo = Math.max(this.#rewrittenUpTo, sequence)
      }
      const isErasure = erasedKindOf(kind) !== undefined
      if (isErasure) this.#erasedUpTo = Math.max(this.#erasedUpTo, sequence)
      if (isPruning(kind) && sequence > this.#latestHorizon) this.#latestHorizon = sequence
      let latest = this.#latest.get(kind)
      if (latest === undefined) {
        latest = new Map()
        this.#latest.set(kind, latest)
      }
      latest.set(subject, later(latest.get(subject), { sequence, index }))
    }
  }
}

/** A horizon, and the row that says so. */
export interface Pruning {
  readonly sequence: number
  readonly index: number
}

function later(one: Pruning | undefined, other: Pruning): Pruning
function later(one: Pruning | undefined, other: Pruning | undefined): Pruning | undefined
function later(one: Pruning | undefined, other: Pruning | undefined): Pruning | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.sequence > one.sequence ? other : one
}

/** Whether a removal sets a horizon. */
export function isPruning(kind: RemovalKind): boolean {
  return kind === 'prunedEverything' || Object.values(prunings).includes(kind)
}
