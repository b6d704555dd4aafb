import { expect, it } from 'vitest'
import {
  type CommitRecord,
  type Database,
  isDatabaseError,
  open,
  type OpenOptions,
  type Transaction,
  type Watch,
  type WatchSelection,
} from 'asofdb'
import { RandomStream } from '../../simulation/random.ts'
import { SimulatedHost } from '../../simulation/simulated-host.ts'
import { wait } from '../simulation/simulated-machine.ts'
import { NaiveHistory } from './naive-watch.ts'

const seeds = Array.from({ length: 24 }, (_, index) => `watch ${index}`)
const labels = ['Person', 'Robot', 'Ghost']
const modes = ['sync', 'interval', 'os', 'checkpoint'] as const

/** A reader that stops and goes on whenever it is its turn, and keeps what it was told. */
class Reader {
  readonly selection: WatchSelection | undefined
  readonly told: CommitRecord[] = []
  after: number
  /** Where it began, or began anew because what it should have been told was pruned. */
  begun: number
  #watch: Watch | undefined
  #pending: Promise<IteratorResult<CommitRecord, undefined>> | undefined

  constructor(selection: WatchSelection | undefined, after: number) {
    this.selection = selection
    this.after = after
    this.begun = after
  }

  start(database: Database): void {
    if (this.#watch !== undefined) return
    try {
      this.#watch = database.watch(this.selection, { after: this.after })
    } catch (error) {
      this.#beginAnew(database, error)
    }
  }

  /** Takes up to so many records of those that come soon. */
  async read(host: SimulatedHost, database: Database, count: number): Promise<void> {
    for (let taken = 0; taken < count && this.#watch !== undefined; taken++) {
      this.#pending ??= this.#watch.next()
      try {
        const found = await Promise.race([this.#pending, wait(host, 1)])
        if (found === undefined) return
        this.#pending = undefined
        if (found.value !== undefined) this.told.push(found.value)
        this.after = this.#watch.sequence
      } catch (error) {
        this.#pending = undefined
        this.#watch = undefined
        this.#beginAnew(database, error)
        this.start(database)
      }
    }
  }

  async stop(): Promise<void> {
    await this.#watch?.return()
    const last = await this.#pending
    if (last?.value !== undefined) this.told.push(last.value)
    if (this.#watch !== undefined) this.after = this.#watch.sequence
    this.#watch = undefined
    this.#pending = undefined
  }

  /** Only where something may be gone: the newest commit is told of by no horizon. */
  #beginAnew(database: Database, error: unknown): void {
    if (!isDatabaseError(error, 'HistoryPruned')) throw error
    expect(this.after).toBeLessThan(Number(error.details['horizon']))
    this.told.length = 0
    this.after = database.sequence
    this.begun = this.after
  }
}

function write(tx: Transaction, random: RandomStream): void {
  const keys = tx.keys(random.pick(['a', 'b']))
  const nodes = [...tx.nodes()]
  const from = BigInt(random.below(5)) * 1_000_000n
  const period = random.chance(0.5)
    ? ({ valid: 'always' } as const)
    : { validFrom: from, validTo: from + BigInt(1 + random.below(4)) * 1_000_000n }
  const node = nodes.length === 0 || random.chance(0.2) ? undefined : random.pick(nodes)
  const label = random.pick(labels)
  switch (random.below(8)) {
    case 0:
    case 1:
      return void keys.put(random.below(10), random.below(100), period)
    case 2:
      return void keys.delete(random.below(10), period)
    case 3:
      return void tx.createNode(label, { at: random.below(9) }, { valid: 'always' })
    case 4:
      if (node === undefined) return
      return void tx.patch(node, {}, { ...period, labels: { add: [label] } })
    case 5:
      if (node === undefined) return
      return void tx.patch(node, {}, { ...period, labels: { remove: [label] } })
    case 6:
      if (node === undefined || !random.chance(0.3)) return
      return void tx.delete(node, { ...period, detach: true })
    default:
      if (node === undefined) return
      return void tx.patch(node, { at: random.below(9) }, period)
  }
}

it.each(seeds)('begun anew at will, tells all changes once, in order (%s)', async (seed) => {
  const random = new RandomStream(seed)
  const host = new SimulatedHost({ seed })
  const history = new NaiveHistory()
  const readers = [
    new Reader(undefined, 0),
    new Reader({ keyspace: 'a' }, 0),
    new Reader({ keyspace: 'b', gte: 3, lt: 8 }, 0),
    new Reader({ ids: [1, 3, 9] }, 0),
    new Reader({ id: 5 }, 0),
    ...labels.map((label) => new Reader({ label }, 0)),
  ]
  const options: OpenOptions = { durability: random.pick(modes), keyRetention: 'forever' }
  const mayPrune = random.chance(0.5)
  await host.run(async () => {
    let database = await open('/database', { host, ...options })
    /** Before anything is pruned of it. */
    const note = (): void => {
      for (const record of database.changes({ after: history.records.length })) history.add(record)
    }
    for (let round = 0; round < 40; round++) {
      for (const reader of readers) if (random.chance(0.5)) reader.start(database)
      const writers = Array.from({ length: 1 + random.below(4) }, () =>
        database.write(async (tx) => {
          for (let count = 1 + random.below(3); count > 0; count--) {
            write(tx, random)
            if (random.chance(0.3)) await wait(host, random.below(2))
          }
        }),
      )
      const reading = readers.map(async (reader) => {
        await reader.read(host, database, random.below(5))
        if (random.chance(0.3)) await reader.stop()
      })
      const isCompacting = random.chance(0.1)
      await Promise.all([...writers, ...reading, ...(isCompacting ? [database.compact()] : [])])
      note()
      if (mayPrune && random.chance(0.15)) {
        await database.prune({ before: database.commit(random.below(database.sequence))?.system })
        note()
      }
      if (random.chance(0.1)) {
        for (const reader of readers) await reader.stop()
        await database.close()
        database = await open('/database', { host, ...options })
      }
    }
    for (const reader of readers) {
      reader.start(database)
      await reader.read(host, database, Infinity)
      await reader.stop()
    }
    for (const { selection, told, begun } of readers) {
      const expected = history.told(selection, begun)
      expect(told.map(textOf), JSON.stringify(selection)).toEqual(expected.map(textOf))
    }
    expect(history.records.length).toBe(database.sequence)
    await database.close()
  })
})

function textOf(record: CommitRecord): string {
  return JSON.stringify(record)
}
