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
 * A file seen through a buffer that moves over it. Memory stays at the size of the window, or of the
 * largest single piece asked for, which is never more than the file holds.
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
  peek(offset: number, length: number): Uint8Array | undefined {
    const start = offset - this.#start
    const end = start + length
    return start >= 0 && end <= this.#bytes.length ? this.#bytes.subarray(start, end) : undefined
  }

  /** The piece, which must lie within the file; throws `ReadRefused`, and `IoFailed`. */
  async load(offset: number, length: number): Promise<Uint8Array> {
    invariant(offset >= 0 && offset + length <= this.size, 'only what the file has is read')
    const found = this.peek(offset, length)
    if (found) return found
    const ahead = Math.min(Math.max(length, windowBytes), this.size - offset)
    try {
      await this.#fill(offset, ahead)
    } catch (error) {
      // The bad place may lie behind the piece, which is then to be had by itself.
      if (!isErrno(error, 'EIO')) throw explainRead(error)
      await this.#fillExactly(offset, length)
    }
    const loaded = this.peek(offset, length)
    if (!loaded) throw new ReadRefused(offset, new Error('the file became shorter meanwhile'))
    return loaded
  }

  async #fillExactly(offset: number, length: number): Promise<void> {
    try {
      await this.#fill(offset, length)
    } catch (error) {
      if (isErrno(error, 'EIO')) throw new ReadRefused(offset, error)
      throw explainRead(error)
    }
  }

  async #fill(offset: number, length: number): Promise<void> {
    const bytes = new Uint8Array(length)
    const count = await readFully(this.#file, bytes, offset)
    this.#bytes = bytes.subarray(0, count)
    this.#start = offset
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
