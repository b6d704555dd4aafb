import { calendarYearMax, timeTextCharactersMax } from '../rules/limits.ts'
import { daysInMonth } from './gregorian.ts'

/**
 * Reads and prints the ISO 8601 profile used everywhere:
 *
 *     date    = YYYY-MM-DD, or a sign and 6 to 9 digits for the year
 *     time    = HH:MM[:SS[.fraction]]      fraction: any number of digits; past 9 they are dropped
 *     offset  = Z | ±HH[[:]MM[[:]SS]]
 *     text    = date [(T | space) time [offset] ["[" zone "]"]]
 *
 * The calendar is checked strictly: no 30 February, no hour 24, no second 60, no year -000000.
 * Dropping digits of the fraction is flooring, because a fraction always counts forward.
 */
export class IsoFields {
  year = 0
  month = 1
  day = 1
  hasTime = false
  hour = 0
  minute = 0
  second = 0
  nanosecond = 0
  /** Seconds east of UTC; undefined when the text gives none. */
  offsetSeconds: number | undefined = undefined
  zone: string | undefined = undefined
}

export type IsoShape = 'date' | 'time' | 'date-time'

const code = { plus: 43, comma: 44, minus: 45, dot: 46, zero: 48, colon: 58 }
const fractionScale = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1]

/** The number of exactly `count` digits at `at`, or -1. */
function digits(text: string, at: number, count: number): number {
  let value = 0
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - code.zero
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}

/** Reads one text. Not reentrant and not shared: made for one call, or kept by one caller. */
export class IsoParser {
  readonly fields = new IsoFields()
  #text = ''
  #at = 0
  #problem = ''

  /** Fills `fields`. Returns what is wrong with the text, or undefined when it is fine. */
  parse(text: string, shape: IsoShape): string | undefined {
    this.#text = text
    this.#at = 0
    this.#problem = 'it is not ISO 8601, as in 2024-02-29T12:30:00Z'
    if (text.length > timeTextCharactersMax) return 'it is too long'
    this.#clear()
    const isFine = shape === 'time' ? this.#time() : this.#date() && this.#rest(shape)
    if (isFine && this.#at === text.length) return undefined
    return this.#problem
  }

  #clear(): void {
    const fields = this.fields
    fields.hasTime = false
    fields.hour = 0
    fields.minute = 0
    fields.second = 0
    fields.nanosecond = 0
    fields.offsetSeconds = undefined
    fields.zone = undefined
  }

  #rest(shape: IsoShape): boolean {
    if (shape === 'date' || this.#at === this.#text.length) return true
    const separator = this.#text[this.#at]
    if (separator !== 'T' && separator !== 't' && separator !== ' ') return false
    this.#at++
    if (!this.#time() || !this.#offset()) return false
    return this.#zone()
  }

  #date(): boolean {
    const text = this.#text
    const fields = this.fields
    if (!this.#year()) return false
    const at = this.#at
    const month = digits(text, at + 1, 2)
    const day = digits(text, at + 4, 2)
    if (text.charCodeAt(at) !== code.minus || text.charCodeAt(at + 3) !== code.minus) return false
    if (month < 0 || day < 0) return false
    if (month < 1 || month > 12) return this.#refuse(`month ${month} does not exist`)
    if (day < 1 || (day > 28 && day > daysInMonth(fields.year, month))) {
      return this.#refuse(`its month has no day ${day}`)
    }
    fields.month = month
    fields.day = day
    this.#at = at + 6
    return true
  }

  #year(): boolean {
    const text = this.#text
    const sign = text.charCodeAt(0)
    if (sign !== code.plus && sign !== code.minus) {
      this.fields.year = digits(text, 0, 4)
      this.#at = 4
      return this.fields.year >= 0
    }
    let end = 1
    while (digits(text, end, 1) >= 0) end++
    const count = end - 1
    const magnitude = digits(text, 1, count)
    if (count < 6 || count > 9) {
      return this.#refuse('a year with a sign needs 6 to 9 digits, as in -000044-03-15')
    }
    if (magnitude > calendarYearMax) return this.#refuse('the year is out of range')
    if (sign === code.minus && magnitude === 0) return this.#refuse('year 0 has no minus sign')
    this.fields.year = sign === code.minus ? -magnitude : magnitude
    this.#at = end
    return true
  }

  #time(): boolean {
    const text = this.#text
    const fields = this.fields
    const at = this.#at
    const hour = digits(text, at, 2)
    const minute = digits(text, at + 3, 2)
    if (hour < 0 || minute < 0 || text.charCodeAt(at + 2) !== code.colon) return false
    if (hour > 23) return this.#refuse(`hour ${hour} does not exist`)
    if (minute > 59) return this.#refuse(`minute ${minute} does not exist`)
    fields.hasTime = true
    fields.hour = hour
    fields.minute = minute
    this.#at = at + 5
    if (text.charCodeAt(this.#at) !== code.colon) return true
    const second = digits(text, at + 6, 2)
    if (second < 0) return false
    if (second > 59) return this.#refuse(`second ${second} does not exist`)
    fields.second = second
    this.#at = at + 8
    const mark = text.charCodeAt(this.#at)
    return mark === code.dot || mark === code.comma ? this.#fraction() : true
  }

  #fraction(): boolean {
    const text = this.#text
    const start = this.#at + 1
    let at = start
    let value = 0
    for (; at < text.length; at++) {
      const digit = text.charCodeAt(at) - code.zero
      if (!(digit >= 0 && digit <= 9)) break
      if (at - start < 9) value = value * 10 + digit
    }
    const kept = Math.min(at - start, 9)
    this.fields.nanosecond = value * (fractionScale[kept] ?? 1)
    this.#at = at
    return kept > 0
  }

  #offset(): boolean {
    const text = this.#text
    const mark = text[this.#at]
    if (mark === 'Z' || mark === 'z') {
      this.fields.offsetSeconds = 0
      this.#at++
      return true
    }
    if (mark !== '+' && mark !== '-') return true
    if (this.#wholeOffset(mark === '-')) return true
    const end = text.indexOf('[', this.#at)
    const part = text.slice(this.#at, end < 0 ? text.length : end)
    const seconds = offsetToSeconds(part)
    if (seconds === undefined) return this.#refuse(`'${part}' is no offset, as in +01:00`)
    this.fields.offsetSeconds = seconds
    this.#at += part.length
    return true
  }

  /** The common form ±HH:MM, at the end of the text or before a zone. */
  #wholeOffset(isWest: boolean): boolean {
    const text = this.#text
    const at = this.#at
    const hours = digits(text, at + 1, 2)
    const minutes = digits(text, at + 4, 2)
    const isWhole = text.length === at + 6 || text[at + 6] === '['
    if (!isWhole || text.charCodeAt(at + 3) !== code.colon) return false
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false
    const seconds = hours * 3600 + minutes * 60
    this.fields.offsetSeconds = isWest ? 0 - seconds : seconds
    this.#at = at + 6
    return true
  }

  #zone(): boolean {
    const text = this.#text
    if (text[this.#at] !== '[') return true
    const end = text.indexOf(']', this.#at)
    if (end <= this.#at + 1) return false
    this.fields.zone = text.slice(this.#at + 1, end)
    this.#at = end + 1
    return true
  }

  #refuse(problem: string): false {
    this.#problem = problem
    return false
  }
}

const offsetPattern = /^([+-])(\d\d)(?:(?::(\d\d)(?::(\d\d))?)|(?:(\d\d)(\d\d)?))?$/

/** Seconds east of UTC of '+01:00', '-0330', '+05:53:28' or '+01'; undefined for other text. */
export function offsetToSeconds(text: string): number | undefined {
  const match = offsetPattern.exec(text)
  if (match === null) return undefined
  const hours = Number(match[2])
  const minutes = Number(match[3] ?? match[5] ?? 0)
  const seconds = Number(match[4] ?? match[6] ?? 0)
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  const total = hours * 3600 + minutes * 60 + seconds
  // Not -total, which would make a negative zero of -00:00.
  return match[1] === '-' ? 0 - total : total
}

/** '+01:00'; with seconds only where there are any. */
export function secondsToOffset(offsetSeconds: number): string {
  const total = Math.abs(offsetSeconds)
  const sign = offsetSeconds < 0 ? '-' : '+'
  const hours = twoDigits(Math.floor(total / 3600))
  const text = `${sign}${hours}:${twoDigits(Math.floor(total / 60) % 60)}`
  return total % 60 === 0 ? text : `${text}:${twoDigits(total % 60)}`
}

/** '05' for 5. */
export function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

/** Four digits for the years 0 to 9999, else a sign and at least six. */
export function yearToText(year: number): string {
  if (year >= 0 && year <= 9999) return pad(year, 4)
  return (year < 0 ? '-' : '+') + pad(Math.abs(year), 6)
}

/** '', '.123', '.123456' or '.123456789': as few groups of three digits as are needed. */
export function fractionToText(nanosecond: number): string {
  if (nanosecond === 0) return ''
  if (nanosecond % 1_000_000 === 0) return `.${pad(nanosecond / 1_000_000, 3)}`
  if (nanosecond % 1000 === 0) return `.${pad(nanosecond / 1000, 6)}`
  return `.${pad(nanosecond, 9)}`
}

/** 'HH:MM:SS' and the fraction. */
export function timeToText(time: {
  readonly secondOfDay: number
  readonly nanosecond: number
}): string {
  const { secondOfDay, nanosecond } = time
  const hour = Math.floor(secondOfDay / 3600)
  const minute = Math.floor(secondOfDay / 60) % 60
  const second = secondOfDay % 60
  return `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(second)}${fractionToText(nanosecond)}`
}
