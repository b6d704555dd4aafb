import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Damage, type Database, open, type RecoveryReport } from 'asofdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { importGit } from '../../packages/asof/src/git/import-git.ts'
import { runCommand as run } from '../import/run-command.ts'
import { makeRepository } from '../import/git-repository.ts'
import { randomHistory } from '../import/random-history.ts'
import { SeededRandom } from '../import/seeded-random.ts'
import { temporaryFolder } from '../import/temporary-folder.ts'

const place = temporaryFolder()
const seed = Number(process.env['ASOF_SEED'] ?? 7)
const damagesPerState = 50
const commitCount = 60

/** Every commit with what it stated, one text each. */
let history: string[] = []

function statementsOf(database: Database): string[] {
  return [...database.changes()].map((commit) => JSON.stringify(commit))
}

beforeAll(async () => {
  const repository = place('repository')
  makeRepository(repository, randomHistory(new SeededRandom(seed), commitCount))
  const database = await open(place('closed'), { segmentBytesMax: 32 * 1024 })
  await importGit(database, { repository })
  history = statementsOf(database)
  cpSync(place('closed'), place('killed'), {
    recursive: true,
    filter: (path) => !path.includes('LOCK'),
  })
  await database.close()
})

/** Every file but the lock, with its size in bytes. */
function filesOf(folder: string): { readonly name: string; readonly size: number }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('LOCK') && statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => ({ name, size: statSync(join(folder, name)).size }))
}

/** A byte anywhere; each is as likely as any other. */
function drawByte(folder: string, random: SeededRandom): { name: string; offset: number } {
  const files = filesOf(folder)
  let at = random.below(files.reduce((sum, { size }) => sum + size, 0))
  for (const { name, size } of files) {
    if (at < size) return { name, offset: at }
    at -= size
  }
  throw new Error('a byte is in a file')
}

function contentOf(folder: string): Map<string, string> {
  const files = filesOf(folder)
  return new Map(files.map(({ name }) => [name, readFileSync(join(folder, name), 'base64')]))
}

interface Verified {
  readonly isSound: boolean
  readonly damage?: readonly Damage[]
  readonly recovery?: Pick<RecoveryReport, 'tornTail'>
}

/** What `asof verify` says of a damaged byte; `torn` where it takes it for the end of a crash. */
async function expectNamed(folder: string, name: string, offset: number): Promise<Damage | 'torn'> {
  const copy = `${folder}-verified`
  cpSync(folder, copy, { recursive: true })
  const { code, out } = await run('verify', copy, '--json')
  rmSync(copy, { recursive: true })
  const { isSound, damage = [], recovery } = JSON.parse(out) as Verified
  const [found] = damage.filter((one) => one.file === name)
  const tail = recovery?.tornTail
  if (isSound && tail !== undefined && tail !== null) {
    expect(tail.file).toBe(name)
    expect(offset).toBeGreaterThanOrEqual(tail.offset)
    return 'torn'
  }
  expect(code).toBe(3)
  if (found === undefined) throw new Error(`${name} at ${offset} is not named: ${out}`)
  expect(offset).toBeGreaterThanOrEqual(found.offset)
  expect(offset).toBeLessThan(found.offset + (found.length ?? Infinity))
  if (name !== 'MANIFEST.previous') expect(found.commits?.first).toBeGreaterThan(0)
  return found
}

/** Saves what can be saved beside it; what it holds is the beginning of the history. */
async function salvagedCommits(folder: string): Promise<number> {
  const into = `${folder}-saved`
  const before = contentOf(folder)
  const { code, notes } = await run('recover', folder, '--into', into)
  expect([0, 3], notes).toContain(code)
  expect(contentOf(folder)).toEqual(before)
  const database = await open(into, { create: false })
  const statements = statementsOf(database)
  expect(await database.verify()).toMatchObject({ isSound: true, problems: [] })
  await database.close()
  rmSync(into, { recursive: true })
  expect(statements).toEqual(history.slice(0, statements.length))
  expect(code).toBe(statements.length === history.length || code === 0 ? 0 : 3)
  return statements.length
}

describe.each(['closed', 'killed'])('a byte anywhere in an import that was %s', (state) => {
  it('is named with file, offset and commits, and costs what builds on it only', async () => {
    const random = new SeededRandom(seed + (state === 'closed' ? 0 : 1))
    const kinds = new Set<string>()
    for (let nth = 0; nth < damagesPerState; nth++) {
      const folder = place(`${state}-${nth}`)
      cpSync(place(state), folder, { recursive: true })
      const { name, offset } = drawByte(folder, random)
      const bytes = readFileSync(join(folder, name))
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 + random.below(255))
      writeFileSync(join(folder, name), bytes)
      kinds.add(name.split('/')[0] ?? name)
      const named = await expectNamed(folder, name, offset)
      const saved = await salvagedCommits(folder)
      const isRecord = named !== 'torn' && name.startsWith('log/') && named.offset >= 4096
      if (state === 'closed' || (named !== 'torn' && !isRecord)) {
        expect(saved, `${name} ${offset}, seed ${seed}`).toBe(history.length)
      } else if (named !== 'torn') {
        expect(saved).toBe((named.commits?.first ?? 0) - 1)
      }
      rmSync(folder, { recursive: true })
    }
    expect(kinds).toContain('log')
  }, 120_000)
})
