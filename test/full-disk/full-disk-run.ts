import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, OpenOptions } from '../../packages/asofdb/src/index.ts'
import { type DatabaseError, isDatabaseError, open } from '../../packages/asofdb/src/index.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import { difference, Model, stateOf } from '../kills/model.ts'
import type { Mode } from '../kills/modes.ts'
import { applyStep, countIn, stepOf } from '../kills/workload.ts'
import { type Hit, watchRoom } from './watched-files.ts'

/** What is done in a run. */
export interface RunPlan {
  readonly mode: Mode
  readonly seed: string
  readonly steps: Steps
}

/** Where a run takes place. */
export interface RunPlace {
  /** Of the database, on the disk that is full. */
  readonly directory: string
  /** On another disk. */
  readonly outside: string
}

export interface RunReport {
  /** Places at which there was no room. */
  readonly hits: readonly Hit[]
  readonly errors: readonly DatabaseError[]
  readonly problems: readonly string[]
  /** What an opening said while there was still no room; `opened` when it could. */
  readonly whileFull: string
}

const commits = 24
const checkpointsAt = new Set([8, 16])
/** So that it is mostly the beginnings of segments that find no room, or the records in them. */
const stepsOf = {
  'short segments': { segmentBytesMax: 5 * 1024, checkpointLogBytes: 3000 },
  'long segments': { segmentBytesMax: 1024 * 1024, checkpointLogBytes: 30_000 },
} as const satisfies Record<string, OpenOptions>

export type Steps = keyof typeof stepsOf
const wedgedMs = 30_000
const life = 1
/** Of the commits of a mode that keeps none by itself, every so many asks to be kept. */
const strongerEvery = 5

/**
 * One use of a database on a disk that gets full: opens it, commits, makes checkpoints, closes;
 * opens it while the disk is still full; `giveRoom`; opens it again, looks at everything, goes on.
 */
export async function runOnFullDisk(
  plan: RunPlan,
  place: RunPlace,
  giveRoom: () => void,
): Promise<RunReport> {
  const run = new FullDiskRun(plan, place)
  await run.use()
  const whileFull = await run.openWhileFull()
  giveRoom()
  await run.goOn()
  return { hits: run.hits, errors: run.errors, problems: run.problems, whileFull }
}

class FullDiskRun {
  readonly hits: Hit[] = []
  readonly errors: DatabaseError[] = []
  readonly problems: string[] = []
  readonly #mode: Mode
  readonly #seed: string
  readonly #place: RunPlace
  readonly #options: OpenOptions
  /** Newest commit that was acknowledged, and newest that was promised to be kept. */
  #acknowledged = 0
  #promised = 0
  #isMade = false

  constructor({ mode, seed, steps }: RunPlan, place: RunPlace) {
    this.#mode = mode
    this.#seed = seed
    this.#place = place
    const host = watchRoom(nodeHost(), (hit) => this.hits.push(hit))
    this.#options = { ...stepsOf[steps], ...mode.options, host }
  }

  async use(): Promise<void> {
    const opened: Database[] = []
    await this.#attempt('open', async () => opened.push(await this.#open()))
    for (const database of opened) {
      this.#isMade = true
      await this.#write(database)
      await this.#lookAtCopy()
      const isClosed = await this.#attempt('close', () => database.close())
      if (isClosed) this.#promised = this.#acknowledged
    }
    const [first] = this.errors
    if (first === undefined) return
    const isFull = first.code === 'DiskFull' || !this.#mode.isKept
    if (!isFull || !/full/.test(first.message)) {
      this.problems.push(`the first to fail says: ${first.code} ${first.message}`)
    }
    const other = this.errors.find(({ code }) => code !== 'DiskFull' && code !== 'Poisoned')
    if (other !== undefined) this.problems.push(`later: ${other.code} ${other.message}`)
  }

  /** With no room a database may refuse to open; it says why, and is not harmed. */
  async openWhileFull(): Promise<string> {
    const error = await this.#open().then(
      async (database) => {
        this.#isMade = true
        await this.#attempt('close again', () => database.close())
      },
      (thrown: unknown) => thrown,
    )
    if (error === undefined) return 'opened'
    const outcome = isDatabaseError(error) ? error.code : 'no error of the database'
    if (outcome !== 'DiskFull') this.problems.push(`opening it while full: ${textOf(error)}`)
    return outcome
  }

  async goOn(): Promise<void> {
    const { directory } = this.#place
    try {
      const kept = await this.#check(directory)
      if (kept < this.#acknowledged && this.errors.length === 0) {
        this.problems.push(`${this.#acknowledged - kept} commits went without a word`)
      }
      const again = await this.#open()
      const before = again.sequence
      await this.#commit(again, undefined)
      await again.close()
      const after = await this.#check(directory)
      if (after !== before + 1) this.problems.push(`${after} commits after ${before} and one more`)
    } catch (error) {
      this.problems.push(`with room again: ${textOf(error)}`)
    }
  }

  async #write(database: Database): Promise<void> {
    let isFailed = false
    for (let number = 1; number <= commits; number++) {
      const isStronger = !this.#mode.isKept && number % strongerEvery === 0
      const durability = isStronger ? ('sync' as const) : undefined
      const isDone = await this.#attempt(`commit ${number}`, async () => {
        const made = await this.#commit(database, durability)
        this.#acknowledged = made
        if (this.#mode.isKept || isStronger) this.#promised = made
      })
      const isLogged = this.#mode.options.durability !== 'checkpoint'
      if (isDone && isFailed && isLogged) this.problems.push(`commit ${number} after a failed one`)
      if (!isDone) isFailed = true
      if (this.#mode.isKept && database.sequence !== this.#acknowledged) {
        this.problems.push(`reads ${database.sequence}, and was told ${this.#acknowledged}`)
      }
      if (!checkpointsAt.has(number)) continue
      await this.#attempt('checkpoint', async () => {
        const { sequence } = await database.checkpoint()
        this.#promised = Math.max(this.#promised, sequence)
      })
    }
  }

  #commit(database: Database, durability: 'sync' | undefined): Promise<number> {
    const options = durability === undefined ? {} : { durability }
    return database.write((tx) => {
      const number = countIn(tx) + 1
      applyStep(tx, stepOf(this.#seed, number, life))
      return number
    }, options)
  }

  /** The process may die instead of closing: what is there then, seen where there is room. */
  async #lookAtCopy(): Promise<void> {
    const copy = join(this.#place.outside, 'copy')
    try {
      cpSync(this.#place.directory, copy, { recursive: true })
      // It says that this process has the directory, which would be dead.
      rmSync(join(copy, 'LOCK'), { force: true })
      await this.#check(copy)
    } catch (error) {
      this.problems.push(`killed while full: ${textOf(error)}`)
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }

  /** A prefix with everything promised, equal to the model, and sound. Returns its length. */
  async #check(directory: string): Promise<number> {
    if (this.#isMade && !existsSync(directory)) throw new Error('the directory is gone')
    const database = await open(directory, this.#mode.options)
    try {
      const { sequence } = database
      if (sequence < this.#promised) {
        this.problems.push(`${sequence} commits are left of ${this.#promised} promised`)
      }
      const model = new Model(this.#seed)
      while (model.count < sequence) model.add(life)
      for (const at of new Set([sequence, Math.floor(sequence / 2)])) {
        const unequal = difference(stateOf(database.asOf({ sequence: at })), model.stateAt(at))
        if (unequal !== undefined) this.problems.push(`as of commit ${at}: ${unequal}`)
      }
      const { problems } = await database.verify()
      if (problems.length > 0) this.problems.push(`verify: ${JSON.stringify(problems)}`)
      return sequence
    } finally {
      await database.close()
    }
  }

  #open(): Promise<Database> {
    return open(this.#place.directory, this.#options)
  }

  async #attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await settled(work())
      return true
    } catch (error) {
      if (isDatabaseError(error) && error.kind !== 'bug') this.errors.push(error)
      else this.problems.push(`${what}: ${textOf(error)}`)
      return false
    }
  }
}

/** Rejects when a promise takes so long that it will never settle. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`wedged for ${wedgedMs} ms`)), wedgedMs)
  })
  try {
    return await Promise.race([promise, patience])
  } finally {
    clearTimeout(timer)
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)
}
