import * as fs from 'node:fs'
import { isErrno } from './files.ts'
import type { FileStatus, FileSystem, HostFile, OpenMode } from './host.ts'
import { lockDirectory } from './node-lock.ts'

const isWindows = process.platform === 'win32'

const flagsByMode = { read: 'r', write: 'r+', create: 'wx+' } as const satisfies Record<
  OpenMode,
  string
>

/** Scanners and indexers on Windows hold files for a moment; longer than this is no moment. */
const renameRetryMs = 10_000

export function nodeFiles(): FileSystem {
  return {
    open: openFile,
    rename: isWindows ? renamePatiently : fs.promises.rename,
    remove: fs.promises.unlink,
    makeDirectory: async (path) => {
      await fs.promises.mkdir(path)
    },
    list: async (path) => (await fs.promises.readdir(path)).sort(),
    stat: readStatus,
    syncDirectory: isWindows ? async () => undefined : syncDirectory,
    lock: lockDirectory,
  }
}

function openFile(path: string, mode: OpenMode): Promise<HostFile> {
  return new Promise((resolve, reject) => {
    fs.open(path, flagsByMode[mode], 0o666, (error, descriptor) => {
      if (error) reject(error)
      else resolve(new NodeFile(descriptor))
    })
  })
}

async function readStatus(path: string): Promise<FileStatus | undefined> {
  try {
    const found = await fs.promises.stat(path)
    const type = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other'
    return { type, size: found.size }
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined
    throw error
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await fs.promises.open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function renamePatiently(from: string, to: string): Promise<void> {
  const deadlineMs = performance.now() + renameRetryMs
  for (let delayMs = 5; ; delayMs = Math.min(delayMs * 2, 500)) {
    try {
      await fs.promises.rename(from, to)
      return
    } catch (error) {
      const isHeld = ['EPERM', 'EACCES', 'EBUSY'].some((code) => isErrno(error, code))
      if (!isHeld || performance.now() > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}

/**
 * Works on the bare descriptor: the callbacks of `fs` cost less than the methods of a FileHandle,
 * and the `…Now` calls need the number anyway.
 *
 * A number that was closed may come back as another file, so nothing may use it after `close`:
 * `close` waits for the calls under way, and later calls find no number.
 */
class NodeFile implements HostFile {
  #descriptor: number | undefined
  #callsUnderWay = 0
  #whenIdle: (() => void) | undefined

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  read(into: Uint8Array, position: number): Promise<number> {
    if (into.length === 0) return Promise.resolve(0)
    return this.#call((descriptor, done) => {
      fs.read(descriptor, into, 0, into.length, position, done)
    })
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#call((descriptor, done) => {
      fs.write(descriptor, bytes, 0, bytes.length, position, done)
    })
  }

  readNow(into: Uint8Array, position: number): number {
    return fs.readSync(this.#mustBeOpen(), into, 0, into.length, position)
  }

  writeNow(bytes: Uint8Array, position: number): number {
    return fs.writeSync(this.#mustBeOpen(), bytes, 0, bytes.length, position)
  }

  async sync(): Promise<void> {
    await this.#call<unknown>((descriptor, done) => {
      fs.fsync(descriptor, (error) => done(error, undefined))
    })
  }

  async syncData(): Promise<void> {
    await this.#call<unknown>((descriptor, done) => {
      fs.fdatasync(descriptor, (error) => done(error, undefined))
    })
  }

  syncDataNow(): void {
    fs.fdatasyncSync(this.#mustBeOpen())
  }

  async truncate(size: number): Promise<void> {
    await this.#call<unknown>((descriptor, done) => {
      fs.ftruncate(descriptor, size, (error) => done(error, undefined))
    })
  }

  size(): Promise<number> {
    return this.#call((descriptor, done) => {
      fs.fstat(descriptor, (error, found) => done(error, error ? 0 : found.size))
    })
  }

  async close(): Promise<void> {
    const descriptor = this.#mustBeOpen()
    this.#descriptor = undefined
    if (this.#callsUnderWay > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    await new Promise<void>((resolve, reject) => {
      fs.close(descriptor, (error) => (error ? reject(error) : resolve()))
    })
  }

  #mustBeOpen(): number {
    if (this.#descriptor !== undefined) return this.#descriptor
    throw Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' })
  }

  #call<T>(
    start: (descriptor: number, done: (error: Error | null, result: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#mustBeOpen()
      start(descriptor, (error, result) => {
        this.#callsUnderWay -= 1
        if (this.#callsUnderWay === 0) this.#whenIdle?.()
        if (error) reject(error)
        else resolve(result)
      })
      // Counted after the start: a call with wrong arguments throws there and never reports back.
      this.#callsUnderWay += 1
    })
  }
}
