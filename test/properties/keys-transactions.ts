/** Transactions on keyspaces, step by step on the engine and on the model. */
import { inspect, isDeepStrictEqual } from 'node:util'
import { type Database, isDatabaseError, type OpenTransaction, type Value } from 'asofdb'
import type { RandomStream } from '../../simulation/random.ts'
import type { KeyDraw } from './keys-draw.ts'
import {
  Difference,
  type KeyspaceRule,
  keyspaceRules,
  mustBeEqual,
  readSomething,
  type What,
} from './keys-reads.ts'
import { type NaiveKeyspaces, NaiveTransaction } from './naive-keyspaces.ts'

export interface TransactionParts {
  readonly database: Database
  readonly model: NaiveKeyspaces
  readonly random: RandomStream
  readonly draws: ReadonlyMap<string, KeyDraw>
  /** In the metadata of its commit, to be known again after a crash. */
  readonly who: string
}

const names = ['s', 't', 'u']

export class PairedTransaction {
  readonly who: string
  readonly model: NaiveTransaction
  readonly #parts: TransactionParts
  readonly #transaction: OpenTransaction
  readonly #isSnapshot: boolean
  #values = 0

  constructor(parts: TransactionParts) {
    this.#parts = parts
    this.who = parts.who
    this.#isSnapshot = parts.random.chance(0.6)
    this.#transaction = parts.database.begin({
      isolation: this.#isSnapshot ? 'snapshot' : 'serializable',
      meta: { who: parts.who },
    })
    this.model = new NaiveTransaction(parts.model, this.#transaction.sequence)
  }

  /** One operation, of writing or reading. */
  async step(): Promise<What> {
    const { random, draws } = this.#parts
    const rule = random.pick(keyspaceRules)
    const draw = draws.get(rule.name)
    if (draw === undefined) throw new Error(rule.name)
    if (random.chance(0.12)) return this.#savepoint()
    if (random.chance(0.6)) return this.#write(rule, draw)
    const keys = this.#transaction.keys(rule.name, { values: rule.values })
    await readSomething({ rule, keys, model: this.model, draw, random })
    return `${this.who} reads ${rule.name}`
  }

  #value(rule: KeyspaceRule, draw: KeyDraw): Value {
    return draw.value(rule.kind, Number(this.who.slice(1)) * 100 + (this.#values += 1))
  }

  #write(rule: KeyspaceRule, draw: KeyDraw): What {
    const { random } = this.#parts
    const { model } = this
    const keys = this.#transaction.keys(rule.name, { values: rule.values })
    const key = draw.key()
    const there = model.get(rule.name, key)
    const value = this.#value(rule, draw)
    const verb = random.pick([
      ...(['put', 'put', 'put', 'put', 'insert', 'insert', 'delete', 'delete'] as const),
      ...(['compareAndSet', 'compareAndSet', 'compareAndDelete', 'clear'] as const),
    ])
    const what = () => `${verb} ${inspect(key)} of ${rule.name}`
    const expected = random.chance(0.6) ? there : random.chance(0.5) ? undefined : value
    const holds = isDeepStrictEqual(expected, there)
    switch (verb) {
      case 'put':
        mustBeEqual(what, keys.put(key, value), 1)
        model.state(rule.name, key, value)
        break
      case 'insert': {
        const outcome = refusalOr(() => keys.insert(key, value))
        mustBeEqual(what, outcome, there === undefined ? 1 : 'AlreadyExists')
        if (there === undefined) model.state(rule.name, key, value)
        break
      }
      case 'compareAndSet':
        mustBeEqual(what, keys.compareAndSet(key, expected, value), holds)
        if (holds) model.state(rule.name, key, value)
        break
      case 'delete':
        mustBeEqual(what, keys.delete(key), there === undefined ? 0 : 1)
        if (there !== undefined) model.state(rule.name, key, undefined)
        break
      case 'compareAndDelete':
        mustBeEqual(what, keys.compareAndDelete(key, expected), holds)
        if (holds && there !== undefined) model.state(rule.name, key, undefined)
        break
      default: {
        const range = draw.range()
        const cleared = model.range(rule.name, range)
        const count = keys.clear(range)
        mustBeEqual(() => `clear ${inspect(range)} of ${rule.name}`, count, cleared.length)
        for (const [one] of cleared) model.state(rule.name, one, undefined)
      }
    }
    return () => `${this.who}: ${what()}`
  }

  #savepoint(): string {
    const { random } = this.#parts
    const { savepointNames } = this.model
    const isOfKnown = savepointNames.length > 0 && random.chance(0.7)
    const name = random.pick(isOfKnown ? savepointNames : names)
    const verb = isOfKnown
      ? random.pick(['rollbackTo', 'rollbackTo', 'release'] as const)
      : random.pick(['savepoint', 'savepoint', 'savepoint', 'rollbackTo', 'release'] as const)
    if (verb === 'savepoint') {
      this.#transaction.savepoint(name)
      this.model.savepoint(name)
    } else {
      const outcome = refusalOr(() => this.#transaction[verb](name))
      mustBeEqual(`${verb} ${name}`, outcome, this.model[verb](name) ? undefined : 'NoSavepoint')
    }
    return `${this.who}: ${verb} ${name}`
  }

  /**
   * Commits; the sequence, or undefined when it stated nothing or was refused. `isMoved`: other
   * tables may have taken the place of those it was begun on, which refuses it as a race does.
   */
  async commit({ isMoved }: { readonly isMoved: boolean }): Promise<number | undefined> {
    const { database, model } = this.#parts
    const { rival, statements, sequence: base } = this.model
    const what = `${this.who}, begun on ${base}, with ${statements.length} statements`
    let committed: number | undefined
    try {
      committed = (await this.#transaction.commit())?.sequence
    } catch (error) {
      if (!isDatabaseError(error) || error.kind !== 'retry') throw error
      if (statements.length === 0) throw new Difference(`${what}: ${error.message}`)
      const isRefusable = error.code === 'Conflict' ? isMoved : database.sequence > base
      if (rival !== undefined || isRefusable) return undefined
      throw new Difference(`${what} was refused without a rival: ${error.message}`)
    }
    if ((committed !== undefined) !== statements.length > 0) {
      throw new Difference(`${what} came to commit ${String(committed)}`)
    }
    if (committed === undefined) return undefined
    if (rival !== undefined) throw new Difference(`${what} beat commit ${rival}, which was first`)
    model.commit(this.model, committed)
    return committed
  }

  /** Commits, and does not wait for what comes of it. */
  commitBlindly(): void {
    void this.#transaction.commit().catch(() => undefined)
  }

  cancel(): void {
    this.#transaction.cancel()
  }
}

function refusalOr(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (isDatabaseError(error) && error.kind === 'invalid') return error.code
    throw error
  }
}
