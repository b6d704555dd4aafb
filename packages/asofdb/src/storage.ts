import { bytesToHex } from './checkpoint/checkpoint-file.ts'
import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import { databaseIdBytes } from './log/segment.ts'
import type { LoggedBatch } from './commit/apply.ts'
import type { CommitLog } from './commit/commit-pipeline.ts'
import type { GraphIndexes } from './graph/graph-indexes.ts'
import type { Host } from './host/host.ts'
import type { CheckpointMade } from './observe/checkpoint-meter.ts'
import type { Health } from './observe/health.ts'
import type { LatencySummary } from './observe/latency-histogram.ts'
import type { GroupFigures } from './observe/log-meter.ts'
import type { Observer } from './observe/observer.ts'
import { checkWriteDurability, type WriteDurability } from './log/durability-options.ts'
import type { Settings } from './checkpoint/manifest.ts'
import type { Places } from './checkpoint/placed-files.ts'
import type { KindCounts } from './checkpoint/unsaved-state.ts'
import type { KnownBackup } from './transfer/known-backups.ts'
import type { BackupOptions, BackupReport } from './transfer/transfer-options.ts'
import { memoryRecoveryReport, type RecoveryReport } from './recovery/report.ts'
import { type DerivedCheck, verify, type VerifyReport } from './recovery/verify.ts'
import { DatabaseError } from './rules/errors.ts'
import type { LiveTables } from './versions/live-tables.ts'
import type { Tables } from './versions/tables.ts'

export type { VerifyReport }

/** Where a database keeps its commits: a directory, or memory alone. */
export interface Storage extends CommitLog {
  readonly recovery: RecoveryReport
  /** The newest commit that is as durable as was asked for; what readers see. */
  readonly acknowledgedSequence: number
  figures(): StorageFigures
  /** Throws when the database can take no more writes, and says why. */
  mustBeWritable(): void
  /** Whether a commit should wait for `room` before it is taken. */
  readonly isBehind: boolean
  /** Resolves when there may be room, or never will again; look again then. */
  room(): Promise<void>
  /** Throws `InvalidArgument` when no single write can be as durable as that here. */
  mustSupport(durability: WriteDurability | undefined): void
  /** Resolves when an acknowledged commit is as durable as its writer asks for. */
  keep(sequence: number, durability: WriteDurability): Promise<void>
  checkpoint(): Promise<CheckpointReport>
  /** Has the next checkpoint leave no file that holds what was erased. */
  forgetFiles(): void
  /** Backups that are known of and were last made before a commit. */
  backupsBefore(sequence: number): readonly KnownBackup[]
  /** Files put aside because they are damaged, which are not looked into. */
  quarantined(): Promise<{ readonly name: string; readonly why: string }[]>
  /** What a fork keeps of it: an id, or something that is none, and what its creation decided. */
  readonly origin: { readonly databaseId: string; readonly settings: Settings }
  /** Where its log and its checkpoints are; undefined for one in memory. */
  readonly places: Places | undefined
  /** Brings a directory up to the newest commit. */
  backup(directory: string, options: BackupOptions): Promise<BackupReport>
  /** Reads everything; `derived` are the checks of the indexes. */
  verify(derived: readonly DerivedCheck[]): Promise<VerifyReport>
  close(): Promise<void>
}

/** What storage knows of its log and its checkpoints at this moment. */
export interface StorageFigures {
  readonly durableSequence: number
  readonly log: LogFigures
  readonly checkpoint: { readonly sequence: number; readonly files: number; readonly bytes: number }
  /** How much of each kind of state no checkpoint has. */
  readonly unsaved: KindCounts
  readonly indexImages: ImageFigures & { readonly bytes: number }
}

/** Of the files that derived indexes are kept in. */
export interface ImageFigures {
  readonly files: number
  /** Why the last attempt to write them failed; null when it did not. It costs time, no data. */
  readonly lastFailure: string | null
}

/** What the compactions of one opening came to. */
export interface CompactionFigures {
  /** How often the tables were made anew. */
  readonly count: number
  readonly versionsDropped: number
  /** Of the last one, in milliseconds; null before the first. */
  readonly lastDurationMs: number | null
}

/** All zero where there is no log. */
export interface LogFigures {
  /** Bytes of all segments on the disk. */
  readonly bytes: number
  readonly segments: number
  /** Bytes of the commits that no checkpoint has; after a crash, at first all that was read. */
  readonly bytesSinceCheckpoint: number
  /** Applied commits that no sync and no checkpoint has covered. */
  readonly unsyncedCommits: number
  /** Bytes of their records, as far as they are bound for the log. */
  readonly unsyncedBytes: number
}

const noLog: LogFigures = {
  bytes: 0,
  segments: 0,
  bytesSinceCheckpoint: 0,
  unsyncedCommits: 0,
  unsyncedBytes: 0,
}

const noImages = { files: 0, bytes: 0, lastFailure: null }

const emptyCheckpointReport: CheckpointReport = {
  sequence: 0,
  generation: 0,
  bytesWritten: 0,
  files: 0,
  filesAbsorbed: 0,
  removed: [],
  leftBehind: [],
  durationMs: 0,
}

/** Commits are as durable as the process: applied is acknowledged. */
export class MemoryStorage implements Storage {
  readonly recovery: RecoveryReport
  readonly #live: LiveTables
  readonly #host: Host
  #databaseId: string | undefined
  readonly #observer: Observer

  constructor(live: LiveTables, host: Host, observer: Observer) {
    this.recovery = memoryRecoveryReport()
    this.#live = live
    this.#host = host
    this.#observer = observer
  }

  get acknowledgedSequence(): number {
    return this.#live.current.commits.sequence
  }

  append(_batch: LoggedBatch): void {}

  acknowledged(sequence: number): Promise<void> {
    this.#observer.noteAcknowledged(sequence)
    return Promise.resolve()
  }

  figures(): StorageFigures {
    const checkpoint = { sequence: 0, files: 0, bytes: 0 }
    const unsaved = { graph: 0, keys: 0, symbols: 0 }
    return { durableSequence: 0, log: noLog, checkpoint, unsaved, indexImages: noImages }
  }

  mustBeWritable(): void {}

  get isBehind(): boolean {
    return false
  }

  room(): Promise<void> {
    return Promise.resolve()
  }

  mustSupport(durability: WriteDurability | undefined): void {
    checkWriteDurability(durability)
    if (durability === undefined) return
    throw new DatabaseError(
      'InvalidArgument',
      `a database in memory can't make a write durable ('${durability}'); open one in a directory`,
    )
  }

  keep(): Promise<void> {
    return Promise.resolve()
  }

  checkpoint(): Promise<CheckpointReport> {
    const { acknowledgedSequence: sequence } = this
    return Promise.resolve({ ...emptyCheckpointReport, sequence })
  }

  forgetFiles(): void {}

  backupsBefore(): readonly KnownBackup[] {
    return []
  }

  quarantined(): Promise<{ readonly name: string; readonly why: string }[]> {
    return Promise.resolve([])
  }

  /** The id is drawn when first asked for. What creation decided is added by whoever forks. */
  get origin(): { readonly databaseId: string; readonly settings: Settings } {
    this.#databaseId ??= bytesToHex(this.#host.random.bytes(databaseIdBytes))
    return { databaseId: this.#databaseId, settings: {} }
  }

  get places(): Places | undefined {
    return undefined
  }

  backup(): Promise<BackupReport> {
    return Promise.reject(
      new DatabaseError(
        'InvalidArgument',
        'a database in memory has no files to back up; fork it into a directory instead',
      ),
    )
  }

  verify(derived: readonly DerivedCheck[]): Promise<VerifyReport> {
    return verify({ host: this.#host, tables: this.#live.current, derived })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/**
 * How much there is of everything, and how it went since this opening. Counts are of entities that
 * ever were, and of all versions; durations are in milliseconds.
 */
export interface Stats {
  /** The newest commit that is acknowledged: readers see it. */
  readonly sequence: number
  /** The newest commit that is applied: writers build on it. */
  readonly appliedSequence: number
  /** The newest commit that a power cut leaves; 0 in memory. */
  readonly durableSequence: number
  readonly entities: { readonly nodes: number; readonly edges: number; readonly keys: number }
  readonly versions: { readonly nodes: number; readonly edges: number; readonly keys: number }
  /** Versions that are not the newest of their entity: what reclaiming makes fewer. */
  readonly superseded: { readonly nodes: number; readonly edges: number; readonly keys: number }
  /** Names of labels, types, properties and keyspaces. */
  readonly symbols: number
  readonly bytes: {
    /** Tables in memory: rows and heads. */
    readonly tables: number
    /** Payloads in memory. */
    readonly payloads: number
    /** Adjacency in memory, once built. */
    readonly adjacency: number
    /** All segments of the log on the disk. */
    readonly log: number
    /** All checkpoint files on the disk. */
    readonly checkpoint: number
    /** All images of indexes on the disk. */
    readonly indexImages: number
  }
  /** Where log and checkpoints are, as absolute paths; null in memory. */
  readonly places: Places | null
  readonly transactions: {
    /** Begun and neither committed nor cancelled. */
    readonly open: number
  }
  readonly log: LogFigures & {
    /** How many commits shared a write, since this opening. */
    readonly groups: GroupFigures
    /** How long the log waited for the disk, each time it synced, since this opening. */
    readonly syncs: LatencySummary
  }
  readonly checkpoint: {
    /** The newest commit in the last checkpoint; 0 before the first. */
    readonly sequence: number
    readonly files: number
    /** How much of each kind of state no checkpoint has: versions, and names for `symbols`. */
    readonly unsaved: KindCounts
    /** The last one that this opening made: null before the first. */
    readonly last: CheckpointMade | null
  }
  /** How the tables were made anew without what is not to be seen any more, since this opening. */
  readonly compaction: CompactionFigures & {
    /** Horizons that are in force: names with one of their own, and 1 for everything. */
    readonly horizons: number
  }
  readonly indexImages: ImageFigures
  /** What opening did; all of it is in `db.recovery`. */
  readonly recovered: {
    readonly sequence: number
    /** Records that were applied from the log, and the bytes of log that were read. */
    readonly records: number
    readonly bytes: number
    readonly durationMs: number
  }
}

interface StatsParts {
  readonly tables: Tables
  readonly indexes: GraphIndexes
  readonly storage: Storage
  readonly observer: Observer
  readonly openTransactions: number
  readonly compaction: CompactionFigures
}

export function collectStats(parts: StatsParts): Stats {
  const { tables, indexes, storage, observer } = parts
  const { recovery } = storage
  const { durableSequence, log, checkpoint, unsaved, indexImages } = storage.figures()
  const { node, edge, key, edgeEnds, keyNames, commits } = tables
  const versionTables = [node, edge, key]
  let rowBytes = edgeEnds.column.byteLength + keyNames.column.byteLength + commits.rows.byteLength
  let payloads = keyNames.arena.byteLength + commits.arena.byteLength
  for (const table of versionTables) {
    rowBytes += table.byteLength
    payloads += table.arena.byteLength
  }
  return {
    sequence: storage.acknowledgedSequence,
    appliedSequence: commits.sequence,
    durableSequence,
    entities: { nodes: node.entityCount, edges: edge.entityCount, keys: key.entityCount },
    versions: { nodes: node.count, edges: edge.count, keys: key.count },
    superseded: {
      nodes: node.count - node.entitiesWithRows,
      edges: edge.count - edge.entitiesWithRows,
      keys: key.count - key.entitiesWithRows,
    },
    symbols: tables.symbols.count,
    bytes: {
      tables: rowBytes,
      payloads,
      adjacency: indexes.adjacency.byteLength,
      log: log.bytes,
      checkpoint: checkpoint.bytes,
      indexImages: indexImages.bytes,
    },
    places: storage.places ?? null,
    transactions: { open: parts.openTransactions },
    log: { ...log, groups: observer.log.groups, syncs: observer.log.syncs },
    checkpoint: {
      sequence: checkpoint.sequence,
      files: checkpoint.files,
      unsaved,
      last: observer.checkpoints.made,
    },
    compaction: { ...parts.compaction, horizons: tables.removals.horizonCount },
    indexImages: { files: indexImages.files, lastFailure: indexImages.lastFailure },
    recovered: {
      sequence: recovery.recoveredSequence,
      records: recovery.replayed.records,
      bytes: recovery.replayed.bytes,
      durationMs: recovery.durationMs,
    },
  }
}

/** `lastSystemTime`: of the newest applied commit, microseconds since 1970. */
export function collectHealth(
  storage: Storage,
  observer: Observer,
  lastSystemTime: bigint,
): Health {
  const { checkpoint, log } = storage.figures()
  return observer.health({
    unsynced: { commits: log.unsyncedCommits, bytes: log.unsyncedBytes },
    checkpointSequence: checkpoint.sequence,
    logBytes: log.bytesSinceCheckpoint,
    lastSystemTime,
    refusal: refusalOf(storage),
  })
}

/** What a write would be refused with. */
function refusalOf(storage: Storage): DatabaseError | undefined {
  try {
    storage.mustBeWritable()
    return undefined
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
}
