import {
  type Instant,
  type InstantInput,
  instantToMicros,
  microsToInstant,
} from '../encoding/instant.ts'
import { DatabaseError } from '../rules/errors.ts'
import {
  alwaysSpan,
  beginningMicros,
  checkPeriod,
  foreverMicros,
  type Span,
} from '../versions/periods.ts'

/** A span of time at the API: half-open, an open end is null. */
export interface Period {
  readonly from: Instant | null
  readonly to: Instant | null
}

/** Over which valid time a write holds. Default: from the transaction's now, for ever. */
export interface PeriodOptions {
  /** First instant of the period. Default: the transaction's now. */
  readonly validFrom?: InstantInput | undefined
  /** First instant after the period; null or absent: for ever. */
  readonly validTo?: InstantInput | null | undefined
  /** All of time. */
  readonly valid?: 'always' | undefined
  /** `'next'`: up to the next change of the entity that is already known. */
  readonly until?: 'next' | undefined
}

/** A write period as the caller gave it, its implicit ends marked. */
export interface WritePeriod {
  readonly span: Span
  readonly hasExplicitEnd: boolean
  readonly isUntilNext: boolean
}

export interface TimeContext {
  /** Microseconds since 1970. */
  readonly now: bigint
  readonly timeZone: string
}

export function writePeriod(options: PeriodOptions, context: TimeContext): WritePeriod {
  if (options.valid !== undefined) return alwaysPeriod(options)
  const { now, timeZone } = context
  const from = options.validFrom === undefined ? now : startMicros(options.validFrom, timeZone)
  const hasExplicitEnd = options.validTo !== undefined && options.validTo !== null
  const to = hasExplicitEnd ? endMicros(options.validTo, timeZone) : foreverMicros
  const isUntilNext = options.until === 'next'
  if (options.until !== undefined && (!isUntilNext || hasExplicitEnd)) {
    throw new DatabaseError(
      'InvalidPeriod',
      `until takes 'next' and no validTo beside it: it sets the end of the period itself`,
    )
  }
  const span = { from, to }
  checkPeriod(span, describeMicros)
  return { span, hasExplicitEnd, isUntilNext }
}

function alwaysPeriod(options: PeriodOptions): WritePeriod {
  const others = [options.validFrom, options.validTo, options.until]
  if (options.valid !== 'always' || others.some((option) => option !== undefined)) {
    throw new DatabaseError(
      'InvalidPeriod',
      `valid takes 'always', with no validFrom, validTo or until beside it`,
    )
  }
  return { span: alwaysSpan, hasExplicitEnd: true, isUntilNext: false }
}

/** A start; null is refused, as it is too easily reached by accident. */
export function startMicros(input: InstantInput | null, timeZone: string): bigint {
  if (input === null) {
    throw new DatabaseError(
      'InvalidInstant',
      'null is no start of a period; write BEGINNING to mean all the past',
    )
  }
  return instantToMicros(input, timeZone)
}

/** An end; null or absent is for ever. */
export function endMicros(input: InstantInput | null | undefined, timeZone: string): bigint {
  return input === null || input === undefined ? foreverMicros : instantToMicros(input, timeZone)
}

export function spanToPeriod(span: Span): Period {
  return {
    from: span.from === beginningMicros ? null : microsToInstant(span.from),
    to: span.to === foreverMicros ? null : microsToInstant(span.to),
  }
}

export function periodToSpan(
  period: {
    readonly from?: InstantInput | null | undefined
    readonly to?: InstantInput | null | undefined
  },
  timeZone: string,
): Span {
  const { from, to } = period
  const span = {
    from: from === null || from === undefined ? beginningMicros : instantToMicros(from, timeZone),
    to: endMicros(to, timeZone),
  }
  checkPeriod(span, describeMicros)
  return span
}

/** An instant for a message. */
export function describeMicros(micros: bigint): string {
  if (micros === beginningMicros) return 'the beginning'
  return micros === foreverMicros ? 'for ever' : microsToInstant(micros).toString()
}
