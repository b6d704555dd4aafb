import { isErrno } from '../host/files.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'

/**
 * The error to throw for `cause`: a failure of the file system becomes one that says what to do,
 * anything else stays as it is.
 */
export function explainFailure(what: string, cause: unknown): unknown {
  if (isDatabaseError(cause) || !(cause instanceof Error && 'code' in cause)) return cause
  // An AbortError has a number there, and comes from no file system.
  if (typeof cause.code !== 'string') return cause
  const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].some(code => isErrno(cause, code))
  if (isFull) {
    const message = `the disk is full, so the database can't ${what}: make room and try again`
    return new DatabaseError('DiskFull', message, { cause })
  }
  const message = `the database can't ${what} (${cause.message}): mend the cause and try again`
  return new DatabaseError('IoFailed', message, { cause })
}
