/**
 * Random scripts, dense on purpose: few entities, labels, properties and instants, so that writes
 * meet. Every script switches some features off altogether and weighs the others anew, because a
 * mixture of everything reaches fewer corners than many one-sided mixtures (swarm testing).
 */
import type { RandomStream } from './random.ts'
import { OperationMaker, type OperationMixture } from './operation-maker.ts'
import type { Isolation, Operation, Script, Step } from './operation-script.ts'
import { labels, QuestionMaker } from './operation-questions.ts'

const firstWall = 1000

/** What one script does how often. 0 switches a feature off. */
interface Mixture extends OperationMixture {
  readonly declarations: number
  readonly overlapping: number
  readonly backwards: number
  readonly imports: number
  readonly reopening: number
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
  readonly #maker: OperationMaker
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
    this.#maker = new OperationMaker(random, this.#mixture, {
      nodes: this.#nodes,
      edges: this.#edges,
      questions: this.#questions,
      takeName: (kind) => this.#takeName(kind),
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
    this.#left -= 1
    return this.#maker.make()
  }

  #takeName(kind: 'node' | 'edge'): string {
    const names = kind === 'node' ? this.#nodes : this.#edges
    const name = `${kind === 'node' ? 'n' : 'e'}${names.length + 1}`
    names.push(name)
    return name
  }

  /** Round numbers mostly, so that bounds meet; sometimes the present, sometimes its neighbours. */
  #instant(): number {
    const random = this.#random
    if (random.chance(0.2)) return this.#wall + random.below(7) - 3
    return firstWall - 100 + 20 * random.below(15)
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
