/** Draws what a random history does. Each is lopsided in its own way, to reach more corners. */
import { RandomStream } from '../../simulation/random.ts'
import type { Isolation } from './history.ts'
import {
  allKeys,
  type Cell,
  cellOf,
  cursorMoves,
  type Operation,
  type Plan,
  type PlannedOperation,
  type PlannedTransaction,
  type Range,
  rangeForms,
  type Space,
  spaces,
} from './operations.ts'

export interface PlanOptions {
  readonly seed: string
  /** `mixed`: each transaction draws its own. */
  readonly isolation: Isolation | 'mixed'
}

type Verb = PlannedOperation['do']

/** Verbs and how often each is drawn. */
type Mixture = Readonly<Partial<Record<Verb, number>>>

const mixtures: readonly Mixture[] = [
  { get: 3, put: 3 },
  { get: 2, has: 2, getMany: 1, put: 2, insert: 1, delete: 2 },
  { compareAndSet: 4, compareAndDelete: 2, insert: 3, get: 1, delete: 1 },
  { range: 4, put: 2, insert: 1, delete: 2 },
  { range: 3, clear: 1, insert: 2, put: 1, delete: 1 },
  { move: 6, cursor: 1, put: 2, delete: 1 },
  { savepoint: 3, rollbackTo: 3, release: 1, put: 4, get: 2, range: 1, delete: 2 },
  {
    get: 2,
    getMany: 1,
    has: 1,
    put: 3,
    insert: 1,
    compareAndSet: 1,
    compareAndDelete: 1,
    delete: 2,
    clear: 1,
    range: 3,
    move: 2,
    savepoint: 1,
    rollbackTo: 1,
  },
]

/** What nodes can do as keys can. */
const nodeVerbs: ReadonlySet<Verb> = new Set(['get', 'has', 'put', 'insert', 'delete', 'range'])

export function drawPlan({ seed, isolation }: PlanOptions): Plan {
  const random = new RandomStream(seed)
  const maker = new PlanMaker(random, isolation)
  const count = random.between(2, 9)
  const transactions = Array.from({ length: count }, (_, index) => maker.transaction(index + 1))
  const before = maker.before()
  const turns = transactions.flatMap(({ operations }, index) =>
    Array.from({ length: operations.length + 2 }, () => index),
  )
  shuffle(turns, random)
  const hastyTurns = turns.flatMap((_, turn) => (random.chance(0.1) ? [turn] : []))
  return { before, transactions, turns, hastyTurns }
}

class PlanMaker {
  readonly #random: RandomStream
  readonly #isolation: Isolation | 'mixed'
  readonly #mixture: Mixture
  readonly #keys: readonly string[]
  readonly #spaces: readonly Space[]
  readonly #operationsMost: number
  #values = 0

  constructor(random: RandomStream, isolation: Isolation | 'mixed') {
    this.#random = random
    this.#isolation = isolation
    this.#mixture = random.pick(mixtures)
    const keys = [...allKeys]
    shuffle(keys, random)
    // What is taken back has to be met again soon.
    const isTakenBack = 'rollbackTo' in this.#mixture && !('clear' in this.#mixture)
    const count = random.between(2, keys.length + 1)
    this.#keys = keys.slice(0, isTakenBack ? Math.min(count, 3) : count).sort()
    this.#spaces = random.pick([['left'], ['left'], ['left', 'right'], ['nodes'], spaces] as const)
    this.#operationsMost = isTakenBack ? 8 : random.pick([2, 3, 6])
  }

  before(): Cell[] {
    const random = this.#random
    const chance = random.pick([0, 0.3, 0.7])
    const cells = this.#spaces.flatMap((space) => this.#keys.map((key) => cellOf(space, key)))
    return cells.filter(() => random.chance(chance))
  }

  transaction(number: number): PlannedTransaction {
    const random = this.#random
    const isReadonly = random.chance(0.1)
    const count = random.between(1, this.#operationsMost + 1)
    const operations = Array.from({ length: count }, () => this.#operation(number, isReadonly))
    const isolation =
      this.#isolation === 'mixed'
        ? random.pick(['serializable', 'snapshot'] as const)
        : this.#isolation
    const end = random.chance(0.93) ? 'commit' : 'cancel'
    return { isolation, isReadonly, operations, end }
  }

  #operation(number: number, isReadonly: boolean): PlannedOperation {
    const random = this.#random
    const space = random.pick(this.#spaces)
    const verb = this.#verb(space, isReadonly)
    const key = random.pick(this.#keys)
    const value = () => `${number}.${(this.#values += 1)}`
    switch (verb) {
      case 'get':
      case 'has':
      case 'delete':
        return { do: verb, space, key }
      case 'getMany': {
        const count = random.below(4)
        const keys = Array.from({ length: count }, () => random.pick(this.#keys))
        return { do: verb, space, keys }
      }
      case 'put':
      case 'insert':
        return { do: verb, space, key, value: value() }
      case 'compareAndSet':
      case 'compareAndDelete': {
        const expects = random.pick(['seen', 'seen', 'absent', 'other'] as const)
        return { do: verb, space, key, expects, value: value() }
      }
      case 'move':
        return { do: verb, move: random.pick(cursorMoves), key }
      case 'savepoint':
      case 'rollbackTo':
      case 'release':
        return { do: verb, name: random.pick(['s', 's', 't']) }
      default:
        return this.#ofRange(verb, space)
    }
  }

  #ofRange(verb: 'clear' | 'range' | 'cursor', space: Space): PlannedOperation {
    const random = this.#random
    if (space === 'nodes') {
      return { do: 'range', space, range: {}, form: random.pick(['entries', 'count']) }
    }
    if (verb === 'clear') return { do: verb, space, range: this.#range() }
    if (verb === 'cursor') return { do: verb, space, range: this.#bounds() }
    const range: Operation = {
      do: 'range',
      space,
      range: this.#range(),
      form: random.pick(rangeForms),
    }
    const canStop = range.form !== 'count' && range.form !== 'first'
    return canStop && random.chance(0.2) ? { ...range, take: random.between(1, 3) } : range
  }

  #verb(space: Space, isReadonly: boolean): Verb {
    const reads = ['get', 'getMany', 'has', 'range', 'cursor', 'move']
    const entries = Object.entries(this.#mixture).filter(
      ([verb]) =>
        (space !== 'nodes' || isVerbOf(verb, nodeVerbs)) && (!isReadonly || reads.includes(verb)),
    )
    let rest = this.#random.below(entries.reduce((sum, [, weight]) => sum + weight, 0))
    for (const [verb, weight] of entries) {
      rest -= weight
      if (rest < 0 && isVerb(verb)) return verb
    }
    return 'get'
  }

  #range(): Range {
    const random = this.#random
    return {
      ...this.#bounds(),
      ...(random.chance(0.3) ? { reverse: true } : {}),
      ...(random.chance(0.25) ? { skip: random.below(3) } : {}),
      ...(random.chance(0.4) ? { limit: random.below(4) } : {}),
    }
  }

  /** Sometimes bounds that contradict each other: then there is nothing. */
  #bounds(): Range {
    const random = this.#random
    const key = () => random.pick(allKeys)
    const low = random.pick([{}, {}, { gt: key() }, { gte: key() }])
    const high = random.pick([{}, {}, { lt: key() }, { lte: key() }])
    return random.chance(0.2) ? { prefix: random.pick(['a', 'ab', 'c', '']) } : { ...low, ...high }
  }
}

const verbs: ReadonlySet<string> = new Set<Verb>([
  ...['get', 'getMany', 'has', 'put', 'insert', 'compareAndSet', 'delete'] as const,
  ...['compareAndDelete', 'clear', 'range', 'cursor', 'move'] as const,
  ...['savepoint', 'rollbackTo', 'release'] as const,
])

function isVerb(verb: string): verb is Verb {
  return verbs.has(verb)
}

function isVerbOf(verb: string, list: ReadonlySet<Verb>): boolean {
  return isVerb(verb) && list.has(verb)
}

function shuffle<T>(list: T[], random: RandomStream): void {
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1)
    const [first, second] = [list[at], list[other]]
    if (first === undefined || second === undefined) continue
    list[at] = second
    list[other] = first
  }
}
