import { DatabaseError } from '../rules/errors.ts'
import { calendarYearMax, daySeconds } from '../rules/limits.ts'
import { type CivilDate, civilToDays, daysInMonth, daysToCivil } from './gregorian.ts'
import { checkSeconds, Instant, localSecondsToText } from './instant.ts'
import {
  IsoParser,
  type IsoShape,
  offsetToSeconds,
  secondsToOffset,
  timeToText,
  twoDigits,
  yearToText,
} from './iso-text.ts'
import { compareText } from './text.ts'
import { checkTimeZone, localToEpochSeconds, zoneOffsetSeconds } from './time-zone.ts'

export { Duration, type DurationParts } from './duration.ts'
export { Float, float } from './float.ts'

/**
 * Dates and times as calendars and clocks show them. Plain immutable values with nanosecond
 * precision; arithmetic belongs to the query language. Text is ISO 8601, see `iso-text.ts`.
 */
export interface TimeParts {
  readonly hour?: number
  readonly minute?: number
  readonly second?: number
  readonly nanosecond?: number
}

/** A date without a time or a zone, in the years -999,999,999 to 999,999,999. */
export class LocalDate {
  readonly year: number
  readonly month: number
  readonly day: number

  /** Throws InvalidValue for a date that does not exist. */
  constructor(date: CivilDate) {
    this.year = checkPart('year', date.year, { min: -calendarYearMax, max: calendarYearMax })
    this.month = checkPart('month', date.month, { min: 1, max: 12 })
    this.day = checkPart('day', date.day, { min: 1, max: daysInMonth(date.year, date.month) })
  }

  /** Reads YYYY-MM-DD. Throws InvalidValue. */
  static from(this: void, text: string): LocalDate {
    return new LocalDate(parse(text, 'date').fields)
  }

  /** The date that many days after 1970-01-01. */
  static ofEpochDay(this: void, day: number): LocalDate {
    return new LocalDate(daysToCivil(day))
  }

  static compare(this: void, a: LocalDate, b: LocalDate): number {
    return a.year - b.year || a.month - b.month || a.day - b.day
  }

  /** Days since 1970-01-01. */
  get epochDay(): number {
    return civilToDays(this)
  }

  equals(other: LocalDate): boolean {
    return LocalDate.compare(this, other) === 0
  }

  toString(): string {
    return `${yearToText(this.year)}-${twoDigits(this.month)}-${twoDigits(this.day)}`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** A time of day without a date or a zone. */
export class LocalTime {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number

  /** Parts not given are 0. Throws InvalidValue. */
  constructor(time: TimeParts) {
    this.hour = checkPart('hour', time.hour ?? 0, { min: 0, max: 23 })
    this.minute = checkPart('minute', time.minute ?? 0, { min: 0, max: 59 })
    this.second = checkPart('second', time.second ?? 0, { min: 0, max: 59 })
    this.nanosecond = checkPart('nanosecond', time.nanosecond ?? 0, { min: 0, max: 999_999_999 })
  }

  /** Reads HH:MM, HH:MM:SS or HH:MM:SS.fraction. Throws InvalidValue. */
  static from(this: void, text: string): LocalTime {
    return new LocalTime(parse(text, 'time').fields)
  }

  /** From whole seconds after midnight and the nanoseconds after them. */
  static ofSecondOfDay(
    this: void,
    time: { readonly secondOfDay: number; readonly nanosecond: number },
  ): LocalTime {
    const { secondOfDay, nanosecond } = time
    return new LocalTime({
      hour: Math.floor(secondOfDay / 3600),
      minute: Math.floor(secondOfDay / 60) % 60,
      second: secondOfDay % 60,
      nanosecond,
    })
  }

  static compare(this: void, a: LocalTime, b: LocalTime): number {
    return a.secondOfDay - b.secondOfDay || a.nanosecond - b.nanosecond
  }

  get secondOfDay(): number {
    return this.hour * 3600 + this.minute * 60 + this.second
  }

  equals(other: LocalTime): boolean {
    return LocalTime.compare(this, other) === 0
  }

  toString(): string {
    return timeToText(this)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** A date and a time of day without a zone: which instant it is depends on the place. */
export class LocalDateTime {
  readonly date: LocalDate
  readonly time: LocalTime

  constructor(date: LocalDate, time: LocalTime) {
    this.date = date
    this.time = time
  }

  /** Reads a date, or a date and a time joined by T. Throws InvalidValue. */
  static from(this: void, text: string): LocalDateTime {
    const { fields } = parse(text, 'date-time')
    if (fields.offsetSeconds !== undefined || fields.zone !== undefined) {
      throw refused(text, 'a local date-time has no offset and no zone')
    }
    return new LocalDateTime(new LocalDate(fields), new LocalTime(fields))
  }

  static compare(this: void, a: LocalDateTime, b: LocalDateTime): number {
    return LocalDate.compare(a.date, b.date) || LocalTime.compare(a.time, b.time)
  }

  equals(other: LocalDateTime): boolean {
    return LocalDateTime.compare(this, other) === 0
  }

  toString(): string {
    return `${this.date.toString()}T${this.time.toString()}`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** An instant, and the zone on whose clocks it was meant. Equal only with the same zone name. */
export class ZonedDateTime {
  readonly instant: Instant
  readonly zone: string

  private constructor(instant: Instant, zone: string) {
    this.instant = instant
    this.zone = zone
  }

  /** Throws InvalidInstant for an unknown zone, InvalidValue for an open end. */
  static of(instant: Instant, zone: string): ZonedDateTime {
    if (!instant.isFinite) throw refused(instant.toString(), 'an open end has no date')
    return new ZonedDateTime(instant, normaliseZone(zone))
  }

  /**
   * What was stored. The zone is not looked up: a database must stay readable where the runtime
   * does not know a zone that another one knew.
   */
  static ofStored(instant: Instant, zone: string): ZonedDateTime {
    return new ZonedDateTime(instant, zone)
  }

  /**
   * Reads a date-time with an offset, a zone in brackets or both; the offset is then the zone or
   * must be one that the zone has at that time. Throws InvalidValue, or InvalidInstant for an
   * unknown zone.
   */
  static from(this: void, text: string): ZonedDateTime {
    const { fields } = parse(text, 'date-time')
    const { offsetSeconds, nanosecond } = fields
    const isZulu = offsetSeconds === 0 && /z(\[|$)/i.test(text)
    const offsetZone = offsetSeconds === undefined ? undefined : secondsToOffset(offsetSeconds)
    const named = fields.zone ?? (isZulu ? 'UTC' : offsetZone)
    if (named === undefined) throw refused(text, 'an offset or a zone in brackets is missing')
    const zone = normaliseZone(named)
    const time = fields.hour * 3600 + fields.minute * 60 + fields.second
    const local = civilToDays(fields) * daySeconds + time
    const seconds =
      offsetSeconds === undefined ? localToEpochSeconds(zone, local) : local - offsetSeconds
    checkSeconds(seconds, nanosecond, text)
    const isOffsetOfZone = zoneOffsetSeconds(zone, seconds) === local - seconds
    if (offsetSeconds !== undefined && !isZulu && !isOffsetOfZone) {
      throw refused(text, `${zone} does not have this offset at that time`)
    }
    return new ZonedDateTime(Instant.ofChecked(seconds, nanosecond), zone)
  }

  /** Orders by instant, then by zone name. */
  static compare(this: void, a: ZonedDateTime, b: ZonedDateTime): number {
    const order = Instant.compare(a.instant, b.instant)
    return order === 0 ? compareText(a.zone, b.zone) : order
  }

  get epochNanoseconds(): bigint {
    return this.instant.epochNanoseconds
  }

  /** Seconds east of UTC. Throws InvalidInstant where the runtime does not know the zone. */
  get offsetSeconds(): number {
    return zoneOffsetSeconds(this.zone, this.instant.epochSeconds)
  }

  toLocalDateTime(): LocalDateTime {
    const local = this.instant.epochSeconds + this.offsetSeconds
    const day = Math.floor(local / daySeconds)
    const time = LocalTime.ofSecondOfDay({
      secondOfDay: local - day * daySeconds,
      nanosecond: this.instant.nanosecond,
    })
    return new LocalDateTime(LocalDate.ofEpochDay(day), time)
  }

  equals(other: ZonedDateTime): boolean {
    return ZonedDateTime.compare(this, other) === 0
  }

  /** Such as 2024-07-01T12:00:00+02:00[Europe/Paris]; no brackets where the zone is an offset. */
  toString(): string {
    const offset = this.offsetSeconds
    const { epochSeconds, nanosecond } = this.instant
    const local = localSecondsToText(epochSeconds + offset, nanosecond)
    if (this.zone === 'UTC') return `${local}Z`
    const offsetText = secondsToOffset(offset)
    return this.zone === offsetText ? local + offsetText : `${local}${offsetText}[${this.zone}]`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** One spelling for each fixed offset and for UTC. Throws InvalidInstant for an unknown zone. */
function normaliseZone(zone: string): string {
  if (zone === 'Z') return 'UTC'
  const offset = offsetToSeconds(zone)
  if (offset !== undefined) return secondsToOffset(offset)
  checkTimeZone(zone)
  return zone
}

const parser = new IsoParser()

function parse(text: string, shape: IsoShape): IsoParser {
  const problem = parser.parse(text, shape)
  if (problem !== undefined) throw refused(text, problem)
  return parser
}

function checkPart(name: string, value: number, range: { min: number; max: number }): number {
  const { min, max } = range
  if (Number.isInteger(value) && value >= min && value <= max) return value + 0
  throw refused(`${name} ${value}`, `it must be a whole number from ${min} to ${max}`)
}

function refused(text: string, problem: string): DatabaseError {
  const shown = text.slice(0, 64)
  return new DatabaseError('InvalidValue', `'${shown}' is not a date or time: ${problem}`, {
    details: { input: text },
  })
}
