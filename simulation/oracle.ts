/**
 * What a database must be after a crash: the reference model with the commits in their order, how
 * far they were acknowledged, and the answers that any prefix of them gives.
 */
import type { Database, View } from '../packages/asofdb/src/index.ts'
import { answerFromView, EntityNames } from '../test/conformance/engine-answers.ts'
import {
  mustPayload,
  toPayload,
  toPlainKey,
  toPlainPeriod,
} from '../test/conformance/engine-values.ts'
import { answerQuery } from '../test/conformance/model-answers.ts'
import { formatChanges, type ShownCommit, type ShownEvent } from '../test/conformance/store.ts'
import { keyName, type Query, toScriptKey } from './operation-script.ts'
import { edgeTypes, labels } from './operation-questions.ts'
import type { RandomStream } from './random.ts'
import type { ReferenceModel } from './reference-model.ts'
import { readKeys } from './reference-reads.ts'

/** A question at both coordinates; `system` asks for the same commits as `sequence`. */
export interface Question {
  readonly sequence: number
  readonly system?: bigint
  readonly valid: bigint
  readonly query: Query
}

/** Where answers part from those of the model. */
export interface Difference {
  readonly question: string
  readonly expected: string
  readonly actual: string
}

/** How much of a history a crash at some moment must leave and may leave. */
export interface Promised {
  /** The newest commit that a crash of the machine may not take. */
  readonly machineFloor: number
  /** The same for the death of the process. */
  readonly processFloor: number
  /** The newest commit there is. */
  readonly ceiling: number
}

export class Oracle {
  readonly model: ReferenceModel
  readonly names: EntityNames
  /** What each commit carried as `who`, by its number less one. */
  readonly writers: (string | undefined)[]
  #acknowledged: number
  #written: number
  #durable: number

  constructor(parts: {
    readonly model: ReferenceModel
    readonly names?: EntityNames
    readonly writers?: readonly (string | undefined)[]
    readonly floor?: number
  }) {
    const { model, names = new EntityNames(), writers = [], floor = 0 } = parts
    this.model = model
    this.names = names
    this.writers = [...writers]
    this.#acknowledged = floor
    this.#written = floor
    this.#durable = floor
  }

  /** The promise of a commit was kept. */
  acknowledge(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, sequence)
  }

  /** Everything up to `sequence` outlives the process in every mode. */
  makeWritten(sequence: number): void {
    this.#written = Math.max(this.#written, sequence)
  }

  /** Everything up to `sequence` is durable in every mode. */
  makeDurable(sequence: number): void {
    this.#durable = Math.max(this.#durable, sequence)
  }

  /**
   * `isLogged`: each acknowledged commit is in a log; `isSynced`: and the log is on the disk. Where
   * that is not so, what single commits were promised holds, for them and all before.
   */
  promised({ isLogged, isSynced }: { isLogged: boolean; isSynced: boolean }): Promised {
    const { sequence: ceiling } = this.model
    const machineFloor = isSynced ? this.#acknowledged : this.#durable
    const written = isLogged ? this.#acknowledged : this.#written
    return { machineFloor, processFloor: Math.max(machineFloor, written, this.#durable), ceiling }
  }

  /**
   * The oracle of a database that recovered the first `sequence` commits; another crash before
   * anybody sees them may take those after `floor`.
   */
  prefix(sequence: number, floor = sequence, forgotten = sequence): Oracle {
    const model = this.model.prefix(sequence, forgotten)
    const names = new EntityNames()
    for (const { name, kind } of entitiesOf(model)) {
      if (kind === 'node') names.addNode(name, this.names.id(name))
      else if (kind === 'edge') names.addEdge(name, this.names.id(name))
    }
    return new Oracle({ model, names, writers: this.writers.slice(0, sequence), floor })
  }
}

function entitiesOf(model: ReferenceModel) {
  return model.viewAt(model.sequence, 0n).entities()
}

/** All that is known now about every entity, and `count` questions at random coordinates. */
export function drawQuestions(
  random: RandomStream,
  model: ReferenceModel,
  count: number,
): Question[] {
  const instants = instantsOf(model)
  const { sequence } = model
  const valid = model.lastSystem
  const present = presentQueries(model)
  const questions: Question[] = present.map((query) => ({ sequence, valid, query }))
  if (sequence === 0) return questions
  for (let index = 0; index < count; index += 1) {
    const at = random.below(sequence + 1)
    const near = random.pick(instants) + BigInt(random.below(3) - 1)
    const question = { sequence: at, valid: near, query: random.pick(present) }
    const system = random.chance(0.5) ? systemAt(model, at, random) : undefined
    questions.push(system === undefined ? question : { ...question, system })
  }
  return questions
}

/** A system time at which the first `sequence` commits are known and no others. */
export function systemAt(model: ReferenceModel, sequence: number, random: RandomStream) {
  const from = model.commits[sequence - 1]?.system
  const to = model.commits[sequence]?.system
  if (from === undefined) return to === undefined ? undefined : to - 1n
  if (to === undefined || random.chance(0.5)) return from
  return to - 1n
}

export function instantsOf(model: ReferenceModel): bigint[] {
  const instants = new Set([0n])
  for (const { system, events } of model.commits) {
    instants.add(system)
    for (const { period } of events) {
      for (const bound of [period.from, period.to]) {
        if (bound > -(10n ** 17n) && bound < 10n ** 17n) instants.add(bound)
      }
    }
  }
  return [...instants]
}

function presentQueries(model: ReferenceModel): Query[] {
  const queries: Query[] = [{ ask: 'nodes' }, { ask: 'edges' }]
  for (const label of labels) queries.push({ ask: 'nodes', label })
  queries.push({ ask: 'nodes', label: 'A', where: [{ property: 'a', gte: 1, lt: 4 }] })
  for (const type of edgeTypes) queries.push({ ask: 'edges', type })
  const keyspaces = new Set<string>()
  for (const { name, kind, key } of entitiesOf(model)) {
    if (key !== undefined) {
      keyspaces.add(key.keyspace)
      continue
    }
    queries.push({ ask: 'timeline', entity: name }, { ask: 'provenance', entity: name })
    queries.push({ ask: 'entity', entity: name })
    if (kind === 'node') queries.push({ ask: 'out', entity: name }, { ask: 'in', entity: name })
  }
  const view = model.viewAt(model.sequence, model.lastSystem)
  for (const keyspace of keyspaces) {
    queries.push({ ask: 'keyRange', keyspace, range: {} })
    queries.push({ ask: 'keyRange', keyspace, range: { reverse: true } })
    for (const { key } of readKeys(view, keyspace)) {
      queries.push({ ask: 'keyProvenance', keyspace, key: toScriptKey(key) })
    }
  }
  return queries
}

const historyQuestion = 'all commits, with their system times and what they stated'
const writersQuestion = 'who made each commit'

/** What the model answers, to be compared with any number of databases. */
export class ExpectedAnswers {
  readonly #questions: readonly Question[]
  readonly #answers: readonly string[]
  readonly #history: string
  readonly #writers: string
  readonly #sequence: number
  #next = 0

  constructor({ model, writers }: Oracle, random: RandomStream, count: number) {
    this.#sequence = model.sequence
    this.#questions = drawQuestions(random, model, count)
    this.#answers = this.#questions.map(({ sequence, valid, query }) =>
      answerQuery(model.viewAt(sequence, valid), query),
    )
    this.#history = formatHistory(model.sequence, model.commits)
    this.#writers = writers.map(String).join(' ')
  }

  /**
   * The first answer of the database that is another one; undefined when there is none. `names`
   * are those of the database, which may have given other ids to what came after a crash. Of the
   * questions, `count` are asked, those whose turn it is.
   */
  compare(database: Database, names: EntityNames, count: number): Difference | undefined {
    const history = historyOf(database, names)
    if (history !== this.#history) {
      return { question: historyQuestion, expected: this.#history, actual: history }
    }
    const writers = Array.from({ length: this.#sequence }, (_, index) =>
      String(database.commit(index + 1)?.meta?.who),
    ).join(' ')
    if (writers !== this.#writers) {
      return { question: writersQuestion, expected: this.#writers, actual: writers }
    }
    for (let asked = 0; asked < Math.min(count, this.#questions.length); asked += 1) {
      this.#next = (this.#next + 1) % this.#questions.length
      const question = this.#questions[this.#next]
      if (question === undefined) break
      const expected = this.#answers[this.#next] ?? ''
      const actual = answerFromView(viewOf(database, question), question.query, names)
      if (actual !== expected) return { question: describe(question), expected, actual }
    }
    return undefined
  }
}

/** What can be looked at as of anything: a database, or something between it and its readers. */
export type Readable = Pick<Database, 'asOf'>

/** The view of a database that a question asks. */
export function viewOf(database: Readable, { sequence, system, valid }: Question): View {
  return database.asOf(system === undefined ? { valid, sequence } : { valid, system })
}

export function describe({ sequence, system, valid, query }: Question): string {
  const at = system === undefined ? `commit ${sequence}` : `system time ${system}`
  return `${JSON.stringify(query)} at valid time ${valid}, ${at}`
}

/** Every commit as text. Ids that no name is known for show as numbers. */
export function historyOf(database: Database, names: EntityNames): string {
  return formatHistory(database.sequence, commitsOf(database, names))
}

/** The commits behind the first `after`, as the model has them. */
export function commitsOf(database: Database, names: EntityNames, after = 0): ShownCommit[] {
  return [...database.changes({ after })].map(({ sequence, system, events }) => ({
    sequence,
    system: system.epochMicroseconds,
    events: events.map(({ id, kind, valid, state, keyspace = '', key, value }): ShownEvent => {
      const period = toPlainPeriod(valid)
      if (kind !== 'key') return { entity: names.name(id), period, payload: toPayload(state) }
      const entity = keyName({ keyspace, key: key === undefined ? '' : toPlainKey(key) })
      const payload = value === undefined ? undefined : mustPayload({ properties: { value } })
      return { entity, period, payload }
    }),
  }))
}

export function formatHistory(sequence: number, commits: readonly ShownCommit[]): string {
  const systems = commits.map(({ system }) => `@${system}`).join(' ')
  return `${sequence} commits ${systems}\n${formatChanges(commits)}`
}
