import type { EventHub } from './event-hub.ts'
import type { LogRotatedEvent } from './events.ts'
import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts'

/** How commits shared writes and syncs of the log. */
export interface GroupFigures {
  readonly count: number
  /** Commits in all of them; divided by `count`: commits per group. */
  readonly commits: number
  /** Commits in the largest one. */
  readonly largest: number
}

/** Counts what the log does. */
export class LogMeter {
  readonly #events: EventHub
  readonly #syncs = new LatencyHistogram()
  #groups = 0
  #commits = 0
  #largest = 0

  constructor(events: EventHub) {
    this.#events = events
  }

  noteGroup(commits: number): void {
    this.#groups += 1
    this.#commits += commits
    if (commits > this.#largest) this.#largest = commits
  }

  noteSync(durationMs: number): void {
    this.#syncs.note(durationMs)
    if (this.#events.isListened('logSynced')) this.#events.emit('logSynced', { durationMs })
  }

  noteRotation(event: LogRotatedEvent): void {
    this.#events.emit('logRotated', event)
  }

  get groups(): GroupFigures {
    return { count: this.#groups, commits: this.#commits, largest: this.#largest }
  }

  get syncs(): LatencySummary {
    return this.#syncs.summary()
  }
}
