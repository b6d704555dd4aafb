import type { HostFile, OpenMode } from '../packages/asofdb/src/host/host.ts'
import { isBrokenAt } from './fault-plan.ts'
import type { FileNode } from './simulated-disk.ts'
import type { Operation, SimulatedFiles } from './simulated-files.ts'
import { failure } from './simulated-names.ts'
import { fingerprint } from './simulated-trace.ts'

export interface SimulatedFileOptions {
  readonly files: SimulatedFiles
  readonly node: FileNode
  readonly path: string
  readonly mode: OpenMode
}

/**
 * An open file of the simulated machine. It holds the file itself and not its name, so it survives
 * rename and removal, and it is dead with its machine.
 */
export class SimulatedFile implements HostFile {
  readonly #files: SimulatedFiles
  readonly #node: FileNode
  readonly #path: string
  readonly #isWritable: boolean
  #isClosed = false

  constructor({ files, node, path, mode }: SimulatedFileOptions) {
    this.#files = files
    this.#node = node
    this.#path = path
    this.#isWritable = mode !== 'read'
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#mustBeOpen()
    return into.length === 0 ? 0 : this.#files.submit(this.#read(into, position))
  }

  readNow(into: Uint8Array, position: number): number {
    this.#mustBeOpen()
    return into.length === 0 ? 0 : this.#files.executeNow(this.#read(into, position))
  }

  #read(into: Uint8Array, position: number): Operation<number> {
    return {
      kind: 'read',
      path: this.#path,
      subject: `${position}+${into.length}`,
      perform: () => {
        const left = Math.max(0, this.#node.size - position)
        const length = this.#files.shortLength('read', Math.min(left, into.length))
        const target = into.subarray(0, length)
        this.#node.cache.read(target, position)
        flip(target, this.#files.faults.flippedBit())
        return length
      },
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#files.submit(this.#write(bytes, position))
  }

  writeNow(bytes: Uint8Array, position: number): number {
    return this.#files.executeNow(this.#write(bytes, position))
  }

  async sync(): Promise<void> {
    return this.#files.submit(this.#sync())
  }

  async syncData(): Promise<void> {
    return this.#files.submit(this.#sync())
  }

  syncDataNow(): void {
    this.#files.executeNow(this.#sync())
  }

  async truncate(size: number): Promise<void> {
    this.#mustBeOpen()
    if (!this.#isWritable) throw failure('EINVAL', this.#path)
    return this.#files.submit({
      kind: 'truncate',
      path: this.#path,
      subject: String(size),
      plan: () => (size === this.#node.size ? [] : [this.#disk.planTruncate(this.#node, size)]),
      perform: () => undefined,
    })
  }

  async size(): Promise<number> {
    this.#mustBeOpen()
    return this.#files.submit({
      kind: 'stat',
      path: this.#path,
      perform: () => this.#node.size,
    })
  }

  async close(): Promise<void> {
    this.#mustBeOpen()
    // The number is gone even when the call fails, as on Linux.
    this.#isClosed = true
    return this.#files.submit({ kind: 'close', path: this.#path, perform: () => undefined })
  }

  get #disk() {
    return this.#files.disk
  }

  #write(bytes: Uint8Array, position: number): Operation<number> {
    this.#mustBeOpen()
    if (!this.#isWritable) throw failure('EBADF', this.#path)
    return {
      kind: 'write',
      path: this.#path,
      subject: `${position}+${bytes.length} ${fingerprint(bytes)}`,
      plan: () => {
        const length = this.#files.shortLength('write', this.#room(bytes.length, position))
        if (length === 0) return []
        return [this.#disk.planWrite(this.#node, bytes.subarray(0, length), position)]
      },
      perform: ([effect]) =>
        effect?.kind === 'bytes' && effect.change.kind === 'write' ? effect.change.bytes.length : 0,
    }
  }

  /** How much of a write fits on the disk. */
  #room(length: number, position: number): number {
    const growth = position + length - this.#node.size
    const free = this.#disk.capacityBytes - this.#disk.usedBytes
    if (length === 0 || growth <= 0 || growth <= free) return length
    const fitting = length - (growth - Math.max(0, free))
    if (fitting <= 0) throw failure('ENOSPC', this.#path)
    return fitting
  }

  #sync(): Operation<void> {
    this.#mustBeOpen()
    // What returns while the sync is under way has a higher order, and is not covered.
    const mark = this.#disk.order
    return {
      kind: 'sync',
      path: this.#path,
      perform: () => {
        const { brokenSync } = this.#files.faults.plan
        if (!isBrokenAt(brokenSync, this.#path)) this.#disk.syncFile(this.#node, mark)
      },
      onFault: () => this.#disk.abandonFile(this.#node, this.#disk.order),
    }
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw failure('EBADF', this.#path)
  }
}

function flip(bytes: Uint8Array, bit: number | undefined): void {
  if (bit === undefined || bytes.length === 0) return
  const index = Math.floor(bit / 8) % bytes.length
  bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit % 8))
}
