import type { SwarmFailure } from './swarm-run.ts'
import type { LifePlan, SwarmPlan } from './swarm-plan.ts'

export interface FailingSwarm {
  readonly plan: SwarmPlan
  readonly failure: SwarmFailure
}

/**
 * The plan cut down as long as it still fails in any way, greedily: lives first, then damage,
 * faults and actors of each life, then how much each of them does.
 */
export async function shrinkSwarm(
  first: FailingSwarm,
  options: {
    tryIt(plan: SwarmPlan): Promise<SwarmFailure | undefined>
    shrinkRunsMax: number
  },
): Promise<FailingSwarm> {
  let shortest = first
  let runs = 0
  let isShorter = true
  while (isShorter && runs < options.shrinkRunsMax) {
    isShorter = false
    for (const plan of shorterPlans(shortest.plan)) {
      if (runs >= options.shrinkRunsMax) break
      runs += 1
      const failure = await options.tryIt(plan)
      if (failure === undefined) continue
      shortest = { plan, failure }
      isShorter = true
      break
    }
  }
  return shortest
}

/** The boldest cuts first. */
function* shorterPlans(plan: SwarmPlan): Generator<SwarmPlan> {
  const { lives, large } = plan
  for (const index of lives.keys()) {
    if (lives.length > 1) yield { ...plan, lives: lives.toSpliced(index, 1) }
  }
  for (const [index, life] of lives.entries()) {
    for (const shorter of shorterLives(life)) yield { ...plan, lives: lives.with(index, shorter) }
  }
  if (large.chance > 0) yield { ...plan, large: { ...large, chance: 0 } }
}

function* shorterLives(life: LifePlan): Generator<LifePlan> {
  const { actors, faults, damage, spareBytes, ...rest } = life
  const { samples, ending } = rest
  const room = spareBytes === undefined ? {} : { spareBytes }
  const harm = damage === undefined ? {} : { damage }
  const same = { ...rest, actors, faults, ...room, ...harm }
  for (const index of actors.keys()) yield { ...same, actors: actors.toSpliced(index, 1) }
  for (const index of faults.keys()) yield { ...same, faults: faults.toSpliced(index, 1) }
  if (spareBytes !== undefined) yield { ...rest, actors, faults, ...harm }
  if (damage !== undefined) yield { ...rest, actors, faults, ...room }
  if (samples > 0) yield { ...same, samples: 0 }
  if (ending.how === 'leave') yield { ...same, ending: { how: 'close' } }
  for (const [index, actor] of actors.entries()) {
    const steps = actor.steps >> 1
    if (steps > 0) yield { ...same, actors: actors.with(index, { ...actor, steps }) }
  }
}
