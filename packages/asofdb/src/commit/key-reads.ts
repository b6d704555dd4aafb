import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'

/** What a walk has read so far: names from `from` up to `to`, which belongs to it or not. */
export interface ReadStretch {
  from: string
  to: string
  includesTo: boolean
  /** Whether it can still grow. */
  isOpen: boolean
}

/** So many stretches are kept as they come before they are merged for the first time. */
const looseMin = 64

/**
 * What a transaction has read of the order of keys, by keyspace: names that were absent, and the
 * stretches that walks have gone over. A name is an ordered key as a latin1 string.
 */
export class KeyReads {
  readonly #keyspaces = new Map<string, Stretches>()

  /** One name that was looked for. */
  addName({ keyspace, name }: { readonly keyspace: string; readonly name: string }): void {
    this.#of(keyspace).add({ from: name, to: name, includesTo: true, isOpen: false })
  }

  /** Takes in a stretch, which counts as it is at the commit. */
  add(keyspace: string, stretch: ReadStretch): void {
    invariant(stretch.from <= stretch.to, 'a stretch does not end before it begins')
    this.#of(keyspace).add(stretch)
  }

  /** Tells of a key, by its ordinal, whether it lies within what was read. */
  test(tables: Tables): (ordinal: number) => boolean {
    const { keyNames, symbols } = tables
    const bySymbol = new Map<number, Stretches>()
    for (const [keyspace, stretches] of this.#keyspaces) {
      const symbol = symbols.find(keyspace)
      if (symbol !== undefined) bySymbol.set(symbol, stretches)
    }
    if (bySymbol.size === 0) return () => false
    return (ordinal) => {
      const stretches = bySymbol.get(keyNames.keyspace(ordinal))
      return stretches !== undefined && stretches.has(keyNames.text(ordinal))
    }
  }

  #of(keyspace: string): Stretches {
    let stretches = this.#keyspaces.get(keyspace)
    if (stretches === undefined) {
      stretches = new Stretches()
      this.#keyspaces.set(keyspace, stretches)
    }
    return stretches
  }
}

/**
 * A set of names: disjoint half-open intervals in order, and beside them those that came since they
 * were last merged. Merging waits until there are as many as intervals, so its cost is shared.
 */
class Stretches {
  #starts: string[] = []
  #ends: string[] = []
  #loose: ReadStretch[] = []
  #looseMax = looseMin

  add(stretch: ReadStretch): void {
    this.#loose.push(stretch)
    if (this.#loose.length < this.#looseMax) return
    const open = this.#loose.filter(({ isOpen }) => isOpen)
    this.#merge(this.#loose.filter(({ isOpen }) => !isOpen))
    this.#loose = open
    this.#looseMax = Math.max(looseMin, 2 * (open.length + this.#starts.length))
  }

  has(name: string): boolean {
    if (this.#loose.length > 0) {
      // Nothing grows while a commit is checked; what is open then is not looked at later.
      this.#merge(this.#loose)
      this.#loose = []
    }
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? '') <= name) low = middle + 1
      else high = middle
    }
    return low > 0 && name < (this.#ends[low - 1] ?? '')
  }

  #merge(stretches: readonly ReadStretch[]): void {
    const all: { readonly from: string; readonly to: string }[] = stretches.map(toHalfOpen)
    for (let at = 0; at < this.#starts.length; at++) {
      all.push({ from: this.#starts[at] ?? '', to: this.#ends[at] ?? '' })
    }
    all.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))
    const starts: string[] = []
    const ends: string[] = []
    for (const { from, to } of all) {
      const last = ends.length - 1
      const end = ends[last]
      if (end === undefined || from > end) {
        if (from >= to) continue
        starts.push(from)
        ends.push(to)
      } else if (to > end) {
        ends[last] = to
      }
    }
    invariant(starts.length === ends.length, 'every interval has both its ends')
    this.#starts = starts
    this.#ends = ends
  }
}

/** The name that follows at once is the one with a zero byte more. */
function toHalfOpen({ from, to, includesTo }: ReadStretch): { from: string; to: string } {
  return { from, to: includesTo ? `${to}\0` : to }
}
