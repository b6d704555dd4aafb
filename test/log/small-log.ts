import type { LogReadOptions } from '../../packages/asofdb/src/log/log-reader.ts'
import { LogWriter } from '../../packages/asofdb/src/log/log-writer.ts'
import { recordBytes } from '../../packages/asofdb/src/log/record.ts'
import { segmentHeaderBytes, type SegmentInfo } from '../../packages/asofdb/src/log/segment.ts'
import {
  appendCommit,
  databaseId,
  filesOf,
  hostWithFiles,
  type LogFiles,
  newOwner,
  payloadOf,
  type ReadBack,
  readBack,
  writerOptions,
} from './log-fixture.ts'

export interface SmallLog {
  readonly files: LogFiles
  readonly segments: readonly SegmentInfo[]
  readonly names: readonly string[]
}

/** Segments of three commits each; the commits of `together` share a sync. */
export async function makeLog(of: {
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
export function withFile(log: SmallLog, name: string, bytes: Uint8Array | undefined): LogFiles {
  const files = new Map(log.files)
  if (bytes) files.set(name, bytes)
  else files.delete(name)
  return files
}

export function mustGetFile(log: SmallLog, index: number): { name: string; bytes: Uint8Array } {
  const name = log.names.at(index)
  const bytes = name === undefined ? undefined : log.files.get(name)
  if (name === undefined || !bytes) throw new Error(`no segment ${index}`)
  return { name, bytes }
}

export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const damaged = bytes.slice()
  damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return damaged
}

export async function readFiles(
  files: LogFiles,
  log: SmallLog,
  changes: Partial<LogReadOptions> = {},
): Promise<ReadBack> {
  return readBack(await hostWithFiles(files), log.segments, changes)
}

/** Where the records of a segment begin; its end is the last entry. */
export function offsetsFrom(sequence: number, count: number): number[] {
  const offsets = [segmentHeaderBytes]
  for (let step = 0; step < count; step++) {
    offsets.push((offsets[step] ?? 0) + recordBytes(payloadOf(sequence + step).length))
  }
  return offsets
}

export function prefix(length: number): number[] {
  return Array.from({ length }, (_, index) => index + 1)
}
