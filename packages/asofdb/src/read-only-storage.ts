import type { CheckpointReport } from './checkpoint/checkpoint-writer.ts'
import type { Settings } from './checkpoint/manifest.ts'
import type { Places } from './checkpoint/placed-files.ts'
import type { DirectoryLock, Host } from './host/host.ts'
import type { Observer } from './observe/observer.ts'
import type { RecoveryReport } from './recovery/report.ts'
import type { DerivedCheck, VerifyReport } from './recovery/verify.ts'
import { DatabaseError } from './rules/errors.ts'
import type { BackupReport } from './transfer/transfer-options.ts'
import { MemoryStorage } from './storage.ts'
import type { LiveTables } from './versions/live-tables.ts'

export interface ReadOnlyParts {
  readonly live: LiveTables
  readonly host: Host
  readonly observer: Observer
  readonly lock: DirectoryLock
  readonly places: Places
  readonly report: RecoveryReport
  readonly databaseId: string
  readonly settings: Settings
  /** What a write is refused with, where the reason is not damage. */
  readonly refusal?: DatabaseError | undefined
}

/**
 * What could be proved whole of a damaged directory, or what was read beside the owner of one, in
 * memory; nothing is ever written back. A damaged directory stays taken until `close`, so that what
 * is read is what lies there.
 */
export class ReadOnlyStorage extends MemoryStorage {
  override readonly recovery: RecoveryReport
  readonly #parts: ReadOnlyParts

  constructor(parts: ReadOnlyParts) {
    super(parts.live, parts.host, parts.observer)
    this.recovery = parts.report
    this.#parts = parts
  }

  override get places(): Places {
    return this.#parts.places
  }

  override get origin(): { readonly databaseId: string; readonly settings: Settings } {
    const { databaseId, settings } = this.#parts
    return { databaseId, settings }
  }

  override mustBeWritable(): void {
    throw this.#refusal()
  }

  override async checkpoint(): Promise<CheckpointReport> {
    throw this.#refusal()
  }

  /** A backup is a copy of files, and these are damaged; a fork is one of what was read. */
  override async backup(): Promise<BackupReport> {
    throw this.#refusal()
  }

  /** The damage that opening found, besides what the tables show. */
  override async verify(derived: readonly DerivedCheck[]): Promise<VerifyReport> {
    const report = await super.verify(derived)
    const { damage } = this.recovery
    if (damage.length === 0) return report
    const found = damage.map(({ file, offset, what }) => ({ where: file, what, offset }))
    return { ...report, isSound: false, problems: [...found, ...report.problems] }
  }

  override close(): Promise<void> {
    return this.#parts.lock.release()
  }

  #refusal(): DatabaseError {
    const { refusal } = this.#parts
    if (refusal !== undefined) return refusal
    const { readOnlyReason, recoveredSequence } = this.recovery
    return new DatabaseError(
      'ReadOnly',
      `the database is damaged (${readOnlyReason}) and was opened with recovery: 'bestEffort', ` +
        `for reading only: restore a backup, or open it with recovery: 'repair' to go on behind ` +
        `commit ${recoveredSequence}, with the damaged files in quarantine`,
      { details: { damage: this.recovery.damage, lost: this.recovery.lost } },
    )
  }
}
