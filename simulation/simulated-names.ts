import {
  type DirectoryNode,
  type DiskNode,
  type Effect,
  FileNode,
  DirectoryNode as NewDirectory,
  type SimulatedDisk,
} from './simulated-disk.ts'

/** A failure as Node reports it. */
export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code, path })
}

interface Place {
  readonly directory: DirectoryNode
  readonly name: string
  readonly node: DiskNode | undefined
}

/** Finds paths on a disk, and plans changes to names with the checks the kernel would make. */
export class SimulatedNames {
  readonly #disk: SimulatedDisk

  constructor(disk: SimulatedDisk) {
    this.#disk = disk
  }

  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.#disk.root
    for (const part of partsOf(path)) {
      if (node?.type !== 'directory') return undefined
      node = node.names.get(part)
    }
    return node
  }

  mustFind(path: string): DiskNode {
    return this.find(path) ?? this.#absent(path)
  }

  mustFindDirectory(path: string): DirectoryNode {
    const node = this.mustFind(path)
    if (node.type !== 'directory') throw failure('ENOTDIR', path)
    return node
  }

  planCreate(path: string, node: DiskNode): Effect[] {
    const place = this.#place(path)
    if (place.node) throw failure('EEXIST', path)
    return [this.#names(place.directory, { added: { name: place.name, node } })]
  }

  planCreateFile(path: string): Effect[] {
    return this.planCreate(path, new FileNode())
  }

  planMakeDirectory(path: string): Effect[] {
    return this.planCreate(path, new NewDirectory())
  }

  planRemove(path: string): Effect[] {
    const { directory, name, node } = this.#place(path)
    if (!node) throw failure('ENOENT', path)
    if (node.type === 'directory') throw failure('EISDIR', path)
    return [this.#names(directory, { removed: name })]
  }

  planRename(from: string, to: string): Effect[] {
    const source = this.#place(from)
    const target = this.#place(to)
    const { node } = source
    if (!node) throw failure('ENOENT', from)
    if (target.node === node) return []
    checkReplacement(node, target.node, { from, to })
    const added = { name: target.name, node }
    if (source.directory === target.directory) {
      return [this.#names(source.directory, { removed: source.name, added })]
    }
    const arrival = this.#names(target.directory, { added })
    const leaving = this.#names(source.directory, { removed: source.name })
    if (this.#disk.profile === 'posix') return [arrival, leaving]
    // One journal entry, so both or none: the order is what a crash decides by.
    return [arrival, { ...leaving, change: { ...leaving.change, order: arrival.change.order } }]
  }

  #names(
    node: DirectoryNode,
    change: { removed?: string; added?: { name: string; node: DiskNode } },
  ): Extract<Effect, { kind: 'names' }> {
    const { removed, added } = change
    const order = this.#disk.nextOrder()
    return { kind: 'names', node, change: { kind: 'names', order, removed, added } }
  }

  #place(path: string): Place {
    const parts = partsOf(path)
    const name = parts.at(-1)
    if (name === undefined) throw failure('EEXIST', path)
    const directory = this.mustFindDirectory(`/${parts.slice(0, -1).join('/')}`)
    return { directory, name, node: directory.names.get(name) }
  }

  /** ENOTDIR when a file stands where the path needs a directory. */
  #absent(path: string): never {
    const parts = partsOf(path)
    for (let length = 1; length < parts.length; length++) {
      const above = this.find(parts.slice(0, length).join('/'))
      if (above?.type === 'file') throw failure('ENOTDIR', path)
    }
    throw failure('ENOENT', path)
  }
}

function checkReplacement(
  node: DiskNode,
  replaced: DiskNode | undefined,
  { from, to }: { from: string; to: string },
): void {
  if (node.type === 'directory') {
    if (`${to}/`.startsWith(`${from}/`)) throw failure('EINVAL', to)
    if (replaced?.type === 'file') throw failure('ENOTDIR', to)
    if (replaced && replaced.names.size > 0) throw failure('ENOTEMPTY', to)
  } else if (replaced?.type === 'directory') {
    throw failure('EISDIR', to)
  }
}

function partsOf(path: string): string[] {
  return path.split(/[/\\]+/).filter((part) => part !== '' && part !== '.')
}
