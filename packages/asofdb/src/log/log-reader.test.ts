import { beforeAll, describe, expect, it } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import {
  appendCommit,
  commit,
  databaseId,
  directory,
  filesOf,
  hostWithFileMethods,
  hostWithFiles,
  type LogFiles,
  newOwner,
  payloadOf,
  type ReadBack,
  readBack,
  writerOptions,
} from '../../../../test/log/log-fixture.ts'
import { type LogReadOptions, readLog } from './log-reader.ts'
import { LogWriter } from './log-writer.ts'
import {
  recordBytes,
  RecordEncoder,
  recordHeaderBytes,
  recordTypes,
  saltToSeed,
} from './record.ts'
import {
  encodeSegmentHeader,
  segmentHeaderBytes,
  type SegmentInfo,
  segmentName,
} from './segment.ts'

interface SmallLog {
  readonly files: LogFiles
  readonly segments: readonly SegmentInfo[]
  readonly names: readonly string[]
}

/** Segments of three commits each; the commits of `together` share a sync. */
async function makeLog(of: {
  commits: number
  isClosed?: boolean
  together?: readonly number[]
  id?: Uint8Array
}): Promise<SmallLog> {
  const host = await hostWithFiles(new Map())
  const owner = newOwner()
  const perSegment = recordBytes(7) + recordBytes(14) + recordBytes(21) + 20
  const writer = await LogWriter.create({
    ...writerOptions(host, owner),
    segmentBytesMax: segmentHeaderBytes + perSegment,
    databaseId: of.id ?? databaseId,
  })
  for (let sequence = 1; sequence <= of.commits; sequence++) {
    appendCommit(writer, sequence)
    if (!of.together?.includes(sequence)) await writer.acknowledged(sequence)
  }
  await writer.flush()
  if (of.isClosed) await writer.close()
  const files = await filesOf(host)
  return { files, segments: owner.segments, names: owner.segments.map((segment) => segment.name) }
}

/** The log with one file replaced, or taken away. */
function withFile(log: SmallLog, name: string, bytes: Uint8Array | undefined): LogFiles {
  const files = new Map(log.files)
  if (bytes) files.set(name, bytes)
  else files.delete(name)
  return files
}

function mustGet(log: SmallLog, index: number): { name: string; bytes: Uint8Array } {
  const name = log.names.at(index)
  const bytes = name === undefined ? undefined : log.files.get(name)
  if (name === undefined || !bytes) throw new Error(`no segment ${index}`)
  return { name, bytes }
}

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const damaged = bytes.slice()
  damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return damaged
}

async function read(
  files: LogFiles,
  log: SmallLog,
  changes: Partial<LogReadOptions> = {},
): Promise<ReadBack> {
  return readBack(await hostWithFiles(files), log.segments, changes)
}

/** Where the records of a segment begin; its end is the last entry. */
function offsetsFrom(sequence: number, count: number): number[] {
  const offsets = [segmentHeaderBytes]
  for (let step = 0; step < count; step++) {
    offsets.push((offsets[step] ?? 0) + recordBytes(payloadOf(sequence + step).length))
  }
  return offsets
}

function prefix(length: number): number[] {
  return Array.from({ length }, (_, index) => index + 1)
}

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
        const { bytes } = mustGet(log, index)
        const firstByte = segmentHeaderBytes
        for (let bit = firstByte * 8; bit < bytes.length * 8; bit++) {
          const { report, sequences } = await read(withFile(log, name, flipBit(bytes, bit)), log)
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
      const { name, bytes } = mustGet(closed, index)
      for (let byte = 0; byte < segmentHeaderBytes; byte += byte < 96 ? 1 : 61) {
        const damaged = flipBit(bytes, byte * 8 + (byte & 7))
        const { report, sequences } = await read(withFile(closed, name, damaged), closed)
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
        const { bytes } = mustGet(log, index)
        for (let length = 0; length < bytes.length; length += length < 4000 ? 500 : 1) {
          const cut = bytes.subarray(0, length)
          const { report, sequences } = await read(withFile(log, name, cut), log)
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
      const { name, bytes } = mustGet(closed, index)
      for (const count of [1, 8, 47, 48, 500]) {
        for (const added of [new Uint8Array(count), random.bytes(count)]) {
          const files = withFile(closed, name, Buffer.concat([bytes, added]))
          const { report, sequences } = await read(files, closed)
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
    const { name, bytes } = mustGet(log, 0)
    const holed = bytes.slice().fill(0, first, second)
    const { report, sequences } = await read(withFile(log, name, holed), log)
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
    const { name, bytes } = mustGet(log, 0)
    const holed = bytes.slice().fill(0, second, third)
    const { report, sequences } = await read(withFile(log, name, holed), log)
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
    const { name, bytes } = mustGet(log, 0)
    const { report } = await read(withFile(log, name, bytes.slice().fill(7, third, end)), log)
    expect(report.ending).toMatchObject({
      type: 'damaged',
      offset: third,
      evidence: 'closeRecord',
      evidenceAt: { file: name, offset: end, sequence: 3 },
    })
  })

  it('is damage when the manifest promises it, even where the file just ends', async () => {
    const log = await makeLog({ commits: 3 })
    const { name, bytes } = mustGet(log, 0)
    const cut = withFile(log, name, bytes.subarray(0, third))
    const promised = await read(cut, log, { durableSequenceFloor: 3 })
    expect(promised.report.ending).toMatchObject({
      type: 'damaged',
      offset: third,
      kind: 'truncated',
      evidence: 'manifest',
    })
    const { report } = await read(cut, log, { durableSequenceFloor: 2 })
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
    const { bytes } = mustGet(log, 0)
    const damaged = flipBit(bytes, (tail.offset - 9) * 8)
    const { report } = await read(withFile(log, name, damaged), log)
    expect(report.ending).toMatchObject({ type: 'damaged', evidence: 'durablePromise' })
    expect((await read(files, log)).sequences).toEqual([1, 2])
  })

  it('hides nothing: a record that is out of place is not applied', async () => {
    const log = await makeLog({ commits: 3 })
    const { name, bytes } = mustGet(log, 0)
    const without = Buffer.concat([bytes.subarray(0, second), bytes.subarray(third)])
    const { report, sequences } = await read(withFile(log, name, without), log)
    expect(sequences).toEqual([1])
    const gap = { kind: 'sequenceGap', sequenceExpected: 2, sequenceFound: 3 }
    expect(report.ending).toMatchObject({ type: 'damaged', offset: second, ...gap })
    const twice = Buffer.concat([bytes, bytes.subarray(third)])
    expect((await read(withFile(log, name, twice), log)).sequences).toEqual([1, 2, 3])
  })

  it('hides nothing: a record of an older opening is not applied', async () => {
    const log = await makeLog({ commits: 1 })
    const { name, bytes } = mustGet(log, 0)
    const encoder = new RecordEncoder()
    const seed = saltToSeed(log.segments[0]?.salt ?? 0n)
    for (const [sequence, epoch] of [
      [2, 3],
      [3, 2],
    ] as const) {
      const record = { type: recordTypes.commit, sequence, epoch, durableSequence: 1 }
      encoder.add({ ...record, systemTime: 1000n * BigInt(sequence), payload: payloadOf(sequence) }, seed)
    }
    const { report, sequences } = await read(
      withFile(log, name, Buffer.concat([bytes, encoder.view()])),
      log,
    )
    expect(sequences).toEqual([1, 2])
    expect(report.ending).toMatchObject({ type: 'torn', sequenceExpected: 3, recordsDiscarded: 0 })
  })

  it('costs no more memory than the file has, whatever length it names', async () => {
    const log = await makeLog({ commits: 1 })
    const { name, bytes } = mustGet(log, 0)
    const short = bytes.subarray(0, segmentHeaderBytes + recordHeaderBytes)
    const { report } = await read(withFile(log, name, short), log)
    expect(report.ending).toMatchObject({ type: 'torn', bytesDiscarded: recordHeaderBytes })
  })
})

describe('segment files', () => {
  it('that are missing, of another database or put in another place are damage', async () => {
    const [one, two] = [mustGet(closed, 0), mustGet(closed, 1)]
    const other = await makeLog({ commits: 5, id: new Uint8Array(16).fill(1) })
    const cases = [
      { files: withFile(closed, one.name, undefined), at: one.name, kind: 'missing' },
      { files: withFile(closed, two.name, undefined), at: two.name, kind: 'missing' },
      { files: withFile(closed, one.name, two.bytes), at: one.name, kind: 'salt' },
      { files: withFile(closed, one.name, mustGet(killed, 0).bytes), at: one.name, kind: 'salt' },
      { files: withFile(closed, two.name, mustGet(other, 1).bytes), at: two.name, kind: 'foreign' },
    ]
    for (const { files, at, kind } of cases) {
      const { report, sequences } = await read(files, closed)
      expect(sequences).toEqual(prefix(at === one.name ? 0 : 3))
      const damage = { type: 'damaged', file: at, offset: 0, kind, evidence: 'manifest' }
      expect(report.ending).toMatchObject(damage)
    }
  })

  it('with records of another segment under a sound header are damage', async () => {
    const { name, bytes } = mustGet(closed, 1)
    const stolen = mustGet(killed, 1).bytes.subarray(segmentHeaderBytes)
    const mixed = Buffer.concat([bytes.subarray(0, segmentHeaderBytes), stolen])
    const { report, sequences } = await read(withFile(closed, name, mixed), closed, {
      durableSequenceFloor: 5,
    })
    expect(sequences).toEqual([1, 2, 3])
    expect(report.ending).toMatchObject({ type: 'damaged', kind: 'checksum' })
  })

  it('that end before the next one says are damage, even at the border of a record', async () => {
    const { name, bytes } = mustGet(closed, 0)
    const [, , third = 0] = offsetsFrom(1, 3)
    const { report } = await read(withFile(closed, name, bytes.subarray(0, third)), closed)
    expect(report.ending).toMatchObject({
      type: 'damaged',
      offset: third,
      kind: 'truncated',
      evidence: 'laterSegment',
      evidenceAt: { file: mustGet(closed, 1).name, offset: 0, sequence: 4 },
    })
  })

  it('that lost a close before the next one are damage', async () => {
    const host = await hostWithFiles(new Map())
    const owner = newOwner()
    const small = { segmentBytesMax: segmentHeaderBytes + recordBytes(7) }
    const writer = await LogWriter.create(writerOptions(host, owner, small))
    await commit(writer, 1)
    await writer.close()
    const { tail } = (await readBack(host, owner.segments)).report
    if (!tail) throw new Error('a clean log has a tail')
    const options = writerOptions(host, owner, { ...small, epoch: 2 })
    const next = await LogWriter.resume(options, tail)
    await commit(next, 2)
    const names = owner.segments.map((segment) => segment.name)
    const log = { files: await filesOf(host), segments: owner.segments, names }
    const { name, bytes } = mustGet(log, 0)
    const end = segmentHeaderBytes + recordBytes(7)
    expect(bytes.length).toBe(end + recordBytes(0))
    const { report } = await read(withFile(log, name, bytes.subarray(0, end)), log)
    const damage = { type: 'damaged', file: name, offset: end, kind: 'truncated' }
    expect(report.ending).toMatchObject({ ...damage, evidence: 'laterSegment' })
  })

  it('that end too early are found even when the next one has lost its header', async () => {
    const [one, two] = [mustGet(closed, 0), mustGet(closed, 1)]
    const [, , third = 0] = offsetsFrom(1, 3)
    const files = new Map(closed.files)
    files.set(one.name, one.bytes.subarray(0, third))
    files.set(two.name, two.bytes.slice().fill(0, 0, segmentHeaderBytes))
    const { report } = await read(files, closed)
    const damage = { type: 'damaged', file: one.name, offset: third, kind: 'truncated' }
    expect(report.ending).toMatchObject(damage)
  })

  it('that a crash left unused are orphans', async () => {
    const unused = segmentName({ firstSequence: 6, epoch: 4 })
    const header = encodeSegmentHeader({
      name: unused,
      number: 3,
      epoch: 4,
      firstSequence: 6,
      salt: 5n,
      databaseId,
      previous: undefined,
    })
    const random = new RandomStream('unused')
    for (const bytes of [header, header.subarray(0, 100), random.bytes(5000), new Uint8Array(0)]) {
      const { report, sequences } = await read(withFile(closed, unused, bytes), closed)
      expect(sequences).toEqual([1, 2, 3, 4, 5])
      expect(report.ending).toEqual({ type: 'clean', closed: true })
      expect(report.orphans).toEqual([unused])
    }
  })

  it('that were dropped and are still there are orphans', async () => {
    const [, last] = closed.segments
    const expected = last ? [last] : []
    const { report, sequences } = await read(closed.files, closed, { expected, firstSequence: 5 })
    expect(sequences).toEqual([5])
    expect(report).toMatchObject({ orphans: [mustGet(closed, 0).name], records: 1 })
    const gone = await read(new Map(), closed, { expected: [], firstSequence: 6 })
    expect(gone.report).toMatchObject({ ending: { type: 'clean' }, lastSequence: 5 })
  })

  it('with records that the manifest does not name are damage', async () => {
    const expected = closed.segments.slice(0, 1)
    const { report, sequences } = await read(closed.files, closed, { expected })
    expect(sequences).toEqual([1, 2, 3])
    expect(report.ending).toMatchObject({
      type: 'damaged',
      file: mustGet(closed, 1).name,
      kind: 'missing',
      sequenceExpected: 4,
      evidence: 'laterSegment',
    })
    expect(report.orphans).toEqual([])
    const { name, bytes } = mustGet(closed, 0)
    const files = withFile(closed, name, bytes.subarray(0, bytes.length - 3))
    const torn = await read(files, closed, { expected })
    expect(torn.report.ending).toMatchObject({ type: 'damaged', file: name, kind: 'truncated' })
  })

  it('of another database are never taken for leftovers', async () => {
    const other = await makeLog({ commits: 5, id: new Uint8Array(16).fill(1) })
    const name = segmentName({ firstSequence: 1, epoch: 9 })
    for (const firstSequence of [1, 5]) {
      const expected = closed.segments.slice(firstSequence === 1 ? 0 : 1)
      const files = withFile(closed, name, mustGet(other, 0).bytes)
      const { report } = await read(files, closed, { expected, firstSequence })
      expect(report.ending).toMatchObject({ type: 'damaged', file: name, kind: 'foreign' })
      expect(report.orphans).not.toContain(name)
    }
  })

  it('that begin behind the first commit wanted leave a gap', async () => {
    const { report } = await read(closed.files, closed, {
      expected: closed.segments.slice(1),
      firstSequence: 2,
    })
    const gap = { kind: 'sequenceGap', sequenceExpected: 2, sequenceFound: 4 }
    expect(report.ending).toMatchObject({ type: 'damaged', ...gap })
  })

  it('that end before the first commit wanted can not be gone on with', async () => {
    const { report } = await read(killed.files, killed, { firstSequence: 9 })
    expect(report).toMatchObject({ ending: { type: 'clean' }, tail: undefined, lastSequence: 5 })
    const next = await read(killed.files, killed, { firstSequence: 6 })
    expect(next.report.tail).toMatchObject({ lastSequence: 5 })
  })
})

describe('a disk that refuses to read', () => {
  /** Reads that touch this byte of this file fail. */
  async function readWithBadByte(log: SmallLog, of: { name: string; byte: number }) {
    const host = await hostWithFiles(log.files)
    const badBytes = log.files.get(of.name)
    const refusing = hostWithFileMethods(host, (file) => ({
      read: async (into, position) => {
        const isNamed = (await file.size()) === badBytes?.length
        if (isNamed && position <= of.byte && of.byte < position + into.length) {
          throw Object.assign(new Error('EIO'), { code: 'EIO' })
        }
        return file.read(into, position)
      },
    }))
    return readBack(refusing, log.segments)
  }

  it('is damage at the record it can not read, never the end of the log', async () => {
    const log = await makeLog({ commits: 3 })
    const name = log.names[0] ?? ''
    const [first = 0, second = 0, third = 0] = offsetsFrom(1, 3)
    const places = [
      { byte: first + 5, offset: first, sequences: [] },
      { byte: second - 1, offset: first, sequences: [] },
      { byte: second, offset: second, sequences: [1] },
      { byte: third + recordHeaderBytes, offset: third, sequences: [1, 2] },
      { byte: 17, offset: 0, sequences: [] },
    ]
    for (const { byte, offset, sequences } of places) {
      const found = await readWithBadByte(log, { name, byte })
      expect(found.sequences).toEqual(sequences)
      const damage = { type: 'damaged', file: name, offset, kind: 'ioError' }
      expect(found.report.ending).toMatchObject({ ...damage, evidence: 'readRefused' })
    }
  })

  it('is an error of its own when it is another reason than the medium', async () => {
    const host = await hostWithFiles(closed.files)
    const refusing = hostWithFileMethods(host, () => ({
      read: async () => {
        throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
      },
    }))
    await expect(readBack(refusing, closed.segments)).rejects.toMatchObject({ code: 'IoFailed' })
  })
})

describe('reading', () => {
  it('changes no file, whatever it finds', async () => {
    const { name, bytes } = mustGet(closed, 1)
    const files = withFile(closed, name, flipBit(bytes, segmentHeaderBytes * 8 + 3))
    const host = await hostWithFiles(files)
    await readBack(host, closed.segments)
    expect(await filesOf(host)).toEqual(files)
    expect(await host.files.list(directory)).toEqual([...closed.names])
  })

  it('streams records larger than its window', async () => {
    const host = await hostWithFiles(new Map())
    const owner = newOwner()
    const writer = await LogWriter.create(writerOptions(host, owner))
    const lengths = [10, 300_000, 262_144 - recordHeaderBytes, 5, 1_000_000, 0]
    for (const [index, length] of lengths.entries()) {
      const payload = new Uint8Array(length).fill(index + 1)
      writer.append({ sequence: index + 1, systemTime: 1n, payload })
    }
    await writer.close()
    const found: [number, number, number | undefined][] = []
    const options = { host, directory, databaseId, expected: owner.segments, firstSequence: 1 }
    const report = await readLog({ ...options, durableSequenceFloor: 0 }, ({ sequence, payload }) =>
      found.push([sequence, payload.length, payload.at(-1)]),
    )
    expect(report.ending).toEqual({ type: 'clean', closed: true })
    for (const [index, length] of lengths.entries()) {
      expect(found[index]).toEqual([index + 1, length, length ? index + 1 : undefined])
    }
  })
})
