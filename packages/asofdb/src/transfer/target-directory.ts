import { isAbsolute, resolve } from 'node:path'
import { takeLock } from '../checkpoint/directory-lock.ts'
import {
  checkpointDirectoryOf,
  generationOfName,
  imageNameKind,
  indexDirectoryOf,
  logDirectoryOf,
  manifestName,
  pathsName,
  rootNameKind,
  unfinishedName,
} from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { decodeManifest, isManifest, type Manifest } from '../checkpoint/manifest.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import type { Places } from '../checkpoint/placed-files.ts'
import { removeIfPresent } from '../checkpoint/write-checkpoint.ts'
import { bytesEqual } from '../encoding/bytes.ts'
import { temporaryName, writeFileDurably } from '../host/files.ts'
import type { DirectoryLock, Host } from '../host/host.ts'
import { parseSegmentName } from '../log/segment.ts'
import { prepareDirectory, syncNames } from '../recovery/open-directory.ts'
import { makeSubdirectories } from '../recovery/repair.ts'
import { listIfPresent } from '../recovery/survey-checkpoint.ts'
import { DatabaseError } from '../rules/errors.ts'

/**
 * What is being made. The file `UNFINISHED` marks a directory that is being filled: it is written
 * first and goes last, and says this. Until the manifest is there, the directory is no database,
 * and with the mark whoever runs the same again knows that what lies there is their own.
 */
export type TargetPurpose = 'backup' | 'copy'

export interface TargetOptions {
  readonly host: Host
  readonly directory: string
  readonly purpose: TargetPurpose
  /** Of the source; something else for one that has no id. */
  readonly sourceId: string
}

interface FoundManifest {
  readonly manifest: Manifest
  readonly bytes: Uint8Array
}

/** The directory that a backup or a copy goes to, with its lock. */
export class TargetDirectory {
  readonly #options: TargetOptions
  readonly #lock: DirectoryLock
  /** Undefined where there is no database yet. */
  readonly found: FoundManifest | undefined
  /** Whether the mark is there: what was begun has not been reported as done. */
  readonly isUnfinished: boolean

  private constructor(
    options: TargetOptions,
    lock: DirectoryLock,
    state: { readonly found: FoundManifest | undefined; readonly isUnfinished: boolean },
  ) {
    this.#options = options
    this.#lock = lock
    this.found = state.found
    this.isUnfinished = state.isUnfinished
  }

  /**
   * Makes the directory, takes its lock and looks at what is there. Throws `NotADatabase` for a
   * directory of other things, `AlreadyExists` for what another command has begun, `Locked`.
   */
  static async take(options: TargetOptions): Promise<TargetDirectory> {
    const { host, directory } = options
    await prepareDirectory(host.files, directory, true)
    const lock = await takeLock(host, directory)
    try {
      return new TargetDirectory(options, lock, await lookAt(options))
    } catch (error) {
      await lock.release()
      throw explainFailure(`look at ${directory}`, error)
    }
  }

  /** Marks an empty directory, or one that was begun before, and makes what belongs into it. */
  async begin(): Promise<void> {
    const { host, directory } = this.#options
    const { files } = host
    await syncNames(files, directory)
    const bytes = markOf(this.#options)
    const name = unfinishedName
    if (!this.isUnfinished) await writeFileDurably({ files, directory, name, bytes })
    await makeSubdirectories({ files, directory })
  }

  /** Takes the mark away: what was made is reported from now on. */
  async finish(): Promise<void> {
    const { host, directory } = this.#options
    await removeIfPresent(host.files, `${directory}/${unfinishedName}`)
    await host.files.syncDirectory(directory)
  }

  /** Names of checkpoint files in `checkpoint/`, those that are being built included. */
  async checkpointNames(): Promise<string[]> {
    const { host, directory } = this.#options
    const names = await listIfPresent(host.files, checkpointDirectoryOf(directory))
    return names.filter(isCheckpointName)
  }

  /** Names of segments in `log/`. */
  async segmentNames(): Promise<string[]> {
    const { host, directory } = this.#options
    const names = await listIfPresent(host.files, logDirectoryOf(directory))
    return names.filter((name) => parseSegmentName(name) !== undefined)
  }

  /** Names of images in `index/`, those that are being built included. */
  async imageNames(): Promise<string[]> {
    const { host, directory } = this.#options
    const names = await listIfPresent(host.files, indexDirectoryOf(directory))
    return names.filter((name) => imageNameKind(name) !== 'stranger')
  }

  release(): Promise<void> {
    return this.#lock.release()
  }
}

/** A path as the engine uses it. */
export function absolutePath(path: unknown): string {
  if (typeof path === 'string' && path !== '' && path !== ':memory:') {
    return isAbsolute(path) ? path : resolve(path)
  }
  throw new DatabaseError('InvalidArgument', 'the path of a database is a directory name')
}

/** Refuses a directory that is, or lies in, one of those that are read. */
export function mustBeApart(of: {
  readonly source: string
  readonly places?: Places | undefined
  readonly target: string
}): void {
  const { target, places } = of
  const asFolder = (path: string): string => `${path.replaceAll('\\', '/')}/`
  const sources = [of.source, ...(places === undefined ? [] : [places.log, places.checkpoint])]
  const source = sources.find((one) => asFolder(target).startsWith(asFolder(one)))
  if (source === undefined) return
  throw new DatabaseError(
    'InvalidArgument',
    `${target} lies in the database itself; give a directory outside of ${source}`,
    { details: { directory: target, source } },
  )
}

function markOf({ purpose, sourceId }: TargetOptions): Uint8Array {
  return new TextEncoder().encode(
    `asofdb: an unfinished ${purpose} of database ${sourceId}; run the same again to finish it, ` +
      'or delete this directory\n',
  )
}

async function lookAt(
  options: TargetOptions,
): Promise<{ found: FoundManifest | undefined; isUnfinished: boolean }> {
  const { host, directory } = options
  const mark = await readWholeFile(host.files, `${directory}/${unfinishedName}`)
  const bytes = await readWholeFile(host.files, `${directory}/${manifestName}`)
  const isUnfinished = mark !== undefined
  if (bytes !== undefined) {
    if (!isManifest(bytes)) throw notEmpty(directory, [manifestName])
    await mustBeTogether(host, directory)
    return { found: { manifest: decodeManifest(bytes), bytes }, isUnfinished }
  }
  if (mark === undefined) await mustBeEmpty(options)
  else mustBeOurs(mark, options)
  return { found: undefined, isUnfinished }
}

/** Nobody looks for the files of a backup anywhere else. */
async function mustBeTogether({ files }: Host, directory: string): Promise<void> {
  if ((await files.stat(`${directory}/${pathsName}`)) === undefined) return
  throw new DatabaseError(
    'AlreadyExists',
    `${directory} keeps log or checkpoints in another directory, as its file ${pathsName} says, ` +
      'and is no backup to go on with; give another directory',
    { details: { directory } },
  )
}

async function mustBeEmpty({ host, directory }: TargetOptions): Promise<void> {
  const ours = [unfinishedName, temporaryName(unfinishedName)]
  const strangers: string[] = []
  for (const name of await host.files.list(directory)) {
    const kind = rootNameKind(name)
    if (kind === 'previousManifest' || kind === 'paths') strangers.push(name)
    else if (kind === 'stranger' && !ours.includes(name)) strangers.push(name)
  }
  const inside = [
    ...(await listIfPresent(host.files, checkpointDirectoryOf(directory))),
    ...(await listIfPresent(host.files, logDirectoryOf(directory))),
  ]
  const names = [...strangers, ...inside]
  if (names.length > 0) throw notEmpty(directory, names)
}

function notEmpty(directory: string, names: readonly string[]): DatabaseError {
  return new DatabaseError(
    'NotADatabase',
    `${directory} holds ${names.slice(0, 3).join(', ')}; give an empty directory, or one that ` +
      'does not exist yet',
    { details: { directory, found: names } },
  )
}

function mustBeOurs(mark: Uint8Array, options: TargetOptions): void {
  if (bytesEqual(mark, markOf(options))) return
  throw new DatabaseError(
    'AlreadyExists',
    `${options.directory} holds something else that was begun and not finished ` +
      `(its file ${unfinishedName} says what); finish that, delete it, or give another directory`,
    { details: { directory: options.directory } },
  )
}

/** Whether a name in `checkpoint/` is that of a checkpoint file or of one that is being built. */
function isCheckpointName(name: string): boolean {
  const ending = temporaryName('')
  const final = name.endsWith(ending) ? name.slice(0, -ending.length) : name
  return generationOfName(final) !== undefined
}
