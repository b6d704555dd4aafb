import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CommandFailure, isErrno } from '../failure.ts'
import type { TextTarget } from './line-output.ts'

/**
 * A file that is there whole or not at all: it is written beside its place, synced, and given its
 * name when it is complete. What was there before is replaced in that moment.
 */
export class FileTarget implements TextTarget {
  readonly #path: string
  readonly #unfinished: string
  readonly #file: FileHandle

  private constructor(
    { path, unfinished }: { readonly path: string; readonly unfinished: string },
    file: FileHandle,
  ) {
    this.#path = path
    this.#unfinished = unfinished
    this.#file = file
  }

  static async create(path: string): Promise<FileTarget> {
    const unfinished = `${path}.unfinished-${process.pid}`
    try {
      return new FileTarget({ path, unfinished }, await open(unfinished, 'w'))
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
      throw new CommandFailure(`there is no folder ${dirname(path)}`, { cause: error })
    }
  }

  async write(text: string): Promise<boolean> {
    await this.#file.appendFile(text)
    return true
  }

  async finish(): Promise<void> {
    await this.#file.sync()
    await this.#file.close()
    await rename(this.#unfinished, this.#path)
    await syncFolder(dirname(this.#path))
  }

  async discard(): Promise<void> {
    await this.#file.close()
    await rm(this.#unfinished, { force: true })
  }
}

/** Makes a name durable, where folders can be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  if (folder === undefined) return
  try {
    await folder.sync()
  } catch (error) {
    if (!isErrno(error, 'EINVAL') && !isErrno(error, 'EPERM')) throw error
  } finally {
    await folder.close()
  }
}
