import { DatabaseError, type ErrorCode } from '../rules/errors.ts'

/** The codes of abstract-level that errors of the database become. */
export type AsOfLevelErrorCode =
  | 'LEVEL_ABORTED'
  | 'LEVEL_CORRUPTION'
  | 'LEVEL_DATABASE_NOT_OPEN'
  | 'LEVEL_INVALID_KEY'
  | 'LEVEL_INVALID_VALUE'
  | 'LEVEL_IO_ERROR'
  | 'LEVEL_LOCKED'
  | 'LEVEL_READONLY'

/** An error with a code of abstract-level; its cause is that of the database. */
export class AsOfLevelError extends Error {
  readonly code: AsOfLevelErrorCode

  constructor(code: AsOfLevelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    // Programs for the web know an abort by this name.
    this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'AsOfLevelError'
    this.code = code
  }
}

const levelCodes: Readonly<Partial<Record<ErrorCode, AsOfLevelErrorCode>>> = {
  Closed: 'LEVEL_DATABASE_NOT_OPEN',
  Corrupt: 'LEVEL_CORRUPTION',
  DiskFull: 'LEVEL_IO_ERROR',
  ForeignFile: 'LEVEL_CORRUPTION',
  InvalidKey: 'LEVEL_INVALID_KEY',
  InvalidValue: 'LEVEL_INVALID_VALUE',
  IoFailed: 'LEVEL_IO_ERROR',
  LimitExceeded: 'LEVEL_INVALID_VALUE',
  Locked: 'LEVEL_LOCKED',
  LogFull: 'LEVEL_IO_ERROR',
  Poisoned: 'LEVEL_IO_ERROR',
  ReadOnly: 'LEVEL_READONLY',
}

/** What was thrown, with a code of abstract-level where there is one that says the same. */
export function toLevelError(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  const code = levelCodes[error.code]
  return code === undefined ? error : new AsOfLevelError(code, error.message, { cause: error })
}
