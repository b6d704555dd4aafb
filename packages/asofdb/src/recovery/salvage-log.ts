import { hexToBytes } from '../checkpoint/checkpoint-file.ts'
import { logDirectoryName, logDirectoryOf } from '../checkpoint/directory-names.ts'
import type { BatchApplier } from '../commit/apply.ts'
import { bytesEqual } from '../encoding/bytes.ts'
import { recordTypes } from '../log/record.ts'
import { segmentHeaderBytes, type SegmentInfo } from '../log/segment.ts'
import { SegmentReader, type SoundRecord, type Stretch } from '../log/segment-reader.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import type { Basis, FoundSegment, Inventory, Place } from './inventory.ts'
import type { Damage, RecoveryReport, SequenceRange, SkippedCommits } from './report.ts'

export interface LogSalvageOptions extends Place {
  readonly basis: Basis
  readonly inventory: Inventory
  /** With what the checkpoint held. */
  readonly tables: Tables
  readonly applier: BatchApplier
}

/** What could be had of a log. */
export interface SalvagedLog {
  readonly replayed: RecoveryReport['replayed']
  readonly damage: readonly Damage[]
  readonly tornTail: RecoveryReport['tornTail']
  readonly skipped: SkippedCommits
  /** The highest sequence of any sound record, and of any promise. */
  readonly seenSequence: number
  /** Segments without damage, all commits of which are in the tables. */
  readonly spent: ReadonlySet<string>
}

/**
 * Reads everything sound in the segments of a basis, and applies the commits that follow on the
 * tables without a gap. Damage to what the tables hold already costs nothing; damage beyond it
 * ends the applying for good, because later commits build on the missing one: they are counted.
 * A record counts as in any opening: checksums seeded with the salt of the segment, its place in
 * the order of sequences, no older epoch. Writes nothing.
 */
export async function salvageLog(options: LogSalvageOptions): Promise<SalvagedLog> {
  const salvage = new LogSalvage(options)
  for (const [index, segment] of options.basis.segments.entries()) {
    await salvage.readSegment(segment, options.basis.segments[index + 1])
  }
  return salvage.finish()
}

/** Bytes that hold no record, and what was expected there. */
interface Hole {
  readonly stretch: Stretch
  readonly file: string
  readonly sequenceExpected: number
  /** The sequence of the commit found behind it. */
  sequenceBehind: number | undefined
}

class LogSalvage {
  readonly #options: LogSalvageOptions
  readonly #damage: Damage[] = []
  readonly #spent = new Set<string>()
  readonly #ranges: SequenceRange[] = []
  readonly #databaseId: Uint8Array
  /** Holes of the segment being read. */
  #holes: Hole[] = []
  #skippedRecords = 0
  #isSkipping = false
  #segments = 0
  #bytes = 0
  #applied = { records: 0, first: 0, last: 0 }
  /** The sequence and the epoch that the last record leads one to expect. */
  #next: number
  #epoch = 0
  #promised: number
  #seen = 0
  #tornTail: SalvagedLog['tornTail'] = null

  constructor(options: LogSalvageOptions) {
    const { basis, tables } = options
    invariant(tables.commits.sequence >= 0, 'a log is read behind a checkpoint')
    invariant(
      basis.segments.every((one, at) => one.number > (basis.segments[at - 1]?.number ?? 0)),
      'segments are read in order',
    )
    this.#options = options
    this.#databaseId = hexToBytes(basis.databaseId)
    this.#promised = basis.durableSequence
    this.#next = basis.segments[0]?.firstSequence ?? tables.commits.sequence + 1
  }

  async readSegment(segment: SegmentInfo, next: SegmentInfo | undefined): Promise<void> {
    const { inventory, host, directory, basis } = this.#options
    invariant(this.#holes.length === 0, 'the segment before was judged to its end')
    invariant(this.#tornTail === null, 'only the last segment has an unfinished end')
    const found = inventory.segments.get(segment.name)
    const last = next === undefined ? basis.durableSequence : next.firstSequence - 1
    if (found === undefined) {
      this.#note(segment.name, { kind: 'missing', offset: 0, what: 'it is not there' }, last)
      this.#next = Math.max(this.#next, next?.firstSequence ?? 0)
      return
    }
    const place = { host, directory: logDirectoryOf(directory) }
    const reader = await SegmentReader.open(place, segment.name)
    if (reader === undefined) throw vanished(segment.name)
    const before = { damage: this.#damage.length, skipped: this.#skippedRecords }
    try {
      const isOther = this.#judgeHeader(segment, found, last)
      if (isOther) {
        this.#next = Math.max(this.#next, next?.firstSequence ?? 0)
        return
      }
      if (segment.firstSequence > this.#next) this.#noteGap(segment)
      reader.trustSalt(segment.salt)
      await reader.readSound({
        record: (record) => this.#take(segment.name, record),
        stretch: (stretch) =>
          this.#holes.push({
            stretch,
            file: segment.name,
            sequenceExpected: this.#next,
            sequenceBehind: undefined,
          }),
      })
      this.#segments += 1
      this.#bytes += reader.size
      this.#judgeHoles(next)
      if (next === undefined) this.#judgeEnd(segment.name, reader.size)
      else if (this.#next < next.firstSequence && this.#damage.length === before.damage) {
        const what = `commits from ${this.#next} on are cut off`
        this.#note(segment.name, { kind: 'truncated', offset: reader.size, what }, last)
      }
    } finally {
      await reader.close()
    }
    const isWhole = this.#damage.length === before.damage && this.#tornTail === null
    if (isWhole && this.#skippedRecords === before.skipped) this.#spent.add(segment.name)
  }

  finish(): SalvagedLog {
    const { records, first, last } = this.#applied
    const { tables, basis } = this.#options
    invariant(records === 0 || last === first + records - 1, 'no commit is applied over a gap')
    invariant(records === 0 || last === tables.commits.sequence, 'the tables end with the last')
    invariant(this.#spent.size <= basis.segments.length, 'only what was read is spent')
    invariant(
      this.#ranges.every((range) => range.first > tables.commits.sequence),
      'what is skipped lies behind what was applied',
    )
    return {
      replayed: {
        segments: this.#segments,
        records,
        bytes: this.#bytes,
        firstSequence: first,
        lastSequence: last,
      },
      damage: this.#damage,
      tornTail: this.#tornTail,
      skipped: { records: this.#skippedRecords, ranges: this.#ranges },
      seenSequence: Math.max(this.#seen, this.#promised),
      spent: this.#spent,
    }
  }

  /**
   * Whether it is another file, in which no record counts. Else the records count by the salt that
   * the manifest names, whatever became of the header.
   */
  #judgeHeader(
    segment: SegmentInfo,
    { header, size, isRefused }: FoundSegment,
    last: number,
  ): boolean {
    const at = { offset: 0, length: segmentHeaderBytes }
    if (isRefused) {
      const what = 'the disk refuses to read it'
      this.#note(segment.name, { ...at, kind: 'ioError', what }, last)
    } else if (header === undefined) {
      const kind = size < segmentHeaderBytes ? 'truncated' : 'checksum'
      this.#note(segment.name, { ...at, kind, what: 'its header is damaged' }, last)
    } else if (!bytesEqual(header.databaseId, this.#databaseId)) {
      const what = 'it belongs to another database'
      this.#note(segment.name, { ...at, kind: 'foreign', what }, last)
      return true
    } else if (header.salt !== segment.salt || header.number !== segment.number) {
      this.#note(segment.name, { ...at, kind: 'salt', what: 'it is another file' }, last)
      return true
    }
    return false
  }

  #take(file: string, { header, offset, payload }: SoundRecord): void {
    const { sequence, epoch, type, systemTime } = header
    const isCommit = type === recordTypes.commit
    const isStale = epoch < this.#epoch || sequence < (isCommit ? this.#next : this.#next - 1)
    if (isStale) {
      const what = `a record of commit ${sequence} is out of its order`
      this.#note(file, { kind: 'salt', offset, what, sequenceFound: sequence }, sequence)
      return
    }
    const hole = this.#holes.at(-1)
    if (hole !== undefined && isCommit) hole.sequenceBehind ??= sequence
    if (sequence > this.#next && hole?.sequenceBehind !== sequence) {
      const what = `commits ${this.#next} to ${sequence - 1} are not before it`
      const kind = 'sequenceGap'
      this.#note(file, { kind, offset, what, sequenceFound: sequence }, sequence - 1)
    }
    invariant(epoch >= this.#epoch, 'epochs never go down')
    this.#epoch = epoch
    this.#promised = Math.max(this.#promised, header.durableSequence)
    this.#seen = Math.max(this.#seen, sequence)
    this.#next = sequence + 1
    if (isCommit) this.#apply({ sequence, systemTime, payload }, { file, offset })
  }

  #apply(
    batch: Parameters<BatchApplier['apply']>[0],
    at: { readonly file: string; readonly offset: number },
  ): void {
    const { tables, applier } = this.#options
    const wanted = tables.commits.sequence + 1
    const { sequence } = batch
    if (sequence < wanted) return
    if (sequence > wanted || this.#isSkipping) {
      this.#skip(sequence)
      return
    }
    try {
      applier.apply(batch)
    } catch (error) {
      if (isDatabaseError(error)) throw senseless(at, sequence, error)
      throw error
    }
    invariant(tables.commits.sequence === sequence, 'what is applied is the newest commit')
    const { records, first } = this.#applied
    this.#applied = { records: records + 1, first: first || sequence, last: sequence }
  }

  #skip(sequence: number): void {
    this.#isSkipping = true
    this.#skippedRecords += 1
    const open = this.#ranges.at(-1)
    invariant(open === undefined || open.last < sequence, 'a commit is skipped once')
    if (open?.last === sequence - 1) {
      this.#ranges[this.#ranges.length - 1] = { first: open.first, last: sequence }
    } else this.#ranges.push({ first: sequence, last: sequence })
  }

  /** A hole is damage unless it is at the end of the log and nobody promises what was in it. */
  #judgeHoles(next: SegmentInfo | undefined): void {
    for (const [index, hole] of this.#holes.entries()) {
      const { stretch, file, sequenceExpected, sequenceBehind } = hole
      const { offset, length, isRefused } = stretch
      invariant(offset >= segmentHeaderBytes && length > 0, 'a hole is among the records')
      const isMark = sequenceBehind === sequenceExpected
      const proof = next === undefined ? 'durablePromise' : 'laterSegment'
      const isProven = next !== undefined || isMark || this.#promised >= sequenceExpected
      if (!isProven && !isRefused) {
        this.#tornTail = {
          file: `${logDirectoryName}/${file}`,
          offset,
          bytesDiscarded: length,
          recordsDiscarded: this.#holes.length - 1 - index,
          firstSequenceDiscarded: sequenceExpected,
        }
        break
      }
      const last = (sequenceBehind ?? next?.firstSequence ?? this.#promised + 1) - 1
      const what = isMark ? 'no record is read there' : `commit ${sequenceExpected} can't be read`
      this.#damage.push({
        kind: isRefused ? 'ioError' : 'checksum',
        file: `${logDirectoryName}/${file}`,
        offset,
        length,
        sequenceExpected,
        commits: { first: sequenceExpected, last: Math.max(sequenceExpected, last) },
        evidence: isRefused ? 'readRefused' : proof,
        what,
      })
    }
    this.#holes = []
  }

  /** Commits that were promised and whose bytes are gone without a trace. */
  #judgeEnd(file: string, size: number): void {
    const isTold = this.#damage.some((one) => (one.commits?.last ?? 0) >= this.#promised)
    if (this.#next > this.#promised || isTold) return
    const held = this.#options.tables.commits.sequence
    if (this.#promised <= held) return
    const what = `commits ${this.#next} to ${this.#promised} are cut off`
    this.#note(file, { kind: 'truncated', offset: size, what }, this.#promised)
  }

  #noteGap({ name, firstSequence }: SegmentInfo): void {
    const isTold = this.#damage.some((one) => (one.commits?.last ?? 0) >= firstSequence - 1)
    if (isTold) return
    const what = `it begins with commit ${firstSequence}, and ${this.#next} is not before it`
    const gap = { kind: 'sequenceGap', offset: 0, what, sequenceFound: firstSequence } as const
    this.#note(name, gap, firstSequence - 1)
  }

  #note(
    file: string,
    of: Pick<Damage, 'kind' | 'offset' | 'length' | 'what' | 'sequenceFound'>,
    last: number,
  ): void {
    invariant(of.offset >= 0, 'damage is somewhere')
    const first = this.#next
    invariant(first >= 1, 'commits count from 1')
    this.#damage.push({
      ...of,
      file: `${logDirectoryName}/${file}`,
      sequenceExpected: first,
      commits: { first, last: Math.max(first, last) },
      evidence: of.kind === 'ioError' ? 'readRefused' : 'manifest',
    })
  }
}

function vanished(name: string): DatabaseError {
  return new DatabaseError(
    'IoFailed',
    `${logDirectoryName}/${name} went away while it was read: see who else uses the directory`,
  )
}

/** A sound record that no commit can have made is no damage of the disk: nothing is built on it. */
function senseless(
  { file, offset }: { readonly file: string; readonly offset: number },
  sequence: number,
  cause: DatabaseError,
): DatabaseError {
  return new DatabaseError(
    'Corrupt',
    `${logDirectoryName}/${file} has a sound record at byte ${offset} that can't be applied ` +
      `(${cause.message}): keep the directory as it is and ask for help; nothing was changed`,
    { details: { file: `${logDirectoryName}/${file}`, offset, kind: 'contents', sequence }, cause },
  )
}
