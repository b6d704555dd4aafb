/**
 * Repeatable random numbers: one stream per use, so that a draw more in one place moves nothing in
 * another.
 *
 * The generator is xoshiro128** (David Blackman and Sebastiano Vigna, "Scrambled linear
 * pseudorandom number generators", 2018); its state is filled by a Weyl sequence with a
 * multiply-and-shift finalizer, as its authors advise. The seed may be any text or number.
 */
export class RandomStream {
  readonly seed: string
  #first: number
  #second: number
  #third: number
  #fourth: number

  constructor(seed: string | number) {
    this.seed = String(seed)
    const next = fillerFrom(this.seed)
    this.#first = next()
    this.#second = next()
    this.#third = next()
    // The all-zero state is the one that never leaves itself.
    this.#fourth = next() | 1
  }

  /** An independent stream for one purpose; the same label gives the same stream. */
  stream(label: string | number): RandomStream {
    return new RandomStream(`${this.seed}/${label}`)
  }

  /** A whole number in [0, 2^32). */
  word(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#second, 5), 7), 9) >>> 0
    const shifted = this.#second << 9
    this.#third ^= this.#first
    this.#fourth ^= this.#second
    this.#second ^= this.#third
    this.#first ^= this.#fourth
    this.#third ^= shifted
    this.#fourth = rotateLeft(this.#fourth, 11)
    return result
  }

  /** A number in [0, 1) with 53 random bits. */
  fraction(): number {
    return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53
  }

  /** A whole number in [0, limit); 0 when the limit is 0. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit)
  }

  /** A whole number in [from, to), as `below` for a range. */
  between(from: number, to: number): number {
    return from + this.below(to - from)
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 4) {
      const word = this.word()
      for (let part = 0; part < 4 && at + part < length; part++) {
        bytes[at + part] = word >>> (part * 8)
      }
    }
    return bytes
  }
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count))
}

function fillerFrom(seed: string): () => number {
  let state = 0x811c9dc5
  for (let at = 0; at < seed.length; at++) {
    state = Math.imul(state ^ seed.charCodeAt(at), 0x01000193)
  }
  return () => {
    state = (state + 0x9e3779b9) | 0
    let word = state
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return word ^ (word >>> 15)
  }
}
