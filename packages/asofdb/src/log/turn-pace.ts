import type { Host } from '../host/host.ts'

/** So long those who commit may have the event loop to themselves. */
const turnMsMax = 8

const settled = Promise.resolve()

/**
 * Keeps those who commit in a loop from starving everything else. A commit that is served within
 * its own turn resumes its caller in a microtask, and microtasks go before timers and I/O: without
 * a pause no timer would ever come up, that of the next sync or checkpoint included.
 */
export class TurnPace {
  readonly #host: Pick<Host, 'clock' | 'timers'>
  #lastMs: number

  constructor(host: Pick<Host, 'clock' | 'timers'>) {
    this.#host = host
    this.#lastMs = host.clock.monotonicMs()
  }

  /** Whether the last turn that was let go by is long ago. */
  get isLong(): boolean {
    return this.#host.clock.monotonicMs() - this.#lastMs > turnMsMax
  }

  yieldTurn(): Promise<void> {
    this.#lastMs = this.#host.clock.monotonicMs()
    return this.#host.timers.yieldTurn()
  }

  /** Resolves at once, or after a turn of the event loop when the last one is long ago. */
  rest(): Promise<void> {
    return this.isLong ? this.yieldTurn() : settled
  }
}
