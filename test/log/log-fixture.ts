import { readFully, writeFully } from '../../packages/asofdb/src/host/files.ts'
import type { Host, HostFile } from '../../packages/asofdb/src/host/host.ts'
import { memoryHost } from '../../packages/asofdb/src/host/memory-host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import type { LogReport } from '../../packages/asofdb/src/log/log-ending.ts'
import { type LogReadOptions, readLog } from '../../packages/asofdb/src/log/log-reader.ts'
import type { LogWriter, LogWriterOptions } from '../../packages/asofdb/src/log/log-writer.ts'
import type { SegmentInfo } from '../../packages/asofdb/src/log/segment.ts'
import type { DatabaseError } from '../../packages/asofdb/src/rules/errors.ts'

export const databaseId = Uint8Array.from({ length: 16 }, (_, index) => index + 1)
export const directory = '/log'

/** The usual modes of a log, by the names that users give. */
export const logModes = {
  sync: { log: 'sync', fsync: 'always' },
  interval: { log: 'sync', fsync: { everyMs: 100 } },
  os: { log: 'sync', fsync: 'never' },
  'async-sync': { log: 'async', fsync: 'always' },
  'async-interval': { log: 'async', fsync: { everyMs: 100 } },
  'async-os': { log: 'async', fsync: 'never' },
} as const

export type LogModeName = keyof typeof logModes

/** What a manifest would hold, and what the writer told its owner. */
export interface LogOwner {
  segments: readonly SegmentInfo[]
  acknowledged: number[]
  poisons: DatabaseError[]
}

export function newOwner(): LogOwner {
  return { segments: [], acknowledged: [], poisons: [] }
}

export function writerOptions(
  host: Host,
  owner: LogOwner,
  changes: Partial<LogWriterOptions> = {},
): LogWriterOptions {
  return {
    host,
    directory,
    databaseId,
    epoch: 1,
    mode: logModes.sync,
    segmentBytesMax: 1024 * 1024,
    onAcknowledged: (sequence) => owner.acknowledged.push(sequence),
    onSegment: async (segments) => {
      owner.segments = segments
    },
    onPoison: (error) => owner.poisons.push(error),
    ...changes,
  }
}

/** Different for each sequence, and of different lengths, some of them no multiple of 8. */
export function payloadOf(sequence: number): Uint8Array {
  return Uint8Array.from({ length: (sequence * 7) % 40 }, (_, index) => sequence * 31 + index)
}

export function appendCommit(writer: LogWriter, sequence: number): void {
  writer.append({ sequence, systemTime: BigInt(sequence) * 1000n, payload: payloadOf(sequence) })
}

export async function commit(writer: LogWriter, sequence: number): Promise<void> {
  appendCommit(writer, sequence)
  await writer.acknowledged(sequence)
}

export interface ReadBack {
  readonly report: LogReport
  readonly sequences: number[]
}

/** Reads a log and compares every commit with what was written; throws when one differs. */
export async function readBack(
  host: Host,
  segments: readonly SegmentInfo[],
  changes: Partial<LogReadOptions> = {},
): Promise<ReadBack> {
  const sequences: number[] = []
  const options = { host, directory, databaseId, expected: segments, firstSequence: 1 }
  const report = await readLog({ ...options, durableSequenceFloor: 0, ...changes }, (record) => {
    const { sequence, systemTime, payload } = record
    const expected = payloadOf(sequence)
    const isSame = Buffer.compare(payload, expected) === 0
    if (!isSame || systemTime !== BigInt(sequence) * 1000n) {
      throw new Error(`a wrong record came back for ${sequence}`)
    }
    sequences.push(sequence)
  })
  return { report, sequences }
}

export type LogFiles = ReadonlyMap<string, Uint8Array>

/** A machine without a disk that holds these segment files. */
export async function hostWithFiles(files: LogFiles): Promise<Host> {
  const host = memoryHost(nodeHost())
  await host.files.makeDirectory(directory)
  for (const [name, bytes] of files) {
    const file = await host.files.open(`${directory}/${name}`, 'create')
    await writeFully(file, bytes, 0)
    await file.close()
  }
  return host
}

export async function filesOf(host: Host): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const name of await host.files.list(directory)) {
    const file = await host.files.open(`${directory}/${name}`, 'read')
    const bytes = new Uint8Array(await file.size())
    await readFully(file, bytes, 0)
    await file.close()
    files.set(name, bytes)
  }
  return files
}

/** The same machine, where every file that is opened has some methods replaced. */
export function hostWithFileMethods(
  host: Host,
  methodsOf: (file: HostFile) => Partial<HostFile>,
): Host {
  const open: Host['files']['open'] = async (path, mode) => {
    const file = await host.files.open(path, mode)
    return withMethods(file, methodsOf(file))
  }
  return { ...host, files: withMethods(host.files, { open }) }
}

/** Private fields need the object itself as the receiver, so methods are bound to it. */
function withMethods<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const found: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
}
