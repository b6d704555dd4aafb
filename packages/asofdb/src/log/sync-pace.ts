/** Syncs that take longer than this are left to the threads of the host. */
const quickMs = 1

/** One outlier alone must not end a run of quick ones. */
const sampleMsMax = 4

/** Share of the newest sample in the running mean. */
const weight = 1 / 8

/**
 * Whether syncs are quick of late. One that is costs less in the caller's own turn than the way to
 * another thread and back; a slow one would keep everything else from running meanwhile. Starts
 * out as quick, because the first sync tells.
 */
export class SyncPace {
  #meanMs: number | undefined

  get isQuick(): boolean {
    return this.#meanMs === undefined || this.#meanMs < quickMs
  }

  note(durationMs: number): void {
    const sample = Math.min(durationMs, sampleMsMax)
    this.#meanMs =
      this.#meanMs === undefined ? sample : this.#meanMs + (sample - this.#meanMs) * weight
  }
}
