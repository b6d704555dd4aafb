/** Random keys, values and ranges of a keyspace: small pools, with neighbours close together. */
import { Instant, type KeyInput, type KeyRange, type NamedValueEncoding, type Value } from 'asofdb'
import type { RandomStream } from '../../simulation/random.ts'

const texts = ['a', 'ab', 'abc', 'b', '\u0000', 'a\u0000', 'z', '\u00e9', '\uffff', '\u{1f600}']
const lone = ['\ud83d', '\ud83d\u0001', '\udc00', 'a\ud800']
const numbers = [0, -1, 1, 2, 0.5, -0.5, 2 ** 53, -Infinity, Infinity, 1e300, 5e-324]
const integers = [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 60n]
const day = 86_400_000

export class KeyDraw {
  readonly #random: RandomStream
  readonly #pool: KeyInput[] = []

  constructor(random: RandomStream) {
    this.#random = random
    const size = random.pick([3, 12, 60])
    while (this.#pool.length < size) this.#pool.push(this.#fresh())
  }

  key(): KeyInput {
    const { length } = this.#pool
    if (length < 150 && this.#random.chance(0.02)) this.#pool.push(this.#fresh())
    return this.#random.pick(this.#pool)
  }

  keys(countMax: number): KeyInput[] {
    return Array.from({ length: this.#random.below(countMax + 1) }, () => this.key())
  }

  #fresh(): KeyInput {
    const random = this.#random
    // Beside one that is there: longer, shorter, in a tuple.
    if (this.#pool.length > 0 && random.chance(0.3)) return this.#neighbour(random.pick(this.#pool))
    return random.chance(0.25)
      ? Array.from({ length: 1 + random.below(3) }, () => this.#element())
      : this.#scalar()
  }

  #neighbour(key: KeyInput): KeyInput {
    const random = this.#random
    if (typeof key === 'string') return key + random.pick(texts)
    if (typeof key === 'number' && Number.isSafeInteger(key)) return key + 1
    if (key instanceof Uint8Array) return Uint8Array.of(...key, random.below(2) * 255)
    if (Array.isArray(key)) return [...key.slice(0, 3), this.#element()]
    return [key]
  }

  #element(): KeyInput {
    const random = this.#random
    if (!random.chance(0.15)) return random.chance(0.1) ? random.pick(['', []]) : this.#scalar()
    return Array.from({ length: random.below(3) }, () => this.#scalar())
  }

  #scalar(): KeyInput {
    const random = this.#random
    switch (random.below(8)) {
      case 0:
        return random.chance(0.5)
      case 1:
        return random.chance(0.7) ? random.pick(numbers) : random.pick(integers)
      case 2:
        return random.below(40) - 20
      case 3:
        return random.chance(0.5) ? random.bytes(1 + random.below(3)) : Uint8Array.of(0xff, 0xff)
      case 4:
        return new Date(random.below(5) * day)
      case 5:
        return Instant.from(BigInt(random.below(5)) - 2n)
      default: {
        const parts = Array.from({ length: 1 + random.below(2) }, () => random.pick(texts))
        return random.chance(0.1) ? random.pick(lone) : parts.join('')
      }
    }
  }

  range(): KeyRange {
    const random = this.#random
    const bound = (): KeyInput =>
      random.chance(0.1) ? random.pick(['', [], new Uint8Array(0)]) : this.key()
    return {
      ...(random.chance(0.25) ? { gte: bound() } : {}),
      ...(random.chance(0.15) ? { gt: bound() } : {}),
      ...(random.chance(0.25) ? { lt: bound() } : {}),
      ...(random.chance(0.15) ? { lte: bound() } : {}),
      ...(random.chance(0.2) ? { prefix: this.#prefix() } : {}),
      ...(random.chance(0.4) ? { reverse: random.chance(0.8) } : {}),
      ...(random.chance(0.3) ? { skip: random.below(6) } : {}),
      ...(random.chance(0.4) ? { limit: random.pick([0, 1, 2, 5, 20, Infinity]) } : {}),
    }
  }

  #prefix(): string | Uint8Array | readonly KeyInput[] {
    const random = this.#random
    const key = this.key()
    if (typeof key === 'string') return Array.from(key).slice(0, random.below(3)).join('')
    if (key instanceof Uint8Array) return key.slice(0, random.below(3))
    if (Array.isArray(key)) return key.slice(0, random.below(3))
    return random.pick(['', 'a', 'ab', '\ud83d', new Uint8Array(0), [], [''], ['a']])
  }

  /** A value that fits an encoding; `number` makes most of them unlike all others. */
  value(encoding: NamedValueEncoding, number: number): Value {
    const random = this.#random
    switch (encoding) {
      case 'text':
        return random.chance(0.1) ? '' : `${random.pick(texts)}${number}`
      case 'bytes':
        return random.chance(0.1) ? new Uint8Array(0) : random.bytes(random.below(40))
      case 'json':
        return random.pick([null, true, number, `${number}`, [number, []], { number, a: { b: 1 } }])
      default: {
        const plain = [null, false, number, number / 8, 2n ** 60n + BigInt(number), `${number}`]
        const rich = [random.bytes(5), [number, 'x', [null]], { number, list: [1.5, 'y'] }]
        return random.pick<Value>([...plain, ...rich, 'l'.repeat(random.below(300)), number])
      }
    }
  }
}
