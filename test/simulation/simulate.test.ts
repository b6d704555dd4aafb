import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { simulate, type SimulationOptions } from '../../simulation/campaign.ts'
import { explore } from '../../simulation/crash-explorer.ts'
import { parseStory, readRegressions, replay } from '../../simulation/regressions.ts'
import { drawSwarmPlan } from '../../simulation/swarm-plan.ts'
import { drawWorkload } from '../../simulation/workload.ts'

const wholeRunMs = 600_000

const usual: Omit<SimulationOptions, 'seed' | 'seeds'> = {
  brokenSync: false,
  brokenDirectorySync: false,
  shrinkRunsMax: 0,
  part: 'crashes',
}

describe('crashes at every write, sync, rename and directory sync', () => {
  it.each(readRegressions(new URL('../../simulation/regressions/', import.meta.url)))(
    'leave what $name once did not find',
    async (regression) => {
      expect(await replay(regression)).toBeUndefined()
    },
    wholeRunMs,
  )

  it('goes on to further seeds until the time is over', async () => {
    let asked = 0
    const isTimeOver = () => ++asked === 3
    const { passed, seeds } = await simulate({ ...usual, seed: 1, seeds: Infinity, isTimeOver })
    expect([passed, seeds]).toEqual([true, 3])
  })

  it('leave every acknowledged commit, and no half of one', async () => {
    const { failure, counts } = await simulate({ ...usual, seed: 1, seeds: 12 })
    expect(failure).toBeUndefined()
    for (const kind of ['write', 'sync', 'rename', 'create', 'remove', 'syncDirectory']) {
      expect(counts.points[kind], `crash points at ${kind}`).toBeGreaterThan(50)
    }
    expect(counts.crashes['killed']).toBeGreaterThan(100)
    expect(counts.states).toBeGreaterThan(1000)
    expect(counts.nested).toBeGreaterThan(100)
  }, wholeRunMs)

  it('come in the same order and leave the same, given the same seed', async () => {
    const workload = drawWorkload(13)
    expect(drawWorkload(13)).toEqual(workload)
    const [one, other] = [await explore({ workload }), await explore({ workload })]
    expect(other.traceHash).toBe(one.traceHash)
    expect(other.counts).toEqual(one.counts)
    const third = await explore({ workload: drawWorkload(10) })
    expect(third.traceHash).not.toBe(one.traceHash)
  }, wholeRunMs)
})

describe('a disk that lies', () => {
  it.each([
    ['about every sync', { brokenSync: true }],
    ['about the syncs of the log', { brokenSync: '/log/' }],
    ['about the syncs of checkpoints', { brokenSync: '/checkpoint/' }],
    ['about the syncs of the manifest', { brokenSync: 'MANIFEST.tmp' }],
    ['about the syncs of directories', { brokenDirectorySync: true }],
    ['about the syncs of the log directory', { brokenDirectorySync: '/log' }],
  ])('%s is found out within 20 seeds', async (_, broken) => {
    const { failure, seeds } = await simulate({ ...usual, ...broken, seed: 1, seeds: 20 })
    expect(failure?.what).toBeDefined()
    expect(seeds).toBeLessThanOrEqual(20)
  }, wholeRunMs)

  it('is reported with the seed, the way to it, and less to look at', async () => {
    const options = { ...usual, brokenSync: '/log/', shrinkRunsMax: 30, seed: 3, seeds: 20 }
    const { failure } = await simulate(options)
    expect(failure?.replay).toMatch(
      /^npm run simulate -- --seed \d+ --part crashes --broken-sync=\/log\/$/,
    )
    expect(failure?.crashes.at(-1)).toMatch(/^call \d+, \w+ \/database/)
    const drawn = drawWorkload(failure?.seed ?? '').actions.length
    const { story } = failure ?? {}
    expect(story !== undefined && 'actions' in story && story.actions.length).toBeLessThan(drawn)
  }, wholeRunMs)
})

describe('a stored story', () => {
  it('goes through JSON unchanged', () => {
    const workload = drawWorkload(7)
    expect(parseStory(JSON.stringify(workload), 'seven.json')).toEqual(workload)
    const plan = drawSwarmPlan(7)
    expect(parseStory(JSON.stringify(plan), 'swarm.json')).toEqual(plan)
  })

  it.each([
    ['broken.json', '{"seed":', /broken\.json is no JSON/],
    ['empty.json', '{}', /empty\.json is no workload and no swarm plan/],
    [
      'misspelt.json',
      JSON.stringify({ ...drawWorkload(1), actions: [{ act: { step: 'wirte' }, wait: 'on' }] }),
      /misspelt\.json is no workload/,
    ],
    [
      'nobody.json',
      JSON.stringify(drawSwarmPlan(1)).replaceAll('"kind":"writer"', '"kind":"wirter"'),
      /nobody\.json is no workload and no swarm plan/,
    ],
  ])('that can not be read is a failure: %s', (name, text, says) => {
    const directory = mkdtempSync(join(tmpdir(), 'asof-regressions-'))
    try {
      writeFileSync(join(directory, name), text)
      expect(() => readRegressions(pathToFileURL(`${directory}/`))).toThrow(says)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
