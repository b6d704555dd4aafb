import { isAbsolute, relative, resolve } from 'node:path'
import {
  generationOfName,
  lockName,
  ownerName,
  rootNameKind,
  unfinishedName,
} from '../checkpoint/directory-names.ts'
import { readWholeFile } from '../checkpoint/manifest-store.ts'
import {
  decodeOwner,
  encodeOwner,
  type OwnerMark,
  type PartPaths,
  type PlacedPart,
  placedParts,
} from '../checkpoint/paths-file.ts'
import { ownPlaces, type Places } from '../checkpoint/placed-files.ts'
import { bytesEqual } from '../encoding/bytes.ts'
import { temporaryName, writeFileDurably } from '../host/files.ts'
import type { FileSystem } from '../host/host.ts'
import { parseSegmentName } from '../log/segment.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import { syncNames } from './open-directory.ts'
import { listIfPresent } from './survey-checkpoint.ts'

/** What is told in messages. */
export const partNames = { log: 'the log', checkpoint: 'the checkpoints' } as const

/** A part of a database in a directory elsewhere. */
export interface PartDirectory {
  readonly part: PlacedPart
  /** As it is stored: absolute, or relative to the directory of the database. */
  readonly stored: string
  /** Absolute. */
  readonly path: string
}

/** Where everything is, by what is stored. */
export function placesOf(directory: string, elsewhere: PartPaths): Places {
  const own = ownPlaces(directory)
  const place = (part: PlacedPart): string => {
    const stored = elsewhere[part]
    return stored === undefined ? own[part] : resolve(directory, stored)
  }
  return { log: place('log'), checkpoint: place('checkpoint') }
}

export function partDirectoriesOf(directory: string, elsewhere: PartPaths): PartDirectory[] {
  return placedParts.flatMap((part) => {
    const stored = elsewhere[part]
    return stored === undefined ? [] : [{ part, stored, path: resolve(directory, stored) }]
  })
}

/** Names in the directory of a database that are on the way to a place inside of it. */
export function namesInside(directory: string, elsewhere: PartPaths): Set<string> {
  const names = partDirectoriesOf(directory, elsewhere)
    .filter(({ path }) => isWithin({ path, directory }))
    .map(({ path }) => relative(directory, path).split(/[/\\]/)[0] ?? '')
  return new Set(names)
}

/**
 * What is to be stored for paths that a caller gives; a place that is the usual one is none. Throws
 * `InvalidArgument` for places that would get into each other's way.
 */
export function checkedPaths(directory: string, wanted: PartPaths): PartPaths {
  invariant(isAbsolute(directory), 'what is relative is relative to a known directory')
  const own = ownPlaces(directory)
  const chosen: { log?: string; checkpoint?: string } = {}
  for (const part of placedParts) {
    const path = wanted[part]
    if (path === undefined) continue
    const refuse = (what: string): DatabaseError =>
      new DatabaseError('InvalidArgument', `${partNames[part]} can't be kept in ${path}: ${what}`)
    if (typeof path !== 'string' || path === '') throw refuse('give the path of a directory')
    const absolute = resolve(directory, path)
    if (absolute === resolve(own[part])) continue
    const isAround = isWithin({ path: directory, directory: absolute })
    if (isAround) throw refuse('the database itself lies in it')
    if (isWithin({ path: absolute, directory }) && isTaken(relative(directory, absolute))) {
      throw refuse('the database uses that name itself; give another one')
    }
    chosen[part] = path
  }
  const { log, checkpoint } = placesOf(directory, chosen)
  const isNested = isWithin({ path: log, directory: checkpoint })
  if (isNested || isWithin({ path: checkpoint, directory: log })) {
    throw new DatabaseError(
      'InvalidArgument',
      `log and checkpoints can't be kept in ${log} and ${checkpoint}: each needs a directory of ` +
        'its own, and neither may lie in the other',
    )
  }
  const parts = partDirectoriesOf(directory, chosen)
  invariant(
    parts.every(({ part, path }) => path !== own[part]),
    'the usual place is never stored',
  )
  return chosen
}

function isTaken(inside: string): boolean {
  const [name = ''] = inside.split(/[/\\]/)
  return name === unfinishedName || rootNameKind(name) !== 'stranger'
}

/** Whether a path is a directory or lies in it; both absolute and resolved. */
function isWithin({ path, directory }: { path: string; directory: string }): boolean {
  const way = relative(directory, path)
  return way === '' || !(way === '..' || /^\.\.[/\\]/.test(way) || isAbsolute(way))
}

/** What lies in the directory of a part, as far as anybody has put it there. */
export interface PartContent {
  readonly isThere: boolean
  /** Undefined when there is none. */
  readonly owner: OwnerMark | undefined
  /** Segments or checkpoint files. */
  readonly ours: readonly string[]
  readonly strangers: readonly string[]
}

/** Throws `Corrupt` for a mark that is damaged. */
export async function lookAtPart(
  files: FileSystem,
  { part, path }: Pick<PartDirectory, 'part' | 'path'>,
  { isMarkRead = true }: { readonly isMarkRead?: boolean } = {},
): Promise<PartContent> {
  const status = await files.stat(path)
  const isThere = status?.type === 'directory'
  if (!isThere) return { isThere, owner: undefined, ours: [], strangers: [] }
  const ours: string[] = []
  const strangers: string[] = []
  for (const name of await listIfPresent(files, path)) {
    if (isPartName(part, name)) ours.push(name)
    else if (!isHarmless(name)) strangers.push(name)
  }
  const mark = `${path}/${ownerName}`
  const bytes = isMarkRead ? await readWholeFile(files, mark) : undefined
  const owner = bytes === undefined ? undefined : decodeOwner(bytes, mark)
  return { isThere, owner, ours, strangers }
}

function isPartName(part: PlacedPart, name: string): boolean {
  return (part === 'log' ? parseSegmentName(name) : generationOfName(name)) !== undefined
}

/** The lock, the mark, what nobody reads, and what a file system keeps at its root. */
function isHarmless(name: string): boolean {
  const isAside = [temporaryName(ownerName), '.checkpoint.tmp', '.unreadable'].some((ending) =>
    name.endsWith(ending),
  )
  return rootNameKind(name) === 'lock' || name === ownerName || name === 'lost+found' || isAside
}

/** Marks the directory of a part as that of a database; durable when it resolves, its name too. */
export async function markPart(
  files: FileSystem,
  { part, stored, path }: PartDirectory,
  { id, directory }: { readonly id: string; readonly directory: string },
): Promise<void> {
  // What is relative stays true when both are moved together.
  const owner = isAbsolute(stored) ? directory : relative(path, directory)
  invariant(resolve(path, owner) === resolve(directory), 'the mark leads back to the database')
  const bytes = encodeOwner({ id, holds: part, directory: owner })
  await syncNames(files, path)
  await writeFileDurably({ files, directory: path, name: ownerName, bytes })
}

/**
 * Whether a mark says that the directory belongs to the database in `directory`. A directory may
 * have several names; the file of the lock, which is another one at each opening, tells that two
 * names are of the same.
 */
export async function isOwnedBy(
  files: FileSystem,
  path: string,
  of: { readonly owner: OwnerMark; readonly directory: string; readonly isLocked: boolean },
): Promise<boolean> {
  const owner = resolve(path, of.owner.directory)
  if (owner === resolve(of.directory)) return true
  if (!of.isLocked) return false
  const [own, theirs] = await Promise.all(
    [`${of.directory}/${lockName}`, `${owner}/${lockName}`].map((lock) =>
      readWholeFile(files, lock).catch(() => undefined),
    ),
  )
  return own !== undefined && own.length > 0 && bytesEqual(own, theirs)
}
