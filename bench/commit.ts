import {
  bareGroup,
  bareLoop,
  type CommitStore,
  type CommitStoreKind,
  levelSync,
  lmdbPut,
  ourGraph,
  ourKeys,
  peerKinds,
  sqliteEach,
  sqliteGrouped,
} from './commit-stores.ts'
import { type Row, rowAgainstBest, rowOf } from './report.ts'
import { compete, type Contestant, type Figures, mustBe } from './rounds.ts'
import { scaled, type Setting } from './setting.ts'
import { keyCount, keyOf, valueOf } from './small-puts.ts'

const unit = 'commits/s'
const callersMany = 100

/** Durable commits of one small change: one caller, and a hundred at a time. */
export async function benchCommit(setting: Setting): Promise<Row[]> {
  const kinds = [ourKeys, ourGraph, bareLoop, bareGroup, ...peerKinds(setting.peers)]
  setting.say('Commits one after another ...')
  const alone = await competeAt(setting, kinds.filter(isForOneCaller), 1)
  setting.say(`Commits of ${callersMany} callers ...`)
  const many = await competeAt(setting, kinds, callersMany)
  return [...sequentialRows(alone), ...concurrentRows(many)]
}

function sequentialRows(figures: Figures): Row[] {
  const what = 'durable commits of one small put, one after another'
  const ours = ourKeys.name
  const row = (id: string, theirs: string): Row =>
    rowOf(figures, { id: `commit.sequential${id}`, what, unit }, { ours, theirs })
  const graph = {
    id: 'commit.sequential.graph',
    what: 'durable commits of one patch of a node, one after another',
    unit,
  }
  return [
    row('', bareLoop.name),
    row('.sqlite', sqliteEach),
    row('.lmdb', lmdbPut),
    row('.level', levelSync),
    rowOf(figures, graph, { ours: ourGraph.name, theirs: bareLoop.name }),
  ]
}

function concurrentRows(figures: Figures): Row[] {
  const what = `durable commits of one small put, ${callersMany} callers`
  const ours = ourKeys.name
  const id = 'commit.concurrent100'
  const row = (suffix: string, theirs: string): Row =>
    rowOf(figures, { id: `${id}${suffix}`, what, unit }, { ours, theirs })
  const graph = {
    id: `${id}.graph`,
    what: `durable commits of one patch of a node, ${callersMany} callers`,
    unit,
  }
  const ungrouped = { ours, theirs: [sqliteEach, levelSync] }
  return [
    row('', lmdbPut),
    row('.grouped', sqliteGrouped),
    rowAgainstBest(figures, { id: `${id}.ungrouped`, what, unit }, ungrouped),
    row('.bare', `${bareLoop.name}, one caller`),
    row('.floor', bareGroup.name),
    rowOf(figures, graph, { ours: ourGraph.name, theirs: lmdbPut }),
  ]
}

function isForOneCaller(kind: CommitStoreKind): boolean {
  return kind !== bareGroup && kind.name !== sqliteGrouped
}

async function competeAt(
  setting: Setting,
  kinds: readonly CommitStoreKind[],
  callers: number,
): Promise<Figures> {
  const runs = await Promise.all(kinds.map((kind) => CommitRun.start(setting, kind, callers)))
  const figures = await compete(runs, setting.rounds)
  for (const run of runs) await run.checkAndClose()
  return figures
}

/** One store over all rounds. A bare loop has one caller, whatever the others have. */
class CommitRun implements Contestant {
  readonly name: string
  readonly #kind: CommitStoreKind
  readonly #folder: string
  readonly #callers: number
  readonly #roundMs: number
  #store: CommitStore
  #commits = 0

  private constructor(
    kind: CommitStoreKind,
    store: CommitStore,
    run: { folder: string; callers: number; roundMs: number },
  ) {
    this.#kind = kind
    this.#store = store
    this.#folder = run.folder
    this.#callers = kind === bareLoop ? 1 : run.callers
    this.#roundMs = run.roundMs
    const isAlone = kind === bareLoop && run.callers > 1
    this.name = isAlone ? `${kind.name}, one caller` : kind.name
  }

  static async start(
    setting: Setting,
    kind: CommitStoreKind,
    callers: number,
  ): Promise<CommitRun> {
    const folder = setting.workspace.folder('commit')
    const store = await kind.open(folder)
    return new CommitRun(kind, store, { folder, callers, roundMs: scaled(setting, 400, 5) })
  }

  /** Commits until the round is over; those under way then count, and so does their time. */
  async run(): Promise<number> {
    const before = this.#commits
    const began = performance.now()
    const end = began + this.#roundMs
    await Promise.all(Array.from({ length: this.#callers }, () => this.#callUntil(end)))
    return ((this.#commits - before) * 1000) / (performance.now() - began)
  }

  async #callUntil(end: number): Promise<void> {
    do {
      const number = this.#commits++
      await this.#store.commit(keyOf(number), valueOf(number))
    } while (performance.now() < end)
  }

  /** Everything that was acknowledged is there when the store is opened again. */
  async checkAndClose(): Promise<void> {
    await this.#store.close()
    if (this.#store.read === undefined) return
    this.#store = await this.#kind.open(this.#folder)
    const firstKept = Math.max(0, this.#commits - keyCount)
    for (let number = firstKept; number < this.#commits; number++) {
      const found = this.#store.read?.(keyOf(number))
      mustBe(found === valueOf(number), `${this.name} gave ${found} for commit ${number}`)
    }
    await this.#store.close()
  }
}
