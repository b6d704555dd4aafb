import { type DirectoryLock, type Host, LockHeldError } from '../host/host.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { explainFailure } from './explain-failure.ts'

/**
 * Makes this process the owner of a directory. Throws `Locked`, `ReadOnly`, `DiskFull`, `IoFailed`.
 */
export async function takeLock(host: Host, directory: string): Promise<DirectoryLock> {
  try {
    return await host.files.lock(directory)
  } catch (error) {
    if (error instanceof LockHeldError) throw locked(directory, error)
    const explained = explainFailure(`take the directory ${directory}`, error)
    if (isDatabaseError(explained, 'DiskFull')) throw explained
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isReadOnly = code === 'EROFS' || code === 'EACCES' || code === 'EPERM'
    throw new DatabaseError(
      isReadOnly ? 'ReadOnly' : 'IoFailed',
      `the directory ${directory} can't be taken for writing (${code || String(error)}); ` +
        'check its permissions and the file system',
      { cause: error, details: { directory } },
    )
  }
}

function locked(directory: string, { holder }: LockHeldError): DatabaseError {
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid} on ${holder.hostName} since ${isoTime(holder.sinceMs)}`
  return new DatabaseError(
    'Locked',
    `the database ${directory} is owned by ${who}; close it there, or wait until that process ends`,
    { details: { directory, ...holder } },
  )
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
