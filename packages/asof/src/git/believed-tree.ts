import type { View } from 'asofdb'
import { absentFailure } from '../failure.ts'
import { directoryOf } from './git-path.ts'
import type { PathState } from './file-changes.ts'

/** The edge by which a directory contains something, and from when on it is known to hold. */
export interface ContainsEdge {
  id: number
  /** Microseconds since 1970; from there on it holds for ever, as believed. */
  from: bigint
}

export interface BelievedFile extends PathState {
  readonly id: number
  mode: string
  blob: string
  directory: BelievedDirectory
  edge: ContainsEdge
}

export interface BelievedDirectory {
  readonly id: number
  readonly path: string
  /** Microseconds since 1970; from there on it holds for ever, as believed. */
  from: bigint
  /** How many files and directories it contains. */
  entryCount: number
  readonly parent: BelievedDirectory | undefined
  readonly edge: ContainsEdge | undefined
}

/** Later than every author date, and inside every period that has no end. */
export const endOfTimeMicros = 8_640_000_000_000_000_000n

/**
 * The tree as believed after the last imported commit: one map from paths to files. It is what the
 * database says at the end of time, kept at hand because every change asks for it.
 */
export class BelievedTree {
  readonly files = new Map<string, BelievedFile>()
  readonly directories = new Map<string, BelievedDirectory>()

  /** The tree in the database: what a run that continues an import begins with. */
  static read(latest: View): BelievedTree {
    const tree = new BelievedTree()
    const directories = [...latest.nodes('Directory')].map((node) => ({
      id: node.id,
      path: mustBeText(node.get('path'), node.id),
    }))
    // A parent's path is shorter than that of what it contains.
    directories.sort((a, b) => a.path.length - b.path.length)
    for (const { id, path } of directories) tree.#addDirectory(latest, id, path)
    for (const node of latest.nodes('File')) {
      const path = mustBeText(node.get('path'), node.id)
      const directory = tree.#mustHaveDirectory(directoryOf(path))
      const edge = readContainsEdge(latest, node.id)
      if (edge === undefined) throw incomplete(node.id)
      const mode = mustBeText(node.get('mode'), node.id)
      const blob = mustBeText(node.get('blob'), node.id)
      tree.files.set(path, { id: node.id, mode, blob, directory, edge })
      directory.entryCount++
    }
    return tree
  }

  #addDirectory(latest: View, id: number, path: string): void {
    const edge = readContainsEdge(latest, id)
    const parent = edge === undefined ? undefined : this.#mustHaveDirectory(directoryOf(path))
    const from = lastStart(latest, id)
    this.directories.set(path, { id, path, from, entryCount: 0, parent, edge })
    if (parent !== undefined) parent.entryCount++
  }

  #mustHaveDirectory(path: string): BelievedDirectory {
    const directory = this.directories.get(path)
    if (directory === undefined) {
      throw absentFailure(`the database has files in ${path} but no such directory`)
    }
    return directory
  }
}

function readContainsEdge(latest: View, id: number): ContainsEdge | undefined {
  const [edge] = latest.in(id, { type: 'CONTAINS', limit: 1 })
  return edge === undefined ? undefined : { id: edge.id, from: lastStart(latest, edge.id) }
}

/** The start of the part of a timeline that has no end, microseconds since 1970. */
export function lastStart(latest: View, id: number): bigint {
  const last = latest.timeline(id).at(-1)
  if (last === undefined || last.valid.to !== null || last.valid.from === null) {
    throw incomplete(id)
  }
  return last.valid.from.epochMicroseconds
}

function mustBeText(value: unknown, id: number): string {
  if (typeof value === 'string') return value
  throw incomplete(id)
}

function incomplete(id: number): Error {
  return absentFailure(
    `entity ${id} is not as the import left it; someone else has changed it since`,
    { hint: 'import into a fresh folder instead' },
  )
}
