import { crc32 } from 'node:zlib'

/** Lines kept; the hash covers all that ever were. */
const linesMax = 20_000

/** What happened, one line per file operation. Two runs of one seed have the same hash. */
export class SimulatedTrace {
  #lines: string[] = []
  #crc = 0
  #count = 0

  add(line: string): void {
    this.#crc = crc32(line, this.#crc)
    this.#count += 1
    this.#lines.push(line)
    if (this.#lines.length > linesMax * 2) this.#lines = this.#lines.slice(-linesMax)
  }

  get hash(): string {
    return `${this.#count}-${this.#crc.toString(16).padStart(8, '0')}`
  }

  get lines(): readonly string[] {
    return this.#lines
  }
}

/** Stands for bytes in a line. */
export function fingerprint(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0')
}
