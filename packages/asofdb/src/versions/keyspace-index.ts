import { invariant } from '../rules/invariant.ts'
import type { KeyNames } from './key-names.ts'
import { sortByName, sortByNameInSteps } from './name-sort.ts'
import { NameTable } from './name-table.ts'
import { OrderedIndex } from './ordered-index.ts'

/** So many that wait are put in place one by one, and so many of how many are in order. */
const singlyMax = 64
const singlyShare = 32

/** So many are put in order without giving others a turn, so many values gone over. */
const waitingMaxAtOnce = 256
const valuesPerStep = 1 << 14

/**
 * The keys of one keyspace: by name in a hash table, in order in an ordered index. Keys that are
 * added wait, unsorted, until the order is asked for: then they are sorted in bulk where they are
 * many, which costs a tenth of finding the place of each.
 */
export class KeyspaceIndex {
  readonly names: NameTable
  readonly #keyNames: KeyNames
  readonly #ordered = new OrderedIndex()
  #waiting: number[] = []

  constructor(keyNames: KeyNames) {
    this.names = new NameTable(keyNames)
    this.#keyNames = keyNames
  }

  /** Whether keys wait to be put in order. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Takes over ordinals in order, which nothing is known of yet; not their names. */
  restore(ordinals: Int32Array): void {
    invariant(!this.isWaiting && this.names.count === 0, 'nothing is known of the keys yet')
    this.#ordered.restore(this.#entriesOf(ordinals))
  }

  /** Adds a key that was just looked for in `names`, in vain. */
  addFound(ordinal: number): void {
    this.names.add(ordinal)
    this.#waiting.push(ordinal)
  }

  /** Adds a key that may have been added before. */
  addStored(ordinal: number): void {
    this.names.addStored(ordinal)
    this.#waiting.push(ordinal)
  }

  /** The highest ordinal of a name, as far as the keys are in order. */
  lastInOrder(name: string): number | undefined {
    return this.#ordered.lastValueOf(name)
  }

  /** All keys in order. */
  settled(): OrderedIndex {
    if (this.#waiting.length > 0) this.#settle()
    invariant(!this.isWaiting, 'all keys are in order')
    return this.#ordered
  }

  /**
   * Puts all keys in order, in steps between which others may have a turn. Keys that come meanwhile
   * wait as before, and so do the others then.
   */
  *settleInSteps(): Generator<undefined> {
    const waiting = this.#waiting
    const { length } = waiting
    if (length <= waitingMaxAtOnce) {
      this.settled()
      return
    }
    const { count } = this.#ordered
    const known = new Int32Array(count)
    let at = 0
    for (const ordinal of this.#ordered.values()) {
      known[at++] = ordinal
      if (at % valuesPerStep === 0) yield
    }
    const others = Int32Array.from(waiting)
    const all = yield* sortByNameInSteps(this.#keyNames, known, others)
    if (this.#waiting === waiting && waiting.length === length) this.#replace(all)
  }

  #settle(): void {
    const waiting = Int32Array.from(this.#waiting)
    const { count } = this.#ordered
    if (waiting.length <= singlyMax || waiting.length * singlyShare < count) {
      this.#waiting = []
      sortByName(this.#keyNames, waiting)
      for (const ordinal of waiting) this.#ordered.add(this.#keyNames.text(ordinal), ordinal)
      return
    }
    const all = new Int32Array(count + waiting.length)
    let at = 0
    for (const ordinal of this.#ordered.values()) all[at++] = ordinal
    invariant(at === count, 'an index counts its entries')
    all.set(waiting, count)
    sortByName(this.#keyNames, all)
    this.#replace(all)
  }

  /** What waited is among all keys in order now. */
  #replace(all: Int32Array): void {
    this.#waiting = []
    const once = withoutRepeats(all)
    invariant(once.length >= this.#ordered.count, 'what was in order is among all keys')
    if (once.length > this.#ordered.count) this.#ordered.replace(this.#entriesOf(once))
  }

  #entriesOf(ordinals: Int32Array): {
    readonly count: number
    key(index: number): string
    value(index: number): number
  } {
    const value = (index: number): number => ordinals[index] as number
    return { count: ordinals.length, key: (index) => this.#keyNames.text(value(index)), value }
  }
}

/** Of numbers the same ones of which lie side by side, each once. */
function withoutRepeats(numbers: Int32Array): Int32Array {
  let count = 0
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number
    if (at === 0 || number !== numbers[at - 1]) numbers[count++] = number
  }
  return numbers.subarray(0, count)
}
