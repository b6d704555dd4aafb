import { expect } from 'vitest'
import { type Database, open, type View } from 'asofdb'
import { endOfTimeMicros } from '../../packages/asof/src/git/believed-tree.ts'
import { importGit } from '../../packages/asof/src/git/import-git.ts'
import { type CommitSpec, gitTree, makeRepository } from './git-repository.ts'
import { modelHistory } from './history-model.ts'
import { expectHistory, expectSoundTree, importedTree } from './imported-history.ts'

/** When made histories begin, in seconds since 1970. */
export const start = 1_600_000_000
export const day = 86_400

/** Commits one after the other, a day apart. */
export function line(...changes: CommitSpec['changes'][]): CommitSpec[] {
  return changes.map((one, at) => ({
    parents: at === 0 ? [] : [at - 1],
    authored: start + at * day,
    changes: one,
  }))
}

/** Content long enough for a changed copy to be recognised. */
export const long = Array.from({ length: 60 }, (_, number) => `line ${number}`).join('\n')

export interface CheckedImport {
  readonly database: Database
  /** A view at the day of a commit of `line`. */
  readonly at: (commit: number) => View
  /** The files that were at a path at any time. */
  readonly ever: (path: string) => number[]
}

/** Makes a repository, imports it, and compares everything with git. */
export async function importChecked(
  repository: string,
  commits: readonly CommitSpec[],
): Promise<CheckedImport> {
  makeRepository(repository, commits)
  const database = await open(':memory:')
  await importGit(database, { repository })
  expectHistory(database, modelHistory(repository))
  expect(importedTree(database)).toEqual(gitTree(repository))
  for (let sequence = 1; sequence <= database.sequence; sequence++) {
    for (const valid of [endOfTimeMicros, BigInt(start + day + 1) * 1_000_000n]) {
      expectSoundTree(database.asOf({ valid, sequence }))
    }
  }
  return {
    database,
    at: (commit) => database.asOf({ valid: BigInt(start + commit * day) * 1_000_000n }),
    ever: (path) => {
      const pattern = [{ node: 'file', label: 'File', where: { path } }]
      const found = [...database.match(pattern)].map(({ bindings }) => bindings['file']?.id ?? 0)
      return [...new Set(found)]
    },
  }
}
