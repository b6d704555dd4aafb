import { isErrno, readFully } from '../host/files.ts'
import type { FileSystem, HostFile } from '../host/host.ts'
import { invariant, must } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import {
  type CheckpointHeader,
  countsOf,
  type DecodedCheckpointHeader,
  decodeCheckpointHeader,
  headerLength,
  headerPrefixBytes,
} from './checkpoint-file.ts'
import { loadSections, type SectionDamage } from './load-sections.ts'
import { assertLittleEndian } from './platform.ts'
import {
  decodeSymbols,
  sectionNames,
  storeOf,
  type TableCounts,
  unitBytes,
  zeroCounts,
} from './sections.ts'

/** A file whose header was found good. */
export interface OpenableCheckpoint {
  readonly path: string
  readonly header: CheckpointHeader
}

/** The header of a file, or why there is none. `unreadable` is a failure of the file system. */
export type ReadHeader =
  | (DecodedCheckpointHeader & { readonly size: number })
  | { readonly type: 'missing' }
  | { readonly type: 'unreadable'; readonly error: unknown }

export async function readCheckpointHeader(files: FileSystem, path: string): Promise<ReadHeader> {
  try {
    const file = await files.open(path, 'read')
    try {
      const size = await file.size()
      const prefix = new Uint8Array(Math.min(size, headerPrefixBytes))
      await readFully(file, prefix, 0)
      const length = headerLength(prefix)
      if (length === undefined || length > size) return { type: 'damaged', size }
      const bytes = new Uint8Array(length)
      if ((await readFully(file, bytes, 0)) < length) return { type: 'damaged', size }
      return { ...decodeCheckpointHeader(bytes), size }
    } finally {
      await file.close()
    }
  } catch (error) {
    return isErrno(error, 'ENOENT') ? { type: 'missing' } : { type: 'unreadable', error }
  }
}

/**
 * Reads a chain of checkpoint files into the tables, from the first commit on, verifying every
 * byte. Returns the first damage found; then the tables hold nothing to rely on, and another chain
 * may be loaded over them. Sizes of the files were checked by the caller, so that the memory
 * reserved is bounded by what is on the disk.
 */
export async function loadCheckpoint(
  files: FileSystem,
  chain: readonly OpenableCheckpoint[],
  tables: Tables,
): Promise<SectionDamage | undefined> {
  assertLittleEndian()
  for (const [index, { header }] of chain.entries()) {
    const reached = chain[index - 1]?.header.toSequence ?? 0
    invariant(header.fromSequence === reached, 'files follow on one another')
  }
  const last = chain.at(-1)
  resizeTables(tables, last === undefined ? zeroCounts() : countsOf(last.header).to)
  const symbols: [symbol: number, name: string][] = []
  for (const checkpoint of chain) {
    const found = await loadFile({ files, checkpoint, tables, symbols })
    if (found !== undefined) return found
  }
  if (last === undefined) return undefined
  const damage = checkCommits(last, tables)
  if (damage !== undefined) return damage
  publish(tables, symbols, countsOf(last.header).to)
  return undefined
}

function resizeTables(tables: Tables, counts: TableCounts): void {
  for (const name of sectionNames) {
    if (name === 'symbols') continue
    const store = storeOf(tables, name)
    store.shrinkTo(counts[name])
    store.extendTo(Math.max(counts[name], minimumOf(name)))
  }
}

/** An arena is never shorter than its reserved start. */
function minimumOf(name: keyof typeof unitBytes): number {
  return unitBytes[name] === 1 ? 16 : 0
}

interface FileLoad {
  readonly files: FileSystem
  readonly checkpoint: OpenableCheckpoint
  readonly tables: Tables
  readonly symbols: [symbol: number, name: string][]
}

async function loadFile(load: FileLoad): Promise<SectionDamage | undefined> {
  const { path, header } = load.checkpoint
  let file: HostFile
  try {
    file = await load.files.open(path, 'read')
  } catch (error) {
    return { path, kind: 'ioError', offset: 0, length: 0, what: 'the file', cause: error }
  }
  try {
    let symbolBytes = new Uint8Array(0)
    const damage = await loadSections({ file, path, header }, ({ name, from, to }, rawBytes) => {
      if (name !== 'symbols') return storeOf(load.tables, name).byteRanges(from, to)
      symbolBytes = new Uint8Array(rawBytes)
      return [symbolBytes]
    })
    return damage ?? readSymbols(load, symbolBytes)
  } finally {
    await file.close()
  }
}

function readSymbols(load: FileLoad, bytes: Uint8Array): SectionDamage | undefined {
  const { sections } = load.checkpoint.header
  invariant(sections.length > 0, 'a header has sections')
  const found = sections.find(section => section.name === 'symbols')
  const entry = must(found, 'the section of the symbols')
  try {
    for (const symbol of decodeSymbols(bytes, entry.to - entry.from)) load.symbols.push(symbol)
    return undefined
  } catch (error) {
    const { path } = load.checkpoint
    const { offset, length } = entry
    return { path, kind: 'contents', offset, length, what: 'the symbols', cause: error }
  }
}

/** The last commit names the row counts after it, which must be those of the file. */
function checkCommits(last: OpenableCheckpoint, tables: Tables): SectionDamage | undefined {
  const { to } = countsOf(last.header)
  invariant(tables.commits.sequence === to.commits, 'all commits were read')
  const counts = tables.commits.counts(to.commits)
  const isFitting =
    last.header.toSequence === to.commits &&
    counts.node === to.nodeRows && counts.edge === to.edgeRows && counts.key === to.keyRows
  if (isFitting) return undefined
  const { path } = last
  return { path, kind: 'contents', offset: 0, length: 0, what: 'the row counts of the last commit' }
}

/** Derives what is not stored: heads, counts of identities, numbers of names. */
function publish(
  tables: Tables,
  symbols: readonly [symbol: number, name: string][],
  counts: TableCounts,
): void {
  invariant(symbols.length === counts.symbols, 'all symbols were read')
  for (const [symbol, name] of symbols) tables.symbols.define(symbol, name)
  invariant(tables.edgeEnds.column.count === counts.edgeEnds, 'all edges were read')
  invariant(tables.keyNames.column.count === counts.keyNames, 'all keys were read')
  tables.edgeEnds.committed = counts.edgeEnds
  tables.keyNames.committed = counts.keyNames
  for (const table of [tables.node, tables.edge, tables.key]) table.linkHeads(0)
  tables.hideErased()
  tables.nodesAllocated = tables.node.entityCount
}
