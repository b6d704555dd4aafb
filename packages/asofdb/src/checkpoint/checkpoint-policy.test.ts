import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filesToAbsorb, isCheckpointDue } from './checkpoint-policy.ts'

describe('when a checkpoint is due', () => {
  const need = { logBytes: 100, checkpointLogBytes: 100, failures: 0, sinceFailureMs: 0 }

  it('is due when the log has grown to the bound', () => {
    expect(isCheckpointDue(need)).toBe(true)
    expect(isCheckpointDue({ ...need, logBytes: 99 })).toBe(false)
    expect(isCheckpointDue({ ...need, checkpointLogBytes: Infinity })).toBe(false)
  })

  it('waits after failures, twice as long each time, up to a minute', () => {
    const delays = [1, 2, 3, 50].map((failures) => {
      for (let sinceFailureMs = 0; ; sinceFailureMs += 500) {
        if (isCheckpointDue({ ...need, failures, sinceFailureMs })) return sinceFailureMs
      }
    })
    expect(delays).toEqual([1000, 2000, 4000, 60_000])
  })
})

describe('what a checkpoint absorbs', () => {
  it('rewrites a byte a few times while a thousand equal checkpoints are made', () => {
    const sizes: number[] = []
    let written = 0
    for (let made = 0; made < 1000; made++) {
      const count = filesToAbsorb(sizes, 1)
      const size = 1 + sizes.splice(sizes.length - count, count).reduce((sum, one) => sum + one, 0)
      sizes.push(size)
      written += size
    }
    expect(sizes.length).toBeLessThanOrEqual(10)
    expect(written / 1000).toBeLessThan(12)
  })

  it('keeps files few and rewriting rare, whatever sizes come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 200 }),
        (additions) => {
          const sizes: number[] = []
          let written = 0
          let total = 0
          for (const bytes of additions) {
            const count = filesToAbsorb(sizes, bytes)
            const absorbed = sizes.splice(sizes.length - count, count)
            const size = absorbed.reduce((sum, one) => sum + one, bytes)
            sizes.push(size)
            written += size
            total += bytes
          }
          expect(sizes.length).toBeLessThanOrEqual(Math.log2(total) + 1)
          expect(written).toBeLessThanOrEqual(total * (Math.log(total) / Math.log(1.5) + 2))
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })
})
