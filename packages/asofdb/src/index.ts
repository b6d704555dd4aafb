/**
 * AsOf: an embedded, crash-safe, bi-temporal database. This page is the whole public API.
 */

// Opening and closing.
export type { Fsync } from './log/durability.ts'
export type { Durability, WriteDurability } from './log/durability-options.ts'
export { type KindBounds, open, type OpenOptions } from './open.ts'
export { openReadOnly, type ReadOnlyOptions } from './open-read-only.ts'
export type { Compression } from './encoding/compression.ts'
export type { Database } from './database.ts'
export type { BeginOptions, ImportOptions, WriteOptions } from './transaction-runner.ts'
export type { CommitInfo, OpenTransaction } from './open-transaction.ts'

// Backups, and databases made from databases.
export { restore, type RestoreOptions } from './transfer/restore.ts'
export type {
  BackupOptions,
  BackupReport,
  ForkOptions,
  ForkReport,
  PointInHistory,
  TransferProgress,
} from './transfer/transfer-options.ts'

// The state of a database and its files.
export type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'

export { inspect, recover, type InspectOptions, type RecoverOptions } from './recover.ts'
export { relocate, type RelocateOptions, type RelocateReport } from './relocate.ts'
export type { IndexImageReport, IndexImageState } from './checkpoint/index-images.ts'
export type { Places } from './checkpoint/placed-files.ts'
export type { KindCounts } from './checkpoint/unsaved-state.ts'
export type { InspectionReport } from './recovery/examine.ts'
export type {
  Damage,
  LostCommits,
  QuarantinedFile,
  RecoveryOutcome,
  RecoveryPolicy,
  RecoveryReport,
  SequenceRange,
  SkippedCommits,
} from './recovery/report.ts'
export type { Problem, VerifyReport } from './recovery/verify.ts'
export type { CompactionFigures, ImageFigures, LogFigures, Stats } from './storage.ts'

// Forgetting.
export type { CompactionReport, CompactOptions } from './compactor.ts'
export type { KnownBackup } from './transfer/known-backups.ts'
export type { ErasureOptions, ErasureReport, ErasureTarget } from './erasure.ts'
export type { HorizonReport, PruneOptions, PruneReport } from './pruning.ts'
export type { Retention, RetentionRule, RetentionTarget } from './retention.ts'

// What happens to it, for those who watch.
export type {
  CheckpointFailedEvent,
  CheckpointFinishedEvent,
  CheckpointStartedEvent,
  ClockSetEvent,
  ClosedEvent,
  CommitEvent,
  DatabaseEvents,
  DiagnosticsMessage,
  EventName,
  Listener,
  Listeners,
  LogRotatedEvent,
  LogSyncedEvent,
  PoisonedEvent,
  RecoveredEvent,
  RecoveringEvent,
  WrittenEvent,
} from './observe/events.ts'
export type { CheckpointFailure, CheckpointMade } from './observe/checkpoint-meter.ts'
export type { Health, HealthCode, HealthReason, HealthStatus } from './observe/health.ts'
export type { LatencySummary } from './observe/latency-histogram.ts'
export type { GroupFigures } from './observe/log-meter.ts'

// Reading, at any point of the two times.
export type { View } from './view.ts'
export type { Coordinates, Window } from './view-point.ts'
export type { KeyProvenanceEntry, KeyTimelineEntry, KeyVersion, KeyView } from './key-view.ts'
export type { Edge, Node } from './graph/elements.ts'
export type { EdgeSelection } from './graph/graph-reader.ts'
export type { ValueRange, Where } from './graph/where.ts'
export type { KeyCursor } from './keys/key-cursor.ts'
export type { KeyEnds } from './keys/key-ends.ts'
export type { KeyEntries, KeyListing } from './keys/key-entries.ts'
export type { KeyRange } from './keys/key-range.ts'
export type { KeyEntry } from './keys/key-scan.ts'
export type {
  CustomValueEncoding,
  JsonValue,
  KeyspaceOptions,
  NamedValueEncoding,
  ValueEncoding,
  ValueInputsByEncoding,
  ValuesByEncoding,
} from './keys/value-encoding.ts'
export type { EdgePattern, MatchRow, NodePattern, Pattern } from './graph/match.ts'

// History.
export type { CommitMeta, EntityState, ProvenanceEntry, TimelineEntry } from './graph/history.ts'
export type { ChangeEvent, ChangesSelection, CommitRecord } from './changes.ts'
export type { Watch, WatchOptions } from './watch.ts'
export type { WatchedKeys, WatchSelection } from './watch-selection.ts'
export type { DiffEntry, NetDiffEntry, NetDiffOptions } from './compare.ts'
export type { Period } from './graph/period-options.ts'

// Writing.
export type { KeyTransaction, KeyWriteOptions } from './key-transaction.ts'
export type { Transaction, UniqueOptions } from './transaction.ts'
export type {
  DeleteOptions,
  EdgeBounds,
  EntityInput,
  EntityReference,
  PatchOptions,
  PutOptions,
  WriteVerbOptions,
} from './graph/graph-writer.ts'
export type { PeriodOptions } from './graph/period-options.ts'
export type { Savepoint } from './commit/savepoints.ts'
export type { Properties, PropertyChanges } from './graph/payload.ts'

// Time.
export { BEGINNING, FOREVER, Instant, type InstantInput } from './encoding/instant.ts'

export {
  allen,
  covers,
  intersects,
  precedes,
  type PeriodInput,
} from './graph/period-relations.ts'
export type { AllenRelation } from './versions/interval-relations.ts'

// Values and keys.
export {
  Duration,
  Float,
  float,
  LocalDate,
  LocalDateTime,
  LocalTime,
  ZonedDateTime,
} from './encoding/calendar.ts'
export type { Value, ValueInput } from './encoding/value.ts'
export type { KeyInput } from './encoding/ordered-key.ts'

// Errors.
export {
  DatabaseError,
  isDatabaseError,
  type ErrorCode,
  type ErrorDetails,
  type ErrorKind,
} from './rules/errors.ts'

// The outside world, for those who bring their own.
export type {
  Clock,
  DirectoryLock,
  FileStatus,
  FileSystem,
  Host,
  HostFile,
  LockHolder,
  OpenMode,
  ProcessIdentity,
  Publisher,
  Random,
  Timers,
} from './host/host.ts'
export { LockHeldError } from './host/host.ts'
