import { isErrno } from '../host/files.ts'
import type { FileStatus, FileSystem, Host, HostFile, OpenMode, Timers } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'

/** How often a read is tried again, by the code of its failure; any other counts at once. */
export const readRetriesByCode = { EAGAIN: 5, EINTR: 5, EBUSY: 5, EIO: 2 } as const

const codes = ['EAGAIN', 'EINTR', 'EBUSY', 'EIO'] as const

/**
 * The files of a host, with another chance for reads that fail for a passing reason. Writes, syncs
 * and changes of names pass through untouched: after a failed one nobody can tell what is there.
 */
export class RetryingFiles {
  readonly host: Host
  readonly #onRead: ((bytes: number) => void) | undefined
  #retries = 0

  /** `onRead` is told of the bytes of each read. */
  constructor(host: Host, onRead?: (bytes: number) => void) {
    invariant(
      codes.every((code) => readRetriesByCode[code] > 0),
      'what is tried again has a limit',
    )
    this.#onRead = onRead
    const { clock, timers, random, process, files, publisher } = host
    this.host = { clock, timers, random, process, publisher, files: this.#over(files, timers) }
  }

  /** How many reads were tried again. */
  get retries(): number {
    return this.#retries
  }

  #over(files: FileSystem, timers: Timers): FileSystem {
    const again = <T>(read: () => Promise<T>): Promise<T> => this.#again(read, timers)
    return {
      open: async (path: string, mode: OpenMode): Promise<HostFile> => {
        if (mode !== 'read') return files.open(path, mode)
        const file = await again(() => files.open(path, mode))
        return retrying(file, again, this.#onRead)
      },
      list: (path: string): Promise<string[]> => again(() => files.list(path)),
      stat: (path: string): Promise<FileStatus | undefined> => again(() => files.stat(path)),
      rename: (from, to) => files.rename(from, to),
      remove: (path) => files.remove(path),
      makeDirectory: (path) => files.makeDirectory(path),
      syncDirectory: (path) => files.syncDirectory(path),
      lock: (directory) => files.lock(directory),
    }
  }

  async #again<T>(read: () => Promise<T>, timers: Timers): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await read()
      } catch (error) {
        const code = codes.find((one) => isErrno(error, one))
        if (code === undefined || attempt >= readRetriesByCode[code]) throw error
        this.#retries += 1
        invariant(this.#retries > attempt, 'every retry is counted')
        await timers.yieldTurn()
      }
    }
  }
}

function retrying(
  file: HostFile,
  again: <T>(read: () => Promise<T>) => Promise<T>,
  onRead: ((bytes: number) => void) | undefined,
): HostFile {
  return {
    read: async (into, position) => {
      const bytes = await again(() => file.read(into, position))
      onRead?.(bytes)
      return bytes
    },
    readNow: (into, position) => file.readNow(into, position),
    size: () => again(() => file.size()),
    write: (bytes, position) => file.write(bytes, position),
    writeNow: (bytes, position) => file.writeNow(bytes, position),
    sync: () => file.sync(),
    syncData: () => file.syncData(),
    syncDataNow: () => file.syncDataNow(),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  }
}
