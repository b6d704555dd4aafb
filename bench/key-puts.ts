import { keyAt, keysOf, levelName, lmdbName, mapName, oursName, pick } from './key-stores.ts'
import { sqliteName, valueOf } from './key-stores.ts'
import {
  type KeyTransactionBody,
  type PutMode,
  type WriteStore,
  type WriteStoreKind,
  writeStores,
} from './key-write-stores.ts'
import { type Row, rowAgainstBest, rowOf, type RowText } from './report.ts'
import { compete, type Contestant, mustBe } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'

const keysFull = 1_000_000
const putBatch = 1000
const loadBatch = 10_000
const ours = oursName
const theirs = [lmdbName, sqliteName, levelName]
const readsEach = 5
const writesEach = 5

/**
 * Puts of further keys in batches of 1,000 into stores that hold a million, then transactions of
 * ten operations over all of them.
 */
export async function benchPuts(setting: Setting): Promise<Row[]> {
  const rows: Row[] = []
  for (const mode of ['durable', 'file', 'memory'] as const) {
    const loaded = scaled(setting, keysFull, putBatch)
    setting.say(`Loading ${loaded} keys to put others beside them, ${mode} ...`)
    const runs: StoreRun[] = []
    for (const kind of writeStores(setting.peers, mode)) {
      runs.push(await StoreRun.load(setting, kind, loaded))
    }
    setting.say('Putting ...')
    const puts = scaled(setting, 20, 1)
    const putting = runs.map((run): Contestant => ({ name: run.name, run: () => run.put(puts) }))
    const figures = await compete(putting, setting.rounds)
    rows.push(rowAgainstBest(figures, putTexts[mode], { ours, theirs }))
    if (mode === 'memory') {
      const text = { ...putTexts.memory, id: 'keys.put.memory.floor' }
      rows.push(rowOf(figures, text, { ours, theirs: mapName }))
    }
    if (mode !== 'file') rows.push(...(await benchTransactions(setting, mode, runs)))
    for (const run of runs) await run.checkAndClose()
  }
  return rows
}

async function benchTransactions(
  setting: Setting,
  mode: PutMode,
  runs: readonly StoreRun[],
): Promise<Row[]> {
  setting.say('Transactions of ten operations ...')
  const count = scaled(setting, mode === 'durable' ? 300 : 5000, 2)
  const contestants = runs.map(
    (run): Contestant => ({ name: run.name, run: (round) => run.transact(count, round) }),
  )
  const figures = await compete(contestants, setting.rounds)
  const unit = 'transactions/s'
  const what = `${readsEach} reads and ${writesEach} puts in a transaction`
  if (mode === 'durable') {
    const text = { id: 'keys.transaction', what: `${what}, durable, one after another`, unit }
    return [rowAgainstBest(figures, text, { ours, theirs })]
  }
  const text = { id: 'keys.transaction.memory', what: `${what}, in memory`, unit }
  return [
    rowAgainstBest(figures, text, { ours, theirs }),
    rowOf(figures, { ...text, id: 'keys.transaction.memory.floor' }, { ours, theirs: mapName }),
  ]
}

const putTexts: Readonly<Record<PutMode, RowText>> = {
  durable: { id: 'keys.put', what: 'puts, durable in batches of 1,000', unit: 'puts/s' },
  file: { id: 'keys.put.os', what: 'puts in batches of 1,000, not synced', unit: 'puts/s' },
  memory: {
    id: 'keys.put.memory',
    what: 'puts in batches of 1,000, in memory where the engine can',
    unit: 'puts/s',
  },
}

/** One store with what it should hold. */
class StoreRun {
  readonly name: string
  readonly #store: WriteStore
  readonly #loaded: readonly string[]
  /** What was put after loading. */
  readonly #changed = new Map<string, string>()
  #keys: number

  private constructor(name: string, store: WriteStore, loaded: readonly string[]) {
    this.name = name
    this.#store = store
    this.#loaded = loaded
    this.#keys = loaded.length
  }

  static async load(setting: Setting, kind: WriteStoreKind, count: number): Promise<StoreRun> {
    const store = await kind.open(setting.workspace.folder('puts'))
    const keys = keysOf(count)
    for (let first = 0; first < count; first += loadBatch) {
      const some = keys.slice(first, first + loadBatch)
      await store.putAll(some.map((key) => [key, valueOf(key)] as const))
    }
    return new StoreRun(kind.name, store, keys)
  }

  /** Puts a second, in so many batches. */
  async put(batchCount: number): Promise<number> {
    const batches = Array.from({ length: batchCount }, () =>
      Array.from({ length: putBatch }, () => this.#next()),
    )
    const began = performance.now()
    for (const batch of batches) await this.#store.putAll(batch)
    return (batchCount * putBatch * 1000) / (performance.now() - began)
  }

  #next(): readonly [key: string, value: string] {
    const key = keyAt(this.#keys++)
    const value = valueOf(key)
    this.#changed.set(key, value)
    return [key, value]
  }

  /** Transactions a second, each awaited before the next. */
  async transact(count: number, round: number): Promise<number> {
    const keys = pick(this.#loaded, count * (readsEach + writesEach), round)
    let expected = 0
    const bodies = Array.from({ length: count }, (_, number): KeyTransactionBody => {
      const some = keys.slice(number * (readsEach + writesEach))
      const read = some.slice(0, readsEach)
      for (const key of read) expected += this.#valueOf(key).length
      const written = some.slice(readsEach, readsEach + writesEach).map((key) => {
        const value = `${round} ${number} ${valueOf(key)}`
        this.#changed.set(key, value)
        return [key, value] as const
      })
      return { read, written }
    })
    const began = performance.now()
    let sum = 0
    for (const body of bodies) sum += await this.#store.transact(body)
    const elapsedMs = performance.now() - began
    mustBe(sum === expected, `${this.name} read a sum of ${sum} where ${expected} is right`)
    return (count * 1000) / elapsedMs
  }

  #valueOf(key: string): string {
    return this.#changed.get(key) ?? valueOf(key)
  }

  async checkAndClose(): Promise<void> {
    const some = [...this.#changed.keys(), ...pick(this.#loaded, 1000)]
    for (const key of some) {
      const found = this.#store.get(key)
      mustBe(found === this.#valueOf(key), `${this.name} gave ${found} for ${key}`)
    }
    await this.#store.close()
  }
}
