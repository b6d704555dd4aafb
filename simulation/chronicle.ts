/**
 * What is known of a database by watching it: each commit that was seen, done again on the
 * reference model; how far they may be lost; what was refused and must never appear.
 */
import { type Database, type ErrorCode, isDatabaseError } from '../packages/asofdb/src/index.ts'
import { errorKindsByCode } from '../packages/asofdb/src/rules/errors.ts'
import type { EntityNames } from '../test/conformance/engine-answers.ts'
import { applyOperation } from '../test/conformance/model-store.ts'
import { formatChanges } from '../test/conformance/store.ts'
import { answerQuery } from '../test/conformance/model-answers.ts'
import type { Attempt, Run, Upkeep } from './attempts.ts'
import {
  commitsOf,
  describe,
  type Difference,
  formatHistory,
  Oracle,
  type Question,
  type Readable,
} from './oracle.ts'
import type { Forgetting } from './reference-forgetting.ts'
import { attempt as attempted, type FailureCode } from './reference-failures.ts'
import { ReferenceModel } from './reference-model.ts'
import type { Declaration, ReferenceTransaction } from './reference-transaction.ts'
import { answerTold, tellingOf, toldView } from './told.ts'
import { Divergence } from './workload-run.ts'

/** A refusal of the engine that the model must share, once it has come that far. */
interface Refusal {
  readonly run: Run
  readonly attempt: Attempt
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
    const runs = [...this.#unseen].flatMap(({ lastRun }) => lastRun ?? [])
    const since = (run: Run) => run.names.ownSince(id)
    const newest = runs.reduce<Run | undefined>(
      (last, run) => (since(run) > (last === undefined ? 0 : since(last)) ? run : last),
      undefined,
    )
    const known = this.names.name(id)
    return known === `#${id}` ? (newest?.names.ownName(id) ?? known) : known
  }

  /** The id of an entity that is applied and was not seen yet. */
  tentativeId(name: string): number | undefined {
    for (const { lastRun } of this.#unseen) {
      const id = lastRun?.names.ownId(name)
      if (id !== undefined) return id
    }
    return undefined
  }

  /** The number of the commit of an attempt; undefined when none was seen. */
  sequenceOf(attempt: Attempt): number | undefined {
    const index = this.#made.lastIndexOf(attempt)
    return index < 0 ? undefined : index + 1
  }

  /** An attempt that was acknowledged without a commit must have stated nothing. */
  mustBeEmpty(attempt: Attempt): void {
    const { lastRun, who } = attempt
    if (lastRun === undefined) throw new Divergence(`${who} was acknowledged and never ran`)
    if (lastRun.base > this.sequence) return
    const transaction = this.#redo(attempt, lastRun)
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
    const after = this.#mustTellFrom(database, before)
    const actual = formatChanges(commitsOf(database, this.names, after))
    const expected = () => formatChanges(this.model.changes(after, this.sequence))
    if (!this.holds(() => expected() === actual)) {
      throw new Divergence(`new commits\nexpected: ${expected()}\nactual:   ${actual}`)
    }
    this.#checkRefusals()
  }

  /** The first commit at or after `after` behind which the history is told. */
  #mustTellFrom(database: Database, after: number): number {
    const horizon = this.model.forgetting.latest()
    try {
      database.changes({ after })
    } catch (error) {
      const told: unknown = isDatabaseError(error, 'HistoryPruned') ? error.details['horizon'] : 0
      if (told === horizon || (this.isPruning && typeof told === 'number')) return told
      if (!isDatabaseError(error, 'HistoryPruned')) throw error
      throw new Divergence(`what came after commit ${after} is refused: ${error.message}`)
    }
    if (after >= horizon) return after
    throw new Divergence(`what came after commit ${after} is told; the horizon is ${horizon}`)
  }

  /** Whether horizons are being set by something that nobody has seen yet. */
  get isPruning(): boolean {
    return [...this.#unseen].some(({ upkeep }) => upkeep !== undefined && 'horizons' in upkeep)
  }

  /** Whether entities are being erased by something that nobody has seen yet. */
  get isErasing(): boolean {
    return [...this.#unseen].some(({ upkeep }) => upkeep !== undefined && 'erase' in upkeep)
  }

  /** Whether it is as the model says, with or without what is being erased just now. */
  holds(isSo: () => boolean): boolean {
    if (isSo()) return true
    const { forgetting } = this.model
    const pending = new Set<string>()
    for (const { upkeep } of this.#unseen) {
      if (upkeep === undefined || !('erase' in upkeep)) continue
      for (const name of this.model.erasedWith(upkeep.erase)) pending.add(name)
      forgetting.pending = new Set(pending)
      try {
        if (isSo()) return true
      } finally {
        forgetting.pending = new Set()
      }
    }
    return false
  }

  /** Asks, and holds the answer against the model. */
  mustTell(readers: Readable, question: Question): void {
    const difference = this.#differenceOf(readers, question)
    if (difference === undefined) return
    const { question: asked, expected, actual } = difference
    throw new Divergence(`${asked}\nexpected: ${expected}\nactual:   ${actual}`)
  }

  #differenceOf(readers: Readable, question: Question): Difference | undefined {
    const { model, names, isPruning } = this
    const { query } = question
    // What was erased has no place in any order.
    if ('after' in query && query.after !== undefined) {
      if (this.isErasing || model.forgetting.erasedAt(query.after) > 0) return undefined
    }
    const actual = answerTold(readers, question, { model, names, isPruning })
    const telling = tellingOf(model, question)
    const asked = describe(question)
    if (actual === undefined) {
      if (telling !== 'told' || isPruning) return undefined
      return { question: asked, expected: 'an answer', actual: 'HistoryPruned' }
    }
    if (telling === 'refused') {
      return { question: asked, expected: 'HistoryPruned', actual }
    }
    const expected = () => answerQuery(toldView(model, question, isPruning), query)
    if (this.holds(() => expected() === actual)) return undefined
    return { question: asked, expected: expected(), actual }
  }

  /** The whole history at once, with the system times. */
  mustHaveHistory(database: Database): void {
    const after = this.#mustTellFrom(database, 0)
    const actual = formatHistory(this.sequence, commitsOf(database, this.names, after))
    const told = () => formatHistory(this.sequence, this.model.changes(after, this.sequence))
    if (this.holds(() => told() === actual)) return
    throw new Divergence(`the history\nexpected: ${told()}\nactual:   ${actual}`)
  }

  /**
   * For looking at a database that recovered the first `sequence` commits, or more than were seen.
   * What happens to the copy does not concern the original; attempts are of both. `forgotten`: the
   * newest commit that there was when the copy was made, of which something may be missing in it.
   */
  copy(sequence: number, floor = 0, forgotten = sequence): Chronicle {
    const known = Math.min(sequence, this.sequence)
    const copy = new Chronicle('now')
    copy.#oracle = this.#oracle.prefix(known, Math.min(floor, known), Math.max(known, forgotten))
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
    if (attempt.outcome === 'refused') {
      throw new Divergence(`commit ${sequence} is of ${who}, which was refused`)
    }
    if (this.#made.includes(attempt)) throw new Divergence(`commit ${sequence} is there twice`)
    if (this.#lost.has(attempt)) {
      throw new Divergence(`commit ${sequence} is of ${who}, which had been lost`)
    }
    return attempt
  }

  #adopt(attempt: Attempt, system: bigint): void {
    const { model } = this
    const { lastRun: run, who, importedAt, upkeep } = attempt
    const describe = `commit ${model.sequence + 1} of ${who}`
    if (system <= model.lastSystem) {
      throw new Divergence(`${describe} has system time ${system} after ${model.lastSystem}`)
    }
    if (upkeep !== undefined) {
      const forgetting = this.#forgettingOf(upkeep)
      if (forgetting === undefined) throw new Divergence(`${describe} has nothing to forget`)
      model.forget(forgetting, system)
      this.#note(attempt)
      return
    }
    if (run === undefined) throw new Divergence(`${describe} was never run`)
    if (run.base > model.sequence) throw new Divergence(`${describe} comes before what it read`)
    const transaction = this.#redo(attempt, run, system)
    if (typeof transaction === 'string') throw new Divergence(`${describe}: ${transaction}`)
    if (importedAt === undefined && system < transaction.start.now) {
      throw new Divergence(`${describe} has system time ${system} before its own now`)
    }
    const done = model.commit(transaction, 0n)
    if ('failure' in done || done.value === undefined) {
      const why = 'failure' in done ? done.failure.code : 'empty'
      throw new Divergence(`${describe} must not be there: ${why}`)
    }
    run.names.addTo(this.names)
    this.#note(attempt)
  }

  #note(attempt: Attempt): void {
    this.#made.push(attempt)
    this.#unseen.delete(attempt)
    this.#oracle.writers.push(attempt.who)
  }

  /** What a commit makes be forgotten at this point; undefined when that is nothing. */
  #forgettingOf(upkeep: Upkeep): Forgetting | undefined {
    const { model } = this
    if ('erase' in upkeep) {
      const erased = model.erasedWith(upkeep.erase)
      return erased.length === 0 ? undefined : { erased }
    }
    const { forgetting } = model
    const horizons = upkeep.horizons.filter(({ of, sequence }) => {
      const known = of === undefined ? forgetting.everything : forgetting.of(of.kind, of.name)
      return sequence > known
    })
    return horizons.length === 0 ? undefined : { horizons }
  }

  /**
   * A run of an attempt on the model, or how the two differ. `system` is the time of its commit;
   * default: what it asked for, or any that is later than all.
   */
  #redo(
    { isolation, importedAt }: Attempt,
    run: Run,
    system = importedAt ?? this.model.lastSystem + 1n,
  ): ReferenceTransaction | string {
    let created = 0
    let forgotten = run.base
    const transaction = this.model.beginAt({
      isolation,
      system,
      isImport: importedAt !== undefined,
      base: run.base,
      wall: run.wall,
      nextOrdinal: () => created,
      forgotten: () => forgotten,
    })
    for (const step of run.steps) {
      const { operation } = step
      forgotten = step.applied
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

  #hasErasedUpTo(upTo: number): boolean {
    return this.#made.slice(0, upTo).some(({ upkeep }) => upkeep !== undefined && 'erase' in upkeep)
  }

  #mustShare({ run, attempt, code, upTo }: Refusal): void {
    if (errorKindsByCode[code] === 'retry') {
      if (upTo > run.base) return
      throw new Divergence(`${code} although nothing was committed after commit ${run.base}`)
    }
    if (code === 'NotMonotonic' || code === 'TimeInFuture') return
    if (code === 'Erased' && this.#hasErasedUpTo(upTo)) return
    if (run.steps.some(({ operation }) => 'label' in operation)) return
    const transaction = this.#redo(attempt, run)
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
  'Erased',
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
