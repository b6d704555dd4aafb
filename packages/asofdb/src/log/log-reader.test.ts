import { beforeAll, describe, expect, it } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import {
  commit,
  filesOf,
  hostWithFiles,
  newOwner,
  payloadOf,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import {
  flipBit,
  makeLog,
  mustGetFile,
  offsetsFrom,
  prefix,
  readFiles,
  type SmallLog,
  withFile,
} from '../../../../test/log/small-log.ts'
import { LogWriter } from './log-writer.ts'
import { recordBytes, RecordEncoder, recordHeaderBytes, recordTypes, saltToSeed } from './record.ts'
import { segmentHeaderBytes, segmentName } from './segment.ts'

let closed: SmallLog
let killed: SmallLog

beforeAll(async () => {
  closed = await makeLog({ commits: 5, isClosed: true })
  killed = await makeLog({ commits: 5 })
  expect(closed.names.length).toBe(2)
})

describe('any single change to a small log', () => {
  it('of one bit of a record leaves a whole prefix, or is damage with its place', async () => {
    const ends = { torn: 0, damaged: 0 }
    for (const log of [closed, killed]) {
      for (const [index, name] of log.names.entries()) {
        if (log === killed && index === 0) continue
        const { bytes } = mustGetFile(log, index)
        const firstByte = segmentHeaderBytes
        for (let bit = firstByte * 8; bit < bytes.length * 8; bit++) {
          const files = withFile(log, name, flipBit(bytes, bit))
          const { report, sequences } = await readFiles(files, log)
          const { ending } = report
          expect(sequences).toEqual(prefix(sequences.length))
          if (ending.type === 'clean') throw new Error(`bit ${bit} of ${name} went unseen`)
          expect(ending.file).toBe(name)
          expect(ending.offset).toBeLessThanOrEqual(bit >> 3)
          expect(ending.offset + recordBytes(35)).toBeGreaterThan(bit >> 3)
          expect(ending.sequenceExpected).toBe(sequences.length + 1)
          const provenEnd = log === closed ? markAt() : lastAt()
          const isBeyondProof = index === 1 && ending.offset >= provenEnd
          expect(ending.type).toBe(isBeyondProof ? 'torn' : 'damaged')
          ends[ending.type] += 1
        }
      }
    }
    expect(ends.torn).toBe(8 * (recordBytes(0) + recordBytes(payloadOf(5).length)))
  })

  it('of one bit of a header is damage', async () => {
    for (const index of [0, 1]) {
      const { name, bytes } = mustGetFile(closed, index)
      for (let byte = 0; byte < segmentHeaderBytes; byte += byte < 96 ? 1 : 61) {
        const damaged = flipBit(bytes, byte * 8 + (byte & 7))
        const { report, sequences } = await readFiles(withFile(closed, name, damaged), closed)
        expect(sequences).toEqual(prefix(index * 3))
        expect(report).toMatchObject({ tail: undefined, lastSequence: index * 3 })
        expect(report.ending).toMatchObject({
          type: 'damaged',
          file: name,
          offset: 0,
          kind: 'checksum',
          sequenceExpected: index * 3 + 1,
        })
      }
    }
  })

  it('of the length of a file leaves a whole prefix, or is damage with its place', async () => {
    for (const log of [closed, killed]) {
      for (const [index, name] of log.names.entries()) {
        const { bytes } = mustGetFile(log, index)
        for (let length = 0; length < bytes.length; length += length < 4000 ? 500 : 1) {
          const cut = bytes.subarray(0, length)
          const { report, sequences } = await readFiles(withFile(log, name, cut), log)
          const { ending } = report
          expect(sequences).toEqual(prefix(sequences.length))
          const isNeeded = index === 0 || length < segmentHeaderBytes
          if (isNeeded) expect(ending).toMatchObject({ type: 'damaged', file: name })
          else expect(['clean', 'torn']).toContain(ending.type)
          if (ending.type === 'torn') expect(ending.offset).toBeLessThan(length)
        }
      }
    }
  })

  it('by bytes behind its end is torn, or damage where another segment follows', async () => {
    const random = new RandomStream('behind the end')
    for (const index of [0, 1]) {
      const { name, bytes } = mustGetFile(closed, index)
      for (const count of [1, 8, 47, 48, 500]) {
        for (const added of [new Uint8Array(count), random.bytes(count)]) {
          const files = withFile(closed, name, Buffer.concat([bytes, added]))
          const { report, sequences } = await readFiles(files, closed)
          expect(sequences).toEqual(prefix(index === 0 ? 3 : 5))
          const torn = { type: 'torn', offset: bytes.length, bytesDiscarded: count }
          expect(report.ending).toMatchObject(index === 0 ? { type: 'damaged' } : torn)
        }
      }
    }
  })
})

function lastAt(): number {
  return offsetsFrom(4, 1)[1] ?? 0
}

function markAt(): number {
  return offsetsFrom(4, 2)[2] ?? 0
}

describe('a hole in the last segment', () => {
  const [first = 0, second = 0, third = 0, end = 0] = offsetsFrom(1, 3)

  it('is a torn tail, sound records behind it included, when nobody promised it', async () => {
    const log = await makeLog({ commits: 3, together: [1, 2] })
    const { name, bytes } = mustGetFile(log, 0)
    const holed = bytes.slice().fill(0, first, second)
    const { report, sequences } = await readFiles(withFile(log, name, holed), log)
    expect(sequences).toEqual([])
    expect(report.ending).toEqual({
      type: 'torn',
      file: name,
      offset: first,
      bytesDiscarded: end - first,
      recordsDiscarded: 2,
      sequenceExpected: 1,
    })
    expect(report.tail).toMatchObject({ offset: first, lastSequence: 0, isClosed: false })
  })

  it('is damage when a record behind it promises it', async () => {
    const log = await makeLog({ commits: 3 })
    const { name, bytes } = mustGetFile(log, 0)
    const holed = bytes.slice().fill(0, second, third)
    const { report, sequences } = await readFiles(withFile(log, name, holed), log)
    expect(sequences).toEqual([1])
    expect(report.ending).toEqual({
      type: 'damaged',
      file: name,
      offset: second,
      kind: 'checksum',
      sequenceExpected: 2,
      sequenceFound: undefined,
      evidence: 'durablePromise',
      evidenceAt: { file: name, offset: third, sequence: 3 },
    })
    expect(report).toMatchObject({ tail: undefined, lastSequence: 1, durableSequence: 2 })
  })

  it('is damage when the log was closed behind it', async () => {
    const log = await makeLog({ commits: 3, isClosed: true, together: [1, 2] })
    const { name, bytes } = mustGetFile(log, 0)
    const { report } = await readFiles(withFile(log, name, bytes.slice().fill(7, third, end)), log)
    expect(report.ending).toMatchObject({
      type: 'damaged',
      offset: third,
      evidence: 'closeRecord',
      evidenceAt: { file: name, offset: end, sequence: 3 },
    })
  })

  it('is damage when the manifest promises it, even where the file just ends', async () => {
    const log = await makeLog({ commits: 3 })
    const { name, bytes } = mustGetFile(log, 0)
    const cut = withFile(log, name, bytes.subarray(0, third))
    const promised = await readFiles(cut, log, { durableSequenceFloor: 3 })
    expect(promised.report.ending).toMatchObject({
      type: 'damaged',
      offset: third,
      kind: 'truncated',
      evidence: 'manifest',
    })
    const { report } = await readFiles(cut, log, { durableSequenceFloor: 2 })
    expect(report.ending).toEqual({ type: 'clean', closed: false })
  })

  it('is damage when it was a close, which the next opening wrote behind', async () => {
    const host = await hostWithFiles(new Map())
    const owner = newOwner()
    const writer = await LogWriter.create(writerOptions(host, owner))
    await commit(writer, 1)
    await writer.close()
    const { tail } = (await readBack(host, owner.segments)).report
    if (!tail) throw new Error('a clean log has a tail')
    const next = await LogWriter.resume(writerOptions(host, owner, { epoch: 2 }), tail)
    await commit(next, 2)
    const files = await filesOf(host)
    const name = segmentName({ firstSequence: 1, epoch: 1 })
    const log = { files, segments: owner.segments, names: [name] }
    const { bytes } = mustGetFile(log, 0)
    const damaged = flipBit(bytes, (tail.offset - 9) * 8)
    const { report } = await readFiles(withFile(log, name, damaged), log)
    expect(report.ending).toMatchObject({ type: 'damaged', evidence: 'durablePromise' })
    expect((await readFiles(files, log)).sequences).toEqual([1, 2])
  })

  it('hides nothing: a record that is out of place is not applied', async () => {
    const log = await makeLog({ commits: 3 })
    const { name, bytes } = mustGetFile(log, 0)
    const without = Buffer.concat([bytes.subarray(0, second), bytes.subarray(third)])
    const { report, sequences } = await readFiles(withFile(log, name, without), log)
    expect(sequences).toEqual([1])
    const gap = { kind: 'sequenceGap', sequenceExpected: 2, sequenceFound: 3 }
    expect(report.ending).toMatchObject({ type: 'damaged', offset: second, ...gap })
    const twice = Buffer.concat([bytes, bytes.subarray(third)])
    expect((await readFiles(withFile(log, name, twice), log)).sequences).toEqual([1, 2, 3])
  })

  it('hides nothing: a record of an older opening is not applied', async () => {
    const log = await makeLog({ commits: 1 })
    const { name, bytes } = mustGetFile(log, 0)
    const encoder = new RecordEncoder()
    const seed = saltToSeed(log.segments[0]?.salt ?? 0n)
    for (const [sequence, epoch] of [
      [2, 3],
      [3, 2],
    ] as const) {
      const systemTime = 1000n * BigInt(sequence)
      const record = { type: recordTypes.commit, sequence, systemTime, epoch, durableSequence: 1 }
      encoder.add({ ...record, payload: payloadOf(sequence) }, seed)
    }
    const { report, sequences } = await readFiles(
      withFile(log, name, Buffer.concat([bytes, encoder.view()])),
      log,
    )
    expect(sequences).toEqual([1, 2])
    expect(report.ending).toMatchObject({ type: 'torn', sequenceExpected: 3, recordsDiscarded: 0 })
  })

  it('costs no more memory than the file has, whatever length it names', async () => {
    const log = await makeLog({ commits: 1 })
    const { name, bytes } = mustGetFile(log, 0)
    const short = bytes.subarray(0, segmentHeaderBytes + recordHeaderBytes)
    const { report } = await readFiles(withFile(log, name, short), log)
    expect(report.ending).toMatchObject({ type: 'torn', bytesDiscarded: recordHeaderBytes })
  })
})
