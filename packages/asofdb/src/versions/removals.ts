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
 * without what had been taken away; `sequence` was the newest commit.
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

/**
 * What was taken away, in the order in which that happened: one row each. It is part of the truth,
 * because a state that has lost something must not be taken for one that never had it.
 */
export class Removals {
  readonly column = new WordColumn(4)
  #known = 0
  /** By kind and subject: the commit, or the latest horizon. */
  readonly #sequences = new Map<RemovalKind, Map<number, number>>()
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
    return this.#sequences.get(erasures[kind])?.get(ordinal)
  }

  /** The entities erased, by kind. */
  *erased(kind: EntityKind): Generator<number> {
    this.#follow()
    yield* this.#sequences.get(erasures[kind])?.keys() ?? []
  }

  /** The horizon of a label, a type or a keyspace; 0 when all of its past is there. */
  horizon(kind: EntityKind, symbol: number): number {
    this.#follow()
    const own = this.#sequences.get(prunings[kind])?.get(symbol) ?? 0
    return Math.max(own, this.#horizonOfEverything())
  }

  /** The latest horizon of anything of a kind. */
  horizonOfAny(kind: EntityKind): number {
    this.#follow()
    let latest = this.#horizonOfEverything()
    for (const horizon of this.#sequences.get(prunings[kind])?.values() ?? []) {
      if (horizon > latest) latest = horizon
    }
    return latest
  }

  /** The latest horizon of all: reads from there on miss nothing. */
  get latestHorizon(): number {
    return Math.max(...entityKinds.map((kind) => this.horizonOfAny(kind)))
  }

  #horizonOfEverything(): number {
    return this.#sequences.get('prunedEverything')?.get(0) ?? 0
  }

  /** Takes in the rows that a commit or a checkpoint brought since the last call. */
  #follow(): void {
    for (; this.#known < this.column.count; this.#known++) {
      const removal = this.at(this.#known)
      if (removal === undefined) continue
      const { kind, subject, sequence } = removal
      if (kind === 'rewritten') this.#rewrites++
      let sequences = this.#sequences.get(kind)
      if (sequences === undefined) {
        sequences = new Map()
        this.#sequences.set(kind, sequences)
      }
      sequences.set(subject, Math.max(sequence, sequences.get(subject) ?? 0))
    }
  }
}

const prunings: Readonly<Record<EntityKind, RemovalKind>> = {
  node: 'prunedLabel',
  edge: 'prunedType',
  key: 'prunedKeyspace',
}
