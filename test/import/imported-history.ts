import { expect } from 'vitest'
import { type Database, Instant, type Node, type View } from 'asofdb'
import { endOfTimeMicros } from '../../packages/asof/src/git/believed-tree.ts'
import { directoryOf, nameOf } from '../../packages/asof/src/git/git-path.ts'
import type { ModelCommit } from './history-model.ts'

/** The tree in the database at the end of valid time: `mode blob path`, sorted. */
export function importedTree(database: Database, sequence = database.sequence): string[] {
  const view = database.asOf({ valid: endOfTimeMicros, sequence })
  return [...view.nodes('File')]
    .map((node) => `${text(node, 'mode')} ${text(node, 'blob')} ${text(node, 'path')}`)
    .sort()
}

export function text(node: Node, name: string): string {
  const value = node.get(name)
  return typeof value === 'string' ? value : ''
}

/** The paths of files or directories at a view, sorted. */
export function pathsOf(view: Pick<View, 'nodes'>, label: string): string[] {
  return [...view.nodes(label)].map((node) => text(node, 'path')).sort()
}

/** Compares everything an import wrote with the model, commit by commit. */
export function expectHistory(database: Database, commits: readonly ModelCommit[]): void {
  const latest = database.asOf({ valid: endOfTimeMicros })
  const nodes = new Map([...latest.nodes('Commit')].map((node) => [text(node, 'hash'), node]))
  expect(nodes.size).toBe(commits.length)
  expect(database.sequence).toBe(commits.length)
  let last: bigint | undefined
  for (const [index, commit] of commits.entries()) {
    const sequence = index + 1
    const node = nodes.get(commit.hash)
    if (node === undefined) throw new Error(`commit ${commit.hash} is missing`)
    expect(node.properties).toMatchObject({ subject: commit.subject })
    expect(seconds(node, 'authored')).toBe(commit.authored)
    expect(seconds(node, 'committed')).toBe(commit.committed)
    const parents = latest.targets(node.id, 'PARENT').map((id) => hashOf(latest, id))
    expect(parents).toEqual(commit.parents)
    const info = database.commit(sequence)
    expect(info?.meta?.source).toBe(commit.hash)
    const system = info?.system.epochMicroseconds ?? 0n
    const committed = BigInt(commit.committed) * 1_000_000n
    expect(system).toBe(last === undefined || committed > last ? committed : last + 1n)
    last = system
    const believed = [...commit.tree].map(([path, state]) => `${state} ${path}`).sort()
    expect(importedTree(database, sequence), `tree after ${commit.subject}`).toEqual(believed)
  }
}

function hashOf(view: View, id: number): string {
  const node = view.node(id)
  return node === undefined ? '' : text(node, 'hash')
}

function seconds(node: Node, name: string): number {
  const value = node.get(name)
  return value instanceof Instant ? value.epochSeconds : Number.NaN
}

/**
 * What must hold at every point of the two times: each file and each directory but the root is in
 * exactly one directory, the one its path says, under its name; at the end of time no directory is
 * empty.
 */
export function expectSoundTree(view: View): void {
  const isLast = view.valid.epochMicroseconds === endOfTimeMicros
  for (const label of ['File', 'Directory']) {
    for (const node of view.nodes(label)) {
      const path = text(node, 'path')
      const inside = view.in(node.id, 'CONTAINS')
      if (path === '.') {
        expect(inside).toHaveLength(0)
      } else {
        expect(
          inside,
          `directories of ${path} at ${view.valid.toString()} #${view.sequence}`,
        ).toHaveLength(1)
        const [edge] = inside
        const directory = edge === undefined ? undefined : view.node(edge.source)
        expect(directory === undefined ? '' : text(directory, 'path')).toBe(directoryOf(path))
        expect(edge?.get('name')).toBe(nameOf(path))
      }
      if (isLast && label === 'Directory') {
        expect(view.targets(node.id, 'CONTAINS').length, `entries of ${path}`).toBeGreaterThan(0)
      }
    }
  }
}
