/** One opening of the database, its actors at work together, and its end. */
import { open, type Database, type OpenOptions } from '../packages/asofdb/src/index.ts'
import type { Host } from '../packages/asofdb/src/host/host.ts'
import { actors } from './actors/actors.ts'
import { askAgain } from './actors/reader.ts'
import { audit } from './actors/bank.ts'
import type { Chronicle } from './chronicle.ts'
import type { Breakage } from './fault-plan.ts'
import { mustBeKnown, noteRecovery } from './inspection.ts'
import type { Promised } from './oracle.ts'
import { RandomStream } from './random.ts'
import { type Archive, isFaulty, type Readers, Scene, type Sight } from './scene.ts'
import { SimulatedCrash } from './simulated-clock.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { WatchedPoint } from './simulated-files.ts'
import { SimulatedHost } from './simulated-host.ts'
import { type SwarmCounts, tally } from './swarm-counts.ts'
import type { ActorPlan, LifePlan, SwarmPlan } from './swarm-plan.ts'
import { databasePath, Divergence, toOpenOptions } from './workload-run.ts'

/** Something between the engine and its world that does it wrong: a bug that must be noticed. */
export interface Mutation {
  readonly host?: (simulated: SimulatedHost) => Host
  readonly readers?: (database: Database) => Readers
  readonly brokenSync?: Breakage
  readonly brokenDirectorySync?: Breakage
}

export interface LifeParts {
  readonly plan: SwarmPlan
  readonly life: LifePlan
  readonly disk: SimulatedDisk
  readonly startWallMicros: number
  readonly chronicle: Chronicle
  readonly archive: Archive
  readonly counts: SwarmCounts
  /** What the crash before must have left, and how much of that is on the disk. */
  readonly before: { readonly floor: number; readonly durable: number | 'all' }
  readonly mutation: Mutation
}

/** A moment of a life, and what a crash right then may not take. */
export interface Sample {
  readonly point: WatchedPoint
  readonly promised: Promised
  /** Backups that were done by then. */
  readonly backups: ReadonlyMap<string, number>
}

export interface LifeOutcome {
  readonly simulated: SimulatedHost
  /** `refused`: it could not be opened, which the faults of this life may do. */
  readonly end: 'closed' | 'crashed' | 'idle' | 'refused'
  readonly isOpened: boolean
  readonly promised: Promised
  readonly samples: readonly Sample[]
  readonly sights: readonly Sight[]
}

/** Virtual time in which every life has come to its end. */
const patienceMs = 3_600_000 * 24

/** In which an erasure that an opening goes on with is done. */
const erasurePatienceMs = 5000

export class SwarmLife {
  readonly #parts: LifeParts
  readonly #simulated: SimulatedHost
  readonly #host: Host
  readonly #samples: Sample[] = []
  readonly #sights: Sight[] = []
  #scene: Scene | undefined

  constructor(parts: LifeParts) {
    this.#parts = parts
    const { plan, life, disk, startWallMicros } = parts
    const { ending, options, faults, spareBytes } = life
    const isCrash = ending.how === 'kill' || ending.how === 'power'
    const { shortChance } = options
    this.#simulated = new SimulatedHost({
      seed: `swarm/${plan.seed}/${life.name}`,
      disk,
      startWallMicros,
      faults: {
        faults,
        shortReadChance: shortChance,
        shortWriteChance: shortChance,
        capacityBytes: spareBytes === undefined ? Infinity : disk.usedBytes + spareBytes,
        brokenSync: parts.mutation.brokenSync ?? false,
        brokenDirectorySync: parts.mutation.brokenDirectorySync ?? false,
        ...(isCrash ? { crashAt: ending } : {}),
      },
      ...this.#watching(),
    })
    this.#host = parts.mutation.host?.(this.#simulated) ?? this.#simulated
  }

  async run(): Promise<LifeOutcome> {
    const { counts, life } = this.#parts
    let end: LifeOutcome['end']
    try {
      end = await this.#simulated.run(() => this.#live())
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error
      end = 'crashed'
    } finally {
      this.#simulated.files.stop('the life is over')
    }
    counts.lives += 1
    tally(counts.endings, end === 'crashed' ? life.ending.how : end)
    for (const [kind, count] of this.#simulated.files.faults.struck) {
      tally(counts.faults, kind, count)
    }
    const { floor } = this.#parts.before
    const unseen: Promised = { machineFloor: floor, processFloor: floor, ceiling: 0 }
    return {
      simulated: this.#simulated,
      end,
      isOpened: this.#scene !== undefined,
      promised: this.#scene?.promised ?? unseen,
      samples: this.#samples,
      sights: this.#sights,
    }
  }

  #watching() {
    const { plan, life, archive } = this.#parts
    const random = new RandomStream(`samples/${plan.seed}/${life.name}`)
    const outcomes = ['not-done', 'partly-done', 'done'] as const
    const chosen = new Map<number, (typeof outcomes)[number]>()
    while (chosen.size < life.samples) {
      chosen.set(1 + random.below(random.pick([30, 120, 400])), random.pick(outcomes))
    }
    return {
      isWatched: (point: { operation: number; outcome: (typeof outcomes)[number] }) =>
        chosen.get(point.operation) === point.outcome,
      watch: (point: WatchedPoint) => {
        const scene = this.#scene
        if (scene === undefined) return
        const done = [...archive.backups].filter(([, { isForeign }]) => !isForeign)
        const backups = new Map(done.map(([path, { sequence }]) => [path, sequence]))
        this.#samples.push({ point, promised: scene.promised, backups })
      },
    }
  }

  async #live(): Promise<'closed' | 'idle' | 'refused'> {
    const { life } = this.#parts
    const database = await this.#open()
    if (database === undefined) return 'refused'
    const scene = this.#begin(database)
    let isOver = false
    const overdue = this.#host.timers.after(patienceMs, () => {
      isOver = true
      this.#simulated.files.stop('the life takes too long')
    })
    const work = Promise.all(life.actors.map((plan) => this.#act(scene, plan)))
    if (life.ending.how === 'leave') {
      work.catch(() => undefined)
      await scene.pass(scene.stream('leave').pick([0, 0.2, 2, 20]))
      scene.catchUp()
      scene.isLeaving = true
      const closed = this.#close(scene)
      await work
      overdue()
      return closed
    }
    await work
    overdue()
    if (isOver) throw new Divergence('somebody waits for ever')
    scene.catchUp()
    if (life.ending.how !== 'close') return 'idle'
    await this.#mustHaveErased(scene)
    return this.#close(scene)
  }

  /** Undefined when the faults of this life keep it from opening. */
  async #open(): Promise<Database | undefined> {
    const { life, plan, counts } = this.#parts
    const options: OpenOptions = {
      host: this.#host,
      nodesValid: plan.nodesValid,
      recovery: life.policy,
      ...toOpenOptions(life.options),
    }
    try {
      const database = await open(databasePath, options)
      if (!isFaulty(life) || !database.recovery.isReadOnly) return database
      // A disk that refuses to read now may read again later: this opening is no measure.
      noteRecovery(counts, database)
      await database.close()
      return undefined
    } catch (error) {
      if (!isFaulty(life) || !isOfTheDisk(error)) throw error
      tally(counts.recoveries, `${life.policy} refused`)
      return undefined
    }
  }

  /** What the crash before left must be what was promised. */
  #begin(database: Database): Scene {
    const { before, chronicle, archive, counts, plan, life, mutation } = this.#parts
    const { sequence } = database
    noteRecovery(counts, database)
    // What the disk refused to read, a repair has put aside, and says so.
    const isPutAside = isFaulty(life) && database.recovery.outcome === 'repaired'
    if (sequence < before.floor && !isPutAside) {
      throw new Divergence(`${before.floor} commits were not to be lost, and ${sequence} are there`)
    }
    forgetLost(archive, sequence)
    chronicle.forgetAfter(sequence, before.durable === 'all' ? sequence : before.durable)
    mustBeKnown(database, chronicle, { seed: this.#simulated.seed, counts })
    chronicle.settleUnknown()
    const scene = new Scene({
      plan,
      life,
      simulated: this.#simulated,
      host: this.#host,
      database,
      readers: mutation.readers?.(database) ?? database,
      chronicle,
      archive,
      counts,
      sights: this.#sights,
    })
    this.#scene = scene
    scene.catchUp()
    // An erasure that a crash cut short is gone on with.
    if (scene.erasedMarks.length > 0) scene.noteCompaction()
    for (const remembered of archive.answers) askAgain(scene, remembered)
    audit(scene, scene.stream('audit'))
    return scene
  }

  async #act(scene: Scene, { kind, name, steps, pace }: ActorPlan): Promise<void> {
    const random = scene.stream(name)
    const actor = new actors[kind](scene, random)
    for (let step = 0; step < steps; step += 1) {
      if (pace === 'turn' || random.chance(0.2)) await this.#host.timers.yieldTurn()
      else if (pace === 'short') await scene.pass(random.fraction() * 2)
      else if (pace === 'long') await scene.pass(random.fraction() * 50)
      if (scene.isLeaving) return
      await actor.act()
      tally(this.#parts.counts.actors, kind)
    }
  }

  /** Also what an earlier life could not erase to the end: from every file, by and by. */
  async #mustHaveErased(scene: Scene): Promise<void> {
    const marks = scene.erasedMarks
    if (marks.length === 0 || isFaulty(this.#parts.life)) return
    await scene.pass(erasurePatienceMs)
    scene.mustBeGone(marks)
  }

  async #close(scene: Scene): Promise<'closed' | 'idle'> {
    const { life, chronicle } = this.#parts
    try {
      await scene.database.close()
    } catch (error) {
      if (!isFaulty(life) || !isOfTheDisk(error)) throw error
      return 'idle'
    }
    // After a failure that was told before, closing promises nothing.
    if (scene.isFaulty && scene.database.health().status !== 'ok') return 'idle'
    chronicle.oracle.makeDurable(chronicle.sequence)
    return 'closed'
  }
}

function isOfTheDisk(error: unknown): boolean {
  const isKind = (kind: unknown) => kind === 'unavailable' || kind === 'corrupt'
  return error instanceof Error && 'kind' in error && isKind(error.kind)
}

/** Answers that rest on commits which are no more, and backups that may have them. */
function forgetLost(archive: Archive, sequence: number): void {
  const kept = archive.answers.filter((one) => one.sequence <= sequence)
  archive.answers.splice(0, archive.answers.length, ...kept)
  for (const [path, record] of archive.backups) {
    if (record.sequence > sequence) archive.backups.set(path, { ...record, isForeign: true })
  }
}
