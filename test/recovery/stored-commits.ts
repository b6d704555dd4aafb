import { Checkpointer } from '../../packages/asofdb/src/checkpoint/checkpoint-writer.ts'
import { hexToBytes } from '../../packages/asofdb/src/checkpoint/checkpoint-file.ts'
import type { PartPaths } from '../../packages/asofdb/src/checkpoint/paths-file.ts'
import type { CheckpointReport } from '../../packages/asofdb/src/checkpoint/checkpoint-writer.ts'
import type { DirectoryLock, Host } from '../../packages/asofdb/src/host/host.ts'
import { LogWriter } from '../../packages/asofdb/src/log/log-writer.ts'
import {
  openDirectory,
  type OpenedDirectory,
  prepareDirectory,
} from '../../packages/asofdb/src/recovery/open-directory.ts'
import { takeDirectory } from '../../packages/asofdb/src/recovery/placement.ts'
import { LiveTables } from '../../packages/asofdb/src/versions/live-tables.ts'
import { verify, type VerifyReport } from '../../packages/asofdb/src/recovery/verify.ts'
import { SampleCommits } from './sample-commits.ts'

export interface StoredOptions {
  readonly host: Host
  readonly seed: string
  readonly directory?: string
  readonly segmentBytesMax?: number
  readonly create?: boolean
  /** Where log and checkpoints are to lie, instead of in the directory. */
  readonly paths?: PartPaths
  /** False: commits go to checkpoints only. */
  readonly isLogged?: boolean
}

/** The parts of a database that have to do with files, wired as `open` does it. */
export class StoredCommits {
  readonly opened: OpenedDirectory
  readonly sample: SampleCommits
  readonly #options: StoredOptions
  readonly #checkpointer: Checkpointer
  readonly #log: LogWriter | undefined
  readonly #lock: DirectoryLock | undefined

  private constructor(
    options: StoredOptions,
    { opened, sample, log, lock }: {
      opened: OpenedDirectory
      sample: SampleCommits
      log: LogWriter | undefined
      lock: DirectoryLock | undefined
    },
  ) {
    this.#options = options
    this.opened = opened
    this.sample = sample
    this.#log = log
    this.#lock = lock
    this.#checkpointer = new Checkpointer({
      host: options.host,
      directory: directoryOf(options),
      live: new LiveTables(sample.tables),
      manifests: opened.manifests,
      untilDurable: async (sequence) => {
        await log?.acknowledged(sequence)
        await log?.flush()
      },
      dropLogBefore: async (sequence) => (log ? log.dropBefore(sequence) : []),
    })
  }

  static async open(given: StoredOptions): Promise<StoredCommits> {
    const directory = directoryOf(given)
    const create = given.create ?? true
    const { paths } = given
    const taken = paths && (await takeDirectory({ ...given, directory, create, wanted: paths }))
    const host = taken?.host ?? given.host
    if (taken === undefined) await prepareDirectory(host.files, directory, create)
    const options = { ...given, host }
    const sample = new SampleCommits(options.seed)
    const isLogged = options.isLogged ?? true
    const opened = await openDirectory({
      host,
      directory,
      tables: sample.tables,
      applier: sample.applier,
      create,
      settings: { nodesValid: 'now' },
      isLogged,
    })
    const log = isLogged ? await openLog(options, opened) : undefined
    return new StoredCommits(options, { opened, sample, log, lock: taken?.lock })
  }

  get sequence(): number {
    return this.sample.tables.commits.sequence
  }

  /** Resolves with the sequence when the commit is acknowledged. */
  async commit(payloadBytesMax?: number): Promise<number> {
    const batch = this.sample.commit(payloadBytesMax)
    this.#log?.append(batch)
    await this.#log?.acknowledged(batch.sequence)
    return batch.sequence
  }

  async commits(count: number, payloadBytesMax?: number): Promise<void> {
    for (let done = 0; done < count; done++) await this.commit(payloadBytesMax)
  }

  checkpoint(): Promise<CheckpointReport> {
    return this.#checkpointer.checkpoint()
  }

  verify(): Promise<VerifyReport> {
    const { host } = this.#options
    return verify({
      host,
      tables: this.sample.tables,
      derived: [],
      stored: {
        directory: directoryOf(this.#options),
        manifests: this.opened.manifests,
        durableSequence: () => this.#log?.durableSequence ?? 0,
        commits: () => this.sample.tables.commits,
      },
    })
  }

  async close(): Promise<void> {
    await this.#log?.close()
    await this.#lock?.release()
  }
}

function directoryOf(options: StoredOptions): string {
  return options.directory ?? '/db'
}

function openLog(options: StoredOptions, opened: OpenedDirectory): Promise<LogWriter> {
  const { manifest, manifests, log } = opened
  const writerOptions = {
    host: options.host,
    directory: `${directoryOf(options)}/log`,
    databaseId: hexToBytes(manifest.databaseId),
    epoch: manifest.epoch,
    mode: { log: 'sync', fsync: 'always' } as const,
    segmentBytesMax: options.segmentBytesMax ?? 1024 * 1024,
    onSegment: async (segments: Parameters<typeof manifests.nameSegments>[0]) => {
      await manifests.nameSegments(segments)
    },
    onAcknowledged: () => undefined,
    onPoison: () => undefined,
  }
  if (log.type === 'resume') return LogWriter.resume(writerOptions, log.tail)
  return LogWriter.create(writerOptions, log)
}
