import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isDatabaseError } from '../rules/errors.ts'
import { beginningMicros, foreverMicros, instantMicrosMax } from '../rules/limits.ts'
import { civilToDays, daysInMonth, daysToCivil } from './gregorian.ts'
import {
  BEGINNING,
  FOREVER,
  Instant,
  type InstantInput,
  instantToMicros,
  microsToInstant,
  timeFromHalves,
  timeHigh,
  timeLow,
} from './instant.ts'

const seed = 1840
const anyMicros = fc.oneof(
  fc.bigInt({ min: -instantMicrosMax, max: instantMicrosMax }),
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  fc.constantFrom(instantMicrosMax, -instantMicrosMax, 0n, -1n),
)
const invalid = expect.objectContaining({ code: 'InvalidInstant' })

function parse(text: string, timeZone = 'UTC'): string {
  return Instant.from(text, timeZone).toString()
}

describe('the calendar', () => {
  test('days and dates are each other for every date', () => {
    const property = fc.property(fc.integer({ min: -(2 ** 38), max: 2 ** 38 }), (days) => {
      const date = daysToCivil(days)
      expect(civilToDays(date)).toBe(days)
      expect(date.day).toBeLessThanOrEqual(daysInMonth(date.year, date.month))
    })
    fc.assert(property, { seed, numRuns: 2000 })
  })

  test('every fourth century begins with a leap year', () => {
    expect(daysToCivil(11_016)).toEqual({ year: 2000, month: 2, day: 29 })
    expect(daysInMonth(2000, 2)).toBe(29)
    expect(daysInMonth(2100, 2)).toBe(28)
  })

  test('it is the calendar of Date', () => {
    const ms = fc.integer({ min: -8.64e15, max: 8.64e15 })
    const property = fc.property(ms, (value) => {
      const date = new Date(value)
      expect(instantToMicros(date.toISOString(), 'UTC')).toBe(BigInt(value) * 1000n)
      expect(instantToMicros(date, 'UTC')).toBe(BigInt(value) * 1000n)
      expect(new Date(Instant.from(date).toString()).getTime()).toBe(value)
    })
    fc.assert(property, { seed, numRuns: 1000 })
  })
})

describe('what is accepted', () => {
  test.each<[string, bigint]>([
    ['1970-01-01', 0n],
    ['1970-01-01T00:00Z', 0n],
    ['1970-01-01T00:00:01', 1_000_000n],
    ['1970-01-01 00:00:01', 1_000_000n],
    ['1970-01-01T00:00:00.5Z', 500_000n],
    ['1970-01-01T00:00:00,25Z', 250_000n],
    ['1970-01-01T00:00:00.000001999Z', 1n],
    ['1970-01-01T00:00:00.1234567891234Z', 123_456n],
    ['1969-12-31T23:59:59.9999999Z', -1n],
    ['1970-01-01T01:00:00+01:00', 0n],
    ['1970-01-01T01:00:00+0100', 0n],
    ['1969-12-31T19:00-05', 0n],
    ['1970-01-01T05:53:28+05:53:28', 0n],
    ['1970-01-01T00:00:00-00:00', 0n],
    ['+001970-01-01', 0n],
    ['2024-02-29T12:30:00z', 1_709_209_800_000_000n],
    ['-271821-04-20', -instantMicrosMax],
    ['+275760-09-13', instantMicrosMax],
    ['infinity', foreverMicros],
    ['-infinity', beginningMicros],
  ])('text %s', (text, micros) => {
    expect(instantToMicros(text, 'UTC')).toBe(micros)
    expect(Instant.from(text).epochMicroseconds).toBe(micros)
  })

  test('a Date, bigint microseconds, an Instant and what has nanoseconds', () => {
    expect(instantToMicros(new Date(1500), 'UTC')).toBe(1_500_000n)
    expect(instantToMicros(new Date(-8.64e15), 'UTC')).toBe(-instantMicrosMax)
    expect(instantToMicros(new Date(8_999_999_999_999), 'UTC')).toBe(8_999_999_999_999_000n)
    expect(instantToMicros(-5n, 'UTC')).toBe(-5n)
    expect(instantToMicros(FOREVER, 'UTC')).toBe(foreverMicros)
    expect(instantToMicros(beginningMicros, 'UTC')).toBe(beginningMicros)
    expect(instantToMicros({ epochNanoseconds: -1n }, 'UTC')).toBe(-1n)
    expect(instantToMicros({ epochNanoseconds: 1999n }, 'UTC')).toBe(1n)
    expect(instantToMicros({ epochNanoseconds: FOREVER.epochNanoseconds }, 'UTC')).toBe(
      foreverMicros,
    )
    expect(Instant.from({ epochNanoseconds: -1n }).epochNanoseconds).toBe(-1n)
  })

  test.each([
    '2023-02-30',
    '2023-02-29',
    '1900-02-29',
    '2023-00-10',
    '2023-13-01',
    '2023-04-31',
    '2023-01-00',
    '2023-01-01T24:00:00Z',
    '2023-01-01T23:60:00Z',
    '2016-12-31T23:59:60Z',
    '2023-01-01T12:00:00+24:00',
    '2023-01-01T12:00:00+01:60',
    '2023-01-01T12:00:00.Z',
    '2023-01-01T12Z',
    '2023-01-01T',
    '2023-01-01Z',
    '2023-1-1',
    '20230101',
    '2023-01',
    '-000000-01-01',
    '+2023-01-01',
    '-271821-04-19',
    '+275760-09-14',
    '+275760-09-13T00:00:00.000000001Z',
    '+999999-01-01',
    '2023-01-01T12:00:00Z ',
    ' 2023-01-01',
    '2023-01-01T00:00:00+01:00[Europe/Paris]',
    '٢٠٢٣-01-01',
    'yesterday',
    'Infinity',
    '',
    `2023-01-01T00:00:00.${'0'.repeat(1000)}Z`,
  ])('text %s is refused', (text) => {
    expect(() => instantToMicros(text, 'UTC')).toThrow(invalid)
    expect(() => Instant.from(text)).toThrow(invalid)
  })

  test('a number is refused and the message says why', () => {
    const number = 1_700_000_000_000 as unknown as InstantInput
    expect(() => instantToMicros(number, 'UTC')).toThrow(/milliseconds or microseconds/)
  })

  test('other things are refused', () => {
    const others = [null, undefined, {}, true, { epochNanoseconds: 1 }, new Date(Number.NaN)]
    for (const other of others) {
      expect(() => instantToMicros(other as unknown as InstantInput, 'UTC')).toThrow(invalid)
      expect(() => Instant.from(other as unknown as InstantInput)).toThrow(invalid)
    }
    expect(() => instantToMicros(instantMicrosMax + 1n, 'UTC')).toThrow(invalid)
    expect(() => instantToMicros(-instantMicrosMax - 1n, 'UTC')).toThrow(invalid)
    const nanoseconds = instantMicrosMax * 1000n
    expect(() => Instant.from({ epochNanoseconds: nanoseconds + 1n })).toThrow(invalid)
    expect(() => Instant.from({ epochNanoseconds: -nanoseconds - 1n })).toThrow(invalid)
  })

  test('any text is either an instant or InvalidInstant', () => {
    const character = fc.constantFrom(...'0123456789-+:.,TZ []/'.split(''))
    const text = fc.oneof(fc.string(), fc.string({ unit: character, maxLength: 40 }))
    const property = fc.property(text, (value) => {
      let failure: unknown
      try {
        instantToMicros(value, 'UTC')
      } catch (error) {
        failure = error
      }
      expect(failure === undefined || isDatabaseError(failure, 'InvalidInstant')).toBe(true)
    })
    fc.assert(property, { seed, numRuns: 1000 })
  })
})

describe('time zones', () => {
  test('text without an offset is read in the zone', () => {
    expect(parse('2024-07-01T12:00', 'Europe/Paris')).toBe('2024-07-01T10:00:00Z')
    expect(parse('2024-01-01', 'America/New_York')).toBe('2024-01-01T05:00:00Z')
    expect(parse('2024-01-01T12:00', '+05:30')).toBe('2024-01-01T06:30:00Z')
    expect(parse('2024-01-01T12:00Z', 'Europe/Paris')).toBe('2024-01-01T12:00:00Z')
    expect(parse('1850-01-01T00:00', 'America/New_York')).toBe('1850-01-01T04:56:02Z')
    expect(parse('-000100-01-01', 'Asia/Kolkata')).toBe('-000101-12-31T18:06:32Z')
  })

  test('a local time that is skipped moves forward by the gap', () => {
    expect(parse('2024-03-10T02:30', 'America/New_York')).toBe('2024-03-10T07:30:00Z')
    expect(parse('2024-03-31T02:00', 'Europe/Paris')).toBe('2024-03-31T01:00:00Z')
    // Samoa had no 30 December 2011.
    expect(parse('2011-12-30T12:00', 'Pacific/Apia')).toBe('2011-12-30T22:00:00Z')
  })

  test('a local time that occurs twice is the earlier one', () => {
    expect(parse('2024-11-03T01:30', 'America/New_York')).toBe('2024-11-03T05:30:00Z')
    expect(parse('2024-10-27T02:30', 'Europe/Paris')).toBe('2024-10-27T00:30:00Z')
    expect(parse('2024-10-27T03:00', 'Europe/Paris')).toBe('2024-10-27T02:00:00Z')
  })

  test('the ends of the range can be read in any zone', () => {
    expect(parse('+275760-09-13T02:00', 'Europe/Paris')).toBe('+275760-09-13T00:00:00Z')
    expect(() => parse('+275760-09-13T00:00', 'America/New_York')).toThrow(invalid)
  })

  test('an unknown zone is InvalidInstant', () => {
    expect(() => parse('2024-01-01', 'Europe/Atlantis')).toThrow(invalid)
    expect(() => parse('2024-01-01', '')).toThrow(invalid)
  })
})

describe('what comes back', () => {
  test('microseconds are kept exactly', () => {
    const property = fc.property(anyMicros, (micros) => {
      const instant = microsToInstant(micros)
      expect(instant.epochMicroseconds).toBe(micros)
      expect(instant.epochNanoseconds).toBe(micros * 1000n)
      expect(instantToMicros(instant.toString(), 'UTC')).toBe(micros)
      expect(instant.equals(Instant.from(micros))).toBe(true)
    })
    fc.assert(property, { seed, numRuns: 1000 })
  })

  test('instants are ordered by time, with the open ends outside', () => {
    const property = fc.property(anyMicros, anyMicros, (a, b) => {
      const order = Instant.compare(microsToInstant(a), microsToInstant(b))
      expect(Math.sign(order)).toBe(a < b ? -1 : a > b ? 1 : 0)
      expect(Instant.compare(microsToInstant(a), FOREVER)).toBeLessThan(0)
      expect(Instant.compare(microsToInstant(a), BEGINNING)).toBeGreaterThan(0)
    })
    fc.assert(property, { seed, numRuns: 300 })
  })

  test('text has as many digits as are needed', () => {
    expect(parse('2024-01-01')).toBe('2024-01-01T00:00:00Z')
    expect(parse('2024-01-01T00:00:00.5Z')).toBe('2024-01-01T00:00:00.500Z')
    expect(parse('2024-01-01T00:00:00.00005Z')).toBe('2024-01-01T00:00:00.000050Z')
    expect(parse('2024-01-01T00:00:00.00000005Z')).toBe('2024-01-01T00:00:00.000000050Z')
    expect(parse('0000-01-01')).toBe('0000-01-01T00:00:00Z')
    expect(parse('9999-12-31')).toBe('9999-12-31T00:00:00Z')
    expect(parse('-000044-03-15')).toBe('-000044-03-15T00:00:00Z')
    expect(parse('+012024-01-01')).toBe('+012024-01-01T00:00:00Z')
    expect(JSON.stringify({ at: Instant.from(0n) })).toBe('{"at":"1970-01-01T00:00:00Z"}')
  })

  test('a Date is rounded down', () => {
    expect(Instant.from(-1n).toDate().getTime()).toBe(-1)
    expect(Instant.from(1_999n).toDate().getTime()).toBe(1)
  })

  test('the open ends are the ends of 64 bits and come back as themselves', () => {
    expect(FOREVER.epochMicroseconds).toBe(2n ** 63n - 1n)
    expect(BEGINNING.epochMicroseconds).toBe(-(2n ** 63n))
    expect(microsToInstant(foreverMicros)).toBe(FOREVER)
    expect(microsToInstant(beginningMicros)).toBe(BEGINNING)
    expect(Instant.from('infinity')).toBe(FOREVER)
    expect(String(FOREVER)).toBe('infinity')
    expect(String(BEGINNING)).toBe('-infinity')
    expect(() => FOREVER.toDate()).toThrow(invalid)
    expect(Object.isFrozen(FOREVER)).toBe(true)
  })

  test('the halves of an instant put together are the instant', () => {
    const micros = fc.oneof(anyMicros, fc.constantFrom(foreverMicros, beginningMicros, -1n))
    const property = fc.property(micros, (value) => {
      const [high, low] = [timeHigh(value), timeLow(value)]
      expect(high).toBe(Number(value >> 32n))
      expect(low).toBe(Number(BigInt.asIntN(32, value)))
      expect(timeFromHalves(high, low)).toBe(value)
      expect(timeFromHalves(high, low >>> 0)).toBe(value)
    })
    fc.assert(property, { seed, numRuns: 300 })
  })
})
