import type { Clock } from '../host/host.ts'
import type { EventHub } from './event-hub.ts'

/** What drift and corrections by small steps stay below between two commits. */
const jumpMsMin = 1000

/** Compares the wall clock with the monotonic one, which nobody can set. */
export class ClockWatch {
  readonly #clock: Clock
  readonly #events: EventHub
  #offsetMs: number

  constructor(clock: Clock, events: EventHub) {
    this.#clock = clock
    this.#events = events
    this.#offsetMs = this.#measure()
  }

  /** From here on jumps are noticed. */
  restart(): void {
    this.#offsetMs = this.#measure()
  }

  /** Called where somebody listens; else no clock is read. */
  check(): void {
    const offsetMs = this.#measure()
    const byMs = Math.round(offsetMs - this.#offsetMs)
    this.#offsetMs = offsetMs
    if (Math.abs(byMs) > jumpMsMin) this.#events.emit('clockSet', { byMs })
  }

  #measure(): number {
    return this.#clock.wallMicros() / 1000 - this.#clock.monotonicMs()
  }
}
