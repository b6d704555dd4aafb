import { invariant } from '../rules/invariant.ts'

const bucketsPerDoubling = 4
const smallestMs = 1 / 1024
const doublings = 27

/**
 * Upper bounds of the buckets, milliseconds: four to each doubling, from a microsecond to two
 * minutes; the last bucket takes everything above.
 */
const upToMs = Float64Array.from(
  { length: doublings * bucketsPerDoubling + 1 },
  (_, index) => smallestMs * 2 ** (index / bucketsPerDoubling),
)

/** How far above the truth a percentile may be: by a fifth. */
export const percentileErrorMax = 2 ** (1 / bucketsPerDoubling)

export interface LatencySummary {
  readonly count: number
  /** Half of them took no longer. At most a fifth above the exact figure; 0 when there are none. */
  readonly p50Ms: number
  /** 99 of 100 took no longer. As exact as `p50Ms`. */
  readonly p99Ms: number
  /** Exact. */
  readonly maxMs: number
  /** Those that took longer than the bucket before, up to `upToMs`; empty ones are left out. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[]
}

/** Counts durations in fixed buckets: no memory grows, and noting one allocates nothing. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(upToMs.length + 1)
  #count = 0
  #maxMs = 0

  note(durationMs: number): void {
    const bucket = bucketOf(durationMs)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    if (durationMs > this.#maxMs) this.#maxMs = durationMs
  }

  summary(): LatencySummary {
    const buckets = [...this.#counts]
      .map((count, index) => ({ upToMs: this.#boundOf(index), count }))
      .filter(({ count }) => count > 0)
    return {
      count: this.#count,
      p50Ms: this.#percentileMs(0.5),
      p99Ms: this.#percentileMs(0.99),
      maxMs: this.#maxMs,
      buckets,
    }
  }

  /** The bound of the bucket that the duration of this rank fell into. */
  #percentileMs(share: number): number {
    const rank = Math.ceil(this.#count * share)
    let seen = 0
    for (const [index, count] of this.#counts.entries()) {
      seen += count
      if (count > 0 && seen >= rank) return this.#boundOf(index)
    }
    return 0
  }

  /** Nothing was longer than the longest. */
  #boundOf(index: number): number {
    return Math.min(upToMs[index] ?? this.#maxMs, this.#maxMs)
  }
}

function bucketOf(durationMs: number): number {
  invariant(durationMs >= 0, 'the monotonic clock does not go back')
  if (durationMs <= smallestMs) return 0
  const guess = Math.ceil(Math.log2(durationMs / smallestMs) * bucketsPerDoubling)
  const index = Math.min(guess, upToMs.length)
  // The logarithm may be off by a hair, which matters at a bound.
  if (durationMs <= (upToMs[index - 1] ?? 0)) return index - 1
  if (durationMs > (upToMs[index] ?? Number.POSITIVE_INFINITY)) return index + 1
  return index
}
