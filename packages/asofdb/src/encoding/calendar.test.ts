import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  Duration,
  Float,
  float,
  LocalDate,
  LocalDateTime,
  LocalTime,
  ZonedDateTime,
} from './calendar.ts'
import { FOREVER, Instant } from './instant.ts'
import { temporalToValue } from './temporal.ts'

const seed = 1837
const invalid = expect.objectContaining({ code: 'InvalidValue' })

describe('dates and times', () => {
  test.each([
    '2024-02-29',
    '0000-01-01',
    '-000001-12-31',
    '+010000-01-01',
    '-999999999-01-01',
    '+999999999-12-31',
  ])('the date %s is read and printed', (text) => {
    expect(LocalDate.from(text).toString()).toBe(text)
    expect(LocalDate.ofEpochDay(LocalDate.from(text).epochDay).toString()).toBe(text)
  })

  test.each(['00:00:00', '23:59:59.999999999', '12:30:00.500', '01:02:03.000004'])(
    'the time %s is read and printed',
    (text) => {
      expect(LocalTime.from(text).toString()).toBe(text)
    },
  )

  test('a local date-time is a date and a time', () => {
    const value = LocalDateTime.from('2024-02-29T12:30')
    expect(value.toString()).toBe('2024-02-29T12:30:00')
    expect(value.date.day).toBe(29)
    expect(value.time.minute).toBe(30)
    expect(LocalDateTime.from('2024-02-29').time.hour).toBe(0)
  })

  test('what does not exist is refused', () => {
    expect(() => LocalDate.from('2023-02-29')).toThrow(invalid)
    expect(() => LocalDate.from('+1000000000-01-01')).toThrow(invalid)
    expect(() => LocalDate.from('2023-01-01T00:00')).toThrow(invalid)
    expect(() => new LocalDate({ year: 1_000_000_000, month: 1, day: 1 })).toThrow(invalid)
    expect(() => new LocalDate({ year: 2023, month: 2, day: 1.5 })).toThrow(invalid)
    expect(() => LocalTime.from('24:00')).toThrow(invalid)
    expect(() => LocalTime.from('12:00Z')).toThrow(invalid)
    expect(() => new LocalTime({ nanosecond: 1e9 })).toThrow(invalid)
    expect(() => LocalDateTime.from('2024-01-01T00:00Z')).toThrow(invalid)
    expect(() => ZonedDateTime.of(FOREVER, 'UTC')).toThrow(invalid)
  })

  test('compare and equals follow the calendar', () => {
    const dates = ['-000001-01-01', '2023-12-31', '2024-01-01', '2024-01-02'].map(LocalDate.from)
    expect([...dates].reverse().sort(LocalDate.compare)).toEqual(dates)
    expect(LocalDate.from('2024-01-01').equals(LocalDate.from('2024-01-01'))).toBe(true)
    expect(LocalTime.from('01:00').equals(LocalTime.from('01:01'))).toBe(false)
  })
})

describe('zoned date-times', () => {
  test.each([
    '2024-07-01T12:00:00+02:00[Europe/Paris]',
    '2024-01-01T00:00:00.000000001+05:30',
    '2024-01-01T00:00:00Z',
    '1850-01-01T00:00:00-04:56:02[America/New_York]',
  ])('%s is read and printed', (text) => {
    expect(ZonedDateTime.from(text).toString()).toBe(text)
  })

  test('the zone alone is enough, and an offset must be one of the zone', () => {
    const paris = '2024-07-01T12:00[Europe/Paris]'
    expect(ZonedDateTime.from(paris).toString()).toBe('2024-07-01T12:00:00+02:00[Europe/Paris]')
    const wrong = '2024-07-01T12:00+01:00[Europe/Paris]'
    expect(() => ZonedDateTime.from(wrong)).toThrow(invalid)
    expect(() => ZonedDateTime.from('2024-07-01T12:00')).toThrow(invalid)
    expect(() => ZonedDateTime.from('2024-07-01T12:00[Mars/Base]')).toThrow(
      expect.objectContaining({ code: 'InvalidInstant' }),
    )
    const second = ZonedDateTime.from('2024-10-27T02:30+01:00[Europe/Paris]')
    expect(second.instant.toString()).toBe('2024-10-27T01:30:00Z')
  })

  test('an offset has one spelling', () => {
    const zone = ZonedDateTime.of(Instant.from(0n), '+0100').zone
    expect(zone).toBe('+01:00')
    expect(ZonedDateTime.of(Instant.from(0n), 'Z').zone).toBe('UTC')
  })

  test('it knows its local date-time', () => {
    const value = ZonedDateTime.of(Instant.from('2024-01-01T03:00Z'), 'America/New_York')
    expect(value.toLocalDateTime().toString()).toBe('2023-12-31T22:00:00')
  })
})

describe('durations', () => {
  test.each([
    'PT0S',
    'P1Y2M3DT4H5M6.789S',
    'P-1M',
    'PT-0.500S',
    'PT-1H-1M-1.000000001S',
    'P11M',
    'PT17531639991215H59M59S',
    'P1DT-24H',
  ])('%s is read and printed', (text) => {
    expect(Duration.from(text).toString()).toBe(text)
  })

  test('other spellings of the same length', () => {
    expect(Duration.from('P14M').toString()).toBe('P1Y2M')
    expect(Duration.from('P2W').toString()).toBe('P14D')
    expect(Duration.from('-P1DT1.5S').toString()).toBe('P-1DT-1.500S')
    expect(Duration.from('-PT-1.5S').toString()).toBe('PT1.500S')
    expect(Duration.from('PT-0.5S').nanoseconds).toBe(500_000_000)
    expect(Duration.from('PT-0.5S').seconds).toBe(-1)
    expect(new Duration({ nanoseconds: -1 }).timeNanoseconds).toBe(-1n)
    expect(new Duration({ seconds: 1, nanoseconds: 2_500_000_000 }).toString()).toBe('PT3.500S')
  })

  test.each(['', 'P', 'PT', 'P1', 'P1DT', '1D', 'P1.5D', 'PT1.S', 'P1S', 'P9999999999999Y'])(
    '%s is refused',
    (text) => {
      expect(() => Duration.from(text)).toThrow(invalid)
    },
  )

  test('parts out of range are refused', () => {
    expect(() => new Duration({ months: 0.5 })).toThrow(invalid)
    expect(() => new Duration({ days: 2 ** 50 })).toThrow(invalid)
    expect(() => new Duration({ seconds: 2n ** 62n })).toThrow(invalid)
    expect(() => new Duration({ seconds: Number.NaN })).toThrow(invalid)
  })

  test('text and value are each other', () => {
    const part = fc.integer({ min: -1_000_000, max: 1_000_000 })
    const nanoseconds = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
    const property = fc.property(part, part, nanoseconds, (months, days, time) => {
      const value = new Duration({ months, days, nanoseconds: time })
      expect(Duration.from(value.toString()).equals(value)).toBe(true)
      expect(value.timeNanoseconds).toBe(time)
    })
    fc.assert(property, { seed, numRuns: 300 })
  })

  test('they are ordered by mean length', () => {
    const order = ['P-1M', 'PT-1S', 'PT0S', 'PT23H', 'PT24H', 'P1D', 'P30D', 'P1M', 'P31D', 'P1Y']
    const durations = order.map(Duration.from)
    expect([...durations].reverse().sort(Duration.compare).map(String)).toEqual(order)
  })
})

test('a Float stands for its number', () => {
  expect(float(1).valueOf()).toBe(1)
  expect(Number(new Float(2)) + 1).toBe(3)
  expect(String(float(1))).toBe('1.0')
  expect(JSON.stringify([float(1)])).toBe('[1]')
  expect(float(0).equals(float(-0))).toBe(false)
})

describe('Temporal', () => {
  function plain(tag: string, iso: string): object {
    return { [Symbol.toStringTag]: tag, toString: () => iso }
  }

  test('its types become ours', () => {
    const date = temporalToValue(plain('Temporal.PlainDate', '2024-02-29'))
    expect(date).toEqual(LocalDate.from('2024-02-29'))
    const time = temporalToValue(plain('Temporal.PlainTime', '12:30:00.5'))
    expect(time).toEqual(LocalTime.from('12:30:00.5'))
    const dateTime = temporalToValue(plain('Temporal.PlainDateTime', '2024-02-29T12:30:00'))
    expect(dateTime).toEqual(LocalDateTime.from('2024-02-29T12:30'))
    const zoned = temporalToValue({
      [Symbol.toStringTag]: 'Temporal.ZonedDateTime',
      epochNanoseconds: 1n,
      timeZoneId: 'Europe/Paris',
    })
    expect(String(zoned)).toBe('1970-01-01T01:00:00.000000001+01:00[Europe/Paris]')
    const instant = { [Symbol.toStringTag]: 'Temporal.Instant', epochNanoseconds: 5n }
    expect(temporalToValue(instant)).toEqual(Instant.from({ epochNanoseconds: 5n }))
  })

  test('its duration keeps all ten parts', () => {
    const value = temporalToValue({
      [Symbol.toStringTag]: 'Temporal.Duration',
      years: 1,
      months: 2,
      weeks: 3,
      days: 4,
      hours: 5,
      minutes: 6,
      seconds: 7,
      milliseconds: 8,
      microseconds: 9,
      nanoseconds: 10,
    })
    expect(String(value)).toBe('P1Y2M25DT5H6M7.008009010S')
  })

  test('what has no stored form is left alone', () => {
    expect(temporalToValue(plain('Temporal.PlainYearMonth', '2024-02'))).toBeUndefined()
    expect(temporalToValue({})).toBeUndefined()
  })
})
