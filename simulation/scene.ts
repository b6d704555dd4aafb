/** One life of a database as its actors share it: the handle, what is known, and how to write. */
import {
  type Database,
  DatabaseError,
  type Transaction,
  type WriteDurability,
} from '../packages/asofdb/src/index.ts'
import type { Host } from '../packages/asofdb/src/host/host.ts'
import { applyToEngine } from '../test/conformance/engine-writes.ts'
import { Attempt, type AttemptParts, OwnNames, type Run } from './attempts.ts'
import type { Chronicle } from './chronicle.ts'
import type { Isolation, Operation } from './operation-script.ts'
import type { Promised, Question, Readable } from './oracle.ts'
import { RandomStream } from './random.ts'
import { marksOnDisk } from './search-disk.ts'
import { afterPowerLoss } from './simulated-crash.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { SwarmCounts } from './swarm-counts.ts'
import type { LifePlan, SwarmPlan } from './swarm-plan.ts'
import { promisesOf } from './workload.ts'
import { Divergence } from './workload-run.ts'

/** What readers see a database through. */
export type Readers = Readable & Pick<Database, 'snapshot'>

/** What outlives a life besides the commits. */
export interface Archive {
  /** How many transactions were tried and entities named, over all lives. */
  attempts: number
  entities: number
  readonly answers: Remembered[]
  /** Texts that stand in payloads and keys of entities that are to be erased, by their names. */
  readonly marks: Map<string, string>
  readonly backups: Map<string, BackupRecord>
}

/** An answer that has to be the same for ever, as long as the commits it rests on are there. */
export interface Remembered {
  /** It rests on the first so many commits. */
  readonly sequence: number
  readonly question: Question
  /** Undefined: it was refused. */
  readonly answer: string | undefined
  /** How often anything had been forgotten by then. */
  readonly forgettings: number
}

export interface BackupRecord {
  /** Of the newest backup that was reported done; -1 before the first. */
  readonly sequence: number
  /** A commit that it holds may have been lost since, so that it takes no further backup. */
  readonly isForeign: boolean
}

export interface SceneParts {
  readonly plan: SwarmPlan
  readonly life: LifePlan
  readonly simulated: SimulatedHost
  /** As the database sees the machine. */
  readonly host: Host
  readonly database: Database
  readonly readers: Readers
  readonly chronicle: Chronicle
  readonly archive: Archive
  readonly counts: SwarmCounts
  /** What is to be looked at when the life is over. */
  readonly sights: Sight[]
}

/** A directory as a power cut would leave it, and what it must hold. */
export interface Sight {
  readonly disk: SimulatedDisk
  readonly path: string
  readonly sequence: number
  /** Not itself, but what is restored from it up to this commit. */
  readonly restored?: number | undefined
  /** The first and the last commit that may have been the newest one when it was copied. */
  readonly copiedAt?: readonly [number, number]
}

const sightsMax = 4

interface Compaction {
  readonly startMs: number
  endMs: number | undefined
}

const compactionPatienceMs = 1000

export interface SceneWriteOptions {
  readonly isolation?: Isolation | undefined
  readonly durability?: WriteDurability | undefined
  /** Microseconds: an import. */
  readonly system?: bigint | undefined
  /** With `begin` and `commit` instead of a closure; it is not retried. */
  readonly isManual?: boolean | undefined
}

/** Carries out one operation, on the engine now and on the model when the commit is seen. */
export type Perform = (operation: Operation) => number

export type Body = (tx: Transaction, perform: Perform) => void | Promise<void>

export class Scene {
  readonly parts: SceneParts
  /** The database is being closed under its actors. */
  isLeaving = false
  readonly #compactions: Compaction[] = []

  constructor(parts: SceneParts) {
    this.parts = parts
  }

  get database(): Database {
    return this.parts.database
  }

  get readers(): Readers {
    return this.parts.readers
  }

  get chronicle(): Chronicle {
    return this.parts.chronicle
  }

  get archive(): Archive {
    return this.parts.archive
  }

  /** What a crash at this moment must leave. */
  get promised(): Promised {
    return this.chronicle.oracle.promised(this.#promises)
  }

  get #promises() {
    return promisesOf(this.parts.life.options.durability)
  }

  get isFaulty(): boolean {
    return isFaulty(this.parts.life)
  }

  stream(name: string): RandomStream {
    const { plan, life } = this.parts
    return new RandomStream(`swarm/${plan.seed}/${life.name}/${name}`)
  }

  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.parts.host.timers.after(delayMs, resolve))
  }

  /** Takes over what readers see by now, and what the database says of its own durability. */
  catchUp(): void {
    const { chronicle, database } = this
    if (this.isOver) return
    chronicle.catchUp(database)
    if (this.#promises.isLogged) chronicle.oracle.acknowledge(chronicle.sequence)
    const { durableSequence } = database.stats()
    chronicle.oracle.makeDurable(Math.min(durableSequence, chronicle.sequence))
  }

  get #nowMs(): number {
    return this.parts.host.clock.monotonicMs()
  }

  /** Texts of what was erased. */
  get erasedMarks(): string[] {
    const { forgetting } = this.chronicle.model
    return [...this.archive.marks]
      .filter(([name]) => forgetting.erasedAt(name) > 0)
      .map(([, mark]) => mark)
  }

  /** One that nobody has asked for may go on from now on. */
  noteCompaction(): void {
    this.#compactions.push({ startMs: this.#nowMs, endMs: undefined })
  }

  /** Does what may end in making the tables anew. */
  async compacting<T>(work: () => Promise<T>): Promise<T> {
    const compaction: Compaction = { startMs: this.#nowMs, endMs: undefined }
    this.#compactions.push(compaction)
    try {
      return await work()
    } finally {
      compaction.endMs = this.#nowMs
    }
  }

  /** Only after a second of patience does a compaction get ahead of what is open. */
  #mustHaveCompacted({ beganMs }: Run): void {
    const isReason = ({ startMs, endMs = Infinity }: Compaction) =>
      endMs >= beganMs && this.#nowMs - startMs >= compactionPatienceMs
    if (this.#compactions.some(isReason)) return
    throw new Divergence(`a transaction of ${beganMs} ms lost to a compaction that there is not`)
  }

  /** What happens now is seen by nobody. */
  get isOver(): boolean {
    return this.parts.simulated.isStopped || this.isLeaving
  }

  /** A checkpoint holds everything up to a commit. */
  makeDurable(sequence: number): void {
    this.catchUp()
    if (this.parts.simulated.isStopped) return
    this.chronicle.oracle.makeDurable(Math.min(sequence, this.chronicle.sequence))
  }

  /** Asks, and holds the answer against the model. */
  mustTell(question: Question): void {
    this.parts.counts.answers += 1
    this.chronicle.mustTell(this.readers, question)
  }

  /** Counts an answer that has to be so; throws when it is another. */
  mustAnswer(question: string, expected: string, actual: string): void {
    this.parts.counts.answers += 1
    if (expected === actual) return
    throw new Divergence(`${question}\nexpected: ${expected}\nactual:   ${actual}`)
  }

  /** No file of the database holds any of these texts of what was erased. */
  mustBeGone(texts: readonly string[]): void {
    const found = marksOnDisk(this.parts.simulated.files.disk, texts)
    this.parts.counts.answers += 1
    if (found.length === 0) return
    throw new Divergence(`erased, and found in files: ${found.join('; ')}`)
  }

  /** Keeps a directory as a power cut right now would leave it. */
  lookLater(sight: Omit<Sight, 'disk'>): void {
    const { sights, simulated } = this.parts
    if (sights.length >= sightsMax) return
    const left = { disk: simulated.files.disk, interrupted: [] }
    sights.push({ ...sight, disk: afterPowerLoss(left, { mode: 'none-kept' }) })
  }

  /** Whether the error is one that this life has asked for. */
  isExpected(error: unknown): error is DatabaseError {
    if (!(error instanceof DatabaseError)) return false
    if (this.isLeaving && error.code === 'Closed') return true
    return this.isFaulty && (error.kind === 'unavailable' || error.kind === 'corrupt')
  }

  /** Notes what is going to be tried, under a name of its own that its commit must carry. */
  noteAttempt(parts: Omit<AttemptParts, 'who'>): Attempt {
    this.archive.attempts += 1
    const attempt = new Attempt({ ...parts, who: `a${this.archive.attempts}` })
    this.chronicle.note(attempt)
    return attempt
  }

  /** Tries a transaction; whether it was acknowledged. */
  async write(body: Body, options: SceneWriteOptions = {}): Promise<boolean> {
    const { isolation = 'serializable', durability, system, isManual = false } = options
    const { database } = this
    const attempt = this.noteAttempt({ isolation, importedAt: system })
    const common = { meta: { who: attempt.who }, isolation, durability }
    const run = (tx: Transaction) => this.#run(attempt, tx, body)
    try {
      if (system !== undefined) await database.import(run, { ...common, system })
      else if (isManual) await this.#byHand(common, run)
      else await database.write(run, common)
    } catch (error) {
      this.#refuse(attempt, error)
      return false
    }
    this.#acknowledge(attempt, durability)
    return true
  }

  async #byHand(
    options: Parameters<Database['begin']>[0],
    run: (tx: Transaction) => void | Promise<void>,
  ): Promise<void> {
    const tx = this.database.begin(options)
    try {
      await run(tx)
    } catch (error) {
      tx.cancel()
      throw error
    }
    await tx.commit()
  }

  #run(attempt: Attempt, tx: Transaction, body: Body): void | Promise<void> {
    const run: Run = {
      base: this.database.stats().appliedSequence,
      wall: BigInt(this.parts.host.clock.wallMicros()),
      beganMs: this.#nowMs,
      names: new OwnNames(this.chronicle.names, (name) => this.chronicle.tentativeId(name)),
      steps: [],
    }
    attempt.runs.push(run)
    return body(tx, (operation) => this.#perform(run, tx, operation))
  }

  #perform(run: Run, tx: Transaction, operation: Operation): number {
    const applied = this.database.stats().appliedSequence
    try {
      const affected = applyToEngine(tx, operation, run.names)
      run.steps.push({ operation, affected, applied })
      return affected
    } catch (error) {
      if (error instanceof DatabaseError && error.kind === 'invalid') {
        run.steps.push({ operation, code: error.code, applied })
      }
      throw error
    }
  }

  #acknowledge(attempt: Attempt, durability: WriteDurability | undefined): void {
    if (this.isOver) return
    this.catchUp()
    const { chronicle } = this
    attempt.outcome = 'acknowledged'
    const sequence = chronicle.sequenceOf(attempt)
    if (sequence === undefined) return chronicle.mustBeEmpty(attempt)
    this.parts.counts.commits += 1
    chronicle.oracle.acknowledge(sequence)
    if (durability !== undefined) chronicle.oracle.makeWritten(sequence)
    if (durability === 'sync') chronicle.oracle.makeDurable(sequence)
  }

  #refuse(attempt: Attempt, error: unknown): void {
    if (!(error instanceof DatabaseError)) throw error
    const failure: Error = error
    const { code, kind } = error
    const { lastRun } = attempt
    if (kind === 'invalid' || kind === 'retry') {
      attempt.outcome = 'refused'
      this.chronicle.forget(attempt)
      if (lastRun === undefined || this.isLeaving) return
      if (code === 'Conflict' && failure.message.includes('compacted')) {
        return this.#mustHaveCompacted(lastRun)
      }
      const upTo = this.database.stats().appliedSequence
      this.chronicle.noteRefusal({ run: lastRun, attempt, code, upTo })
      return
    }
    if (!this.isExpected(error)) throw failure
    attempt.outcome = code === 'LogFull' ? 'refused' : 'unknown'
  }
}

export function isFaulty({ faults, spareBytes }: LifePlan): boolean {
  return faults.length > 0 || spareBytes !== undefined
}
