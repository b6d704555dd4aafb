import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, open, type OpenOptions } from 'asofdb'
import { RandomStream } from '../../simulation/random.ts'
import { writePlainEngine } from './plain-engine.ts'

const killsPerDatabase = 7
const longestLifeMs = 150
/**
 * As many numbers may be taken and in no promise when a writer is killed: those under way, and what
 * an asynchronous log, or none, is behind.
 */
const unpromisedMax = 100_000
const wholeRunMs = 300_000
const seed = process.env['ASOF_SEED'] ?? 'kill'

let folder: string
let engine: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'asof-kill-'))
  engine = writePlainEngine(join(folder, 'engine'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Starts a writer, kills it some time after its first promise; the numbers it had promised. */
function writeAndKill(writer: {
  readonly directory: string
  readonly options: OpenOptions
  readonly first: number
  readonly lifeMs: number
}): Promise<number[]> {
  const { directory, options, first, lifeMs } = writer
  const script = fileURLToPath(new URL('killed-writer.mjs', import.meta.url))
  const mode = JSON.stringify(options)
  const child = spawn(process.execPath, [script, engine, directory, mode, String(first)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (printed === '') setTimeout(() => child.kill('SIGKILL'), lifeMs)
    printed += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the writer ended by itself: ${complaint}`))
      // A line without its end was never printed as a whole.
      else resolve(printed.split('\n').slice(0, -1).map(Number))
    })
  })
}

/** The numbers whose commits are there, each with both of its halves. */
function numbersOf(database: Database): number[] {
  const nodes = [...database.nodes('N')].map((node) => Number(node.get('number')))
  const keys = [...database.keys('numbers').range({})].map(({ key }) => Number(key))
  expect(nodes.toSorted((left, right) => left - right)).toEqual(keys)
  return keys
}

/** Those with a name keep whatever they acknowledge, the others what single writes asked for. */
const modes: readonly OpenOptions[] = [
  { durability: 'sync' },
  { durability: 'interval', syncEveryMs: 5 },
  { durability: 'os' },
  { log: 'async', fsync: 'always' },
  { log: 'async', fsync: { everyMs: 5 } },
  { log: 'async', fsync: 'never', logQueueBytesMax: 20_000 },
  { log: 'off' },
]

it.each(modes)(
  `keeps what it promised when it is killed, %o, seed ${seed}`,
  async (options) => {
    const random = new RandomStream(`${seed}/${JSON.stringify(options)}`)
    const directory = join(folder, `mode-${modes.indexOf(options)}`)
    const promised = new Set<number>()
    let first = 1
    for (let kill = 0; kill < killsPerDatabase; kill += 1) {
      const lifeMs = random.below(longestLifeMs)
      for (const number of await writeAndKill({ directory, options, first, lifeMs })) {
        promised.add(number)
      }
      // Without a good close in between, the next kill finds what this one left.
      first = Math.max(first, ...promised) + unpromisedMax
      if (kill < killsPerDatabase - 1 && random.chance(0.4)) continue
      const database = await open(directory, options)
      const numbers = numbersOf(database)
      const kept = new Set(numbers)
      const missing = [...promised].filter((number) => !kept.has(number))
      expect(missing, `acknowledged, and not there after kill ${kill + 1}`).toEqual([])
      expect(database.sequence).toBe(numbers.length)
      const { problems } = await database.verify()
      expect(problems).toEqual([])
      await database.close()
    }
    expect(promised.size).toBeGreaterThan(killsPerDatabase)
  },
  wholeRunMs,
)
