/**
 * The proleptic Gregorian calendar as arithmetic on days since 1970-01-01. Years are counted from
 * March, so that the leap day comes last and the days before a month follow a straight line
 * (Howard Hinnant, "chrono-compatible low-level date algorithms"). Exact for every year that is
 * allowed here.
 */
export interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

const eraYears = 400
const eraDays = 146_097
/** From 0000-03-01 to 1970-01-01. */
const daysBefore1970 = 719_468
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/** How many days the month (1 … 12) has. */
export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (monthDays[month - 1] ?? 0)
}

/** Days since 1970-01-01 of a valid date. */
export function civilToDays(date: CivilDate): number {
  const year = date.month <= 2 ? date.year - 1 : date.year
  const era = Math.floor(year / eraYears)
  const yearOfEra = year - era * eraYears
  const monthFromMarch = date.month > 2 ? date.month - 3 : date.month + 9
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + date.day - 1
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  return era * eraDays + yearOfEra * 365 + leapDays + dayOfYear - daysBefore1970
}

/** The date that many days after 1970-01-01. */
export function daysToCivil(days: number): CivilDate {
  const shifted = days + daysBefore1970
  const era = Math.floor(shifted / eraDays)
  const dayOfEra = shifted - era * eraDays
  const leaps =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365)
  const daysBeforeYear = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  const dayOfYear = dayOfEra - daysBeforeYear
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = era * eraYears + yearOfEra + (month <= 2 ? 1 : 0)
  return { year, month, day }
}
