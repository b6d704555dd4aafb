import type { FileSystem, HostFile } from './host.ts'

/** True when `error` is a failure of the file system with this code of Node (`ENOENT`, `EIO` …). */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Writes all of `bytes`; a kernel may take fewer bytes than asked, most often on a full disk. */
export async function writeFully(
  file: HostFile,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  let done = await file.write(bytes, position)
  while (done < bytes.length) {
    done += await file.write(bytes.subarray(done), position + done)
  }
}

/** `writeFully` without leaving the caller's turn. */
export function writeFullyNow(file: HostFile, bytes: Uint8Array, position: number): void {
  let done = file.writeNow(bytes, position)
  while (done < bytes.length) {
    done += file.writeNow(bytes.subarray(done), position + done)
  }
}

/** Fills `into` as far as the file reaches; fewer bytes than asked means the end of the file. */
export async function readFully(
  file: HostFile,
  into: Uint8Array,
  position: number,
): Promise<number> {
  let done = 0
  while (done < into.length) {
    const count = await file.read(done === 0 ? into : into.subarray(done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** `readFully` without leaving the caller's turn. */
export function readFullyNow(file: HostFile, into: Uint8Array, position: number): number {
  let done = 0
  while (done < into.length) {
    const count = file.readNow(done === 0 ? into : into.subarray(done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** The name under which `writeFileDurably` builds `name`. */
export function temporaryName(name: string): string {
  return `${name}.tmp`
}

export interface DurableFile {
  readonly files: FileSystem
  readonly directory: string
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Puts a whole file in place, or leaves what had this name as it was.
 *
 * The bytes are synced under a temporary name, the rename is atomic, and the name is durable once
 * the directory is synced; so a crash at any point leaves the old file or the new one, at worst
 * with a temporary file beside it, which the next call removes.
 */
export async function writeFileDurably({ files, directory, name, bytes }: DurableFile) {
  const temporary = `${directory}/${temporaryName(name)}`
  await removeIfPresent(files, temporary)
  try {
    await writeTemporary(files, temporary, bytes)
    await files.rename(temporary, `${directory}/${name}`)
  } catch (error) {
    // The first failure is the one to report: the leftover is harmless and the next call retries.
    await removeIfPresent(files, temporary).catch(() => undefined)
    throw error
  }
  await files.syncDirectory(directory)
}

async function writeTemporary(files: FileSystem, path: string, bytes: Uint8Array) {
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

async function removeIfPresent(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}
