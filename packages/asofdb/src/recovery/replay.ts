import type { BatchApplier } from '../commit/apply.ts'
import { type LogReadOptions, type LogRecord, readLog } from '../log/log-reader.ts'
import type { LogReport } from '../log/log-ending.ts'
import { invariant } from '../rules/invariant.ts'
import { DatabaseError } from '../rules/errors.ts'

/** What replaying a log came to. */
export interface Replay {
  /** Undefined when it stopped at a record that is sound and makes no sense. */
  readonly log: LogReport | undefined
  readonly nonsense: Nonsense | undefined
  /** Of the commits that were applied; 0 when there were none. */
  readonly firstSequence: number
  readonly lastSequence: number
}

/** Where a record lies. */
type RecordPlace = Omit<LogRecord, 'payload'>

/** A record whose checksum fits and that no commit can have made. */
class Nonsense extends Error {
  override readonly name = 'Nonsense'
  readonly record: RecordPlace
  override readonly cause: Error

  constructor({ sequence, systemTime, file, offset }: LogRecord, cause: Error) {
    super(cause.message)
    this.record = { sequence, systemTime, file, offset }
    this.cause = cause
  }
}

/**
 * Applies the log to tables that hold everything before `options.firstSequence`. The path is that
 * of a live commit, so the tables come out as they were. Reads only.
 */
export async function replayLog(options: LogReadOptions, applier: BatchApplier): Promise<Replay> {
  let firstSequence = 0
  let lastSequence = 0
  try {
    const log = await readLog(options, record => {
      const { sequence } = record
      invariant(sequence >= options.firstSequence, 'what a checkpoint holds is not applied again')
      invariant(lastSequence === 0 || sequence === lastSequence + 1, 'no commit is skipped')
      applyRecord(applier, record)
      if (firstSequence === 0) firstSequence = sequence
      lastSequence = sequence
    })
    invariant(lastSequence === 0 || lastSequence === log.lastSequence, 'all of it is applied')
    return { log, nonsense: undefined, firstSequence, lastSequence }
  } catch (error) {
    if (!(error instanceof Nonsense)) throw error
    return { log: undefined, nonsense: error, firstSequence, lastSequence }
  }
}

function applyRecord(applier: BatchApplier, record: LogRecord): void {
  try {
    applier.apply(record)
  } catch (error) {
    if (error instanceof DatabaseError) throw new Nonsense(record, error)
    throw error
  }
}
