/**
 * The keys of the engine against a naive model. `npm test` does 50,000 operations; a million are
 * `ASOF_OPERATIONS=1000000 npx vitest run test/properties/keys-vs-model.test.ts`. ASOF_SEED chooses
 * others; a failure prints what replays it.
 */
import { describe, expect, it } from 'vitest'
import { type KeysFigures, KeysRun, newKeysFigures } from './keys-run.ts'

const operations = Number(process.env['ASOF_OPERATIONS'] ?? 50_000)
const seed = process.env['ASOF_SEED'] ?? 'keys'
const operationsPerRun = 10_000
const wholeRunMs = 7_200_000

/** The report of the first run that fails; undefined when none does. `seed/number`: that alone. */
async function runAll(figures: KeysFigures): Promise<string | undefined> {
  const isSingle = /\/\d+$/.test(seed)
  const runs = isSingle ? 1 : Math.ceil(operations / operationsPerRun)
  for (let number = 1; number <= runs; number += 1) {
    const runSeed = isSingle ? seed : `${seed}/${number}`
    const before = figures.operations
    const run = new KeysRun(runSeed, figures)
    try {
      await run.run(Math.min(operationsPerRun, operations - before))
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return [
        `seed ${runSeed}, operation ${figures.operations - before}`,
        what,
        ...run.trail.map((line) => `  ${typeof line === 'string' ? line : line()}`),
        `replay: ASOF_SEED='${runSeed}' npx vitest run test/properties/keys-vs-model.test.ts`,
      ].join('\n')
    }
  }
  return undefined
}

describe('keys against a naive model', () => {
  it(`answer as it does, seed ${seed}, ${operations} operations`, async () => {
    const figures = newKeysFigures()
    const failure = await runAll(figures)
    expect(failure ?? 'same').toBe('same')
    console.log(JSON.stringify(figures))
    if (operations < 50_000 || seed.includes('/')) return
    for (const [name, count] of Object.entries(figures)) expect(count, name).toBeGreaterThan(0)
    expect(figures.pruned).toBeLessThan(figures.pastReads / 2)
    expect(figures.refused).toBeLessThan(figures.commits)
  }, wholeRunMs)
})
