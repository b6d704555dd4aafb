import {
  DatabaseError,
  Instant,
  open,
  type ChangeEvent,
  type Database,
  type ErrorDetails,
  type OpenTransaction,
  type Transaction,
  type View,
  type WriteOptions,
} from '../../packages/asofdb/src/index.ts'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import {
  keyName,
  type Coordinates,
  type HistoryQuery,
  type Isolation,
  type Operation,
  type Query,
  type ScriptInstant,
  type ScriptWindow,
} from '../../simulation/operation-script.ts'
import { BEGINNING, FOREVER, type Period } from '../../simulation/reference-periods.ts'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { answerFromView, EntityNames } from './engine-answers.ts'
import { applyToEngine } from './engine-writes.ts'
import {
  mustPayload,
  toEngineInstant,
  toPayload,
  toPlainKey,
  toPlainPeriod,
} from './engine-values.ts'
import {
  formatChanges,
  formatDiff,
  formatNetDiff,
  type Answer,
  type CommitAnswer,
  type DurableStore,
  type ShownEvent,
  type StoreFailure,
} from './store.ts'

/** A host whose wall clock shows what it is told, and which runs what is asked of it. */
interface Machine {
  readonly host: Host
  run<T>(work: () => Promise<T>): Promise<T>
}

class SetClock {
  wall = 0n

  /** `host` with this wall clock in the place of its own. */
  over(host: Host): Host {
    const monotonic = host.clock
    const clock = {
      wallMicros: () => Number(this.wall),
      monotonicMs: () => monotonic.monotonicMs(),
    }
    const { timers, random, files, process } = host
    return { clock, timers, random, files, process }
  }
}

export async function openEngineInMemory(): Promise<DurableStore> {
  const clock = new SetClock()
  const machine: Machine = { host: clock.over(nodeHost()), run: (work) => work() }
  return new EngineStore(await open(':memory:', { host: machine.host }), { clock, machine })
}

/** On a simulated disk, so that it can crash. */
export async function openSimulatedEngine(options: {
  nodesValid: 'now' | 'always'
}): Promise<DurableStore> {
  const clock = new SetClock()
  const simulated = new SimulatedHost({ seed: 'engine' })
  const machine = machineOf(simulated, clock)
  const { nodesValid } = options
  const database = await machine.run(() => open(simulatedPath, { host: machine.host, nodesValid }))
  return new EngineStore(database, { clock, machine, simulated })
}

const simulatedPath = '/database'

function machineOf(simulated: SimulatedHost, clock: SetClock): Machine {
  return { host: clock.over(simulated), run: (work) => simulated.run(work) }
}

interface EngineParts {
  readonly clock: SetClock
  readonly machine: Machine
  readonly simulated?: SimulatedHost
}

/** The engine behind the face of a store. */
class EngineStore implements DurableStore {
  readonly name = 'engine'
  #database: Database
  #parts: EngineParts
  readonly #names = new EntityNames()
  readonly #open = new Map<string, OpenTransaction>()

  constructor(database: Database, parts: EngineParts) {
    this.#database = database
    this.#parts = parts
  }

  setClock(wall: bigint): void {
    this.#parts.clock.wall = wall
  }

  async write(operations: readonly Operation[], system?: bigint): Promise<CommitAnswer> {
    const body = this.#bodyOf(operations)
    return this.#finished(() =>
      system === undefined
        ? this.#database.write(body)
        : this.#database.import(body, { system }),
    )
  }

  async writeWithSystemTime(
    operations: readonly Operation[],
    system: bigint,
  ): Promise<CommitAnswer> {
    const options: WriteOptions & { system: bigint } = { system }
    return this.#finished(() =>
      this.#database.write(this.#bodyOf(operations), options),
    )
  }

  #bodyOf(operations: readonly Operation[]) {
    const names = this.#names
    return (tx: Transaction) => operations.map((operation) => applyToEngine(tx, operation, names))
  }

  async #finished(work: () => Promise<number[]>): Promise<CommitAnswer> {
    try {
      const affected = await this.#parts.machine.run(work)
      return { commit: this.#lastCommit(), affected }
    } catch (error) {
      return { failure: this.#failureOf(error) }
    }
  }

  #lastCommit(): { sequence: number; system: bigint } {
    const { sequence } = this.#database
    const system = this.#database.commit(sequence)?.system.epochMicroseconds
    return { sequence, system: system ?? BEGINNING }
  }

  begin(transaction: string, isolation: Isolation): void {
    this.#open.set(transaction, this.#database.begin({ isolation }))
  }

  operate(transaction: string, operation: Operation): Answer {
    const found = this.#mustFind(transaction)
    return this.#answered(() => String(applyToEngine(found, operation, this.#names)))
  }

  readOwn(transaction: string, query: Query): Answer {
    return this.#answered(() => answerFromView(this.#mustFind(transaction), query, this.#names))
  }

  async commit(transaction: string): Promise<CommitAnswer> {
    const found = this.#mustFind(transaction)
    this.#open.delete(transaction)
    return this.#finished(async () => {
      const info = await found.commit()
      if (info !== undefined && info.sequence !== this.#database.sequence) {
        throw new Error(`commit ${info.sequence} is not the last, ${this.#database.sequence}`)
      }
      return []
    })
  }

  cancel(transaction: string): void {
    this.#mustFind(transaction).cancel()
    this.#open.delete(transaction)
  }

  read(at: Coordinates, query: Query): Answer {
    return this.#answered(() => answerFromView(this.#viewAt(at), query, this.#names))
  }

  history(query: HistoryQuery): Answer {
    return this.#answered(() => this.#answerHistory(query))
  }

  async checkpoint(): Promise<void> {
    await this.#parts.machine.run(() => this.#database.checkpoint())
  }

  async reopen(): Promise<void> {
    this.#open.clear()
    await this.#parts.machine.run(() => this.#database.close())
    await this.#openAgain()
  }

  /** Power loss or death of the process; what was not durable is kept or lost as `seed` draws. */
  async crash(seed: string): Promise<void> {
    const { simulated, clock } = this.#parts
    if (simulated === undefined) throw new Error('only a simulated machine can crash')
    this.#open.clear()
    const random = new RandomStream(seed)
    const specs = simulated.crashes({ randomCount: 4 })
    const next = random.chance(0.3) ? simulated.kill({ seed }) : simulated.crash(random.pick(specs))
    this.#parts = { clock, machine: machineOf(next, clock), simulated: next }
    await this.#openAgain()
  }

  async #openAgain(): Promise<void> {
    const { machine } = this.#parts
    const { host } = machine
    this.#database = await machine.run(() => open(simulatedPath, { host, create: false }))
  }

  async close(): Promise<void> {
    this.#open.clear()
    await this.#parts.machine.run(() => this.#database.close())
  }

  #mustFind(name: string): OpenTransaction {
    const transaction = this.#open.get(name)
    if (transaction === undefined) throw new Error(`the script has no open transaction ${name}`)
    return transaction
  }

  #viewAt(at: Coordinates): View {
    if ('rewind' in at) return this.#database.rewind(toEngineInstant(at.rewind))
    return this.#database.asOf({
      ...(at.valid === undefined ? {} : { valid: toEngineInstant(at.valid) }),
      ...this.#systemPoint(at),
    })
  }

  #systemPoint({ system, commitsBack }: { system?: ScriptInstant; commitsBack?: number }) {
    return {
      ...(system === undefined ? {} : { system: toEngineInstant(system) }),
      ...(commitsBack === undefined ? {} : { sequence: this.#commitsBack(commitsBack) }),
    }
  }

  #commitsBack(count: number): number {
    return Math.max(0, this.#database.sequence - count)
  }

  #answerHistory(query: HistoryQuery): string {
    const database = this.#database
    const names = this.#names
    if (query.ask === 'diff') {
      const entries = database.diff(this.#viewAt(query.before), this.#viewAt(query.after))
      const shown = [...entries].map(({ id, change, before, after }) => ({
        entity: names.name(id),
        change,
        before: toPayload(before),
        after: toPayload(after),
      }))
      return formatDiff(shown)
    }
    if (query.ask === 'netDiff') {
      const { from, to, window, entity } = query
      const entries = database.netDiff({
        from: this.#systemPoint(from),
        to: this.#systemPoint(to),
        ...(window === undefined ? {} : { valid: toBounds(window) }),
        ...(entity === undefined ? {} : { id: names.id(entity) }),
      })
      const shown = [...entries].map(({ id, valid, before, after }) => ({
        entity: names.name(id),
        valid: toPlainPeriod(valid),
        before: toPayload(before),
        after: toPayload(after),
      }))
      return formatNetDiff(shown)
    }
    const after = this.#commitsBack(query.afterCommitsBack)
    const to = this.#commitsBack(query.toCommitsBack)
    const commits = [...database.changes({ after, to })].map((commit) => ({
      sequence: commit.sequence,
      system: commit.system.epochMicroseconds,
      events: commit.events.map((event) => this.#shownEvent(event)),
    }))
    return formatChanges(commits)
  }

  #shownEvent({ id, kind, valid, state, keyspace = '', key, value }: ChangeEvent): ShownEvent {
    const period = toPlainPeriod(valid)
    if (kind !== 'key') return { entity: this.#names.name(id), period, payload: toPayload(state) }
    const entity = keyName({ keyspace, key: key === undefined ? '' : toPlainKey(key) })
    if (value === undefined) return { entity, period, payload: undefined }
    return { entity, period, payload: mustPayload({ properties: { value } }) }
  }

  #answered(work: () => string): Answer {
    try {
      return { text: work() }
    } catch (error) {
      return { failure: this.#failureOf(error) }
    }
  }

  /** A failure of 2.10 with its periods; whatever else was thrown goes on. */
  #failureOf(error: unknown): StoreFailure {
    if (!(error instanceof DatabaseError) || error.kind === 'bug') throw error
    const { code, details } = error
    return { code, clashes: this.#clashesOf(details) }
  }

  /**
   * `periods` beside an `id` (and `other`, whose they are), the same under `source` and `target`
   * or in a list of `edges`; or the bounds of one period.
   */
  #clashesOf(details: ErrorDetails): { entity: string; periods: Period[] }[] {
    const { id, other, periods, source, target, edges } = details
    if (typeof details['from'] === 'bigint' && typeof details['to'] === 'bigint') {
      return [{ entity: '', periods: [{ from: details['from'], to: details['to'] }] }]
    }
    const holder = typeof other === 'number' ? other : id
    const own = [{ id: holder, periods }, source, target, ...(Array.isArray(edges) ? edges : [])]
    return own.flatMap((party: unknown) => {
      if (typeof party !== 'object' || party === null) return []
      if (!('id' in party) || !('periods' in party) || !Array.isArray(party.periods)) return []
      const listed = party.periods.flatMap((period: unknown) => toDetailPeriod(period))
      if (typeof party.id !== 'number' || listed.length === 0) return []
      return [{ entity: this.#names.name(party.id), periods: listed }]
    })
  }
}

function toBounds({ from = '-inf', to = 'inf' }: ScriptWindow) {
  return { from: toEngineInstant(from), to: toEngineInstant(to) }
}

function toDetailPeriod(period: unknown): Period[] {
  if (typeof period !== 'object' || period === null) return []
  if (!('from' in period) || !('to' in period)) return []
  return [{ from: detailMicros(period.from, BEGINNING), to: detailMicros(period.to, FOREVER) }]
}

function detailMicros(bound: unknown, open: bigint): bigint {
  if (typeof bound === 'bigint') return bound
  return bound instanceof Instant ? bound.epochMicroseconds : open
}
