/**
 * The engine against the reference model. ASOF_SEED and ASOF_OPERATIONS choose another run; a
 * failure ends with the command that replays it.
 */
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { campaignFrom, describeDivergence, readRegressions, runCampaign } from './campaign.ts'
import { runScript, type OpenStore } from './script-runner.ts'

const isEngineThere = existsSync(new URL('../../packages/asofdb/src/index.ts', import.meta.url))
const regressions = readRegressions(new URL('regressions/', import.meta.url))
const campaign = campaignFrom(process.env)
const wholeRunMs = 3_600_000

const openEngine: OpenStore = async (options) => {
  const { openSimulatedEngine } = await import('../conformance/engine-adapter.ts')
  return openSimulatedEngine(options)
}

describe.skipIf(!isEngineThere)('engine against model', () => {
  it.each(regressions)('still passes $name', async ({ script }) => {
    const divergence = await runScript(script, openEngine)
    expect(divergence === undefined ? 'same' : describeDivergence(divergence)).toBe('same')
  })

  it(
    `answers as the model does, seed ${campaign.seed}, ${campaign.operations} operations`,
    async () => {
      const failure = await runCampaign(campaign, openEngine)
      expect(failure ?? 'same').toBe('same')
    },
    wholeRunMs,
  )
})
