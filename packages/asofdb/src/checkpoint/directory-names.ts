/**
 * The names in a database directory, made and parsed here and nowhere else:
 *
 *     LOCK, LOCK.*        who holds the directory; the host's business
 *     MANIFEST            what the database consists of: `manifest.ts`
 *     MANIFEST.previous   the manifest before; nothing relies on it, people and repairs may
 *     *.tmp               a file that was being built when the process ended
 *     log/                segments; their names are the log's business
 *     checkpoint/         checkpoint files: `00000007.checkpoint`, numbered by generation
 *     UNFINISHED          a backup or a copy is being made here
 *     quarantine/         damaged files that a repair took out of use; nothing reads them
 */
import { temporaryName } from '../host/files.ts'
import { invariant } from '../rules/invariant.ts'

export const manifestName = 'MANIFEST'
export const previousManifestName = 'MANIFEST.previous'
export const logDirectoryName = 'log'
export const checkpointDirectoryName = 'checkpoint'

export const quarantineDirectoryName = 'quarantine'

/** Marks a directory that a backup or a copy is being written to: see `transfer/`. */
export const unfinishedName = 'UNFINISHED'

const lockName = 'LOCK'
const generationDigits = 8
const checkpointSuffix = '.checkpoint'

export function logDirectoryOf(directory: string): string {
  return `${directory}/${logDirectoryName}`
}

export function checkpointDirectoryOf(directory: string): string {
  return `${directory}/${checkpointDirectoryName}`
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
  | 'temporary'
  | 'logDirectory'
  | 'checkpointDirectory'
  | 'quarantineDirectory'
  | 'stranger'

/** What a name in the database directory is. */
export function rootNameKind(name: string): RootNameKind {
  if (name === lockName || name.startsWith(`${lockName}.`)) return 'lock'
  if (name === manifestName) return 'manifest'
  if (name === previousManifestName) return 'previousManifest'
  if (name === logDirectoryName) return 'logDirectory'
  if (name === checkpointDirectoryName) return 'checkpointDirectory'
  if (name === quarantineDirectoryName) return 'quarantineDirectory'
  const isTemporary = [manifestName, previousManifestName].some(
    final => temporaryName(final) === name,
  )
  return isTemporary ? 'temporary' : 'stranger'
}
