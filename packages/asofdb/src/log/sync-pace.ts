/** Syncs that take longer than this are left to the threads of the host. */
const quickMs = 1

/** One outlier alone must not end a run of quick ones. */
const sampleMsMax = 4

/** Share of the newest sample in the running mean. */
const weight = 1 / 8

/** So many syncs are left to a thread before one is tried in the own turn again. */
const pauseFirst = 8
const pauseMax = 1024

/**
 * Whether syncs are quick of late. One that is costs less in the caller's own turn than the way to
 * another thread and back; a slow one would keep everything else from running meanwhile. Starts
 * out as quick, because the first sync tells.
 *
 * How long a sync takes by way of a thread says little: on an idle machine the thread takes longer
 * to wake up than a quick disk to sync. So, while syncs are slow, one is tried in the own turn now
 * and then, twice as seldom each time that it was slow again.
 */
export class SyncPace {
  /** Undefined before the first. */
  #meanMs: number | undefined
  #pause = pauseFirst
  #syncsUntilTrial = 0

  get isQuick(): boolean {
    return this.#isQuickOnAverage || this.#syncsUntilTrial === 0
  }

  /** What a write and sync in the caller's own turn took. */
  noteOwn(durationMs: number): void {
    const sample = Math.min(durationMs, sampleMsMax)
    const mean = this.#meanMs ?? sample
    if (mean < quickMs) this.#meanMs = mean + (sample - mean) * weight
    else this.#meanMs = sample
    if (this.#isQuickOnAverage) {
      this.#pause = pauseFirst
      return
    }
    this.#syncsUntilTrial = this.#pause
    this.#pause = Math.min(this.#pause * 2, pauseMax)
  }

  get #isQuickOnAverage(): boolean {
    return this.#meanMs === undefined || this.#meanMs < quickMs
  }

  /** What one took by way of a thread: if that was quick, the own turn can't be slower. */
  noteThread(durationMs: number): void {
    if (durationMs < quickMs) this.#syncsUntilTrial = 0
    else if (this.#syncsUntilTrial > 0) this.#syncsUntilTrial--
  }
}
