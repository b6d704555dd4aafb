/**
 * The naive model that the engine is compared with: every event of every entity in a list, every
 * answer a scan of that list (semantics, section 2). It shares no code with the engine. Entities
 * go by names that the caller chooses, instants are bigint microseconds.
 */
import { violationsOf } from './reference-checks.ts'
import { attempt, fail, ModelFailure, type Failure, type Result } from './reference-failures.ts'
import { type Forgetting, ReferenceForgetting } from './reference-forgetting.ts'
import type { ReferenceEntity, ReferenceEvent } from './reference-history.ts'
import { ALWAYS, BEGINNING } from './reference-periods.ts'
import type { HistoryView } from './reference-reads.ts'
import { ReferenceTransaction, type Declaration, type Unique } from './reference-transaction.ts'

export interface ReferenceCommit {
  readonly sequence: number
  readonly system: bigint
  readonly events: readonly ReferenceEvent[]
  readonly declarations: readonly Declaration[]
  readonly forgetting?: Forgetting
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
  /** As they were made, with what was erased since. */
  readonly #made: ReferenceCommit[] = []
  readonly forgetting = new ReferenceForgetting()
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
    return this.#made.length
  }

  get lastSystem(): bigint {
    return this.#made.at(-1)?.system ?? BEGINNING
  }

  /** The commits, without what was erased since. */
  get commits(): readonly ReferenceCommit[] {
    if (this.forgetting.count === 0 && this.forgetting.pending.size === 0) return this.#made
    return this.#made.map((commit) => {
      const events = commit.events.filter((event) => !this.#isHidden(event))
      return events.length === commit.events.length ? commit : { ...commit, events }
    })
  }

  #isHidden(event: ReferenceEvent, upTo?: number): boolean {
    return this.forgetting.isHidden(event, this.#entities.get(event.entity)?.kind, upTo)
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

  /** What commits after the first `forgotten()` have erased shows still. */
  viewAt(sequence: number, valid: bigint, forgotten?: () => number): ReferenceView {
    const { forgetting } = this
    const seen = (name: string): readonly ReferenceEvent[] => {
      const events = this.#events.get(name) ?? []
      const isErased = forgetting.pending.has(name) || forgetting.erasedAt(name) > 0
      return isErased ? events.filter((event) => !this.#isHidden(event, forgotten?.())) : events
    }
    const visible = (name: string): readonly ReferenceEvent[] => {
      const events = seen(name)
      const last = events.at(-1)
      if (last === undefined || last.sequence <= sequence) return [...events]
      return events.filter((event) => event.sequence <= sequence)
    }
    const isKnown = (entity: ReferenceEntity) =>
      (seen(entity.name)[0]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence
    const list = () =>
      [...this.#entities.values()]
        .filter(isKnown)
        .sort((left, right) => left.ordinal - right.ordinal)
    const isErased = (name: string) =>
      this.#entities.get(name)?.kind !== 'key' && forgetting.erasedAt(name, forgotten?.()) > 0
    const entities = list()
    return {
      sequence,
      valid,
      entities: () => (forgotten === undefined ? entities : list()),
      events: visible,
      isErased,
    }
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
    /** The newest commit that may have erased something, at each moment of the transaction. */
    forgotten?: () => number
  }): ReferenceTransaction {
    const { base, wall, isolation, system, isImport, forgotten } = options
    const least = (this.#made[base - 1]?.system ?? BEGINNING) + 1n
    const now = isImport ? system : wall > least ? wall : least
    return new ReferenceTransaction({
      now,
      base,
      isolation,
      nodesAlwaysValid: this.#nodesAlwaysValid,
      system,
      committed: this.viewAt(base, now, forgotten),
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

  /** A commit that states nothing but that something is to be forgotten. */
  forget(forgetting: Forgetting, system: bigint): void {
    const sequence = this.sequence + 1
    const erased = 'erased' in forgetting ? forgetting.erased : []
    const events = erased.map((entity): ReferenceEvent => {
      return { entity, period: ALWAYS, payload: undefined, sequence, system }
    })
    this.#add({ sequence, system, events, declarations: [], forgetting })
  }

  /** An entity with, of a node, every edge it ever had; without what is erased already. */
  erasedWith(names: readonly string[]): string[] {
    const known = this.viewAt(this.sequence, BEGINNING)
    const isWanted = ({ name, kind, edge }: ReferenceEntity) =>
      (names.includes(name) ||
        (edge !== undefined && (names.includes(edge.source) || names.includes(edge.target)))) &&
      (kind === 'key' || this.forgetting.erasedAt(name) === 0)
    return known.entities().filter(isWanted).map(({ name }) => name)
  }

  #add(commit: ReferenceCommit): void {
    for (const event of commit.events) {
      const list = this.#events.get(event.entity)
      if (list === undefined) this.#events.set(event.entity, [event])
      else list.push(event)
    }
    this.uniques = declareUniques(this.uniques, commit.declarations)
    this.#declareIndexes(commit.declarations)
    this.#made.push(commit)
    const { forgetting } = commit
    if (forgetting === undefined) return
    if ('erased' in forgetting) this.forgetting.erase(forgetting.erased, commit.sequence)
    else this.forgetting.setHorizons(forgetting.horizons)
  }

  /**
   * What there would be if nothing had come after the first `sequence` commits, but for what those
   * up to `forgotten` have erased, which is gone without a trace, and the horizons that they set.
   */
  prefix(sequence: number, forgotten = sequence): ReferenceModel {
    const nodesValid = this.#nodesAlwaysValid ? 'always' : 'now'
    const model = new ReferenceModel({ nodesValid })
    const later = this.#made.slice(sequence, forgotten).map((commit) => commit.forgetting)
    const erased = new Set(
      later.flatMap((one) => (one !== undefined && 'erased' in one ? one.erased : [])),
    )
    for (const commit of this.#made.slice(0, sequence)) {
      const events = commit.events.filter((event) => !erased.has(event.entity))
      model.#add(erased.size === 0 ? commit : { ...commit, events })
    }
    for (const one of later) {
      if (one === undefined || 'erased' in one) continue
      model.forgetting.setHorizons(one.horizons.filter((horizon) => horizon.sequence <= sequence))
    }
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

function isSameUnique(
  left: { label: string; properties: readonly string[] },
  right: { label: string; properties: readonly string[] },
): boolean {
  return left.label === right.label && left.properties.join() === right.properties.join()
}
