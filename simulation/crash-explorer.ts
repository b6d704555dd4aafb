/**
 * Crashes a workload wherever it can crash, opens what each crash leaves, and holds that against
 * the oracle.
 */
import { crc32 } from 'node:zlib'
import type { Database } from '../packages/asofdb/src/index.ts'
import { type CrashCounts, newCrashCounts } from './crash-counts.ts'
import { type CrashKind, type CrashWorld, crashWorlds, drawWorld } from './crash-worlds.ts'
import type { Breakage } from './fault-plan.ts'
import { type Difference, ExpectedAnswers, Oracle, type Promised } from './oracle.ts'
import { RandomStream } from './random.ts'
import { ReferenceModel } from './reference-model.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { WatchedPoint } from './simulated-files.ts'
import { SimulatedHost } from './simulated-host.ts'
import { type Action, drawFollowUp, type Workload } from './workload.ts'
import { WorkloadRun } from './workload-run.ts'

export interface ExploreOptions {
  readonly workload: Workload
  readonly brokenSync?: Breakage
  readonly brokenDirectorySync?: Breakage
}

export interface ExploreFailure {
  /** The crashes on the way, the first one first. */
  readonly crashes: readonly string[]
  readonly what: string
}

export interface Exploration {
  /** Over every file operation of every run. */
  readonly traceHash: string
  readonly counts: CrashCounts
  readonly failure?: ExploreFailure
}

/** How many recoveries are themselves crashed everywhere, at each depth: two within one another. */
const nestedRecoveries: readonly number[] = [1, 1]
/** How likely the deeper ones are, which cost as much as all the rest. */
const nestedChances: readonly number[] = [1, 0.2]
const worldsPerPoint = 2
/** How many of the worlds are not only looked at but verified, written to and opened again. */
const followUpChance = 0.1
const questionsAtRandom = 40
/** Questions asked of a world that is only looked at; they take turns, so all are asked. */
const questionsPerLook = 16

interface PromisedPoint {
  readonly point: WatchedPoint
  readonly promised: Promised
}

/** One run, and the history that all crashes of it are held against. */
interface Lineage {
  readonly oracle: Oracle
  readonly points: readonly PromisedPoint[]
  /** How it came to be. */
  readonly crashes: readonly string[]
  readonly depth: number
}

/** A world that was opened, and how many commits it had. */
interface Recovered {
  readonly world: CrashWorld
  readonly sequence: number
  readonly floor: number
  readonly crashes: readonly string[]
}

export async function explore(options: ExploreOptions): Promise<Exploration> {
  const explorer = new CrashExplorer(options)
  try {
    await explorer.exploreAll()
  } catch (error) {
    if (!(error instanceof CrashFailure)) throw error
    return { ...explorer.outcome, failure: error.failure }
  }
  return explorer.outcome
}

class CrashFailure extends Error {
  override readonly name = 'CrashFailure'
  readonly failure: ExploreFailure

  constructor(failure: ExploreFailure) {
    super(failure.what)
    this.failure = failure
  }
}

class CrashExplorer {
  readonly #options: ExploreOptions
  readonly #counts = newCrashCounts()
  #hash = 0

  constructor(options: ExploreOptions) {
    this.#options = options
  }

  get outcome(): Exploration {
    return { traceHash: this.#hash.toString(16).padStart(8, '0'), counts: this.#counts }
  }

  get #seed(): string {
    return this.#options.workload.seed
  }

  async exploreAll(): Promise<void> {
    const first = await this.#runFirst()
    const hash = this.#hash
    this.#hash = 0
    await this.#runFirst()
    if (hash !== this.#hash) {
      throw new CrashFailure({ crashes: [], what: 'two runs of one seed have different traces' })
    }
    this.#counts.commits += first.oracle.model.sequence
    await this.#explore(first)
  }

  #runFirst(): Promise<Lineage> {
    const { actions, options } = this.#options.workload
    const oracle = new Oracle({ model: new ReferenceModel({ nodesValid: options.nodesValid }) })
    return this.#runWatched({ oracle, actions, seed: this.#seed, crashes: [], depth: 0 })
  }

  /** One run to its end, with a note of every crash that it could have met. */
  async #runWatched(parts: {
    readonly oracle: Oracle
    readonly actions: readonly Action[]
    readonly seed: string
    readonly crashes: readonly string[]
    readonly depth: number
    readonly disk?: SimulatedDisk
  }): Promise<Lineage> {
    const { oracle, actions, seed, crashes, depth, disk } = parts
    const { workload, brokenSync = false, brokenDirectorySync = false } = this.#options
    const { shortChance } = workload.options
    const shortChances = { shortReadChance: shortChance, shortWriteChance: shortChance }
    const points: PromisedPoint[] = []
    const simulated = new SimulatedHost({
      seed,
      faults: { ...shortChances, brokenSync, brokenDirectorySync },
      watch: (point) => points.push({ point, promised: run.promised }),
      ...(disk === undefined ? {} : { disk }),
    })
    const run: WorkloadRun = new WorkloadRun({
      simulated,
      options: workload.options,
      oracle,
      check: async ({ sequence }) => {
        if (sequence === oracle.model.sequence) return
        throw new Error(`${oracle.model.sequence} commits were made, and ${sequence} are there`)
      },
      actions: () => actions,
    })
    await this.#guard(run.run(), crashes, 'while it ran')
    this.#mix(simulated.trace.hash)
    return { oracle, points, crashes, depth }
  }

  async #explore(lineage: Lineage): Promise<void> {
    const { depth } = lineage
    const cases = new CaseBook(lineage.oracle, `${this.#seed}/${depth}`)
    const known = new Map<string, number>()
    const recoveries = new Map<string, Recovered>()
    for (const { point, promised } of lineage.points) {
      this.#counts.points[point.kind] = (this.#counts.points[point.kind] ?? 0) + 1
      for (const world of this.#worldsAfter(point, depth)) {
        const { mode } = world.crash
        this.#counts.crashes[mode] = (this.#counts.crashes[mode] ?? 0) + 1
        if (depth > 0) this.#counts.nested += 1
        const crashes = [...lineage.crashes, describeCrash(point, world.crash)]
        const floor = mode === 'killed' ? promised.processFloor : promised.machineFloor
        let sequence = known.get(world.fingerprint)
        if (sequence === undefined) {
          sequence = await this.#recover(world, cases, crashes)
          known.set(world.fingerprint, sequence)
        }
        // A killed world looks like others, with less of it on the disk, which a crash would show.
        const key = `${mode === 'killed' ? mode : ''} ${world.fingerprint}`
        if (!recoveries.has(key)) {
          recoveries.set(key, { world, sequence, floor: promised.machineFloor, crashes })
        }
        keepsPromises({ sequence, floor, ceiling: promised.ceiling }, crashes)
      }
    }
    await this.#crashRecoveries([...recoveries.values()], cases, depth)
  }

  #worldsAfter(point: WatchedPoint, depth: number): Iterable<CrashWorld> {
    if (depth === 0) return crashWorlds(point, { seed: this.#seed, count: worldsPerPoint })
    return [drawWorld(point, `${this.#seed}/${depth}`)]
  }

  /**
   * Opens a world and compares; some are then written to, closed, opened and compared again. The
   * number of commits that were there.
   */
  async #recover(
    world: CrashWorld,
    cases: CaseBook,
    crashes: readonly string[],
  ): Promise<number> {
    this.#counts.states += 1
    const simulated = new SimulatedHost({ seed: world.fingerprint, disk: world.disk.fork() })
    const isUsed = new RandomStream(`${this.#seed}/${world.fingerprint}`).chance(followUpChance)
    if (isUsed) this.#counts.followed += 1
    let sequence = 0
    const run = new WorkloadRun({
      simulated,
      options: this.#options.workload.options,
      oracle: (database) => {
        sequence = database.sequence
        return cases.oracle(sequence)
      },
      check: async (database, oracle) => {
        const expected = cases.answers(sequence, oracle)
        const count = isUsed ? Infinity : questionsPerLook
        mustBeAs(expected.compare(database, oracle.names, count))
        if (isUsed) await mustBeSound(database)
      },
      actions: (oracle) => cases.followUp(oracle),
    })
    await this.#guard(isUsed ? run.run() : run.open(), crashes, 'after it')
    this.#mix(simulated.trace.hash)
    return sequence
  }

  /** Some recoveries, and what follows them, are crashed in their turn. */
  async #crashRecoveries(
    known: readonly Recovered[],
    cases: CaseBook,
    depth: number,
  ): Promise<void> {
    const random = new RandomStream(`${this.#seed}/nested/${depth}`)
    const count = random.chance(nestedChances[depth] ?? 0) ? (nestedRecoveries[depth] ?? 0) : 0
    const isSynced = this.#options.workload.options.durability === 'sync'
    // Where nothing is synced, nobody promised that what a killed process left will stay.
    const fit = known.filter(({ world }) => isSynced || world.crash.mode !== 'killed')
    for (let index = 0; index < count && fit.length > 0; index += 1) {
      const { world, sequence, floor, crashes } = random.pick(fit)
      const oracle = cases.oracle(sequence, world.crash.mode === 'killed' ? floor : sequence)
      const lineage = await this.#runWatched({
        oracle,
        actions: cases.followUp(oracle),
        seed: `${world.fingerprint}/again`,
        crashes,
        depth: depth + 1,
        disk: world.disk.fork(),
      })
      await this.#explore(lineage)
    }
  }

  async #guard(work: Promise<void>, crashes: readonly string[], when: string): Promise<void> {
    try {
      await work
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      throw new CrashFailure({ crashes, what: `${when}: ${what}` })
    }
  }

  #mix(hash: string): void {
    this.#hash = crc32(hash, this.#hash)
  }
}

/** What a database must be that recovered some of the commits of a lineage. */
class CaseBook {
  readonly #oracle: Oracle
  readonly #seed: string
  readonly #answers = new Map<string, ExpectedAnswers>()

  constructor(oracle: Oracle, seed: string) {
    this.#oracle = oracle
    this.#seed = seed
  }

  oracle(sequence: number, floor = sequence): Oracle {
    if (sequence > this.#oracle.model.sequence) {
      throw new Error(`${sequence} commits are there, ${this.#oracle.model.sequence} were made`)
    }
    return this.#oracle.prefix(sequence, floor)
  }

  /** The same for all that recovered the same commits. */
  followUp({ model }: Oracle): readonly Action[] {
    const nodes = model.viewAt(model.sequence, 0n).entities()
    const names = nodes.filter(({ kind }) => kind === 'node').map(({ name }) => name)
    const last = model.commits.at(-1)?.system ?? 0n
    return drawFollowUp(`${this.#seed}/${model.sequence}`, names, Number(last) + 100)
  }

  /** Answers after `recovered` commits and what has followed since. */
  answers(recovered: number, oracle: Oracle): ExpectedAnswers {
    const key = `${recovered}/${oracle.model.sequence}`
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const random = new RandomStream(`${this.#seed}/answers/${key}`)
    const answers = new ExpectedAnswers(oracle, random, questionsAtRandom)
    this.#answers.set(key, answers)
    return answers
  }
}

function mustBeAs(difference: Difference | undefined): void {
  if (difference === undefined) return
  const { question, expected, actual } = difference
  throw new Error(`${question}\nexpected: ${expected}\nactual:   ${actual}`)
}

async function mustBeSound(database: Database): Promise<void> {
  const { problems } = await database.verify()
  if (problems.length > 0) throw new Error(`verify: ${JSON.stringify(problems)}`)
}

function keepsPromises(
  { sequence, floor, ceiling }: { sequence: number; floor: number; ceiling: number },
  crashes: readonly string[],
): void {
  if (floor <= sequence && sequence <= ceiling) return
  const what =
    `${sequence} commits are there after it; ` +
    `before, ${ceiling} were made, and ${floor} of them were not to be lost`
  throw new CrashFailure({ crashes, what })
}

function describeCrash({ operation, outcome, kind, path }: WatchedPoint, crash: CrashKind): string {
  return `call ${operation}, ${kind} ${path}, ${outcome}; crash ${JSON.stringify(crash)}`
}
