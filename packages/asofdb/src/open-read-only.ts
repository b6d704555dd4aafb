import { CommitPipeline } from './commit/commit-pipeline.ts'
import { Database } from './database.ts'
import { editionOf } from './edition.ts'
import { checkTimeZone } from './encoding/time-zone.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import { Observer } from './observe/observer.ts'
import { ReadOnlyStorage } from './read-only-storage.ts'
import { readDirectory } from './recovery/read-directory.ts'
import { retentionToKeep } from './retention.ts'
import { DatabaseError } from './rules/errors.ts'
import { absolutePath } from './transfer/target-directory.ts'
import { LiveTables } from './versions/live-tables.ts'

export interface ReadOnlyOptions {
  /** The zone of times written without an offset, an IANA name. Default: UTC. */
  readonly timeZone?: string | undefined
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

/**
 * Opens a database for reading, beside the process that owns it or without one: nothing is locked,
 * waited for or written. It shows the commits that were in the files when they were read, and no
 * later ones: open it again for those. All of it is read at once, so that takes as long as an
 * opening does; afterwards the files are not needed any more.
 *
 * The owner's last commits may be among them before they are acknowledged, and those of a log that
 * is written late, or of none, come late. Writes are refused with `ReadOnly`.
 *
 * Throws `NotADatabase`, `Corrupt`, `ForeignFile`, `FormatTooNew`, `IoFailed`, `InvalidArgument`.
 */
export async function openReadOnly(path: string, options: ReadOnlyOptions = {}): Promise<Database> {
  const { timeZone = 'UTC', host = nodeHost() } = options
  if (typeof path !== 'string' || path === '' || path === ':memory:') {
    throw new DatabaseError('InvalidArgument', 'the path of a database is a directory name')
  }
  checkTimeZone(timeZone)
  const directory = absolutePath(path)
  const read = await readDirectory({ host, directory })
  const observer = new Observer(host, path)
  const edition = editionOf(read.tables)
  const live = new LiveTables(read.tables)
  const nodesValid = read.settings['nodesValid'] === 'always' ? 'always' : 'now'
  const storage = new ReadOnlyStorage({
    ...read,
    live,
    host,
    observer,
    lock: { release: () => Promise.resolve() },
    refusal: new DatabaseError(
      'ReadOnly',
      `${path} was opened with openReadOnly; whoever owns the directory can write to it: open`,
    ),
  })
  const pipeline = new CommitPipeline({ host, log: storage, observer, ...edition })
  observer.noteRecovered(storage.recovery)
  return new Database({
    path,
    host,
    observer,
    live,
    edition,
    pipeline,
    settings: { timeZone, nodesValid },
    otherKeyspaces: retentionToKeep('forever'),
    storage,
  })
}
