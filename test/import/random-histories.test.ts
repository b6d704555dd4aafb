import { type Database, open } from 'asofdb'
import { expect, it } from 'vitest'
import { endOfTimeMicros } from '../../packages/asof/src/git/believed-tree.ts'
import { importGit } from '../../packages/asof/src/git/import-git.ts'
import { git, gitTree, makeRepository } from './git-repository.ts'
import { takeDifferences } from './history-model.ts'
import { expectSoundTree, importedTree } from './imported-history.ts'
import { type RandomCommit, randomHistory } from './random-history.ts'
import { SeededRandom } from './seeded-random.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const seedFirst = Number(process.env['ASOF_SEED'] ?? 1)
const historyCount = Number(process.env['ASOF_HISTORIES'] ?? 10)
const commitsMax = 40
const pointsLooked = 12

const empty = new Map<string, string>()

/** The believed tree after each commit, by sequence, from the trees that were generated. */
function believedTrees(repository: string, commits: readonly RandomCommit[]): string[][] {
  const listed = git(repository, ['log', '--topo-order', '--reverse', '--format=%s', 'HEAD'])
  const believed = new Map<string, string>()
  return listed
    .split('\n')
    .filter((subject) => subject !== '')
    .map((subject) => {
      const commit = commits[Number(subject.slice('commit '.length))]
      if (commit === undefined) throw new Error(`${subject} was not made`)
      const others = commit.parents.map((parent) => commits[parent]?.tree ?? empty)
      for (const other of others.length === 0 ? [empty] : others) {
        takeDifferences(believed, commit.tree, other)
      }
      return [...believed].map(([path, state]) => `${state} ${path}`).sort()
    })
}

/** Everything that was ever stated, in order, a text for each event. */
function statements(database: Database): string[] {
  return [...database.changes()].flatMap(({ sequence, system, meta, events }) => [
    JSON.stringify({ sequence, system, meta }),
    ...events.map((event) => `${sequence} ${JSON.stringify(event)}`),
  ])
}

/** The first statement in which two databases differ. */
function firstDifference(one: Database, other: Database): string[] {
  const [a, b] = [statements(one), statements(other)]
  const at = a.findIndex((text, index) => text !== b[index])
  if (at < 0 && a.length === b.length) return []
  return [a[at] ?? 'nothing', b[at] ?? 'nothing']
}

/** Imports in several runs, each stopped after some commits. */
async function importInRuns(repository: string, random: SeededRandom): Promise<Database> {
  const database = await open(':memory:')
  for (;;) {
    const stop = new AbortController()
    const until = 2 + random.below(15)
    const { isComplete } = await importGit(database, {
      repository,
      signal: stop.signal,
      onProgress: (count) => {
        if (count >= until) stop.abort()
      },
    })
    if (isComplete) return database
  }
}

it.each(Array.from({ length: historyCount }, (_, at) => seedFirst + at))(
  'a random history is believed as its trees say (seed %i)',
  async (seed) => {
    const random = new SeededRandom(seed)
    const commits = randomHistory(random, 5 + random.below(commitsMax - 5))
    const repository = place(`history-${seed}`)
    makeRepository(repository, commits)
    const database = await open(':memory:')
    const report = await importGit(database, { repository })
    expect(report.isComplete).toBe(true)
    const trees = believedTrees(repository, commits)
    expect(database.sequence).toBe(trees.length)
    for (const [index, tree] of trees.entries()) {
      expect(importedTree(database, index + 1), `after commit ${index + 1}`).toEqual(tree)
    }
    expect(importedTree(database)).toEqual(gitTree(repository))
    for (let look = 0; look < pointsLooked; look++) {
      const sequence = 1 + random.below(database.sequence)
      const authored = random.pick(commits).authored + random.below(3) - 1
      const valid = random.chance(0.3) ? endOfTimeMicros : BigInt(authored) * 1_000_000n
      expectSoundTree(database.asOf({ valid, sequence }))
    }
    const resumed = await importInRuns(repository, random)
    expect(firstDifference(resumed, database)).toEqual([])
  },
)
