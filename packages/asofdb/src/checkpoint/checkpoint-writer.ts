import type { Compression } from '../encoding/compression.ts'
import type { Host } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import { type SegmentInfo, segmentsFrom } from '../log/segment.ts'
import { type DatabaseError, isDatabaseError, messageOf } from '../rules/errors.ts'
import type { LiveTables } from '../versions/live-tables.ts'
import type { Tables } from '../versions/tables.ts'
import { filesToAbsorb } from './checkpoint-policy.ts'
import { checkpointDirectoryOf, generationOfName } from './directory-names.ts'
import { explainFailure } from './explain-failure.ts'
import { type CheckpointFileInfo, filesOf, logStartOf, type Manifest } from './manifest.ts'
import type { ManifestStore } from './manifest-store.ts'
import { bytesBetween, countTables, zeroCounts } from './sections.ts'
import { removeIfPresent, writeCheckpointFile } from './write-checkpoint.ts'

export interface CheckpointerOptions {
  readonly host: Host
  /** The directory of the database. */
  readonly directory: string
  readonly live: LiveTables
  readonly manifests: ManifestStore
  /** Of the files that are written. Default: `none`. */
  readonly compression?: Compression | undefined
  /**
   * Resolves when all commits up to a sequence are acknowledged and durable in the log; rejects
   * when that can't be. Without a log it resolves at once.
   */
  untilDurable(sequence: number): Promise<void>
  /**
   * Removes the segments of the log that hold nothing from a sequence on, but for those that a
   * manifest names. Returns their names.
   */
  dropLogBefore(sequence: number, named: readonly SegmentInfo[]): Promise<readonly string[]>
  /** One begins that is to hold the commits up to `sequence`. */
  onStarted?(sequence: number): void
}

/**
 * `alone`: all of the tables in one file, and nothing older stays, neither the checkpoint before
 * nor the log that goes with it; for a database that must forget.
 */
export type CheckpointKind = 'usual' | 'alone'

export interface CheckpointReport {
  /** The newest commit that the checkpoint holds. */
  readonly sequence: number
  readonly generation: number
  /** 0 when there was nothing to write. */
  readonly bytesWritten: number
  /** Files that hold the database now. */
  readonly files: number
  /** Files that were merged into the one that was written. */
  readonly filesAbsorbed: number
  /** Paths, inside the directory of the database, that are no longer needed and gone. */
  readonly removed: readonly string[]
  /** What could not be removed, and why; the next opening removes it. */
  readonly leftBehind: readonly { readonly name: string; readonly why: string }[]
  readonly durationMs: number
}

/**
 * Makes checkpoints: writes what the tables gained, puts it in force, removes what is no longer
 * needed. Order is everything: file, its directory, the log up to the same commit, the manifest,
 * and only then removals.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions
  /** Whose rows the files in force hold: those of other tables are numbered differently. */
  #stored: Tables
  #last: Promise<unknown> = Promise.resolve()
  #failure: DatabaseError | undefined
  /** How many are reading the files of a checkpoint, and the files that stay for them only. */
  #readers = 0
  readonly #owed = new Set<string>()

  constructor(options: CheckpointerOptions) {
    this.#options = options
    this.#stored = options.live.current
  }

  /** Bytes of all checkpoint files on the disk. */
  get byteLength(): number {
    return filesOf(this.#options.manifests.current).reduce((sum, file) => sum + file.size, 0)
  }

  /**
   * Resolves when everything applied at the call is in a checkpoint. One runs at a time. When it
   * rejects, the checkpoint before is in force and another attempt may be made, unless the error
   * is `Poisoned`.
   */
  checkpoint(kind: CheckpointKind = 'usual'): Promise<CheckpointReport> {
    const next = this.#last.then(() => this.#run(kind))
    this.#last = next.catch(() => undefined)
    return next
  }

  /**
   * Keeps every file that is in force from now on, until the function that this returns is called
   * for the first time; that removes what has become unneeded meanwhile.
   */
  keepFiles(): () => Promise<void> {
    this.#readers++
    let isReading = true
    return async () => {
      if (!isReading) return
      isReading = false
      this.#readers--
      this.#last = this.#last.then(() => this.#removeOwed())
      await this.#last
    }
  }

  async #run(kind: CheckpointKind): Promise<CheckpointReport> {
    const { manifests, live, host } = this.#options
    const tables = live.current
    if (this.#failure !== undefined) throw this.#failure
    const startMs = host.clock.monotonicMs()
    const before = manifests.current
    const sequence = tables.commits.sequence
    const isStored = sequence === before.checkpoint.sequence && tables === this.#stored
    if (sequence === 0 || (isStored && kind === 'usual')) {
      return {
        sequence,
        generation: before.generation,
        bytesWritten: 0,
        files: before.checkpoint.files.length,
        filesAbsorbed: 0,
        removed: [],
        leftBehind: [],
        durationMs: host.clock.monotonicMs() - startMs,
      }
    }
    invariant(sequence >= before.checkpoint.sequence, 'the tables never lose a commit')
    this.#options.onStarted?.(sequence)
    const written = await this.#write(before, tables, kind)
    const { file, filesAbsorbed } = written
    invariant(file.toSequence === sequence, 'a checkpoint holds what was there when it began')
    const after = await this.#install(written, kind)
    const isAlone = after.checkpoint.files.length === 1 && after.previous === after.checkpoint
    invariant(kind === 'usual' || isAlone, 'nothing older stays where something must go')
    this.#stored = tables
    const { removed, leftBehind } = await this.#clean(before, after, kind)
    return {
      sequence,
      generation: after.generation,
      bytesWritten: file.size,
      files: after.checkpoint.files.length,
      filesAbsorbed,
      removed,
      leftBehind,
      durationMs: host.clock.monotonicMs() - startMs,
    }
  }

  /** Everything up to the first await belongs to one turn, and so to `sequence`. */
  async #write(
    before: Manifest,
    tables: Tables,
    kind: CheckpointKind,
  ): Promise<{ file: CheckpointFileInfo; filesAbsorbed: number }> {
    const { host, directory } = this.#options
    const { sequence } = tables.commits
    const to = countTables(tables)
    const { files } = before.checkpoint
    // What a file holds, so that compression changes nothing about what is merged.
    const sizes = files.map(({ size, from, to }) => Math.max(size, bytesBetween(from, to)))
    const isWhole = kind === 'alone' || tables !== this.#stored
    const filesAbsorbed = isWhole
      ? files.length
      : filesToAbsorb(sizes, bytesBetween(files.at(-1)?.to ?? zeroCounts(), to))
    invariant(filesAbsorbed <= files.length, 'only files that exist are absorbed')
    const base = files[files.length - filesAbsorbed - 1]
    const from = base?.to ?? zeroCounts()
    try {
      const file = await writeCheckpointFile({
        host,
        directory,
        tables,
        databaseId: before.databaseId,
        generation: before.generation + 1,
        fromSequence: base?.toSequence ?? 0,
        toSequence: sequence,
        from,
        to,
        compression: this.#options.compression,
      })
      return { file, filesAbsorbed }
    } catch (error) {
      if (isDatabaseError(error, 'Poisoned')) this.#failure = error
      throw explainFailure('write a checkpoint', error)
    }
  }

  async #install(
    { file, filesAbsorbed }: { file: CheckpointFileInfo; filesAbsorbed: number },
    kind: CheckpointKind,
  ): Promise<Manifest> {
    const { manifests, host, directory } = this.#options
    const { generation } = manifests.current
    try {
      await this.#options.untilDurable(file.toSequence)
      return await manifests.update(current => {
        const { files } = current.checkpoint
        invariant(current.generation === generation, 'nobody else makes checkpoints')
        const kept = files.slice(0, files.length - filesAbsorbed)
        invariant(kind === 'usual' || kept.length === 0, 'what stands alone has taken in all')
        const checkpoint = { sequence: file.toSequence, files: [...kept, file] }
        const next: Manifest = {
          ...current,
          generation: generation + 1,
          previous: kind === 'alone' ? checkpoint : current.checkpoint,
          checkpoint,
          durableSequence: Math.max(current.durableSequence, file.toSequence),
        }
        // What is left of a log that nobody keeps any more is in the checkpoint, all of it.
        const isLogNeeded = kind !== 'alone' || current.isLogged
        const segments = isLogNeeded ? segmentsFrom(current.segments, logStartOf(next)) : []
        return { ...next, segments }
      })
    } catch (error) {
      // Where the manifest may or may not name the file, it has to stay.
      if (!manifests.isPoisoned) {
        const path = `${checkpointDirectoryOf(directory)}/${file.name}`
        // What can't be removed is removed at the next opening, because no manifest names it.
        await removeIfPresent(host.files, path).catch(() => undefined)
      }
      throw error
    }
  }

  /** A failure here costs room until the next opening, nothing else, so it is only reported. */
  async #clean(
    before: Manifest,
    after: Manifest,
    kind: CheckpointKind,
  ): Promise<Pick<CheckpointReport, 'removed' | 'leftBehind'>> {
    const { host, directory } = this.#options
    const removed: string[] = []
    const leftBehind: { name: string; why: string }[] = []
    const tryTo = async (name: string, work: () => Promise<readonly string[]>) => {
      try {
        removed.push(...(await work()))
      } catch (error) {
        leftBehind.push({ name, why: messageOf(error) })
      }
    }
    const needed = new Set(filesOf(after).map(file => file.name))
    const folder = checkpointDirectoryOf(directory)
    const names = new Set(filesOf(before).map(({ name }) => name))
    const isAlone = kind === 'alone'
    invariant(!isAlone || needed.size === 1, 'one file holds all of what stands alone')
    if (isAlone) {
      await tryTo('checkpoint', async () => {
        // Those, too, that an earlier removal has failed on.
        const found = await host.files.list(folder)
        for (const name of found) if (generationOfName(name) !== undefined) names.add(name)
        return []
      })
    }
    for (const name of names) {
      if (needed.has(name)) continue
      invariant(name !== after.checkpoint.files.at(-1)?.name, 'what was just written stays')
      if (this.#readers > 0) {
        this.#owed.add(name)
        leftBehind.push({ name: `checkpoint/${name}`, why: 'a backup reads it, then it goes' })
        continue
      }
      await tryTo(`checkpoint/${name}`, async () => {
        await removeIfPresent(host.files, `${folder}/${name}`)
        return [`checkpoint/${name}`]
      })
    }
    // What is to be forgotten does not come back with a power cut.
    if (isAlone) {
      await tryTo('checkpoint', async () => {
        await host.files.syncDirectory(folder)
        return []
      })
    }
    await tryTo('log', async () => {
      const names = await this.#options.dropLogBefore(logStartOf(after), after.segments)
      return names.map(name => `log/${name}`)
    })
    return { removed, leftBehind }
  }

  /** What can't be removed is removed at the next opening, because no manifest names it. */
  async #removeOwed(): Promise<void> {
    if (this.#readers > 0) return
    const { manifests, host, directory } = this.#options
    const needed = new Set(filesOf(manifests.current).map(file => file.name))
    for (const name of this.#owed) {
      invariant(!needed.has(name), 'a file that is no longer needed is not needed again')
      const path = `${checkpointDirectoryOf(directory)}/${name}`
      await removeIfPresent(host.files, path).catch(() => undefined)
    }
    if (this.#owed.size > 0) {
      await host.files.syncDirectory(checkpointDirectoryOf(directory)).catch(() => undefined)
    }
    this.#owed.clear()
  }
}
