import { type Database, DatabaseError, open } from 'asofdb'
import type { Operation } from '../../simulation/operation-script.ts'
import { generateScript } from '../../simulation/operations.ts'
import { RandomStream } from '../../simulation/random.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'
import { EntityNames } from '../conformance/engine-answers.ts'
import { applyToEngine } from '../conformance/engine-writes.ts'

export const databasePath = '/database'

export const openOptions = { segmentBytesMax: 5120, checkpointLogBytes: Number.POSITIVE_INFINITY }

export function openDatabase(host: SimulatedHost, path = databasePath): Promise<Database> {
  return open(path, { host, ...openOptions })
}

/** Commits that are a function of a seed; writes that break a rule leave gaps in the ids. */
export class RandomWriter {
  readonly #names = new EntityNames()
  readonly #batches: (readonly Operation[])[] = []
  #next = 0

  constructor(seed: string, operations: number) {
    const { steps } = generateScript(new RandomStream(seed), operations)
    for (const step of steps) {
      if (step.step === 'write') this.#batches.push(step.operations)
      else if (step.step === 'operate') this.#batches.push([step.operation])
    }
  }

  get isDone(): boolean {
    return this.#next >= this.#batches.length
  }

  /** Writes the next batch, if the database takes it. */
  async step(database: Database): Promise<void> {
    const operations = this.#batches[this.#next++] ?? []
    const meta = this.#next % 3 === 0 ? undefined : { who: `writer ${this.#next}` }
    try {
      await database.write(
        (tx) => {
          for (const operation of operations) applyToEngine(tx, operation, this.#names)
        },
        { meta },
      )
    } catch (error) {
      // Names of what was never committed are not known either.
      const isRefusal = error instanceof DatabaseError && error.kind === 'invalid'
      if (!isRefusal && error instanceof DatabaseError) throw error
    }
  }

  async steps(database: Database, count: number): Promise<void> {
    for (let done = 0; done < count && !this.isDone; done++) await this.step(database)
  }
}
