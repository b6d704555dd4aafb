import { checkSections } from '../checkpoint/load-sections.ts'
import type { CheckpointFileInfo } from '../checkpoint/manifest.ts'
import { readCheckpointHeader } from '../checkpoint/read-checkpoint.ts'
import { removeIfPresent } from '../checkpoint/write-checkpoint.ts'
import { readFully, writeFully } from '../host/files.ts'
import type { FileSystem, Host, HostFile } from '../host/host.ts'
import { DatabaseError, messageOf } from '../rules/errors.ts'

/** Small enough that neither a piece nor its checksum holds up commits. */
const pieceBytes = 256 * 1024

/** A checkpoint file, and the database it must be of. */
export interface ExpectedFile {
  readonly host: Host
  readonly path: string
  readonly databaseId: string
  readonly info: CheckpointFileInfo
}

/** What is wrong with a file, and where; undefined when every byte is as its checksums say. */
export interface FileFault {
  readonly what: string
  readonly offset: number
}

/** Reads all of a checkpoint file and holds it against its checksums and its manifest. */
export async function checkFile(expected: ExpectedFile): Promise<FileFault | undefined> {
  const { host, path, databaseId, info } = expected
  const found = await readCheckpointHeader(host.files, path)
  if (found.type === 'missing') return { what: 'it is not there', offset: 0 }
  if (found.type === 'unreadable') return { what: messageOf(found.error), offset: 0 }
  if (found.type !== 'header') return { what: `its header is ${found.type}`, offset: 0 }
  const isNamed = found.checksum === info.headerChecksum && found.size === info.size
  if (!isNamed || found.header.databaseId !== databaseId) {
    return { what: 'it is not the file that the manifest names', offset: 0 }
  }
  const file = await host.files.open(path, 'read')
  try {
    const { timers } = host
    const damage = await checkSections({ file, path, header: found.header, timers })
    if (damage === undefined) return undefined
    return { what: `${damage.what} is damaged (${damage.kind})`, offset: damage.offset }
  } finally {
    await file.close()
  }
}

export interface FileCopy {
  readonly host: Host
  readonly from: string
  readonly to: string
  /** After each piece; throws to stop. */
  onPiece(bytes: number): void
}

/** Copies a file, and syncs the copy; its name is the business of the caller. */
export async function copyFile(copy: FileCopy): Promise<void> {
  const { files } = copy.host
  await removeIfPresent(files, copy.to)
  const source = await files.open(copy.from, 'read')
  try {
    const target = await files.open(copy.to, 'create')
    try {
      await copyContent(copy, source, target)
      await target.sync()
    } catch (error) {
      // The first failure says more than a failed close of the same file could.
      await target.close().catch(() => undefined)
      await forget(files, copy.to)
      throw error
    }
    await target.close()
  } finally {
    await source.close()
  }
}

async function copyContent(copy: FileCopy, source: HostFile, target: HostFile): Promise<void> {
  const { timers } = copy.host
  const piece = new Uint8Array(pieceBytes)
  for (let position = 0; ;) {
    const count = await readFully(source, piece, position)
    if (count > 0) await writeFully(target, piece.subarray(0, count), position)
    position += count
    copy.onPiece(count)
    if (count < piece.length) return
    await timers.yieldTurn()
  }
}

/** Makes durable what a process that was killed has written. */
export async function syncFile(host: Host, path: string): Promise<void> {
  const file = await host.files.open(path, 'write')
  try {
    await file.sync()
  } catch (error) {
    await file.close().catch(() => undefined)
    await forget(host.files, path)
    throw error
  }
  await file.close()
}

/**
 * A copy whose sync has failed reads back well from the cache, and a second sync would confirm what
 * never reached the disk. So it is not left to a later attempt.
 */
async function forget(files: FileSystem, path: string): Promise<void> {
  await removeIfPresent(files, path).catch(() => undefined)
}

/** The error for a file of the source that is not what was written. */
export function sourceDamaged(file: string, { what, offset }: FileFault): DatabaseError {
  return new DatabaseError(
    'Corrupt',
    `${file} is damaged at byte ${offset}: ${what}; nothing of it was taken over, and what was ` +
      'backed up before is as it was',
    { details: { file, offset, kind: 'checksum' } },
  )
}

/** The error for a copy that does not read back as what was written. */
export function copyDamaged(path: string, { what, offset }: FileFault): DatabaseError {
  return new DatabaseError(
    'IoFailed',
    `${path} does not read back as it was written, at byte ${offset}: ${what}; check the disk ` +
      'and run the same again',
    { details: { file: path, offset } },
  )
}
