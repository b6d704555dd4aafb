import { invariant, must } from '../rules/invariant.ts'

const recentMask = 15

/** The largest number of a symbol. Tables hold symbols as signed words. */
export const symbolMax = 2 ** 31 - 1

/**
 * Names (labels, types, properties, keyspaces) as small integers. A number is given when a
 * transaction first uses a name; its definition travels in the batch of the first commit that
 * uses it, number included, so that replays and replicas agree. A name that only a cancelled
 * transaction used keeps its number in this process and leaves a gap in the log.
 */
export class SymbolTable {
  readonly #numbers = new Map<string, number>()
  // The names asked for last, by length. A name never changes its number, so they stay true.
  readonly #recentNames: (string | undefined)[] = Array.from({ length: recentMask + 1 })
  readonly #recentNumbers = new Int32Array(recentMask + 1)
  readonly #names: (string | undefined)[] = []
  readonly #logged: boolean[] = []
  readonly #loggedOrder: number[] = []

  /** How many symbols committed batches define. */
  get count(): number {
    return this.#loggedOrder.length
  }

  /** The number of a name, if any transaction ever used it. */
  find(name: string): number | undefined {
    // Without a compiler anything may be asked for.
    if (typeof name !== 'string') return undefined
    const slot = name.length & recentMask
    if (this.#recentNames[slot] === name) return this.#recentNumbers[slot]
    return this.#findAmongAll(name, slot)
  }

  #findAmongAll(name: string, slot: number): number | undefined {
    const found = this.#numbers.get(name)
    if (found === undefined) return undefined
    this.#recentNames[slot] = name
    this.#recentNumbers[slot] = found
    return found
  }

  intern(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const symbol = this.#names.length
    this.#names.push(name)
    this.#numbers.set(name, symbol)
    return symbol
  }

  name(symbol: number): string {
    return must(this.#names[symbol], 'the name of a symbol')
  }

  /** Whether a committed batch defines the symbol. */
  isLogged(symbol: number): boolean {
    return this.#logged[symbol] === true
  }

  /** Takes in a definition from a batch or a checkpoint. */
  define(symbol: number, name: string): void {
    invariant(symbol >= 0 && symbol <= symbolMax, 'a symbol is a number of 31 bits')
    const known = this.#numbers.get(name)
    invariant(known === undefined || known === symbol, 'a name has one symbol')
    invariant((this.#names[symbol] ?? name) === name, 'a symbol has one name')
    while (this.#names.length <= symbol) this.#names.push(undefined)
    this.#names[symbol] = name
    this.#numbers.set(name, symbol)
    if (this.#logged[symbol] !== true) this.#loggedOrder.push(symbol)
    this.#logged[symbol] = true
  }

  /** The logged definitions [from, to), in the order in which they were logged. */
  *definitionsLogged(from: number, to: number): Generator<[symbol: number, name: string]> {
    invariant(from >= 0 && from <= to && to <= this.count, 'the definitions asked for exist')
    for (const symbol of this.#loggedOrder.slice(from, to)) yield [symbol, this.name(symbol)]
  }

  /** Every logged definition, by number. */
  *definitions(): Generator<[symbol: number, name: string]> {
    for (let symbol = 0; symbol < this.#names.length; symbol++) {
      const name = this.#names[symbol]
      if (name !== undefined && this.#logged[symbol] === true) yield [symbol, name]
    }
  }
}
