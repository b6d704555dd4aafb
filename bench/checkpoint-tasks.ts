import { openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { type CheckpointReport, type Database, open } from 'asofdb'
import { decodeManifest } from '../packages/asofdb/src/checkpoint/manifest.ts'
import { bytesBetween, zeroCounts } from '../packages/asofdb/src/checkpoint/sections.ts'
import { RandomStream } from '../simulation/random.ts'
import { mustBe } from './rounds.ts'
import { loadGraph, makeSampleGraph, nodeIdOf } from './sample-graph.ts'
import type { Task } from './tasks.ts'

/** An entry of a key of the bulk, in bytes. */
export const entryBytes = 1000

/** The graph makes so much of the database; entries of keys the rest. */
const graphShare = 0.25
const bytesPerNode = 250
const edgesPerNode = 5

const entriesPerCommit = 2000

/** Keys and nodes that the small commits write to. */
const targetsMax = 100_000

/** Commits begun in one turn, so that catching up after a stall does not pass for one. */
const commitsPerTurnMax = 200

/** Turns whose lengths are told apart; a run has fewer. */
const turnsMax = 8_000_000

/** What a run of commits was like. */
export interface RunFigures {
  readonly seconds: number
  readonly commitsPerSecond: number
  readonly turns: number
  readonly p999Ms: number
  readonly longestMs: number
}

export interface CheckpointFigures {
  readonly bytesWritten: number
  readonly filesAbsorbed: number
  readonly durationMs: number
  /** What the tables gained since the checkpoint before. */
  readonly bytesNew: number
  /** Of the manifest, which is written twice. */
  readonly manifestBytes: number
}

export interface CheckpointAnswer {
  readonly databaseBytes: number
  /** Without checkpoints. */
  readonly calm: RunFigures
  /** While the whole database is written. */
  readonly whole: RunFigures
  /** While one checkpoint follows on another. */
  readonly steady: RunFigures
  readonly first: CheckpointFigures
  readonly others: readonly CheckpointFigures[]
}

/**
 * Makes a database without a checkpoint, then commits at a pace: for a while as it is, then while
 * the checkpoint of everything is written, then while one small checkpoint follows on another.
 */
export const measureCheckpoints: Task = async (
  folder,
  [databaseBytes = 0, commitsPerSecond = 0, runMs = 0, checkpoints = 0],
): Promise<CheckpointAnswer> => {
  const db = await open(folder, {
    log: 'async',
    fsync: 'never',
    checkpointLogBytes: Infinity,
    logBytesMax: Infinity,
  })
  const targets = await build(db, databaseBytes)
  // What building wrote is not to be on its way to the disk meanwhile.
  await db.write((tx) => tx.keys('bulk').put('built', true), { durability: 'sync' })
  const load = new PacedCommits(db, { commitsPerSecond, targets })
  // The first second compiles the code.
  await load.runUntil(delay(Math.min(runMs, 1000)))
  globalThis.gc?.()
  const calm = await load.runUntil(delay(runMs))
  const book = new CheckpointBook(folder)
  let first: CheckpointFigures | undefined
  const whole = await load.runUntil(
    (async () => {
      first = book.note(await db.checkpoint())
    })(),
  )
  const others: CheckpointFigures[] = []
  const steady = await load.runUntil(
    (async () => {
      while (others.length < checkpoints) {
        await delay(runMs / checkpoints)
        others.push(book.note(await db.checkpoint()))
      }
    })(),
  )
  const expected = load.newest
  await db.close()
  await checkAfterwards(folder, expected)
  if (first === undefined) throw new Error('there is a first checkpoint')
  return { databaseBytes: first.bytesWritten, calm, whole, steady, first, others }
}

async function build(db: Database, databaseBytes: number): Promise<number> {
  const nodeCount = Math.ceil((databaseBytes * graphShare) / bytesPerNode)
  await loadGraph(db, makeSampleGraph(nodeCount, nodeCount * edgesPerNode))
  const entryCount = Math.ceil((databaseBytes * (1 - graphShare)) / (entryBytes + 60))
  const filler = 'as entered by the clerk; '.repeat(entryBytes / 25)
  for (let first = 0; first < entryCount; first += entriesPerCommit) {
    const end = Math.min(entryCount, first + entriesPerCommit)
    await db.write((tx) => {
      const keys = tx.keys('bulk')
      for (let entry = first; entry < end; entry++) {
        keys.put(entry, `${entry} ${filler}`.slice(0, entryBytes))
      }
    })
  }
  return Math.min(nodeCount, entryCount, targetsMax)
}

/** Small commits, so many a second: a key and a node in turn, each written again and again. */
class PacedCommits {
  readonly #db: Database
  readonly #commitsPerSecond: number
  readonly #targets: number
  readonly #random = new RandomStream('checkpoint')
  readonly #turnsMs = new Float64Array(turnsMax)
  readonly newest = new Map<number, number>()
  #next = 0
  #open = 0
  #failure: unknown

  constructor(
    db: Database,
    options: { readonly commitsPerSecond: number; readonly targets: number },
  ) {
    this.#db = db
    this.#commitsPerSecond = options.commitsPerSecond
    this.#targets = options.targets
  }

  /**
   * Commits until `work` is done, and measures how long each turn of the event loop takes, from its
   * start to the start of the next: all that is done in it counts, whoever does it, the commits of
   * this load too.
   */
  async runUntil(work: Promise<void>): Promise<RunFigures> {
    let isOver = false
    const done = work.finally(() => {
      isOver = true
    })
    done.catch(() => undefined)
    const startMs = performance.now()
    const firstCommit = this.#next
    let turns = 0
    let lastMs = readClockMs()
    while (!isOver) {
      const due = ((performance.now() - startMs) * this.#commitsPerSecond) / 1000
      const behind = Math.floor(due) - (this.#next - firstCommit)
      const end = this.#next + Math.min(behind, commitsPerTurnMax)
      while (this.#next < end) this.#commit(this.#next++)
      await nextTurn()
      const nowMs = readClockMs()
      this.#turnsMs[turns % turnsMax] = nowMs - lastMs
      turns++
      lastMs = nowMs
    }
    const seconds = (performance.now() - startMs) / 1000
    const commits = this.#next - firstCommit
    await done
    while (this.#open > 0) await nextTurn()
    mustBe(this.#failure === undefined, `a commit failed: ${String(this.#failure)}`)
    const sorted = this.#turnsMs.subarray(0, Math.min(turns, turnsMax)).slice().sort()
    return {
      seconds,
      commitsPerSecond: commits / seconds,
      turns,
      p999Ms: sorted[Math.floor(sorted.length * 0.999)] ?? 0,
      longestMs: sorted.at(-1) ?? 0,
    }
  }

  #commit(number: number): void {
    const target = this.#random.below(this.#targets)
    this.#open++
    const isKey = number % 2 === 0
    if (isKey) this.newest.set(target, number)
    this.#db
      .write((tx) => {
        if (isKey) tx.keys('bulk').put(target, number)
        else tx.patch(nodeIdOf(target), { age: number })
      })
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#open--)
  }
}

/** What each checkpoint wrote, beside what was new. */
class CheckpointBook {
  readonly #path: string
  #reached = zeroCounts()

  constructor(folder: string) {
    this.#path = join(folder, 'MANIFEST')
  }

  note({ bytesWritten, filesAbsorbed, durationMs }: CheckpointReport): CheckpointFigures {
    const { checkpoint } = decodeManifest(readFileSync(this.#path))
    const to = checkpoint.files.at(-1)?.to
    if (to === undefined) throw new Error('a checkpoint has a file')
    const bytesNew = bytesBetween(this.#reached, to)
    this.#reached = to
    const manifestBytes = statSync(this.#path).size
    return { bytesWritten, filesAbsorbed, durationMs, bytesNew, manifestBytes }
  }
}

/** Every key has the value that it was given last. */
async function checkAfterwards(
  folder: string,
  expected: ReadonlyMap<number, number>,
): Promise<void> {
  const db = await open(folder)
  const keys = db.keys('bulk')
  for (const [key, number] of expected) {
    mustBe(keys.get(key) === number, `key ${key} has not its last value, ${number}`)
  }
  await db.close()
}

/** Of Linux: nanoseconds that this thread computed, and two other numbers. */
const schedule = '/proc/thread-self/schedstat'

const readClockMs = makeClock()

/**
 * With `ASOF_BENCH_CLOCK=cpu` a turn is as long as its thread computed in it: for a look at the
 * code on a busy machine, where most of a turn is waiting for a processor.
 */
function makeClock(): () => number {
  if (process.env['ASOF_BENCH_CLOCK'] !== 'cpu') return () => performance.now()
  const file = openSync(schedule, 'r')
  const text = Buffer.alloc(64)
  return () => {
    const length = readSync(file, text, 0, text.length, 0)
    return Number.parseInt(text.toString('latin1', 0, length), 10) / 1e6
  }
}
