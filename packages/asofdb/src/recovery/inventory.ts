import { bytesToHex, countsOf } from '../checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryOf,
  generationOfName,
  logDirectoryOf,
  previousManifestName,
} from '../checkpoint/directory-names.ts'
import {
  type CheckpointFileInfo,
  type CheckpointState,
  decodeManifest,
  type Manifest,
  type Settings,
} from '../checkpoint/manifest.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import { type ReadHeader, readCheckpointHeader } from '../checkpoint/read-checkpoint.ts'
import { countsEqual, zeroCounts } from '../checkpoint/sections.ts'
import type { Host } from '../host/host.ts'
import { ReadRefused } from '../log/file-window.ts'
import {
  databaseIdBytes,
  parseSegmentName,
  type SegmentHeader,
  type SegmentInfo,
} from '../log/segment.ts'
import { SegmentReader } from '../log/segment-reader.ts'
import { isDatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { listIfPresent } from './survey-checkpoint.ts'

export interface Place {
  readonly host: Host
  readonly directory: string
}

export interface FoundCheckpoint {
  readonly name: string
  readonly size: number
  readonly read: ReadHeader
}

export interface FoundSegment {
  readonly name: string
  readonly size: number
  /** Undefined when it can't be read. */
  readonly header: SegmentHeader | undefined
  readonly isRefused: boolean
}

/** Every checkpoint file and segment that lies in the directory, whatever the manifest says. */
export interface Inventory {
  readonly checkpoints: ReadonlyMap<string, FoundCheckpoint>
  readonly segments: ReadonlyMap<string, FoundSegment>
}

/** What a salvage builds on: a manifest, or what the headers of the files say instead of one. */
export interface Basis {
  readonly databaseId: string
  readonly settings: Settings
  /** The highest ones that are known. */
  readonly revision: number
  readonly epoch: number
  readonly generation: number
  readonly segmentNumber: number
  readonly durableSequence: number
  /** Chains of checkpoint files, the one with most commits first. */
  readonly candidates: readonly CheckpointState[]
  readonly segments: readonly SegmentInfo[]
  /** Whether what is named here and isn't there is missing. */
  readonly isNamed: boolean
}

/** Reads the header of every file. Writes nothing. */
export async function takeInventory({ host, directory }: Place): Promise<Inventory> {
  const checkpoints = new Map<string, FoundCheckpoint>()
  for (const name of await listIfPresent(host.files, checkpointDirectoryOf(directory))) {
    if (generationOfName(name) === undefined) continue
    const path = `${checkpointDirectoryOf(directory)}/${name}`
    const read = await readCheckpointHeader(host.files, path)
    const status = await host.files.stat(path)
    checkpoints.set(name, { name, size: status?.size ?? 0, read })
  }
  const segments = new Map<string, FoundSegment>()
  const log = logDirectoryOf(directory)
  for (const name of await listIfPresent(host.files, log)) {
    if (parseSegmentName(name) === undefined) continue
    const reader = await SegmentReader.open({ host, directory: log }, name)
    if (reader === undefined) continue
    try {
      segments.set(name, { name, size: reader.size, ...(await headerOf(reader)) })
    } finally {
      await reader.close()
    }
  }
  return { checkpoints, segments }
}

async function headerOf(
  reader: SegmentReader,
): Promise<Pick<FoundSegment, 'header' | 'isRefused'>> {
  try {
    const decoded = await reader.readHeader()
    return { header: decoded.type === 'header' ? decoded.header : undefined, isRefused: false }
  } catch (error) {
    if (error instanceof ReadRefused) return { header: undefined, isRefused: true }
    throw error
  }
}

/** The manifest before the one in force, when it can be read; good for what never changes. */
export async function readPreviousManifest({
  host,
  directory,
}: Place): Promise<Manifest | undefined> {
  try {
    const bytes = await readWholeFile(host.files, `${directory}/${previousManifestName}`)
    return bytes === undefined ? undefined : decodeManifest(bytes, previousManifestName)
  } catch (error) {
    // A hint that can't be read is none.
    if (isDatabaseError(error) || (error instanceof Error && 'code' in error)) return undefined
    throw error
  }
}

/** What a manifest names, with every shorter chain of its files besides. */
export function basisOfManifest(manifest: Manifest, inventory: Inventory): Basis {
  const bySequence = new Map<number, CheckpointState>()
  for (const { files } of [manifest.checkpoint, manifest.previous]) {
    for (let count = files.length; count >= 0; count--) {
      const chain = files.slice(0, count)
      const sequence = chain.at(-1)?.toSequence ?? 0
      if (!bySequence.has(sequence)) bySequence.set(sequence, { sequence, files: chain })
    }
  }
  return {
    ...manifest,
    ...highest(inventory, manifest),
    candidates: sorted([...bySequence.values()]),
    isNamed: true,
  }
}

/**
 * What the headers of the files say, where no manifest can be relied on. `hint` is one that can be
 * read and may be old. Undefined when no header says which database this is.
 */
export function basisOfHeaders(
  inventory: Inventory,
  hint: Manifest | undefined,
  settings: Settings,
): Basis | undefined {
  const databaseId = databaseIdOf(inventory, hint)
  if (databaseId === undefined) return undefined
  invariant(databaseId.length === 2 * databaseIdBytes, 'an id is written in hexadecimal digits')
  return {
    databaseId,
    settings: hint?.settings ?? settings,
    revision: hint?.revision ?? 0,
    durableSequence: hint?.durableSequence ?? 0,
    ...highest(inventory, hint),
    candidates: sorted(chainsOf(infosOf(inventory, databaseId))),
    segments: lastRun(inventory, databaseId),
    isNamed: false,
  }
}

/** The id that most files carry; that of the hint if any does. */
function databaseIdOf(inventory: Inventory, hint: Manifest | undefined): string | undefined {
  const counts = new Map<string, number>()
  for (const { read } of inventory.checkpoints.values()) {
    if (read.type === 'header') count(counts, read.header.databaseId)
  }
  for (const { header } of inventory.segments.values()) {
    if (header !== undefined) count(counts, bytesToHex(header.databaseId))
  }
  if (hint !== undefined && (counts.size === 0 || counts.has(hint.databaseId))) {
    return hint.databaseId
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function highest(
  inventory: Inventory,
  known: Pick<Manifest, 'epoch' | 'generation' | 'segmentNumber'> | undefined,
): Pick<Manifest, 'epoch' | 'generation' | 'segmentNumber'> {
  let epoch = known?.epoch ?? 0
  let generation = known?.generation ?? 0
  let segmentNumber = known?.segmentNumber ?? 0
  for (const name of inventory.checkpoints.keys()) {
    generation = Math.max(generation, generationOfName(name) ?? 0)
  }
  for (const { name, header } of inventory.segments.values()) {
    epoch = Math.max(epoch, parseSegmentName(name)?.epoch ?? 0)
    segmentNumber = Math.max(segmentNumber, header?.number ?? 0)
  }
  invariant(epoch >= (known?.epoch ?? 0), 'what is known is a part of what is highest')
  invariant(generation >= (known?.generation ?? 0), 'names of checkpoints are not used twice')
  return { epoch, generation, segmentNumber }
}

function infosOf(inventory: Inventory, databaseId: string): CheckpointFileInfo[] {
  const infos: CheckpointFileInfo[] = []
  for (const { name, size, read } of inventory.checkpoints.values()) {
    if (read.type !== 'header' || read.header.databaseId !== databaseId) continue
    const { fromSequence, toSequence } = read.header
    const counts = countsOf(read.header)
    infos.push({ name, size, headerChecksum: read.checksum, fromSequence, toSequence, ...counts })
  }
  return infos
}

/** Every way in which files follow on one another from the first commit on; the empty one, too. */
function chainsOf(infos: readonly CheckpointFileInfo[]): CheckpointState[] {
  const chains: CheckpointState[] = [{ sequence: 0, files: [] }]
  // The list grows while it is walked: each chain is tried with every file that follows it.
  for (const { sequence, files } of chains) {
    const counts = files.at(-1)?.to ?? zeroCounts()
    invariant(chains.length <= chainsMax, 'checkpoint files form few chains')
    for (const info of infos) {
      const follows = info.fromSequence === sequence && info.toSequence > sequence
      if (!follows || !countsEqual(info.from, counts)) continue
      chains.push({ sequence: info.toSequence, files: [...files, info] })
    }
  }
  return chains
}

/** More than the policy of checkpoints ever leaves, which merges files as they grow in number. */
const chainsMax = 10_000

function sorted(candidates: CheckpointState[]): CheckpointState[] {
  invariant(
    candidates.some(({ sequence }) => sequence === 0),
    'to begin with nothing is always possible',
  )
  const generation = ({ files }: CheckpointState): number =>
    generationOfName(files.at(-1)?.name ?? '') ?? 0
  return candidates.sort((a, b) => b.sequence - a.sequence || generation(b) - generation(a))
}

/**
 * The segments of the newest run of the log, in order. A segment without one before it began a log
 * anew, so what lies before it is no part of the log any more.
 */
function lastRun(inventory: Inventory, databaseId: string): SegmentInfo[] {
  const byNumber = new Map<number, SegmentHeader>()
  for (const { header } of inventory.segments.values()) {
    if (header === undefined) continue
    if (bytesToHex(header.databaseId) !== databaseId) continue
    const known = byNumber.get(header.number)
    if (known === undefined || known.epoch < header.epoch) byNumber.set(header.number, header)
  }
  invariant(byNumber.size <= inventory.segments.size, 'a number stands for one segment')
  const headers = [...byNumber.values()].sort((a, b) => a.number - b.number)
  const start = headers.findLastIndex(({ previous }) => previous === undefined)
  return headers.slice(Math.max(0, start)).map(({ name, number, epoch, firstSequence, salt }) => ({
    name,
    number,
    epoch,
    firstSequence,
    salt,
  }))
}
