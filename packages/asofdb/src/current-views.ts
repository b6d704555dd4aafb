import type { CommitPipeline } from './commit/commit-pipeline.ts'
import { instantToMicros, microsToInstant } from './encoding/instant.ts'
import type { GraphReader } from './graph/graph-reader.ts'
import { Horizons } from './graph/horizons.ts'
import type { Clock } from './host/host.ts'
import { DatabaseError } from './rules/errors.ts'
import { beginningMicros } from './versions/periods.ts'
import { View } from './view.ts'
import type { Coordinates, ViewContext } from './view-point.ts'

export interface CurrentViewsParts {
  readonly clock: Clock
  readonly pipeline: Pick<CommitPipeline, 'raiseReadFloor'>
  /** Tells what readers see. */
  readonly storage: { readonly acknowledgedSequence: number }
}

/** The views of an open database: of now, of its last commit, and of any other coordinates. */
export class CurrentViews {
  readonly #parts: CurrentViewsParts
  readonly #storage: CurrentViewsParts['storage']
  #context: ViewContext
  #now: View | undefined
  #nowAtMicros = 0
  #lastCommit: View | undefined
  /** The reader of that view and its sequence, kept apart because most reads go there. */
  #reader: GraphReader | undefined
  #readerSequence = 0

  constructor(parts: CurrentViewsParts, context: ViewContext) {
    this.#parts = parts
    this.#storage = parts.storage
    this.#context = context
  }

  /** Another one after each compaction. */
  get context(): ViewContext {
    return this.#context
  }

  /** Goes over to other tables with the same commits. Views made before stay with theirs. */
  adopt(context: ViewContext): void {
    this.#context = context
    this.forget()
  }

  /** Keeps no view any more, so that the next question asks whether there may be one. */
  forget(): void {
    this.#now = undefined
    this.#lastCommit = undefined
    this.#reader = undefined
  }

  /** max(wall clock, last commit): a writer sees its own default writes at once. */
  nowMicros(): bigint {
    const wall = BigInt(this.#parts.clock.wallMicros())
    const sequence = this.#storage.acknowledgedSequence
    const last = sequence === 0 ? wall : this.#commits.systemTime(sequence)
    return wall > last ? wall : last
  }

  /** The view of now, kept while neither the clock nor the last commit has moved. */
  now(): View {
    this.#context.mustBeReadable()
    const micros = this.#parts.clock.wallMicros()
    const sequence = this.#storage.acknowledgedSequence
    const known = this.#now
    if (known !== undefined && micros === this.#nowAtMicros && known.sequence === sequence) {
      return known
    }
    this.#nowAtMicros = micros
    this.#now = this.at(sequence, this.nowMicros())
    return this.#now
  }

  /** The view of the instant of the last commit: the same one while no commit follows. */
  lastCommit(): View {
    const sequence = this.#storage.acknowledgedSequence
    const known = this.#lastCommit
    if (known !== undefined && known.sequence === sequence) return known
    this.#context.mustBeReadable()
    const valid = sequence === 0 ? beginningMicros : this.#commits.systemTime(sequence)
    this.#lastCommit = this.at(sequence, valid)
    return this.#lastCommit
  }

  /** The graph at the instant of the last commit. */
  readerAtLastCommit(): GraphReader {
    const reader = this.#reader
    if (reader !== undefined && this.#readerSequence === this.#storage.acknowledgedSequence) {
      return reader
    }
    const view = this.lastCommit()
    this.#readerSequence = view.sequence
    this.#reader = View.readerOf(view)
    return this.#reader
  }

  /** `valid`: microseconds since 1970. */
  at(sequence: number, valid: bigint): View {
    const { tables } = this.#context.indexes
    const counts = tables.commits.counts(sequence)
    const horizons = Horizons.at(tables, sequence)
    return new View(this.#context, { sequence, counts, valid, horizons })
  }

  /**
   * The commits known at a system time or sequence; the newest when neither is given. Throws
   * `InvalidArgument` and `TimeInFuture`.
   */
  sequenceOf(at: Coordinates): number {
    const newest = this.#storage.acknowledgedSequence
    if (at.sequence !== undefined) {
      if (at.system !== undefined) {
        throw new DatabaseError('InvalidArgument', 'give system or sequence, not both')
      }
      if (Number.isInteger(at.sequence) && at.sequence >= 0 && at.sequence <= newest) {
        return at.sequence
      }
      throw new DatabaseError(
        'InvalidArgument',
        `there is no commit ${String(at.sequence)}; the newest is ${newest}`,
      )
    }
    if (at.system === undefined) return newest
    const micros = instantToMicros(at.system, this.#context.timeZone)
    if (micros > this.nowMicros()) {
      throw new DatabaseError(
        'TimeInFuture',
        `system time ${microsToInstant(micros).toString()} has not come yet; an answer as of it ` +
          'could not be repeated',
        { details: { system: micros } },
      )
    }
    const commits = this.#commits
    if (newest < commits.sequence && micros >= commits.systemTime(newest + 1)) {
      throw new DatabaseError(
        'TimeInFuture',
        `a commit of system time ${microsToInstant(commits.systemTime(newest + 1)).toString()} ` +
          'is not durable yet, so an answer as of then could not be repeated; leave system out ' +
          'to read what is known now, or ask again',
        { details: { system: micros } },
      )
    }
    this.#parts.pipeline.raiseReadFloor(micros)
    return commits.sequenceAt(micros, newest)
  }

  get #commits(): ViewContext['indexes']['tables']['commits'] {
    return this.#context.indexes.tables.commits
  }
}
