/**
 * One database after another under random operations on its keys, beside the model: transactions
 * on top of each other, snapshots that outlive commits, prunes and compactions, openings, crashes.
 */
import { type Database, isDatabaseError, open, type View } from 'asofdb'
import { RandomStream } from '../../simulation/random.ts'
import type { CrashSpec } from '../../simulation/simulated-crash.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { KeyDraw } from './keys-draw.ts'
import {
  Difference,
  HeldWalk,
  keyspaceRules,
  mustBeEqual,
  readEverything,
  readSomething,
  type What,
} from './keys-reads.ts'
import { PairedTransaction } from './keys-transactions.ts'
import { NaiveKeyspaces, type NaiveView } from './naive-keyspaces.ts'

export interface KeysFigures {
  operations: number
  commits: number
  refused: number
  pins: number
  fullReads: number
  pastReads: number
  pruned: number
  checkpoints: number
  compactions: number
  prunes: number
  openings: number
  crashes: number
  kills: number
  /** Commits that were under way at a crash, and were there after it. */
  survived: number
}

export function newKeysFigures(): KeysFigures {
  return {
    operations: 0,
    commits: 0,
    refused: 0,
    pins: 0,
    fullReads: 0,
    pastReads: 0,
    pruned: 0,
    checkpoints: 0,
    compactions: 0,
    prunes: 0,
    openings: 0,
    crashes: 0,
    kills: 0,
    survived: 0,
  }
}

interface Pin {
  readonly view: View
  readonly model: NaiveView
}

type Ending = 'close' | 'power' | 'kill'

const pinsMax = 6
const walksMax = 5
const openTransactionsMax = 2

export class KeysRun {
  readonly figures: KeysFigures
  readonly #random: RandomStream
  readonly #model = new NaiveKeyspaces()
  readonly #draws: ReadonlyMap<string, KeyDraw>
  #host: SimulatedHost
  #acknowledged = 0
  #transactions = 0
  #pending: PairedTransaction | undefined
  #pins: Pin[] = []
  #open: PairedTransaction[] = []
  #walks: HeldWalk[] = []
  /** Tables may have been replaced by compactions. */
  #isMoved = false
  #underWay: Promise<unknown>[] = []
  /** What was done last, for the report. */
  readonly trail: What[] = []

  constructor(seed: string, figures: KeysFigures) {
    this.figures = figures
    this.#random = new RandomStream(seed)
    this.#host = new SimulatedHost({ seed })
    const draw = (name: string) => new KeyDraw(this.#random.stream(`keys of ${name}`))
    this.#draws = new Map(keyspaceRules.map(({ name }) => [name, draw(name)]))
  }

  /** Does so many operations; throws at the first difference. */
  async run(operations: number): Promise<void> {
    const random = this.#random
    for (let rest = operations; rest > 0; ) {
      const steps = Math.min(rest, random.between(200, 2500))
      rest -= steps
      const ending = random.pick(['close', 'power', 'power', 'kill'] as const)
      await this.#host.run(() => this.#live(steps, ending))
      this.#restart(ending)
    }
  }

  #restart(ending: Ending): void {
    const { figures } = this
    const seed = this.#random.word()
    if (ending === 'close') this.#host = this.#host.fork({ seed })
    else if (ending === 'kill') this.#host = this.#host.kill({ seed })
    else this.#host = this.#host.crash(this.#spec(), { seed })
    if (ending === 'power') figures.crashes += 1
    if (ending === 'kill') figures.kills += 1
  }

  #spec(): CrashSpec {
    const random = this.#random
    const torn = { mode: 'last-torn', kept: random.pick(['head', 'tail', 'cut'] as const) } as const
    return random.pick<CrashSpec>([
      { mode: 'none-kept' },
      { mode: 'all-kept' },
      { mode: 'names-only' },
      { mode: 'bytes-only' },
      { ...torn, fraction: random.fraction() },
      { mode: 'random', seed: random.word() },
      { mode: 'random', seed: random.word() },
    ])
  }

  async #live(steps: number, ending: Ending): Promise<void> {
    const database = await this.#begin()
    for (let step = 0; step < steps; step += 1) {
      this.figures.operations += 1
      const what = await this.#step(database)
      this.trail.push(what)
      if (this.trail.length > 40) this.trail.shift()
    }
    if (ending === 'close') await this.#finish(database)
    else await this.#breakOff(database)
    this.#pins = []
    this.#open = []
    this.#walks = []
    this.#underWay = []
  }

  async #begin(): Promise<Database> {
    const random = this.#random
    this.figures.openings += 1
    const database = await open('/database', {
      host: this.#host,
      checkpointLogBytes: random.pick([Infinity, 3000, 30_000]),
      segmentBytesMax: random.pick([6000, 60_000]),
    })
    this.#note(`opened: ${database.recovery.outcome}, ${database.sequence} commits`)
    this.#adoptPending(database)
    this.#readAll(database.snapshot(), this.#model.view(database.sequence))
    if (database.sequence > 0) return database
    await database.write((tx) => {
      for (const { name, keep } of keyspaceRules) {
        if (keep !== undefined) tx.setRetention({ keyspace: name }, keep)
      }
    })
    this.#acknowledged = database.sequence
    return database
  }

  /** What was under way at a crash is there as a whole, or not at all. */
  #adoptPending(database: Database): void {
    const { sequence } = database
    if (sequence < this.#acknowledged) {
      throw new Difference(`${this.#acknowledged} commits were acknowledged, ${sequence} are there`)
    }
    for (let next = this.#acknowledged + 1; next <= sequence; next += 1) {
      const who = database.commit(next)?.meta?.who
      // One without a name has moved a horizon.
      if (who === undefined) continue
      if (this.#pending?.who !== who) throw new Difference(`commit ${next} is of ${who}`)
      this.#model.commit(this.#pending.model, next)
      this.#pending = undefined
      this.figures.survived += 1
    }
    this.#pending = undefined
    this.#acknowledged = sequence
  }

  async #step(database: Database): Promise<What> {
    const random = this.#random
    const draw = random.below(1000)
    if (draw < 2) return this.#compact(database)
    if (draw < 4) return this.#prune(database)
    if (draw < 7) return this.#checkpoint(database)
    if (draw < 12) return this.#fullRead(database)
    if (draw < 30) return this.#pin(database)
    if (draw < 60) return this.#readPin()
    if (draw < 70) return this.#walk(database)
    if (draw < 110) return this.#readPast(database)
    if (draw < 250) return this.#readNow(database)
    if (draw < 255) return this.#pause()
    return this.#useTransaction(database)
  }

  async #useTransaction(database: Database): Promise<What> {
    const random = this.#random
    const isFull = this.#open.length >= openTransactionsMax
    if (this.#open.length === 0 || (!isFull && random.chance(0.03))) {
      this.#open.push(this.#paired(database))
    }
    const transaction = random.pick(this.#open)
    if (!random.chance(0.2)) return transaction.step()
    this.#open = this.#open.filter((one) => one !== transaction)
    if (random.chance(0.1)) {
      transaction.cancel()
      return `${transaction.who} is cancelled`
    }
    const sequence = await transaction.commit({ isMoved: this.#isMoved })
    if (sequence === undefined) this.figures.refused += 1
    else {
      this.figures.commits += 1
      this.#mustBeLater(sequence)
    }
    return `${transaction.who} comes to commit ${String(sequence)}`
  }

  #mustBeLater(sequence: number): void {
    if (sequence <= this.#acknowledged) {
      throw new Difference(`commit ${sequence} came after commit ${this.#acknowledged}`)
    }
    this.#acknowledged = sequence
  }

  #paired(database: Database): PairedTransaction {
    this.#transactions += 1
    return new PairedTransaction({
      database,
      model: this.#model,
      random: this.#random,
      draws: this.#draws,
      who: `t${this.#transactions}`,
    })
  }

  async #readNow(database: Database): Promise<What> {
    const rule = this.#random.pick(keyspaceRules)
    const keys = database.keys(rule.name, { values: rule.values })
    const model = this.#model.view(database.sequence)
    await readSomething({ rule, keys, model, draw: this.#draw(rule.name), random: this.#random })
    return `reads ${rule.name}`
  }

  #draw(name: string): KeyDraw {
    const draw = this.#draws.get(name)
    if (draw === undefined) throw new Error(name)
    return draw
  }

  /** As of a commit or its system time; what is not kept may be refused. */
  async #readPast(database: Database): Promise<What> {
    const random = this.#random
    const rule = random.pick(keyspaceRules)
    const sequence = random.below(database.sequence + 1)
    const system = database.commit(sequence)?.system
    const at = system !== undefined && random.chance(0.4) ? { system } : { sequence }
    const model = this.#model.view(sequence)
    this.figures.pastReads += 1
    try {
      const keys = database.asOf(at).keys(rule.name, { values: rule.values })
      await readSomething({ rule, keys, model, draw: this.#draw(rule.name), random })
    } catch (error) {
      if (!isDatabaseError(error, 'HistoryPruned')) throw error
      if (rule.keep === 'forever' || sequence === database.sequence) throw error
      this.figures.pruned += 1
    }
    return `reads ${rule.name} as of ${sequence}`
  }

  #pin(database: Database): string {
    const view = database.snapshot()
    this.#pins.push({ view, model: this.#model.view(view.sequence) })
    this.figures.pins += 1
    if (this.#pins.length > pinsMax) this.#pins.splice(this.#random.below(pinsMax), 1)
    return `pins ${view.sequence}`
  }

  async #readPin(): Promise<What> {
    if (this.#pins.length === 0) return 'has nothing pinned'
    const random = this.#random
    const { view, model } = random.pick(this.#pins)
    const rule = random.pick(keyspaceRules)
    const keys = view.keys(rule.name, { values: rule.values })
    await readSomething({ rule, keys, model, draw: this.#draw(rule.name), random })
    return `reads ${rule.name} pinned at ${view.sequence}`
  }

  /** Begins a walk over what is there now or is pinned, or goes on with one. */
  #walk(database: Database): string {
    const random = this.#random
    const known = this.#walks[random.below(walksMax)]
    if (known !== undefined) {
      let rest = 1 + random.below(8)
      while (known.step()) if (--rest === 0) return 'goes on with a walk'
      this.#walks = this.#walks.filter((one) => one !== known)
      return 'comes to the end of a walk'
    }
    const rule = random.pick(keyspaceRules)
    const options = { values: rule.values }
    const pin = random.chance(0.5) ? this.#pins[0] : undefined
    const keys = (pin?.view ?? database).keys(rule.name, options)
    const model = pin?.model ?? this.#model.view(database.sequence)
    this.#walks.push(new HeldWalk({ rule, keys, model, draw: this.#draw(rule.name), random }))
    return `begins a walk over ${rule.name} as of ${model.sequence}`
  }

  #fullRead(database: Database): string {
    this.#readAll(database.snapshot(), this.#model.view(database.sequence))
    for (const { view, model } of this.#pins) this.#readAll(view, model)
    return 'reads everything of all that is pinned'
  }

  #readAll(view: View, model: NaiveView): void {
    mustBeEqual('the commits of a view', view.sequence, model.sequence)
    this.figures.fullReads += 1
    for (const rule of keyspaceRules) {
      readEverything({ rule, keys: view.keys(rule.name, { values: rule.values }), model })
    }
  }

  async #checkpoint(database: Database): Promise<What> {
    this.figures.checkpoints += 1
    await this.#perhapsWait(database.checkpoint())
    return 'makes a checkpoint'
  }

  async #compact(database: Database): Promise<What> {
    this.figures.compactions += 1
    this.#isMoved = true
    await this.#perhapsWait(database.compact())
    return 'compacts'
  }

  async #prune(database: Database): Promise<What> {
    this.figures.prunes += 1
    this.#isMoved = true
    const names = this.#random.pick([[], [], ['without a rule'], ['present', 'aged']])
    const options = names.length === 0 ? {} : { keyspaces: names }
    await this.#perhapsWait(
      database.prune({ ...options, compact: this.#random.chance(0.7) }).then(({ sequence }) => {
        if (sequence !== undefined) this.#acknowledged = Math.max(this.#acknowledged, sequence)
      }),
    )
    return `prunes ${JSON.stringify(options)}`
  }

  /** Half of the time others work meanwhile. */
  async #perhapsWait(work: Promise<unknown>): Promise<void> {
    if (this.#random.chance(0.5)) await work
    else this.#underWay.push(work)
  }

  async #pause(): Promise<What> {
    const delayMs = this.#random.pick([0, 1, 50, 1500])
    await wait(this.#host, delayMs)
    return `waits ${delayMs} ms`
  }

  async #finish(database: Database): Promise<void> {
    for (const transaction of this.#open) transaction.cancel()
    await Promise.all(this.#underWay)
    this.#fullRead(database)
    const { problems } = await database.verify()
    mustBeEqual('verify', problems, [])
    await database.close()
    this.#note('closed')
    this.#acknowledged = Math.max(this.#acknowledged, database.sequence)
  }

  /** In the midst of a commit, of upkeep, or of nothing. */
  async #breakOff(database: Database): Promise<void> {
    const random = this.#random
    for (const work of this.#underWay) void work.catch(() => undefined)
    if (random.chance(0.6)) {
      const transaction = this.#open[0] ?? this.#paired(database)
      for (let count = random.below(4); count > 0; count -= 1) await transaction.step()
      this.#pending = transaction.model.statements.length > 0 ? transaction : undefined
      transaction.commitBlindly()
    }
    const upkeep = random.below(6)
    if (upkeep === 0) void database.checkpoint().catch(() => undefined)
    if (upkeep === 1) void database.compact().catch(() => undefined)
    if (upkeep === 2) void database.prune().catch(() => undefined)
    if (random.chance(0.7)) await wait(this.#host, random.pick([0, 0.1, 0.5, 2, 20]))
    this.#note('broken off')
  }

  #note(what: What): void {
    this.trail.push(what)
  }
}
