import { describe, expect, it } from 'vitest'
import { crc32 } from '../encoding/checksum.ts'
import {
  decodeRecordHeader,
  isBodyIntact,
  recordAlignment,
  recordBytes,
  type RecordContent,
  RecordEncoder,
  recordFields,
  recordHeaderBytes,
  recordTypes,
  saltToSeed,
} from './record.ts'

const seed = saltToSeed(0x0123_4567_89ab_cdefn)

function contentOf(changes: Partial<RecordContent> = {}): RecordContent {
  return {
    type: recordTypes.commit,
    sequence: 2 ** 40 + 7,
    systemTime: -(2n ** 62n),
    durableSequence: 2 ** 40 + 6,
    epoch: 0xffff_fffe,
    payload: Uint8Array.of(1, 2, 3, 4, 5),
    ...changes,
  }
}

function encode(content: RecordContent): Uint8Array {
  const encoder = new RecordEncoder()
  encoder.add(content, seed)
  return encoder.view().slice()
}

function isSound(bytes: Uint8Array, withSeed = seed): boolean {
  const header = decodeRecordHeader(bytes, withSeed)
  if (typeof header === 'string' || recordBytes(header.payloadLength) !== bytes.length) return false
  return isBodyIntact(header, bytes.subarray(recordHeaderBytes), withSeed)
}

describe('a record', () => {
  it('comes back as it was written, for every length of padding', () => {
    for (let length = 0; length < 20; length++) {
      const payload = Uint8Array.from({ length }, (_, index) => 255 - index)
      const bytes = encode(contentOf({ payload }))
      expect(bytes.length % recordAlignment).toBe(0)
      const { type, sequence, systemTime, durableSequence, epoch } = contentOf()
      const header = { type, sequence, systemTime, durableSequence, epoch }
      expect(decodeRecordHeader(bytes, seed)).toMatchObject({ ...header, payloadLength: length })
      expect(bytes.subarray(recordHeaderBytes, recordHeaderBytes + length)).toEqual(payload)
      expect(isSound(bytes)).toBe(true)
    }
  })

  it('has the fields where the table says', () => {
    const bytes = encode(contentOf({ epoch: 0x0403_0201, sequence: 0x0807_0605 + 2 ** 41 }))
    const offsets = new Map(recordFields.map((field) => [field.name, field.offset]))
    const view = new DataView(bytes.buffer)
    expect(view.getUint32(offsets.get('epoch') ?? -1, true)).toBe(0x0403_0201)
    expect(view.getBigUint64(offsets.get('sequence') ?? -1, true)).toBe(2n ** 41n + 0x0807_0605n)
    expect(view.getUint32(offsets.get('payloadLength') ?? -1, true)).toBe(5)
    expect(view.getUint8(offsets.get('type') ?? -1)).toBe(1)
  })

  it('does not count with any single bit changed, padding included', () => {
    const bytes = encode(contentOf())
    expect(bytes.length).toBe(56)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice()
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(isSound(damaged), `bit ${bit}`).toBe(false)
    }
  })

  it('does not count under the salt of another segment, nor as zeros', () => {
    expect(isSound(encode(contentOf()), saltToSeed(0x0123_4567_89ab_cdeen))).toBe(false)
    expect(decodeRecordHeader(new Uint8Array(recordHeaderBytes), seed)).toBe('checksum')
    expect(decodeRecordHeader(new Uint8Array(recordHeaderBytes - 1), seed)).toBe('length')
  })

  it('does not count when no writer gives its fields such values', () => {
    const promises = contentOf({ type: recordTypes.close, durableSequence: 2 ** 40 + 7 })
    expect(isSound(encode({ ...promises, payload: new Uint8Array(0) }))).toBe(true)
    expect(() => encode(promises)).toThrow('only a commit has a payload')
    const itself = contentOf({ durableSequence: 2 ** 40 + 7 })
    expect(decodeRecordHeader(encode(itself), seed)).toBe('checksum')
    for (const [offset, value, problem] of [
      [4, recordTypes.close, 'length'],
      [4, 0, 'checksum'],
      [4, 4, 'checksum'],
      [5, 1, 'checksum'],
      [6, 1, 'checksum'],
      [11, 0x41, 'length'],
      [23, 0x20, 'checksum'],
    ] as const) {
      const bytes = encode(contentOf())
      bytes[offset] = value
      const covered = bytes.subarray(0, 44)
      new DataView(bytes.buffer).setUint32(44, crc32(covered, seed), true)
      expect(decodeRecordHeader(bytes, seed), `${offset}: ${value}`).toBe(problem)
    }
  })

  it('is refused before it is written when it promises what comes after it', () => {
    expect(() => encode(contentOf({ durableSequence: 2 ** 40 + 8 }))).toThrow('promises')
    expect(() => encode(contentOf({ sequence: 2 ** 53 }))).toThrow('safe')
  })
})

describe('the encoder', () => {
  it('lays records one behind another and cleans what an earlier one left in the padding', () => {
    const encoder = new RecordEncoder()
    encoder.add(contentOf({ payload: new Uint8Array(40).fill(255) }), seed)
    encoder.reset()
    encoder.add(contentOf(), seed)
    encoder.add(contentOf({ payload: new Uint8Array(9).fill(255) }), seed)
    const bytes = encoder.view()
    expect(bytes.length).toBe(recordBytes(5) + recordBytes(9))
    expect(isSound(bytes.subarray(0, recordBytes(5)))).toBe(true)
    expect(isSound(bytes.subarray(recordBytes(5)))).toBe(true)
  })

  it('leaves bytes that were taken alone when it needs more room', () => {
    const encoder = new RecordEncoder()
    encoder.add(contentOf(), seed)
    const taken = encoder.view()
    encoder.reserve(10_000_000)
    expect(encoder.length).toBe(0)
    encoder.add(contentOf({ payload: new Uint8Array(9_000_000) }), seed)
    expect(isSound(taken)).toBe(true)
    encoder.shrink()
    expect(encoder.length).toBe(0)
  })
})
