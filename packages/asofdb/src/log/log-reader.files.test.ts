import { beforeAll, describe, expect, it } from 'vitest'
import { RandomStream } from '../../../../simulation/random.ts'
import {
  commit,
  databaseId,
  directory,
  filesOf,
  hostWithFileMethods,
  hostWithFiles,
  newOwner,
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
import { readLog } from './log-reader.ts'
import { LogWriter } from './log-writer.ts'
import { recordBytes, recordHeaderBytes } from './record.ts'
import { encodeSegmentHeader, segmentHeaderBytes, segmentName, segmentsFrom } from './segment.ts'

let closed: SmallLog
let killed: SmallLog

beforeAll(async () => {
  closed = await makeLog({ commits: 5, isClosed: true })
  killed = await makeLog({ commits: 5 })
})

describe('segment files', () => {
  it('that are missing, of another database or put in another place are damage', async () => {
    const [one, two] = [mustGetFile(closed, 0), mustGetFile(closed, 1)]
    const other = await makeLog({ commits: 5, id: new Uint8Array(16).fill(1) })
    const stale = mustGetFile(killed, 0).bytes
    const foreign = mustGetFile(other, 1).bytes
    const cases = [
      { files: withFile(closed, one.name, undefined), at: one.name, kind: 'missing' },
      { files: withFile(closed, two.name, undefined), at: two.name, kind: 'missing' },
      { files: withFile(closed, one.name, two.bytes), at: one.name, kind: 'salt' },
      { files: withFile(closed, one.name, stale), at: one.name, kind: 'salt' },
      { files: withFile(closed, two.name, foreign), at: two.name, kind: 'foreign' },
    ]
    for (const { files, at, kind } of cases) {
      const { report, sequences } = await readFiles(files, closed)
      expect(sequences).toEqual(prefix(at === one.name ? 0 : 3))
      const damage = { type: 'damaged', file: at, offset: 0, kind, evidence: 'manifest' }
      expect(report.ending).toMatchObject(damage)
    }
  })

  it('with records of another segment under a sound header are damage', async () => {
    const { name, bytes } = mustGetFile(closed, 1)
    const stolen = mustGetFile(killed, 1).bytes.subarray(segmentHeaderBytes)
    const mixed = Buffer.concat([bytes.subarray(0, segmentHeaderBytes), stolen])
    const { report, sequences } = await readFiles(withFile(closed, name, mixed), closed, {
      durableSequenceFloor: 5,
    })
    expect(sequences).toEqual([1, 2, 3])
    expect(report.ending).toMatchObject({ type: 'damaged', kind: 'checksum' })
  })

  it('that end before the next one says are damage, even at the border of a record', async () => {
    const { name, bytes } = mustGetFile(closed, 0)
    const [, , third = 0] = offsetsFrom(1, 3)
    const { report } = await readFiles(withFile(closed, name, bytes.subarray(0, third)), closed)
    expect(report.ending).toMatchObject({
      type: 'damaged',
      offset: third,
      kind: 'truncated',
      evidence: 'laterSegment',
      evidenceAt: { file: mustGetFile(closed, 1).name, offset: 0, sequence: 4 },
    })
  })

  it('that hold a close and no commit are not missed by who needs none from before', async () => {
    const host = await hostWithFiles(new Map())
    const owner = newOwner()
    const small = { segmentBytesMax: segmentHeaderBytes + recordBytes(7) }
    await (await LogWriter.create(writerOptions(host, owner, small))).close()
    const { tail } = (await readBack(host, owner.segments)).report
    if (!tail) throw new Error('a clean log has a tail')
    const next = await LogWriter.resume(writerOptions(host, owner, { ...small, epoch: 2 }), tail)
    await commit(next, 1)
    await next.close()
    const [first, second] = owner.segments
    expect([first?.firstSequence, second?.firstSequence]).toEqual([1, 1])
    const { report, sequences } = await readBack(host, segmentsFrom(owner.segments, 1))
    expect(sequences).toEqual([1])
    expect(report.ending).toEqual({ type: 'clean', closed: true })
    expect(report.orphans).toEqual([first?.name])
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
    const { name, bytes } = mustGetFile(log, 0)
    const end = segmentHeaderBytes + recordBytes(7)
    expect(bytes.length).toBe(end + recordBytes(0))
    const { report } = await readFiles(withFile(log, name, bytes.subarray(0, end)), log)
    const damage = { type: 'damaged', file: name, offset: end, kind: 'truncated' }
    expect(report.ending).toMatchObject({ ...damage, evidence: 'laterSegment' })
  })

  it('that end too early are found even when the next one has lost its header', async () => {
    const [one, two] = [mustGetFile(closed, 0), mustGetFile(closed, 1)]
    const [, , third = 0] = offsetsFrom(1, 3)
    const files = new Map(closed.files)
    files.set(one.name, one.bytes.subarray(0, third))
    files.set(two.name, two.bytes.slice().fill(0, 0, segmentHeaderBytes))
    const { report } = await readFiles(files, closed)
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
      const { report, sequences } = await readFiles(withFile(closed, unused, bytes), closed)
      expect(sequences).toEqual([1, 2, 3, 4, 5])
      expect(report.ending).toEqual({ type: 'clean', closed: true })
      expect(report.orphans).toEqual([unused])
    }
  })

  it('that were dropped and are still there are orphans', async () => {
    const [, last] = closed.segments
    const expected = last ? [last] : []
    const wanted = { expected, firstSequence: 5 }
    const { report, sequences } = await readFiles(closed.files, closed, wanted)
    expect(sequences).toEqual([5])
    expect(report).toMatchObject({ orphans: [mustGetFile(closed, 0).name], records: 1 })
    const gone = await readFiles(new Map(), closed, { expected: [], firstSequence: 6 })
    expect(gone.report).toMatchObject({ ending: { type: 'clean' }, lastSequence: 5 })
  })

  it('with records that the manifest does not name are damage', async () => {
    const expected = closed.segments.slice(0, 1)
    const { report, sequences } = await readFiles(closed.files, closed, { expected })
    expect(sequences).toEqual([1, 2, 3])
    expect(report.ending).toMatchObject({
      type: 'damaged',
      file: mustGetFile(closed, 1).name,
      kind: 'missing',
      sequenceExpected: 4,
      evidence: 'laterSegment',
    })
    expect(report.orphans).toEqual([])
    const { name, bytes } = mustGetFile(closed, 0)
    const files = withFile(closed, name, bytes.subarray(0, bytes.length - 3))
    const torn = await readFiles(files, closed, { expected })
    expect(torn.report.ending).toMatchObject({ type: 'damaged', file: name, kind: 'truncated' })
  })

  it('of another database are never taken for leftovers', async () => {
    const other = await makeLog({ commits: 5, id: new Uint8Array(16).fill(1) })
    const name = segmentName({ firstSequence: 1, epoch: 9 })
    for (const firstSequence of [1, 5]) {
      const expected = closed.segments.slice(firstSequence === 1 ? 0 : 1)
      const files = withFile(closed, name, mustGetFile(other, 0).bytes)
      const { report } = await readFiles(files, closed, { expected, firstSequence })
      expect(report.ending).toMatchObject({ type: 'damaged', file: name, kind: 'foreign' })
      expect(report.orphans).not.toContain(name)
    }
  })

  it('that begin behind the first commit wanted leave a gap', async () => {
    const { report } = await readFiles(closed.files, closed, {
      expected: closed.segments.slice(1),
      firstSequence: 2,
    })
    const gap = { kind: 'sequenceGap', sequenceExpected: 2, sequenceFound: 4 }
    expect(report.ending).toMatchObject({ type: 'damaged', ...gap })
  })

  it('that end before the first commit wanted can not be gone on with', async () => {
    const { report } = await readFiles(killed.files, killed, { firstSequence: 9 })
    expect(report).toMatchObject({ ending: { type: 'clean' }, tail: undefined, lastSequence: 5 })
    const next = await readFiles(killed.files, killed, { firstSequence: 6 })
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
    const { name, bytes } = mustGetFile(closed, 1)
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
