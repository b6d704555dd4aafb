import { isAbsolute, resolve } from 'node:path'
import { BatchApplier } from './commit/apply.ts'
import { CommitPipeline } from './commit/commit-pipeline.ts'
import { Database } from './database.ts'
import { DirectoryStorage } from './directory-storage.ts'
import { checkTimeZone } from './encoding/time-zone.ts'
import { GraphIndexes } from './graph/graph-indexes.ts'
import { GraphIntegrity } from './graph/integrity.ts'
import { Uniqueness } from './graph/uniqueness.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import { DatabaseError } from './rules/errors.ts'
import { MemoryStorage, type Storage } from './storage.ts'
import { KeyIndex } from './versions/key-index.ts'
import { Tables } from './versions/tables.ts'

const durabilities = ['sync', 'interval', 'os', 'checkpoint', 'memory'] as const

/**
 * What an acknowledged commit survives.
 *
 * | mode         | acknowledged when        | a killed process      | a power cut               |
 * | ------------ | ------------------------ | --------------------- | ------------------------- |
 * | `sync`       | synced to the disk       | survives              | survives                  |
 * | `interval`   | written to the log       | survives              | loses up to `syncEveryMs` |
 * | `os`         | written to the log       | survives              | loses what was not synced |
 * | `checkpoint` | applied                  | back to the last one  | back to the last one      |
 * | `memory`     | applied                  | loses everything      | loses everything          |
 *
 * Whatever is lost is the newest; what is left is whole commits without a gap.
 */
export type Durability = (typeof durabilities)[number]

export interface OpenOptions {
  /** Default: `sync`. */
  readonly durability?: Durability | undefined
  /** The zone of times written without an offset, an IANA name. Default: UTC. */
  readonly timeZone?: string | undefined
  /**
   * The validity of a created node when none is given: from the transaction's now for ever, or
   * always. Kept from the creation of the database. Default: `now`.
   */
  readonly nodesValid?: 'now' | 'always' | undefined
  /** Whether to make a database when there is none. Default: true. */
  readonly create?: boolean | undefined
  /** Size at which a log segment ends, in bytes. Default: 64 MiB. */
  readonly segmentBytesMax?: number | undefined
  /** For `interval`: milliseconds from a write to the sync that covers it. Default: 100. */
  readonly syncEveryMs?: number | undefined
  /**
   * Bytes of log after which a checkpoint is made in the background; `Infinity` for only on demand
   * and at close. Default: 256 MiB.
   */
  readonly checkpointLogBytes?: number | undefined
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

const segmentBytesDefault = 64 * 1024 * 1024
const segmentBytesMin = 5 * 1024
const syncEveryMsDefault = 100
const checkpointLogBytesDefault = 256 * 1024 * 1024

/**
 * Opens a database, and makes one where there is none. The path is a directory that belongs to the
 * database alone; `:memory:` keeps everything in memory. The process owns the directory until
 * `close`; a second opener gets `Locked`, which names the owner.
 *
 * Throws `Locked`, `NotADatabase`, `Corrupt`, `ForeignFile`, `FormatTooNew`, `ReadOnly`,
 * `InvalidArgument`.
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkOptions(path, options)
  const host = options.host ?? nodeHost()
  const tables = new Tables()
  const keyIndex = new KeyIndex(tables)
  const indexes = new GraphIndexes(tables, keyIndex)
  const applier = new BatchApplier(tables)
  let storage: Storage
  let nodesValid = options.nodesValid ?? 'now'
  if (path === ':memory:' || options.durability === 'memory') {
    storage = new MemoryStorage(tables, host)
  } else {
    const directory = await DirectoryStorage.open(
      {
        host,
        directory: isAbsolute(path) ? path : resolve(path),
        durability: options.durability ?? 'sync',
        create: options.create ?? true,
        nodesValid: options.nodesValid,
        segmentBytesMax: options.segmentBytesMax ?? segmentBytesDefault,
        syncEveryMs: options.syncEveryMs ?? syncEveryMsDefault,
        checkpointLogBytes: options.checkpointLogBytes ?? checkpointLogBytesDefault,
      },
      { tables, applier },
    )
    nodesValid = directory.nodesValid
    storage = directory
  }
  const pipeline = new CommitPipeline({ host, tables, keyIndex, applier, log: storage })
  pipeline.addCheck(new GraphIntegrity(indexes))
  pipeline.addCheck(new Uniqueness(indexes))
  const timeZone = options.timeZone ?? 'UTC'
  return new Database({
    path,
    host,
    tables,
    pipeline,
    context: { indexes, keyIndex, timeZone },
    settings: { timeZone, nodesValid },
    storage,
  })
}

function checkOptions(path: string, options: OpenOptions): void {
  const refuse = (what: string): never => {
    throw new DatabaseError('InvalidArgument', what)
  }
  if (typeof path !== 'string' || path === '') refuse('the path of a database is a directory name')
  const { durability, nodesValid, segmentBytesMax, syncEveryMs, checkpointLogBytes } = options
  if (durability !== undefined && !durabilities.includes(durability)) {
    refuse(`durability is one of ${durabilities.join(', ')}, not ${String(durability)}`)
  }
  if (nodesValid !== undefined && nodesValid !== 'now' && nodesValid !== 'always') {
    refuse(`nodesValid is 'now' or 'always', not ${String(nodesValid)}`)
  }
  if (segmentBytesMax !== undefined && !(segmentBytesMax >= segmentBytesMin)) {
    refuse(`segmentBytesMax is at least ${segmentBytesMin} bytes`)
  }
  if (syncEveryMs !== undefined && !(syncEveryMs > 0)) {
    refuse('syncEveryMs is a positive number of milliseconds')
  }
  if (checkpointLogBytes !== undefined && !(checkpointLogBytes > 0)) {
    refuse('checkpointLogBytes is a positive number of bytes, or Infinity')
  }
  if (options.timeZone !== undefined) checkTimeZone(options.timeZone)
}
