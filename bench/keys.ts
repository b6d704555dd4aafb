import { benchKeyMemory } from './key-memory.ts'
import { benchPuts } from './key-puts.ts'
import {
  keyStores,
  keysOf,
  levelName,
  lmdbName,
  mapName,
  oursName,
  pick,
  type ReadStore,
  sqliteName,
  valueOf,
} from './key-stores.ts'
import { type Row, rowAgainstBest, rowOf, type RowText } from './report.ts'
import { compete, type Contestant, nanosecondsEach } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'

const keysFull = 1_000_000
const ours = oursName
const peersAll = [lmdbName, sqliteName, levelName]

/** An ordered key-value store like others: point reads, ranges, puts, transactions, memory. */
export async function benchKeys(setting: Setting): Promise<Row[]> {
  const reads = await benchReads(setting)
  const puts = await benchPuts(setting)
  return [...reads, ...puts, ...(await benchKeyMemory(setting))]
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
    stores.map((store) => rangeReader(store, { sorted, starts, length })),
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
    rowOf(ranges, { ...step, id: 'keys.range.floor' }, { ours, theirs: mapName }),
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

function rangeReader(
  store: ReadStore,
  asked: {
    readonly sorted: readonly string[]
    readonly starts: readonly string[]
    readonly length: number
  },
): Contestant {
  const { sorted, starts, length } = asked
  const wanted = new Set(starts)
  let sum = 0
  const sums = new Map<string, number>()
  for (const [place, key] of sorted.entries()) {
    if (!wanted.has(key)) continue
    let part = 0
    for (const one of sorted.slice(place, place + length)) part += one.length + valueOf(one).length
    sums.set(key, part)
  }
  for (const start of starts) sum += sums.get(start) ?? 0
  const body = async (): Promise<number> => {
    let found = 0
    for (const start of starts) {
      const part = store.range(start, length)
      found += typeof part === 'number' ? part : await part
    }
    return found
  }
  const steps = starts.length * length
  return { name: store.name, run: () => nanosecondsEach(body, { steps, sum }) }
}
