import { countText } from './number-text.ts'
import type { Terminal } from './terminal.ts'

/** Between two updates: of a line that is written anew, and of lines that stay. */
const interactiveEveryMs = 100
const plainEveryMs = 5000

/** So much is done, of so much; nothing is known when `of` is 0. */
export interface ProgressShare {
  readonly done: number
  readonly of: number
}

/** How work goes on, on standard error: one line that changes, or a line now and then. */
export class Progress {
  readonly #terminal: Terminal
  readonly #what: string
  readonly #total: number
  readonly #began = performance.now()
  #shownAt = this.#began
  #isOpen = false

  /** `what` is counted, up to `total`; 0 when that is not known. */
  constructor(terminal: Terminal, what: string, total: number) {
    this.#terminal = terminal
    this.#what = what
    this.#total = total
  }

  /** `share` is how much is done, when that is known better than by the count. */
  update(count: number, share: ProgressShare = { done: count, of: this.#total }): void {
    const now = performance.now()
    const { isInteractive } = this.#terminal
    if (now - this.#shownAt < (isInteractive ? interactiveEveryMs : plainEveryMs)) return
    this.#shownAt = now
    const fraction = share.of > 0 ? share.done / share.of : 0
    const line = this.#describe(count, fraction, (now - this.#began) / 1000)
    this.#isOpen = isInteractive
    this.#terminal.note(isInteractive ? `\r\u001b[K${line}` : `${line}\n`)
  }

  /** Takes the changing line away. */
  end(): void {
    if (this.#isOpen) this.#terminal.note('\r\u001b[K')
    this.#isOpen = false
  }

  #describe(count: number, fraction: number, seconds: number): string {
    const of = this.#total > 0 ? ` of ${countText(this.#total)}` : ''
    const rate = `${countText(count / seconds)}/s`
    const done = Math.min(1, fraction)
    if (done <= 0) return `${countText(count)} ${this.#what}, ${rate}`
    const left = Math.ceil((seconds / done) * (1 - done))
    const percent = `${Math.floor(done * 100)}%`
    return `${percent.padStart(4)}  ${countText(count)}${of} ${this.#what}, ${rate}, ${left} s left`
  }
}
