import { CommitPipeline } from './commit/commit-pipeline.ts'
import type { CheckpointTriggers, KindTriggers } from './checkpoint/checkpoint-policy.ts'
import type { PartPaths } from './checkpoint/paths-file.ts'
import { type StateKind, stateKinds } from './checkpoint/unsaved-state.ts'
import { Database } from './database.ts'
import { DirectoryStorage } from './directory-storage.ts'
import { checkCompression, type Compression } from './encoding/compression.ts'
import { checkTimeZone } from './encoding/time-zone.ts'
import { editionOf } from './edition.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node-host.ts'
import type { Fsync } from './log/durability.ts'
import { chooseMode, type Durability } from './log/durability-options.ts'
import type { Listeners } from './observe/events.ts'
import { Observer } from './observe/observer.ts'
import { recoveryPolicies, type RecoveryPolicy } from './recovery/report.ts'
import { checkRetention, type Retention, retentionToKeep } from './retention.ts'
import { DatabaseError } from './rules/errors.ts'
import { MemoryStorage, type Storage } from './storage.ts'
import { absolutePath } from './transfer/target-directory.ts'
import { LiveTables } from './versions/live-tables.ts'
import { Tables } from './versions/tables.ts'

/** A bound for each kind of state; `Infinity` for those that are not given. */
export interface KindBounds {
  /** Versions of nodes and edges. */
  readonly graph?: number | undefined
  /** Versions of keys. */
  readonly keys?: number | undefined
  /** Names of labels, types, properties and keyspaces that were not there before. */
  readonly symbols?: number | undefined
}

export interface OpenOptions {
  /** A usual mode by its name. Default: `sync`. */
  readonly durability?: Durability | undefined
  /**
   * When a commit is acknowledged: `sync` after it was written to the log, `async` before, `off`
   * without a log, which leaves it to checkpoints. Instead of `durability`. Default: `sync`.
   */
  readonly log?: 'sync' | 'async' | 'off' | undefined
  /**
   * When the log is synced: after each group of commits, before it is acknowledged (where that
   * comes after the write); so many milliseconds after a write; or when the operating system does.
   * Instead of `durability`. Default: `always`.
   */
  readonly fsync?: Fsync | undefined
  /** The zone of times written without an offset, an IANA name. Default: UTC. */
  readonly timeZone?: string | undefined
  /**
   * The validity of a created node when none is given: from the transaction's now for ever, or
   * always. Kept from the creation of the database. Default: `now`.
   */
  readonly nodesValid?: 'now' | 'always' | undefined
  /** Whether to make a database when there is none. Default: true. */
  readonly create?: boolean | undefined
  /**
   * A directory of its own for the log, as on another disk: absolute, or relative to that of the
   * database. Kept from the creation of the database, so later openings need not give it; another
   * one is refused with `InvalidArgument` (see `relocate`). Default: `log` in the database.
   */
  readonly logDirectory?: string | undefined
  /** The same for the checkpoints. Default: `checkpoint` in the database. */
  readonly checkpointDirectory?: string | undefined
  /** Size at which a log segment ends, in bytes. Default: 64 MiB. */
  readonly segmentBytesMax?: number | undefined
  /** For `interval`: milliseconds from a write to the sync that covers it. Default: 100. */
  readonly syncEveryMs?: number | undefined
  /**
   * For an asynchronous log: bytes of commits that may wait to be written; at this bound writes
   * wait before they are taken. Default: 4 MiB.
   */
  readonly logQueueBytesMax?: number | undefined
  /**
   * Bytes of commits after which a checkpoint is made in the background; `Infinity` for never, so
   * only on demand, at close and for other reasons. Default: 256 MiB.
   */
  readonly checkpointLogBytes?: number | undefined
  /**
   * The same for the number of versions written; or for the number of each kind of state by itself,
   * where whichever is reached first makes the checkpoint. Default: `Infinity`.
   */
  readonly checkpointMutations?: number | KindBounds | undefined
  /**
   * The same for the milliseconds since the oldest commit that no checkpoint has; while there is
   * none, nothing is done. Or since the oldest change of each kind of state. Default: `Infinity`.
   */
  readonly checkpointEveryMs?: number | KindBounds | undefined
  /**
   * How the files of checkpoints are compressed from now on; those that are there are read
   * whatever they are. Default: `none`, which opens fastest.
   */
  readonly checkpointCompression?: Compression | undefined
  /**
   * Bytes of commits that may be in no checkpoint. At this limit writes wait for the checkpoint
   * under way, and are refused with `LogFull` while checkpoints fail. Default: four times
   * `checkpointLogBytes`, at least 1 GiB.
   */
  readonly logBytesMax?: number | undefined
  /**
   * Whether the larger indexes are kept in files beside the checkpoints, so that the first question
   * after an opening need not derive them from the tables. Default: true.
   */
  readonly indexImages?: boolean | undefined
  /** From how many versions on an index is worth a file. Default: 20,000. */
  readonly indexImageRowsMin?: number | undefined
  /**
   * Listeners to events, as with `db.on`, but from before the opening on: only so is `recovered`
   * heard.
   */
  readonly on?: Listeners | undefined
  /**
   * How to react to damage. `strict` refuses to open where anything acknowledged may be missing;
   * `bestEffort` then opens what can be proved whole, for reading only; `repair` takes the damaged
   * files out of use and keeps them in `quarantine/`. What happened is told by `db.recovery`.
   * Default: `strict`.
   */
  readonly recovery?: RecoveryPolicy | undefined
  /**
   * How long what keys held is told, in keyspaces without a rule of their own: `present`, only what
   * they hold now; `forever`; or the length of time for which questions about the past are
   * answered. It holds for this opening; see `Transaction.setRetention` for rules that are kept.
   * What is older is still told until it is reclaimed, by `prune` or in the background when there
   * is as much of it as of all else. Default: `present`.
   */
  readonly keyRetention?: Retention | undefined
  /** Another outside world, for tests. */
  readonly host?: Host | undefined
}

const segmentBytesDefault = 64 * 1024 * 1024
const segmentBytesMin = 5 * 1024
const logQueueBytesDefault = 4 * 1024 * 1024
const checkpointLogBytesDefault = 256 * 1024 * 1024
const indexImageRowsDefault = 20_000
const logBytesMaxLeast = 1024 * 1024 * 1024

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
  const mode = chooseMode(options)
  const host = options.host ?? nodeHost()
  const observer = new Observer(host, path)
  observer.events.addAll(options.on ?? {})
  const edition = editionOf(new Tables())
  const { tables, applier } = edition
  const live = new LiveTables(tables)
  let storage: Storage
  let nodesValid = options.nodesValid ?? 'now'
  if (path === ':memory:' || mode === 'memory') {
    mustHaveNoPaths(options)
    storage = new MemoryStorage(live, host, observer)
  } else {
    const directory = await DirectoryStorage.open(
      {
        host,
        observer,
        directory: absolutePath(path),
        paths: pathsOf(options),
        mode,
        create: options.create ?? true,
        nodesValid: options.nodesValid,
        segmentBytesMax: options.segmentBytesMax ?? segmentBytesDefault,
        logQueueBytesMax: options.logQueueBytesMax ?? logQueueBytesDefault,
        checkpoints: triggersOf(options),
        checkpointCompression: options.checkpointCompression ?? 'none',
        recovery: options.recovery ?? 'strict',
        indexImageRowsMin:
          options.indexImages === false
            ? Infinity
            : (options.indexImageRowsMin ?? indexImageRowsDefault),
      },
      { live, applier },
    )
    // As chosen when the database was created.
    nodesValid = directory.origin.settings['nodesValid'] === 'always' ? 'always' : 'now'
    storage = directory
  }
  const pipeline = new CommitPipeline({ host, log: storage, observer, ...edition })
  const timeZone = options.timeZone ?? 'UTC'
  observer.noteRecovered(storage.recovery)
  return new Database({
    path,
    host,
    observer,
    live,
    edition,
    otherKeyspaces: retentionToKeep(options.keyRetention ?? 'present'),
    pipeline,
    settings: { timeZone, nodesValid },
    storage,
  })
}

function pathsOf({ logDirectory, checkpointDirectory }: OpenOptions): PartPaths {
  return {
    ...(logDirectory === undefined ? {} : { log: logDirectory }),
    ...(checkpointDirectory === undefined ? {} : { checkpoint: checkpointDirectory }),
  }
}

function mustHaveNoPaths(options: OpenOptions): void {
  if (Object.keys(pathsOf(options)).length === 0) return
  throw new DatabaseError(
    'InvalidArgument',
    'a database in memory has no files: leave logDirectory and checkpointDirectory out',
  )
}

const limits = [
  ['logQueueBytesMax', 'bytes'],
  ['checkpointLogBytes', 'bytes'],
  ['logBytesMax', 'bytes'],
  ['indexImageRowsMin', 'versions'],
] as const

function triggersOf(options: OpenOptions): CheckpointTriggers {
  const logBytes = options.checkpointLogBytes ?? checkpointLogBytesDefault
  const { checkpointMutations: mutations, checkpointEveryMs: everyMs } = options
  return {
    logBytes,
    mutations: typeof mutations === 'number' ? mutations : Infinity,
    everyMs: typeof everyMs === 'number' ? everyMs : Infinity,
    logBytesMax: options.logBytesMax ?? Math.max(4 * logBytes, logBytesMaxLeast),
    kinds: kindsOf(mutations, everyMs),
  }
}

/** Undefined where no kind has a bound of its own. */
function kindsOf(
  mutations: number | KindBounds | undefined,
  everyMs: number | KindBounds | undefined,
): CheckpointTriggers['kinds'] {
  if (typeof mutations !== 'object' && typeof everyMs !== 'object') return undefined
  const bound = (bounds: number | KindBounds | undefined, kind: StateKind): number =>
    typeof bounds === 'object' ? (bounds[kind] ?? Infinity) : Infinity
  const triggers = (kind: StateKind): KindTriggers => ({
    mutations: bound(mutations, kind),
    everyMs: bound(everyMs, kind),
  })
  return { graph: triggers('graph'), keys: triggers('keys'), symbols: triggers('symbols') }
}

const kindLimits = [
  ['checkpointMutations', 'versions'],
  ['checkpointEveryMs', 'milliseconds'],
] as const

function checkKindLimits(options: OpenOptions, refuse: (what: string) => never): void {
  for (const [name, unit] of kindLimits) {
    const bounds = options[name]
    if (bounds === undefined) continue
    const isByKind = typeof bounds === 'object' && bounds !== null
    const entries = isByKind ? Object.entries(bounds) : [['', bounds] as const]
    for (const [kind, bound] of entries) {
      if (isByKind && !stateKinds.some((one) => one === kind)) {
        refuse(`${name} has bounds for ${stateKinds.join(', ')}, not for ${kind}`)
      }
      if (bound === undefined || bound > 0) continue
      refuse(`${isByKind ? `${name}.${kind}` : name} is a positive number of ${unit}, or Infinity`)
    }
  }
}

function checkOptions(path: string, options: OpenOptions): void {
  const refuse = (what: string): never => {
    throw new DatabaseError('InvalidArgument', what)
  }
  if (typeof path !== 'string' || path === '') refuse('the path of a database is a directory name')
  const { nodesValid, segmentBytesMax } = options
  if (nodesValid !== undefined && nodesValid !== 'now' && nodesValid !== 'always') {
    refuse(`nodesValid is 'now' or 'always', not ${String(nodesValid)}`)
  }
  if (segmentBytesMax !== undefined && !(segmentBytesMax >= segmentBytesMin)) {
    refuse(`segmentBytesMax is at least ${segmentBytesMin} bytes`)
  }
  for (const [name, unit] of limits) {
    const limit = options[name]
    if (limit === undefined || limit > 0) continue
    refuse(`${name} is a positive number of ${unit}, or Infinity`)
  }
  checkKindLimits(options, refuse)
  if (options.recovery !== undefined && !recoveryPolicies.includes(options.recovery)) {
    refuse(`recovery is one of ${recoveryPolicies.join(', ')}, not ${String(options.recovery)}`)
  }
  checkCompression(options.checkpointCompression)
  if (options.keyRetention !== undefined) checkRetention(options.keyRetention)
  if (options.timeZone !== undefined) checkTimeZone(options.timeZone)
}
