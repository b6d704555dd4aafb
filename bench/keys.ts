import {
  keyStores,
  keysOf,
  levelName,
  lmdbName,
  mapName,
  oursName,
  type ReadStore,
  sqliteName,
  valueOf,
  writeStores,
  type WriteStore,
  type WriteStoreKind,
} from './key-stores.ts'
import { type Row, rowAgainstBest, rowOf, type RowText } from './report.ts'
import { compete, type Contestant, mustBe, nanosecondsEach } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'

const keysFull = 200_000
const putBatch = 1000
const ours = oursName
const peersAll = [lmdbName, sqliteName, levelName]

/** An ordered key-value store like others: point reads, ranges, puts. */
export async function benchKeys(setting: Setting): Promise<Row[]> {
  return [...(await benchReads(setting)), ...(await benchPuts(setting))]
}

async function benchReads(setting: Setting): Promise<Row[]> {
  const keyCount = scaled(setting, keysFull, 1000)
  setting.say(`Loading ${keyCount} keys ...`)
  const keys = keysOf(keyCount)
  const stores: ReadStore[] = []
  for (const kind of keyStores(setting.peers)) {
    stores.push(await kind.open(setting.workspace.folder('keys'), keys))
  }
  setting.say('Reading ...')
  const asked = pick(keys, scaled(setting, 200_000, 200))
  const expected = {
    steps: asked.length,
    sum: asked.reduce((total, key) => total + valueOf(key).length, 0),
  }
  const gets = await compete(
    stores.flatMap((store) => {
      const one = getter(store.name, asked, { ask: (some) => store.getAll(some), expected })
      if (store.getEachAnew === undefined) return [one]
      const ask = (some: readonly string[]): number => store.getEachAnew?.(some) ?? 0
      return [one, getter('asked of the database', asked, { ask, expected })]
    }),
    setting.rounds,
  )
  const sorted = keys.toSorted()
  const length = Math.min(1000, keyCount >> 1)
  const starts = pick(sorted.slice(0, keyCount - length), scaled(setting, 200, 2))
  const ranges = await compete(
    stores
      .filter((store) => store.range !== undefined)
      .map((store) => rangeReader(store, { sorted, starts, length })),
    setting.rounds,
  )
  for (const store of stores) await store.close()
  const get = (id: string): RowText => ({ id, what: 'the value of a random key', unit: 'ns' })
  const step = { id: 'keys.range', what: 'a step of a range of 1,000 keys', unit: 'ns' }
  const fresh = { ...get('keys.get.fresh'), what: 'the same, the keyspace named at each read' }
  return [
    rowOf(gets, get('keys.get'), { ours, theirs: lmdbName }),
    rowAgainstBest(gets, get('keys.get.sqlite'), { ours, theirs: [sqliteName, levelName] }),
    rowOf(gets, get('keys.get.floor'), { ours, theirs: mapName }),
    rowOf(gets, fresh, { ours: 'asked of the database', theirs: lmdbName }),
    rowAgainstBest(ranges, step, { ours, theirs: peersAll }),
  ]
}

/** Asks with strings of their own, as keys come from outside: nobody has hashed them before. */
function getter(
  name: string,
  asked: readonly string[],
  question: {
    ask(keys: readonly string[]): number
    readonly expected: { readonly steps: number; readonly sum: number }
  },
): Contestant {
  return {
    name,
    run() {
      const keys = asked.map((key) => Buffer.from(key, 'latin1').toString('latin1'))
      return nanosecondsEach(() => question.ask(keys), question.expected)
    },
  }
}

function reader(
  name: string,
  ask: () => number | Promise<number>,
  expected: { readonly steps: number; readonly sum: number },
): Contestant {
  return { name, run: () => nanosecondsEach(ask, expected) }
}

function rangeReader(
  store: ReadStore,
  asked: {
    readonly sorted: readonly string[]
    readonly starts: readonly string[]
    readonly length: number
  },
): Contestant {
  const { sorted, starts, length } = asked
  const places = new Map(sorted.map((key, place) => [key, place]))
  let sum = 0
  for (const start of starts) {
    const place = places.get(start) ?? 0
    for (const key of sorted.slice(place, place + length)) sum += key.length + valueOf(key).length
  }
  const body = async (): Promise<number> => {
    let found = 0
    for (const start of starts) {
      const part = store.range?.(start, length) ?? 0
      found += typeof part === 'number' ? part : await part
    }
    return found
  }
  return reader(store.name, body, { steps: starts.length * length, sum })
}

/** Puts of keys, at first unknown, in batches of 1,000, into stores that grow round by round. */
async function benchPuts(setting: Setting): Promise<Row[]> {
  const perRound = scaled(setting, 20, 1) * putBatch
  const keys = keysOf(scaled(setting, keysFull, putBatch))
  const rows: Row[] = []
  for (const mode of ['durable', 'file', 'memory'] as const) {
    setting.say(`Putting, ${mode} ...`)
    const runs: PutRun[] = []
    for (const kind of writeStores(setting.peers, mode)) {
      runs.push(await PutRun.start(setting, kind, { keys, perRound }))
    }
    const figures = await compete(runs, setting.rounds)
    for (const run of runs) await run.checkAndClose()
    rows.push(rowAgainstBest(figures, putTexts[mode], { ours, theirs: peersAll }))
  }
  return rows
}

const putTexts: Readonly<Record<'durable' | 'file' | 'memory', RowText>> = {
  durable: { id: 'keys.put', what: 'puts, durable in batches of 1,000', unit: 'puts/s' },
  file: { id: 'keys.put.os', what: 'puts in batches of 1,000, not synced', unit: 'puts/s' },
  memory: {
    id: 'keys.put.memory',
    what: 'puts in batches of 1,000, in memory where the engine can',
    unit: 'puts/s',
  },
}

class PutRun implements Contestant {
  readonly name: string
  readonly #store: WriteStore
  readonly #keys: readonly string[]
  readonly #perRound: number
  #puts = 0

  private constructor(
    kind: WriteStoreKind,
    store: WriteStore,
    run: { readonly keys: readonly string[]; readonly perRound: number },
  ) {
    this.name = kind.name
    this.#store = store
    this.#keys = run.keys
    this.#perRound = run.perRound
  }

  static async start(
    setting: Setting,
    kind: WriteStoreKind,
    run: { readonly keys: readonly string[]; readonly perRound: number },
  ): Promise<PutRun> {
    const store = await kind.open(setting.workspace.folder('puts'))
    return new PutRun(kind, store, run)
  }

  async run(): Promise<number> {
    const batches: [string, string][][] = []
    for (let first = 0; first < this.#perRound; first += putBatch) {
      batches.push(Array.from({ length: putBatch }, () => this.#next()))
    }
    const began = performance.now()
    for (const batch of batches) await this.#store.putAll(batch)
    return (this.#perRound * 1000) / (performance.now() - began)
  }

  #next(): [key: string, value: string] {
    const number = this.#puts++
    const key = this.#keys[number % this.#keys.length] ?? ''
    return [key, `${number} ${valueOf(key)}`]
  }

  async checkAndClose(): Promise<void> {
    const first = Math.max(0, this.#puts - this.#keys.length)
    for (let number = first; number < this.#puts; number++) {
      const key = this.#keys[number % this.#keys.length] ?? ''
      const found = this.#store.get(key)
      const isRight = found === `${number} ${valueOf(key)}`
      mustBe(isRight, `${this.name} gave ${found} for put ${number}`)
    }
    await this.#store.close()
  }
}

/** Some keys at random, with a seed of their own. */
function pick(keys: readonly string[], count: number): string[] {
  let state = 12345
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return keys[Math.floor((state / 2 ** 32) * keys.length)] ?? ''
  })
}
