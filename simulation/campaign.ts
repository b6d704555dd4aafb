/** Seeds one after another, and the report of the first that fails. */
import { readdirSync, readFileSync } from 'node:fs'
import { addCounts, type CrashCounts, newCrashCounts } from './crash-counts.ts'
import type { Breakage } from './fault-plan.ts'
import { explore, type ExploreFailure } from './crash-explorer.ts'
import { shrinkWorkload } from './workload-shrink.ts'
import { drawWorkload, type Workload } from './workload.ts'

export interface SimulationOptions {
  readonly seed: number
  /** How many seeds at most, counted up from `seed`; Infinity: until the time is over. */
  readonly seeds: number
  readonly brokenSync: Breakage
  readonly brokenDirectorySync: Breakage
  /** Explorations spent on making a failing workload smaller. */
  readonly shrinkRunsMax: number
  onSeed?(done: number): void
  /** Asked before each seed but the first: whether to stop, having passed. */
  isTimeOver?(): boolean
}

export interface SimulationReport {
  readonly passed: boolean
  readonly seeds: number
  readonly counts: CrashCounts
  /** Over the traces of all seeds, in order. */
  readonly traceHash: string
  readonly failure?: SimulationFailure
}

export interface SimulationFailure extends ExploreFailure {
  readonly seed: string
  readonly replay: string
  /** Cut down as far as it went. */
  readonly workload: Workload
}

type Switches = Pick<SimulationOptions, 'brokenSync' | 'brokenDirectorySync'>

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const counts = newCrashCounts()
  const hashes: string[] = []
  let done = 0
  while (done < options.seeds && (done === 0 || options.isTimeOver?.() !== true)) {
    const seed = options.seed + done
    const workload = drawWorkload(seed)
    const explored = await explore({ ...options, workload })
    addCounts(counts, explored.counts)
    hashes.push(explored.traceHash)
    done += 1
    if (explored.failure !== undefined) {
      const failure = await describeFailure(workload, explored.failure, options)
      return { passed: false, seeds: done, counts, traceHash: hashes.join('-'), failure }
    }
    options.onSeed?.(done)
  }
  return { passed: true, seeds: done, counts, traceHash: hashes.join('-') }
}

async function describeFailure(
  workload: Workload,
  first: ExploreFailure,
  options: SimulationOptions,
): Promise<SimulationFailure> {
  const { brokenSync, brokenDirectorySync, shrinkRunsMax } = options
  const tryIt = async (shorter: Workload) => {
    const { failure } = await explore({ workload: shorter, brokenSync, brokenDirectorySync })
    return failure
  }
  const shortest = await shrinkWorkload({ workload, failure: first }, { tryIt, shrinkRunsMax })
  const switches = describeSwitches(options)
  return {
    ...shortest.failure,
    seed: workload.seed,
    replay: `npm run simulate -- --seed ${workload.seed}${switches}`,
    workload: shortest.workload,
  }
}

function describeSwitches({ brokenSync, brokenDirectorySync }: Switches): string {
  const show = (name: string, breakage: Breakage) => {
    if (typeof breakage === 'string') return ` --${name}=${breakage}`
    return breakage ? ` --${name}` : ''
  }
  return show('broken-sync', brokenSync) + show('broken-directory-sync', brokenDirectorySync)
}

export interface Regression {
  readonly name: string
  readonly workload: Workload
}

/** Stored workloads. One that can't be read is an error: a guard must not vanish in silence. */
export function readRegressions(directory: URL): Regression[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => ({
      name,
      workload: parseWorkload(readFileSync(new URL(name, directory), 'utf8'), name),
    }))
}

export function parseWorkload(text: string, name: string): Workload {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error(`${name} is no JSON: mend or remove it`, { cause: error })
  }
  if (!isWorkload(parsed)) throw new Error(`${name} is no workload: mend or remove it`)
  return parsed
}

const stepNames: ReadonlySet<unknown> = new Set([
  'clock',
  'write',
  'begin',
  'operate',
  'commit',
  'cancel',
  'checkpoint',
  'reopen',
  'pause',
])

function isWorkload(parsed: unknown): parsed is Workload {
  if (!isRecord(parsed) || typeof parsed['seed'] !== 'string') return false
  const { options, actions } = parsed
  if (!isRecord(options) || typeof options['segmentBytesMax'] !== 'number') return false
  if (typeof options['durability'] !== 'string' || !Array.isArray(actions)) return false
  return actions.every(
    (action: unknown) =>
      isRecord(action) &&
      typeof action['wait'] === 'string' &&
      isRecord(action['act']) &&
      stepNames.has(action['act']['step']),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
