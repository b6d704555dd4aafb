import { resolve } from 'node:path'
import { manifestName, ownerName } from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import {
  type OwnerMark,
  type PartPaths,
  type PlacedPart,
  placedParts,
  type StoredPaths,
} from '../checkpoint/paths-file.ts'
import { ownPlaces, type Places } from '../checkpoint/placed-files.ts'
import { removeIfPresent } from '../checkpoint/write-checkpoint.ts'
import type { FileSystem, Host } from '../host/host.ts'
import { DatabaseError, isDatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { prepareDirectory } from './open-directory.ts'
import {
  checkedPaths,
  isOwnedBy,
  lookAtPart,
  markPart,
  type PartContent,
  partDirectoriesOf,
  partNames,
  placesOf,
} from './part-directory.ts'
import { drawPathsId, foreign, Locks, readPaths, writePaths } from './placement.ts'

export interface RelocateDirectoryOptions {
  readonly host: Host
  /** Absolute path. */
  readonly directory: string
  /** Where parts are now; the others are where they are stored to be. */
  readonly wanted: PartPaths
}

/**
 * Writes down where log and checkpoints of a database are after somebody has moved them, or the
 * database. Moves nothing itself, and reads none of it: whether everything is there is for the next
 * opening to find out.
 *
 * A directory is taken when its `OWNER` says that it is of this database. One without must hold
 * nothing but segments, or checkpoint files, and the place before must have none left; that is so
 * for what lay in the directory of the database, and for an empty directory in place of a lost one.
 *
 * A crash between `OWNER` and `PATHS` leaves what the same call goes on from.
 */
export async function relocateDirectory(options: RelocateDirectoryOptions): Promise<Places> {
  const { host, directory } = options
  await prepareDirectory(host.files, directory, false)
  const locks = new Locks(host, false)
  try {
    await locks.take(directory)
    return await new Relocation(options, locks).run()
  } catch (error) {
    throw explainFailure(`write down where the parts of ${directory} are`, error)
  } finally {
    await locks.release()
  }
}

interface Move {
  readonly part: PlacedPart
  readonly from: string
  readonly to: string
}

class Relocation {
  readonly #host: Host
  readonly #files: FileSystem
  readonly #directory: string
  readonly #wanted: PartPaths
  readonly #locks: Locks
  /** Undefined where it can't be read, or isn't there. */
  #id: string | undefined

  constructor({ host, directory, wanted }: RelocateDirectoryOptions, locks: Locks) {
    this.#host = host
    this.#files = host.files
    this.#directory = directory
    this.#wanted = wanted
    this.#locks = locks
  }

  async run(): Promise<Places> {
    const directory = this.#directory
    const manifest = await readWholeFile(this.#files, `${directory}/${manifestName}`)
    if (manifest === undefined) {
      throw new DatabaseError(
        'NotADatabase',
        `there is no database in ${directory}; check the path`,
        { details: { directory } },
      )
    }
    const own = ownPlaces(directory)
    const stored = await this.#readPaths()
    this.#id = stored?.id
    const before = stored?.elsewhere ?? {}
    const after = checkedPaths(directory, { ...before, ...this.#wanted })
    const [from, to] = [placesOf(directory, before), placesOf(directory, after)]
    for (const part of placedParts) {
      await this.#mustBeThere({ part, from: from[part], to: to[part] }, after[part] !== undefined)
    }
    invariant(
      placedParts.every((part) => after[part] !== undefined || to[part] === own[part]),
      'what is not stored elsewhere is where it usually is',
    )
    if (stored === undefined && Object.keys(after).length === 0) return to
    const id = this.#id ?? drawPathsId(this.#host)
    for (const part of partDirectoriesOf(directory, after)) {
      await markPart(this.#files, part, { id, directory })
    }
    await writePaths(this.#files, directory, { id, elsewhere: after })
    for (const part of placedParts) {
      // What came back into the directory of the database needs no mark.
      if (after[part] === undefined) {
        await removeIfPresent(this.#files, `${to[part]}/${ownerName}`)
      }
    }
    return to
  }

  /** A damaged one is made anew by what the marks say. */
  async #readPaths(): Promise<StoredPaths | undefined> {
    try {
      return await readPaths(this.#files, this.#directory)
    } catch (error) {
      if (isDatabaseError(error, 'Corrupt')) return undefined
      throw error
    }
  }

  async #mustBeThere(move: Move, isElsewhere: boolean): Promise<void> {
    const { part, to } = move
    const content = await this.#lookAt(part, to)
    if (!content.isThere) throw refusal(move, 'there is no such directory')
    if (isElsewhere) await this.#locks.take(to)
    const { owner } = content
    if (owner !== undefined) return this.#mustBeOurs(move, owner)
    if (!isElsewhere && move.from === to) return
    if (content.strangers.length > 0) {
      throw refusal(move, `it holds ${content.strangers.slice(0, 3).join(', ')}`)
    }
    if (move.from === to) {
      if (content.ours.length > 0) return
      throw refusal(move, 'it is empty, as where a disk is not mounted')
    }
    const { ours } = await this.#lookAt(part, move.from)
    if (ours.length === 0) return
    throw refusal(move, `${move.from} still holds ${ours.slice(0, 3).join(', ')}`)
  }

  async #mustBeOurs({ part, to }: Move, owner: OwnerMark): Promise<void> {
    const directory = this.#directory
    const of = { part, path: to, stored: to }
    if (owner.holds !== part) throw foreign(of, owner)
    const isKnown = this.#id === undefined
      ? await isOwnedBy(this.#files, to, { owner, directory, isLocked: true })
      : owner.id === this.#id
    if (!isKnown) throw foreign(of, owner)
    this.#id = owner.id
    invariant(this.#id.length > 0, 'every mark has an id')
  }

  /** A mark that is damaged is as good as none. */
  async #lookAt(part: PlacedPart, path: string): Promise<PartContent> {
    const place = { part, path: resolve(path) }
    try {
      return await lookAtPart(this.#files, place)
    } catch (error) {
      if (!isDatabaseError(error, 'Corrupt')) throw error
      return lookAtPart(this.#files, place, { isMarkRead: false })
    }
  }
}

function refusal({ part, from, to }: Move, what: string): DatabaseError {
  return new DatabaseError(
    'InvalidArgument',
    `${partNames[part]} can't be taken to be in ${to}: ${what}. Move everything that lies in ` +
      `${from} there first, its file ${ownerName} too; or, when it is lost, give an empty ` +
      'directory, open with a recovery policy, and see what is left',
    { details: { from, to } },
  )
}
