/**
 * Bugs between a transaction and the database, of the kinds that engines have had. Each must be
 * noticed by the proofs; a checker that finds none of them would prove nothing.
 */
import type { OpenTransaction } from 'asofdb'
import type { PhenomenonName } from './dependency-graph.ts'
import type { Isolation, Outcome, Result } from './history.ts'
import type { Proof } from './checking.ts'
import type { Operation } from './operations.ts'
import type { OpenSession } from './run-plan.ts'
import { type Ground, Session, type SessionOptions } from './session.ts'

export interface PlantedFault {
  readonly isolation: Isolation
  readonly openSession: OpenSession
  /** One at least of these has to be among what is found. */
  readonly phenomena: readonly PhenomenonName[]
  readonly proofs: readonly Proof[]
}

/** Reads that the transaction is not told of are asked of a view of its snapshot. */
abstract class Forgetful extends Session {
  /** Cells and whole spaces that have own statements, which no view has. */
  readonly #written = new Set<string>()

  override perform(operation: Operation): Result {
    const { do: verb } = operation
    const isRead = verb === 'get' || verb === 'has' || verb === 'range'
    if (isRead && !this.#hasOwn(operation)) {
      const view = this.ground.database.asOf({ sequence: this.transaction.sequence })
      const untracked = this.performOn(view, operation)
      if (this.isForgotten(operation, untracked)) return untracked
    }
    if (!isRead && verb !== 'getMany' && 'space' in operation) {
      this.#written.add(operation.space)
      this.#written.add('key' in operation ? `${operation.space}/${operation.key}` : 'clear')
    }
    return super.perform(operation)
  }

  #hasOwn(operation: Extract<Operation, { do: 'get' | 'has' | 'delete' | 'range' }>): boolean {
    if (!('key' in operation)) return this.#written.has(operation.space)
    const cell = `${operation.space}/${operation.key}`
    return this.#written.has(cell) || this.#written.has('clear')
  }

  protected abstract isForgotten(operation: Operation, result: Result): boolean
}

class WithoutRanges extends Forgetful {
  protected isForgotten(operation: Operation): boolean {
    return operation.do === 'range'
  }
}

class WithoutAbsence extends Forgetful {
  protected isForgotten(operation: Operation, result: Result): boolean {
    return (operation.do === 'get' && result === null) || (operation.do === 'has' && !result)
  }
}

class WithoutPoints extends Forgetful {
  protected isForgotten(operation: Operation): boolean {
    return operation.do === 'get'
  }
}

/** A condition that fails is forgotten at once. */
class WithoutConditions extends Session {
  readonly #written = new Set<string>()

  override perform(operation: Operation): Result {
    if (!('key' in operation) || !('space' in operation)) return super.perform(operation)
    const { space, key } = operation
    const cell = `${space}/${key}`
    const isCondition = 'expected' in operation || operation.do === 'insert'
    if (isCondition && !this.#written.has(cell)) {
      const view = this.ground.database.asOf({ sequence: this.transaction.sequence })
      const there = this.performOn(view, { do: 'get', space, key })
      if (operation.do === 'insert' && there !== null) return { error: 'AlreadyExists' }
      if ('expected' in operation && there !== operation.expected) return false
    }
    if (operation.do !== 'get' && operation.do !== 'has') this.#written.add(cell)
    return super.perform(operation)
  }
}

class WithSnapshotsOnly extends Session {
  protected override begin(): OpenTransaction {
    return this.ground.database.begin({ isolation: 'snapshot', readonly: this.options.isReadonly })
  }
}

/** What was refused is written all the same. */
class LastWriterWins extends Session {
  readonly #writes: Operation[] = []

  override perform(operation: Operation): Result {
    if (operation.do === 'put') this.#writes.push(operation)
    return super.perform(operation)
  }

  override async commit(): Promise<Outcome> {
    const outcome = await super.commit()
    if (outcome.kind !== 'aborted' || this.#writes.length === 0) return outcome
    const again = new Session(this.ground, this.options)
    for (const write of this.#writes) again.perform(write)
    return again.commit()
  }
}

/** Writes that are visible before their commit, also those that never get one. */
class WithDirtyReads extends Session {
  static readonly #written = new WeakMap<Ground, Map<string, string>>()

  override perform(operation: Operation): Result {
    const written = WithDirtyReads.#written.get(this.ground) ?? new Map<string, string>()
    WithDirtyReads.#written.set(this.ground, written)
    const result = super.perform(operation)
    if (operation.do === 'put') {
      written.set(`${operation.space}/${operation.key}`, operation.value)
    }
    if (operation.do !== 'get') return result
    return written.get(`${operation.space}/${operation.key}`) ?? result
  }
}

/** Each read sees what is committed at its moment. */
class WithReadCommitted extends Session {
  readonly #written = new Set<string>()

  override perform(operation: Operation): Result {
    if (!('key' in operation) || !('space' in operation)) return super.perform(operation)
    const cell = `${operation.space}/${operation.key}`
    if (operation.do === 'get' && !this.#written.has(cell)) {
      return this.performOn(this.ground.database.snapshot(), operation)
    }
    if (operation.do !== 'get' && operation.do !== 'has') this.#written.add(cell)
    return super.perform(operation)
  }
}

/** A range leaves out its last entry when there are several. */
class WithRangesCutShort extends Session {
  override perform(operation: Operation): Result {
    const result = super.perform(operation)
    const isList = operation.do === 'range' && Array.isArray(result)
    const isOfEntries = isList && (operation.form === 'entries' || operation.form === 'keys')
    return isOfEntries && result.length > 1 ? result.slice(0, -1) : result
  }
}

/** Every seventh write is taken and not made. */
class WithLostWrites extends Session {
  static #count = 0

  override perform(operation: Operation): Result {
    if (operation.do !== 'put' || ++WithLostWrites.#count % 7 !== 0) return super.perform(operation)
    return 1
  }
}

class WithoutRollback extends Session {
  readonly #saved = new Set<string>()

  override perform(operation: Operation): Result {
    if (operation.do === 'savepoint') this.#saved.add(operation.name)
    const isDone = operation.do !== 'rollbackTo' || !this.#saved.has(operation.name)
    return isDone ? super.perform(operation) : null
  }
}

/** Refuses one in seven for nothing. */
class WithNeedlessRefusals extends Session {
  static #count = 0

  override commit(): Promise<Outcome> {
    if (++WithNeedlessRefusals.#count % 7 !== 0) return super.commit()
    this.transaction.cancel()
    const { database, start } = this.ground
    const after = database.sequence - start
    return Promise.resolve({ kind: 'aborted', code: 'Conflict', cell: undefined, after })
  }
}

const using =
  (Kind: new (ground: Ground, options: SessionOptions) => Session): OpenSession =>
  (ground, options) =>
    new Kind(ground, options)

const asSerializable = (
  Kind: new (ground: Ground, options: SessionOptions) => Session,
  ...phenomena: PhenomenonName[]
): PlantedFault => ({
  isolation: 'serializable',
  openSession: using(Kind),
  phenomena,
  proofs: ['graph', 'order', 'serial replay'],
})

const asSnapshot = (
  Kind: new (ground: Ground, options: SessionOptions) => Session,
  phenomena: readonly PhenomenonName[],
  ...proofs: Proof[]
): PlantedFault => ({ isolation: 'snapshot', openSession: using(Kind), phenomena, proofs })

export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  'ranges that are not tracked': asSerializable(WithoutRanges, 'G2'),
  'keys that are not tracked': asSerializable(WithoutPoints, 'G2-item'),
  'reads of nothing that are not tracked': asSerializable(WithoutAbsence, 'G2-item'),
  'failed conditions that are not tracked': asSerializable(WithoutConditions, 'G2-item'),
  'snapshots in place of serializability': asSerializable(WithSnapshotsOnly, 'G2-item', 'G2'),
  'a last writer who wins': asSnapshot(
    LastWriterWins,
    ['lost update', 'concurrent writes'],
    'graph',
  ),
  'reads of what is not committed': asSnapshot(
    WithDirtyReads,
    ['G1a', 'G1b', 'G1c'],
    'graph',
    'snapshot replay',
  ),
  'reads of what was committed meanwhile': asSnapshot(
    WithReadCommitted,
    ['read skew', 'G-SIa', 'lost update'],
    'graph',
    'snapshot replay',
  ),
  'ranges that are cut short': asSnapshot(
    WithRangesCutShort,
    ['G-SIb', 'unexplained read'],
    'graph',
    'snapshot replay',
  ),
  'writes that are lost': asSnapshot(
    WithLostWrites,
    ['unexplained read'],
    'history',
    'snapshot replay',
  ),
  'a rollback that does nothing': asSnapshot(
    WithoutRollback,
    [],
    'history',
    'snapshot replay',
  ),
  'refusals for nothing': asSnapshot(WithNeedlessRefusals, [], 'abort'),
}
