import type {
  DirectoryLock,
  FileStatus,
  FileSystem,
  HostFile,
  OpenMode,
} from '../../packages/asofdb/src/host/host.ts'

/** What a disk holds: every file by its absolute path, and the directories. */
export interface Image {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly directories: ReadonlySet<string>
}

/**
 * Files over a copy of an image, made for opening the same small database many thousand times:
 * bytes are shared with the image until they are written to. Counts the calls that change anything.
 */
export class ImageFiles implements FileSystem {
  readonly #files: Map<string, Uint8Array>
  readonly #directories: Set<string>
  changes = 0

  constructor(image: Image) {
    this.#files = new Map(image.files)
    this.#directories = new Set(image.directories)
  }

  /** As it is at this moment, as a kill would leave it. */
  get image(): Image {
    return { files: new Map(this.#files), directories: new Set(this.#directories) }
  }

  async open(path: string, mode: OpenMode): Promise<HostFile> {
    const isThere = this.#files.has(path)
    if (mode === 'create') {
      if (isThere) throw failure('EEXIST', path)
      if (!this.#directories.has(parentOf(path))) throw failure('ENOENT', path)
      this.set(path, new Uint8Array(0))
    } else if (!isThere) {
      throw failure('ENOENT', path)
    }
    return new ImageFile(this, path)
  }

  async rename(from: string, to: string): Promise<void> {
    this.set(to, this.mustGet(from))
    this.#files.delete(from)
  }

  async remove(path: string): Promise<void> {
    this.changes += 1
    if (!this.#files.delete(path)) throw failure('ENOENT', path)
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.#directories.has(path) || this.#files.has(path)) throw failure('EEXIST', path)
    this.changes += 1
    this.#directories.add(path)
  }

  async list(path: string): Promise<string[]> {
    if (!this.#directories.has(path)) throw failure('ENOENT', path)
    const names: string[] = []
    for (const one of [...this.#files.keys(), ...this.#directories]) {
      if (one !== path && parentOf(one) === path) names.push(one.slice(path.length + 1))
    }
    return names.sort()
  }

  async stat(path: string): Promise<FileStatus | undefined> {
    const bytes = this.#files.get(path)
    if (bytes !== undefined) return { type: 'file', size: bytes.length }
    return this.#directories.has(path) ? { type: 'directory', size: 0 } : undefined
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.#directories.has(path)) throw failure('ENOENT', path)
  }

  async lock(): Promise<DirectoryLock> {
    return { release: () => Promise.resolve() }
  }

  mustGet(path: string): Uint8Array {
    const bytes = this.#files.get(path)
    if (bytes === undefined) throw failure('ENOENT', path)
    return bytes
  }

  set(path: string, bytes: Uint8Array): void {
    this.changes += 1
    this.#files.set(path, bytes)
  }
}

class ImageFile implements HostFile {
  readonly #files: ImageFiles
  readonly #path: string

  constructor(files: ImageFiles, path: string) {
    this.#files = files
    this.#path = path
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readNow(into, position)
  }

  readNow(into: Uint8Array, position: number): number {
    const part = this.#files.mustGet(this.#path).subarray(position, position + into.length)
    into.set(part)
    return part.length
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return this.writeNow(bytes, position)
  }

  writeNow(bytes: Uint8Array, position: number): number {
    const old = this.#files.mustGet(this.#path)
    const next = new Uint8Array(Math.max(old.length, position + bytes.length))
    next.set(old)
    next.set(bytes, position)
    this.#files.set(this.#path, next)
    return bytes.length
  }

  async sync(): Promise<void> {}

  async syncData(): Promise<void> {}

  syncDataNow(): void {}

  async truncate(size: number): Promise<void> {
    const old = this.#files.mustGet(this.#path)
    const next = new Uint8Array(size)
    next.set(old.subarray(0, size))
    this.#files.set(this.#path, next)
  }

  async size(): Promise<number> {
    return this.#files.mustGet(this.#path).length
  }

  async close(): Promise<void> {}
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path })
}
