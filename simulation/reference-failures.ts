import type { Period } from './reference-periods.ts'

/** The codes of semantics 2.10 that the model knows, and `Conflict`. */
export type FailureCode =
  | 'InvalidInstant'
  | 'InvalidPeriod'
  | 'TimeInFuture'
  | 'TimeReadOnly'
  | 'NotMonotonic'
  | 'AlreadyExists'
  | 'NotFound'
  | 'EndpointNotValid'
  | 'ConnectedEdges'
  | 'UniqueViolation'
  | 'ImmutableField'
  | 'Erased'
  | 'Conflict'
  | 'TransactionFinished'

/** The periods in question, and whose they are. */
export interface Clash {
  readonly entity: string
  readonly periods: readonly Period[]
}

/**
 * `entity` is what was being written, `clashes` what stood in the way. A commit may break several
 * rules at once and 2.10 gives them no order, so `codes` holds every code that is a right answer.
 */
export interface Failure {
  readonly code: FailureCode
  readonly codes: ReadonlySet<FailureCode>
  readonly entity: string | undefined
  readonly clashes: readonly Clash[]
}

export class ModelFailure extends Error {
  override readonly name = 'ModelFailure'
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.code)
    this.failure = failure
  }
}

export function fail(
  code: FailureCode,
  about: { entity?: string; clashes?: readonly Clash[] } = {},
): never {
  throw new ModelFailure({
    code,
    codes: new Set([code]),
    entity: about.entity,
    clashes: about.clashes ?? [],
  })
}

export type Result<T> = { readonly value: T } | { readonly failure: Failure }

/** The value of `body`, or the failure it ended with, as a result. */
export function attempt<T>(body: () => T): Result<T> {
  try {
    return { value: body() }
  } catch (error) {
    if (error instanceof ModelFailure) return { failure: error.failure }
    throw error
  }
}
