import type { InstantInput } from '../encoding/instant.ts'
import { type AllenRelation, allenRelation } from '../versions/interval-relations.ts'
import type { Span } from '../versions/periods.ts'
import { periodToSpan } from './period-options.ts'

/**
 * A half-open period as input: a null or absent end is open. Text without an offset is read in
 * UTC.
 */
export interface PeriodInput {
  readonly from?: InstantInput | null | undefined
  readonly to?: InstantInput | null | undefined
}

/**
 * The one of Allen's thirteen relations in which `p` stands to `q`. Its `overlaps` is narrower
 * than that of SQL: see `intersects`. Throws InvalidInstant, InvalidPeriod.
 */
export function allen(p: PeriodInput, q: PeriodInput): AllenRelation {
  return allenRelation(toSpan(p), toSpan(q))
}

/** Whether the periods have an instant in common (OVERLAPS of SQL). Meeting ones have none. */
export function intersects(p: PeriodInput, q: PeriodInput): boolean {
  const one = toSpan(p)
  const other = toSpan(q)
  return one.from < other.to && other.from < one.to
}

/** Whether every instant of `q` is one of `p` (CONTAINS of SQL). */
export function covers(p: PeriodInput, q: PeriodInput): boolean {
  const one = toSpan(p)
  const other = toSpan(q)
  return one.from <= other.from && one.to >= other.to
}

/** Whether `p` ends before `q` begins, or just as it does (PRECEDES of SQL). */
export function precedes(p: PeriodInput, q: PeriodInput): boolean {
  return toSpan(p).to <= toSpan(q).from
}

function toSpan(period: PeriodInput): Span {
  return periodToSpan(period, 'UTC')
}
