/** One swarm seed from its first opening to its last: lives, crashes and damages in turn. */
import { crc32 } from 'node:zlib'
import { DatabaseError, isDatabaseError, open, restore } from '../packages/asofdb/src/index.ts'
import { Chronicle } from './chronicle.ts'
import { damageDisk } from './damage.ts'
import { tryDamage } from './damage-trial.ts'
import { lookAt, mustBeKnown } from './inspection.ts'
import { RandomStream } from './random.ts'
import type { Archive, Sight } from './scene.ts'
import { afterPowerLoss, afterProcessDeath, standardCrashes } from './simulated-crash.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { downtimeMicros, SimulatedHost, usualStartWallMicros } from './simulated-host.ts'
import { newSwarmCounts, type SwarmCounts, tally } from './swarm-counts.ts'
import { type LifeOutcome, type Mutation, type Sample, SwarmLife } from './swarm-life.ts'
import type { LifePlan, SwarmPlan } from './swarm-plan.ts'
import { databasePath, Divergence, toOpenOptions } from './workload-run.ts'

export interface SwarmOutcome {
  /** Over every file operation of every life, and everything that was answered. */
  readonly traceHash: string
  readonly counts: SwarmCounts
  readonly failure?: SwarmFailure
}

export interface SwarmFailure {
  /** Where it was: the life, and what came before. */
  readonly story: readonly string[]
  readonly what: string
}

export async function runSwarm(plan: SwarmPlan, mutation: Mutation = {}): Promise<SwarmOutcome> {
  const run = new SwarmRun(plan, mutation)
  try {
    for (const life of plan.lives) await run.live(life)
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { ...run.outcome, failure: { story: run.story, what } }
  }
  return run.outcome
}

class SwarmRun {
  readonly story: string[] = []
  readonly #plan: SwarmPlan
  readonly #mutation: Mutation
  readonly #counts = newSwarmCounts()
  readonly #chronicle: Chronicle
  readonly #archive: Archive = {
    attempts: 0,
    entities: 0,
    answers: [],
    marks: new Map(),
    backups: new Map(),
  }
  #disk: SimulatedDisk
  #wallMicros = usualStartWallMicros
  #before: { floor: number; durable: number | 'all' } = { floor: 0, durable: 0 }
  #hash = 0

  constructor(plan: SwarmPlan, mutation: Mutation) {
    this.#plan = plan
    this.#mutation = mutation
    this.#chronicle = new Chronicle(plan.nodesValid)
    this.#disk = new SimulatedDisk(plan.profile)
  }

  get outcome(): SwarmOutcome {
    this.#counts.refusals = this.#chronicle.refusalsShared
    return { traceHash: this.#hash.toString(16).padStart(8, '0'), counts: this.#counts }
  }

  async live(life: LifePlan): Promise<void> {
    this.story.push(`life ${life.name}`)
    const older = this.#disk.fork()
    const outcome = await new SwarmLife({
      plan: this.#plan,
      life,
      disk: this.#disk,
      startWallMicros: this.#wallMicros,
      chronicle: this.#chronicle,
      archive: this.#archive,
      counts: this.#counts,
      before: this.#before,
      mutation: this.#mutation,
    }).run()
    const { simulated, end } = outcome
    this.#mix(simulated.trace.hash)
    this.#mix(`${this.#chronicle.sequence} ${this.#counts.answers} ${end}`)
    this.#wallMicros = simulated.clock.wallMicros() + downtimeMicros
    for (const sample of outcome.samples) await this.#lookAtSample(life, sample)
    for (const sight of outcome.sights) await this.#lookAtSight(life, sight)
    this.#end(life, outcome)
    if (life.damage !== undefined) await this.#damage(life, { older, isSettled: end === 'closed' })
    this.story.pop()
    this.story.push(`life ${life.name}, ${end}, ${this.#chronicle.sequence} commits seen`)
  }

  /** What a crash at some moment of the life would have left. */
  async #lookAtSample(life: LifePlan, { point, promised, backups }: Sample): Promise<void> {
    const { left, kind, path, operation, outcome } = point
    const seed = `swarm/${this.#plan.seed}/${life.name}/${operation}`
    const random = new RandomStream(seed)
    const specs = standardCrashes(left, { seed, randomCount: 4 })
    const isKilled = random.chance(0.3)
    const spec = isKilled ? 'killed' : random.pick(specs)
    const crash = `crash ${JSON.stringify(spec)} at call ${operation}, ${kind} ${path}, ${outcome}`
    this.story.push(crash)
    const disk = spec === 'killed' ? afterProcessDeath(left, seed) : afterPowerLoss(left, spec)
    tally(this.#counts.endings, isKilled ? 'sampled kill' : 'sampled power loss')
    const floor = isKilled ? promised.processFloor : promised.machineFloor
    const look = { disk, seed, chronicle: this.#chronicle, counts: this.#counts }
    const options = { ...toOpenOptions(life.options), nodesValid: this.#plan.nodesValid }
    const { sequence } = await lookAt({ ...look, path: databasePath, options })
    if (sequence < floor) {
      throw new Divergence(`${floor} commits were not to be lost, and ${sequence} are there`)
    }
    this.#mix(String(sequence))
    for (const [directory, least] of backups) {
      const found = await lookAt({ ...look, path: directory })
      if (found.sequence >= least) continue
      throw new Divergence(`${directory} had ${least} commits, and has ${found.sequence}`)
    }
    this.story.pop()
  }

  /** A backup or a fork, as a power cut would have left it when it was reported done. */
  async #lookAtSight(life: LifePlan, sight: Sight): Promise<void> {
    const { restored, copiedAt = [0, 0] } = sight
    const tried: Error[] = []
    // What was erased while it was copied is in it or not.
    for (let newest = copiedAt[0]; newest <= copiedAt[1]; newest += 1) {
      try {
        return await this.#lookAtCopy(life, sight, newest)
      } catch (error) {
        if (!(error instanceof Divergence) || copiedAt[0] === copiedAt[1]) throw error
        this.story.pop()
        tried.push(error)
      }
    }
    this.story.push(`${sight.path} with ${sight.sequence} commits, restored ${restored ?? 'not'}`)
    if (tried[0] !== undefined) throw tried[0]
  }

  async #lookAtCopy(life: LifePlan, sight: Sight, forgotten: number): Promise<void> {
    const { disk, path, sequence, restored } = sight
    const seed = `swarm/${this.#plan.seed}/${life.name}${path}`
    this.story.push(`${path} with ${sequence} commits, restored ${restored ?? 'not'}`)
    const look = { disk, seed, chronicle: this.#chronicle, counts: this.#counts }
    const found =
      restored === undefined
        ? (await lookAt({ ...look, path, forgotten })).sequence
        : await this.#restore(sight, { seed, restored, forgotten })
    const wanted = restored ?? sequence
    if (found !== wanted) throw new Divergence(`${found} commits are there instead of ${wanted}`)
    this.story.pop()
  }

  async #restore(
    { disk, path }: Sight,
    { seed, restored, forgotten }: { seed: string; restored: number; forgotten: number },
  ): Promise<number> {
    const { model } = this.#chronicle.copy(forgotten)
    const isPruned = restored < model.forgetting.latest()
    const faults = { capacityBytes: Infinity }
    const host = new SimulatedHost({ seed, disk: disk.fork(), faults })
    const into = '/restored'
    const sequence = await host.run(async () => {
      try {
        await restore(path, into, { host, toSequence: restored })
      } catch (error) {
        if (isPruned && isDatabaseError(error, 'HistoryPruned')) return restored
        throw error
      }
      if (isPruned) throw new Divergence('restored as of a point below a horizon')
      const database = await open(into, { host, create: false })
      const known = this.#chronicle.copy(database.sequence, 0, forgotten)
      mustBeKnown(database, known, { seed, counts: this.#counts })
      const { problems } = await database.verify()
      if (problems.length > 0) throw new Divergence(`restored: ${JSON.stringify(problems)}`)
      await database.close()
      return database.sequence
    })
    host.files.stop('restored')
    return sequence
  }

  /** The disk that the next life finds, and what must be on it. */
  #end(life: LifePlan, { simulated, end, isOpened, promised }: LifeOutcome): void {
    const left = simulated.files.stopped
    const { machineFloor, processFloor } = promised
    const isPower = life.ending.how === 'power' && end !== 'closed'
    const seed = `swarm/${this.#plan.seed}/${life.name}/end`
    const random = new RandomStream(seed)
    if (isPower) {
      const spec = random.pick(standardCrashes(left, { seed, randomCount: 6 }))
      this.story.push(`power loss ${JSON.stringify(spec)}`)
      this.#disk = afterPowerLoss(left, spec)
    } else {
      this.#disk = afterProcessDeath(left, seed)
    }
    this.#disk.capacityBytes = Infinity
    const durable = isOpened ? machineFloor : this.#before.durable
    if (isPower) {
      // An opening that nobody saw promised nothing, and what was only written may go.
      const kept = this.#before.durable
      const floor = isOpened ? machineFloor : kept === 'all' ? this.#before.floor : kept
      this.#before = { floor, durable: 'all' }
    } else {
      this.#before = { floor: isOpened ? processFloor : this.#before.floor, durable }
    }
  }

  async #damage(
    life: LifePlan,
    { older, isSettled }: { older: SimulatedDisk; isSettled: boolean },
  ): Promise<void> {
    const { damage } = life
    if (damage === undefined) return
    const settled = afterPowerLoss({ disk: this.#disk, interrupted: [] }, { mode: 'all-kept' })
    const made = damageDisk(settled, { plan: damage, older, root: databasePath })
    if (made === undefined) return
    this.story.push(`damage ${made.what}`)
    tally(this.#counts.damages, damage.kind)
    const options = { ...toOpenOptions(life.options), nodesValid: this.#plan.nodesValid }
    const common = { chronicle: this.#chronicle, counts: this.#counts, options }
    const seed = `swarm/${this.#plan.seed}/${life.name}/damage`
    const whole = await this.#openWhole(settled, { ...common, seed })
    if (whole === undefined) return
    const { disk, file } = made
    const repaired = await tryDamage({ ...common, disk, file, seed, whole, isSettled })
    if (!damage.isKept || repaired === undefined) {
      this.story.pop()
      return
    }
    this.#disk = repaired
    this.#before = { floor: 0, durable: 'all' }
    this.story.push('which was kept, and repaired')
  }

  /** How many commits the sound disk has; undefined when its creation never came to an end. */
  async #openWhole(
    disk: SimulatedDisk,
    look: Omit<Parameters<typeof lookAt>[0], 'disk' | 'path'>,
  ): Promise<number | undefined> {
    try {
      return (await lookAt({ ...look, disk, path: databasePath })).sequence
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'NotADatabase') return undefined
      throw error
    }
  }

  #mix(text: string): void {
    this.#hash = crc32(text, this.#hash)
  }
}
