import type { RandomStream } from './random.ts'
import type { Operation, ScriptPeriod, ScriptProperties, ScriptValue } from './operation-script.ts'
import { edgeTypes, labels, type QuestionMaker } from './operation-questions.ts'

/** What one maker does how often. 0 switches a feature off. */
export interface OperationMixture {
  readonly edges: number
  readonly keys: number
  readonly deletes: number
  readonly defaultPeriods: number
  readonly failing: number
}

/** What there is to work on, as it grows. */
export interface OperationPools {
  readonly nodes: readonly string[]
  readonly edges: readonly string[]
  readonly questions: QuestionMaker
  /** The name of the entity that is to be created; it is in its pool from now on. */
  takeName(kind: 'node' | 'edge'): string
  instant(): number
}

/** Of every kind that scripts have. */
export const valuesOfKeys: readonly ScriptValue[] = [
  0,
  1,
  { float: '1' },
  { float: '-0' },
  { float: 'NaN' },
  { float: '0.5' },
  { integer: '9007199254740993' },
  true,
  'text',
  { bytes: [0, 255] },
  { list: [1, { float: '1' }, 'x'] },
  { map: { k: 1, m: { list: [] } } },
]

/** Random operations on few entities, labels, properties and instants, so that writes meet. */
export class OperationMaker {
  readonly #random: RandomStream
  readonly #mixture: OperationMixture
  readonly #pools: OperationPools

  constructor(random: RandomStream, mixture: OperationMixture, pools: OperationPools) {
    this.#random = random
    this.#mixture = mixture
    this.#pools = pools
  }

  make(): Operation {
    const random = this.#random
    const { edges, keys } = this.#mixture
    const { nodes } = this.#pools
    const kind = random.fraction() * (1 + edges + keys)
    const count = nodes.length
    if (count === 0 || random.chance(0.5 / count)) return this.#createNode()
    if (kind < 1) return this.#change(random.pick(nodes), 'node')
    if (kind < 1 + edges) return this.#edgeOperation()
    return this.#keyOperation()
  }

  #createNode(): Operation {
    const name = this.#pools.takeName('node')
    const properties = this.#properties()
    const isWide = this.#random.chance(0.4)
    const period: ScriptPeriod = isWide ? { valid: 'always' } : this.#period('node')
    return { verb: 'createNode', name, labels: this.#labels(), properties, period }
  }

  #edgeOperation(): Operation {
    const random = this.#random
    const { nodes, edges } = this.#pools
    if (edges.length > 0 && !random.chance(0.8 / edges.length)) {
      return this.#change(random.pick(edges), 'edge')
    }
    const name = this.#pools.takeName('edge')
    const edge = {
      verb: 'createEdge',
      name,
      source: random.pick(nodes),
      type: random.pick(edgeTypes),
      target: random.pick(nodes),
      properties: this.#properties(),
      period: this.#period('edge'),
    } as const
    return random.chance(0.3) ? { ...edge, bounds: 'clip' } : edge
  }

  #change(entity: string, kind: 'node' | 'edge'): Operation {
    const random = this.#random
    const period = this.#period(kind)
    const isNode = kind === 'node'
    const flags = {
      ...(random.chance(0.15) ? { skipUnchanged: true } : {}),
      ...(random.chance(0.1) ? { mustExist: true } : {}),
    }
    if (random.chance(0.25 * this.#mixture.deletes)) {
      const detach = isNode && random.chance(0.5)
      const { mustExist = false } = flags
      return { verb: 'delete', entity, detach, mustExist, period }
    }
    const named = isNode && random.chance(0.6) ? { labels: this.#labels() } : {}
    const skip = flags.skipUnchanged === true ? { skipUnchanged: true } : {}
    const properties = this.#properties()
    const roll = random.fraction()
    if (roll < 0.1) return { verb: 'create', entity, properties, ...named, period }
    if (roll < 0.45) {
      const put = { verb: 'put', entity, properties, ...named, ...skip, period } as const
      return !isNode && random.chance(0.4) ? { ...put, bounds: 'clip' } : put
    }
    const changes = this.#changes()
    const patched = { entity, changes, ...(isNode ? this.#labelChanges() : {}), period }
    if (roll < 0.8) return { verb: 'patch', ...patched, ...flags }
    return { verb: 'upsert', ...patched, ...skip }
  }

  #keyOperation(): Operation {
    const random = this.#random
    const { keyspace, key } = this.#pools.questions.key()
    const period: ScriptPeriod = random.chance(0.6) ? {} : this.#period('key')
    if (random.chance(0.3)) return { verb: 'deleteKey', keyspace, key, period }
    return { verb: 'putKey', keyspace, key, value: this.#value(), period }
  }

  #labels(): string[] {
    return labels.filter(() => this.#random.chance(0.45))
  }

  #labelChanges(): { addLabels?: string[]; removeLabels?: string[] } {
    const random = this.#random
    if (random.chance(0.6)) return {}
    const label = random.pick(labels)
    return random.chance(0.5) ? { addLabels: [label] } : { removeLabels: [label] }
  }

  #properties(): ScriptProperties {
    const random = this.#random
    return {
      ...(random.chance(0.6) ? { a: random.below(5) } : {}),
      ...(random.chance(0.4) ? { b: random.below(4) - 2 } : {}),
      ...(random.chance(0.4) ? { s: random.pick(['x', 'y', '\u00ff', '']) } : {}),
      ...(random.chance(0.15) ? { v: this.#value() } : {}),
    }
  }

  #changes(): ScriptProperties {
    const random = this.#random
    const removed = random.chance(0.3) ? { [random.pick(['a', 'b', 's', 'v'])]: null } : {}
    return { ...this.#properties(), ...removed }
  }

  #value(): ScriptValue {
    return this.#random.pick(valuesOfKeys)
  }

  #period(kind: 'node' | 'edge' | 'key'): ScriptPeriod {
    const random = this.#random
    if (random.chance(this.#mixture.defaultPeriods)) return {}
    const roll = random.fraction()
    if (roll < 0.08) return { valid: 'always' }
    if (roll < 0.18) return { from: this.#pools.instant() }
    if (roll < 0.24) return { to: this.#pools.instant() }
    if (roll < 0.34) return { from: this.#pools.instant(), until: 'next' }
    if (roll < 0.38 && kind !== 'edge') return { until: 'next' }
    if (roll < 0.44) return { from: '-inf', to: this.#pools.instant() }
    if (roll < 0.5) return { from: this.#pools.instant(), to: 'inf' }
    const [one, other] = [this.#pools.instant(), this.#pools.instant()]
    if (one === other && !random.chance(this.#mixture.failing)) return { from: one, to: one + 10 }
    return { from: Math.min(one, other), to: Math.max(one, other) }
  }
}

/**
 * An operation with a payload of `bytes`, or down to a quarter of that, so that records span
 * sectors, pages and segments; one without a payload as it is.
 */
export function swell(operation: Operation, random: RandomStream, bytes: number): Operation {
  const size = random.between(bytes >> 2, bytes)
  const large: ScriptProperties = { large: random.pick(['w', 'm']).repeat(size) }
  if ('properties' in operation && 'period' in operation) {
    return { ...operation, properties: { ...operation.properties, ...large } }
  }
  if ('changes' in operation) {
    return { ...operation, changes: { ...operation.changes, ...large } }
  }
  return operation.verb === 'putKey' ? { ...operation, value: 'k'.repeat(size) } : operation
}
