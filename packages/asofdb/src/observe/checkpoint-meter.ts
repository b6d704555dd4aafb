import { type Instant, microsToInstant } from '../encoding/instant.ts'
import type { Clock } from '../host/host.ts'
import type { EventHub } from './event-hub.ts'
import type { CheckpointFinishedEvent } from './events.ts'

/** Checkpoints that fail; gone when one is made. */
export interface CheckpointFailure {
  /** What the newest attempt failed with. */
  readonly error: unknown
  /** Attempts in a row that failed. */
  readonly tries: number
  /** When the first of them failed. */
  readonly since: Instant
  /** When the next one is made; null when no more is made unless asked for. */
  readonly nextTryAt: Instant | null
}

/** The last checkpoint that this opening made. */
export interface CheckpointMade {
  readonly durationMs: number
  readonly bytesWritten: number
  /** Since it was finished. */
  readonly ageMs: number
}

/** Knows how the checkpoints of this opening went. */
export class CheckpointMeter {
  readonly #clock: Clock
  readonly #events: EventHub
  #made: CheckpointFinishedEvent | undefined
  #madeAtMs = 0
  #failure: CheckpointFailure | undefined

  constructor(clock: Clock, events: EventHub) {
    this.#clock = clock
    this.#events = events
  }

  noteStarted(sequence: number): void {
    this.#events.emit('checkpointStarted', { sequence })
  }

  /** Without bytes written, everything was in a checkpoint already, and none was made. */
  noteFinished({ sequence, durationMs, bytesWritten, files }: CheckpointFinishedEvent): void {
    this.#failure = undefined
    if (bytesWritten === 0) return
    this.#made = { sequence, durationMs, bytesWritten, files }
    this.#madeAtMs = this.#clock.monotonicMs()
    this.#events.emit('checkpointFinished', this.#made)
  }

  /** `retryMs`: until the next attempt; Infinity when there will be none. */
  noteFailed(error: unknown, { tries, retryMs }: { tries: number; retryMs: number }): void {
    const nowMicros = this.#clock.wallMicros()
    const nextTryAt = retryMs === Infinity ? null : instantOf(nowMicros + retryMs * 1000)
    const since = this.#failure?.since ?? instantOf(nowMicros)
    this.#failure = { error, tries, since, nextTryAt }
    this.#events.emit('checkpointFailed', { error, tries, nextTryAt })
  }

  get failure(): CheckpointFailure | null {
    return this.#failure ?? null
  }

  get made(): CheckpointMade | null {
    if (this.#made === undefined) return null
    const { durationMs, bytesWritten } = this.#made
    return { durationMs, bytesWritten, ageMs: this.#clock.monotonicMs() - this.#madeAtMs }
  }
}

function instantOf(micros: number): Instant {
  return microsToInstant(BigInt(Math.floor(micros)))
}
