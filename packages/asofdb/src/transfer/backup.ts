import { hexToBytes } from '../checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryOf,
  indexDirectoryName,
  logDirectoryName,
  logDirectoryOf,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import type { CheckpointFileInfo, Manifest } from '../checkpoint/manifest.ts'
import { ManifestStore } from '../checkpoint/manifest-store.ts'
import { removeIfPresent } from '../checkpoint/write-checkpoint.ts'
import { microsToInstant } from '../encoding/instant.ts'
import { temporaryName } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import { readLog } from '../log/log-reader.ts'
import { checkpointPath } from '../recovery/survey-checkpoint.ts'
import { DatabaseError, messageOf } from '../rules/errors.ts'
import type { CommitTable } from '../versions/commit-table.ts'
import { checkFile, copyDamaged, copyFile, sourceDamaged, syncFile } from './checkpoint-copy.ts'
import { withoutBackups } from './known-backups.ts'
import { TargetDirectory } from './target-directory.ts'
import type { BackupOptions, BackupReport } from './transfer-options.ts'

/** A database whose checkpoint files stay where they are until the backup has come to its end. */
export interface BackupSource {
  readonly host: Host
  /** Absolute path. */
  readonly directory: string
  readonly databaseId: string
  /** Those that there are by now: compaction replaces the table. */
  commits(): CommitTable
  /** Makes a checkpoint of what is applied; the manifest names it, and it goes to the backup. */
  checkpoint(): Promise<Manifest>
  /** Throws when the database is being closed. */
  mustContinue(): void
}

/**
 * Brings a directory to the state of the newest checkpoint of a database. A backup is a database
 * directory with the id of the original: its checkpoint files, and a manifest whose settings say
 * `backup`, with the commit it was made at.
 *
 * **Order.** Each file is copied under a temporary name, synced and read back. Then the files get
 * their names, the directory is synced, the manifest is put in force, and what the one before
 * named and this one doesn't is removed, durably: what was erased must not come back.
 *
 * **Why a crash is safe.** In an empty directory the manifest comes last, and until then a mark
 * says what the directory is. In an existing backup the manifest before stays in force until the
 * next one replaces it, and all files it names stay until then. Before files get their names its
 * generation is raised, so that they are leftovers to whoever opens it, and not from its future.
 */
export async function writeBackup(
  source: BackupSource,
  into: string,
  options: BackupOptions,
): Promise<BackupReport> {
  const { host, databaseId: sourceId } = source
  const startMs = host.clock.monotonicMs()
  const target = await TargetDirectory.take({ host, directory: into, purpose: 'backup', sourceId })
  try {
    // Made while nobody else can write to the target, so that no backup ever goes back.
    const manifest = await source.checkpoint()
    const work = new BackupWork({ ...source, manifest }, target, { into, options })
    const report = await work.run()
    return { ...report, durationMs: host.clock.monotonicMs() - startMs }
  } catch (error) {
    throw explainFailure(`back up to ${into}`, error)
  } finally {
    await target.release()
  }
}

interface CheckpointedSource extends Omit<BackupSource, 'checkpoint'> {
  readonly manifest: Manifest
}

class BackupWork {
  readonly #source: CheckpointedSource
  readonly #target: TargetDirectory
  readonly #into: string
  readonly #options: BackupOptions
  /** Files that have only a temporary name yet. */
  readonly #unnamed: string[] = []
  #filesCopied = 0
  #bytesCopied = 0
  #filesReused = 0
  #bytesReused = 0
  #bytesDone = 0

  constructor(
    source: CheckpointedSource,
    target: TargetDirectory,
    { into, options }: { readonly into: string; readonly options: BackupOptions },
  ) {
    this.#source = source
    this.#target = target
    this.#into = into
    this.#options = options
  }

  async run(): Promise<Omit<BackupReport, 'durationMs'>> {
    const { manifest } = this.#source
    const before = this.#target.found?.manifest
    if (before === undefined) await this.#target.begin()
    else await this.#mustBeEarlier(before)
    for (const info of manifest.checkpoint.files) await this.#bring(info)
    this.#mustContinue()
    await this.#install(before)
    const cleaned = await this.#clean(before)
    if (this.#target.isUnfinished || before === undefined) await this.#target.finish()
    const { sequence } = manifest.checkpoint
    return {
      directory: this.#into,
      sequence,
      system: sequence === 0 ? null : microsToInstant(this.#source.commits().systemTime(sequence)),
      previousSequence: before?.checkpoint.sequence ?? null,
      filesCopied: this.#filesCopied,
      bytesCopied: this.#bytesCopied,
      filesReused: this.#filesReused,
      bytesReused: this.#bytesReused,
      ...cleaned,
    }
  }

  /** What is there must be a backup of this database, at a commit of its history, and untouched. */
  async #mustBeEarlier(before: Manifest): Promise<void> {
    const { manifest } = this.#source
    const refuse = (what: string): DatabaseError =>
      new DatabaseError('AlreadyExists', `${this.#into} ${what}; give another directory`, {
        details: { directory: this.#into, databaseId: before.databaseId },
      })
    if (before.databaseId !== manifest.databaseId) throw refuse('holds another database')
    const mark = before.settings['backup']
    if (typeof mark !== 'object' || mark === null || !('sequence' in mark)) {
      throw refuse('holds this database, or a copy of its directory, and no backup')
    }
    const { sequence } = before.checkpoint
    const isUsed = mark['sequence'] !== sequence || (await this.#hasCommitsInLog(before))
    if (isUsed) throw refuse('was a backup and has been written to since')
    const isKnown = sequence <= manifest.checkpoint.sequence
    const commits = this.#source.commits()
    const system = isKnown && sequence > 0 ? String(commits.systemTime(sequence)) : ''
    if (isKnown && mark['system'] === system) return
    throw refuse(`is a backup with commits, up to ${sequence}, that this database doesn't have`)
  }

  /** Opening a backup, to verify it, gives it a log; that alone does no harm. */
  async #hasCommitsInLog({ segments, databaseId, checkpoint }: Manifest): Promise<boolean> {
    let count = 0
    if (segments.length === 0) return false
    const { ending } = await readLog(
      {
        host: this.#source.host,
        directory: logDirectoryOf(this.#into),
        databaseId: hexToBytes(databaseId),
        expected: segments,
        firstSequence: checkpoint.sequence + 1,
        durableSequenceFloor: 0,
      },
      () => {
        count++
      },
    )
    return count > 0 || ending.type === 'damaged'
  }

  /** Has a file in the backup, whole and durable, under its name or its temporary one. */
  async #bring(info: CheckpointFileInfo): Promise<void> {
    const { host, manifest } = this.#source
    this.#mustContinue()
    const { databaseId } = manifest
    const path = `${checkpointDirectoryOf(this.#into)}/${info.name}`
    const temporary = temporaryName(path)
    if ((await checkFile({ host, path, databaseId, info })) === undefined) {
      return this.#noteReused(info)
    }
    this.#unnamed.push(info.name)
    if ((await checkFile({ host, path: temporary, databaseId, info })) === undefined) {
      // Whoever wrote it may have been killed before it was synced.
      await syncFile(host, temporary)
      return this.#noteReused(info)
    }
    const from = `${checkpointDirectoryOf(this.#source.directory)}/${info.name}`
    const start = this.#bytesDone
    await copyFile({ host, from, to: temporary, onPiece: (bytes) => this.#notePiece(bytes) })
    this.#bytesDone = start + info.size
    const fault = await checkFile({ host, path: temporary, databaseId, info })
    if (fault !== undefined) {
      const cause = await checkFile({ host, path: from, databaseId, info })
      if (cause !== undefined) throw sourceDamaged(checkpointPath(info.name), cause)
      throw copyDamaged(temporary, fault)
    }
    this.#filesCopied++
    this.#bytesCopied += info.size
  }

  async #install(before: Manifest | undefined): Promise<void> {
    const { host, manifest } = this.#source
    const { files } = host
    const place = { files, directory: this.#into }
    const directory = checkpointDirectoryOf(this.#into)
    const { found } = this.#target
    const isSame = before !== undefined && hasSameFiles(before, manifest)
    const store = found && ManifestStore.of(place, found.manifest, found.bytes)
    if (!isSame && store !== undefined) {
      await store.update((current) => ({
        ...current,
        generation: Math.max(current.generation, manifest.generation),
      }))
    }
    for (const name of this.#unnamed) {
      await files.rename(temporaryName(`${directory}/${name}`), `${directory}/${name}`)
    }
    await files.syncDirectory(directory)
    if (isSame) return
    if (store === undefined) await ManifestStore.create(place, this.#nextManifest(undefined))
    else await store.update((current) => this.#nextManifest(current))
  }

  #nextManifest(current: Manifest | undefined): Manifest {
    const { manifest } = this.#source
    const { checkpoint } = manifest
    const { sequence } = checkpoint
    const system = sequence === 0 ? '' : String(this.#source.commits().systemTime(sequence))
    return {
      databaseId: manifest.databaseId,
      revision: current?.revision ?? 1,
      epoch: Math.max(current?.epoch ?? 1, manifest.epoch),
      isLogged: true,
      generation: Math.max(current?.generation ?? 0, manifest.generation),
      settings: { ...withoutBackups(manifest.settings), backup: { sequence, system } },
      checkpoint,
      previous: checkpoint,
      segments: [],
      segmentNumber: Math.max(current?.segmentNumber ?? 0, manifest.segmentNumber),
      durableSequence: sequence,
    }
  }

  /** Removes what the manifest in force doesn't name, images included: nobody relies on those. */
  async #clean(
    before: Manifest | undefined,
  ): Promise<Pick<BackupReport, 'removed' | 'leftBehind'>> {
    const { host, manifest } = this.#source
    const { files } = host
    const isSame = before !== undefined && hasSameFiles(before, manifest)
    const needed = new Set([
      ...manifest.checkpoint.files.map(({ name }) => checkpointPath(name)),
      ...(isSame ? before.segments : []).map(({ name }) => `${logDirectoryName}/${name}`),
    ])
    const there = [
      ...(await this.#target.checkpointNames()).map(checkpointPath),
      ...(await this.#target.segmentNames()).map((name) => `${logDirectoryName}/${name}`),
      ...(await this.#target.imageNames()).map((name) => `${indexDirectoryName}/${name}`),
    ]
    const unneeded = there.filter((name) => !needed.has(name))
    const leftBehind: { name: string; why: string }[] = []
    const tryTo = async (names: readonly string[], work: () => Promise<void>): Promise<boolean> => {
      try {
        await work()
        return true
      } catch (error) {
        leftBehind.push(...names.map((name) => ({ name, why: messageOf(error) })))
        return false
      }
    }
    const removed: string[] = []
    for (const folder of new Set(unneeded.map((name) => name.slice(0, name.indexOf('/'))))) {
      const gone: string[] = []
      for (const name of unneeded.filter((one) => one.startsWith(`${folder}/`))) {
        const remove = (): Promise<void> => removeIfPresent(files, `${this.#into}/${name}`)
        if (await tryTo([name], remove)) gone.push(name)
      }
      const sync = (): Promise<void> => files.syncDirectory(`${this.#into}/${folder}`)
      if (gone.length > 0 && (await tryTo(gone, sync))) removed.push(...gone)
    }
    return { removed, leftBehind }
  }

  #mustContinue(): void {
    this.#source.mustContinue()
    this.#options.signal?.throwIfAborted()
  }

  #notePiece(bytes: number): void {
    this.#mustContinue()
    this.#bytesDone += bytes
    this.#tell()
  }

  #noteReused({ size }: CheckpointFileInfo): void {
    this.#filesReused++
    this.#bytesReused += size
    this.#bytesDone += size
    this.#tell()
  }

  #tell(): void {
    const { files } = this.#source.manifest.checkpoint
    const of = files.reduce((sum, { size }) => sum + size, 0)
    // A damaged source may be longer than it was when its manifest was written.
    this.#options.onProgress?.({ done: Math.min(this.#bytesDone, of), of })
  }
}

/** Compaction gives the same commits in other files. */
function hasSameFiles(before: Manifest, { checkpoint }: Manifest): boolean {
  const known = before.checkpoint.files
  const isKnown = ({ name, headerChecksum }: CheckpointFileInfo, index: number): boolean =>
    known[index]?.name === name && known[index].headerChecksum === headerChecksum
  return known.length === checkpoint.files.length && checkpoint.files.every(isKnown)
}
