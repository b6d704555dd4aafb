import { isErrno, writeFully, writeFullyNow } from '../host/files.ts'
import type { Host, HostFile } from '../host/host.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { recordAlignment, saltToSeed } from './record.ts'
import {
  encodeSegmentHeader,
  type SegmentHeader,
  segmentHeaderBytes,
  type SegmentInfo,
} from './segment.ts'

/** Where the files of a log are. */
export interface LogPlace {
  readonly host: Host
  /** Absolute path. */
  readonly directory: string
}

/**
 * The segment that takes records: an open file and the offset behind its last whole record. Writes
 * are positional and at most one is under way, so nothing ever lies behind a gap.
 */
export class SegmentFile {
  readonly info: SegmentInfo
  /** With this all checksums of its records begin. */
  readonly seed: number
  readonly #file: HostFile
  #endOffset: number
  #isWriting = false

  private constructor(file: HostFile, info: SegmentInfo, endOffset: number) {
    this.#file = file
    this.info = info
    this.seed = saltToSeed(info.salt)
    this.#endOffset = endOffset
  }

  /**
   * Makes the file; its header and its name are durable when it resolves. Leaves nothing behind
   * when it fails, except where even that fails: then a file that no manifest names.
   */
  static async create({ host, directory }: LogPlace, header: SegmentHeader): Promise<SegmentFile> {
    const path = `${directory}/${header.name}`
    const file = await attempt('make a segment of the log', () => host.files.open(path, 'create'))
    try {
      await attempt('write the header of a segment', async () => {
        await writeFully(file, encodeSegmentHeader(header), 0)
        await file.sync()
        await host.files.syncDirectory(directory)
      })
    } catch (error) {
      // The failure to report is the first; what is left over is told from a segment in use.
      await file.close().catch(() => undefined)
      await host.files.remove(path).catch(() => undefined)
      throw error
    }
    const { name, number, epoch, firstSequence, salt } = header
    return new SegmentFile(file, { name, number, epoch, firstSequence, salt }, segmentHeaderBytes)
  }

  /** Opens a segment that ends at `endOffset`: recovery has cut and synced what came after. */
  static async resume(
    { host, directory }: LogPlace,
    info: SegmentInfo,
    endOffset: number,
  ): Promise<SegmentFile> {
    invariant(endOffset >= segmentHeaderBytes, 'records go behind the header')
    invariant(endOffset % recordAlignment === 0, 'a record begins aligned')
    return attempt('open the last segment of the log', async () => {
      const file = await host.files.open(`${directory}/${info.name}`, 'write')
      try {
        const size = await file.size()
        invariant(size === endOffset, 'the tail of the log is cut before it is written to')
      } catch (error) {
        // Nothing was written, so there is nothing a failed close could add.
        await file.close().catch(() => undefined)
        throw error
      }
      return new SegmentFile(file, info, endOffset)
    })
  }

  /** Where the next record goes, in bytes. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Whether a write failed and may have left a part of it behind `endOffset`. */
  get isTorn(): boolean {
    return this.#isWriting
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#beginWrite(bytes)
    await writeFully(this.#file, bytes, this.#endOffset)
    this.#endWrite(bytes)
  }

  /** `write` without leaving the turn. */
  writeNow(bytes: Uint8Array): void {
    this.#beginWrite(bytes)
    writeFullyNow(this.#file, bytes, this.#endOffset)
    this.#endWrite(bytes)
  }

  syncData(): Promise<void> {
    return this.#file.syncData()
  }

  syncDataNow(): void {
    this.#file.syncDataNow()
  }

  /** Takes away, durably, what a failed write left. */
  async cutBack(): Promise<void> {
    invariant(this.#isWriting, 'only a failed write is cut back')
    await this.#file.truncate(this.#endOffset)
    await this.#file.sync()
    this.#isWriting = false
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #beginWrite(bytes: Uint8Array): void {
    invariant(!this.#isWriting, 'one write at a time, and none after one that failed')
    invariant(bytes.length % recordAlignment === 0, 'whole records are written')
    this.#isWriting = true
  }

  #endWrite(bytes: Uint8Array): void {
    this.#endOffset += bytes.length
    invariant(Number.isSafeInteger(this.#endOffset), 'an offset is a safe integer')
    this.#isWriting = false
  }
}

/** Whether the disk, or what this user may use of it, is full. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].some((code) => isErrno(error, code))
}

/** Runs `work`; a failure of the file system in it becomes an error that says what to do. */
export async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explain(what, error)
  }
}

/** The error to report for `cause`, which kept the log from doing `what`. */
export function explain(what: string, cause: unknown): unknown {
  if (isDatabaseError(cause) || !(cause instanceof Error && 'code' in cause)) return cause
  if (isDiskFull(cause)) {
    const message = `the disk is full, so the log can't ${what}: make room, then open again`
    return new DatabaseError('DiskFull', message, { cause })
  }
  const message = `the log can't ${what} (${cause.message}): mend the cause, then open again`
  return new DatabaseError('IoFailed', message, { cause })
}
