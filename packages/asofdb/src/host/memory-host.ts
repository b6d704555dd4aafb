import type { FileSystem, Host, HostFile, LockHolder, OpenMode } from './host.ts'
import { type DirectoryLock, LockHeldError } from './host.ts'

/** The clock, timers and randomness of `outer` over files that end with the process. */
export function memoryHost(outer: Host): Host {
  return { ...outer, files: new MemoryFiles() }
}

interface Content {
  bytes: Uint8Array
  size: number
}

type Entry = Content | 'directory'

/**
 * Files in memory, for databases that are never to touch a disk. There is nothing to make durable,
 * so a sync does nothing. The directory `/` exists.
 */
class MemoryFiles implements FileSystem {
  readonly #entries = new Map<string, Entry>([['', 'directory']])
  readonly #locks = new Map<string, LockHolder>()

  async open(path: string, mode: OpenMode): Promise<HostFile> {
    const name = normalize(path)
    const found = this.#entries.get(name)
    if (found === 'directory') throw failure(mode === 'create' ? 'EEXIST' : 'EISDIR', path)
    if (mode !== 'create') {
      if (!found) throw this.#absence(name, path)
      return new MemoryFile(found, mode)
    }
    if (found) throw failure('EEXIST', path)
    this.#mustHaveParent(name, path)
    const content = { bytes: new Uint8Array(0), size: 0 }
    this.#entries.set(name, content)
    return new MemoryFile(content, mode)
  }

  async rename(from: string, to: string): Promise<void> {
    const source = normalize(from)
    const target = normalize(to)
    this.#mustHaveParent(source, from)
    this.#mustHaveParent(target, to)
    const entry = this.#entries.get(source)
    if (!entry) throw failure('ENOENT', from)
    const replaced = this.#entries.get(target)
    if (source === target) return
    if (entry === 'directory') {
      if (replaced && replaced !== 'directory') throw failure('ENOTDIR', to)
      if (replaced && (await this.list(to)).length > 0) throw failure('ENOTEMPTY', to)
      if (target.startsWith(`${source}/`)) throw failure('EINVAL', to)
      this.#moveTree(source, target)
      return
    }
    if (replaced === 'directory') throw failure('EISDIR', to)
    this.#entries.delete(source)
    this.#entries.set(target, entry)
  }

  async remove(path: string): Promise<void> {
    const name = normalize(path)
    const entry = this.#entries.get(name)
    if (!entry) throw this.#absence(name, path)
    if (entry === 'directory') throw failure('EISDIR', path)
    this.#entries.delete(name)
  }

  async makeDirectory(path: string): Promise<void> {
    const name = normalize(path)
    if (this.#entries.has(name)) throw failure('EEXIST', path)
    this.#mustHaveParent(name, path)
    this.#entries.set(name, 'directory')
  }

  async list(path: string): Promise<string[]> {
    const prefix = `${this.#mustBeDirectory(path)}/`
    const names: string[] = []
    for (const name of this.#entries.keys()) {
      const rest = name.slice(prefix.length)
      if (name.startsWith(prefix) && rest !== '' && !rest.includes('/')) names.push(rest)
    }
    return names.sort()
  }

  async stat(path: string) {
    const entry = this.#entries.get(normalize(path))
    if (!entry) return undefined
    if (entry === 'directory') return { type: 'directory', size: 0 } as const
    return { type: 'file', size: entry.size } as const
  }

  async syncDirectory(path: string): Promise<void> {
    this.#mustBeDirectory(path)
  }

  async lock(directory: string): Promise<DirectoryLock> {
    const name = this.#mustBeDirectory(directory)
    const held = this.#locks.get(name)
    if (held) throw new LockHeldError(directory, held)
    const holder = { pid: 0, hostName: 'memory', sinceMs: 0 }
    this.#locks.set(name, holder)
    return {
      release: async () => {
        if (this.#locks.get(name) === holder) this.#locks.delete(name)
      },
    }
  }

  /** ENOTDIR when a file stands where the path needs a directory. */
  #absence(name: string, path: string): Error {
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
      const above = this.#entries.get(name.slice(0, end))
      if (above) return failure(above === 'directory' ? 'ENOENT' : 'ENOTDIR', path)
    }
    return failure('ENOENT', path)
  }

  #mustBeDirectory(path: string): string {
    const name = normalize(path)
    const entry = this.#entries.get(name)
    if (!entry) throw this.#absence(name, path)
    if (entry !== 'directory') throw failure('ENOTDIR', path)
    return name
  }

  #mustHaveParent(name: string, path: string): void {
    const parent = this.#entries.get(name.slice(0, Math.max(name.lastIndexOf('/'), 0)))
    if (!parent) throw this.#absence(name, path)
    if (parent !== 'directory') throw failure('ENOTDIR', path)
  }

  #moveTree(source: string, target: string): void {
    for (const [name, entry] of Array.from(this.#entries)) {
      if (name !== source && !name.startsWith(`${source}/`)) continue
      this.#entries.delete(name)
      this.#entries.set(target + name.slice(source.length), entry)
    }
  }
}

class MemoryFile implements HostFile {
  #content: Content | undefined
  readonly #mode: OpenMode

  constructor(content: Content, mode: OpenMode) {
    this.#content = content
    this.#mode = mode
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readNow(into, position)
  }

  readNow(into: Uint8Array, position: number): number {
    const { bytes, size } = this.#mustBeOpen()
    const count = Math.max(0, Math.min(into.length, size - position))
    into.set(bytes.subarray(position, position + count))
    return count
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return this.writeNow(bytes, position)
  }

  writeNow(bytes: Uint8Array, position: number): number {
    const content = this.#mustBeWritable('EBADF')
    if (bytes.length === 0) return 0
    resize(content, Math.max(content.size, position + bytes.length))
    content.bytes.set(bytes, position)
    return bytes.length
  }

  async sync(): Promise<void> {
    this.#mustBeOpen()
  }

  async syncData(): Promise<void> {
    this.#mustBeOpen()
  }

  syncDataNow(): void {
    this.#mustBeOpen()
  }

  async truncate(size: number): Promise<void> {
    const content = this.#mustBeWritable('EINVAL')
    if (size < content.size) content.bytes.fill(0, size, content.size)
    resize(content, size)
  }

  async size(): Promise<number> {
    return this.#mustBeOpen().size
  }

  async close(): Promise<void> {
    this.#mustBeOpen()
    this.#content = undefined
  }

  #mustBeOpen(): Content {
    if (!this.#content) throw failure('EBADF', 'a closed file')
    return this.#content
  }

  #mustBeWritable(code: string): Content {
    const content = this.#mustBeOpen()
    if (this.#mode === 'read') throw failure(code, 'a file opened for reading')
    return content
  }
}

/** Bytes past the size are always zero, so a file that grows again shows none of its old end. */
function resize(content: Content, size: number): void {
  if (size > content.bytes.length) {
    const grown = new Uint8Array(Math.max(size, content.bytes.length * 2, 4096))
    grown.set(content.bytes.subarray(0, content.size))
    content.bytes = grown
  }
  content.size = size
}

/** With one slash before each part, so that `/` is the empty name; `\` counts as `/`. */
function normalize(path: string): string {
  const parts = path.split(/[/\\]+/).filter((part) => part !== '' && part !== '.')
  return parts.map((part) => `/${part}`).join('')
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path })
}
