/** Carries out the actions of a workload on the engine and on the reference model side by side. */
import {
  type Database,
  DatabaseError,
  open,
  type OpenOptions,
  type OpenTransaction,
  type Transaction,
  type WriteDurability,
} from '../packages/asofdb/src/index.ts'
import type { Host } from '../packages/asofdb/src/host/host.ts'
import { applyToEngine } from '../test/conformance/engine-writes.ts'
import { applyOperation } from '../test/conformance/model-store.ts'
import type { Oracle, Promised } from './oracle.ts'
import type { Operation } from './operation-script.ts'
import { attempt } from './reference-failures.ts'
import type { ReferenceTransaction } from './reference-transaction.ts'
import type { SimulatedHost } from './simulated-host.ts'
import {
  type Action,
  type ModeName,
  promisesOf,
  type WorkloadOptions,
  type WorkloadStep,
} from './workload.ts'

export const databasePath = '/database'

/** The engine did what the model says it must not, or the other way round. */
export class Divergence extends Error {
  override readonly name = 'Divergence'
}

export interface RunParts {
  readonly simulated: SimulatedHost
  readonly options: WorkloadOptions
  /** What the database is, or how to tell when it has been opened. */
  readonly oracle: Oracle | ((database: Database) => Oracle)
  /** Looks at a database that was just opened, and that should be what the oracle knows. */
  check(database: Database, oracle: Oracle): Promise<void>
  actions(oracle: Oracle): readonly Action[]
}

interface OpenPair {
  readonly engine: OpenTransaction
  readonly model: ReferenceTransaction
}

export class WorkloadRun {
  readonly #parts: RunParts
  readonly #host: Host
  readonly #open = new Map<string, OpenPair>()
  readonly #pending = new Set<Promise<unknown>>()
  #known: Oracle | undefined
  #database: Database | undefined
  #failure: Error | undefined
  #wall = 1n
  #writes = 0

  constructor(parts: RunParts) {
    this.#parts = parts
    if (typeof parts.oracle !== 'function') this.#known = parts.oracle
    this.#host = withWall(parts.simulated, () => Number(this.#wall))
  }

  /** What a crash at this moment must leave and may leave. */
  get promised(): Promised {
    const { durability } = this.#parts.options
    const promises = promisesOf(durability)
    // What readers were shown counts as told.
    if (promises.isLogged) this.#oracle.acknowledge(this.#database?.sequence ?? 0)
    return this.#oracle.promised(promises)
  }

  get #oracle(): Oracle {
    if (this.#known === undefined) throw new Error('nothing is known before the first opening')
    return this.#known
  }

  /** Opens and looks, no more. */
  open(): Promise<void> {
    return this.#parts.simulated.run(() => this.#openDatabase())
  }

  /** Opens, does everything, closes. Rejects with what went wrong first. */
  run(): Promise<void> {
    return this.#parts.simulated.run(async () => {
      await this.#openDatabase()
      for (const { act, wait } of this.#parts.actions(this.#oracle)) {
        // What need not be waited for shares its turn with what follows: so commits form groups.
        const underWay = this.#take(act)
        if (underWay !== undefined) await underWay
        if (wait === 'settled') await this.#settle()
        else if (wait === 'turn') await this.#host.timers.yieldTurn()
      }
      await this.#close()
      if (this.#failure !== undefined) throw this.#failure
    })
  }

  async #openDatabase(): Promise<void> {
    const database = await openDatabase(this.#host, this.#parts.options)
    this.#database = database
    const { oracle } = this.#parts
    if (typeof oracle === 'function') this.#known ??= oracle(database)
    await this.#parts.check(database, this.#oracle)
  }

  async #close(): Promise<void> {
    for (const pair of this.#open.values()) this.#cancel(pair)
    this.#open.clear()
    await this.#settle()
    await this.#mustBeOpen().close()
    this.#oracle.makeDurable(this.#oracle.model.sequence)
  }

  async #settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
    if (this.#failure !== undefined) throw this.#failure
  }

  #take(act: WorkloadStep): Promise<void> | void {
    switch (act.step) {
      case 'clock':
        this.#wall = BigInt(act.wall)
        return
      case 'pause':
        return new Promise((resolve) => void this.#host.timers.after(act.delayMs, resolve))
      case 'write':
        return this.#write(act)
      case 'begin': {
        const { isolation } = act
        this.#open.set(act.transaction, {
          engine: this.#mustBeOpen().begin({ isolation }),
          model: this.#oracle.model.begin({ wall: this.#wall, isolation }),
        })
        return
      }
      case 'operate':
        return this.#operate(act.transaction, act.operation)
      case 'commit':
        return this.#commit(act.transaction)
      case 'cancel':
        return this.#forget(act.transaction)
      case 'checkpoint':
        return this.#checkpoint()
      default:
        return this.#reopen()
    }
  }

  async #reopen(): Promise<void> {
    await this.#close()
    this.#oracle.model.reopen()
    await this.#openDatabase()
  }

  #checkpoint(): void {
    const { sequence } = this.#oracle.model
    this.#watch(this.#mustBeOpen().checkpoint(), () => this.#oracle.makeDurable(sequence))
  }

  #write({ operations, system, durability }: Extract<WorkloadStep, { step: 'write' }>): void {
    const possible: Operation[] = []
    for (const one of operations) if (this.#isPossible(one, possible)) possible.push(one)
    if (possible.length === 0) return
    this.#writes += 1
    const who = this.#writes % 3 === 0 ? undefined : `writer ${this.#writes}`
    const { names, model } = this.#oracle
    const database = this.#mustBeOpen()
    const body = (tx: Transaction) => {
      for (const operation of possible) applyToEngine(tx, operation, names)
    }
    const meta = { meta: who === undefined ? undefined : { who }, durability }
    const wall = this.#wall
    const given = system === undefined ? {} : { system: BigInt(system) }
    this.#compareCommit(who, {
      engine: () =>
        given.system === undefined
          ? database.write(body, meta)
          : database.import(body, { ...meta, system: given.system }),
      model: () => {
        const transaction = model.begin({ wall, ...given })
        for (const operation of possible) applyOperation(transaction, operation)
        return transaction
      },
      durability,
    })
  }

  /** Whether everything exists that it names, and nothing is declared twice. */
  #isPossible(operation: Operation, before: readonly Operation[]): boolean {
    const { model } = this.#oracle
    if ('label' in operation) {
      const declared = 'property' in operation ? model.indexes : model.uniques
      const text = declarationText(operation)
      const isDeclared = declared.some((one) => declarationText(one) === text)
      return operation.verb.startsWith('create') !== isDeclared
    }
    const known = new Set(model.viewAt(model.sequence, 0n).entities().map(({ name }) => name))
    for (const one of before) if ('name' in one) known.add(one.name)
    return namesOf(operation).every((name) => known.has(name))
  }

  #operate(name: string, operation: Operation): void {
    const pair = this.#open.get(name)
    if (pair === undefined || 'label' in operation) return
    const known = new Set(pair.model.entities().map((entity) => entity.name))
    if (!namesOf(operation).every((one) => known.has(one))) return
    const expected = attempt(() => applyOperation(pair.model, operation))
    const actual = caught(() => applyToEngine(pair.engine, operation, this.#oracle.names))
    if ('failure' in expected !== actual instanceof DatabaseError) {
      throw new Divergence(`${JSON.stringify(operation)} in an open transaction: ${String(actual)}`)
    }
    if ('failure' in expected) this.#forget(name)
  }

  #commit(name: string): void {
    const pair = this.#open.get(name)
    if (pair === undefined) return
    this.#open.delete(name)
    this.#compareCommit(undefined, {
      engine: () => pair.engine.commit(),
      model: () => pair.model,
      mayLose: true,
    })
  }

  #forget(name: string): void {
    const pair = this.#open.get(name)
    this.#open.delete(name)
    if (pair !== undefined) this.#cancel(pair)
  }

  #cancel({ engine, model }: OpenPair): void {
    engine.cancel()
    this.#oracle.model.cancel(model)
  }

  /**
   * Commits on both sides. A commit of the engine is decided within the turn, so the order of the
   * calls is the order of the commits. `mayLose`: the engine may see more conflicts than the model.
   */
  #compareCommit(
    who: string | undefined,
    sides: {
      readonly engine: () => Promise<unknown>
      readonly model: () => ReferenceTransaction
      readonly mayLose?: boolean
      readonly durability?: WriteDurability | undefined
    },
  ): void {
    const { model, writers } = this.#oracle
    const database = this.#mustBeOpen()
    const before = database.stats().appliedSequence
    const promise = sides.engine()
    // A divergence is thrown below before anybody waits for this.
    promise.catch(() => undefined)
    const sequence = database.stats().appliedSequence
    const begun = attempt(sides.model)
    if (sequence === before) {
      if ('value' in begun && sides.mayLose === true) model.cancel(begun.value)
      else this.#mustFailToo(begun)
      this.#watch(promise.catch(mustBeRefusal), () => undefined)
      return
    }
    const done = 'value' in begun ? attempt(() => model.commit(begun.value, this.#wall)) : begun
    if ('failure' in done || 'failure' in (done.value ?? {}) || model.sequence !== sequence) {
      throw new Divergence(`the engine made commit ${sequence}, the model has ${model.sequence}`)
    }
    writers.push(who)
    this.#watch(promise, () => {
      this.#oracle.acknowledge(sequence)
      if (sides.durability !== undefined) this.#oracle.makeWritten(sequence)
      if (sides.durability === 'sync') this.#oracle.makeDurable(sequence)
    })
  }

  #mustFailToo(begun: ReturnType<typeof attempt<ReferenceTransaction>>): void {
    if ('failure' in begun) return
    const { model } = this.#oracle
    const { isEmpty } = model.outlook(begun.value)
    const done = model.commit(begun.value, this.#wall)
    if (isEmpty || 'failure' in done) return
    throw new Divergence(`the engine refused what the model made commit ${model.sequence}`)
  }

  #watch(promise: Promise<unknown>, onDone: () => void): void {
    const watched = promise.then(onDone, (error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    })
    this.#pending.add(watched)
    void watched.finally(() => this.#pending.delete(watched))
  }

  #mustBeOpen(): Database {
    if (this.#database === undefined) throw new Error('the workload opens the database first')
    return this.#database
  }
}

export function openDatabase(host: Host, options: WorkloadOptions): Promise<Database> {
  return open(databasePath, { host, nodesValid: options.nodesValid, ...toOpenOptions(options) })
}

type DrawnOptions = Omit<WorkloadOptions, 'nodesValid' | 'shortChance'> &
  Pick<OpenOptions, 'logQueueBytesMax' | 'logBytesMax'>

/** No checkpoint but those that are drawn, asked for, or made at closing. */
export function toOpenOptions(options: DrawnOptions): OpenOptions {
  const { durability, segmentBytesMax, syncEveryMs, logQueueBytesMax, logBytesMax } = options
  const { checkpointLogBytes = Infinity, checkpointMutations, checkpointEveryMs } = options
  return {
    ...modeOf(durability, syncEveryMs),
    segmentBytesMax,
    checkpointLogBytes,
    checkpointMutations,
    checkpointEveryMs,
    logQueueBytesMax,
    logBytesMax,
    // The model forgets what it is told to, and nothing by itself.
    keyRetention: 'forever',
  }
}

function modeOf(name: ModeName, syncEveryMs: number): Partial<OpenOptions> {
  switch (name) {
    case 'async-sync':
      return { log: 'async', fsync: 'always' }
    case 'async-interval':
      return { log: 'async', fsync: { everyMs: syncEveryMs } }
    case 'async-os':
      return { log: 'async', fsync: 'never' }
    default:
      return { durability: name, syncEveryMs }
  }
}

/** The machine with another wall clock. */
function withWall(simulated: SimulatedHost, wallMicros: () => number): Host {
  const { clock, timers, random, files, process } = simulated
  const shown = { wallMicros, monotonicMs: () => clock.monotonicMs() }
  return { clock: shown, timers, random, files, process }
}

function mustBeRefusal(error: unknown): void {
  if (error instanceof DatabaseError && (error.kind === 'invalid' || error.kind === 'retry')) return
  throw error
}

function caught(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (error instanceof DatabaseError && error.kind !== 'bug') return error
    throw error
  }
}

function namesOf(operation: Operation): string[] {
  if (operation.verb === 'createEdge') return [operation.source, operation.target]
  return 'entity' in operation ? [operation.entity] : []
}

function declarationText(declared: {
  label: string
  property?: string
  properties?: readonly string[]
}): string {
  return JSON.stringify([declared.label, declared.property ?? declared.properties])
}
