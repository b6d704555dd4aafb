import { QuestionMaker } from '../operation-questions.ts'
import type { RandomStream } from '../random.ts'
import type { Scene } from '../scene.ts'

/** What random operations and questions are about: what is known by now. */
export class KnownPools {
  readonly questions: QuestionMaker
  readonly #scene: Scene
  readonly #random: RandomStream

  constructor(scene: Scene, random: RandomStream) {
    this.#scene = scene
    this.#random = random
    this.questions = new QuestionMaker(random, this)
  }

  get nodes(): readonly string[] {
    return this.#names('node')
  }

  get edges(): readonly string[] {
    return this.#names('edge')
  }

  takeName(kind: 'node' | 'edge'): string {
    const { archive } = this.#scene
    archive.entities += 1
    return `${kind === 'node' ? 'n' : 'e'}${archive.entities}`
  }

  /** Round numbers mostly, so that bounds meet; sometimes the present, sometimes its neighbours. */
  instant(): number {
    const random = this.#random
    const wall = this.#scene.parts.simulated.clock.wallMicros()
    if (random.chance(0.2)) return wall + random.below(7) - 3
    const step = 20_000
    const origin = Math.floor(wall / (10 * step)) * 10 * step
    return origin + step * (random.below(15) - 7)
  }

  /** Nodes of the bank are for the bank alone. */
  #names(kind: 'node' | 'edge'): string[] {
    const { model } = this.#scene.chronicle
    const known = model.viewAt(model.sequence, 0n).entities()
    return known
      .filter((one) => one.kind === kind && !one.name.startsWith('bank'))
      .map(({ name }) => name)
  }
}
