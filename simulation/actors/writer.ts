import type { WriteDurability } from '../../packages/asofdb/src/index.ts'
import { OperationMaker, swell } from '../operation-maker.ts'
import type { Operation } from '../operation-script.ts'
import type { RandomStream } from '../random.ts'
import type { Perform, Scene } from '../scene.ts'
import type { ActorKind } from '../swarm-plan.ts'
import { Actor } from './actor.ts'
import { KnownPools } from './pools.ts'

/** Random writes on nodes, edges, keys and declarations, in closures. */
export class Writer extends Actor {
  readonly #maker = new OperationMaker(
    this.random,
    this.scene.parts.plan.mixture,
    new KnownPools(this.scene, this.random),
  )

  override async act(): Promise<void> {
    const { random, scene } = this
    const operations = this.drawOperations()
    const isSlow = random.chance(0.15)
    await scene.write(
      (_, perform) =>
        isSlow ? this.#performSlowly(operations, perform) : performAll(operations, perform),
      {
        isolation: random.chance(0.8) ? 'serializable' : 'snapshot',
        durability: this.#drawDurability(),
        system: this.#drawSystem(),
      },
    )
  }

  protected drawOperations(): Operation[] {
    const { random } = this
    if (random.chance(0.04)) return [this.#declaration()]
    const count = random.chance(0.6) ? 1 : 1 + random.below(5)
    return Array.from({ length: count }, () => this.#swell(this.#maker.make()))
  }

  async #performSlowly(operations: readonly Operation[], perform: Perform): Promise<void> {
    for (const operation of operations) {
      await this.scene.parts.host.timers.yieldTurn()
      perform(operation)
    }
  }

  #drawDurability(): WriteDurability | undefined {
    return this.random.chance(0.7) ? undefined : this.random.pick(['sync', 'os'] as const)
  }

  /** Now and then an import, a little after the last commit that was seen. */
  #drawSystem(): bigint | undefined {
    const { random, scene } = this
    if (!random.chance(0.03)) return undefined
    return scene.chronicle.model.sequence === 0
      ? undefined
      : scene.chronicle.model.lastSystem + BigInt(random.below(3))
  }

  /** One that may be there already, or not: then both sides refuse it. */
  #declaration(): Operation {
    const { random } = this
    const label = random.pick(['A', 'B', 'C'])
    const property = random.pick(['a', 'b', 's'])
    const { model } = this.scene.chronicle
    const isThere = model.indexes.some((one) => one.label === label && one.property === property)
    return { verb: isThere ? 'dropIndex' : 'createIndex', label, property }
  }

  #swell(operation: Operation): Operation {
    const { random } = this
    const { chance, bytes } = this.scene.parts.plan.large
    return random.chance(chance) ? swell(operation, random, bytes) : operation
  }
}

function performAll(operations: readonly Operation[], perform: Perform): void {
  for (const operation of operations) perform(operation)
}

const compacting: ReadonlySet<ActorKind> = new Set(['compactor', 'pruner', 'eraser'])

/** The same in transactions that stay open over turns, and are sometimes given up. */
export class Transactor extends Writer {
  readonly #patience: RandomStream | undefined

  constructor(scene: Scene, random: RandomStream) {
    super(scene, random)
    const isCompacted = scene.parts.life.actors.some(({ kind }) => compacting.has(kind))
    this.#patience = isCompacted ? scene.stream('patience') : undefined
  }

  override async act(): Promise<void> {
    const { random, scene } = this
    const operations = this.drawOperations()
    const pausesMs = operations.map(() => random.pick([0, 0, 0.1, 3]))
    // Longer than a compaction is patient.
    if (this.#patience?.chance(0.2) === true) pausesMs[0] = this.#patience.pick([1100, 2500])
    await scene.write(
      async (_, perform) => {
        for (const [index, operation] of operations.entries()) {
          await scene.pass(pausesMs[index] ?? 0)
          perform(operation)
        }
      },
      { isManual: true, isolation: random.chance(0.7) ? 'serializable' : 'snapshot' },
    )
  }
}
