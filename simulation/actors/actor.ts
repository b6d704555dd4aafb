import type { RandomStream } from '../random.ts'
import type { Scene } from '../scene.ts'

/** Somebody who works on a database together with others. */
export abstract class Actor {
  protected readonly scene: Scene
  /** Of this actor alone. */
  protected readonly random: RandomStream

  constructor(scene: Scene, random: RandomStream) {
    this.scene = scene
    this.random = random
  }

  /** One transaction, or one look. Rejects when something is wrong. */
  abstract act(): Promise<void>
}

export type ActorClass = new (scene: Scene, random: RandomStream) => Actor
