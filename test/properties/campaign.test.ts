import { describe, expect, it } from 'vitest'
import type { Operation, Script } from '../../simulation/operation-script.ts'
import type { CommitAnswer } from '../conformance/store.ts'
import { formatScript, parseScript, runCampaign, scriptOf } from './campaign.ts'
import { ModelAsStore } from './model-as-store.ts'
import { runScript, type OpenStore } from './script-runner.ts'

const openModel: OpenStore = (options) => Promise.resolve(new ModelAsStore(options))

function openFalse(falsify: (operation: Operation) => Operation): OpenStore {
  return (options) => Promise.resolve(new ModelAsStore(options, falsify))
}

describe('the campaign', () => {
  it('finds nothing when the model is compared with itself', async () => {
    expect(await runCampaign({ seed: 'itself', operations: 15_000 }, openModel)).toBeUndefined()
  })

  it.each<[string, (operation: Operation) => Operation]>([
    ['upsert leaves gaps', (it) => (it.verb === 'upsert' ? { ...it, verb: 'patch' } : it)],
    ['ends are not clipped', (it) => (it.verb === 'createEdge' ? withoutClip(it) : it)],
    ['detach is forgotten', (it) => (it.verb === 'delete' ? { ...it, detach: false } : it)],
    ['until next is forgotten', (it) => ('period' in it ? withoutNext(it) : it)],
    ['unchanged is written', withoutSkip],
    ['a key is deleted for a while only', briefly],
  ])('finds a store in which %s, and shortens the script', async (_, falsify) => {
    const report = await runCampaign({ seed: 'planted', operations: 20_000 }, openFalse(falsify))
    expect(report).toContain("replay: ASOF_SEED='planted/")
    expect(report?.split('\n').filter((line) => line.startsWith('  {')).length).toBeLessThan(16)
  })

  it('finds a store that commits what has read what is no more', async () => {
    const openCareless: OpenStore = (options) => Promise.resolve(new CarelessStore(options))
    const report = await runCampaign({ seed: 'careless', operations: 20_000 }, openCareless)
    expect(report).toContain('expected: Conflict: at its commit')
  })

  it('finds a store that tells a transaction Conflict which nobody has overtaken', async () => {
    const openTimid: OpenStore = (options) => Promise.resolve(new TimidStore(options))
    const report = await runCampaign({ seed: 'timid', operations: 20_000 }, openTimid)
    expect(report).toContain('actual:   Conflict')
  })

  it('gives the same script for the same seed, and takes it through JSON unchanged', () => {
    const script = scriptOf('same/1')
    expect(scriptOf('same/1')).toEqual(script)
    expect(parseScript(formatScript(script), 'script')).toEqual(script)
  })

  it('refuses a stored script that it can not read', () => {
    expect(() => parseScript('{"steps":', 'broken.json')).toThrow('broken.json is no JSON')
    expect(() => parseScript('{"nodesValid":"now"}', 'empty.json')).toThrow('no script of steps')
    const misspelt = '{"nodesValid":"now","steps":[{"step":"wirte"}]}'
    expect(() => parseScript(misspelt, 'misspelt.json')).toThrow('no script of steps')
  })

  it('reaches every kind of step, verb, question and failure', async () => {
    const reached = new Map<string, number>()
    const count = (what: string) => reached.set(what, (reached.get(what) ?? 0) + 1)
    for (let number = 0; number < 20; number += 1) {
      await runScript(counted(scriptOf(`reach/${number}`), count), (options) =>
        Promise.resolve(new CountingStore(options, count)),
      )
    }
    const rare = expectedReach.filter((what) => (reached.get(what) ?? 0) < 3)
    expect(rare).toEqual([])
  }, 60_000)
})

class CarelessStore extends ModelAsStore {
  override commit(transaction: string): Promise<CommitAnswer> {
    return Promise.resolve(this.commitNow(transaction))
  }
}

class TimidStore extends ModelAsStore {
  override commit(transaction: string): Promise<CommitAnswer> {
    this.cancel(transaction)
    return Promise.resolve({ failure: { code: 'Conflict', clashes: [] } })
  }
}

class CountingStore extends ModelAsStore {
  readonly #count: (what: string) => void

  constructor(options: { nodesValid: 'now' | 'always' }, count: (what: string) => void) {
    super(options)
    this.#count = count
  }

  override writeNow(...written: Parameters<ModelAsStore['writeNow']>) {
    const answer = super.writeNow(...written)
    if ('failure' in answer) this.#count(answer.failure.code)
    for (const operation of 'commit' in answer ? written[0] : []) this.#count(operation.verb)
    return answer
  }

  override read(...asked: Parameters<ModelAsStore['read']>) {
    const answer = super.read(...asked)
    if ('failure' in answer) this.#count(answer.failure.code)
    else if (answer.text !== '' && answer.text !== '∅') this.#count(`full ${asked[1].ask}`)
    return answer
  }

  override commitNow(transaction: string) {
    const outlook = this.outlook(transaction)
    const answer = super.commitNow(transaction)
    if (outlook.isOverlapped && 'commit' in answer) this.#count('overtaken')
    return answer
  }
}

function counted(script: Script, count: (what: string) => void): Script {
  for (const step of script.steps) {
    count(step.step)
    if ('query' in step) count(step.query.ask)
  }
  return script
}

const expectedReach = `
  clock write begin operate readOwn commit cancel read history checkpoint reopen crash
  overtaken createNode createEdge create put patch upsert delete putKey deleteKey
  createIndex dropIndex createUnique dropUnique entity provenance timeline nodes edges out
  in targets sources key keyTimeline keyProvenance keyRange diff netDiff changes
  InvalidPeriod AlreadyExists NotFound EndpointNotValid ConnectedEdges UniqueViolation
  NotMonotonic TimeInFuture
`
  .trim()
  .split(/\s+/)

function withoutClip(operation: Extract<Operation, { verb: 'createEdge' }>): Operation {
  const { bounds: _, ...rest } = operation
  return rest
}

function withoutSkip(operation: Operation): Operation {
  return 'skipUnchanged' in operation ? { ...operation, skipUnchanged: false } : operation
}

function briefly(operation: Operation): Operation {
  return operation.verb === 'deleteKey' ? { ...operation, period: { from: 0, to: 1 } } : operation
}

function withoutNext(operation: Operation): Operation {
  if (!('period' in operation) || operation.period === undefined) return operation
  const { until: _, ...period } = operation.period
  return { ...operation, period }
}
