import { ownText } from './own-text.ts'

/** What identifies a fact: two facts that differ in none of these are one, stated twice. */
export interface FactIdentity {
  /** Ids of nodes. */
  readonly subject: number
  readonly object: number
  readonly relation: string
  /** When it begins, microseconds since 1970. */
  readonly from: bigint
}

/** 16 MiB: a false alarm in some hundred at ten million facts. */
const bitsDefault = 2 ** 27
const probes = 6

/** All bits of a fact lie in one block, so that asking costs one access to memory. */
const blockWords = 16

/**
 * Tells that a fact was not stated before, in memory that does not grow (a Bloom filter). `mayHave`
 * may be wrong when it says yes, so the database is asked then; it is never wrong when it says no.
 */
export class FactFilter {
  readonly #words: Int32Array
  readonly #blockMask: number
  readonly #relationHashes = new Map<string, number>()

  constructor(bits: number = bitsDefault) {
    this.#words = new Int32Array(bits / 32)
    this.#blockMask = bits / 32 / blockWords - 1
  }

  add(fact: FactIdentity): void {
    this.#probe(fact, true)
  }

  mayHave(fact: FactIdentity): boolean {
    return this.#probe(fact, false)
  }

  /** Visits the bits of a fact; returns whether all of them were set. */
  #probe(fact: FactIdentity, isSetting: boolean): boolean {
    // Beyond 2 ** 53 neighbours share a number, which costs a false alarm and nothing else.
    const micros = Number(fact.from)
    const low = micros | 0
    const high = (micros / 2 ** 32) | 0
    const relation = this.#relationHash(fact.relation)
    const one = mix(mix(mix(fact.subject, fact.object), relation), low)
    const other = mix(one, high)
    const block = (other & this.#blockMask) * blockWords
    // The block takes bits of `other`; the place in it nine bits for each probe of two more words.
    let where = mix(other, relation)
    let isKnown = true
    for (let probe = 0; probe < probes; probe++) {
      if (probe === 3) where = mix(where, one)
      const at = block + ((where >>> 5) & (blockWords - 1))
      const flag = 1 << (where & 31)
      const word = this.#words[at] ?? 0
      if ((word & flag) === 0) {
        if (!isSetting) return false
        isKnown = false
        this.#words[at] = word | flag
      }
      where >>>= 9
    }
    return isKnown
  }

  #relationHash(relation: string): number {
    const known = this.#relationHashes.get(relation)
    if (known !== undefined) return known
    let hash = 0
    for (let at = 0; at < relation.length; at++) hash = mix(hash, relation.charCodeAt(at))
    this.#relationHashes.set(ownText(relation), hash)
    return hash
  }
}

/** Two 32-bit words into one; the finisher of MurmurHash3 spreads every bit over the word. */
function mix(one: number, other: number): number {
  let hash = Math.imul(one, 0x9e3779b1) ^ other
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
