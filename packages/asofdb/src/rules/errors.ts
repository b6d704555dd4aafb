/**
 * Every failure the database reports is a `DatabaseError`. Its `kind` is an instruction to the
 * caller and is meant for branching; its `code` is stable and names the exact case; the message
 * is for people and may change.
 *
 * | kind          | what the caller should do                                                 |
 * | ------------- | ------------------------------------------------------------------------- |
 * | `retry`       | run the same transaction again; it lost a race                            |
 * | `invalid`     | change the call: the input or the order of calls is wrong                 |
 * | `closed`      | open the database again; this handle is finished                          |
 * | `unavailable` | something outside is in the way (disk, lock, permission); mend it, reopen |
 * | `corrupt`     | stored bytes are not what was written; see `details.file` and `.offset`   |
 * | `bug`         | please report it: the database broke one of its own rules                 |
 */
export type ErrorKind = 'retry' | 'invalid' | 'closed' | 'unavailable' | 'corrupt' | 'bug'

/** Each code belongs to exactly one kind. */
export const errorKindsByCode = {
  // time
  InvalidInstant: 'invalid',
  InvalidPeriod: 'invalid',
  TimeInFuture: 'invalid',
  TimeReadOnly: 'invalid',
  NotMonotonic: 'invalid',
  HistoryPruned: 'invalid',
  // data
  AlreadyExists: 'invalid',
  NotFound: 'invalid',
  EndpointNotValid: 'invalid',
  ConnectedEdges: 'invalid',
  UniqueViolation: 'invalid',
  ImmutableField: 'invalid',
  Erased: 'invalid',
  InvalidValue: 'invalid',
  InvalidKey: 'invalid',
  InvalidArgument: 'invalid',
  LimitExceeded: 'invalid',
  IndexNotFound: 'invalid',
  // transactions
  Conflict: 'retry',
  KeyReadConflict: 'retry',
  KeyWriteConflict: 'retry',
  NoSavepoint: 'invalid',
  TransactionFinished: 'closed',
  // life of a database
  Closed: 'closed',
  Locked: 'unavailable',
  NotADatabase: 'invalid',
  FormatTooNew: 'invalid',
  ForeignFile: 'corrupt',
  Corrupt: 'corrupt',
  DiskFull: 'unavailable',
  ReadOnly: 'unavailable',
  IoFailed: 'unavailable',
  Poisoned: 'unavailable',
  LogFull: 'unavailable',
  Bug: 'bug',
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKindsByCode

/** Machine-readable particulars: entity, periods, the other party, file, offset, sequence. */
export type ErrorDetails = Readonly<Record<string, unknown>>

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly kind: ErrorKind
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { details?: ErrorDetails } = {},
  ) {
    super(message, options)
    this.code = code
    this.kind = errorKindsByCode[code]
    this.details = options.details ?? {}
  }
}

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** True for a `DatabaseError`, narrowed to one code when a code is given. */
export function isDatabaseError(error: unknown, code?: ErrorCode): error is DatabaseError {
  return error instanceof DatabaseError && (code === undefined || error.code === code)
}
