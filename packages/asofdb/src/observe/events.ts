import type { Instant } from '../encoding/instant.ts'
import type { DatabaseError } from '../rules/errors.ts'

/** What may happen to a database while it is open, and what is told of it. */
export interface DatabaseEvents {
  /** A commit is as durable as was asked for, and readers see it. One event for each, in order. */
  readonly commit: CommitEvent
  /** A call that writes has come to its end, one way or the other. */
  readonly written: WrittenEvent
  readonly checkpointStarted: CheckpointStartedEvent
  readonly checkpointFinished: CheckpointFinishedEvent
  readonly checkpointFailed: CheckpointFailedEvent
  /** A segment of the log was full and the next one begins. */
  readonly logRotated: LogRotatedEvent
  /** A sync of the log has succeeded. */
  readonly logSynced: LogSyncedEvent
  /** No write is taken any more until the database is opened again; reads go on. */
  readonly poisoned: PoisonedEvent
  /** Noticed at a commit: the wall clock has gone another way than time by over a second. */
  readonly clockSet: ClockSetEvent
  /** Opening reads on; about a hundred of them at most. Only to listeners given to `open`. */
  readonly recovering: RecoveringEvent
  /** Opening is done. Comes before `open` resolves, so only to listeners given to `open`. */
  readonly recovered: RecoveredEvent
  /** The last event of all. */
  readonly closed: ClosedEvent
}

export type EventName = keyof DatabaseEvents

export const eventNames = [
  'commit',
  'written',
  'checkpointStarted',
  'checkpointFinished',
  'checkpointFailed',
  'logRotated',
  'logSynced',
  'poisoned',
  'clockSet',
  'recovering',
  'recovered',
  'closed',
] as const satisfies readonly EventName[]

export type Listener<Name extends EventName> = (event: DatabaseEvents[Name]) => void

/** Listeners by the event they listen to. */
export type Listeners = { readonly [Name in EventName]?: Listener<Name> | undefined }

/** What the channel `asofdb` of `node:diagnostics_channel` carries. */
export type DiagnosticsMessage = {
  readonly [Name in EventName]: {
    readonly name: Name
    /** As given to `open`. */
    readonly path: string
    readonly event: DatabaseEvents[Name]
  }
}[EventName]

export interface CommitEvent {
  readonly sequence: number
}

export interface WrittenEvent {
  /** The call: `db.write`, `db.import`, or `commit` of a transaction that was begun. */
  readonly operation: 'write' | 'import' | 'commit'
  /** From the call to its end: own code, waiting, further tries and syncs included. */
  readonly durationMs: number
  /** What the call rejected with; undefined when it resolved. */
  readonly error: unknown
}

export interface CheckpointStartedEvent {
  /** The newest commit that it is to hold. */
  readonly sequence: number
}

export interface CheckpointFinishedEvent {
  /** The newest commit that it holds. */
  readonly sequence: number
  readonly durationMs: number
  readonly bytesWritten: number
  /** Files that hold the database now. */
  readonly files: number
}

export interface CheckpointFailedEvent {
  readonly error: unknown
  /** Attempts in a row that failed, this one included. */
  readonly tries: number
  /** When the next one is made; null when no more is made unless asked for. */
  readonly nextTryAt: Instant | null
}

export interface LogRotatedEvent {
  /** Name of the segment that ended. */
  readonly ended: string
  /** Its size. */
  readonly endedBytes: number
  /** Name of the segment that takes the records now. */
  readonly begun: string
  /** Segments of the log, both included. */
  readonly segments: number
}

export interface LogSyncedEvent {
  /** How long the log waited for the disk. */
  readonly durationMs: number
}

export interface PoisonedEvent {
  readonly error: DatabaseError
}

export interface ClockSetEvent {
  /**
   * How much further the wall clock went than time did, in milliseconds; negative when it was set
   * back. A machine that slept looks like one whose clock was set ahead.
   */
  readonly byMs: number
}

export interface RecoveringEvent {
  /** Of the checkpoint and the log, up to now. */
  readonly bytesRead: number
  /** What there is to read; each file twice where the policy has it looked at first. */
  readonly bytesTotal: number
}

export interface RecoveredEvent {
  readonly outcome: string
  /** The row of the decision table that applied. */
  readonly row: string
  /** The newest commit that was found. */
  readonly sequence: number
  /** Records of the log that were applied, and the bytes of log that were read. */
  readonly records: number
  readonly bytes: number
  readonly durationMs: number
}

export interface ClosedEvent {
  /** What `close` rejected with; undefined when everything was done. */
  readonly error: unknown
}
