import { crc32 } from '../encoding/checksum.ts'
import { type Compression, decompressBlock } from '../encoding/compression.ts'
import { DecodeError } from '../encoding/decode-error.ts'
import { readFully } from '../host/files.ts'
import type { HostFile, Timers } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import {
  alignBlock,
  blockBytes,
  type BlockTable,
  blockTableBytes,
  decodeBlockTable,
  isSectionLength,
  rawBytesOf,
  rawBytesOfTable,
  type StoredBlock,
} from './block-table.ts'
import { type CheckpointHeader, rawBytesOfSection, type SectionEntry } from './checkpoint-file.ts'

/** Large enough that the calls cost little, small enough that checksums keep up with the disk. */
const pieceBytesMax = 4 * 1024 * 1024

/** The same where commits are to go on meanwhile. */
const calmPieceBytesMax = 256 * 1024

/** Compressed blocks are read together up to so many bytes. */
const groupBytesMax = 512 * 1024

/** Reads that are under way at a time, while the checksum of the oldest is taken. */
const readsAhead = 4

/** Most tables of blocks have come with the first read. */
const tableBytesFirst = 4096

export interface SectionDamage {
  readonly path: string
  readonly kind: 'checksum' | 'truncated' | 'ioError' | 'contents'
  readonly offset: number
  readonly length: number
  readonly what: string
  readonly cause?: unknown
}

export interface SectionSource {
  readonly file: HostFile
  readonly path: string
  readonly header: Pick<CheckpointHeader, 'compression' | 'sections'>
  /** Where commits go on meanwhile: turns are let go by, and nothing holds one for long. */
  readonly timers?: Timers | undefined
}

/** The memory that the bytes of a section belong into: of so many bytes altogether. */
export type SectionTargets = (entry: SectionEntry, rawBytes: number) => Iterable<Uint8Array>

/**
 * Reads sections into the given memory, decompressed, and compares every checksum. Returns the
 * first damage; then the memory holds nothing to rely on.
 */
export async function loadSections(
  source: SectionSource,
  targets: SectionTargets,
): Promise<SectionDamage | undefined> {
  const { compression, sections } = source.header
  if (compression === 'none') return loadPlain(source, targets)
  for (const entry of sections) {
    const loading = new BlockLoading({ source, entry, compression, targets })
    const damage = await loading.run()
    if (damage !== undefined) return damage
  }
  return undefined
}

/** Reads sections as `loadSections` does, and keeps nothing. */
export function checkSections(source: SectionSource): Promise<SectionDamage | undefined> {
  return loadSections(source, scratchOf)
}

/** Room to read a section into, piece by piece. */
function* scratchOf(_: SectionEntry, rawBytes: number): Generator<Uint8Array> {
  invariant(calmPieceBytesMax % blockBytes === 0, 'a piece holds whole blocks')
  for (let rest = rawBytes; rest > 0; rest -= calmPieceBytesMax) {
    yield new Uint8Array(Math.min(rest, calmPieceBytesMax))
  }
}

function damageOf(
  { path }: Pick<SectionSource, 'path'>,
  place: { readonly offset: number; readonly length: number },
  what: string,
): Omit<SectionDamage, 'kind'> {
  return { path, offset: place.offset, length: place.length, what }
}

function nameOf({ name }: SectionEntry): string {
  return `section ${name}`
}

interface Piece {
  readonly entry: SectionEntry
  readonly bytes: Uint8Array
  readonly position: number
  readonly isLast: boolean
}

/** A read, and the number of bytes that came of it or why none did. */
interface ReadUnderWay<T> {
  readonly of: T
  readonly bytes: Uint8Array
  readonly outcome: Promise<number | Error>
}

/**
 * Reads ahead of the processor, so that the disk and it work at the same time. `take` is called in
 * order with what was read and returns damage to stop. All reads have ended when this resolves:
 * they may write into tables, and nobody looks at those before.
 */
async function readAhead<T>(
  file: HostFile,
  reads: Iterator<{ readonly of: T; readonly bytes: Uint8Array; readonly position: number }>,
  take: (of: T, bytes: Uint8Array, outcome: number | Error) => Promise<SectionDamage | undefined>,
): Promise<SectionDamage | undefined> {
  const underWay: ReadUnderWay<T>[] = []
  const start = () => {
    const next = reads.next()
    if (next.done === true) return
    invariant(underWay.length < readsAhead, 'so many reads are under way and no more')
    const { of, bytes, position } = next.value
    invariant(bytes.length > 0 && position > 0, 'what is read lies behind the header')
    underWay.push({ of, bytes, outcome: readFully(file, bytes, position).catch(toError) })
  }
  for (let count = 0; count < readsAhead; count++) start()
  let damage: SectionDamage | undefined
  for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
    const outcome = await next.outcome
    if (damage !== undefined) continue
    start()
    damage = await take(next.of, next.bytes, outcome)
  }
  return damage
}

/** Straight into the memory; what fills a section up is read beside it. */
async function loadPlain(
  source: SectionSource,
  targets: SectionTargets,
): Promise<SectionDamage | undefined> {
  const { timers } = source
  let checksum = 0
  const reads = piecesOf(source, targets)
  return readAhead(source.file, reads, async ({ entry, isLast }, bytes, outcome) => {
    const where = damageOf(source, entry, nameOf(entry))
    if (outcome instanceof Error) return { ...where, kind: 'ioError', cause: outcome }
    if (outcome < bytes.length) return { ...where, kind: 'truncated' }
    checksum = crc32(bytes, checksum)
    await timers?.yieldTurn()
    if (!isLast) return undefined
    if (checksum !== entry.checksum) return { ...where, kind: 'checksum' }
    checksum = 0
    return undefined
  })
}

function* piecesOf(
  { header, timers }: SectionSource,
  targets: SectionTargets,
): Generator<{ of: Piece; bytes: Uint8Array; position: number }> {
  const bytesMax = timers === undefined ? pieceBytesMax : calmPieceBytesMax
  for (const entry of header.sections) {
    let position = entry.offset
    const end = entry.offset + entry.length
    for (const target of roomFor(entry, targets)) {
      for (let start = 0; start < target.length; start += bytesMax) {
        const bytes = target.subarray(start, start + bytesMax)
        const isLast = position + bytes.length === end
        invariant(position + bytes.length <= end, 'no section is read beyond its end')
        yield { of: { entry, bytes, position, isLast }, bytes, position }
        position += bytes.length
      }
    }
    invariant(position === end, 'there is room for a section as it was written')
  }
}

/** How long the symbols are without their filling is not known; it is read with them. */
function* roomFor(entry: SectionEntry, targets: SectionTargets): Generator<Uint8Array> {
  const rawBytes = rawBytesOfSection(entry) ?? entry.length
  yield* targets(entry, rawBytes)
  if (rawBytes < entry.length) yield new Uint8Array(entry.length - rawBytes)
}

/** A block and where it lies. */
interface PlacedBlock extends StoredBlock {
  readonly index: number
  readonly offset: number
  /** Bytes before compression. */
  readonly rawBytes: number
}

/** One section of a compressed file. */
class BlockLoading {
  readonly #source: SectionSource
  readonly #entry: SectionEntry
  readonly #compression: Compression
  readonly #targets: SectionTargets
  readonly #scratch = new Uint8Array(blockBytes)

  constructor(parts: {
    readonly source: SectionSource
    readonly entry: SectionEntry
    readonly compression: Compression
    readonly targets: SectionTargets
  }) {
    this.#source = parts.source
    this.#entry = parts.entry
    this.#compression = parts.compression
    this.#targets = parts.targets
  }

  async run(): Promise<SectionDamage | undefined> {
    const entry = this.#entry
    if (entry.length === 0) {
      invariant((rawBytesOfSection(entry) ?? 0) === 0, 'nothing is stored only of nothing')
      return undefined
    }
    const read = await this.#readTable()
    if (!('blocks' in read)) return read
    const room = new Room(this.#targets(entry, read.rawBytes))
    const reads = groupsOf(this.#placed(read))
    return readAhead(this.#source.file, reads, async (group, bytes, outcome) => {
      let start = 0
      for (const block of group) {
        const end = start + alignBlock(block.length)
        const stored = outcome instanceof Error ? outcome : bytes.subarray(start, end)
        const isThere = outcome instanceof Error || outcome >= end
        const damage = this.#takeBlock(block, isThere ? stored : undefined, room)
        if (damage !== undefined) return damage
        await this.#source.timers?.yieldTurn()
        start = end
      }
      return undefined
    })
  }

  /** The table, proved by the checksum in the header, or why there is none. */
  async #readTable(): Promise<BlockTable | SectionDamage> {
    const entry = this.#entry
    const { file } = this.#source
    const where = damageOf(this.#source, entry, `the table of ${nameOf(entry)}`)
    try {
      let bytes = new Uint8Array(Math.min(entry.length, tableBytesFirst))
      if ((await readFully(file, bytes, entry.offset)) < bytes.length) {
        return { ...where, kind: 'truncated' }
      }
      const rawBytes = rawBytesOfTable(bytes)
      const expected = rawBytesOfSection(entry) ?? rawBytes
      // Nothing is read or reserved for a length that nobody can have written.
      if (rawBytes !== expected || !isSectionLength({ rawBytes, length: entry.length })) {
        return { ...where, kind: 'checksum' }
      }
      const tableBytes = blockTableBytes(rawBytes)
      invariant(tableBytes <= entry.length, 'a section holds its table')
      if (tableBytes > bytes.length) {
        bytes = new Uint8Array(tableBytes)
        if ((await readFully(file, bytes, entry.offset)) < tableBytes) {
          return { ...where, kind: 'truncated' }
        }
      }
      const table = bytes.subarray(0, tableBytes)
      if (crc32(table) !== entry.checksum) return { ...where, kind: 'checksum' }
      return decodeBlockTable(table, entry.length)
    } catch (cause) {
      return { ...where, kind: cause instanceof DecodeError ? 'checksum' : 'ioError', cause }
    }
  }

  #placed(table: BlockTable): PlacedBlock[] {
    const { offset, length } = this.#entry
    let end = offset + blockTableBytes(table.rawBytes)
    const placed = table.blocks.map((block, index) => {
      const found = { ...block, index, offset: end, rawBytes: rawBytesOf(table, index) }
      end += alignBlock(block.length)
      return found
    })
    invariant(end === offset + length, 'a section ends with its last block')
    return placed
  }

  /** `stored` with its filling: undefined where the file ends before, or why it can't be read. */
  #takeBlock(
    block: PlacedBlock,
    stored: Uint8Array | Error | undefined,
    room: Room,
  ): SectionDamage | undefined {
    const { index, offset, length, rawBytes, checksum } = block
    invariant(length <= rawBytes && rawBytes <= blockBytes, 'a table bounds its blocks')
    const what = `block ${index} of ${nameOf(this.#entry)}`
    const where = damageOf(this.#source, { offset, length: alignBlock(length) }, what)
    if (stored instanceof Error) return { ...where, kind: 'ioError', cause: stored }
    if (stored === undefined) return { ...where, kind: 'truncated' }
    if (crc32(stored) !== checksum) return { ...where, kind: 'checksum' }
    const target = room.next(rawBytes)
    const into = target ?? this.#scratch.subarray(0, rawBytes)
    try {
      decompressBlock(this.#compression, stored.subarray(0, length), into)
    } catch (cause) {
      return { ...where, kind: 'contents', cause }
    }
    if (target === undefined) room.put(into)
    return undefined
  }
}

/** Blocks that are read together. */
function* groupsOf(
  blocks: readonly PlacedBlock[],
): Generator<{ of: readonly PlacedBlock[]; bytes: Uint8Array; position: number }> {
  let group: PlacedBlock[] = []
  let bytes = 0
  for (const block of blocks) {
    const length = alignBlock(block.length)
    const [first] = group
    if (first !== undefined && bytes + length > groupBytesMax) {
      yield { of: group, bytes: new Uint8Array(bytes), position: first.offset }
      group = []
      bytes = 0
    }
    invariant(length <= groupBytesMax, 'a block fits into a group')
    group.push(block)
    bytes += length
  }
  const [first] = group
  if (first !== undefined) yield { of: group, bytes: new Uint8Array(bytes), position: first.offset }
}

/** Memory in several parts that is filled from its start to its end. */
class Room {
  readonly #parts: Iterator<Uint8Array>
  #part: Uint8Array = new Uint8Array(0)
  #used = 0

  constructor(parts: Iterable<Uint8Array>) {
    this.#parts = parts[Symbol.iterator]()
  }

  /** The next `length` bytes, if they lie side by side. */
  next(length: number): Uint8Array | undefined {
    if (this.#used === this.#part.length) this.#advance()
    const end = this.#used + length
    if (end > this.#part.length) return undefined
    const found = this.#part.subarray(this.#used, end)
    this.#used = end
    invariant(found.length === length, 'a block has all of its room')
    return found
  }

  put(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      if (this.#used === this.#part.length) this.#advance()
      const taken = Math.min(bytes.length - done, this.#part.length - this.#used)
      this.#part.set(bytes.subarray(done, done + taken), this.#used)
      this.#used += taken
      done += taken
    }
  }

  #advance(): void {
    const next = this.#parts.next()
    invariant(next.done !== true && next.value.length > 0, 'there is room for all of a section')
    this.#part = next.value
    this.#used = 0
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
