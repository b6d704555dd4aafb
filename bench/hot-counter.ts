import { type Database, open } from 'asofdb'
import { type Row, rowOf, type RowText } from './report.ts'
import { compete, type Contestant, mustBe } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'

const writersMany = 1000
const many = '1,000 closures at once'
const one = 'one writer'
const unit = 'commits/s'

/**
 * One counter that 1,000 closures count up at the same time, each with an await between its read
 * and its write, so that every other one of them loses the race that one wins; beside one writer
 * that does so many after another and never loses. The total is checked after every round.
 */
export async function benchHotCounter(setting: Setting): Promise<Row[]> {
  const closures = scaled(setting, writersMany, 10)
  const rows: Row[] = []
  for (const mode of ['memory', 'durable'] as const) {
    setting.say(`Counting, ${mode} ...`)
    const counters = [many, one].map((name) => new Counter(name, closures))
    for (const counter of counters) {
      const folder = setting.workspace.folder('counter')
      await counter.start(mode === 'memory' ? ':memory:' : folder)
    }
    const figures = await compete(counters, setting.rounds)
    rows.push(rowOf(figures, texts[mode], { ours: many, theirs: one }))
    for (const counter of counters) await counter.close()
    const [first] = counters
    mustBe(first !== undefined && first.runsEach < 4, `a closure took ${first?.runsEach} runs`)
    setting.say(`A closure took ${first?.runsEach.toFixed(2)} runs, ${mode}.`)
  }
  return rows
}

const texts: Readonly<Record<'memory' | 'durable', RowText>> = {
  memory: { id: 'counter.hot.memory', what: `a counter of ${many}, in memory`, unit },
  durable: { id: 'counter.hot', what: `a counter of ${many}, durable`, unit },
}

class Counter implements Contestant {
  readonly name: string
  readonly #closures: number
  #database: Database | undefined
  #total = 0
  #runs = 0

  constructor(name: string, closures: number) {
    this.name = name
    this.#closures = closures
  }

  /** How often a closure ran until it was committed, on average. */
  get runsEach(): number {
    return this.#runs / this.#total
  }

  async start(path: string): Promise<void> {
    this.#database = await open(path)
  }

  async run(): Promise<number> {
    const began = performance.now()
    if (this.name === one) for (let at = 0; at < this.#closures; at++) await this.#countUp()
    else await Promise.all(Array.from({ length: this.#closures }, () => this.#countUp()))
    const elapsedMs = performance.now() - began
    this.#total += this.#closures
    const counted = Number(this.#database?.keys('counters').get('hot'))
    mustBe(counted === this.#total, `${this.name} counted ${counted} of ${this.#total}`)
    return (this.#closures * 1000) / elapsedMs
  }

  async #countUp(): Promise<void> {
    await this.#database?.write(async (tx) => {
      this.#runs++
      const counters = tx.keys('counters')
      const before = Number(counters.get('hot') ?? 0)
      await Promise.resolve()
      counters.put('hot', before + 1)
    })
  }

  async close(): Promise<void> {
    await this.#database?.close()
  }
}
