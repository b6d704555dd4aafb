import type { FileSystem, Host, HostFile } from '../../packages/asofdb/src/host/host.ts'

/** What was being written when there was no room. */
export type Place =
  | 'directory'
  | 'lock'
  | 'manifest'
  | 'segment name'
  | 'segment header'
  | 'log record'
  | 'checkpoint name'
  | 'checkpoint'
  | 'other'

/** Where the disk was found full: the kind of place, and the place in the file. */
export interface Hit {
  readonly place: Place
  readonly position: number
}

const segmentHeaderBytes = 4096

/** The same host, which tells each time that there was no room. Short writes go on as they are. */
export function watchRoom(host: Host, onHit: (hit: Hit) => void): Host {
  const note = (place: Place, position: number, error: unknown): void => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
      onHit({ place, position })
    }
  }
  const watch = async <T>(place: Place, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      note(place, 0, error)
      throw error
    }
  }
  const files: FileSystem = {
    ...host.files,
    open: async (path, mode) => {
      const file = await watch(placeOfName(path), () => host.files.open(path, mode))
      return watchFile(file, path, note)
    },
    makeDirectory: (path) => watch('directory', () => host.files.makeDirectory(path)),
    rename: (from, to) => watch(placeOfName(to), () => host.files.rename(from, to)),
    lock: (directory) => watch('lock', () => host.files.lock(directory)),
  }
  return { ...host, files }
}

type Note = (place: Place, position: number, error: unknown) => void

function watchFile(file: HostFile, path: string, note: Note): HostFile {
  const fail = (position: number, error: unknown): never => {
    note(placeOfBytes(path, position), position, error)
    throw error
  }
  return {
    read: (into, position) => file.read(into, position),
    readNow: (into, position) => file.readNow(into, position),
    write: (bytes, position) =>
      file.write(bytes, position).catch((error: unknown) => fail(position, error)),
    writeNow: (bytes, position) => {
      try {
        return file.writeNow(bytes, position)
      } catch (error) {
        return fail(position, error)
      }
    },
    sync: () => file.sync().catch((error: unknown) => fail(0, error)),
    syncData: () => file.syncData().catch((error: unknown) => fail(0, error)),
    syncDataNow: () => file.syncDataNow(),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    close: () => file.close(),
  }
}

function placeOfName(path: string): Place {
  if (path.includes('/log/')) return 'segment name'
  if (path.includes('/checkpoint/')) return 'checkpoint name'
  return path.includes('MANIFEST') ? 'manifest' : 'other'
}

function placeOfBytes(path: string, position: number): Place {
  if (path.includes('/log/')) return position < segmentHeaderBytes ? 'segment header' : 'log record'
  if (path.includes('/checkpoint/')) return 'checkpoint'
  return placeOfName(path)
}
