import type { RandomStream } from './random.ts'
import type {
  Coordinates,
  HistoryQuery,
  Query,
  ScriptCondition,
  ScriptInstant,
  ScriptKey,
  ScriptKeyRange,
  ScriptValue,
  ScriptWindow,
  SystemPoint,
} from './operation-script.ts'

export const labels = ['A', 'B', 'C'] as const
export const edgeTypes = ['KNOWS', 'OWNS'] as const

/** Each keyspace has keys of one type. */
const keyspaces: Readonly<Record<string, readonly ScriptKey[]>> = {
  words: ['A', 'a', 'ab', 'b', '\u00ff', 'a\u0000'],
  numbers: [-7, -1, 0, 1, 2, 300],
  pairs: [['a', 1], ['a', 2], ['b', -1], ['a'], ['ab', 0]],
}

interface Pools {
  readonly nodes: readonly string[]
  readonly edges: readonly string[]
  instant(): number
}

/** Random questions about the entities that a script has made so far. */
export class QuestionMaker {
  readonly #random: RandomStream
  readonly #pools: Pools

  constructor(random: RandomStream, pools: Pools) {
    this.#random = random
    this.#pools = pools
  }

  key(): { keyspace: string; key: ScriptKey } {
    const [keyspace, keys] = this.#random.pick(Object.entries(keyspaces))
    return { keyspace, key: this.#random.pick(keys) }
  }

  coordinates(): Coordinates {
    const random = this.#random
    if (random.chance(0.1)) return { rewind: this.#pools.instant() }
    const valid = random.chance(0.6) ? { valid: this.#validInstant() } : {}
    if (random.chance(0.25)) return { ...valid, system: this.#pools.instant() }
    if (random.chance(0.4)) return { ...valid, commitsBack: random.below(20) }
    return valid
  }

  #validInstant(): ScriptInstant {
    return this.#random.chance(0.05) ? '-inf' : this.#pools.instant()
  }

  /** A question to a view of the past. */
  view(): Query {
    const random = this.#random
    if (random.chance(0.2)) return { ask: 'provenance', entity: this.#entity() }
    if (random.chance(0.1)) return { ask: 'keyProvenance', ...this.key() }
    return this.own()
  }

  /** A question that an open transaction can answer as well. */
  own(): Query {
    const random = this.#random
    const roll = random.below(10)
    if (roll < 2) return { ask: 'entity', entity: this.#entity() }
    if (roll < 4) return this.#nodes()
    if (roll < 5) {
      return random.chance(0.5) ? { ask: 'edges' } : { ask: 'edges', type: random.pick(edgeTypes) }
    }
    if (roll < 7) return this.#incident()
    if (roll < 8) {
      const timeline = { ask: 'timeline', entity: this.#entity() } as const
      return random.chance(0.5) ? timeline : { ...timeline, window: this.#window() }
    }
    return this.#keys()
  }

  #entity(): string {
    const { nodes, edges } = this.#pools
    if (nodes.length === 0) return 'n1'
    return this.#random.pick(edges.length > 0 && this.#random.chance(0.4) ? edges : nodes)
  }

  #node(): string {
    return this.#pools.nodes.length === 0 ? 'n1' : this.#random.pick(this.#pools.nodes)
  }

  #nodes(): Query {
    const random = this.#random
    if (random.chance(0.1)) return { ask: 'nodes' }
    const label = random.pick(labels)
    if (random.chance(0.3)) return { ask: 'nodes', label }
    const first = this.#condition(random.pick(['a', 'b']))
    const where = random.chance(0.3) ? [first, this.#condition('s')] : [first]
    return { ask: 'nodes', label, where }
  }

  #condition(property: string): ScriptCondition {
    const random = this.#random
    const value = (): ScriptValue =>
      property === 's' ? random.pick(['x', 'y', '\u00ff', '']) : random.below(6) - 2
    if (random.chance(0.5)) return { property, equals: value() }
    const lower = random.chance(0.5) ? { gt: value() } : { gte: value() }
    const upper = random.chance(0.5) ? { lt: value() } : { lte: value() }
    if (random.chance(0.3)) return { property, ...lower }
    return random.chance(0.4) ? { property, ...upper } : { property, ...lower, ...upper }
  }

  #incident(): Query {
    const random = this.#random
    const entity = this.#node()
    const type = random.chance(0.5) ? { type: random.pick(edgeTypes) } : {}
    if (random.chance(0.3)) return { ask: random.pick(['targets', 'sources']), entity, ...type }
    const limit = random.chance(0.2) ? { limit: 1 + random.below(3) } : {}
    const { edges } = this.#pools
    const after = edges.length > 0 && random.chance(0.15) ? { after: random.pick(edges) } : {}
    return { ask: random.pick(['out', 'in']), entity, ...type, ...limit, ...after }
  }

  #keys(): Query {
    const random = this.#random
    const { keyspace, key } = this.key()
    if (random.chance(0.3)) return { ask: 'key', keyspace, key }
    if (random.chance(0.2)) return { ask: 'keyTimeline', keyspace, key }
    const bound = () => random.pick(keyspaces[keyspace] ?? [])
    const lower = random.pick([{}, {}, {}, { gt: bound() }, { gte: bound() }])
    const upper = random.pick([{}, {}, {}, { lt: bound() }, { lte: bound() }])
    const limit = random.chance(0.2) ? { limit: 1 + random.below(3) } : {}
    const reverse = random.chance(0.5) ? { reverse: true } : {}
    const range: ScriptKeyRange = { ...lower, ...upper, ...reverse, ...limit }
    return { ask: 'keyRange', keyspace, range }
  }

  #window(): ScriptWindow {
    const random = this.#random
    const [one, other] = [this.#pools.instant(), this.#pools.instant()]
    const from = Math.min(one, other)
    const to = Math.max(one, other) + 1
    if (random.chance(0.3)) return { from, to, between: true }
    if (random.chance(0.4)) return { from, to, clamp: true }
    return random.chance(0.4) ? { from, to, during: true } : { from, to }
  }

  history(): HistoryQuery {
    const random = this.#random
    const roll = random.below(3)
    if (roll === 0) return { ask: 'diff', before: this.coordinates(), after: this.coordinates() }
    if (roll === 1) {
      const window = random.chance(0.4) ? { window: this.#plainWindow() } : {}
      const entity = random.chance(0.3) ? { entity: this.#entity() } : {}
      const [from, to] = [this.#systemPoint(), this.#systemPoint()]
      return { ask: 'netDiff', from, to, ...window, ...entity }
    }
    const toCommitsBack = random.below(4)
    return { ask: 'changes', afterCommitsBack: toCommitsBack + random.below(8), toCommitsBack }
  }

  #systemPoint(): SystemPoint {
    return this.#random.chance(0.3)
      ? { system: this.#pools.instant() }
      : { commitsBack: this.#random.below(12) }
  }

  #plainWindow(): ScriptWindow {
    const { from = 0, to = 0 } = this.#window()
    return { from, to }
  }
}
