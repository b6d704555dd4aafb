import { resolve } from 'node:path'
import { bytesToHex } from '../checkpoint/checkpoint-file.ts'
import { takeLock } from '../checkpoint/directory-lock.ts'
import { manifestName, pathsName, rootNameKind } from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import {
  decodePaths,
  encodePaths,
  type OwnerMark,
  type PartPaths,
  placedParts,
  type StoredPaths,
} from '../checkpoint/paths-file.ts'
import { ownPlaces, placedHost, type Places } from '../checkpoint/placed-files.ts'
import { writeFileDurably } from '../host/files.ts'
import type { DirectoryLock, FileSystem, Host } from '../host/host.ts'
import { databaseIdBytes } from '../log/segment.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { prepareDirectory, syncNames } from './open-directory.ts'
import {
  checkedPaths,
  isOwnedBy,
  lookAtPart,
  markPart,
  namesInside,
  type PartContent,
  type PartDirectory,
  partDirectoriesOf,
  partNames,
  placesOf,
} from './part-directory.ts'
import { listIfPresent } from './survey-checkpoint.ts'

export interface TakeOptions {
  readonly host: Host
  /** Absolute path. */
  readonly directory: string
  /** Whether to make a database when there is none. */
  readonly create: boolean
  /** Where log and checkpoints are to be; of a database that is there, where they must be. */
  readonly wanted?: PartPaths | undefined
  /** Whether directories that can't be written to are taken without a lock. */
  readonly isReadOnlyEnough?: boolean | undefined
}

/** The directories of a database, with their locks. */
export interface TakenDirectory {
  /** Its files are as if log and checkpoints lay in the directory of the database. */
  readonly host: Host
  readonly places: Places
  /** Of all the directories. */
  readonly lock: DirectoryLock
  /** An error as it is, with the places of files that its message calls by their usual names. */
  readonly locate: (error: unknown) => unknown
}

/**
 * Takes the directory of a database, finds out where its log and its checkpoints are, and takes
 * those directories too. Where a database is to be made, makes them.
 *
 * **Order**, when a database is made: `PATHS`, durably; the other directories; `OWNER` in each,
 * durably; everything else. A crash leaves a directory in which no database has begun, and the next
 * opening goes on from there, by the paths it is given or else by those in `PATHS`.
 *
 * Throws `Locked`, `InvalidArgument` for other paths than the stored ones, `ForeignFile` for a
 * directory of another database, `IoFailed` for one that is not there, `Corrupt`, `FormatTooNew`,
 * and what `prepareDirectory` throws.
 */
export async function takeDirectory(options: TakeOptions): Promise<TakenDirectory> {
  const { host, directory, create } = options
  await prepareDirectory(host.files, directory, create)
  const locks = new Locks(host, options.isReadOnlyEnough ?? false)
  try {
    await locks.take(directory)
    const { elsewhere } = await new Placement(options, locks).settle()
    const places = placesOf(directory, elsewhere)
    if (partDirectoriesOf(directory, elsewhere).length === 0) {
      return { host, places, lock: locks, locate: (error) => error }
    }
    const hidden = namesInside(directory, elsewhere)
    invariant(!hidden.has(manifestName) && !hidden.has(''), 'only names of places are hidden')
    return {
      host: placedHost(host, { directory, places, hidden }),
      places,
      lock: locks,
      locate: (error) => locate(error, directory, places),
    }
  } catch (error) {
    await locks.release()
    throw explainFailure(`look at ${directory}`, error)
  }
}

/** Throws `Corrupt`, `FormatTooNew`; undefined where everything lies in the directory itself. */
export async function readPaths(
  files: FileSystem,
  directory: string,
): Promise<StoredPaths | undefined> {
  const path = `${directory}/${pathsName}`
  const bytes = await readWholeFile(files, path)
  return bytes === undefined ? undefined : decodePaths(bytes, path)
}

/** Durable when it resolves. */
export async function writePaths(
  files: FileSystem,
  directory: string,
  paths: StoredPaths,
): Promise<void> {
  await writeFileDurably({ files, directory, name: pathsName, bytes: encodePaths(paths) })
}

export function drawPathsId(host: Host): string {
  return bytesToHex(host.random.bytes(databaseIdBytes))
}

/** Locks of several directories, released together. */
export class Locks implements DirectoryLock {
  readonly #host: Host
  readonly #isReadOnlyEnough: boolean
  readonly #held: DirectoryLock[] = []
  #isComplete = true

  constructor(host: Host, isReadOnlyEnough: boolean) {
    this.#host = host
    this.#isReadOnlyEnough = isReadOnlyEnough
  }

  /** Whether every directory could be locked. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  async take(directory: string): Promise<void> {
    try {
      this.#held.push(await takeLock(this.#host, directory))
    } catch (error) {
      // Where nobody can write, there is nobody to be kept out.
      if (!this.#isReadOnlyEnough || !isDatabaseError(error, 'ReadOnly')) throw error
      this.#isComplete = false
    }
  }

  /** In the order opposite to taking them; all are tried, and the first failure is thrown. */
  async release(): Promise<void> {
    const failures: unknown[] = []
    for (const lock of this.#held.toReversed()) {
      await lock.release().catch((error: unknown) => failures.push(error))
    }
    invariant(failures.length <= this.#held.length, 'each is released once')
    if (failures.length > 0) throw failures[0]
  }
}

class Placement {
  readonly #options: TakeOptions
  readonly #files: FileSystem
  readonly #locks: Locks

  constructor(options: TakeOptions, locks: Locks) {
    this.#options = options
    this.#files = options.host.files
    this.#locks = locks
  }

  async settle(): Promise<StoredPaths> {
    const { directory, create, host, wanted = {} } = this.#options
    const stored = await readPaths(this.#files, directory)
    const isWanted = placedParts.some((part) => wanted[part] !== undefined)
    if (stored === undefined && !isWanted) return { id: '', elsewhere: {} }
    const chosen = isWanted ? checkedPaths(directory, wanted) : {}
    const found = stored ?? { id: '', elsewhere: {} }
    const used = await this.#namesOfUse(found.elsewhere, chosen)
    if (used.length > 0) {
      if (isWanted) await this.#mustFit(found.elsewhere, used)
      for (const part of partDirectoriesOf(directory, found.elsewhere)) {
        await this.#takeUsed(part, found)
      }
      return found
    }
    const elsewhere = isWanted ? chosen : found.elsewhere
    if (!create || (stored === undefined && Object.keys(elsewhere).length === 0)) return found
    const next = { id: stored?.id ?? drawPathsId(host), elsewhere }
    invariant(create, 'nothing is made unasked')
    await this.#make(next)
    return next
  }

  /** What shows that the directory is not one in which a database is yet to be made. */
  async #namesOfUse(elsewhere: PartPaths, chosen: PartPaths): Promise<string[]> {
    const { directory } = this.#options
    const harmless = ['lock', 'temporary', 'paths']
    const inside = new Set([
      ...namesInside(directory, elsewhere),
      ...namesInside(directory, chosen),
    ])
    const used: string[] = []
    for (const name of await listIfPresent(this.#files, directory)) {
      const kind = rootNameKind(name)
      if (harmless.includes(kind) || inside.has(name)) continue
      if (kind !== 'logDirectory' && kind !== 'checkpointDirectory') used.push(name)
      else if (!(await this.#isEmpty(`${directory}/${name}`))) used.push(name)
    }
    for (const part of partDirectoriesOf(directory, elsewhere)) {
      const { ours } = await lookAtPart(this.#files, part)
      used.push(...ours.map((name) => `${part.path}/${name}`))
    }
    return used
  }

  async #isEmpty(path: string): Promise<boolean> {
    return (await listIfPresent(this.#files, path)).length === 0
  }

  /** A database that is there stays where it is. */
  async #mustFit(elsewhere: PartPaths, used: readonly string[]): Promise<void> {
    const { directory, wanted = {} } = this.#options
    if (!used.includes(manifestName) && Object.keys(elsewhere).length === 0) {
      throw new DatabaseError(
        'NotADatabase',
        `${directory} holds ${used.slice(0, 3).join(', ')} and no database; give a directory of ` +
          'its own to the database',
        { details: { directory, found: used } },
      )
    }
    const places = placesOf(directory, elsewhere)
    for (const part of placedParts) {
      const path = wanted[part]
      if (path === undefined || resolve(directory, path) === resolve(places[part])) continue
      throw new DatabaseError(
        'InvalidArgument',
        `the database ${directory} can't be opened with ${partNames[part]} in ${path}: it was ` +
          `made with ${partNames[part]} in ${places[part]}. Open it without giving a path; or ` +
          'move that directory while nobody has the database open, and run relocate ' +
          '(asof relocate)',
        { details: { directory, places } },
      )
    }
  }

  /** Takes a directory that a database uses; it must be there and be the database's own. */
  async #takeUsed(part: PartDirectory, stored: StoredPaths): Promise<void> {
    const { directory } = this.#options
    const { path } = part
    const content = await lookAtPart(this.#files, part)
    if (!content.isThere) throw this.#absent(part, 'is not there')
    const { owner } = content
    // Before the lock, which is a file: nothing is written where a disk should be mounted.
    if (owner === undefined) throw this.#absent(part, 'has no file OWNER')
    await this.#locks.take(path)
    const isLocked = this.#locks.isComplete
    const isOurs = owner.id === stored.id && owner.holds === part.part
    if (!isOurs) throw foreign(part, owner)
    if (await isOwnedBy(this.#files, path, { owner, directory, isLocked })) return
    throw new DatabaseError(
      'ForeignFile',
      `${path} holds ${partNames[part.part]} of the database in ` +
        `${resolve(path, owner.directory)}, and ${directory} names it too. If the database was ` +
        `moved to ${directory}, run relocate (asof relocate) there; if this is a copy of its ` +
        'directory, take a backup or a fork instead',
      { details: { directory, file: path, kind: 'foreign' } },
    )
  }

  #absent({ part, path }: PartDirectory, what: string): DatabaseError {
    const { directory } = this.#options
    return new DatabaseError(
      'IoFailed',
      `${partNames[part]} of the database ${directory} is kept in ${path}, which ${what}: mount ` +
        'the disk it is on. If it was moved, or is lost, run relocate (asof relocate) with where ' +
        'it is now; nothing was changed',
      { details: { directory, file: path } },
    )
  }

  async #make(paths: StoredPaths): Promise<void> {
    const { directory } = this.#options
    const parts = partDirectoriesOf(directory, paths.elsewhere)
    invariant(
      parts.every(({ path }) => path !== directory),
      'a part has a directory of its own',
    )
    const mustBeFree = async (part: PartDirectory): Promise<void> => {
      const content = await lookAtPart(this.#files, part)
      const { owner } = content
      if (owner !== undefined && owner.id !== paths.id) throw foreign(part, owner)
      mustBeEmpty(part, content)
    }
    for (const part of parts) await mustBeFree(part)
    await syncNames(this.#files, directory)
    await writePaths(this.#files, directory, paths)
    for (const part of parts) {
      await prepareDirectory(this.#files, part.path, true)
      await this.#locks.take(part.path)
      await mustBeFree(part)
      await markPart(this.#files, part, { id: paths.id, directory })
    }
  }
}

function mustBeEmpty({ part, path }: PartDirectory, content: PartContent): void {
  const found = [...content.ours, ...content.strangers]
  if (found.length === 0) return
  throw new DatabaseError(
    'NotADatabase',
    `${partNames[part]} can't be kept in ${path}, which holds ${found.slice(0, 3).join(', ')}; ` +
      'give a directory that is empty, or not there yet',
    { details: { directory: path, found } },
  )
}

export function foreign({ part, path }: PartDirectory, owner: OwnerMark): DatabaseError {
  return new DatabaseError(
    'ForeignFile',
    `${path} can't be taken for ${partNames[part]}: it holds ${partNames[owner.holds]} of the ` +
      `database in ${resolve(path, owner.directory)}. Give another directory, or delete this one ` +
      'if that database is gone',
    { details: { file: path, kind: 'foreign' } },
  )
}

function locate(error: unknown, directory: string, places: Places): unknown {
  if (!isDatabaseError(error)) return error
  const own = ownPlaces(directory)
  const moved = placedParts.filter(
    (part) => resolve(own[part]) !== resolve(places[part]) && error.message.includes(`${part}/`),
  )
  if (moved.length === 0) return error
  const where = moved.map((part) => `${part}/ of this database is ${places[part]}`).join(', ')
  const { code, message, details, cause } = error
  const located = { ...details, places }
  return new DatabaseError(code, `${message} (${where})`, { details: located, cause })
}
