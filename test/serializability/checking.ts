/** Many random histories, each held against both proofs, and what they came to. */
import type { Database } from 'asofdb'
import { DependencyGraph, type Phenomenon, type PhenomenonName } from './dependency-graph.ts'
import type { History, Isolation } from './history.ts'
import { drawPlan } from './planning.ts'
import type { Plan } from './operations.ts'
import {
  type Abort,
  committedInOrder,
  historyDifference,
  judgeAbort,
  serialDifference,
  snapshotDifference,
} from './replay.ts'
import { HistoryRunner, openHere, type OpenSession } from './run-plan.ts'

/** What a history may show under an isolation: under snapshots write skew, and nothing else. */
const allowed: Record<Isolation | 'mixed', ReadonlySet<PhenomenonName>> = {
  serializable: new Set(),
  snapshot: new Set<PhenomenonName>(['G2-item', 'G2']),
  mixed: new Set<PhenomenonName>(['G2-item', 'G2']),
}

export type Proof = 'graph' | 'order' | 'serial replay' | 'snapshot replay' | 'history' | 'abort'

export interface Objection {
  readonly proof: Proof
  readonly what: string
}

export interface Verdict {
  readonly phenomena: readonly Phenomenon[]
  /** What must not be. */
  readonly objections: readonly Objection[]
}

/** Every proof by itself, and that those who were refused were so for a reason. */
export function judge(history: History, isolation: Isolation | 'mixed'): Verdict {
  const objections: Objection[] = []
  const object = (proof: Proof, what: string | undefined) => {
    if (what !== undefined) objections.push({ proof, what })
  }
  const graph = new DependencyGraph(history)
  const phenomena = graph.phenomena()
  for (const { name, how } of phenomena) {
    if (!allowed[isolation].has(name)) object('graph', `${name}: ${how}`)
  }
  for (const edge of graph.backwardEdges()) object('order', `not to a later commit: ${edge}`)
  if (isolation === 'serializable') object('serial replay', serialDifference(history))
  object('snapshot replay', snapshotDifference(history))
  object('history', historyDifference(history))
  for (const transaction of history.transactions) {
    const abort = judgeAbort(history, transaction)
    if (abort !== 'without a cause' && abort !== 'for another cell') continue
    const { name, outcome } = transaction
    object('abort', `${name} was refused ${abort}: ${JSON.stringify(outcome)}`)
  }
  return { phenomena, objections }
}

export interface Figures {
  histories: number
  transactions: number
  committed: number
  /** Where transactions came one after another in another order than they were begun. */
  interleaved: number
  readonly verbs: Record<string, number>
  /** Histories that show it. */
  readonly phenomena: Partial<Record<PhenomenonName, number>>
  /** Histories that a proof objects to. */
  readonly objections: Partial<Record<Proof, number>>
  readonly aborts: Partial<Record<`${string}: ${Abort}`, number>>
}

/** Where databases are, and what makes time pass there. */
export interface Surroundings {
  open(): Promise<Database>
  run<T>(work: () => Promise<T>): Promise<T>
}

const inMemory: Surroundings = { open: openHere, run: (work) => work() }

export interface CampaignOptions {
  readonly seed: string
  readonly histories: number
  readonly isolation: Isolation | 'mixed'
  readonly openSession?: OpenSession
  readonly surroundings?: Surroundings
  /** Goes on after a failure, to see what all proofs say of it. */
  readonly isExhaustive?: boolean
}

export interface Failure {
  readonly seed: string
  readonly wrong: string
  readonly history: string
}

export interface CampaignOutcome {
  readonly figures: Figures
  readonly failure: Failure | undefined
}

/** Histories in one database: so many are cheap, and none sees anything of another. */
const historiesPerDatabase = 250

export function runHistories(options: CampaignOptions): Promise<CampaignOutcome> {
  const { surroundings = inMemory } = options
  return surroundings.run(() => runIn(surroundings, options))
}

async function runIn(
  surroundings: Surroundings,
  options: CampaignOptions,
): Promise<CampaignOutcome> {
  const figures: Figures = {
    histories: 0,
    transactions: 0,
    committed: 0,
    interleaved: 0,
    verbs: {},
    phenomena: {},
    objections: {},
    aborts: {},
  }
  const { seed, isolation, histories } = options
  for (let number = 1; number <= histories; ) {
    const database = await surroundings.open()
    const runner = new HistoryRunner(database, options.openSession)
    const last = Math.min(histories, number + historiesPerDatabase - 1)
    for (; number <= last; number += 1) {
      const plan = drawPlan({ seed: `${seed}/${number}`, isolation })
      const history = await runner.run(plan)
      const { phenomena, objections } = judge(history, isolation)
      count(figures, history, phenomena)
      for (const proof of new Set(objections.map((one) => one.proof))) {
        tally(figures.objections, proof)
      }
      if (objections.length === 0 || options.isExhaustive === true) continue
      await database.close()
      const failure = await shrunk(plan, `${seed}/${number}`, options)
      return { figures, failure }
    }
    await database.close()
  }
  return { figures, failure: undefined }
}

function count(figures: Figures, history: History, phenomena: readonly Phenomenon[]): void {
  figures.histories += 1
  for (const transaction of history.transactions) {
    figures.transactions += 1
    for (const { operation } of transaction.steps) tally(figures.verbs, operation.do)
    const abort = judgeAbort(history, transaction)
    if (abort === undefined || transaction.outcome.kind !== 'aborted') continue
    tally(figures.aborts, `${transaction.outcome.code}: ${abort}`)
  }
  const committed = committedInOrder(history)
  figures.committed += committed.length
  const isOverlapped = committed.some(
    ({ base, outcome }) => outcome.kind === 'committed' && outcome.sequence > base + 1,
  )
  if (isOverlapped) figures.interleaved += 1
  for (const name of new Set(phenomena.map((one) => one.name))) tally(figures.phenomena, name)
}

function tally(counts: Record<string, number | undefined>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Leaves out whatever it goes wrong without. */
async function shrunk(plan: Plan, seed: string, options: CampaignOptions): Promise<Failure> {
  let smallest = plan
  let found = await tried(plan, options)
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false
    for (const smaller of smallerPlans(smallest)) {
      const outcome = await tried(smaller, options)
      if (outcome.wrong === '') continue
      smallest = smaller
      found = outcome
      isSmaller = true
      break
    }
  }
  return { seed, wrong: found.wrong, history: found.history }
}

async function tried(
  plan: Plan,
  { isolation, openSession, surroundings = inMemory }: CampaignOptions,
): Promise<Omit<Failure, 'seed'>> {
  const database = await surroundings.open()
  try {
    const history = await new HistoryRunner(database, openSession).run(plan)
    const wrong = judge(history, isolation).objections.map(({ proof, what }) => `${proof}: ${what}`)
    return { wrong: wrong.join('\n'), history: formatHistory(plan, history) }
  } catch (error) {
    return { wrong: String(error), history: JSON.stringify(plan) }
  } finally {
    await database.close()
  }
}

function* smallerPlans(plan: Plan): Generator<Plan> {
  for (let index = 0; index < plan.transactions.length; index += 1) {
    yield {
      ...plan,
      transactions: plan.transactions.filter((_, at) => at !== index),
      turns: plan.turns.filter((at) => at !== index).map((at) => (at > index ? at - 1 : at)),
      hastyTurns: [],
    }
  }
  for (const [index, transaction] of plan.transactions.entries()) {
    for (let step = 0; step < transaction.operations.length; step += 1) {
      const operations = transaction.operations.filter((_, at) => at !== step)
      const transactions = plan.transactions.with(index, { ...transaction, operations })
      // The turn of the step that has gone: its begin is the first one.
      let turn = step + 1
      const turns = plan.turns.filter((at) => at !== index || turn-- !== 0)
      yield { ...plan, transactions, turns, hastyTurns: [] }
    }
  }
  for (let index = 0; index < plan.before.length; index += 1) {
    yield { ...plan, before: plan.before.filter((_, at) => at !== index) }
  }
}

/** Who did what, in the order in which it was done. */
function formatHistory(plan: Plan, history: History): string {
  const lines = [`before: ${JSON.stringify([...history.before])}`]
  for (const { name, isolation, base, outcome, steps } of history.transactions) {
    lines.push(`${name} (${isolation}, begun on ${base}): ${JSON.stringify(outcome)}`)
    for (const { operation, result } of steps) {
      lines.push(`  ${JSON.stringify(operation)} -> ${JSON.stringify(result)}`)
    }
  }
  lines.push(`turns: ${plan.turns.map((index) => `T${index + 1}`).join(' ')}`)
  return lines.join('\n')
}
