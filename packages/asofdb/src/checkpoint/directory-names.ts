/**
 * The names in a database directory, made and parsed here and nowhere else:
 *
 *     LOCK, LOCK.*        who holds the directory; the host's business
 *     MANIFEST            what the database consists of: `manifest.ts`
 *     MANIFEST.previous   the manifest before; nothing relies on it, people and repairs may
 *     *.tmp               a file that was being built when the process ended
 *     log/                segments; their names are the log's business
 *     checkpoint/         checkpoint files: `00000007.checkpoint`, numbered by generation
 *     index/              images of derived indexes: `keys.image`; no manifest names them
 *     PATHS               where log/ and checkpoint/ are, if not here: `paths-file.ts`
 *     OWNER               in such another directory: whose it is
 *     UNFINISHED          a backup or a copy is being made here
 *     quarantine/         damaged files that a repair took out of use; nothing reads them
 */
import { crc32 } from '../encoding/checksum.ts'
import { temporaryName } from '../host/files.ts'
import { invariant } from '../rules/invariant.ts'

export const manifestName = 'MANIFEST'
export const previousManifestName = 'MANIFEST.previous'
export const logDirectoryName = 'log'
export const checkpointDirectoryName = 'checkpoint'

export const indexDirectoryName = 'index'

export const quarantineDirectoryName = 'quarantine'

/** Says where log and checkpoints lie when that is elsewhere. */
export const pathsName = 'PATHS'

/** In a directory elsewhere: says whose it is. */
export const ownerName = 'OWNER'

/** Marks a directory that a backup or a copy is being written to: see `transfer/`. */
export const unfinishedName = 'UNFINISHED'

export const lockName = 'LOCK'
const generationDigits = 8
const checkpointSuffix = '.checkpoint'
const imageSuffix = '.image'

export function logDirectoryOf(directory: string): string {
  return `${directory}/${logDirectoryName}`
}

export function checkpointDirectoryOf(directory: string): string {
  return `${directory}/${checkpointDirectoryName}`
}

export function indexDirectoryOf(directory: string): string {
  return `${directory}/${indexDirectoryName}`
}

/**
 * The name of an image inside `index/`: that of the index, or a checksum of it where a file can't
 * be called so. Two indexes may get the same name; the image says itself which it is of.
 */
export function imageFileName(index: string): string {
  const isPlain = /^[a-z]+(?: [a-z]+)*$/.test(index)
  const checksum = crc32(new TextEncoder().encode(index)).toString(16).padStart(8, '0')
  return (isPlain ? index.replaceAll(' ', '-') : `property-${checksum}`) + imageSuffix
}

/** What a name inside `index/` is: ours, or one that was being built when the process ended. */
export function imageNameKind(name: string): 'image' | 'temporary' | 'stranger' {
  const isTemporary = name.endsWith(temporaryName(imageSuffix))
  const final = isTemporary ? name.slice(0, -temporaryName('').length) : name
  if (!/^[a-z]+(?:-[a-z]+)*(?:-[0-9a-f]{8})?\.image$/.test(final)) return 'stranger'
  return isTemporary ? 'temporary' : 'image'
}

/** The name of a checkpoint file inside `checkpoint/`. */
export function checkpointFileName(generation: number): string {
  invariant(Number.isSafeInteger(generation) && generation >= 1, 'checkpoints count from 1')
  return String(generation).padStart(generationDigits, '0') + checkpointSuffix
}

/** The generation that a name inside `checkpoint/` stands for; undefined when it is not ours. */
export function generationOfName(name: string): number | undefined {
  if (!name.endsWith(checkpointSuffix)) return undefined
  const generation = Number(name.slice(0, -checkpointSuffix.length))
  if (!Number.isSafeInteger(generation) || generation < 1) return undefined
  return checkpointFileName(generation) === name ? generation : undefined
}

export type RootNameKind =
  | 'lock'
  | 'manifest'
  | 'previousManifest'
  | 'paths'
  | 'temporary'
  | 'logDirectory'
  | 'checkpointDirectory'
  | 'indexDirectory'
  | 'quarantineDirectory'
  | 'stranger'

/** What a name in the database directory is. */
export function rootNameKind(name: string): RootNameKind {
  if (name === lockName || name.startsWith(`${lockName}.`)) return 'lock'
  if (name === manifestName) return 'manifest'
  if (name === previousManifestName) return 'previousManifest'
  if (name === pathsName) return 'paths'
  if (name === logDirectoryName) return 'logDirectory'
  if (name === checkpointDirectoryName) return 'checkpointDirectory'
  if (name === indexDirectoryName) return 'indexDirectory'
  if (name === quarantineDirectoryName) return 'quarantineDirectory'
  const isTemporary = [manifestName, previousManifestName, pathsName].some(
    final => temporaryName(final) === name,
  )
  return isTemporary ? 'temporary' : 'stranger'
}
