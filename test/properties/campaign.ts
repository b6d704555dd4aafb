/** Many scripts one after another, and the report of one that fails. */
import { readdirSync, readFileSync } from 'node:fs'
import { RandomStream } from '../../simulation/random.ts'
import { generateScript } from '../../simulation/operations.ts'
import type { Script } from '../../simulation/operation-script.ts'
import { runScript, type Divergence, type OpenStore } from './script-runner.ts'
import { shrinkScript } from './shrink.ts'

const operationsPerScript = 300
const shrinkRunsMax = 600

export interface Campaign {
  /** `text/number` runs that one script alone. */
  readonly seed: string
  readonly operations: number
}

/** The seed and the size from the environment, or the usual ones. */
export function campaignFrom(environment: NodeJS.ProcessEnv): Campaign {
  const operations = Number(environment['ASOF_OPERATIONS'] ?? 100_000)
  if (!Number.isSafeInteger(operations) || operations < 1) {
    throw new Error('ASOF_OPERATIONS must be a whole number of operations, 1 or more')
  }
  return { seed: environment['ASOF_SEED'] ?? 'asof', operations }
}

export function scriptOf(seed: string): Script {
  return generateScript(new RandomStream(seed), operationsPerScript)
}

/** The report of the first script that fails; undefined when none does. */
export async function runCampaign(
  campaign: Campaign,
  open: OpenStore,
): Promise<string | undefined> {
  const { seed, operations } = campaign
  const count = Math.ceil(operations / operationsPerScript)
  const isSingle = /\/\d+$/.test(seed)
  for (let number = 0; number < (isSingle ? 1 : count); number += 1) {
    const scriptSeed = isSingle ? seed : `${seed}/${number}`
    const script = scriptOf(scriptSeed)
    const divergence = await runScript(script, open)
    if (divergence !== undefined) return reportFailure({ script, seed: scriptSeed, open })
  }
  return undefined
}

async function reportFailure(failed: {
  script: Script
  seed: string
  open: OpenStore
}): Promise<string> {
  const { script, seed, open } = failed
  const fails = async (shorter: Script) => (await runScript(shorter, open)) !== undefined
  const shortest = await shrinkScript(script, { fails, runsMax: shrinkRunsMax })
  const divergence = await runScript(shortest, open)
  return [
    describeDivergence(divergence),
    '',
    formatScript(shortest),
    '',
    `replay: ASOF_SEED='${seed}' npx vitest run test/properties/engine-vs-model.test.ts`,
    'to keep it: store the script above as JSON under test/properties/regressions/',
  ].join('\n')
}

export function describeDivergence(divergence: Divergence | undefined): string {
  if (divergence === undefined) {
    return 'it failed once and not again: something is not a function of the seed'
  }
  const { index, step, what, expected, actual } = divergence
  return [
    `step ${index} ${JSON.stringify(step)}`,
    `${what}`,
    `expected: ${expected}`,
    `actual:   ${actual}`,
  ].join('\n')
}

/** JSON with one step a line. */
export function formatScript({ nodesValid, steps }: Script): string {
  const lines = steps.map((step) => `  ${JSON.stringify(step)}`)
  return `{"nodesValid":"${nodesValid}","steps":[\n${lines.join(',\n')}\n]}`
}

export interface Regression {
  readonly name: string
  readonly script: Script
}

/** Stored scripts. One that can't be read is an error: a guard must not vanish in silence. */
export function readRegressions(directory: URL): Regression[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, directory), 'utf8')
      return { name, script: parseScript(text, name) }
    })
}

export function parseScript(text: string, name: string): Script {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error(`${name} is no JSON: mend or remove it`, { cause: error })
  }
  if (!isScript(parsed)) throw new Error(`${name} is no script of steps: mend or remove it`)
  return parsed
}

const stepNames: ReadonlySet<unknown> = new Set([
  'clock',
  'write',
  'begin',
  'operate',
  'readOwn',
  'commit',
  'cancel',
  'read',
  'history',
  'checkpoint',
  'reopen',
  'crash',
])

function isScript(parsed: unknown): parsed is Script {
  if (typeof parsed !== 'object' || parsed === null) return false
  if (!('nodesValid' in parsed) || !('steps' in parsed)) return false
  if (!Array.isArray(parsed.steps)) return false
  const isEveryStep = parsed.steps.every(
    (step: unknown) =>
      typeof step === 'object' && step !== null && 'step' in step && stepNames.has(step.step),
  )
  return (parsed.nodesValid === 'now' || parsed.nodesValid === 'always') && isEveryStep
}
