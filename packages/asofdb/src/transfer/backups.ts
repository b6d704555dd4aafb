import type { ManifestStore } from '../checkpoint/manifest-store.ts'
import type { Places } from '../checkpoint/placed-files.ts'
import type { Host } from '../host/host.ts'
import { DatabaseError } from '../rules/errors.ts'
import type { LiveTables } from '../versions/live-tables.ts'
import { writeBackup } from './backup.ts'
import { type KnownBackup, knownBackups, withBackup } from './known-backups.ts'
import { absolutePath, mustBeApart } from './target-directory.ts'
import type { BackupOptions, BackupReport } from './transfer-options.ts'

export interface BackupsOptions {
  readonly host: Host
  /** The directory of the database. */
  readonly directory: string
  /** Where its log and its checkpoints are. */
  readonly places: Places
  readonly live: LiveTables
  readonly manifests: ManifestStore
  /** Keeps the files of every checkpoint from now on, until what it returns is called. */
  keepFiles(): () => Promise<void>
  /** Makes a checkpoint of everything that is applied at the call. */
  checkpoint(): Promise<unknown>
}

/** The backups of an open database that are under way. */
export class Backups {
  readonly #options: BackupsOptions
  readonly #running = new Set<Promise<unknown>>()
  #isStopped = false

  constructor(options: BackupsOptions) {
    this.#options = options
  }

  /** Makes a checkpoint and copies it, while commits and later checkpoints go on. */
  async make(into: string, options: BackupOptions): Promise<BackupReport> {
    const target = absolutePath(into)
    const { directory: source, places } = this.#options
    mustBeApart({ source, places, target })
    const work = this.#make(target, options)
    this.#running.add(work)
    try {
      return await work
    } finally {
      this.#running.delete(work)
    }
  }

  /** Those that are known of and hold nothing from a commit on. */
  before(sequence: number): KnownBackup[] {
    const known = knownBackups(this.#options.manifests.current.settings)
    return known.filter((backup) => backup.sequence < sequence)
  }

  /** Before there is a byte of it: better one too many is known of than one too few. */
  async #noteBegun(directory: string): Promise<void> {
    const known = knownBackups(this.#options.manifests.current.settings)
    if (known.some((backup) => backup.directory === directory)) return
    await this.#note({ directory, sequence: 0 })
  }

  async #note(backup: KnownBackup): Promise<void> {
    await this.#options.manifests.update((current) => ({
      ...current,
      settings: withBackup(current.settings, backup),
    }))
  }

  /** Stops what is under way, for good; resolves when nothing is. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.allSettled(this.#running)
  }

  async #make(into: string, options: BackupOptions): Promise<BackupReport> {
    const { host, directory, live, manifests } = this.#options
    const mustContinue = (): void => {
      if (!this.#isStopped) return
      throw new DatabaseError(
        'Closed',
        `the database ${directory} was closed before its backup was done; open it and run the ` +
          'same backup again, which goes on where it stopped',
        { details: { directory, into } },
      )
    }
    mustContinue()
    const release = this.#options.keepFiles()
    try {
      const source = {
        host,
        directory,
        databaseId: manifests.current.databaseId,
        commits: () => live.current.commits,
        checkpoint: async () => {
          await this.#options.checkpoint()
          mustContinue()
          return manifests.current
        },
        mustContinue,
      }
      await this.#noteBegun(into)
      const report = await writeBackup(source, into, options)
      const { sequence, leftBehind } = report
      // Otherwise, and where this fails, an earlier state only is known of, which promises less.
      if (leftBehind.length === 0) {
        await this.#note({ directory: into, sequence }).catch(() => undefined)
      }
      return report
    } finally {
      await release()
    }
  }
}
