/** What was recorded of a history: everything that a client could know, and nothing more. */
import type { Cell, Operation } from './operations.ts'

export type Isolation = 'serializable' | 'snapshot'

/** Plain JSON: what an operation returned, or `{ error }` with the code of what it threw. */
export type Result =
  | null
  | boolean
  | number
  | string
  | readonly Result[]
  | { readonly error: string }

export interface RecordedStep {
  readonly operation: Operation
  readonly result: Result
}

export type Outcome =
  | { readonly kind: 'committed'; readonly sequence: number }
  /** It stated nothing. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'cancelled' }
  | {
      readonly kind: 'aborted'
      readonly code: string
      /** The cell that the error names, if it names one. */
      readonly cell: Cell | undefined
      /** Commits that there were when it was refused. */
      readonly after: number
    }

export interface RecordedTransaction {
  readonly name: string
  readonly isolation: Isolation
  /** Commits of its snapshot, counted as `sequence` is; the initial state is 0. */
  readonly base: number
  /** Commits that had been acknowledged when it was begun. */
  readonly acknowledged: number
  readonly steps: readonly RecordedStep[]
  readonly outcome: Outcome
}

/** A state that was committed at a cell; null: nothing is there. */
export interface Version {
  /** 0: before the history. */
  readonly sequence: number
  readonly value: string | null
}

export interface History {
  readonly before: ReadonlyMap<Cell, string>
  readonly transactions: readonly RecordedTransaction[]
  /** What the database says of each cell, oldest first, without the state before. */
  readonly versions: ReadonlyMap<Cell, readonly Version[]>
}
