import { attempt, type Result } from '../../simulation/reference-failures.ts'
import {
  ReferenceModel,
  type Outlook,
  type ReferenceView,
} from '../../simulation/reference-model.ts'
import { readDiff, readNetDiff } from '../../simulation/reference-reads.ts'
import type { ReferenceTransaction } from '../../simulation/reference-transaction.ts'
import {
  keyName,
  toInstant,
  toPeriodInput,
  toProperties,
  toValue,
  toWindow,
  type Coordinates,
  type HistoryQuery,
  type Isolation,
  type Operation,
  type Query,
} from '../../simulation/operation-script.ts'
import { answerQuery } from './model-answers.ts'
import { applyKeyVerb } from './model-keys.ts'
import {
  formatChanges,
  formatDiff,
  formatNetDiff,
  type Answer,
  type CommitAnswer,
  type Store,
} from './store.ts'

/** The reference model behind the face of a store. */
export class ModelStore implements Store {
  readonly name = 'model'
  readonly model: ReferenceModel
  #wall = 0n
  readonly #open = new Map<string, ReferenceTransaction>()

  constructor(options: { nodesValid?: 'now' | 'always' } = {}) {
    this.model = new ReferenceModel(options)
  }

  setClock(wall: bigint): void {
    this.#wall = wall
  }

  write(operations: readonly Operation[], system?: bigint): Promise<CommitAnswer> {
    return Promise.resolve(this.writeNow(operations, system))
  }

  writeNow(operations: readonly Operation[], system?: bigint): CommitAnswer {
    const wall = this.#wall
    const begun = attempt(() =>
      this.model.begin({ wall, ...(system === undefined ? {} : { system }) }),
    )
    if ('failure' in begun) return begun
    const affected: number[] = []
    for (const operation of operations) {
      const done = attempt(() => applyOperation(begun.value, operation))
      if ('failure' in done) return done
      affected.push(done.value)
    }
    return this.#finish(begun.value, affected)
  }

  /** The model has no such argument: outside import, system time is not the caller's to choose. */
  writeWithSystemTime(): Promise<CommitAnswer> {
    return Promise.resolve({ failure: { code: 'TimeReadOnly', clashes: [] } })
  }

  begin(transaction: string, isolation: Isolation): void {
    this.#open.set(transaction, this.model.begin({ wall: this.#wall, isolation }))
  }

  transaction(name: string): ReferenceTransaction | undefined {
    return this.#open.get(name)
  }

  operate(transaction: string, operation: Operation): Answer {
    return toAnswer(attempt(() => String(applyOperation(this.#mustFind(transaction), operation))))
  }

  readOwn(transaction: string, query: Query): Answer {
    return { text: answerQuery(this.#mustFind(transaction), query) }
  }

  outlook(transaction: string): Outlook {
    return this.model.outlook(this.#mustFind(transaction))
  }

  commit(transaction: string): Promise<CommitAnswer> {
    return Promise.resolve(this.commitNow(transaction))
  }

  commitNow(transaction: string): CommitAnswer {
    const open = this.#mustFind(transaction)
    this.#open.delete(transaction)
    return this.#finish(open, [])
  }

  #finish(transaction: ReferenceTransaction, affected: readonly number[]): CommitAnswer {
    const result = this.model.commit(transaction, this.#wall)
    if ('failure' in result) return result
    return { commit: { sequence: this.model.sequence, system: this.model.lastSystem }, affected }
  }

  cancel(transaction: string): void {
    this.model.cancel(this.#mustFind(transaction))
    this.#open.delete(transaction)
  }

  /** Close or crash: what was not committed is gone. */
  forgetOpen(): void {
    this.#open.clear()
    this.model.reopen()
  }

  read(at: Coordinates, query: Query): Answer {
    return toAnswer(attempt(() => answerQuery(this.#viewAt(at), query)))
  }

  history(query: HistoryQuery): Answer {
    return toAnswer(attempt(() => this.#answerHistory(query)))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #mustFind(name: string): ReferenceTransaction {
    const transaction = this.#open.get(name)
    if (transaction === undefined) throw new Error(`the script has no open transaction ${name}`)
    return transaction
  }

  #viewAt(at: Coordinates): ReferenceView {
    const wall = this.#wall
    if ('rewind' in at) {
      const instant = toInstant(at.rewind)
      return this.model.view({ wall, valid: instant, system: instant })
    }
    return this.model.view({
      wall,
      ...(at.valid === undefined ? {} : { valid: toInstant(at.valid) }),
      ...(at.system === undefined ? {} : { system: toInstant(at.system) }),
      ...(at.commitsBack === undefined ? {} : { sequence: this.#commitsBack(at.commitsBack) }),
    })
  }

  #commitsBack(count: number): number {
    return Math.max(0, this.model.sequence - count)
  }

  #answerHistory(query: HistoryQuery): string {
    if (query.ask === 'diff') {
      const differences = readDiff(this.#viewAt(query.before), this.#viewAt(query.after))
      return formatDiff(differences.map((one) => ({ ...one, entity: one.name })))
    }
    if (query.ask === 'netDiff') {
      const differences = readNetDiff(this.#viewAt(query.from), this.#viewAt(query.to), {
        ...(query.window === undefined ? {} : { window: toWindow(query.window) }),
        ...(query.entity === undefined ? {} : { name: query.entity }),
      })
      return formatNetDiff(differences.map((one) => ({ ...one, entity: one.name })))
    }
    return formatChanges(
      this.model.changes(
        this.#commitsBack(query.afterCommitsBack),
        this.#commitsBack(query.toCommitsBack),
      ),
    )
  }
}

function toAnswer(result: Result<string>): Answer {
  return 'failure' in result ? result : { text: result.value }
}

/** Carries out one operation; the number is what the operation returns as affected. */
export function applyOperation(transaction: ReferenceTransaction, operation: Operation): number {
  switch (operation.verb) {
    case 'createNode':
      transaction.createNode(
        operation.name,
        { labels: operation.labels, properties: toProperties(operation.properties) },
        toPeriodInput(operation.period),
      )
      return 1
    case 'createEdge': {
      const { source, type, target } = operation
      const properties = toProperties(operation.properties)
      transaction.createEdge(operation.name, { source, type, target, properties }, {
        period: toPeriodInput(operation.period),
        isClipped: operation.bounds === 'clip',
      })
      return 1
    }
    case 'create':
    case 'put':
      return applyPut(transaction, operation)
    case 'patch':
    case 'upsert':
      return applyPatch(transaction, operation)
    case 'delete':
      return transaction.delete(operation.entity, {
        period: toPeriodInput(operation.period),
        detach: operation.detach === true,
        mustExist: operation.mustExist === true,
      })
    case 'putKey': {
      const { keyspace, key } = operation
      return transaction.putKey(keyName(operation), { keyspace, key }, {
        value: toValue(operation.value),
        period: toPeriodInput(operation.period),
      })
    }
    case 'deleteKey':
      return transaction.deleteKey(keyName(operation), { period: toPeriodInput(operation.period) })
    default:
      return 'label' in operation
        ? applyDeclaration(transaction, operation)
        : applyKeyVerb(transaction, operation)
  }
}

function applyPut(
  transaction: ReferenceTransaction,
  operation: Extract<Operation, { verb: 'create' | 'put' }>,
): number {
  const properties = toProperties(operation.properties)
  const options = {
    period: toPeriodInput(operation.period),
    ...(operation.labels === undefined ? {} : { labels: operation.labels }),
  }
  if (operation.verb === 'create') return transaction.create(operation.entity, properties, options)
  return transaction.put(operation.entity, properties, {
    ...options,
    skipUnchanged: operation.skipUnchanged === true,
    isClipped: operation.bounds === 'clip',
  })
}

function applyPatch(
  transaction: ReferenceTransaction,
  operation: Extract<Operation, { verb: 'patch' | 'upsert' }>,
): number {
  return transaction[operation.verb](operation.entity, toProperties(operation.changes), {
    period: toPeriodInput(operation.period),
    labels: { add: operation.addLabels ?? [], remove: operation.removeLabels ?? [] },
    mustExist: operation.mustExist === true,
    skipUnchanged: operation.skipUnchanged === true,
  })
}

function applyDeclaration(
  transaction: ReferenceTransaction,
  operation: Extract<Operation, { label: string }>,
): number {
  switch (operation.verb) {
    case 'createUnique': {
      const { label, properties } = operation
      const isOverAllTime = operation.over === 'all time'
      transaction.declare({ declare: 'unique', unique: { label, properties, isOverAllTime } })
      return 0
    }
    case 'dropUnique':
      transaction.declare({
        declare: 'dropUnique',
        label: operation.label,
        properties: operation.properties,
      })
      return 0
    default:
      transaction.declare({
        declare: operation.verb === 'createIndex' ? 'index' : 'dropIndex',
        label: operation.label,
        property: operation.property,
      })
      return 0
  }
}
