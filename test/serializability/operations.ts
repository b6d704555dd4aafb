/**
 * What transactions of a random history do, as data that goes through JSON unchanged. Spaces and
 * keys are small, so that transactions meet.
 */
import type { Isolation } from './history.ts'

/** Two keyspaces, and nodes of one label, which are read and written like keys. */
export const spaces = ['left', 'right', 'nodes'] as const
export type Space = (typeof spaces)[number]

/** Every key that there can be, in key order; `<` on ASCII text is the order of the engine. */
export const allKeys = ['a', 'ab', 'abc', 'b', 'ba', 'c', 'ca', 'cb', 'd', 'da'] as const

/** One key of one space. */
export type Cell = `${Space}/${string}`

export function cellOf(space: Space, key: string): Cell {
  return `${space}/${key}`
}

export interface Range {
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly prefix?: string
  readonly reverse?: boolean
  readonly skip?: number
  readonly limit?: number
}

/** What a condition expects: what the transaction saw last at the key, nothing, or rubbish. */
export type Guess = 'seen' | 'absent' | 'other'

export const rangeForms = ['entries', 'keys', 'values', 'count', 'first'] as const
export type RangeForm = (typeof rangeForms)[number]

export const cursorMoves = [
  'seek',
  'seekForPrev',
  'seekToFirst',
  'seekToLast',
  'next',
  'next',
  'prev',
] as const
export type CursorMove = (typeof cursorMoves)[number]

export type Operation =
  | { readonly do: 'get' | 'has' | 'delete'; readonly space: Space; readonly key: string }
  | { readonly do: 'getMany'; readonly space: Space; readonly keys: readonly string[] }
  | {
      readonly do: 'put' | 'insert'
      readonly space: Space
      readonly key: string
      readonly value: string
    }
  | {
      readonly do: 'compareAndSet'
      readonly space: Space
      readonly key: string
      readonly expected: string | null
      readonly value: string
    }
  | {
      readonly do: 'compareAndDelete'
      readonly space: Space
      readonly key: string
      readonly expected: string | null
    }
  | { readonly do: 'clear'; readonly space: Space; readonly range: Range }
  | {
      readonly do: 'range'
      readonly space: Space
      readonly range: Range
      readonly form: RangeForm
      /** Stops walking after so many. */
      readonly take?: number
    }
  | { readonly do: 'cursor'; readonly space: Space; readonly range: Range }
  | { readonly do: 'move'; readonly move: CursorMove; readonly key: string }
  | { readonly do: 'savepoint' | 'rollbackTo' | 'release'; readonly name: string }

/** As planned: what a condition expects is known only when it is run. */
export type PlannedOperation =
  | Exclude<Operation, { readonly expected: string | null }>
  | {
      readonly do: 'compareAndSet' | 'compareAndDelete'
      readonly space: Space
      readonly key: string
      readonly expects: Guess
      readonly value: string
    }

export interface PlannedTransaction {
  readonly isolation: Isolation
  readonly isReadonly: boolean
  readonly operations: readonly PlannedOperation[]
  readonly end: 'commit' | 'cancel'
}

export interface Plan {
  /** What is there before: keys of each space, which get values of their own. */
  readonly before: readonly Cell[]
  readonly transactions: readonly PlannedTransaction[]
  /** Whose turn it is, by index: first its begin, then its operations, last its end. */
  readonly turns: readonly number[]
  /** Turns at which a commit is not waited for. */
  readonly hastyTurns: readonly number[]
}
