/**
 * The naive model that the engine is compared with: every event of every entity in a list, every
 * answer a scan of that list (semantics, section 2). It shares no code with the engine. Entities
 * go by names that the caller chooses, instants are bigint microseconds.
 */
import { violationsOf } from './reference-checks.ts'
import { attempt, fail, ModelFailure, type Failure, type Result } from './reference-failures.ts'
import type { ReferenceEntity, ReferenceEvent } from './reference-history.ts'
import { BEGINNING } from './reference-periods.ts'
import type { HistoryView } from './reference-reads.ts'
import { ReferenceTransaction, type Declaration, type Unique } from './reference-transaction.ts'

export interface ReferenceCommit {
  readonly sequence: number
  readonly system: bigint
  readonly events: readonly ReferenceEvent[]
  readonly declarations: readonly Declaration[]
}

/** A view of the committed past: the first `sequence` commits, at one valid instant. */
export interface ReferenceView extends HistoryView {
  readonly sequence: number
}

/** What a commit would meet, before it is tried. */
export interface Outlook {
  /** It wrote and declared nothing: committing it takes no number and no system time. */
  readonly isEmpty: boolean
  /** Another transaction committed since it began; only then may it be told Conflict. */
  readonly isOverlapped: boolean
  /** One of the commits since wrote an entity that it wrote: the first committer wins. */
  readonly isBeaten: boolean
  /** The rules the result would break. */
  readonly failure: Failure | undefined
}

export class ReferenceModel {
  readonly commits: ReferenceCommit[] = []
  uniques: readonly Unique[] = []
  indexes: readonly { readonly label: string; readonly property: string }[] = []
  readonly #nodesAlwaysValid: boolean
  readonly #entities = new Map<string, ReferenceEntity>()
  readonly #events = new Map<string, ReferenceEvent[]>()
  #readFloor = BEGINNING
  #ordinal = 0

  constructor(options: { nodesValid?: 'now' | 'always' } = {}) {
    this.#nodesAlwaysValid = options.nodesValid === 'always'
  }

  get sequence(): number {
    return this.commits.length
  }

  get lastSystem(): bigint {
    return this.commits.at(-1)?.system ?? BEGINNING
  }

  /** now of a read: never below the last commit, so a writer sees its own default writes. */
  now(wall: bigint): bigint {
    return wall > this.lastSystem ? wall : this.lastSystem
  }

  /** A transaction whose now is fixed here. `system` makes it an import. */
  begin(options: {
    wall: bigint
    isolation?: 'serializable' | 'snapshot'
    system?: bigint
  }): ReferenceTransaction {
    const { wall, isolation = 'serializable', system } = options
    if (system !== undefined) this.#checkImport(system, wall)
    const least = this.lastSystem + 1n
    const now = system ?? (wall > least ? wall : least)
    return new ReferenceTransaction({
      now,
      base: this.sequence,
      isolation,
      nodesAlwaysValid: this.#nodesAlwaysValid,
      ...(system === undefined ? {} : { system }),
      committed: this.viewAt(this.sequence, now),
      nextOrdinal: () => (this.#ordinal += 1),
    })
  }

  /** An import defaults its writes to the imported instant, so valid.from <= tx.from holds. */
  #checkImport(system: bigint, wall: bigint): void {
    if (system > this.now(wall)) fail('TimeInFuture')
    if (system <= this.lastSystem) fail('NotMonotonic')
  }

  /** The view at given or default coordinates (2.6). A given system time raises the floor. */
  view(options: {
    wall: bigint
    valid?: bigint
    system?: bigint
    sequence?: number
  }): ReferenceView {
    const { wall, system } = options
    const now = this.now(wall)
    const valid = options.valid ?? now
    if (system === undefined) return this.viewAt(options.sequence ?? this.sequence, valid)
    if (system > now) fail('TimeInFuture')
    if (system > this.#readFloor) this.#readFloor = system
    return this.viewAt(this.commits.filter((commit) => commit.system <= system).length, valid)
  }

  viewAt(sequence: number, valid: bigint): ReferenceView {
    const visible = (name: string): readonly ReferenceEvent[] => {
      const events = this.#events.get(name) ?? []
      const last = events.at(-1)
      if (last === undefined || last.sequence <= sequence) return [...events]
      return events.filter((event) => event.sequence <= sequence)
    }
    const isKnown = (entity: ReferenceEntity) =>
      (this.#events.get(entity.name)?.[0]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence
    const entities = [...this.#entities.values()]
      .filter(isKnown)
      .sort((left, right) => left.ordinal - right.ordinal)
    return { sequence, valid, entities: () => entities, events: visible }
  }

  /** The commits (after, to] with their raw events (2.7). */
  changes(after: number, to: number): readonly ReferenceCommit[] {
    return this.commits.filter(({ sequence }) => after < sequence && sequence <= to)
  }

  /**
   * A transaction that began on the first `base` commits, whatever has come since, and whose commit
   * is known to have had a system time: to do again what was done elsewhere.
   */
  beginAt(options: {
    base: number
    wall: bigint
    isolation: 'serializable' | 'snapshot'
    system: bigint
    isImport: boolean
    nextOrdinal(): number
  }): ReferenceTransaction {
    const { base, wall, isolation, system, isImport } = options
    const least = (this.commits[base - 1]?.system ?? BEGINNING) + 1n
    const now = isImport ? system : wall > least ? wall : least
    return new ReferenceTransaction({
      now,
      base,
      isolation,
      nodesAlwaysValid: this.#nodesAlwaysValid,
      system,
      committed: this.viewAt(base, now),
      nextOrdinal: () => options.nextOrdinal(),
    })
  }

  /** A transaction with the same now on top of the latest commit, to run the same work again. */
  rebase({ start }: ReferenceTransaction): ReferenceTransaction {
    let ordinal = this.#ordinal
    return new ReferenceTransaction({
      ...start,
      base: this.sequence,
      committed: this.viewAt(this.sequence, start.now),
      nextOrdinal: () => (ordinal += 1),
    })
  }

  outlook(transaction: ReferenceTransaction): Outlook {
    const { start, tail, declarations } = transaction
    const isEmpty = tail.length === 0 && declarations.length === 0
    const newer = (name: string) => (this.#events.get(name)?.at(-1)?.sequence ?? 0) > start.base
    const isBeaten = tail.some((event) => newer(event.entity))
    const uniques = declareUniques(this.uniques, declarations)
    const failure = violationsOf({
      after: this.#after(transaction),
      tail,
      uniques,
      isDeclaring: declarations.length > 0,
    })
    return { isEmpty, isOverlapped: this.sequence > start.base, isBeaten, failure }
  }

  /** The latest belief with the tail of the transaction on top. */
  #after(transaction: ReferenceTransaction): HistoryView {
    const latest = this.viewAt(this.sequence, transaction.valid)
    const known = new Set(latest.entities().map((entity) => entity.name))
    const created = [...transaction.created.values()].filter(({ name }) => !known.has(name))
    return {
      valid: transaction.valid,
      entities: () => [...latest.entities(), ...created],
      events: (name) => [
        ...latest.events(name),
        ...transaction.tail.filter((event) => event.entity === name),
      ],
    }
  }

  /**
   * The commit, or undefined for a transaction that wrote nothing, or why it is refused; it is
   * finished in every case. System time is the greatest of wall clock, last commit + 1, now of
   * the transaction and read floor + 1 (2.8).
   */
  commit(transaction: ReferenceTransaction, wall: bigint): Result<ReferenceCommit | undefined> {
    return attempt(() => {
      if (transaction.isFinished) fail('TransactionFinished')
      transaction.isFinished = true
      const outlook = this.outlook(transaction)
      if (outlook.isEmpty) return undefined
      if (outlook.isBeaten) fail('Conflict')
      if (outlook.failure !== undefined) throw new ModelFailure(outlook.failure)
      const { system } = transaction.start
      if (system !== undefined && system <= this.#readFloor) fail('NotMonotonic')
      return this.#apply(transaction, wall)
    })
  }

  #apply(transaction: ReferenceTransaction, wall: bigint): ReferenceCommit {
    const { start, tail, created, declarations } = transaction
    const sequence = this.sequence + 1
    const candidates = [wall, this.lastSystem + 1n, start.now, this.#readFloor + 1n]
    const system =
      start.system ?? candidates.reduce((most, candidate) => (candidate > most ? candidate : most))
    for (const [name, entity] of created) {
      if (!this.#entities.has(name)) this.#entities.set(name, entity)
    }
    const events = tail.map(({ entity, period, payload }): ReferenceEvent => {
      return { entity, period, payload, sequence, system }
    })
    const commit = { sequence, system, events, declarations: [...declarations] }
    this.#add(commit)
    return commit
  }

  #add(commit: ReferenceCommit): void {
    for (const event of commit.events) {
      const list = this.#events.get(event.entity)
      if (list === undefined) this.#events.set(event.entity, [event])
      else list.push(event)
    }
    this.uniques = declareUniques(this.uniques, commit.declarations)
    this.#declareIndexes(commit.declarations)
    this.commits.push(commit)
  }

  /** What there would be if nothing had come after the first `sequence` commits. */
  prefix(sequence: number): ReferenceModel {
    const nodesValid = this.#nodesAlwaysValid ? 'always' : 'now'
    const model = new ReferenceModel({ nodesValid })
    for (const commit of this.commits.slice(0, sequence)) model.#add(commit)
    for (const [name, entity] of this.#entities) {
      if (model.#events.has(name)) model.#entities.set(name, entity)
    }
    model.#ordinal = this.#ordinal
    return model
  }

  #declareIndexes(declarations: readonly Declaration[]): void {
    for (const declaration of declarations) {
      if (declaration.declare !== 'index' && declaration.declare !== 'dropIndex') continue
      const { label, property } = declaration
      this.indexes = this.indexes.filter(
        (index) => index.label !== label || index.property !== property,
      )
      if (declaration.declare === 'index') this.indexes = [...this.indexes, { label, property }]
    }
  }

  cancel(transaction: ReferenceTransaction): void {
    transaction.isFinished = true
  }

  /** Closing or crashing: the read floor is not durable (2.8). Open transactions are lost. */
  reopen(): void {
    this.#readFloor = BEGINNING
  }
}

function declareUniques(
  uniques: readonly Unique[],
  declarations: readonly Declaration[],
): readonly Unique[] {
  return declarations.reduce((current, declaration) => {
    if (declaration.declare === 'unique') return [...current, declaration.unique]
    if (declaration.declare !== 'dropUnique') return current
    return current.filter((unique) => !isSameUnique(unique, declaration))
  }, uniques)
}

export function isSameUnique(
  left: { label: string; properties: readonly string[] },
  right: { label: string; properties: readonly string[] },
): boolean {
  return left.label === right.label && left.properties.join() === right.properties.join()
}
