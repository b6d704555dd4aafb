import { Duration, LocalDate, LocalDateTime, LocalTime, ZonedDateTime } from './calendar.ts'
import { Instant } from './instant.ts'

/**
 * Temporal's types, of the runtime or of a polyfill, recognised by their tag; so storing them
 * needs no import and no particular runtime.
 */
export interface TemporalInput {
  readonly [Symbol.toStringTag]:
    | 'Temporal.Instant'
    | 'Temporal.PlainDate'
    | 'Temporal.PlainTime'
    | 'Temporal.PlainDateTime'
    | 'Temporal.ZonedDateTime'
    | 'Temporal.Duration'
}

export type CalendarValue = LocalDate | LocalTime | LocalDateTime | ZonedDateTime | Duration

/** A date of another calendar says its ISO date when asked to leave the calendar out. */
interface IsoSpeaking {
  toString(options: { calendarName: 'never' }): string
}
interface ZonedFields {
  readonly epochNanoseconds: bigint
  readonly timeZoneId: string
}
type DurationFields = Readonly<Record<DurationField, number>>
type DurationField =
  | 'years'
  | 'months'
  | 'weeks'
  | 'days'
  | 'hours'
  | 'minutes'
  | 'seconds'
  | 'milliseconds'
  | 'microseconds'
  | 'nanoseconds'

/**
 * The stored form of a Temporal value; undefined for anything else. Throws InvalidValue or
 * InvalidInstant for one that is out of range.
 */
export function temporalToValue(input: object): Instant | CalendarValue | undefined {
  const tag: unknown = Reflect.get(input, Symbol.toStringTag)
  if (typeof tag !== 'string' || !tag.startsWith('Temporal.')) return undefined
  switch (tag) {
    case 'Temporal.Instant':
      return Instant.from(input as ZonedFields)
    case 'Temporal.PlainDate':
      return LocalDate.from(isoOf(input))
    case 'Temporal.PlainTime':
      return LocalTime.from(isoOf(input))
    case 'Temporal.PlainDateTime':
      return LocalDateTime.from(isoOf(input))
    case 'Temporal.ZonedDateTime': {
      const zoned = input as ZonedFields
      return ZonedDateTime.of(Instant.from(zoned), zoned.timeZoneId)
    }
    case 'Temporal.Duration':
      return durationOf(input as DurationFields)
    default:
      return undefined
  }
}

function isoOf(input: object): string {
  return (input as IsoSpeaking).toString({ calendarName: 'never' })
}

function durationOf(fields: DurationFields): Duration {
  const { years, months, weeks, days, hours, minutes, seconds } = fields
  const { milliseconds, microseconds, nanoseconds } = fields
  return new Duration({
    months: years * 12 + months,
    days: weeks * 7 + days,
    seconds: BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds),
    nanoseconds:
      BigInt(milliseconds) * 1_000_000n + BigInt(microseconds) * 1000n + BigInt(nanoseconds),
  })
}
