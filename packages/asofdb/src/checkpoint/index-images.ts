import { isErrno, temporaryName } from '../host/files.ts'
import type { FileSystem, Host, HostFile } from '../host/host.ts'
import { messageOf } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import type { ImagedIndex, ImageSource } from '../versions/index-shelf.ts'
import type { LiveTables } from '../versions/live-tables.ts'
import {
  imageFileName,
  imageNameKind,
  indexDirectoryName,
  indexDirectoryOf,
} from './directory-names.ts'
import {
  imageBytes,
  type ImageHeader,
  isImageName,
  misfitOf,
  stateWithRows,
} from './index-image.ts'
import { isWorthImage } from './index-image-policy.ts'
import { findImageDamage, loadImage, newerRelease, readImageHeader } from './read-index-image.ts'
import { removeIfPresent } from './write-checkpoint.ts'
import { type ImageToWrite, writeImage } from './write-index-image.ts'

export interface IndexImagesOptions {
  readonly host: Host
  /** The directory of the database. */
  readonly directory: string
  readonly databaseId: string
  readonly live: LiveTables
  /** From how many rows on an index is worth an image; Infinity: images are not kept at all. */
  readonly rowsMin: number
  /** The newest commit that a power cut leaves: no image is made of later ones. */
  durableSequence(): number
}

/**
 * `unread`: it fits, and nobody has asked the index yet. `loaded`: the index came from it.
 * `missing`: there was none. `stale`: it is not of these tables. `damaged`: it can't be read.
 */
export type IndexImageState = 'unread' | 'loaded' | 'missing' | 'stale' | 'damaged'

/** An image of an index that an opening found, or would have needed. */
export interface IndexImageReport {
  /** As `verify` names it; null where the file does not say. */
  readonly index: string | null
  /** Inside the directory of the database; null for one that is missing. */
  readonly file: string | null
  readonly state: IndexImageState
  /** In words, what is amiss with it; null when nothing is. */
  readonly why: string | null
  /** The newest commit that it has taken in; later ones are read from the tables. */
  readonly sequence: number | null
  readonly bytes: number
  /** Whether the index was derived from the tables since the opening instead. */
  readonly isRebuilt: boolean
}

/** A file that could not be removed. */
interface LeftBehind {
  readonly name: string
  readonly why: string
}

interface Image {
  readonly file: string
  readonly size: number
  readonly header: ImageHeader | undefined
  readonly why: string | null
  readonly state: IndexImageState
  /** Open as long as it may be asked for. */
  readonly handle: HostFile | undefined
}

/** Attempts at an image whose index moves on meanwhile. */
const attemptsMax = 3

/**
 * The images of indexes in `index/`. At opening their headers are read and nothing else; an index
 * that is asked for the first time reads its own in the turn that asks, which takes a small part of
 * the time that deriving it takes. They are written after checkpoints and at the end, in small
 * steps, each when it has become worth it. Whatever goes wrong costs time and nothing else.
 */
export class IndexImages implements ImageSource {
  readonly #options: IndexImagesOptions
  readonly #images = new Map<string, Image>()
  /** Indexes that were derived from the tables, because no image served. */
  readonly #built = new Set<string>()
  /** What this opening found; what is written later is not reported as found. */
  readonly #found = new Map<string, Image>()
  #running: Promise<void> | undefined
  #lastFailure: unknown

  private constructor(options: IndexImagesOptions) {
    this.#options = options
  }

  /** Looks at what is there, of filled tables; what does not fit is removed. Never rejects. */
  static async open(options: IndexImagesOptions): Promise<IndexImages> {
    const images = new IndexImages(options)
    try {
      await images.#findAll()
    } catch (error) {
      images.#lastFailure = error
    }
    return images
  }

  /** Bytes of all images on the disk. */
  get byteLength(): number {
    let bytes = 0
    for (const image of this.#images.values()) bytes += image.size
    return bytes
  }

  get count(): number {
    return this.#images.size
  }

  /** Why the last attempt to write or remove an image failed; undefined when it did not. */
  get lastFailure(): unknown {
    return this.#lastFailure
  }

  load(index: ImagedIndex): boolean {
    const file = imageFileName(index.name)
    const image = this.#images.get(file)
    const isLoaded = image !== undefined && this.#loadFrom(image, index)
    if (!isLoaded) this.#built.add(index.name)
    return isLoaded
  }

  report(): IndexImageReport[] {
    const reports: IndexImageReport[] = []
    const named = new Set<string>()
    for (const [file, { header, state, why, size }] of this.#found) {
      const index = header?.name ?? null
      if (index !== null) named.add(index)
      const isRebuilt = index === null ? false : this.#built.has(index)
      const path = `${indexDirectoryName}/${file}`
      const sequence = header?.sequence ?? null
      reports.push({ index, file: path, state, why, sequence, bytes: size, isRebuilt })
    }
    for (const index of this.#built) {
      if (named.has(index)) continue
      const nothing = { file: null, why: null, sequence: null, bytes: 0 }
      reports.push({ index, ...nothing, state: 'missing', isRebuilt: true })
    }
    return reports
  }

  /** Reads what nobody has read yet, so that the report says of every byte whether it is sound. */
  async check(): Promise<void> {
    for (const image of this.#images.values()) {
      const { header, handle, state } = image
      if (state !== 'unread' || header === undefined || handle === undefined) continue
      const problem = await findImageDamage(this.#options.host, header, handle)
      const isUnread = this.#images.get(image.file) === image
      if (problem !== undefined && isUnread) this.#settle(image, 'damaged', problem)
    }
  }

  /** Begins to write what has become worth it, unless that is under way. */
  begin(): void {
    if (this.#running === undefined) void this.#hold(this.#writeAll())
  }

  /** Nothing else is begun until that has ended. */
  #hold<T>(work: Promise<T>): Promise<T> {
    invariant(this.#running === undefined, 'one at a time has to do with the files')
    const end = (): void => {
      this.#running = undefined
    }
    this.#running = work.then(end, end)
    return work
  }

  /**
   * Removes every file that is no image of the tables that are in force, those half made included:
   * an index over properties holds their values. Says what could not be removed; never rejects.
   */
  async forget(): Promise<readonly LeftBehind[]> {
    // What is being written may be of the tables before; what would be is not told from that.
    while (this.#running !== undefined) await this.#running
    return this.#hold(this.#forgetNow())
  }

  async #forgetNow(): Promise<readonly LeftBehind[]> {
    const { host, directory, live } = this.#options
    const { removals } = live.current
    const folder = indexDirectoryOf(directory)
    const leftBehind: LeftBehind[] = []
    const tryTo = async (name: string, work: () => Promise<void>): Promise<void> => {
      await work().catch((error: unknown) => leftBehind.push({ name, why: messageOf(error) }))
    }
    invariant(removals.rewrites > 0, 'files forget what tables that were made anew have forgotten')
    for (const { handle } of this.#takeMisfits()) await handle?.close().catch(() => undefined)
    await tryTo(indexDirectoryName, async () => {
      const names = await namesIn(host.files, folder)
      for (const name of names) {
        if (imageNameKind(name) === 'stranger' || this.#images.has(name)) continue
        const path = `${folder}/${name}`
        await tryTo(`${indexDirectoryName}/${name}`, () => removeIfPresent(host.files, path))
      }
      if (names.length > 0) await host.files.syncDirectory(folder)
    })
    return leftBehind
  }

  /** Ends what is under way; writes what is left, where that may be. Never rejects. */
  async close(mayWrite: boolean): Promise<void> {
    await this.#running
    if (mayWrite) await this.#writeAll()
    for (const { handle } of this.#images.values()) await handle?.close().catch(() => undefined)
  }

  async #findAll(): Promise<void> {
    const { host, directory, rowsMin } = this.#options
    const folder = indexDirectoryOf(directory)
    let isRemoved = false
    for (const name of await namesIn(host.files, folder)) {
      const kind = imageNameKind(name)
      if (kind === 'stranger') continue
      const image = kind === 'image' ? await this.#look(name) : undefined
      if (image !== undefined) this.#found.set(name, image)
      if (image?.state === 'unread' && rowsMin !== Infinity) {
        this.#images.set(name, image)
        continue
      }
      await image?.handle?.close().catch(() => undefined)
      await removeIfPresent(host.files, `${folder}/${name}`)
      isRemoved = true
    }
    // So that none comes back after its commits were given to others.
    if (isRemoved) await host.files.syncDirectory(folder)
  }

  async #look(file: string): Promise<Image> {
    const { host, directory, databaseId, live } = this.#options
    const nothing = { file, header: undefined }
    let handle: HostFile | undefined
    try {
      handle = await host.files.open(`${indexDirectoryOf(directory)}/${file}`, 'read')
      const size = await handle.size()
      const header = await readImageHeader(handle, size)
      if (typeof header === 'string') {
        const state = header === newerRelease ? 'stale' : 'damaged'
        return { ...nothing, size, state, why: header, handle }
      }
      const isNamed = imageFileName(header.name) === file
      const tables = live.current
      const why = isNamed ? misfitOf(header, { tables, databaseId }) : 'it has another name'
      const state = why === undefined ? 'unread' : 'stale'
      return { file, size, header, state, why: why ?? null, handle }
    } catch (error) {
      return { ...nothing, size: 0, state: 'damaged', why: messageOf(error), handle }
    }
  }

  #loadFrom(image: Image, index: ImagedIndex): boolean {
    const { live, databaseId } = this.#options
    const { header, handle } = image
    if (image.state !== 'unread' || header === undefined || handle === undefined) return false
    const isOfIndex = header.name === index.name && header.kind === index.kind
    if (!isOfIndex || header.indexFormat !== index.format) {
      this.#settle(image, 'stale', 'it is of another index')
      return false
    }
    const misfit = misfitOf(header, { tables: live.current, databaseId })
    if (misfit !== undefined) {
      this.#settle(image, 'stale', misfit)
      return false
    }
    const problem = loadImage({ header, handle, index })
    this.#settle(image, problem === undefined ? 'loaded' : 'damaged', problem ?? null)
    return problem === undefined
  }

  /** The file is not needed any more; in the turn of a reader nobody waits for its end. */
  #settle(image: Image, state: IndexImageState, why: string | null): void {
    image.handle?.close().catch(() => undefined)
    const settled = { ...image, state, why, handle: undefined }
    this.#images.set(image.file, settled)
    if (this.#found.has(image.file)) this.#found.set(image.file, settled)
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    try {
      await this.#dropMisfits()
      const { live } = this.#options
      const tables = live.current
      for (const index of tables.shelf.indexes) {
        for (let attempt = 0; attempt < attemptsMax; attempt++) {
          // An index of tables that were made anew meanwhile is of rows numbered otherwise.
          if (live.current !== tables) return
          if ((await this.#write(index)) !== 'moved') break
        }
      }
      this.#lastFailure = undefined
    } catch (error) {
      // What is lost is time at the next opening.
      this.#lastFailure = error
    }
  }

  /** What is no longer of these tables holds perhaps what was erased: it goes. */
  async #dropMisfits(): Promise<void> {
    const { host, directory } = this.#options
    for (const { file, handle } of this.#takeMisfits()) {
      await handle?.close().catch(() => undefined)
      await removeIfPresent(host.files, `${indexDirectoryOf(directory)}/${file}`)
    }
  }

  #takeMisfits(): Image[] {
    const { live, databaseId } = this.#options
    const tables = live.current
    const misfits = [...this.#images.values()].filter(({ header, state }) => {
      const isGood = state === 'unread' || state === 'loaded'
      if (!isGood || header === undefined) return true
      return misfitOf(header, { tables, databaseId }) !== undefined
    })
    for (const { file } of misfits) this.#images.delete(file)
    return misfits
  }

  async #write(index: ImagedIndex): Promise<'done' | 'moved'> {
    const { live, rowsMin, databaseId } = this.#options
    const tables = live.current
    const { kind, name, format: indexFormat } = index
    const sequenceMax = Math.min(this.#options.durableSequence(), tables.commits.sequence)
    const rows = index.rowsToSave(tables.commits.counts(sequenceMax)[kind])
    const { stamp } = index
    const file = imageFileName(name)
    const held = this.#images.get(file)
    const rowsHeld = held?.header?.name === name ? held.header.rows : 0
    if (!isImageName(name) || !isWorthImage({ rows, rowsHeld, rowsMin })) return 'done'
    const state = stateWithRows(tables, { kind, rows, sequenceMax })
    if (state === undefined) return 'done'
    const what = { databaseId, ...state, kind, indexFormat, name }
    const isCurrent = (): boolean => index.stamp === stamp && live.current === tables
    const header = await this.#writeFile(file, { what, index, isCurrent })
    if (header === undefined) return 'moved'
    invariant(header.rows === rows, 'an image is of the rows that it was to be of')
    await held?.handle?.close().catch(() => undefined)
    // What was derived, or loaded and followed, is not read again; so no file stays open for it.
    const image = { file, size: imageBytes(header), header, why: null, handle: undefined }
    this.#images.set(file, { ...image, state: 'loaded' })
    return 'done'
  }

  /** Undefined when the index moved on; then nothing is left of the file. */
  async #writeFile(file: string, source: ImageToWrite): Promise<ImageHeader | undefined> {
    const { host, directory } = this.#options
    const { files } = host
    const folder = indexDirectoryOf(directory)
    const temporary = `${folder}/${temporaryName(file)}`
    await this.#makeFolder()
    await removeIfPresent(files, temporary)
    try {
      const header = await writeImage(host, temporary, source)
      if (header === undefined || !source.isCurrent()) {
        await removeIfPresent(files, temporary)
        return undefined
      }
      await files.rename(temporary, `${folder}/${file}`)
      await files.syncDirectory(folder)
      return header
    } catch (error) {
      // The first failure is the one to tell; the next opening removes what is left.
      await removeIfPresent(files, temporary).catch(() => undefined)
      throw error
    }
  }

  async #makeFolder(): Promise<void> {
    const { host, directory } = this.#options
    try {
      await host.files.makeDirectory(indexDirectoryOf(directory))
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
      return
    }
    await host.files.syncDirectory(directory)
  }
}

async function namesIn(files: FileSystem, directory: string): Promise<readonly string[]> {
  try {
    return await files.list(directory)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
