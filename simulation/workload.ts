/**
 * What a simulated run does, as data that goes through JSON unchanged: drawn from a seed, cut down
 * when it fails, stored and replayed.
 */
import type { WriteDurability } from '../packages/asofdb/src/index.ts'
import { segmentHeaderBytes } from '../packages/asofdb/src/log/segment.ts'
import { swell } from './operation-maker.ts'
import { generateScript } from './operations.ts'
import type { Operation, Script, Step } from './operation-script.ts'
import { RandomStream } from './random.ts'

/**
 * The usual modes by their names, the asynchronous ones by how they sync. A mode without a log is
 * one, whatever it says of syncs: there is nothing to sync.
 */
export const modeNames = [
  'sync',
  'interval',
  'os',
  'checkpoint',
  'async-sync',
  'async-interval',
  'async-os',
] as const

export type ModeName = (typeof modeNames)[number]

/** `isLogged`: what is acknowledged is in the log; `isSynced`: and on the disk. */
export function promisesOf(mode: ModeName): { isLogged: boolean; isSynced: boolean } {
  const isSynced = mode === 'sync'
  return { isSynced, isLogged: isSynced || mode === 'interval' || mode === 'os' }
}

export interface WorkloadOptions {
  readonly durability: ModeName
  readonly nodesValid: 'now' | 'always'
  readonly segmentBytesMax: number
  /** Absent: no checkpoint but those that the actions ask for and those of closing. */
  readonly checkpointLogBytes?: number
  readonly checkpointMutations?: number
  readonly checkpointEveryMs?: number
  readonly syncEveryMs: number
  /** How often a read or write is short, as the kernel allows. */
  readonly shortChance: number
}

/** Steps that change something; `pause` lets the timers of the engine come up. */
export type WorkloadStep =
  | Exclude<Step, { step: 'read' | 'history' | 'readOwn' | 'crash' | 'write' }>
  | (Extract<Step, { step: 'write' }> & { readonly durability?: WriteDurability })
  | { readonly step: 'checkpoint' | 'reopen' }
  | { readonly step: 'pause'; readonly delayMs: number }

/**
 * `on`: the next action follows in the same turn, as from another writer; `turn`: after a turn of
 * the event loop, with what was begun still under way; `settled`: when everything is acknowledged.
 */
export interface Action {
  readonly act: WorkloadStep
  readonly wait: 'on' | 'turn' | 'settled'
}

export interface Workload {
  /** Draws whatever the actions leave open: latencies, short writes, questions. */
  readonly seed: string
  readonly options: WorkloadOptions
  readonly actions: readonly Action[]
}

/** What one workload does how often: many one-sided ones reach more than one of everything. */
interface Swarm {
  readonly operations: number
  readonly checkpoints: number
  readonly reopenings: number
  readonly pauses: number
  /** How often a write asks to be more durable than the others. */
  readonly stronger: number
  /** How many writers there seem to be: how seldom one waits for the others. */
  readonly waits: readonly Action['wait'][]
  readonly largeChance: number
  readonly largeSize: number
}

const operationsLeast = 12
const operationsMost = 32

export function drawWorkload(seed: string | number): Workload {
  const random = new RandomStream(`workload/${seed}`)
  const swarm = drawSwarm(random)
  const script = generateScript(random.stream('script'), swarm.operations)
  return {
    seed: String(seed),
    options: drawOptions(random, script),
    actions: new ActionMaker(random, swarm).make(script),
  }
}

function drawSwarm(random: RandomStream): Swarm {
  const often = () => (random.chance(0.3) ? 0 : random.fraction())
  return {
    operations: random.between(operationsLeast, operationsMost),
    checkpoints: often() * 0.3,
    reopenings: often() * 0.15,
    pauses: often() * 0.15,
    stronger: often() * 0.5,
    waits: random.pick<Action['wait'][]>([
      ['settled'],
      ['on', 'on', 'turn', 'settled'],
      ['turn', 'on'],
      ['on', 'on', 'on', 'settled'],
    ]),
    largeChance: random.chance(0.5) ? 0 : random.fraction() * 0.4,
    largeSize: random.pick([300, 1500, 5000, 20_000]),
  }
}

function drawOptions(random: RandomStream, { nodesValid }: Script): WorkloadOptions {
  const checkpointLogBytes = random.pick([Infinity, Infinity, 300, 1200, 4000])
  const mutations = random.pick([Infinity, Infinity, Infinity, 3, 20])
  const everyMs = random.pick([Infinity, Infinity, Infinity, 5, 500])
  return {
    durability: random.pick(['sync', 'sync', 'sync', 'sync', 'sync', ...modeNames]),
    nodesValid,
    segmentBytesMax: segmentHeaderBytes + random.pick([1024, 1024, 1500, 3000, 60_000]),
    ...(checkpointLogBytes === Infinity ? {} : { checkpointLogBytes }),
    ...(mutations === Infinity ? {} : { checkpointMutations: mutations }),
    ...(everyMs === Infinity ? {} : { checkpointEveryMs: everyMs }),
    syncEveryMs: random.pick([1, 10, 100]),
    shortChance: random.pick([0, 0, 0, 0.3]),
  }
}

/** A commit that no script can make fail. */
const firstSteps: readonly Step[] = [
  {
    step: 'write',
    operations: ['r1', 'r2'].map((name) => ({
      verb: 'createNode',
      name,
      labels: ['A'],
      properties: { a: 1 },
      period: { valid: 'always' },
    })),
  },
]

class ActionMaker {
  readonly #random: RandomStream
  readonly #swarm: Swarm
  readonly #actions: Action[] = []
  #wall = 0

  constructor(random: RandomStream, swarm: Swarm) {
    this.#random = random
    this.#swarm = swarm
  }

  make({ steps }: Script): Action[] {
    const random = this.#random
    for (const step of [...firstSteps, ...steps]) {
      this.#take(step)
      if (random.chance(this.#swarm.checkpoints * 0.5)) this.#add({ step: 'checkpoint' })
      if (random.chance(this.#swarm.pauses * 0.5)) {
        this.#add({ step: 'pause', delayMs: random.pick([1, 20, 200, 2000]) })
      }
      if (random.chance(this.#swarm.reopenings * 0.4)) this.#add({ step: 'reopen' })
    }
    return this.#actions
  }

  #take(step: Step): void {
    switch (step.step) {
      case 'clock':
        if (step.wall === this.#wall) return
        this.#wall = step.wall
        return this.#add(step)
      case 'read':
      case 'history':
      case 'readOwn':
        return
      case 'crash':
        return this.#add({ step: 'checkpoint' })
      case 'write':
        return this.#add({
          ...step,
          operations: step.operations.map((one) => this.#swell(one)),
          ...this.#drawDurability(),
        })
      case 'operate':
        return this.#add({ ...step, operation: this.#swell(step.operation) })
      default:
        this.#add(step)
    }
  }

  #drawDurability(): { durability?: WriteDurability } {
    const random = this.#random
    if (!random.chance(this.#swarm.stronger)) return {}
    return { durability: random.pick<WriteDurability>(['sync', 'sync', 'os']) }
  }

  #add(act: WorkloadStep): void {
    this.#actions.push({ act, wait: this.#random.pick(this.#swarm.waits) })
  }

  #swell(operation: Operation): Operation {
    const random = this.#random
    const { largeChance, largeSize } = this.#swarm
    return random.chance(largeChance) ? swell(operation, random, largeSize) : operation
  }
}

/** What is done to a database that was recovered: it must take commits as any other. */
export function drawFollowUp(seed: string, known: readonly string[], wall: number): Action[] {
  const random = new RandomStream(`follow-up/${seed}`)
  const name = `f${known.length}-${random.below(1000)}`
  const [node = name] = random.chance(0.7) ? known : []
  const write = (operations: readonly Operation[]) => ({ step: 'write', operations }) as const
  const made: Operation = {
    verb: 'createNode',
    name,
    labels: ['A', 'D'],
    properties: { a: 1, s: 'after' },
    period: { valid: 'always' },
  }
  const ends = { source: name, target: node, type: 'KNOWS', period: { valid: 'always' } } as const
  const steps: WorkloadStep[] = [
    { step: 'clock', wall },
    write([made]),
    write([
      { verb: 'createEdge', name: `${name}-edge`, ...ends, properties: {}, bounds: 'clip' },
      { verb: 'putKey', keyspace: 'words', key: 'a', value: `after ${seed}` },
    ]),
  ]
  if (random.chance(0.3)) steps.push({ step: 'checkpoint' })
  steps.push({ step: 'reopen' }, write([{ verb: 'patch', entity: name, changes: { b: 7 } }]))
  const wait = random.pick<Action['wait']>(['on', 'turn', 'settled'])
  return steps.map((act) => ({ act, wait }))
}
