import { invariant } from '../rules/invariant.ts'

const stepsMax = 100
const stepBytesMin = 64 * 1024

export interface ReadProgressOptions {
  /** How often everything is read. */
  readonly passes: number
  /** Called with growing numbers; `bytesRead` reaches `bytesTotal` at the end, and not before. */
  tell(progress: { readonly bytesRead: number; readonly bytesTotal: number }): void
}

/**
 * How far an opening has come, in bytes of checkpoint and log. The total is what the manifest and
 * the sizes of the segments promise; where damage makes the reading longer or shorter, the last
 * step tells it all the same, so whoever shows a bar comes to its end.
 */
export class ReadProgress {
  readonly #options: ReadProgressOptions
  #bytesRead = 0
  #bytesTotal = 0
  #bytesTold = 0

  constructor(options: ReadProgressOptions) {
    invariant(options.passes >= 1, 'everything is read at least once')
    this.#options = options
  }

  /** What one pass reads. What a later pass expects is known by then. */
  expect(bytes: number): void {
    invariant(bytes >= 0, 'nothing is read backwards')
    if (this.#bytesTotal === 0) this.#bytesTotal = bytes * this.#options.passes
  }

  noteRead(bytes: number): void {
    this.#bytesRead += bytes
    const step = Math.max(stepBytesMin, this.#bytesTotal / stepsMax)
    if (this.#bytesRead - this.#bytesTold < step || this.#bytesRead >= this.#bytesTotal) return
    this.#tell(this.#bytesRead)
  }

  /** Everything is read; told only where there was anything to read. */
  end(): void {
    if (this.#bytesTotal > 0) this.#tell(this.#bytesTotal)
  }

  #tell(bytes: number): void {
    invariant(bytes > this.#bytesTold, 'progress goes forward')
    this.#bytesTold = bytes
    this.#options.tell({ bytesRead: bytes, bytesTotal: this.#bytesTotal })
  }
}
