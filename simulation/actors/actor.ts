import type { RandomStream } from '../random.ts'
import type { Scene } from '../scene.ts'

/** Somebody who works on a database together with others. Rejects when something is wrong. */
export interface Actor {
  act(): Promise<void>
}

export type MakeActor = (scene: Scene, random: RandomStream) => Actor
