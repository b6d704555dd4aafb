import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Database, open } from 'asofdb'
import { describe, expect, it } from 'vitest'
import { gitEnvironment } from '../../packages/asof/src/git/git-process.ts'
import { importGit } from '../../packages/asof/src/git/import-git.ts'
import { git, gitTree } from './git-repository.ts'
import { expectSoundTree, importedTree, text } from './imported-history.ts'
import { NaiveHistory } from './naive-history.ts'
import { SeededRandom } from './seeded-random.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const seed = Number(process.env['ASOF_SEED'] ?? 3)
const questionCount = 10_000
const here = fileURLToPath(new URL('../..', import.meta.url))
const shared = fileURLToPath(new URL('../../../shared/data/git/', import.meta.url))

/** Independent counts of what an import must have made, in all and commit by commit. */
function expectCounts(database: Database, history: NaiveHistory): void {
  const nodes = new Map([...database.nodes('Commit')].map((node) => [text(node, 'hash'), node]))
  expect(nodes.size).toBe(history.hashes.length)
  expect([...database.edges('AUTHORED')].length).toBe(history.hashes.length)
  for (const [at, hash] of history.hashes.entries()) {
    const sequence = at + 1
    expect(database.commit(sequence)?.meta?.source).toBe(hash)
    const valid = BigInt(history.authorSeconds[at] ?? 0) * 1_000_000n
    const view = database.asOf({ valid, sequence })
    const node = nodes.get(hash)
    if (node === undefined) throw new Error(`commit ${hash} is missing`)
    const counts = ['PARENT', 'CHANGED'].map((type) => view.targets(node.id, type).length)
    const deleted = node.get('deleted')
    const deletedCount = Array.isArray(deleted) ? deleted.length : 0
    const expected = [history.parentCounts[at], history.changeCounts[at]]
    if ([...counts, deletedCount].join() === [...expected, history.deletions[at]?.length].join())
      continue
    expect([...counts, deleted ?? []], hash).toEqual([...expected, history.deletions[at]])
  }
}

/** Which files were at a path, at random points of the two times. */
function askMany(database: Database, history: NaiveHistory): void {
  const random = new SeededRandom(seed)
  const paths = [...history.paths]
  for (let question = 0; question < questionCount; question++) {
    const path = random.pick(paths)
    const seconds = random.pick(history.authorSeconds) + random.pick([0, 0, -1, 1])
    const sequence = 1 + random.below(history.hashes.length)
    const view = database.asOf({ valid: BigInt(seconds) * 1_000_000n, sequence })
    const answer = [...view.nodes('File', { path })]
      .map((node) => `${text(node, 'mode')} ${text(node, 'blob')} ${text(node, 'lastCommit')}`)
      .sort()
    const expected = history.ask(path, { seconds, sequence })
    if (answer.join() !== expected.join()) {
      expect(answer, `${path} at ${seconds} #${sequence} (seed ${seed})`).toEqual(expected)
    }
  }
  for (let look = 0; look < 20; look++) {
    const sequence = 1 + random.below(history.hashes.length)
    const seconds = random.pick(history.authorSeconds)
    expectSoundTree(database.asOf({ valid: BigInt(seconds) * 1_000_000n, sequence }))
  }
}

async function importAndAsk(repository: string): Promise<number> {
  const database = await open(':memory:')
  const { head, imported } = await importGit(database, { repository })
  expect(imported).toBe(Number(git(repository, ['rev-list', '--count', head])))
  expect(importedTree(database)).toEqual(gitTree(repository, head))
  const history = NaiveHistory.read(repository, head)
  expect(history.files).toBe(importedTree(database).length)
  expectCounts(database, history)
  askMany(database, history)
  return imported
}

describe.skipIf(!existsSync(`${here}.git`))('the history of this repository', () => {
  it(`answers as a brute-force filter does (seed ${seed})`, async () => {
    expect(await importAndAsk(here)).toBeGreaterThan(0)
  })
})

describe.skipIf(!existsSync(shared))('a real history', () => {
  it.each([
    ['storage-engine', 2095],
    ['tool-servers', 4158],
  ])(
    `%s answers as a brute-force filter does (%i commits, seed ${seed})`,
    async (name, commitCount) => {
      const repository = place(name)
      mkdirSync(repository)
      const options = { env: gitEnvironment(), cwd: repository }
      execFileSync('git', ['init', '--quiet', '--bare', '.'], options)
      const stream = gunzipSync(readFileSync(`${shared}${name}.fi.gz`))
      execFileSync('git', ['fast-import', '--done', '--quiet'], { ...options, input: stream })
      expect(await importAndAsk(repository)).toBe(commitCount)
    },
  )
})
