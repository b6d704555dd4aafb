import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDatabaseError, open, type OpenOptions } from 'asofdb'
import type { RandomStream } from '../../simulation/random.ts'
import {
  checkAfterKill,
  type FoundAfterKill,
  type Killed,
  type KilledDirectory,
} from './check-after-kill.ts'
import { Model } from './model.ts'
import type { Mode } from './modes.ts'
import { livesPerLargeLife } from './workload.ts'
import { type Phase, WriterProcess } from './writer-process.ts'

export interface KillCounts {
  /** Writers that were killed while they ran, while they were suspended, and after that. */
  running: number
  suspended: number
  resumed: number
  /** Times that another opener was refused while the owner was suspended. */
  refused: number
  acknowledged: number
  /** Of the commits of all lives, those found by the next opening. */
  recovered: number
  /** Acknowledged, in no promise, and not there. */
  lost: number
  /** Of unfinished ends of the log, which openings have cut. */
  tornBytes: number
  phases: Record<Phase, number>
}

export interface Campaign {
  readonly mode: Mode
  /** Kills of running writers; as many come on top with the writer suspended before. */
  readonly times: number
  readonly random: RandomStream
  /** Address of the compiled writer. */
  readonly module: string
  /** Where databases are made. */
  readonly folder: string
  /** Where a database that is not as it should be is kept. Default: with the temporary files. */
  readonly failures?: string
  readonly onKill?: (kills: number) => void
}

/** A directory is left for a fresh one when it has so many commits, or has seen so many kills. */
const commitsMax = 6000
const killsPerDirectoryMax = 12

/** What to hit; which life is to be hit where is a function of its number. */
type Aim = (typeof aims)[number]

const aims = ['writing', 'opening', 'rotating', 'checkpointing', 'committing', 'closing'] as const

/** How often segments end and checkpoints are made; small, so that there are always some. */
const stepsOf: Readonly<Record<Aim, OpenOptions>> = {
  writing: { segmentBytesMax: 20_000_000, checkpointLogBytes: 30_000_000 },
  opening: { segmentBytesMax: 20_000, checkpointLogBytes: 60_000 },
  rotating: { segmentBytesMax: 5 * 1024, checkpointLogBytes: 200_000 },
  checkpointing: { segmentBytesMax: 200_000, checkpointLogBytes: 20_000 },
  committing: { segmentBytesMax: 100_000, checkpointLogBytes: 300_000 },
  closing: { segmentBytesMax: 20_000, checkpointLogBytes: 60_000 },
}

/** Can a process be suspended here? */
export const canSuspend = process.platform !== 'win32'

/** Kills writers in one mode, and checks after each kill what is there. Throws what is wrong. */
export async function killWriters(campaign: Campaign): Promise<KillCounts> {
  const kills = new Kills(campaign)
  try {
    await kills.run()
  } finally {
    await kills.end()
  }
  return kills.counts
}

class Kills {
  readonly counts: KillCounts = {
    running: 0,
    suspended: 0,
    resumed: 0,
    refused: 0,
    acknowledged: 0,
    recovered: 0,
    lost: 0,
    tornBytes: 0,
    phases: { opening: 0, committing: 0, rotating: 0, checkpointing: 0, closing: 0, closed: 0 },
  }
  readonly #campaign: Campaign
  readonly #random: RandomStream
  #directory: KilledDirectory
  #directories = 0
  #killsOfDirectory = 0
  #life = 0
  /** Started ahead, so that it loads while the one before is looked at. */
  #next: WriterProcess
  /** How long an opening takes here, about. */
  #openingMs = 20

  constructor(campaign: Campaign) {
    this.#campaign = campaign
    this.#random = campaign.random
    this.#directory = this.#newDirectory()
    this.#next = new WriterProcess(campaign.module)
  }

  async run(): Promise<void> {
    const { times, onKill } = this.#campaign
    const total = canSuspend ? 2 * times : times
    for (let kill = 0; kill < total; kill++) {
      await this.#liveAndDie(kill >= times)
      onKill?.(kill + 1)
    }
  }

  async end(): Promise<void> {
    await this.#next.kill()
  }

  async #liveAndDie(isSuspending: boolean): Promise<void> {
    this.#life += 1
    const life = this.#life
    const aim = aims[life % livesPerLargeLife] ?? 'committing'
    const { directory, seed, model } = this.#directory
    const { mode, module } = this.#campaign
    const writer = this.#next
    await writer.start({
      directory,
      seed,
      life,
      options: { ...stepsOf[aim], ...mode.options },
      isKept: mode.isKept,
      isCheckpointing: aim === 'checkpointing',
      closeAfter: aim === 'closing' ? 1 + this.#random.below(60) : null,
    })
    this.#next = new WriterProcess(module)
    try {
      await this.#untilMoment(writer, aim)
      if (isSuspending) await this.#suspend(writer)
    } finally {
      const phase = await writer.kill()
      this.counts.phases[phase] += 1
    }
    if (!isSuspending) this.counts.running += 1
    const { words } = writer
    if (words.failure !== undefined) throw this.#failure(words.failure)
    const before = model.count
    const found = await this.#lookAt({ life, words })
    this.counts.acknowledged += words.acknowledgements
    this.counts.recovered += found.sequence - before
    this.counts.lost += found.lost
    this.counts.tornBytes += found.tornBytes + words.tornBytes
    this.#killsOfDirectory += 1
    if (found.sequence < commitsMax && this.#killsOfDirectory < killsPerDirectoryMax) return
    rmSync(this.#directory.directory, { recursive: true })
    this.#directory = this.#newDirectory()
  }

  /** Waits for a moment of the kind wanted; the writer may be over it when it is hit. */
  async #untilMoment(writer: WriterProcess, aim: Aim): Promise<void> {
    const random = this.#random
    const began = performance.now()
    if (aim === 'opening') {
      await pause(random.fraction() * this.#openingMs * 1.3)
      return
    }
    if (!(await writer.until(({ opened }) => opened !== undefined))) return
    this.#openingMs = (this.#openingMs * 4 + performance.now() - began) / 5
    const nth = 1 + random.below(6)
    const isLogged = this.#campaign.mode.options.durability !== 'checkpoint'
    if (aim === 'writing' && isLogged) {
      await writer.until(({ largeWrites }) => largeWrites >= 1 + random.below(2))
      await pause(random.fraction())
    } else if (aim === 'rotating' && isLogged) {
      const first = writer.words.segmentsBegun
      await writer.until(({ segmentsBegun }) => segmentsBegun >= first + nth)
      await pause(random.fraction() * 2)
    } else if (aim === 'checkpointing') {
      const first = writer.words.checkpointsBegun
      await writer.until(({ checkpointsBegun }) => checkpointsBegun >= first + nth)
      await pause(random.fraction() * 5)
    } else if (aim === 'closing') {
      await writer.until(({ isClosing }) => isClosing)
      await pause(random.fraction() * 8)
    } else {
      await pause(random.fraction() * 60)
    }
  }

  /** Suspends it, lets another opener try, and leaves it suspended or running again. */
  async #suspend(writer: WriterProcess): Promise<void> {
    const { words } = writer
    await writer.suspend()
    const mustBeRefused = words.opened !== undefined && !words.isClosing
    await pause(this.#random.fraction() * 10)
    const { directory } = this.#directory
    const error = await open(directory, this.#campaign.mode.options).then(
      (database) => database.close(),
      (thrown: unknown) => thrown,
    )
    if (error !== undefined && !isDatabaseError(error, 'Locked')) {
      const text = error instanceof Error ? error.stack : undefined
      throw this.#failure(`a second opener failed: ${text ?? 'with no error'}`)
    }
    if (error !== undefined) this.counts.refused += 1
    else if (mustBeRefused) throw this.#failure('a second opener was let in beside the first')
    if (this.#random.chance(0.5)) {
      this.counts.suspended += 1
      return
    }
    const { acknowledgements, opened, isClosing } = words
    writer.resume()
    await writer.until((now) => {
      if (opened === undefined) return now.opened !== undefined
      return isClosing ? now.isClosed : now.acknowledgements > acknowledgements || now.isClosed
    })
    await pause(this.#random.fraction() * 20)
    this.counts.resumed += 1
  }

  /**
   * Looks at a copy, so that what the kill left is what the next writer opens; or the copy, which
   * has been opened and closed, takes its place.
   */
  async #lookAt(killed: Pick<Killed, 'life' | 'words'>): Promise<FoundAfterKill> {
    const { directory } = this.#directory
    const copy = `${directory}-copy`
    let found: FoundAfterKill
    try {
      // Killed before it made the directory: nobody was told of any.
      if (existsSync(directory)) cpSync(directory, copy, { recursive: true })
      else mkdirSync(copy)
      const of = { ...this.#directory, directory: copy }
      const { mode } = this.#campaign
      found = await checkAfterKill({ ...killed, mode, of, random: this.#random })
      this.#directory.promised = found.promised
      this.#directory.isMade ||= killed.words.opened !== undefined
    } catch (error) {
      throw this.#failure(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    const next = this.#random.chance(0.5) ? copy : directory
    rmSync(next === copy ? directory : copy, { recursive: true, force: true })
    this.#directory = { ...this.#directory, directory: next }
    return found
  }

  #newDirectory(): KilledDirectory {
    this.#directories += 1
    this.#killsOfDirectory = 0
    const { mode, folder } = this.#campaign
    const directory = join(folder, `${mode.name}-${this.#directories}`)
    const seed = `${this.#random.seed}/${this.#directories}`
    mkdirSync(folder, { recursive: true })
    return { directory, seed, model: new Model(seed), promised: 0, isMade: false }
  }

  #failure(what: string): Error {
    const { directory } = this.#directory
    const { mode, failures = tmpdir() } = this.#campaign
    const kept = mkdtempSync(join(failures, 'asof-kill-failure-'))
    if (existsSync(directory)) cpSync(directory, join(kept, 'database'), { recursive: true })
    return new Error(
      `mode ${mode.name}, life ${this.#life}, seed ${this.#random.seed}: ${what}\n` +
        `the database as the kill left it: ${join(kept, 'database')}`,
    )
  }
}

/** Some milliseconds, with a fraction, which timers don't know. */
async function pause(ms: number): Promise<void> {
  const end = performance.now() + ms
  if (ms > 2) await delay(ms - 2)
  while (performance.now() < end) {
    // The last moment is too short to be left to a timer.
  }
}
