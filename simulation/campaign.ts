/** Seeds one after another, and the report of the first that fails. */
import { addCounts, type CrashCounts, newCrashCounts } from './crash-counts.ts'
import type { Breakage } from './fault-plan.ts'
import { explore, type ExploreFailure } from './crash-explorer.ts'
import { addSwarmCounts, newSwarmCounts, type SwarmCounts } from './swarm-counts.ts'
import type { Mutation } from './swarm-life.ts'
import { describePlan, drawSwarmPlan, type SwarmPlan } from './swarm-plan.ts'
import { runSwarm, type SwarmFailure } from './swarm-run.ts'
import { shrinkSwarm } from './swarm-shrink.ts'
import { shrinkWorkload } from './workload-shrink.ts'
import { drawWorkload, type Workload } from './workload.ts'

/**
 * `crashes`: one workload, crashed at each of its calls. `swarm`: a database with many actors, over
 * several lives, with faults and damage.
 */
export const simulationParts = ['crashes', 'swarm'] as const

export type SimulationPart = (typeof simulationParts)[number]

export interface SimulationOptions {
  readonly seed: number
  /** How many seeds at most, counted up from `seed`; Infinity: until the time is over. */
  readonly seeds: number
  readonly brokenSync: Breakage
  readonly brokenDirectorySync: Breakage
  /** Explorations spent on making a failing workload smaller. */
  readonly shrinkRunsMax: number
  /** What is made of each seed; both when absent. */
  readonly part?: SimulationPart | undefined
  /** For the swarm: something that is done wrong. To prove that it would be noticed. */
  readonly mutation?: Mutation | undefined
  onSeed?(done: number): void
  /** Asked before each seed but the first: whether to stop, having passed. */
  isTimeOver?(): boolean
}

export interface SimulationReport {
  readonly passed: boolean
  readonly seeds: number
  readonly counts: CrashCounts
  readonly swarm: SwarmCounts
  /** Over the traces of all seeds, in order. */
  readonly traceHash: string
  readonly failure?: SimulationFailure
}

export interface SimulationFailure extends ExploreFailure {
  readonly seed: string
  readonly replay: string
  /** What the seed had drawn, in words. */
  readonly mixture: string
  /** Cut down as far as it went, as it is to be stored. */
  readonly story: Workload | SwarmPlan
}

/** One seed in so many is run twice as a swarm: both must do the same. */
const seedsPerDouble = 16

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  return new Campaign(options).run()
}

class Campaign {
  readonly #options: SimulationOptions
  readonly #counts = newCrashCounts()
  readonly #swarm = newSwarmCounts()
  readonly #hashes: string[] = []
  /** The hashes of a long campaign would fill the memory. */
  readonly #hashesMax = 1000

  constructor(options: SimulationOptions) {
    this.#options = options
  }

  async run(): Promise<SimulationReport> {
    const options = this.#options
    const { seed: first, seeds: most, part } = options
    const isOver = (): boolean => options.isTimeOver?.() === true
    let seeds = 0
    let failure: SimulationFailure | undefined
    while (failure === undefined && seeds < most && (seeds === 0 || !isOver())) {
      const seed = first + seeds
      if (part !== 'swarm') failure = await this.#crash(seed)
      if (part !== 'crashes') failure ??= await this.#swarmOut(seed)
      seeds += 1
      if (failure === undefined) options.onSeed?.(seeds)
    }
    const report = {
      seeds,
      counts: this.#counts,
      swarm: this.#swarm,
      traceHash: this.#hashes.join('-'),
    }
    if (failure === undefined) return { passed: true, ...report }
    return { passed: false, ...report, failure }
  }

  async #crash(seed: number): Promise<SimulationFailure | undefined> {
    const { brokenSync, brokenDirectorySync, shrinkRunsMax } = this.#options
    const broken = { brokenSync, brokenDirectorySync }
    const workload = drawWorkload(seed)
    const { counts, traceHash, failure } = await explore({ ...broken, workload })
    addCounts(this.#counts, counts)
    this.#note(traceHash)
    if (failure === undefined) return undefined
    const tryIt = async (shorter: Workload) =>
      (await explore({ ...broken, workload: shorter })).failure
    const shortest = await shrinkWorkload({ workload, failure }, { tryIt, shrinkRunsMax })
    const { options, actions } = workload
    const mixture = `${JSON.stringify(options)}, ${actions.length} actions`
    const about = { mixture, story: shortest.workload }
    return { ...shortest.failure, ...this.#describe(workload.seed, 'crashes'), ...about }
  }

  async #swarmOut(seed: number): Promise<SimulationFailure | undefined> {
    const { brokenSync, brokenDirectorySync, shrinkRunsMax, mutation = {} } = this.#options
    const wrong: Mutation = { brokenSync, brokenDirectorySync, ...mutation }
    const plan = drawSwarmPlan(seed)
    const { counts, traceHash, failure } = await runSwarm(plan, wrong)
    addSwarmCounts(this.#swarm, counts)
    this.#note(traceHash)
    const about = { ...this.#describe(plan.seed, 'swarm'), mixture: describePlan(plan) }
    if (failure === undefined) {
      if (seed % seedsPerDouble !== 0) return undefined
      const again = await runSwarm(plan, wrong)
      if (again.traceHash === traceHash) return undefined
      const what = 'two runs of one seed have different traces'
      return { crashes: [], what, ...about, story: plan }
    }
    const tryIt = async (shorter: SwarmPlan) => (await runSwarm(shorter, wrong)).failure
    const shortest = await shrinkSwarm({ plan, failure }, { tryIt, shrinkRunsMax })
    return { ...toExploreFailure(shortest.failure), ...about, story: shortest.plan }
  }

  #note(traceHash: string): void {
    if (this.#hashes.length < this.#hashesMax) this.#hashes.push(traceHash)
  }

  #describe(seed: string, part: SimulationPart): { seed: string; replay: string } {
    const switches = describeSwitches(this.#options)
    return { seed, replay: `npm run simulate -- --seed ${seed} --part ${part}${switches}` }
  }
}

function toExploreFailure({ story, what }: SwarmFailure): ExploreFailure {
  return { crashes: story, what }
}

type Switches = Pick<SimulationOptions, 'brokenSync' | 'brokenDirectorySync'>

function describeSwitches({ brokenSync, brokenDirectorySync }: Switches): string {
  const show = (name: string, breakage: Breakage) => {
    if (typeof breakage === 'string') return ` --${name}=${breakage}`
    return breakage ? ` --${name}` : ''
  }
  return show('broken-sync', brokenSync) + show('broken-directory-sync', brokenDirectorySync)
}
