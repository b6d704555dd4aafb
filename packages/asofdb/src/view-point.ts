import type { TransactionCore } from './commit/transaction-core.ts'
import { type InstantInput, instantToMicros } from './encoding/instant.ts'
import type { Edition } from './edition.ts'
import type { SpanSelection } from './graph/history.ts'
import type { Horizons } from './graph/horizons.ts'
import { periodToSpan } from './graph/period-options.ts'
import { DatabaseError } from './rules/errors.ts'
import type { RowCounts } from './versions/commit-table.ts'
import { alwaysSpan } from './versions/periods.ts'

/**
 * A window of valid time: [from, to), or `between` with both ends included. Parts that meet it are
 * kept; `during` keeps only those wholly inside; `clamp` cuts the bounds shown to the window.
 */
export type Window = {
  readonly from?: InstantInput | null | undefined
  readonly to?: InstantInput | null | undefined
  readonly between?: readonly [InstantInput, InstantInput] | undefined
  readonly clamp?: boolean | undefined
  readonly during?: boolean | undefined
}

/** Where to look. What is not given is now, and as best known now. */
export interface Coordinates {
  readonly valid?: InstantInput | undefined
  readonly system?: InstantInput | undefined
  /** System time as a commit's number instead of an instant. */
  readonly sequence?: number | undefined
}

/** What every view of one database shares. */
export interface ViewContext extends Pick<Edition, 'indexes' | 'keyIndex'> {
  readonly timeZone: string
  /** Throws when the database can no longer be read. */
  mustBeReadable(): void
  /** Lets the rest of the program have a turn. */
  yieldTurn(): Promise<void>
}

export interface ViewPoint {
  readonly sequence: number
  readonly counts: RowCounts
  /** Microseconds since 1970. */
  readonly valid: bigint
  readonly core?: TransactionCore | undefined
  /** What it must not be asked, because some of it was pruned. */
  readonly horizons?: Horizons | undefined
}

/** A window as a span with its reading options. */
export function selectionOf(window: Window, timeZone: string): SpanSelection {
  const options = { isClamped: window.clamp === true, isDuring: window.during === true }
  if (window.between === undefined) {
    const isWhole = window.from === undefined && window.to === undefined
    return { ...(isWhole ? alwaysSpan : periodToSpan(window, timeZone)), ...options }
  }
  if (window.from !== undefined || window.to !== undefined) {
    throw new DatabaseError('InvalidPeriod', 'a window takes from and to, or between, not both')
  }
  const [first, last] = window.between
  const from = instantToMicros(first, timeZone)
  const to = instantToMicros(last, timeZone) + 1n
  return { ...periodToSpan({ from, to }, timeZone), ...options }
}
