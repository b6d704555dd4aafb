/**
 * Random scripts, dense on purpose: few entities, labels, properties and instants, so that writes
 * meet. Every script switches some features off altogether and weighs the others anew, because a
 * mixture of everything reaches fewer corners than many one-sided mixtures (swarm testing).
 */
import type { RandomStream } from './random.ts'
import type {
  Isolation,
  Operation,
  Script,
  ScriptPeriod,
  ScriptProperties,
  ScriptValue,
  Step,
} from './operation-script.ts'
import { edgeTypes, labels, QuestionMaker } from './operation-questions.ts'

const firstWall = 1000

/** What one script does how often. 0 switches a feature off. */
interface Mixture {
  readonly edges: number
  readonly keys: number
  readonly declarations: number
  readonly overlapping: number
  readonly backwards: number
  readonly deletes: number
  readonly imports: number
  readonly reopening: number
  readonly defaultPeriods: number
  readonly failing: number
}

function drawMixture(random: RandomStream): Mixture {
  const often = () => (random.chance(0.25) ? 0 : random.fraction())
  return {
    edges: often() * 2,
    keys: often(),
    declarations: often() * 0.3,
    overlapping: often(),
    backwards: often() * 0.5,
    deletes: often(),
    imports: often() * 0.1,
    reopening: often() * 0.15,
    defaultPeriods: random.fraction() * 0.7,
    failing: often() * 0.1,
  }
}

/** A script of about `operations` operations for one small database. */
export function generateScript(random: RandomStream, operations: number): Script {
  return new ScriptMaker(random, operations).make()
}

class ScriptMaker {
  readonly #random: RandomStream
  readonly #mixture: Mixture
  readonly #questions: QuestionMaker
  readonly #steps: Step[] = []
  readonly #nodes: string[] = []
  readonly #edges: string[] = []
  readonly #open: string[] = []
  readonly #declared: Operation[] = []
  #left: number
  #wall = firstWall
  #transactions = 0

  constructor(random: RandomStream, operations: number) {
    this.#random = random
    this.#left = operations
    this.#mixture = drawMixture(random)
    this.#questions = new QuestionMaker(random, {
      nodes: this.#nodes,
      edges: this.#edges,
      instant: () => this.#instant(),
    })
  }

  make(): Script {
    this.#steps.push({ step: 'clock', wall: this.#wall })
    while (this.#left > 0) {
      this.#tick()
      this.#act()
      if (this.#random.chance(0.5)) this.#ask()
    }
    for (const transaction of this.#open) this.#steps.push({ step: 'commit', transaction })
    const nodesValid = this.#random.chance(0.3) ? 'always' : 'now'
    return { nodesValid, steps: this.#steps }
  }

  #tick(): void {
    const random = this.#random
    if (random.chance(0.4)) return
    const isBack = random.chance(0.2 * this.#mixture.backwards)
    this.#wall = Math.max(1, this.#wall + (isBack ? -random.below(60) : random.below(12)))
    this.#steps.push({ step: 'clock', wall: this.#wall })
  }

  #act(): void {
    const random = this.#random
    const { overlapping, declarations, reopening } = this.#mixture
    if (random.chance(declarations * 0.3)) return this.#declare()
    if (random.chance(reopening * 0.3)) return this.#interrupt()
    if (random.chance(overlapping * 0.7)) return this.#overlap()
    this.#write()
  }

  #write(): void {
    const count = this.#random.chance(0.6) ? 1 : 1 + this.#random.below(5)
    const operations = Array.from({ length: count }, () => this.#operation())
    const isImport = this.#random.chance(this.#mixture.imports)
    const write = { step: 'write', operations } as const
    const system = this.#wall - this.#random.below(4)
    this.#steps.push(isImport ? { ...write, system } : write)
  }

  /** Work on transactions that are open at the same time. */
  #overlap(): void {
    const random = this.#random
    if (this.#open.length === 0 || (this.#open.length < 3 && random.chance(0.3))) {
      const transaction = `t${(this.#transactions += 1)}`
      const isolation: Isolation = random.chance(0.75) ? 'serializable' : 'snapshot'
      this.#open.push(transaction)
      this.#steps.push({ step: 'begin', transaction, isolation })
      return
    }
    const transaction = random.pick(this.#open)
    if (random.chance(0.25)) {
      this.#open.splice(this.#open.indexOf(transaction), 1)
      this.#steps.push({ step: random.chance(0.85) ? 'commit' : 'cancel', transaction })
    } else if (random.chance(0.3)) {
      this.#steps.push({ step: 'readOwn', transaction, query: this.#questions.own() })
    } else {
      this.#steps.push({ step: 'operate', transaction, operation: this.#operation() })
    }
  }

  #interrupt(): void {
    const random = this.#random
    const what = random.chance(0.5) ? 'checkpoint' : random.chance(0.5) ? 'reopen' : 'crash'
    if (what !== 'checkpoint') this.#open.length = 0
    this.#steps.push({ step: what })
  }

  #declare(): void {
    const random = this.#random
    const dropped = random.chance(0.3) ? this.#declared.pop() : undefined
    const operation = dropped === undefined ? this.#newDeclaration() : toDrop(dropped)
    if (operation === undefined) return
    this.#left -= 1
    this.#steps.push({ step: 'write', operations: [operation] })
  }

  #newDeclaration(): Operation | undefined {
    const random = this.#random
    const label = random.pick(labels)
    const property = random.pick(['a', 'b', 's'])
    let operation: Operation = { verb: 'createIndex', label, property }
    if (random.chance(0.4)) {
      const properties = random.chance(0.7) ? [property] : ['a', 's']
      const unique = { verb: 'createUnique', label, properties } as const
      operation = random.chance(0.3) ? { ...unique, over: 'all time' } : unique
    }
    const text = JSON.stringify(toDrop(operation))
    const isDeclared = this.#declared.some((one) => JSON.stringify(toDrop(one)) === text)
    if (isDeclared) return undefined
    this.#declared.push(operation)
    return operation
  }

  #operation(): Operation {
    const random = this.#random
    this.#left -= 1
    const { edges, keys } = this.#mixture
    const kind = random.fraction() * (1 + edges + keys)
    const count = this.#nodes.length
    if (count === 0 || random.chance(0.5 / count)) return this.#createNode()
    if (kind < 1) return this.#change(random.pick(this.#nodes), 'node')
    if (kind < 1 + edges) return this.#edgeOperation()
    return this.#keyOperation()
  }

  #createNode(): Operation {
    const name = `n${this.#nodes.length + 1}`
    this.#nodes.push(name)
    const properties = this.#properties()
    const isWide = this.#random.chance(0.4)
    const period: ScriptPeriod = isWide ? { valid: 'always' } : this.#period('node')
    return { verb: 'createNode', name, labels: this.#labels(), properties, period }
  }

  #edgeOperation(): Operation {
    const random = this.#random
    if (this.#edges.length > 0 && !random.chance(0.8 / this.#edges.length)) {
      return this.#change(random.pick(this.#edges), 'edge')
    }
    const name = `e${this.#edges.length + 1}`
    this.#edges.push(name)
    const edge = {
      verb: 'createEdge',
      name,
      source: random.pick(this.#nodes),
      type: random.pick(edgeTypes),
      target: random.pick(this.#nodes),
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
    const { keyspace, key } = this.#questions.key()
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
    return this.#random.pick<ScriptValue>([
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
    ])
  }

  /** Round numbers mostly, so that bounds meet; sometimes the present, sometimes its neighbours. */
  #instant(): number {
    const random = this.#random
    if (random.chance(0.2)) return this.#wall + random.below(7) - 3
    return firstWall - 100 + 20 * random.below(15)
  }

  #period(kind: 'node' | 'edge' | 'key'): ScriptPeriod {
    const random = this.#random
    if (random.chance(this.#mixture.defaultPeriods)) return {}
    const roll = random.fraction()
    if (roll < 0.08) return { valid: 'always' }
    if (roll < 0.18) return { from: this.#instant() }
    if (roll < 0.24) return { to: this.#instant() }
    if (roll < 0.34) return { from: this.#instant(), until: 'next' }
    if (roll < 0.38 && kind !== 'edge') return { until: 'next' }
    if (roll < 0.44) return { from: '-inf', to: this.#instant() }
    if (roll < 0.5) return { from: this.#instant(), to: 'inf' }
    const [one, other] = [this.#instant(), this.#instant()]
    if (one === other && !random.chance(this.#mixture.failing)) return { from: one, to: one + 10 }
    return { from: Math.min(one, other), to: Math.max(one, other) }
  }

  #ask(): void {
    const random = this.#random
    this.#left -= 1
    if (random.chance(0.25)) {
      this.#steps.push({ step: 'history', query: this.#questions.history() })
    } else {
      const at = this.#questions.coordinates()
      this.#steps.push({ step: 'read', at, query: this.#questions.view() })
    }
  }
}

function toDrop(operation: Operation): Operation | undefined {
  if (operation.verb === 'createIndex') return { ...operation, verb: 'dropIndex' }
  if (operation.verb !== 'createUnique') return undefined
  return { verb: 'dropUnique', label: operation.label, properties: operation.properties }
}
