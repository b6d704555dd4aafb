import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'asofdb'
import { expect, it } from 'vitest'
import { importGit } from '../../packages/asof/src/git/import-git.ts'
import { startCommand } from './command-process.ts'
import { type CommitSpec, gitTree, makeRepository } from './git-repository.ts'
import { importedTree } from './imported-history.ts'
import { SeededRandom } from './seeded-random.ts'
import { temporaryFolder } from './temporary-folder.ts'

const place = temporaryFolder()
const seed = Number(process.env['ASOF_SEED'] ?? 7)
const killsMax = 2
const runsMax = 12

/** Runs a command, kills it at a random moment, and again, until it ends by itself. */
async function runAndKill(args: readonly string[], random: SeededRandom): Promise<number> {
  let kills = 0
  for (let run = 0; run < runsMax; run++) {
    const running = startCommand(args)
    await running.said('Importing')
    if (kills < killsMax) {
      await delay(random.below(250))
      running.child.kill('SIGKILL')
    }
    const { code, signal, stderr } = await running.ended
    if (signal === 'SIGKILL') kills++
    else {
      expect(code, stderr).toBe(0)
      return kills
    }
  }
  throw new Error(`not finished after ${runsMax} runs`)
}

function longHistory(count: number): CommitSpec[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, (_, number) => ({
    parents: number === 0 ? [] : [number - 1],
    authored: 1_600_000_000 + number * 60,
    changes: [
      { path: `d${random.below(20)}/f${random.below(20)}`, content: String(number) },
      { path: `e${random.below(9)}/g`, ...(random.chance(0.7) ? { content: String(number) } : {}) },
    ],
  }))
}

it(`an import of git that is killed goes on where it stopped (seed ${seed})`, async () => {
  const repository = place('repository')
  makeRepository(repository, longHistory(3000))
  const folder = place('killed')
  const kills = await runAndKill(
    ['import', 'git', repository, '--into', folder],
    new SeededRandom(seed),
  )
  console.log(`killed ${kills} times`)
  const killed = await open(folder, { create: false })
  const whole = await open(':memory:')
  try {
    await importGit(whole, { repository })
    expect(importedTree(killed)).toEqual(gitTree(repository))
    expect(killed.sequence).toBe(whole.sequence)
    const report = await killed.verify()
    expect(report.problems).toEqual([])
    const [one, other] = [killed, whole].map((database) =>
      [...database.changes()].map(({ sequence, system, meta, events }) =>
        JSON.stringify({ sequence, system, meta, events }),
      ),
    )
    expect(one?.length).toBe(3000)
    for (const [at, text] of (one ?? []).entries()) expect(text).toBe(other?.[at])
  } finally {
    await killed.close()
  }
}, 120_000)

it(`an import of facts that is killed goes on where it stopped (seed ${seed})`, async () => {
  const random = new SeededRandom(seed)
  const file = place('facts.tsv')
  const count = 60_000
  const rows = Array.from({ length: count }, (_, number) => {
    const from = 1900 + random.below(100)
    return `s${number % 5000}\tr${random.below(5)}\to${number}\t${from}\t${from + random.below(20)}`
  })
  writeFileSync(file, `${rows.join('\n')}\n`)
  const folder = place('killed-facts')
  const args = ['import', 'facts', file, '--into', folder, '--year', '--batch', '200']
  const kills = await runAndKill(args, random)
  console.log(`killed ${kills} times`)
  expect(existsSync(folder)).toBe(true)
  const database = await open(folder, { create: false })
  try {
    // Every fact was stated once: nothing is missing, and nothing was read twice.
    expect(database.stats().entities.edges).toBe(count)
    expect(database.stats().versions.edges).toBe(count)
    expect(database.sequence).toBe(count / 200 + 1)
    const held = [...database.asOf({ valid: '1950-06-01' }).edges()].length
    const expected = rows.filter((row) => {
      const [, , , from, to] = row.split('\t')
      return Number(from) <= 1950 && Number(to) >= 1950
    })
    expect(held).toBe(expected.length)
  } finally {
    await database.close()
  }
}, 120_000)
