import fc from 'fast-check'
import { Float, Instant, type Value } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { anyValue } from '../../../../test/encoding/arbitrary-values.ts'
import { ByteWriter } from '../../../asofdb/src/encoding/bytes.ts'
import { encodeValue } from '../../../asofdb/src/encoding/value.ts'
import { NotationError, parseTyped, parseTypedKey, typedText } from './typed-json.ts'

/** The bytes that a value is stored as: equal exactly for equal values. */
function stored(value: Value): string {
  const writer = new ByteWriter()
  encodeValue(writer, value, 'value')
  return Buffer.from(writer.copy()).toString('hex')
}

describe('typed JSON', () => {
  it('says every value that can be stored, without loss', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(stored(parseTyped(typedText(value)))).toBe(stored(value))
      }),
      { numRuns: 1500 },
    )
  })

  it('is JSON where JSON will do', () => {
    expect(typedText({ name: 'Ada', tags: ['a', 1, 0.5, true, null] })).toBe(
      '{"name":"Ada","tags":["a",1,0.5,true,null]}',
    )
    expect(typedText(['user', 7])).toBe('["user",7]')
  })

  it.each<[Value, string]>([
    [new Uint8Array([1, 2]), '{"$bytes":"AQI="}'],
    [2n ** 53n + 1n, '{"$int":"9007199254740993"}'],
    [2 ** 60, '{"$number":"1152921504606847000"}'],
    [-0, '{"$number":"-0"}'],
    [NaN, '{"$number":"NaN"}'],
    [new Float(1), '{"$float":1}'],
    [Instant.from('2024-02-29'), '{"$instant":"2024-02-29T00:00:00Z"}'],
    [new Date(0), '{"$instant":"1970-01-01T00:00:00Z"}'],
    [new Float32Array([0.5, 1]), '{"$vector":[0.5,1]}'],
    [new Float32Array([NaN]), '{"$vector":"AADAfw=="}'],
    [{ $bytes: 'no' }, '{"$map":{"$bytes":"no"}}'],
    [{ $a: 1, $b: 2 }, '{"$a":1,"$b":2}'],
    ['\ud800', '"\\ud800"'],
  ])('writes %o as %s', (value, text) => {
    expect(typedText(value)).toBe(text)
    expect(stored(parseTyped(text))).toBe(stored(value))
  })

  it.each([
    ['{', 'JSON'],
    ['{"$byte":"AQI="}', '$byte is no kind of value; the kinds are $bytes,'],
    ['{"$bytes":"AQI"}', '$bytes takes base64'],
    ['{"$int":"1.5"}', '$int takes a whole number'],
    ['{"$number":" "}', '$number takes a number'],
    ['{"$date":"2024-02-30"}', '$date: '],
    ['{"$zoned":"2024-02-29T00:00:00Z"}', '$zoned takes a list'],
    ['{"$zoned":["2024-02-29T00:00:00Z","Mars/Base"]}', '$zoned: '],
    ['{"$vector":["a"]}', '$vector takes'],
    ['{"$map":[]}', '$map takes an object'],
    ['9007199254740993', 'may have been rounded'],
    ['1e400', 'may have been rounded'],
    ['[{"a":9007199254740993}]', 'may have been rounded'],
  ])('refuses %s', (text, words) => {
    expect(() => parseTyped(text)).toThrow(NotationError)
    expect(() => parseTyped(text)).toThrow(words)
  })

  it('knows what no key is', () => {
    expect(parseTypedKey('["a",{"$bytes":"AQI="},[true]]')).toEqual([
      'a',
      new Uint8Array([1, 2]),
      [true],
    ])
    for (const text of ['null', '{"a":1}', '["a",null]', '{"$date":"2024-02-29"}']) {
      expect(() => parseTypedKey(text)).toThrow('a key is text')
    }
  })
})
