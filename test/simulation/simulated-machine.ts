/** What tests do with a simulated machine, besides using a database on it. */
import { isErrno, readFully, writeFully } from '../../packages/asofdb/src/host/files.ts'
import type { FileSystem, Host } from '../../packages/asofdb/src/host/host.ts'
import { SimulatedCrash } from '../../simulation/simulated-clock.ts'
import type { SimulatedHost } from '../../simulation/simulated-host.ts'

/** Runs until the crash of the plan, or to the end; whether the machine has stopped. */
export async function runUntilCrash(
  host: SimulatedHost,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await host.run(work)
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof SimulatedCrash) return true
    }
    throw error
  }
  return host.isStopped
}

/** Lets virtual time pass. */
export function wait({ timers }: Pick<Host, 'timers'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => void timers.after(delayMs, resolve))
}

/** The paths of all files below a directory, in order. */
export async function filesBelow(files: FileSystem, directory: string): Promise<string[]> {
  const found: string[] = []
  for (const name of (await files.list(directory)).sort()) {
    const path = `${directory}/${name}`
    const isDirectory = (await files.stat(path))?.type === 'directory'
    if (isDirectory) found.push(...(await filesBelow(files, path)))
    else found.push(path)
  }
  return found
}

export async function bytesOf(files: FileSystem, path: string): Promise<Buffer> {
  const file = await files.open(path, 'read')
  try {
    const bytes = Buffer.alloc(await file.size())
    const length = await readFully(file, bytes, 0)
    if (length < bytes.length) throw new Error(`${path} ends at ${length} of ${bytes.length}`)
    return bytes
  } finally {
    await file.close()
  }
}

/** As `bytesOf`; undefined for a file that has gone meanwhile. */
export async function bytesIfThere(files: FileSystem, path: string): Promise<Buffer | undefined> {
  try {
    return await bytesOf(files, path)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Makes one byte of a file another, durably; `at` counts from the end when negative. */
export async function flipByte(files: FileSystem, path: string, at: number): Promise<void> {
  const file = await files.open(path, 'write')
  const position = at < 0 ? (await file.size()) + at : at
  const byte = new Uint8Array(1)
  await readFully(file, byte, position)
  await writeFully(file, Uint8Array.of((byte[0] ?? 0) ^ 0x20), position)
  await file.sync()
  await file.close()
}
