/**
 * Isolation on thousands of random interleavings. ASOF_HISTORIES and ASOF_SEED choose more of them,
 * or others; a failure prints the smallest history that still shows it, and the seed.
 */
import { open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { type CampaignOutcome, type Figures, runHistories, type Surroundings } from './checking.ts'
import type { Isolation } from './history.ts'
import { type PlantedFault, plantedFaults } from './planted-faults.ts'
import { historyOptions } from './run-plan.ts'

const seed = process.env['ASOF_SEED'] ?? 'isolation'
const histories = Number(process.env['ASOF_HISTORIES'] ?? 2500)
const wholeRunMs = 3_600_000

async function run(
  isolation: Isolation | 'mixed',
  count: number,
  surroundings?: Surroundings,
): Promise<Figures> {
  const outcome = await runHistories({
    seed: `${seed}/${isolation}`,
    histories: Math.ceil(count),
    isolation,
    ...(surroundings === undefined ? {} : { surroundings }),
  })
  expect(describeFailure(outcome)).toBe('nothing wrong')
  expect(outcome.figures.histories).toBe(Math.ceil(count))
  return outcome.figures
}

function describeFailure({ failure }: CampaignOutcome): string {
  if (failure === undefined) return 'nothing wrong'
  return `seed ${failure.seed}\n${failure.wrong}\n${failure.history}`
}

interface Refusals {
  all: number
  /** It would have read something else at its commit. */
  needed: number
  /** It would have read the same: only what another wrote as well was in the way. */
  blind: number
  /** It would have read the same, and nothing was in the way. */
  false: number
}

/** Of the transactions that were refused, how many and what for. */
function refusals({ aborts }: Figures): Refusals {
  const counts = { all: 0, needed: 0, blind: 0, false: 0 }
  for (const [what, count = 0] of Object.entries(aborts)) {
    counts.all += count
    if (what.endsWith('needed')) counts.needed += count
    if (what.endsWith('blind write')) counts.blind += count
    if (what.endsWith('false')) counts.false += count
  }
  return counts
}

function print(isolation: string, figures: Figures): void {
  const { transactions, committed, interleaved, phenomena, aborts, verbs } = figures
  const shown = { transactions, committed, interleaved, phenomena, aborts, verbs }
  console.log(`${figures.histories} histories, ${isolation}: ${JSON.stringify(shown)}`)
}

describe('random histories of 2 to 8 transactions', () => {
  it('show no anomaly under serializable, and are seldom refused without need', async () => {
    const figures = await run('serializable', histories)
    print('serializable', figures)
    expect(figures.phenomena).toEqual({})
    expect(figures.interleaved).toBeGreaterThan(histories / 4)
    expect(figures.committed).toBeGreaterThan(figures.transactions / 2)
    const counts = refusals(figures)
    const share = counts.false / counts.all
    console.log(`refused: ${JSON.stringify(counts)}; ${(share * 100).toFixed(1)} % needlessly`)
    expect(counts.needed).toBeGreaterThan(histories / 20)
    expect(share).toBeLessThan(0.06)
  }, wholeRunMs)

  it('show write skew under snapshots, over keys and over ranges, and nothing else', async () => {
    const figures = await run('snapshot', histories)
    print('snapshot', figures)
    expect(Object.keys(figures.phenomena).sort()).toEqual(['G2', 'G2-item'])
    expect(figures.phenomena['G2']).toBeGreaterThan(histories / 100)
    expect(figures.phenomena['G2-item']).toBeGreaterThan(histories / 100)
  }, wholeRunMs)

  it('of both isolations keep the order of commits for those that are serializable', async () => {
    const figures = await run('mixed', histories / 4)
    print('mixed', figures)
    expect(figures.objections).toEqual({})
  }, wholeRunMs)

  it('show no anomaly where commits take time to be durable', async () => {
    const host = new SimulatedHost({ seed })
    let databases = 0
    const surroundings: Surroundings = {
      open: () => open(`/database-${(databases += 1)}`, { ...historyOptions, host }),
      run: (work) => host.run(work),
    }
    const figures = await run('serializable', histories / 10, surroundings)
    print('serializable, on a disk', figures)
    expect(figures.interleaved).toBeGreaterThan(histories / 40)
  }, wholeRunMs)
})

const batchesMax = 15
const historiesPerBatch = 100

/** What is still to be found of what a planted fault must show. */
async function missingOf(fault: PlantedFault): Promise<string[]> {
  const proofs = new Set<string>(fault.proofs)
  let phenomena = fault.phenomena.length > 0 ? [fault.phenomena.join(' or ')] : []
  for (let batch = 1; batch <= batchesMax && proofs.size + phenomena.length > 0; batch += 1) {
    const { figures } = await runHistories({
      isolation: fault.isolation,
      openSession: fault.openSession,
      seed: `faults/${batch}`,
      histories: historiesPerBatch,
      isExhaustive: true,
    })
    for (const proof of Object.keys(figures.objections)) proofs.delete(proof)
    if (fault.phenomena.some((name) => figures.phenomena[name] !== undefined)) phenomena = []
  }
  return [...proofs, ...phenomena]
}

describe('a planted fault is found', () => {
  it.each(Object.entries(plantedFaults))('%s', async (_, fault) => {
    expect(await missingOf(fault)).toEqual([])
  }, wholeRunMs)

  it('and the history is cut down to what shows it', async () => {
    const { 'snapshots in place of serializability': fault } = plantedFaults
    if (fault === undefined) throw new Error('there is no such fault')
    const { failure } = await runHistories({ ...fault, seed: 'faults/1', histories: 300 })
    expect(failure?.wrong).toMatch(/^(graph|order): .* -rw/)
    expect(failure?.history.match(/^T\d/gm)).toHaveLength(2)
  }, wholeRunMs)
})
