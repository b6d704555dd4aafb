import fc from 'fast-check'
import {
  Duration,
  Float,
  LocalDate,
  LocalDateTime,
  LocalTime,
  ZonedDateTime,
} from '../../packages/asofdb/src/encoding/calendar.ts'
import { BEGINNING, FOREVER, Instant } from '../../packages/asofdb/src/encoding/instant.ts'
import type { Value } from '../../packages/asofdb/src/encoding/value-format.ts'

/** Values for property tests, with the awkward ones more often than chance would bring them. */

const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.constantFrom(0, 0x61, 0x62, 0x7f, 0x80, 0xd800, 0xdbff, 0xdc00, 0xe000, 0xffff),
)

/** Any code units, so also halves of surrogate pairs. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.array(unit, { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.string({ maxLength: 12 }),
  fc.constantFrom('', 'a', 'a\0', 'a\0b', '\0'),
  fc.constantFrom('\u00e9'.repeat(64), 'x'.repeat(127), 'x'.repeat(128)),
)

export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer({ min: -70, max: 70 }),
  fc.constantFrom(0, -0, 2 ** 53, -(2 ** 53), 2 ** 63, -(2 ** 63), 2 ** 53 - 1, 2 ** 60, 1e300),
)

export const anyInt64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: 2n ** 63n - 3n, max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: 3n - 2n ** 63n }),
)

export const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 10 }),
  fc.array(fc.constantFrom(0, 1, 255), { maxLength: 4 }).map((list) => new Uint8Array(list)),
)

const nanosecond = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 }))
const nanosecondsMax = 8_640_000_000_000_000_000_000n
const anyFiniteInstant = fc.oneof(
  fc.bigInt({ min: -nanosecondsMax, max: nanosecondsMax }),
  fc.bigInt({ min: -5n, max: 5n }),
)

export const anyInstant: fc.Arbitrary<Instant> = fc.oneof(
  anyFiniteInstant.map((epochNanoseconds) => Instant.from({ epochNanoseconds })),
  fc.constantFrom(FOREVER, BEGINNING),
)

const anyLocalDate = fc.integer({ min: -365_000_000_000, max: 365_000_000_000 })
const localDate = fc.oneof(anyLocalDate, fc.integer({ min: -2, max: 2 })).map(LocalDate.ofEpochDay)
const localTime = fc
  .tuple(fc.integer({ min: 0, max: 86_399 }), nanosecond)
  .map(([second, rest]) => LocalTime.ofSecondOfDay({ secondOfDay: second, nanosecond: rest }))
const localDateTime = fc
  .tuple(localDate, localTime)
  .map(([date, time]) => new LocalDateTime(date, time))
const zonedDateTime = fc
  .tuple(anyFiniteInstant, fc.constantFrom('UTC', 'Europe/Paris', '+01:00', '-00:30'))
  .map(([epochNanoseconds, zone]) => ZonedDateTime.of(Instant.from({ epochNanoseconds }), zone))
const duration = fc
  .record({
    months: fc.integer({ min: -14, max: 14 }),
    days: fc.integer({ min: -62, max: 62 }),
    seconds: fc.oneof(fc.constantFrom(0, 86_400, -86_400, 2_629_746), fc.maxSafeInteger()),
    nanoseconds: nanosecond,
  })
  .map((parts) => new Duration(parts))

/** What a property index covers. */
export const anyScalar: fc.Arbitrary<Value> = fc.oneof(
  fc.boolean(),
  anyNumber,
  anyInt64,
  anyNumber.map((number) => new Float(number)),
  anyText,
  anyBytes,
  anyInstant,
  fc.date({ noInvalidDate: true }),
  localDate,
  localTime,
  localDateTime,
  zonedDateTime,
  duration,
)

const vector = fc.float32Array({ maxLength: 8 })
const name = fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor', 'toString', '1', '0'))

function mapOf(entries: [string, Value][]): { [name: string]: Value } {
  const map: { [name: string]: Value } = {}
  for (const [key, value] of entries) {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true })
  }
  return map
}

export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyScalar,
    fc.constant(null),
    vector,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map(mapOf),
  ),
})).value
