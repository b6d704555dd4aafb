import { isErrno } from '../host/files.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'

/** The error to report for `cause`, a failure of the file system among others. */
export function explainFailure(what: string, cause: unknown): DatabaseError {
  if (isDatabaseError(cause)) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].some(code => isErrno(cause, code))
  if (isFull) {
    const message = `the disk is full, so the database can't ${what}: make room and try again`
    return new DatabaseError('DiskFull', message, { cause })
  }
  const message = `the database can't ${what} (${why}): mend the cause and try again`
  return new DatabaseError('IoFailed', message, { cause })
}
