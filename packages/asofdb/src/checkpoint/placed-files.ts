import type { FileSystem, Host } from '../host/host.ts'
import { checkpointDirectoryOf, logDirectoryOf } from './directory-names.ts'

/** Where the parts of a database lie: absolute paths. */
export interface Places {
  readonly log: string
  readonly checkpoint: string
}

/** The places of a database that has everything in its own directory. */
export function ownPlaces(directory: string): Places {
  return { log: logDirectoryOf(directory), checkpoint: checkpointDirectoryOf(directory) }
}

export interface PlacedOptions {
  /** The directory of the database. */
  readonly directory: string
  readonly places: Places
  /** Names in the directory of the database that are on the way to a place inside of it. */
  readonly hidden: ReadonlySet<string>
}

/**
 * The files of a host as if log and checkpoints lay in the directory of the database, wherever they
 * lie. So nothing but this knows of other directories, and the names in reports are the same for
 * every database.
 */
export function placedHost(host: Host, options: PlacedOptions): Host {
  const { clock, timers, random, process, publisher, files } = host
  return { clock, timers, random, process, publisher, files: placedFiles(files, options) }
}

function placedFiles(files: FileSystem, { directory, places, hidden }: PlacedOptions): FileSystem {
  const own = ownPlaces(directory)
  const moves = [
    [own.log, places.log],
    [own.checkpoint, places.checkpoint],
  ] as const
  const real = (path: string): string => {
    for (const [from, to] of moves) {
      if (path === from) return to
      if (path.startsWith(`${from}/`)) return to + path.slice(from.length)
    }
    return path
  }
  return {
    open: (path, mode) => files.open(real(path), mode),
    rename: (from, to) => files.rename(real(from), real(to)),
    remove: (path) => files.remove(real(path)),
    makeDirectory: (path) => files.makeDirectory(real(path)),
    list: async (path) => {
      const names = await files.list(real(path))
      return path === directory ? names.filter((name) => !hidden.has(name)) : names
    },
    stat: (path) => files.stat(real(path)),
    syncDirectory: (path) => files.syncDirectory(real(path)),
    lock: (path) => files.lock(real(path)),
  }
}
