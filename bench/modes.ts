import { type Database, open, type OpenOptions } from 'asofdb'
import { type Row, rowOf } from './report.ts'
import { compete, type Contestant, type Figures, mustBe } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'
import { keyOf, valueOf } from './small-puts.ts'
import { textOf } from './values.ts'

const unit = 'commits/s'
const callersMany = 100

interface Mode {
  readonly name: string
  readonly options: OpenOptions
}

const everyMs = 100

/** Log by fsync; without a log there is nothing to sync, so those are one. */
const modes: readonly Mode[] = [
  { name: 'sync.always', options: { log: 'sync', fsync: 'always' } },
  { name: 'sync.everyMs', options: { log: 'sync', fsync: { everyMs } } },
  { name: 'sync.never', options: { log: 'sync', fsync: 'never' } },
  { name: 'async.always', options: { log: 'async', fsync: 'always' } },
  { name: 'async.everyMs', options: { log: 'async', fsync: { everyMs } } },
  { name: 'async.never', options: { log: 'async', fsync: 'never' } },
  { name: 'off', options: { log: 'off' } },
  { name: 'memory', options: { durability: 'memory' } },
]

const [strongest] = modes

/** Commits of one small put in each mode: one caller, and a hundred at a time. */
export async function benchModes(setting: Setting): Promise<Row[]> {
  setting.say('Commits one after another, in each mode ...')
  const alone = await competeAt(setting, 1)
  setting.say(`Commits of ${callersMany} callers, in each mode ...`)
  const many = await competeAt(setting, callersMany)
  return [
    ...rowsOf(alone, 'sequential', 'one after another'),
    ...rowsOf(many, 'concurrent100', `${callersMany} callers`),
  ]
}

function rowsOf(figures: Figures, id: string, how: string): Row[] {
  const theirs = strongest?.name ?? ''
  return modes.map(({ name }) =>
    rowOf(
      figures,
      { id: `modes.${id}.${name}`, what: `commits of one small put, ${how}, ${name}`, unit },
      { ours: name, theirs },
    ),
  )
}

async function competeAt(setting: Setting, callers: number): Promise<Figures> {
  const roundMs = scaled(setting, 400, 5)
  const runs = await Promise.all(
    modes.map(async ({ name, options }) => {
      const folder = setting.workspace.folder('modes')
      const database = await open(folder, options)
      return new ModeRun({ name, folder, options, database, callers, roundMs })
    }),
  )
  const figures = await compete(runs, setting.rounds)
  for (const run of runs) await run.checkAndClose()
  return figures
}

interface ModeRunParts extends Mode {
  readonly folder: string
  readonly database: Database
  readonly callers: number
  readonly roundMs: number
}

/** One mode over all rounds. */
class ModeRun implements Contestant {
  readonly name: string
  readonly #parts: ModeRunParts
  #commits = 0

  constructor(parts: ModeRunParts) {
    this.name = parts.name
    this.#parts = parts
  }

  /**
   * Commits until the round is over; then what an asynchronous log is behind is written, and that
   * time counts, so that no other mode pays for it and the figure is one that lasts.
   */
  async run(): Promise<number> {
    const { callers, roundMs, options } = this.#parts
    const before = this.#commits
    const began = performance.now()
    const end = began + roundMs
    await Promise.all(Array.from({ length: callers }, () => this.#callUntil(end)))
    if (options.log === 'async') await this.#commit('os')
    return ((this.#commits - before) * 1000) / (performance.now() - began)
  }

  async #callUntil(end: number): Promise<void> {
    do await this.#commit(undefined)
    while (performance.now() < end)
  }

  #commit(durability: 'os' | undefined): Promise<unknown> {
    const number = this.#commits++
    const { database } = this.#parts
    return database.write((tx) => tx.keys('bench').put(keyOf(number), valueOf(number)), {
      durability,
    })
  }

  /** Everything that was acknowledged is there when the database is opened again. */
  async checkAndClose(): Promise<void> {
    const { database, folder, options } = this.#parts
    const isKept = options.durability !== 'memory'
    if (isKept) await database.close()
    const again = isKept ? await open(folder, options) : database
    mustBe(again.sequence === this.#commits, `${this.name} has ${again.sequence} commits`)
    const last = this.#commits - 1
    const found = textOf(again.keys('bench').get(keyOf(last)))
    mustBe(found === valueOf(last), `${this.name} gave ${found} for commit ${last}`)
    await again.close()
  }
}
