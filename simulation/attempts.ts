/**
 * What was tried on the engine, so that it can be done again on the reference model once the commit
 * is seen: which number a commit gets is for the engine to say, what it then holds is not.
 */
import type { ErrorCode } from '../packages/asofdb/src/index.ts'
import { EntityNames } from '../test/conformance/engine-answers.ts'
import type { Isolation, Operation } from './operation-script.ts'
import type { Horizon } from './reference-forgetting.ts'

/** One operation inside a transaction, and what the engine said to it. */
export type AttemptedStep =
  | (StepOfAttempt & { readonly affected: number })
  | (StepOfAttempt & { readonly code: ErrorCode })

interface StepOfAttempt {
  readonly operation: Operation
  /** The newest applied commit at that moment: what it erased is gone for everybody. */
  readonly applied: number
}

/** Something to be forgotten, tried on the engine: a commit without statements of its own. */
export type Upkeep =
  | { readonly erase: readonly string[] }
  | { readonly horizons: readonly Horizon[] }

/** One run of the body of a transaction. Who loses a race runs again. */
export interface Run {
  /** The newest applied commit when it began: its snapshot. */
  readonly base: number
  /** The wall clock at its beginning. */
  readonly wall: bigint
  /** The time of the machine since its start, at its beginning. */
  readonly beganMs: number
  readonly names: OwnNames
  readonly steps: AttemptedStep[]
}

/**
 * `refused`: it never happens, at no time. `unknown`: nobody can say before the next opening.
 */
export type AttemptOutcome = 'open' | 'acknowledged' | 'refused' | 'unknown'

export interface AttemptParts {
  readonly who: string
  readonly isolation: Isolation
  readonly importedAt?: bigint | undefined
  readonly upkeep?: Upkeep
}

export class Attempt {
  /** Goes into the metadata of the commit, and tells whose it is. */
  readonly who: string
  readonly isolation: Isolation
  /** The system time that an import asked for, microseconds; undefined: it is no import. */
  readonly importedAt: bigint | undefined
  readonly runs: Run[] = []
  readonly upkeep: Upkeep | undefined
  outcome: AttemptOutcome = 'open'

  constructor(parts: AttemptParts) {
    this.who = parts.who
    this.isolation = parts.isolation
    this.importedAt = parts.importedAt
    this.upkeep = parts.upkeep
  }

  /** The one that was committed, if any was. */
  get lastRun(): Run | undefined {
    return this.runs.at(-1)
  }
}

let allocations = 0

/** The names of what a transaction created, on top of those that are known. */
export class OwnNames extends EntityNames {
  readonly #known: EntityNames
  readonly #find: (name: string) => number | undefined
  readonly #own = new Map<string, { readonly id: number; readonly kind: 'node' | 'edge' }>()
  readonly #since = new Map<number, number>()

  /** `find` knows what is applied and was not seen yet. */
  constructor(known: EntityNames, find: (name: string) => number | undefined) {
    super()
    this.#known = known
    this.#find = find
  }

  override addNode(name: string, id: number): void {
    super.addNode(name, id)
    this.#own.set(name, { id, kind: 'node' })
    this.#since.set(id, ++allocations)
  }

  override addEdge(name: string, id: number): void {
    super.addEdge(name, id)
    this.#own.set(name, { id, kind: 'edge' })
  }

  override isEdge(name: string): boolean {
    return this.#own.has(name) ? super.isEdge(name) : this.#known.isEdge(name)
  }

  override id(name: string): number {
    return this.#own.get(name)?.id ?? this.#find(name) ?? this.#known.id(name)
  }

  /** The id of something that this transaction created; undefined when it did not. */
  ownId(name: string): number | undefined {
    return this.#own.get(name)?.id
  }

  /**
   * Grows with each id that was given to anybody. An id that was taken back is given again: who got
   * it last has it.
   */
  ownSince(id: number): number {
    return this.#since.get(id) ?? 0
  }

  /** The name of something that this transaction created; undefined when it did not. */
  ownName(id: number): string | undefined {
    const name = super.name(id)
    return this.#own.has(name) ? name : undefined
  }

  addTo(names: EntityNames): void {
    for (const [name, { id, kind }] of this.#own) {
      if (kind === 'node') names.addNode(name, id)
      else names.addEdge(name, id)
    }
  }
}
