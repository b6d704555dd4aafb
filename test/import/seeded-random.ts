/** A small generator of numbers that a seed determines (mulberry32). */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A number in [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor(this.fraction() * end)
  }

  /** True in `share` of all cases. */
  chance(share: number): boolean {
    return this.fraction() < share
  }

  pick<One>(from: readonly One[]): One {
    const one = from[this.below(from.length)]
    if (one === undefined) throw new Error('there is nothing to pick from')
    return one
  }
}
