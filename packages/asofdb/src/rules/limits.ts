import { invariant } from './invariant.ts'

/**
 * Every limit of what the database stores, in one place, with the relations between them asserted
 * below. A limit that is part of the file format can be raised, never lowered.
 */

/** The open end of a period, in microseconds since 1970: the largest 64-bit integer. */
export const foreverMicros = 2n ** 63n - 1n

/** The open start of a period: the smallest 64-bit integer. */
export const beginningMicros = -(2n ** 63n)

/** The furthest finite instant either way, in seconds since 1970: the range of `Date`. */
export const instantSecondsMax = 8_640_000_000_000

/** The same in microseconds. */
export const instantMicrosMax = 8_640_000_000_000_000_000n

/** The furthest year of a calendar date, either way. */
export const calendarYearMax = 999_999_999

/** The largest parts of a duration, either way. Their weighted sum must stay a 64-bit integer. */
export const durationMonthsMax = 1_000_000_000_000
export const durationDaysMax = 10_000_000_000_000
export const durationSecondsMax = 4_000_000_000_000_000_000n

/** Seconds in the average Gregorian month (146,097 days in 4,800 months) and in a day. */
export const monthSecondsMean = 2_629_746
export const daySeconds = 86_400

/** The largest encoded value: one property, one entry of a key. */
export const valueBytesMax = 32 * 1024 * 1024

/** How deep lists and maps may nest; a scalar has depth 0. */
export const valueDepthMax = 100

/** The longest encoded key. */
export const keyBytesMax = 64 * 1024

/** How deep tuples may nest; a tuple of scalars has depth 1. */
export const keyDepthMax = 16

/** The longest text accepted where one instant, date or duration is expected. */
export const timeTextCharactersMax = 256

invariant(
  BigInt(instantSecondsMax) * 1_000_000n === instantMicrosMax,
  'the range of instants is the same in seconds and in microseconds',
)
invariant(
  beginningMicros < -instantMicrosMax && instantMicrosMax < foreverMicros,
  'open ends lie outside the finite instants',
)
invariant(
  BigInt(durationMonthsMax) * BigInt(monthSecondsMean) +
    BigInt(durationDaysMax) * BigInt(daySeconds) +
    durationSecondsMax <
    2n ** 63n,
  'the mean length of every duration fits in 64 bits',
)
invariant(
  calendarYearMax * 2 * 12 < durationMonthsMax && calendarYearMax * 2 * 366 < durationDaysMax,
  'the distance of any two calendar dates is a duration',
)
invariant(keyBytesMax < valueBytesMax, 'a key is smaller than a value')
invariant(valueBytesMax < 2 ** 31, 'a length inside a value fits in 32 bits')
invariant(keyDepthMax < valueDepthMax, 'a tuple nests less than a value')
