import { isDatabaseError } from '../../packages/asofdb/src/index.ts'
import type { Expected, KeyOperation, Operation, ScriptKeyRange } from '../operation-script.ts'
import { valuesOfKeys } from '../operation-maker.ts'
import type { RandomStream } from '../random.ts'
import type { Perform, Scene } from '../scene.ts'
import { Divergence } from '../workload-run.ts'
import { Actor } from './actor.ts'
import { KnownPools } from './pools.ts'

/** Random ranges of the keyspaces that everybody writes to. */
class KeyDraw {
  readonly #random: RandomStream
  readonly #pools: KnownPools

  constructor(scene: Scene, random: RandomStream) {
    this.#random = random
    this.#pools = new KnownPools(scene, random)
  }

  key() {
    return this.#pools.questions.key()
  }

  /** Of one keyspace, whose keys are of one kind. */
  range(): { keyspace: string; range: ScriptKeyRange } {
    const random = this.#random
    const { keyspace, key } = this.key()
    const other = this.key()
    const prefix =
      typeof key === 'string'
        ? key.slice(0, random.below(2))
        : typeof key === 'number'
          ? undefined
          : key.slice(0, random.below(2))
    const isPrefixed = prefix !== undefined && random.chance(0.3)
    const lower = random.pick([{}, {}, { gt: key }, { gte: key }])
    const upper = random.pick([{ lt: other.key }, { lte: other.key }])
    return {
      keyspace,
      range: {
        ...lower,
        ...(other.keyspace === keyspace ? upper : {}),
        ...(isPrefixed ? { prefix } : {}),
        ...(random.chance(0.4) ? { reverse: true } : {}),
        ...(random.chance(0.3) ? { skip: random.below(3) } : {}),
        ...(random.chance(0.4) ? { limit: random.below(4) } : {}),
      },
    }
  }
}

/** Conditional writes, ranges and savepoints on keys, in closures and by hand. */
export class KeyTransactor extends Actor {
  readonly #draw = new KeyDraw(this.scene, this.random)

  override async act(): Promise<void> {
    const { random, scene } = this
    const operations = this.#operations()
    const pausesMs = operations.map(() => random.pick([0, 0, 0, 0.1, 3]))
    const isSlow = random.chance(0.5)
    await scene.write(
      (_, perform) =>
        isSlow
          ? this.#performSlowly(operations, pausesMs, perform)
          : performAll(operations, perform),
      {
        isManual: random.chance(0.5),
        isolation: random.chance(0.7) ? 'serializable' : 'snapshot',
      },
    )
  }

  async #performSlowly(
    operations: readonly Operation[],
    pausesMs: readonly number[],
    perform: Perform,
  ): Promise<void> {
    for (const [index, operation] of operations.entries()) {
      await this.scene.pass(pausesMs[index] ?? 0)
      performOne(operation, perform)
    }
  }

  #operations(): Operation[] {
    const { random } = this
    const operations: Operation[] = []
    let savepoints: string[] = []
    for (let count = 1 + random.below(7); count > 0; count -= 1) {
      if (!random.chance(0.25)) {
        operations.push(this.#operation())
        continue
      }
      const index = random.below(savepoints.length)
      const known = savepoints[index]
      const verb = random.pick(['savepoint', 'rollbackTo', 'release'] as const)
      if (known === undefined || verb === 'savepoint') {
        const savepoint = `s${operations.length}`
        savepoints = [...savepoints, savepoint]
        operations.push({ verb: 'savepoint', savepoint })
      } else {
        savepoints = savepoints.slice(0, verb === 'release' ? index : index + 1)
        operations.push({ verb, savepoint: known })
      }
    }
    return operations
  }

  #operation(): KeyOperation | Operation {
    const { random } = this
    const place = this.#draw.key()
    const value = random.pick(valuesOfKeys)
    const expected = random.pick<Expected>(['same', 'same', 'absent', 'given'])
    switch (random.below(10)) {
      case 0:
      case 1:
        return { verb: 'insertKey', ...place, value }
      case 2:
      case 3:
        return { verb: 'compareAndSetKey', ...place, expected, value }
      case 4:
        return { verb: 'compareAndDeleteKey', ...place, expected, value }
      case 5:
        return { verb: 'clearKeys', ...this.#draw.range() }
      case 6:
      case 7:
        return { verb: 'readKeys', ...this.#draw.range() }
      case 8:
        return { verb: 'deleteKey', ...place }
      default:
        return { verb: 'putKey', ...place, value }
    }
  }
}

function performAll(operations: readonly Operation[], perform: Perform): void {
  for (const operation of operations) performOne(operation, perform)
}

/** A condition that is not met leaves the transaction open and as it was. */
function performOne(operation: Operation, perform: Perform): void {
  try {
    perform(operation)
  } catch (error) {
    if (!isDatabaseError(error, 'AlreadyExists')) throw error
  }
}

/** Asks ranges with everything that they take, and whole histories of keys. */
export class KeyReader extends Actor {
  readonly #draw = new KeyDraw(this.scene, this.random)

  override act(): Promise<void> {
    const { random, scene } = this
    scene.catchUp()
    const { chronicle, database } = scene
    for (let count = 0; count < 4; count += 1) {
      const { model, isErasing, isPruning } = chronicle
      const sequence = random.chance(0.5) ? model.sequence : random.below(model.sequence + 1)
      const wall = BigInt(scene.parts.simulated.clock.wallMicros())
      // What was forgotten leaves less of a history than the model has.
      const isWhole = model.forgetting.count === 0 && !isErasing && !isPruning
      const ask = isWhole && random.chance(0.4) ? 'keyVersions' : 'keyRange'
      scene.mustTell({ sequence, valid: wall, query: { ask, ...this.#draw.range() } })
    }
    this.#walkBothWays(database.keys(this.#draw.key().keyspace).range())
    return Promise.resolve()
  }

  /** The same entries from both ends as from one. */
  #walkBothWays(entries: ReturnType<ReturnType<Scene['database']['keys']>['range']>): void {
    const ends = entries.ends()
    let count = 0
    for (let isFront = true; ; isFront = this.random.chance(0.5)) {
      if ((isFront ? ends.front() : ends.back()) === undefined) break
      count += 1
    }
    const counted = entries.count()
    this.scene.parts.counts.answers += 1
    if (count !== counted) throw new Divergence(`${counted} keys, and ${count} from both ends`)
  }
}
