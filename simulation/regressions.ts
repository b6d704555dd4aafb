/** Workloads and swarm plans that failed once: kept, and replayed before anything else. */
import { readdirSync, readFileSync } from 'node:fs'
import { explore, type ExploreFailure } from './crash-explorer.ts'
import { actorKinds, type SwarmPlan } from './swarm-plan.ts'
import { runSwarm } from './swarm-run.ts'
import type { Workload } from './workload.ts'

export interface Regression {
  readonly name: string
  readonly story: Workload | SwarmPlan
}

/** Stored stories. One that can't be read is an error: a guard must not vanish in silence. */
export function readRegressions(directory: URL): Regression[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => ({
      name,
      story: parseStory(readFileSync(new URL(name, directory), 'utf8'), name),
    }))
}

/** What went wrong again; undefined when nothing did. */
export async function replay({ story }: Regression): Promise<ExploreFailure | undefined> {
  if (!isSwarmPlan(story)) return (await explore({ workload: story })).failure
  const { failure } = await runSwarm(story)
  return failure && { crashes: failure.story, what: failure.what }
}

export function parseStory(text: string, name: string): Workload | SwarmPlan {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error(`${name} is no JSON: mend or remove it`, { cause: error })
  }
  if (isWorkload(parsed) || isSwarmPlan(parsed)) return parsed
  throw new Error(`${name} is no workload and no swarm plan: mend or remove it`)
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

const actorNames: ReadonlySet<unknown> = new Set(actorKinds)

function isSwarmPlan(parsed: unknown): parsed is SwarmPlan {
  if (!isRecord(parsed) || parsed['kind'] !== 'swarm') return false
  const { seed, lives, mixture, large } = parsed
  if (typeof seed !== 'string' || !isRecord(mixture) || !isRecord(large)) return false
  return Array.isArray(lives) && lives.every(isLifePlan)
}

function isLifePlan(life: unknown): boolean {
  if (!isRecord(life) || typeof life['name'] !== 'string') return false
  const { options, actors, faults, ending } = life
  if (!isRecord(options) || !isRecord(ending) || !Array.isArray(faults)) return false
  if (typeof options['durability'] !== 'string' || !Array.isArray(actors)) return false
  return actors.every((actor: unknown) => isRecord(actor) && actorNames.has(actor['kind']))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
