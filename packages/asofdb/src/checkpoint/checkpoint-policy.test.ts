import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admission, checkpointDelayMs, filesToAbsorb } from './checkpoint-policy.ts'

const triggers = { logBytes: 100, mutations: 10, everyMs: 5000, logBytesMax: 1000 }
const none = { logBytes: 0, mutations: 0, sinceOldestMs: 0, failures: 0, sinceFailureMs: 0 }
const never = {
  logBytes: Infinity,
  mutations: Infinity,
  everyMs: Infinity,
  logBytesMax: Infinity,
}

describe('when a checkpoint is due', () => {
  it('is due at each bound, whichever is reached first', () => {
    expect(checkpointDelayMs({ ...none, logBytes: 100 }, triggers)).toBe(0)
    expect(checkpointDelayMs({ ...none, mutations: 10 }, triggers)).toBe(0)
    expect(checkpointDelayMs({ ...none, sinceOldestMs: 5000 }, triggers)).toBe(0)
    const below = { ...none, logBytes: 99, mutations: 9, sinceOldestMs: 4000 }
    expect(checkpointDelayMs(below, triggers)).toBe(1000)
  })

  it('is never due where nothing bounds it, but at the limit', () => {
    const much = { ...none, logBytes: 1e12, mutations: 1e9, sinceOldestMs: 1e12 }
    expect(checkpointDelayMs(much, never)).toBe(Infinity)
    expect(checkpointDelayMs(much, { ...never, logBytesMax: 1e12 })).toBe(0)
  })

  it('waits after failures, twice as long each time, up to a minute', () => {
    const need = { ...none, logBytes: 100 }
    const delayMs = (failures: number, sinceFailureMs = 0) =>
      checkpointDelayMs({ ...need, failures, sinceFailureMs }, triggers)
    expect([1, 2, 3, 50].map((failures) => delayMs(failures))).toEqual([1000, 2000, 4000, 60_000])
    expect(delayMs(2, 1500)).toBe(500)
    expect(delayMs(2, 2500)).toBe(0)
    expect(checkpointDelayMs({ ...none, failures: 1 }, triggers)).toBe(5000)
  })
})

describe('when a checkpoint is due because of one kind of state', () => {
  const open = { mutations: Infinity, everyMs: Infinity }
  const kinds = {
    graph: { mutations: 10, everyMs: Infinity },
    keys: { mutations: Infinity, everyMs: 5000 },
    symbols: open,
  }
  const have = { mutations: 9, sinceOldestMs: 4000 }
  const lacking = { graph: have, keys: have, symbols: have }
  const delayMs = (change: Partial<typeof lacking>, of: object = {}) =>
    checkpointDelayMs({ ...none, kinds: { ...lacking, ...change } }, { ...never, kinds, ...of })

  it('is due at the bound of any kind, and at those of all together', () => {
    expect(delayMs({})).toBe(1000)
    expect(delayMs({ graph: { mutations: 10, sinceOldestMs: 0 } })).toBe(0)
    expect(delayMs({ keys: { mutations: 1, sinceOldestMs: 5000 } })).toBe(0)
    expect(delayMs({ keys: { mutations: 1e9, sinceOldestMs: 0 } })).toBe(5000)
    expect(delayMs({ symbols: { mutations: 1e9, sinceOldestMs: 1e9 } })).toBe(1000)
    expect(delayMs({}, { everyMs: 300 })).toBe(300)
  })

  it('is never due because of a kind that has nothing new', () => {
    expect(delayMs({ keys: { mutations: 0, sinceOldestMs: 1e9 } })).toBe(Infinity)
    expect(checkpointDelayMs({ ...none, kinds: lacking }, never)).toBe(Infinity)
  })
})

describe('what a write meets', () => {
  it('is taken below the limit, waits at it, and is refused when checkpoints fail', () => {
    expect(admission({ logBytes: 999, failures: 7 }, triggers)).toBe('open')
    expect(admission({ logBytes: 1000, failures: 0 }, triggers)).toBe('wait')
    expect(admission({ logBytes: 1000, failures: 1 }, triggers)).toBe('refuse')
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
