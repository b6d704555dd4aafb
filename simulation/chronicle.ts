/**
 * What is known of a database by watching it: each commit that was seen, done again on the
 * reference model; how far they may be lost; what was refused and must never appear.
 */
import type { Database, ErrorCode } from '../packages/asofdb/src/index.ts'
import type { EntityNames } from '../test/conformance/engine-answers.ts'
import { applyOperation } from '../test/conformance/model-store.ts'
import { formatChanges } from '../test/conformance/store.ts'
import type { Attempt, Run } from './attempts.ts'
import { commitsOf, historyOf, formatHistory, Oracle } from './oracle.ts'
import { attempt as attempted, type FailureCode } from './reference-failures.ts'
import { ReferenceModel } from './reference-model.ts'
import type { Declaration, ReferenceTransaction } from './reference-transaction.ts'
import { Divergence } from './workload-run.ts'

/** A refusal of the engine that the model must share, once it has come that far. */
interface Refusal {
  readonly run: Run
  readonly isolation: Attempt['isolation']
  readonly code: ErrorCode
  /** The newest applied commit when it was refused. */
  readonly upTo: number
}

/** Refusals over more commits than this are not looked into: each is tried on all in between. */
const refusalSpanMax = 6

export class Chronicle {
  #oracle: Oracle
  /** Whose each commit is, by its number less one. */
  #made: Attempt[]
  readonly #attempts: Map<string, Attempt>
  readonly #lost: Set<Attempt>
  /** Attempts of this life whose commit nobody has seen. */
  readonly #unseen = new Set<Attempt>()
  #refusals: Refusal[] = []
  /** Refusals that the model was asked about, and shared. */
  refusalsShared = 0

  constructor(nodesValid: 'now' | 'always') {
    this.#oracle = new Oracle({ model: new ReferenceModel({ nodesValid }) })
    this.#made = []
    this.#attempts = new Map()
    this.#lost = new Set()
  }

  get model(): ReferenceModel {
    return this.#oracle.model
  }

  get names(): EntityNames {
    return this.#oracle.names
  }

  get oracle(): Oracle {
    return this.#oracle
  }

  get sequence(): number {
    return this.model.sequence
  }

  note(attempt: Attempt): void {
    this.#attempts.set(attempt.who, attempt)
    this.#unseen.add(attempt)
  }

  /** It has been told to its end, or is not there and never will be. */
  forget(attempt: Attempt): void {
    this.#unseen.delete(attempt)
  }

  /** The name of an entity, also of one that is applied and was not seen yet. */
  nameOf(id: number): string {
    const name = this.#tentative((run) => run.names.ownName(id))
    return name ?? this.names.name(id)
  }

  /** The id of an entity that is applied and was not seen yet. */
  tentativeId(name: string): number | undefined {
    return this.#tentative((run) => run.names.ownId(name))
  }

  #tentative<T>(find: (run: Run) => T | undefined): T | undefined {
    for (const attempt of this.#unseen) {
      const found = attempt.lastRun && find(attempt.lastRun)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The number of the commit of an attempt; undefined when none was seen. */
  sequenceOf(attempt: Attempt): number | undefined {
    const index = this.#made.lastIndexOf(attempt)
    return index < 0 ? undefined : index + 1
  }

  /** An attempt that was acknowledged without a commit must have stated nothing. */
  mustBeEmpty({ lastRun, who, isolation }: Attempt): void {
    if (lastRun === undefined) throw new Divergence(`${who} was acknowledged and never ran`)
    if (lastRun.base > this.sequence) return
    const system = this.model.lastSystem + 1n
    const transaction = this.#redo(lastRun, { system, isImport: false, isolation })
    if (typeof transaction === 'string') throw new Divergence(transaction)
    const isDone = transaction.declarations.every((one) => this.#isDeclared(one))
    if (transaction.tail.length === 0 && isDone) return
    const stated = JSON.stringify(lastRun.steps, show)
    throw new Divergence(`${who} was acknowledged, and readers do not see it: ${stated}`)
  }

  noteRefusal(refusal: Refusal): void {
    this.#refusals.push(refusal)
  }

  /** Takes over the commits that readers see and that were not seen before. */
  catchUp(database: Database): void {
    const before = this.sequence
    if (database.sequence < before) {
      throw new Divergence(`readers saw ${before} commits and now see ${database.sequence}`)
    }
    for (let sequence = before + 1; sequence <= database.sequence; sequence += 1) {
      const info = database.commit(sequence)
      if (info === undefined) throw new Divergence(`commit ${sequence} is not there`)
      const { meta, system } = info
      this.#adopt(this.#claimant(sequence, meta?.who), system.epochMicroseconds)
    }
    if (this.sequence === before) return
    const expected = formatChanges(this.model.changes(before, this.sequence))
    const actual = formatChanges(commitsOf(database, this.names, before))
    if (expected !== actual) {
      throw new Divergence(`new commits\nexpected: ${expected}\nactual:   ${actual}`)
    }
    this.#checkRefusals()
  }

  /** The whole history at once, with the system times. */
  mustHaveHistory(database: Database): void {
    const expected = formatHistory(this.sequence, this.model.commits)
    const actual = historyOf(database, this.names)
    if (expected !== actual) {
      throw new Divergence(`the history\nexpected: ${expected}\nactual:   ${actual}`)
    }
  }

  /**
   * For looking at a database that recovered the first `sequence` commits, or more than were seen.
   * What happens to the copy does not concern the original; attempts are of both.
   */
  copy(sequence: number, floor = 0): Chronicle {
    const known = Math.min(sequence, this.sequence)
    const copy = new Chronicle('now')
    copy.#oracle = this.#oracle.prefix(known, Math.min(floor, known))
    copy.#made = this.#made.slice(0, known)
    for (const [who, attempt] of this.#attempts) copy.#attempts.set(who, attempt)
    for (const attempt of this.#lost) copy.#lost.add(attempt)
    return copy
  }

  /** An opening found the first `sequence` commits: what was seen of others is lost for good. */
  forgetAfter(sequence: number, floor: number): void {
    const known = Math.min(sequence, this.sequence)
    for (const attempt of this.#made.splice(known)) this.#lost.add(attempt)
    this.#oracle = this.#oracle.prefix(known, Math.min(floor, known))
    this.#refusals = this.#refusals.filter(({ upTo }) => upTo <= known)
  }

  /** Attempts of an earlier life whose commit nobody saw are there now, or never. */
  settleUnknown(): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.outcome === 'acknowledged' || this.#made.includes(attempt)) continue
      attempt.outcome = 'refused'
    }
    this.#unseen.clear()
  }

  /** To declare an index again states nothing. */
  #isDeclared(declaration: Declaration): boolean {
    if (declaration.declare !== 'index') return false
    const { label, property } = declaration
    return this.model.indexes.some((one) => one.label === label && one.property === property)
  }

  #claimant(sequence: number, who: string | undefined): Attempt {
    const attempt = this.#attempts.get(who ?? '')
    if (attempt === undefined) throw new Divergence(`commit ${sequence} is of ${who}, of nobody`)
    if (attempt.outcome === 'refused' || attempt.outcome === 'withdrawn') {
      throw new Divergence(`commit ${sequence} is of ${who}, which was ${attempt.outcome}`)
    }
    if (this.#made.includes(attempt)) throw new Divergence(`commit ${sequence} is there twice`)
    if (this.#lost.has(attempt)) {
      throw new Divergence(`commit ${sequence} is of ${who}, which had been lost`)
    }
    return attempt
  }

  #adopt(attempt: Attempt, system: bigint): void {
    const { model } = this
    const { lastRun: run, who, isImport, isolation } = attempt
    const describe = `commit ${model.sequence + 1} of ${who}`
    if (run === undefined) throw new Divergence(`${describe} was never run`)
    if (system <= model.lastSystem) {
      throw new Divergence(`${describe} has system time ${system} after ${model.lastSystem}`)
    }
    if (run.base > model.sequence) throw new Divergence(`${describe} comes before what it read`)
    const transaction = this.#redo(run, { system, isImport, isolation })
    if (typeof transaction === 'string') throw new Divergence(`${describe}: ${transaction}`)
    if (!isImport && system < transaction.start.now) {
      throw new Divergence(`${describe} has system time ${system} before its own now`)
    }
    const done = model.commit(transaction, 0n)
    if ('failure' in done || done.value === undefined) {
      const why = 'failure' in done ? done.failure.code : 'empty'
      throw new Divergence(`${describe} must not be there: ${why}`)
    }
    run.names.addTo(this.names)
    this.#made.push(attempt)
    this.#unseen.delete(attempt)
    this.#oracle.writers.push(who)
  }

  /** The run on the model, or how the two differ. */
  #redo(
    run: Run,
    options: { system: bigint; isImport: boolean; isolation: Attempt['isolation'] },
  ): ReferenceTransaction | string {
    let created = 0
    const transaction = this.model.beginAt({
      ...options,
      base: run.base,
      wall: run.wall,
      nextOrdinal: () => created,
    })
    for (const step of run.steps) {
      const { operation } = step
      created = 'name' in operation ? (run.names.ownId(operation.name) ?? 0) : 0
      const expected = attempted(() => applyOperation(transaction, operation))
      const shown = JSON.stringify(operation)
      if ('code' in step) {
        if ('failure' in expected && expected.failure.codes.has(toModelCode(step.code))) continue
        return `${shown} was refused with ${step.code}, and is ${JSON.stringify(expected, show)}`
      }
      if ('failure' in expected) return `${shown} is ${expected.failure.code}, and was taken`
      if (expected.value !== step.affected) {
        return `${shown} affects ${expected.value}, and affected ${step.affected}`
      }
    }
    return transaction
  }

  #checkRefusals(): void {
    const due = this.#refusals.filter(({ upTo }) => upTo <= this.sequence)
    if (due.length === 0) return
    this.#refusals = this.#refusals.filter(({ upTo }) => upTo > this.sequence)
    for (const refusal of due) this.#mustShare(refusal)
  }

  #mustShare({ run, isolation, code, upTo }: Refusal): void {
    if (code === 'Conflict') {
      if (upTo > run.base) return
      throw new Divergence(`a Conflict although nothing was committed after commit ${run.base}`)
    }
    if (code === 'NotMonotonic' || code === 'TimeInFuture') return
    if (run.steps.some(({ operation }) => 'label' in operation)) return
    const began = { system: this.model.lastSystem + 1n, isImport: false, isolation }
    const transaction = this.#redo(run, began)
    if (typeof transaction === 'string') throw new Divergence(transaction)
    this.refusalsShared += 1
    if (run.steps.some((step) => 'code' in step) || upTo - run.base > refusalSpanMax) return
    for (let sequence = run.base; sequence <= upTo; sequence += 1) {
      const past = sequence === this.sequence ? this.model : this.model.prefix(sequence)
      const { failure, isBeaten } = past.outlook(transaction)
      if (failure?.codes.has(toModelCode(code)) === true || isBeaten) return
    }
    throw new Divergence(`${code} for ${JSON.stringify(run.steps, show)} on commit ${run.base}`)
  }
}

const modelCodes: ReadonlySet<string> = new Set<FailureCode>([
  'InvalidInstant',
  'InvalidPeriod',
  'AlreadyExists',
  'NotFound',
  'EndpointNotValid',
  'ConnectedEdges',
  'UniqueViolation',
  'ImmutableField',
])

function toModelCode(code: ErrorCode): FailureCode {
  if (isModelCode(code)) return code
  throw new Divergence(`an operation was refused with ${code}`)
}

function isModelCode(code: string): code is FailureCode {
  return modelCodes.has(code)
}

function show(_: string, value: unknown): unknown {
  if (value instanceof Set) return [...value]
  return typeof value === 'bigint' ? String(value) : value
}
