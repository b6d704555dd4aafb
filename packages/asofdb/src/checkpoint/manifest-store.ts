import { bytesEqual } from '../encoding/bytes.ts'
import { isErrno, readFully, temporaryName, writeFully } from '../host/files.ts'
import type { FileSystem } from '../host/host.ts'
import type { SegmentInfo } from '../log/segment.ts'
import { DatabaseError, isDatabaseError, messageOf } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { manifestName, previousManifestName } from './directory-names.ts'
import { explainFailure } from './explain-failure.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import { removeIfPresent } from './write-checkpoint.ts'

/** More than any manifest of ours has; a larger file is not read into memory. */
export const manifestBytesMax = 64 * 1024 * 1024

export interface ManifestPlace {
  readonly files: FileSystem
  /** The directory of the database. */
  readonly directory: string
}

/**
 * The manifest of an open database, changed by one change at a time. A change is in force when
 * its promise resolves; when it rejects, the one before is, unless the store has failed for good:
 * then nobody can say which of the two a crash would leave, every further change is refused with
 * `Poisoned`, and opening again finds out.
 */
export class ManifestStore {
  readonly #place: ManifestPlace
  #current: Manifest | undefined
  #bytes: Uint8Array | undefined
  #last: Promise<unknown> = Promise.resolve()
  #failure: DatabaseError | undefined

  private constructor(place: ManifestPlace) {
    this.#place = place
  }

  /** For a directory whose manifest was read as `bytes`. */
  static of(place: ManifestPlace, manifest: Manifest, bytes: Uint8Array): ManifestStore {
    const store = new ManifestStore(place)
    store.#current = manifest
    store.#bytes = bytes
    return store
  }

  /** For a directory that has no manifest; installs the first one. */
  static create(place: ManifestPlace, first: Manifest): Promise<ManifestStore> {
    return ManifestStore.replace(place, undefined, first)
  }

  /**
   * Puts a manifest in force over one that can't be gone on from: damaged, missing, or of files
   * that are. `found` are its bytes, so that nobody else's is replaced.
   */
  static async replace(
    place: ManifestPlace,
    found: Uint8Array | undefined,
    next: Manifest,
  ): Promise<ManifestStore> {
    const store = new ManifestStore(place)
    store.#bytes = found
    await store.#enqueue(() => store.#install(next))
    return store
  }

  get current(): Manifest {
    if (this.#current === undefined) throw poisoned(new Error('no manifest was installed'))
    return this.#current
  }

  /** Whether it has failed for good. */
  get isPoisoned(): boolean {
    return this.#failure !== undefined
  }

  /** Puts the outcome of `change`, with the next revision, in force. */
  update(change: (current: Manifest) => Manifest): Promise<Manifest> {
    return this.#enqueue(() => {
      const { current } = this
      return this.#install({ ...change(current), revision: current.revision + 1 })
    })
  }

  /**
   * Puts the segments of the log in force, oldest first. A writer may still list some that a
   * checkpoint has dropped; those stay dropped.
   */
  nameSegments(segments: readonly SegmentInfo[]): Promise<Manifest> {
    return this.update(current => {
      const first = current.segments[0]?.number ?? 0
      const named = segments.filter(segment => segment.number >= first)
      invariant(named.length > 0, 'a log that goes on has a segment')
      const segmentNumber = Math.max(current.segmentNumber, ...named.map(one => one.number))
      return { ...current, segments: named, segmentNumber }
    })
  }

  #enqueue(work: () => Promise<Manifest>): Promise<Manifest> {
    const next = this.#last.then(() => {
      if (this.#failure !== undefined) throw this.#failure
      return work()
    })
    this.#last = next.catch(() => undefined)
    return next
  }

  async #install(next: Manifest): Promise<Manifest> {
    const { files, directory } = this.#place
    if (this.#current !== undefined) assertSuccession(this.#current, next)
    const bytes = encodeManifest(next)
    await this.#mustBeUnchanged()
    // What is not gone on from is no manifest to fall back to.
    if (this.#current !== undefined && this.#bytes !== undefined) {
      await this.#replace(previousManifestName, this.#bytes)
    }
    await this.#replace(manifestName, bytes)
    try {
      await files.syncDirectory(directory)
    } catch (error) {
      throw this.#fail(error)
    }
    this.#current = next
    this.#bytes = bytes
    return next
  }

  /** Nobody else may have changed the manifest, or taken it away, under an open database. */
  async #mustBeUnchanged(): Promise<void> {
    let found: Uint8Array | undefined
    try {
      found = await readWholeFile(this.#place.files, this.#path(manifestName))
    } catch (error) {
      throw explainFailure('read its manifest', error)
    }
    if (bytesEqual(found, this.#bytes)) return
    const error = new Error(
      found === undefined
        ? 'the manifest was removed'
        : 'another process has written the manifest: it has opened the same database',
    )
    throw this.#fail(error)
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    const { files } = this.#place
    const path = this.#path(name)
    const temporary = this.#path(temporaryName(name))
    try {
      await removeIfPresent(files, temporary)
      await writeSynced(files, temporary, bytes)
      await files.rename(temporary, path)
    } catch (error) {
      // The first failure is the one to report; the leftover is removed by the next attempt.
      await removeIfPresent(files, temporary).catch(() => undefined)
      if (!(await this.#isInForce())) throw this.#fail(error)
      throw explainFailure('write its manifest', error)
    }
  }

  /** Whether the manifest is provably the one before the change. */
  async #isInForce(): Promise<boolean> {
    try {
      const found = await readWholeFile(this.#place.files, this.#path(manifestName))
      return bytesEqual(found, this.#bytes)
    } catch {
      // What can't be read proves nothing, and that is the answer.
      return false
    }
  }

  #fail(cause: unknown): DatabaseError {
    this.#failure ??= poisoned(cause)
    return this.#failure
  }

  #path(name: string): string {
    return `${this.#place.directory}/${name}`
  }
}

/** What holds between a manifest and the next one. */
function assertSuccession(before: Manifest, next: Manifest): void {
  invariant(next.databaseId === before.databaseId, 'a database keeps its id')
  invariant(next.revision === before.revision + 1, 'manifests are counted')
  invariant(next.epoch >= before.epoch, 'epochs never go down')
  invariant(next.generation >= before.generation, 'names of checkpoints are not used twice')
  invariant(next.segmentNumber >= before.segmentNumber, 'segments are counted on')
  invariant(next.durableSequence >= before.durableSequence, 'no promise is taken back')
}

function poisoned(cause: unknown): DatabaseError {
  if (isDatabaseError(cause, 'Poisoned')) return cause
  return new DatabaseError(
    'Poisoned',
    `the manifest could not be put in force (${messageOf(cause)}); mend the cause and open the ` +
      'database again',
    { cause },
  )
}

async function writeSynced(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, 'create')
  try {
    await writeFully(file, bytes, 0)
    await file.sync()
  } catch (error) {
    // The failed write or sync says more than a failed close of the same file could.
    await file.close().catch(() => undefined)
    throw error
  }
  await file.close()
}

/** The bytes of a file; undefined when there is none. */
export async function readWholeFile(
  files: FileSystem,
  path: string,
): Promise<Uint8Array | undefined> {
  try {
    const file = await files.open(path, 'read')
    try {
      const bytes = new Uint8Array(Math.min(await file.size(), manifestBytesMax))
      return bytes.subarray(0, await readFully(file, bytes, 0))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
