import { isErrno, readFully } from '../host/files.ts'
import type { HostFile } from '../host/host.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'

const windowBytes = 256 * 1024

/** The disk refused to give back what is stored at `offset`. */
export class ReadRefused extends Error {
  override readonly name = 'ReadRefused'
  readonly offset: number

  constructor(offset: number, cause: unknown) {
    super(`the disk can't read byte ${offset}`, { cause })
    this.offset = offset
  }
}

/**
 * A file seen through a buffer that moves over it. Memory stays at the size of the window, or of
 * the largest single piece asked for, which is never more than the file holds.
 */
export class FileWindow {
  readonly #file: HostFile
  readonly size: number
  #bytes = new Uint8Array(0)
  #start = 0

  private constructor(file: HostFile, size: number) {
    this.#file = file
    this.size = size
  }

  static async over(file: HostFile): Promise<FileWindow> {
    return new FileWindow(file, await file.size())
  }

  /** The piece as a view, when the window holds it; valid until the next `load`. */
  peek(start: number, end: number): Uint8Array | undefined {
    const first = start - this.#start
    const last = end - this.#start
    return first >= 0 && last <= this.#bytes.length ? this.#bytes.subarray(first, last) : undefined
  }

  /** The piece, which must lie within the file; throws `ReadRefused`, and `IoFailed`. */
  async load(start: number, end: number): Promise<Uint8Array> {
    invariant(start >= 0 && start <= end, 'a piece has a start and an end')
    invariant(end <= this.size, 'only what the file has is read')
    const found = this.peek(start, end)
    if (found) return found
    try {
      await this.#fill(start, Math.min(Math.max(end, start + windowBytes), this.size))
    } catch (error) {
      // The bad place may lie behind the piece, which is then to be had by itself.
      if (!isErrno(error, 'EIO')) throw explainRead(error)
      await this.#fillExactly(start, end)
    }
    const loaded = this.peek(start, end)
    if (!loaded) throw new ReadRefused(start, new Error('the file became shorter meanwhile'))
    return loaded
  }

  async #fillExactly(start: number, end: number): Promise<void> {
    try {
      await this.#fill(start, end)
    } catch (error) {
      if (isErrno(error, 'EIO')) throw new ReadRefused(start, error)
      throw explainRead(error)
    }
  }

  async #fill(start: number, end: number): Promise<void> {
    const bytes = new Uint8Array(end - start)
    const count = await readFully(this.#file, bytes, start)
    invariant(count <= bytes.length, 'a read returns no more than it was asked for')
    this.#bytes = bytes.subarray(0, count)
    this.#start = start
  }
}

function explainRead(error: unknown): unknown {
  if (error instanceof DatabaseError || !(error instanceof Error && 'code' in error)) return error
  return new DatabaseError(
    'IoFailed',
    `the log can't be read (${error.message}): mend the cause, then open again`,
    { cause: error },
  )
}
