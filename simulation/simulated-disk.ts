/**
 * The disk of the simulated machine, with its page cache.
 *
 * The fault model, weakest first:
 *
 * - Reads see the cache. What a power loss leaves is the durable state plus any part of the changes
 *   that no sync has covered.
 * - Each sector of 512 bytes is afterwards in any version the cache ever had since the last sync;
 *   the sectors of one write are independent of each other. A sector is never a mixture.
 * - The size of a file is independent of its bytes. Where the size came first, the space shows
 *   zeros or garbage.
 * - Each name is independent too, and durable only by a sync of its directory. A rename inside one
 *   directory is atomic; between two directories it is a creation and a removal. What hangs below a
 *   name that was lost is lost.
 * - A sync covers the changes whose calls had returned when it was entered.
 * - A sync that failed leaves its pages clean: reads still show them, a later sync succeeds and
 *   skips them, and on the disk they are old or as written, page by page.
 *
 * Not modelled: damage to sectors nobody wrote to. Tests make it by hand, through `alterFile`.
 *
 * The profile `ordered` is the stricter one of ext4: names and sizes become durable in the order of
 * their making, bytes before the size that uncovers them, and a sync of a file with a changed size
 * makes all earlier names durable.
 */
import { forEachPart, pageBytes, SimulatedPages } from './simulated-pages.ts'

export type DiskProfile = 'posix' | 'ordered'

export interface PendingWrite {
  readonly kind: 'write'
  readonly order: number
  readonly position: number
  readonly bytes: Uint8Array
  readonly sizeBefore: number
  readonly sizeAfter: number
  /** One page of a write whose sync failed: no later sync writes it. */
  readonly isAbandoned: boolean
}

export interface PendingTruncate {
  readonly kind: 'truncate'
  readonly order: number
  readonly sizeBefore: number
  readonly sizeAfter: number
  /** The pages that held something past the size. */
  readonly pages: readonly number[]
}

export type PendingBytes = PendingWrite | PendingTruncate

/** One atomic change to the names of a directory. */
export interface PendingNames {
  readonly kind: 'names'
  readonly order: number
  readonly removed: string | undefined
  readonly added: { readonly name: string; readonly node: DiskNode } | undefined
}

export class FileNode {
  readonly type = 'file'
  cache = new SimulatedPages()
  size = 0
  durable = new SimulatedPages()
  durableSize = 0
  pending: PendingBytes[] = []
}

export class DirectoryNode {
  readonly type = 'directory'
  names = new Map<string, DiskNode>()
  durable = new Map<string, DiskNode>()
  pending: PendingNames[] = []
}

export type DiskNode = FileNode | DirectoryNode

/** A change together with what it changes. */
export type Effect =
  | { readonly kind: 'bytes'; readonly node: FileNode; readonly change: PendingBytes }
  | { readonly kind: 'names'; readonly node: DirectoryNode; readonly change: PendingNames }

export class SimulatedDisk {
  readonly profile: DiskProfile
  readonly root: DirectoryNode
  /** The order of the latest change; later ones have higher numbers. */
  order = 0
  /** Bytes of all files with a name, and how many there may be. */
  usedBytes = 0
  capacityBytes = Infinity
  /** All directories that may hold unsynced names, for the profile that syncs them together. */
  readonly directories = new Set<DirectoryNode>()

  constructor(profile: DiskProfile = 'posix', root = new DirectoryNode()) {
    this.profile = profile
    this.root = root
    this.directories.add(root)
  }

  nextOrder(): number {
    this.order += 1
    return this.order
  }

  /**
   * An independent copy, unsynced changes included. Bytes are shared until one side writes.
   * `copies` receives which node became which.
   */
  fork(copies = new Map<DiskNode, DiskNode>()): SimulatedDisk {
    const disk = new SimulatedDisk(this.profile, copyDirectory(this.root, copies))
    for (const copy of copies.values()) {
      if (copy.type === 'directory') disk.directories.add(copy)
    }
    disk.order = this.order
    disk.usedBytes = this.usedBytes
    disk.capacityBytes = this.capacityBytes
    return disk
  }

  /** The change a write would make; `apply` makes it. */
  planWrite(file: FileNode, bytes: Uint8Array, position: number): Effect {
    const sizeAfter = Math.max(file.size, position + bytes.length)
    const change: PendingWrite = {
      kind: 'write',
      order: this.nextOrder(),
      position,
      bytes: bytes.slice(),
      sizeBefore: file.size,
      sizeAfter,
      isAbandoned: false,
    }
    return { kind: 'bytes', node: file, change }
  }

  planTruncate(file: FileNode, size: number): Effect {
    const change: PendingTruncate = {
      kind: 'truncate',
      order: this.nextOrder(),
      sizeBefore: file.size,
      sizeAfter: size,
      pages: size < file.size ? file.cache.pagesFrom(size) : [],
    }
    return { kind: 'bytes', node: file, change }
  }

  apply(effect: Effect): void {
    if (effect.kind === 'names') {
      effect.node.pending.push(effect.change)
      applyNames(effect.node.names, effect.change)
      const added = effect.change.added?.node
      if (added?.type === 'directory') this.directories.add(added)
      return
    }
    const { node: file, change } = effect
    file.pending.push(change)
    applyBytes(file.cache, change)
    this.usedBytes += change.sizeAfter - file.size
    file.size = change.sizeAfter
  }

  /** Makes every change to the file up to `mark` durable, except what a failed sync gave up. */
  syncFile(file: FileNode, mark: number): void {
    const covered = file.pending.filter((change) => change.order <= mark)
    const skipped = new Set(skippedPieces(covered))
    const written = covered.filter((change) => !skipped.has(change))
    const last = written.at(-1)
    if (!last) return
    for (const change of written) applyBytes(file.durable, change)
    const changesSize = written.some((change) => change.sizeAfter !== change.sizeBefore)
    file.durableSize = last.sizeAfter
    file.pending = file.pending.filter((change) => change.order > mark || skipped.has(change))
    if (this.profile === 'ordered' && changesSize) {
      for (const directory of this.directories) syncNames(directory, mark)
    }
  }

  /** What a failed sync leaves: the changes count as written, and no later sync writes them. */
  abandonFile(file: FileNode, mark: number): void {
    file.pending = file.pending.flatMap((change) =>
      change.kind === 'write' && change.order <= mark ? piecesByPage(change) : [change],
    )
  }

  syncDirectory(directory: DirectoryNode, mark: number): void {
    if (this.profile === 'posix') return syncNames(directory, mark)
    for (const each of this.directories) syncNames(each, mark)
  }
}

/** The effect on a copy of its disk; nothing for a file that no name leads to any more. */
export function moveEffect(effect: Effect, copies: Map<DiskNode, DiskNode>): Effect[] {
  const node = copies.get(effect.node)
  if (effect.kind === 'names' && node?.type === 'directory') {
    return [{ ...effect, node, change: redirect(effect.change, copies) }]
  }
  return effect.kind === 'bytes' && node?.type === 'file' ? [{ ...effect, node }] : []
}

function redirect(change: PendingNames, copies: Map<DiskNode, DiskNode>): PendingNames {
  if (!change.added) return change
  const { name, node } = change.added
  return { ...change, added: { name, node: copies.get(node) ?? node } }
}

export function applyNames(names: Map<string, DiskNode>, change: PendingNames): void {
  if (change.removed !== undefined) names.delete(change.removed)
  if (change.added) names.set(change.added.name, change.added.node)
}

export function applyBytes(pages: SimulatedPages, change: PendingBytes): void {
  if (change.kind === 'write') pages.write(change.bytes, change.position)
  else if (change.sizeAfter < change.sizeBefore) pages.clear(change.sizeAfter, Infinity)
}

function syncNames(directory: DirectoryNode, mark: number): void {
  if (directory.pending.length === 0) return
  for (const change of directory.pending) {
    if (change.order <= mark) applyNames(directory.durable, change)
  }
  directory.pending = directory.pending.filter((change) => change.order > mark)
}

/** Given-up pieces on pages that nothing has dirtied since, so that a sync does not write them. */
function skippedPieces(covered: readonly PendingBytes[]): PendingBytes[] {
  const isGivenUp = (change: PendingBytes) => change.kind === 'write' && change.isAbandoned
  const pieces = covered.filter(isGivenUp)
  if (pieces.length === 0) return []
  const dirty = new Set<number>()
  for (const change of covered) {
    if (!isGivenUp(change)) for (const page of pagesOf(change)) dirty.add(page)
  }
  return pieces.filter((piece) => pagesOf(piece).every((page) => !dirty.has(page)))
}

function pagesOf(change: PendingBytes): readonly number[] {
  if (change.kind === 'truncate') return change.pages
  const pages: number[] = []
  const { position, bytes } = change
  forEachPart({ position, length: bytes.length, step: pageBytes }, (page) => pages.push(page))
  return pages
}

function piecesByPage(change: PendingWrite): PendingWrite[] {
  const pieces: PendingWrite[] = []
  const { position, bytes } = change
  forEachPart({ position, length: bytes.length, step: pageBytes }, (_page, at, length) => {
    const piece = bytes.subarray(at - position, at - position + length)
    pieces.push({ ...change, position: at, bytes: piece, isAbandoned: true })
  })
  return pieces
}

function copyDirectory(from: DirectoryNode, copies: Map<DiskNode, DiskNode>): DirectoryNode {
  const copy = new DirectoryNode()
  copies.set(from, copy)
  const copyNames = (names: Map<string, DiskNode>) =>
    new Map([...names].map(([name, node]) => [name, copyNode(node, copies)]))
  copy.names = copyNames(from.names)
  copy.durable = copyNames(from.durable)
  copy.pending = from.pending.map((change) => {
    if (!change.added) return change
    const { name, node } = change.added
    return { ...change, added: { name, node: copyNode(node, copies) } }
  })
  return copy
}

function copyNode(node: DiskNode, copies: Map<DiskNode, DiskNode>): DiskNode {
  const known = copies.get(node)
  if (known) return known
  if (node.type === 'directory') return copyDirectory(node, copies)
  const copy = new FileNode()
  copies.set(node, copy)
  copy.cache = node.cache.copy()
  copy.size = node.size
  copy.durable = node.durable.copy()
  copy.durableSize = node.durableSize
  copy.pending = [...node.pending]
  return copy
}
