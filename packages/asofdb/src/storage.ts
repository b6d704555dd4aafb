import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import type { LoggedBatch } from './commit/apply.ts'
import type { CommitLog } from './commit/commit-pipeline.ts'
import type { GraphIndexes } from './graph/graph-indexes.ts'
import type { Host } from './host/host.ts'
import { memoryRecoveryReport, type RecoveryReport } from './recovery/report.ts'
import { type DerivedCheck, verify, type VerifyReport } from './recovery/verify.ts'
import type { Tables } from './versions/tables.ts'

export type { VerifyReport }

/** Where a database keeps its commits: a directory, or memory alone. */
export interface Storage extends CommitLog {
  readonly recovery: RecoveryReport
  /** The newest commit that is as durable as was asked for; what readers see. */
  readonly acknowledgedSequence: number
  readonly logBytes: number
  readonly checkpointBytes: number
  /** Throws when the database can take no more writes, and says why. */
  mustBeWritable(): void
  checkpoint(): Promise<CheckpointReport>
  /** Reads everything; `derived` are the checks of the indexes. */
  verify(derived: readonly DerivedCheck[]): Promise<VerifyReport>
  close(): Promise<void>
}

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
  readonly logBytes = 0
  readonly checkpointBytes = 0
  readonly recovery: RecoveryReport
  readonly #tables: Tables
  readonly #host: Host

  constructor(tables: Tables, host: Host) {
    this.recovery = memoryRecoveryReport()
    this.#tables = tables
    this.#host = host
  }

  get acknowledgedSequence(): number {
    return this.#tables.commits.sequence
  }

  append(_batch: LoggedBatch): void {}

  acknowledged(_sequence: number): Promise<void> {
    return Promise.resolve()
  }

  mustBeWritable(): void {}

  checkpoint(): Promise<CheckpointReport> {
    const { acknowledgedSequence: sequence } = this
    return Promise.resolve({ ...emptyCheckpointReport, sequence })
  }

  verify(derived: readonly DerivedCheck[]): Promise<VerifyReport> {
    return verify({ host: this.#host, tables: this.#tables, derived })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** How much there is of everything. Counts are of entities that ever were, and of all versions. */
export interface Stats {
  /** The newest commit that readers see. */
  readonly sequence: number
  /** The newest commit that writers build on. */
  readonly appliedSequence: number
  readonly entities: { readonly nodes: number; readonly edges: number; readonly keys: number }
  readonly versions: { readonly nodes: number; readonly edges: number; readonly keys: number }
  readonly symbols: number
  readonly bytes: {
    /** Tables in memory: rows and heads. */
    readonly tables: number
    /** Payloads in memory. */
    readonly payloads: number
    /** Adjacency in memory, once built. */
    readonly adjacency: number
    readonly log: number
    readonly checkpoint: number
  }
}

export function collectStats(tables: Tables, indexes: GraphIndexes, storage: Storage): Stats {
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
    entities: { nodes: node.entityCount, edges: edge.entityCount, keys: key.entityCount },
    versions: { nodes: node.count, edges: edge.count, keys: key.count },
    symbols: tables.symbols.count,
    bytes: {
      tables: rowBytes,
      payloads,
      adjacency: indexes.adjacency.byteLength,
      log: storage.logBytes,
      checkpoint: storage.checkpointBytes,
    },
  }
}
