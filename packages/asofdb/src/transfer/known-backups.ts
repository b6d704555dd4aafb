import type { Settings } from '../checkpoint/manifest.ts'

/** A directory that a database was backed up into. */
export interface KnownBackup {
  readonly directory: string
  /** The newest commit when it was last done and nothing was left behind; 0: it never was. */
  readonly sequence: number
}

/** More are forgotten, the oldest first: the manifest stays small. */
const backupsMax = 64

/**
 * The backups that a database knows of, those that were last made longest ago first. They may have
 * been moved or deleted since; others may have been made by copying files.
 */
export function knownBackups({ backups }: Settings): KnownBackup[] {
  if (!Array.isArray(backups)) return []
  return backups.flatMap((entry: unknown) => {
    if (!Array.isArray(entry)) return []
    const [directory, sequence]: unknown[] = entry
    const isBackup = typeof directory === 'string' && typeof sequence === 'number'
    return isBackup ? [{ directory, sequence }] : []
  })
}

/** The settings of a database that knows of one backup more, or of a later state of it. */
export function withBackup(settings: Settings, backup: KnownBackup): Settings {
  const others = knownBackups(settings).filter(({ directory }) => directory !== backup.directory)
  const known = [...others, backup].slice(-backupsMax)
  return { ...settings, backups: known.map(({ directory, sequence }) => [directory, sequence]) }
}

/** The settings of a copy: the backups are not of it. */
export function withoutBackups(settings: Settings): Settings {
  const { backups: _, ...kept } = settings
  return kept
}
