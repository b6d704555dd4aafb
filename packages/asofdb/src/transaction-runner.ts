import type { CommitPipeline } from './commit/commit-pipeline.ts'
import { RetryLanes, type Turn } from './commit/retry-lanes.ts'
import type { Isolation, TransactionCore } from './commit/transaction-core.ts'
import { ByteWriter } from './encoding/bytes.ts'
import type { InstantInput } from './encoding/instant.ts'
import { encodeValue } from './encoding/value.ts'
import type { GraphSettings } from './graph/graph-writer.ts'
import type { CommitMeta } from './graph/history.ts'
import type { Host } from './host/host.ts'
import type { WriteDurability } from './log/durability-options.ts'
import { DatabaseError, isDatabaseError } from './rules/errors.ts'
import type { Storage } from './storage.ts'
import { Transaction } from './transaction.ts'
import type { ViewContext } from './view-point.ts'

export interface WriteOptions {
  /** Who, why and from what source: kept with the commit, shown by provenance and changes. */
  readonly meta?: CommitMeta | undefined
  /** Default: serializable. */
  readonly isolation?: Isolation | undefined
  /**
   * What this commit must survive before the call resolves, beyond what the database was opened
   * to promise: `sync` a power cut, `os` the death of the process. Others are not held up, and
   * readers see the commit as early as any. Less than the database promises changes nothing.
   */
  readonly durability?: WriteDurability | undefined
  /**
   * How often a closure that lost a race runs again, before the loss is thrown. Those that lost
   * over the same entity run one after another. Default: 10.
   */
  readonly retries?: number | undefined
}

export interface ImportOptions extends WriteOptions {
  /** The system time of the commit: later than the last commit, not in the future. */
  readonly system: InstantInput
}

export interface BeginOptions extends Omit<WriteOptions, 'retries'> {
  readonly readonly?: boolean | undefined
}

const retriesDefault = 10

export interface TransactionRunnerParts {
  readonly host: Host
  readonly pipeline: CommitPipeline
  readonly storage: Storage
  readonly settings: GraphSettings
  /** What transactions are begun on at this moment. */
  context(): ViewContext
  mustBeOpen(): void
  /** A commit is acknowledged. */
  onSettled(): void
}

/** Runs transactions from their begin to the durability that was asked for. */
export class TransactionRunner {
  readonly #parts: TransactionRunnerParts
  readonly #lanes: RetryLanes

  constructor(parts: TransactionRunnerParts) {
    this.#parts = parts
    this.#lanes = new RetryLanes(parts.host)
  }

  /** Runs `body`, again where it loses a race, and commits what it stated. */
  async run<T>(
    body: (tx: Transaction) => T | Promise<T>,
    options: WriteOptions,
    system: bigint | undefined,
  ): Promise<T> {
    const retries = retriesOf(options)
    const meta = encodeMeta(options.meta)
    const { pipeline, storage } = this.#parts
    storage.mustSupport(options.durability)
    let loss: DatabaseError | undefined
    let turn: Turn | undefined
    for (let losses = 0; ; losses++) {
      this.#parts.mustBeOpen()
      // Nothing is awaited without need: a body that doesn't either is committed in this turn.
      if (loss !== undefined) turn = await this.#lanes.turn(loss, losses, turn)
      else if (this.#lanes.isPriorityTaken) await this.#lanes.pass()
      let result: T
      let sequence: number | undefined
      let runsAgain = false
      try {
        this.#parts.mustBeOpen()
        while (storage.isBehind) await this.untilRoom()
        storage.mustBeWritable()
        const core = this.begin(options, system)
        try {
          const made = body(new Transaction(this.#parts.context(), core, this.#parts.settings))
          result = made instanceof Promise ? await made : made
          this.#parts.mustBeOpen()
          // In the turn of the commit, so that those who waited together don't all go together.
          while (storage.isBehind) await this.untilRoom()
          storage.mustBeWritable()
        } catch (error) {
          core.cancel()
          // A body that meets the end of the tables it was begun on has lost a race, too.
          if (!core.tables.isReplaced || losses >= retries) throw error
          loss = mustBeLoss(error)
          runsAgain = true
          continue
        }
        try {
          sequence = pipeline.commit(core, { meta, system })
        } catch (error) {
          if (losses >= retries) throw error
          loss = mustBeLoss(error)
          runsAgain = true
          continue
        }
      } finally {
        if (!runsAgain) turn?.end()
      }
      if (sequence !== undefined) await this.settled(sequence, options.durability)
      return result
    }
  }

  /** Lets those that wait to run again find that the database is closed. */
  stop(): void {
    this.#lanes.disband()
  }

  /**
   * Commits what `state` puts into a transaction, all in one turn; in the same turn `onApplied` is
   * called, where anything was put into it.
   */
  async runNow(
    state: (core: TransactionCore) => void,
    given: CommitMeta | undefined,
    onApplied?: () => void,
  ): Promise<number | undefined> {
    const meta = encodeMeta(given)
    while (this.#parts.storage.isBehind) await this.untilRoom()
    this.#parts.storage.mustBeWritable()
    const core = this.begin({}, undefined)
    let sequence: number | undefined
    try {
      state(core)
      sequence = this.#parts.pipeline.commit(core, { meta })
    } catch (error) {
      core.cancel()
      throw error
    }
    if (sequence === undefined) return undefined
    onApplied?.()
    await this.settled(sequence, undefined)
    return sequence
  }

  /** Waits while log or checkpoint is behind; others may have taken the room when it resolves. */
  async untilRoom(): Promise<void> {
    await this.#parts.storage.room()
    this.#parts.mustBeOpen()
  }

  /** Resolves when a commit is as durable as was asked for. */
  async settled(sequence: number, durability: WriteDurability | undefined): Promise<void> {
    await this.#parts.pipeline.acknowledged(sequence)
    this.#parts.onSettled()
    if (durability !== undefined) await this.#parts.storage.keep(sequence, durability)
  }

  begin(options: BeginOptions, system: bigint | undefined): TransactionCore {
    const isolation = options.isolation ?? 'serializable'
    if (isolation !== 'serializable' && isolation !== 'snapshot') {
      throw new DatabaseError(
        'InvalidArgument',
        `isolation is 'serializable' or 'snapshot', not ${String(isolation)}`,
      )
    }
    const isReadonly = options.readonly === true
    // Who only reads sees what is acknowledged; who writes builds on everything applied.
    const sequence = isReadonly ? this.#parts.storage.acknowledgedSequence : undefined
    return this.#parts.pipeline.begin({ isolation, isReadonly, system, sequence })
  }
}

function retriesOf({ retries = retriesDefault }: WriteOptions): number {
  if (retries === Infinity || (Number.isInteger(retries) && retries >= 0)) return retries
  throw new DatabaseError(
    'InvalidArgument',
    `retries is how often a closure runs again, 0 or more, not ${String(retries)}`,
  )
}

/** The error, where it says that a race was lost; throws it where not. */
function mustBeLoss(error: unknown): DatabaseError {
  if (isDatabaseError(error) && error.kind === 'retry') return error
  throw error
}

/** Metadata as it is stored. */
export function encodeMeta(meta: CommitMeta | undefined): Uint8Array | undefined {
  if (meta === undefined) return undefined
  const given = Object.entries(meta).filter(([, text]) => text !== undefined)
  for (const [name, text] of given) {
    if (typeof text === 'string' && (name === 'who' || name === 'why' || name === 'source'))
      continue
    throw new DatabaseError('InvalidArgument', 'meta takes who, why and source, each a string')
  }
  if (given.length === 0) return undefined
  const writer = new ByteWriter()
  encodeValue(writer, Object.fromEntries(given), 'meta')
  return writer.copy()
}
