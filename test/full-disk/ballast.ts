import * as fs from 'node:fs'
import { join } from 'node:path'

const pieceBytes = 64 * 1024

/** Files beside a database that take what room there is, but for so much. */
export class Ballast {
  readonly #folder: string
  readonly #piece = new Uint8Array(pieceBytes).fill(0xa5)

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Leaves room for so many bytes, in whole blocks, as the file system counts them. */
  leaveBytes(bytes: number): void {
    const file = fs.openSync(join(this.#folder, 'ballast'), 'wx')
    try {
      // Metadata takes room, too, and blocks may be given away only when a file reaches the disk.
      for (let excess = this.freeBytes - bytes; excess > 0; excess = this.freeBytes - bytes) {
        const written = this.#write(file, excess)
        fs.fsyncSync(file)
        if (written < excess) break
      }
    } finally {
      fs.closeSync(file)
    }
  }

  /** Leaves room for so many files and directories. */
  leaveEntries(count: number): void {
    fs.mkdirSync(join(this.#folder, 'entries'))
    for (let number = 0; this.freeEntries > count; number++) {
      fs.writeFileSync(join(this.#folder, 'entries', String(number)), '')
    }
  }

  /** Gives all of it back. */
  remove(): void {
    for (const name of ['ballast', 'entries']) {
      fs.rmSync(join(this.#folder, name), { recursive: true, force: true })
    }
  }

  get freeBytes(): number {
    const { bavail, bsize } = fs.statfsSync(this.#folder)
    return bavail * bsize
  }

  get freeEntries(): number {
    return fs.statfsSync(this.#folder).ffree
  }

  #write(file: number, bytes: number): number {
    let written = 0
    try {
      while (written < bytes) {
        written += fs.writeSync(file, this.#piece, 0, Math.min(bytes - written, pieceBytes))
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
    return written
  }
}
