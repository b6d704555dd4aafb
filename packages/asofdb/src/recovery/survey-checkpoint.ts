import { countsOf } from '../checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryName,
  checkpointDirectoryOf,
  generationOfName,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import type { SectionDamage } from '../checkpoint/load-sections.ts'
import {
  type CheckpointFileInfo,
  type CheckpointState,
  filesOf,
  type Manifest,
} from '../checkpoint/manifest.ts'
import {
  loadCheckpoint,
  type OpenableCheckpoint,
  type ReadHeader,
  readCheckpointHeader,
} from '../checkpoint/read-checkpoint.ts'
import { countsEqual } from '../checkpoint/sections.ts'
import { isErrno } from '../host/files.ts'
import type { FileSystem } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'
import type { Damage } from './report.ts'

export interface CheckpointSurvey {
  /** What the tables hold now; undefined when nothing can be loaded. */
  readonly loaded: CheckpointState | undefined
  readonly damage: readonly Damage[]
  /** Files of another database, relative to the directory. */
  readonly foreign: readonly string[]
  readonly newer: readonly { readonly file: string; readonly formatVersion: number }[]
  /** Files that only a later manifest can have named. */
  readonly fromLater: readonly string[]
  /** Files that the manifest doesn't name: a crash left them. */
  readonly orphans: readonly string[]
}

export interface CheckpointSurveyOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly manifest: Manifest
  /** Empty ones, to be filled. */
  readonly tables: Tables
}

/**
 * Looks at the checkpoint files and loads the newest state that is whole and from which the log
 * leads on. Writes nothing.
 */
export async function surveyCheckpoints(
  options: CheckpointSurveyOptions,
): Promise<CheckpointSurvey> {
  invariant(options.tables.commits.sequence === 0, 'a checkpoint is loaded into empty tables')
  const survey = new Survey(options)
  await survey.readHeaders()
  await survey.judgeUnnamed()
  return survey.load()
}

/** The path inside the directory of the database. */
export function checkpointPath(name: string): string {
  return `${checkpointDirectoryName}/${name}`
}

class Survey {
  readonly #options: CheckpointSurveyOptions
  readonly #openable = new Map<string, OpenableCheckpoint>()
  readonly #damage: Damage[] = []
  readonly #foreign: string[] = []
  readonly #newer: { file: string; formatVersion: number }[] = []
  readonly #fromLater: string[] = []
  readonly #orphans: string[] = []

  constructor(options: CheckpointSurveyOptions) {
    this.#options = options
  }

  async readHeaders(): Promise<void> {
    for (const info of filesOf(this.#options.manifest)) {
      const path = this.#pathOf(info.name)
      const found = await readCheckpointHeader(this.#options.files, path)
      this.#judgeNamed(info, path, found)
    }
  }

  /**
   * An unnamed file is what a checkpoint left that did not come to its end, or one that is no
   * longer needed. Its generation is at most the next one.
   */
  async judgeUnnamed(): Promise<void> {
    const { files, directory, manifest } = this.#options
    const named = new Set(filesOf(manifest).map(info => info.name))
    for (const name of await listIfPresent(files, checkpointDirectoryOf(directory))) {
      const generation = generationOfName(name)
      if (generation === undefined || named.has(name)) continue
      const found = await readCheckpointHeader(files, this.#pathOf(name))
      if (found.type === 'newer') this.#addNewer(name, found.formatVersion)
      else if (found.type !== 'header') this.#orphans.push(checkpointPath(name))
      else if (found.header.databaseId !== manifest.databaseId) {
        this.#foreign.push(checkpointPath(name))
      } else if (generation > manifest.generation + 1) this.#fromLater.push(checkpointPath(name))
      else this.#orphans.push(checkpointPath(name))
    }
  }

  async load(): Promise<CheckpointSurvey> {
    const { files, manifest, tables } = this.#options
    let loaded: CheckpointState | undefined
    const isReadable = this.#foreign.length + this.#newer.length + this.#fromLater.length === 0
    for (const state of isReadable ? candidatesOf(manifest) : []) {
      const chain = state.files.map(info => this.#openable.get(info.name))
      const openable = chain.filter(one => one !== undefined)
      if (openable.length < chain.length) continue
      const damage = await loadCheckpoint(files, openable, tables)
      if (damage === undefined) {
        invariant(tables.commits.sequence === state.sequence, 'a state is loaded to its end')
        loaded = state
        break
      }
      this.#addSectionDamage(damage)
    }
    const isDamaged = this.#damage.length > 0
    invariant(isDamaged || !isReadable || loaded === manifest.checkpoint, 'the newest is taken')
    return {
      loaded,
      damage: this.#damage,
      foreign: this.#foreign,
      newer: this.#newer,
      fromLater: this.#fromLater,
      orphans: this.#orphans,
    }
  }

  #judgeNamed(info: CheckpointFileInfo, path: string, found: ReadHeader): void {
    const { name } = info
    switch (found.type) {
      case 'missing':
        return this.#addDamage(name, { kind: 'missing', what: 'it is not there' })
      case 'unreadable':
        if (!isErrno(found.error, 'EIO')) throw explainFailure(`read ${name}`, found.error)
        return this.#addDamage(name, { kind: 'ioError', what: 'the disk refuses to read it' })
      case 'newer':
        return this.#addNewer(name, found.formatVersion)
      case 'damaged': {
        const kind = found.size < info.size ? 'truncated' : 'checksum'
        return this.#addDamage(name, { kind, what: 'its header is damaged' })
      }
      case 'header': {
        const { header, checksum, size } = found
        if (header.databaseId !== this.#options.manifest.databaseId) {
          this.#foreign.push(checkpointPath(name))
          return
        }
        if (size < info.size) {
          const damage = { kind: 'truncated', what: 'its end is missing', offset: size } as const
          return this.#addDamage(name, damage)
        }
        const { from, to } = countsOf(header)
        const isNamed =
          checksum === info.headerChecksum &&
          header.fromSequence === info.fromSequence &&
          header.toSequence === info.toSequence &&
          countsEqual(from, info.from) &&
          countsEqual(to, info.to)
        if (!isNamed || size > info.size) {
          const damage = { kind: 'salt', what: 'it is another file than the one named' } as const
          return this.#addDamage(name, damage)
        }
        this.#openable.set(name, { path, header })
      }
    }
  }

  #addDamage(name: string, of: Pick<Damage, 'kind' | 'what'> & { offset?: number }): void {
    const evidence = of.kind === 'ioError' ? 'readRefused' : 'manifest'
    this.#damage.push({ file: checkpointPath(name), offset: 0, evidence, ...of })
  }

  #addSectionDamage({ path, kind, offset, what, cause }: SectionDamage): void {
    const name = path.slice(this.#pathOf('').length)
    const wasOpenable = this.#openable.delete(name)
    invariant(wasOpenable, 'only files with a good header are loaded')
    if (kind === 'ioError' && !isErrno(cause, 'EIO')) throw explainFailure(`read ${name}`, cause)
    this.#addDamage(name, { kind, what: `${what} is damaged`, offset })
  }

  #addNewer(name: string, formatVersion: number): void {
    this.#newer.push({ file: checkpointPath(name), formatVersion })
  }

  #pathOf(name: string): string {
    return `${checkpointDirectoryOf(this.#options.directory)}/${name}`
  }
}

/**
 * What can stand for the newest checkpoint, newest first: the first files of this or of the one
 * before, or none at all, each as long as the log goes back to it.
 */
function candidatesOf({ checkpoint, previous, segments }: Manifest): CheckpointState[] {
  const logStart = segments[0]?.firstSequence ?? Infinity
  const bySequence = new Map<number, CheckpointState>([[checkpoint.sequence, checkpoint]])
  for (const state of [checkpoint, previous]) {
    for (let count = state.files.length; count >= 0; count--) {
      const files = state.files.slice(0, count)
      const sequence = files.at(-1)?.toSequence ?? 0
      if (sequence + 1 >= logStart && !bySequence.has(sequence)) {
        bySequence.set(sequence, { sequence, files })
      }
    }
  }
  const candidates = [...bySequence.values()].sort((a, b) => b.sequence - a.sequence)
  invariant(candidates[0] === checkpoint, 'the newest checkpoint is tried first')
  return candidates
}

/** Names in a directory; none when it does not exist. */
export async function listIfPresent(files: FileSystem, path: string): Promise<string[]> {
  try {
    return await files.list(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw explainFailure(`list ${path}`, error)
  }
}
