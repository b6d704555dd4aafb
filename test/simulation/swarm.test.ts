import { describe, expect, it } from 'vitest'
import { simulate, type SimulationOptions } from '../../simulation/campaign.ts'
import { mutations } from '../../simulation/mutations.ts'
import { actorKinds, drawSwarmPlan } from '../../simulation/swarm-plan.ts'
import { runSwarm } from '../../simulation/swarm-run.ts'

const wholeRunMs = 600_000

const usual: Omit<SimulationOptions, 'seed' | 'seeds'> = {
  brokenSync: false,
  brokenDirectorySync: false,
  shrinkRunsMax: 0,
  part: 'swarm',
}

describe('many actors on one database, with crashes, faults and damage', () => {
  it('get no answer that the model would not give', async () => {
    const { failure, swarm } = await simulate({ ...usual, seed: 1, seeds: 60 })
    expect(failure).toBeUndefined()
    for (const kind of actorKinds) expect(swarm.actors[kind], kind).toBeGreaterThan(20)
    for (const how of ['kill', 'power', 'closed', 'crash of a repair', 'sampled power loss']) {
      expect(swarm.endings[how], how).toBeGreaterThan(10)
    }
    for (const policy of ['strict', 'bestEffort', 'repair']) {
      expect(swarm.recoveries[`${policy} clean`], policy).toBeGreaterThan(10)
    }
    for (const fate of ['strict Corrupt', 'bestEffort degraded', 'repair repaired']) {
      expect(swarm.recoveries[fate], fate).toBeGreaterThan(3)
    }
    expect(Object.keys(swarm.faults).length).toBeGreaterThan(4)
    expect(Object.keys(swarm.damages).length).toBeGreaterThan(4)
    expect(swarm.states).toBeGreaterThan(200)
    expect(swarm.answers).toBeGreaterThan(3000)
    expect(swarm.refusals).toBeGreaterThan(20)
  }, wholeRunMs)

  it('do the same again, given the same seed', async () => {
    const plan = drawSwarmPlan(24)
    expect(drawSwarmPlan(24)).toEqual(plan)
    const [one, other] = [await runSwarm(plan), await runSwarm(plan)]
    expect(other).toEqual(one)
    expect((await runSwarm(drawSwarmPlan(25))).traceHash).not.toBe(one.traceHash)
  }, wholeRunMs)

  it('do the same again when all of them work at once', async () => {
    const drawn = drawSwarmPlan(31)
    const everybody = actorKinds.map(
      (kind) => ({ kind, name: kind, steps: 6, pace: 'turn' }) as const,
    )
    const plan = { ...drawn, lives: drawn.lives.map((life) => ({ ...life, actors: everybody })) }
    const [one, other] = [await runSwarm(plan), await runSwarm(plan)]
    expect(one.failure).toBeUndefined()
    expect(Object.keys(one.counts.actors).sort()).toEqual([...actorKinds].sort())
    expect(other).toEqual(one)
  }, wholeRunMs)
})

describe('a bug', () => {
  it.each(Object.entries(mutations))('%s is found within 40 seeds', async (_, mutation) => {
    const { failure } = await simulate({ ...usual, mutation, seed: 1, seeds: 40 })
    expect(failure?.what).toBeDefined()
  }, wholeRunMs)

  it('is reported with the seed, its mixture, the way to it, and less to look at', async () => {
    const mutation = mutations['a commit before the one that was asked for']
    const options = { ...usual, mutation, seed: 1, seeds: 40, shrinkRunsMax: 40 }
    const { failure } = await simulate(options)
    expect(failure?.replay).toMatch(/^npm run simulate -- --seed \d+ --part swarm$/)
    expect(failure?.mixture).toMatch(/^swarm seed \d+: disk \w+.*\n {2}life 1: .*actors /)
    expect(failure?.crashes[0]).toMatch(/^life \d/)
    const { story } = failure ?? {}
    const drawn = drawSwarmPlan(failure?.seed ?? '')
    expect(story !== undefined && 'lives' in story).toBe(true)
    expect(JSON.stringify(story).length).toBeLessThan(JSON.stringify(drawn).length)
  }, wholeRunMs)
})
