import { describe, expect, it } from 'vitest'
import { crc32 } from '../encoding/checksum.ts'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentName,
  segmentFields,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentName,
  segmentsFrom,
} from './segment.ts'

const header: SegmentHeader = {
  name: segmentName({ firstSequence: 4711, epoch: 3 }),
  number: 2,
  epoch: 3,
  firstSequence: 4711,
  salt: -(2n ** 63n),
  databaseId: new Uint8Array(16).fill(9),
  previous: { number: 1, lastSequence: 4710, endOffset: 2 ** 33 },
}

describe('the name of a segment', () => {
  it('is made and parsed, and sorts as the segments do', () => {
    expect(header.name).toBe('log-0000000000001267-00000003.seg')
    expect(parseSegmentName(header.name)).toEqual({ firstSequence: 4711, epoch: 3 })
    const names = [9, 10, 255, 256, 2 ** 32, 2 ** 52].map((firstSequence) =>
      segmentName({ firstSequence, epoch: 1 }),
    )
    expect(names.toSorted()).toEqual(names)
  })

  it('is not parsed from anything else', () => {
    for (const name of ['', 'MANIFEST', 'log-1-1.seg', `${header.name}.tmp`, `x${header.name}`]) {
      expect(parseSegmentName(name)).toBeUndefined()
    }
    expect(parseSegmentName(header.name.replace('a', 'A'))).toEqual(
      parseSegmentName(header.name),
    )
    expect(parseSegmentName('log-ffffffffffffffff-00000001.seg')).toBeUndefined()
    expect(parseSegmentName('log-000000000000126A-00000003.seg')).toBeUndefined()
  })
})

describe('the header of a segment', () => {
  it('comes back as it was written', () => {
    expect(decodeSegmentHeader(encodeSegmentHeader(header))).toEqual({ type: 'header', header })
    const first = { ...header, previous: undefined }
    expect(decodeSegmentHeader(encodeSegmentHeader(first))).toEqual({
      type: 'header',
      header: first,
    })
  })

  it('does not count with any single bit changed, the unused ones included', () => {
    const bytes = encodeSegmentHeader(header)
    for (let byte = 0; byte < segmentHeaderBytes; byte++) {
      const damaged = bytes.slice()
      damaged[byte] = (damaged[byte] ?? 0) ^ (1 << (byte & 7))
      expect(decodeSegmentHeader(damaged).type, `byte ${byte}`).toBe('damaged')
    }
    expect(decodeSegmentHeader(bytes.subarray(1)).type).toBe('damaged')
  })

  it('says when a later release made it', () => {
    const bytes = encodeSegmentHeader(header)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    view.setUint32(segmentFields.find((one) => one.name === 'formatVersion')?.offset ?? -1, 2, true)
    const checksumOffset = segmentHeaderBytes - 4
    view.setUint32(checksumOffset, crc32(bytes.subarray(0, checksumOffset)), true)
    expect(decodeSegmentHeader(bytes)).toEqual({ type: 'newer', formatVersion: 2 })
  })
})

describe('the segments still needed from a sequence on', () => {
  const segments = [1, 10, 20].map((firstSequence, index) => ({
    ...header,
    number: index + 1,
    firstSequence,
  }))

  it('are those that may hold it or a later one, and always the last', () => {
    const numbersFrom = (sequence: number) =>
      segmentsFrom(segments, sequence).map((segment) => segment.number)
    expect(numbersFrom(1)).toEqual([1, 2, 3])
    expect(numbersFrom(9)).toEqual([1, 2, 3])
    expect(numbersFrom(10)).toEqual([2, 3])
    expect(numbersFrom(19)).toEqual([2, 3])
    expect(numbersFrom(20)).toEqual([3])
    expect(numbersFrom(1000)).toEqual([3])
    expect(segmentsFrom([], 1)).toEqual([])
  })
})
