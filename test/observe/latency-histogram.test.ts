import { describe, expect, it } from 'vitest'
import {
  LatencyHistogram,
  percentileErrorMax,
} from '../../packages/asofdb/src/observe/latency-histogram.ts'
import { RandomStream } from '../../simulation/random.ts'

/** The duration of which `share` of all are no longer, by sorting them. */
function naivePercentile(durations: readonly number[], share: number): number {
  const sorted = [...durations].sort((left, right) => left - right)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0
}

function histogramOf(durations: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const duration of durations) histogram.note(duration)
  return histogram
}

describe('a histogram of latencies', () => {
  it('is empty at first', () => {
    const empty = { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0, buckets: [] }
    expect(new LatencyHistogram().summary()).toEqual(empty)
  })

  it.each([1, 2, 3, 10, 1000])('of %i has percentiles as by sorting, or a fifth more', (count) => {
    const random = new RandomStream(`latencies of ${count}`)
    for (let round = 0; round < 50; round++) {
      // From tenths of a microsecond, below the first bucket, to minutes, above the last.
      const durations = Array.from({ length: count }, () => 2 ** (random.fraction() * 32 - 13))
      const summary = histogramOf(durations).summary()
      expect(summary.count).toBe(count)
      expect(summary.maxMs).toBe(Math.max(...durations))
      const percentiles = new Map([
        [0.5, summary.p50Ms],
        [0.99, summary.p99Ms],
      ])
      for (const [share, found] of percentiles) {
        const exact = naivePercentile(durations, share)
        expect(found).toBeGreaterThanOrEqual(exact)
        // The first bucket has no lower bound and the last one no upper.
        if (exact < 0.001 || exact > 131_072) continue
        expect(found).toBeLessThanOrEqual(exact * percentileErrorMax * (1 + 1e-12))
      }
    }
  })

  it('counts each duration in the one bucket that reaches up to it', () => {
    const random = new RandomStream('buckets')
    const durations = Array.from({ length: 3000 }, () => 2 ** (random.fraction() * 20 - 9))
    const { buckets } = histogramOf(durations).summary()
    let below = Number.NEGATIVE_INFINITY
    for (const { upToMs, count } of buckets) {
      const within = durations.filter((one) => one > below && one <= upToMs)
      expect([upToMs, count]).toEqual([upToMs, within.length])
      below = upToMs
    }
    expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(durations.length)
  })

  it('puts a duration that is a bound into the bucket that it bounds', () => {
    for (let index = 0; index <= 108; index++) {
      const bound = 2 ** (index / 4) / 1024
      // Beside a longer one, so that the bound shown is not the maximum.
      const { buckets } = histogramOf([bound, 1e9]).summary()
      expect(buckets).toEqual([
        { upToMs: bound, count: 1 },
        { upToMs: 1e9, count: 1 },
      ])
    }
  })
})
