import type { Float } from './float.ts'
import type { Instant } from './instant.ts'
import type { CalendarValue, TemporalInput } from './temporal.ts'

/**
 * What can be stored, and how it looks in bytes. A value is one tag byte and a body:
 *
 * | tag         | value                                | body                                |
 * | ----------- | ------------------------------------ | ----------------------------------- |
 * | 0x00        | null                                 |                                     |
 * | 0x01, 0x02  | false, true                          |                                     |
 * | 0x03        | safe integer below 0 or above 63     | varint                              |
 * | 0x04        | integer outside ±(2^53-1)            | i64                                 |
 * | 0x05        | float                                | f64                                 |
 * | 0x06        | text of 128 or more bytes            | varuint byte length, UTF-8          |
 * | 0x07        | text with lone surrogates            | varuint code units, UTF-16          |
 * | 0x08        | bytes                                | varuint length, bytes               |
 * | 0x09        | instant                              | varint s since 1970, varuint ns     |
 * | 0x0a        | local date                           | varint year, u8 month, u8 day       |
 * | 0x0b        | local time                           | varuint second of day, varuint ns   |
 * | 0x0c        | local date-time                      | local date, local time              |
 * | 0x0d        | zoned date-time                      | instant, string zone                |
 * | 0x0e        | duration          | varint months, varint days, i64 seconds, varuint ns    |
 * | 0x0f        | list              | u32 bytes of the rest, varuint count, values           |
 * | 0x10        | map               | as a list of pairs: key (a text value), then value     |
 * | 0x11        | vector                               | varuint count, f32 each             |
 * | 0x40 … 0x7f | integer 0 … 63                       |                                     |
 * | 0x80 … 0xff | text of 0 … 127 bytes                | UTF-8                               |
 *
 * A map's count is that of its pairs, and its keys ascend by code unit.
 *
 * Every value has exactly one encoding, and the decoder accepts no other. So two values are equal
 * exactly when their bytes are: 1 is not 1.0, 0 is not -0, NaN is NaN, the order in which a map's
 * keys were set doesn't matter. (In a vector NaN keeps its bits.)
 */
export const valueTag = {
  null: 0x00,
  false: 0x01,
  true: 0x02,
  integer: 0x03,
  wideInteger: 0x04,
  float: 0x05,
  text: 0x06,
  illFormedText: 0x07,
  bytes: 0x08,
  instant: 0x09,
  localDate: 0x0a,
  localTime: 0x0b,
  localDateTime: 0x0c,
  zonedDateTime: 0x0d,
  duration: 0x0e,
  list: 0x0f,
  map: 0x10,
  vector: 0x11,
  smallInteger: 0x40,
  shortText: 0x80,
} as const

/** The largest integer and the longest text, in bytes, whose tag says it all. */
export const smallIntegerMax = valueTag.shortText - valueTag.smallInteger - 1
export const shortTextBytesMax = 0xff - valueTag.shortText

/** What a property or a key holds. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float32Array
  | Date
  | Instant
  | Float
  | CalendarValue
  | Value[]
  | { [name: string]: Value }

/** What may be given to be stored: values, and Temporal's types in their place. */
export type ValueInput =
  | Value
  | TemporalInput
  | readonly ValueInput[]
  | { readonly [name: string]: ValueInput }
