import { Divergence } from '../workload-run.ts'
import { Actor } from './actor.ts'

/** Makes checkpoints at moments of its own. */
export class CheckpointMaker extends Actor {
  override async act(): Promise<void> {
    const scene = this.scene
    try {
      const { sequence } = await scene.database.checkpoint()
      scene.makeDurable(sequence)
    } catch (error) {
      if (!scene.isExpected(error)) throw error
    }
  }
}

/** Has everything checked against everything while others work. */
export class Verifier extends Actor {
  override async act(): Promise<void> {
    const scene = this.scene
    try {
      const { problems } = await scene.database.verify()
      scene.parts.counts.answers += 1
      if (problems.length === 0 || scene.isFaulty) return
      throw new Divergence(`verify: ${JSON.stringify(problems)}`)
    } catch (error) {
      if (!scene.isExpected(error)) throw error
    }
  }
}

/** Sets the wall clock, back and forth. */
export class ClockSetter extends Actor {
  override act(): Promise<void> {
    const { clock } = this.scene.parts.simulated
    const seconds = this.random.pick([-600, -1, -0.001, 0.5, 3600 * 3])
    clock.jumpWall(Math.round(seconds * 1_000_000))
    return Promise.resolve()
  }
}
