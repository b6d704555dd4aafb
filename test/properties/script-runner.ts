/**
 * Runs one script against a store and the reference model side by side and says where they part.
 *
 * What is expected of transactions that are open at the same time: one that commits while nobody
 * else has since it began is never told Conflict. One that wrote what another wrote and committed
 * first always is. Any other that was overtaken may be; but a serializable one that does commit
 * must have seen what it would have seen if it had run at its commit.
 */
import { readKeys } from '../../simulation/reference-reads.ts'
import type { Operation, Query, Script, Step } from '../../simulation/operation-script.ts'
import { answerQuery } from '../conformance/model-answers.ts'
import { applyOperation, ModelStore } from '../conformance/model-store.ts'
import {
  formatEvents,
  type Answer,
  type CommitAnswer,
  type DurableStore,
} from '../conformance/store.ts'

export interface Divergence {
  readonly index: number
  readonly step: Step | 'sweep' | 'close'
  readonly what: string
  readonly expected: string
  readonly actual: string
}

/** The codes of kind retry. */
const lostRaces: ReadonlySet<string> = new Set(['Conflict', 'KeyReadConflict', 'KeyWriteConflict'])

export type OpenStore = (options: { nodesValid: 'now' | 'always' }) => Promise<DurableStore>

/** Where the store and the model part; undefined when they never do. */
export async function runScript(script: Script, open: OpenStore): Promise<Divergence | undefined> {
  const { nodesValid, steps } = script
  const run = new ScriptRun(new ModelStore({ nodesValid }), await open({ nodesValid }))
  const divergence = await takeSteps(run, steps)
  const closing = await caught(() => run.close())
  if (divergence !== undefined || closing === undefined) return divergence
  return { index: steps.length, step: 'close', ...closing }
}

async function takeSteps(run: ScriptRun, steps: readonly Step[]): Promise<Divergence | undefined> {
  for (const [index, step] of steps.entries()) {
    const parted = await caught(() => run.take(step, index))
    if (parted !== undefined) return { index, step, ...parted }
  }
  const parted = await caught(() => Promise.resolve(run.sweep()))
  return parted === undefined ? undefined : { index: steps.length, step: 'sweep', ...parted }
}

type Parting = Omit<Divergence, 'index' | 'step'>

async function caught(body: () => Promise<Parting | undefined>): Promise<Parting | undefined> {
  try {
    return await body()
  } catch (error) {
    const actual = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { what: 'the store threw something that is no failure of 2.10', expected: '', actual }
  }
}

type Done =
  | { readonly operation: Operation; readonly answer: string }
  | { readonly query: Query; readonly answer: string }

class ScriptRun {
  readonly #model: ModelStore
  readonly #store: DurableStore
  readonly #done = new Map<string, Done[]>()

  constructor(model: ModelStore, store: DurableStore) {
    this.#model = model
    this.#store = store
  }

  async take(step: Step, index: number): Promise<Parting | undefined> {
    switch (step.step) {
      case 'clock':
        this.#model.setClock(BigInt(step.wall))
        this.#store.setClock(BigInt(step.wall))
        return undefined
      case 'write':
        return this.#write(step)
      case 'begin':
        this.#done.set(step.transaction, [])
        this.#model.begin(step.transaction, step.isolation)
        this.#store.begin(step.transaction, step.isolation)
        return undefined
      case 'operate':
        return this.#operate(step.transaction, step.operation)
      case 'readOwn':
        return this.#readOwn(step.transaction, step.query)
      case 'commit':
        return this.#commit(step.transaction)
      case 'cancel':
        this.#cancel(step.transaction)
        return undefined
      case 'read': {
        const isPast = Object.keys(step.at).some((axis) => axis !== 'valid')
        const query = this.#fitting(step.query, { isPast })
        if (query === undefined) return undefined
        return compare('read', this.#model.read(step.at, query), this.#store.read(step.at, query))
      }
      case 'history': {
        const { query } = step
        if (query.ask === 'netDiff' && !this.#isKnown(query.entity)) return undefined
        return compare(query.ask, this.#model.history(query), this.#store.history(query))
      }
      case 'checkpoint':
        await this.#store.checkpoint()
        return this.sweep()
      default:
        return this.#restart(step.step, index)
    }
  }

  async #restart(how: 'reopen' | 'crash', index: number): Promise<Parting | undefined> {
    for (const transaction of this.#done.keys()) this.#cancel(transaction)
    this.#model.forgetOpen()
    if (how === 'reopen') await this.#store.reopen()
    else await this.#store.crash(`crash ${index}`)
    return this.sweep()
  }

  async #write(step: Extract<Step, { step: 'write' }>): Promise<Parting | undefined> {
    const operations = this.#possible(step.operations)
    if (operations.length === 0) return undefined
    const system = step.system === undefined ? undefined : BigInt(step.system)
    const expected = this.#model.writeNow(operations, system)
    const actual = await this.#store.write(operations, system)
    return compareCommits('write', expected, actual)
  }

  /** The operations that name only what exists by then: cutting a script may have taken it away. */
  #possible(operations: readonly Operation[]): Operation[] {
    const created = new Set<string>()
    return operations.filter((operation) => {
      const isPossible =
        this.#isDeclarable(operation) &&
        namesOf(operation).every((name) => created.has(name) || this.#isKnown(name))
      if (isPossible && 'name' in operation) created.add(operation.name)
      return isPossible
    })
  }

  #isDeclarable(operation: Operation): boolean {
    const { indexes, uniques } = this.#model.model
    if (!('label' in operation)) return true
    const { label } = operation
    const exists =
      'property' in operation
        ? indexes.some((index) => index.label === label && index.property === operation.property)
        : uniques.some(
            (unique) =>
              unique.label === label && unique.properties.join() === operation.properties.join(),
          )
    return operation.verb.startsWith('create') !== exists
  }

  #isKnown(name: string | undefined, transaction?: string): boolean {
    if (name === undefined) return true
    const open = transaction === undefined ? undefined : this.#model.transaction(transaction)
    if (open?.entity(name) !== undefined) return true
    const { model } = this.#model
    return model.viewAt(model.sequence, 0n).entities().some((entity) => entity.name === name)
  }

  #operate(transaction: string, operation: Operation): Parting | undefined {
    const open = this.#model.transaction(transaction)
    if (open === undefined || 'label' in operation) return undefined
    if (!namesOf(operation).every((name) => open.entity(name) !== undefined)) return undefined
    const expected = this.#model.operate(transaction, operation)
    const parted = compare('affected', expected, this.#store.operate(transaction, operation))
    if ('failure' in expected) this.#cancel(transaction)
    else this.#done.get(transaction)?.push({ operation, answer: expected.text })
    return parted
  }

  #readOwn(transaction: string, query: Query): Parting | undefined {
    if (this.#model.transaction(transaction) === undefined) return undefined
    const fitting = this.#fitting(query, { transaction })
    if (fitting === undefined) return undefined
    const expected = this.#model.readOwn(transaction, fitting)
    if ('text' in expected) {
      this.#done.get(transaction)?.push({ query: fitting, answer: expected.text })
    }
    return compare('read of own', expected, this.#store.readOwn(transaction, fitting))
  }

  /** Without a place to go on from that the view may not know; undefined when nothing is left. */
  #fitting(query: Query, where: { isPast?: boolean; transaction?: string }): Query | undefined {
    if ('entity' in query && !this.#isKnown(query.entity, where.transaction)) return undefined
    if (!('after' in query) || query.after === undefined) return query
    const open = this.#model.transaction(where.transaction ?? '')
    const isSeen =
      open === undefined ? this.#isKnown(query.after) : open.entity(query.after) !== undefined
    if (isSeen && where.isPast !== true) return query
    const { after: _, ...rest } = query
    return rest
  }

  #cancel(transaction: string): void {
    this.#done.delete(transaction)
    if (this.#model.transaction(transaction) === undefined) return
    this.#model.cancel(transaction)
    this.#store.cancel(transaction)
  }

  async #commit(transaction: string): Promise<Parting | undefined> {
    if (this.#model.transaction(transaction) === undefined) return undefined
    const outlook = this.#model.outlook(transaction)
    const objection = this.#objection(transaction)
    const actual = await this.#store.commit(transaction)
    if ('commit' in actual) {
      this.#done.delete(transaction)
      if (objection === undefined) {
        return compareCommits('commit', this.#model.commitNow(transaction), actual)
      }
      return { what: 'commit', expected: objection, actual: 'it was committed' }
    }
    const { code } = actual.failure
    this.#done.delete(transaction)
    this.#model.cancel(transaction)
    const rules = new Set<string>(outlook.failure?.codes)
    if (rules.has(code) || (lostRaces.has(code) && outlook.isOverlapped)) return undefined
    return { what: 'commit', expected: objection ?? 'a commit', actual: code }
  }

  /** Why a transaction must not commit, if so. */
  #objection(transaction: string): string | undefined {
    const outlook = this.#model.outlook(transaction)
    if (outlook.isEmpty) return undefined
    if (outlook.isBeaten) return 'Conflict: another transaction wrote the same and was first'
    if (outlook.failure !== undefined) return [...outlook.failure.codes].join(' or ')
    const open = this.#model.transaction(transaction)
    if (!outlook.isOverlapped || open?.start.isolation !== 'serializable') return undefined
    const again = this.#model.model.rebase(open)
    for (const done of this.#done.get(transaction) ?? []) {
      const answer =
        'query' in done
          ? answerQuery(again, done.query)
          : caughtText(() => String(applyOperation(again, done.operation)))
      if (answer === done.answer) continue
      const what = 'query' in done ? done.query : done.operation
      return `Conflict: at its commit ${JSON.stringify(what)} gives ${answer}, not ${done.answer}`
    }
    const [first, second] = [formatEvents(open.tail), formatEvents(again.tail)]
    return first === second ? undefined : `Conflict: at its commit it would write ${second}`
  }

  /** Everything there is: all of history, all of the present. */
  sweep(): Parting | undefined {
    const { model } = this.#model
    const entities = model.viewAt(model.sequence, 0n).entities()
    const queries: Query[] = [{ ask: 'nodes' }, { ask: 'edges' }]
    for (const { name, kind, key } of entities) {
      if (key !== undefined) continue
      queries.push({ ask: 'timeline', entity: name }, { ask: 'provenance', entity: name })
      if (kind === 'node') queries.push({ ask: 'out', entity: name }, { ask: 'in', entity: name })
    }
    for (const keyspace of new Set(entities.flatMap(({ key }) => key?.keyspace ?? []))) {
      queries.push({ ask: 'keyRange', keyspace, range: {} })
      for (const { key } of readKeys(model.viewAt(model.sequence, 0n), keyspace)) {
        queries.push({ ask: 'keyProvenance', keyspace, key })
      }
    }
    for (const query of queries) {
      const parted = compare('sweep', this.#model.read({}, query), this.#store.read({}, query))
      if (parted !== undefined) return { ...parted, what: `sweep ${JSON.stringify(query)}` }
    }
    const changes = { ask: 'changes', afterCommitsBack: model.sequence, toCommitsBack: 0 } as const
    return compare('changes', this.#model.history(changes), this.#store.history(changes))
  }

  async close(): Promise<undefined> {
    await this.#store.close()
  }
}

function namesOf(operation: Operation): string[] {
  if (operation.verb === 'createEdge') return [operation.source, operation.target]
  return 'entity' in operation ? [operation.entity] : []
}

function caughtText(body: () => string): string {
  try {
    return body()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function compare(what: string, expected: Answer, actual: Answer): Parting | undefined {
  const [wanted, given] = [shown(expected), shown(actual)]
  if (wanted === given) return undefined
  if ('failure' in actual && 'failure' in expected) {
    if (expected.failure.codes?.has(actual.failure.code) === true) return undefined
  }
  return { what, expected: wanted, actual: given }
}

function shown(answer: Answer): string {
  return 'failure' in answer ? `failure ${answer.failure.code}` : answer.text
}

function compareCommits(
  what: string,
  expected: CommitAnswer,
  actual: CommitAnswer,
): Parting | undefined {
  return compare(what, toAnswer(expected), toAnswer(actual))
}

function toAnswer(answer: CommitAnswer): Answer {
  if ('failure' in answer) return answer
  const { commit, affected } = answer
  return { text: `#${commit.sequence} @${commit.system} affected ${affected.join(' ')}` }
}
