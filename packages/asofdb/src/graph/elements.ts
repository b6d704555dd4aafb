import { decodeValue, type Value } from '../encoding/value.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'
import { findField, hasLabel, labelsOf, propertiesOf } from './payload.ts'

/**
 * What an entity is at one point of the two times. Immutable, and independent of later commits.
 * Properties are decoded when asked for: `get` reads one, `properties` all of them.
 */
abstract class Element {
  readonly id: number
  readonly #symbols: SymbolTable
  // The slice is kept as its three parts: one object less for every entity read.
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #end: number

  constructor(id: number, symbols: SymbolTable, slice: PayloadSlice) {
    this.id = id
    this.#symbols = symbols
    this.#bytes = slice.bytes
    this.#start = slice.start
    this.#end = slice.end
  }

  protected get symbols(): SymbolTable {
    return this.#symbols
  }

  protected get slice(): PayloadSlice {
    return { bytes: this.#bytes, start: this.#start, end: this.#end }
  }

  /** One property's value; undefined when there is none. */
  get(name: string): Value | undefined {
    const symbol = this.#symbols.find(name)
    if (symbol === undefined) return undefined
    const at = findField(this.slice, symbol)
    return at < 0 ? undefined : decodeValue(this.#bytes, at)
  }

  /** All properties as an object of one's own, decoded at each call. */
  get properties(): Record<string, Value> {
    return propertiesOf(this.slice, this.#symbols)
  }

  abstract toJSON(): object

  /** What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }
}

/** A node at one point of the two times. */
export class Node extends Element {
  /** Label names, sorted. */
  get labels(): string[] {
    return labelsOf(this.slice)
      .map(label => this.symbols.name(label))
      .sort()
  }

  has(label: string): boolean {
    const symbol = this.symbols.find(label)
    return symbol !== undefined && hasLabel(this.slice, symbol)
  }

  override toJSON(): { id: number; labels: string[]; properties: Record<string, Value> } {
    return { id: this.id, labels: this.labels, properties: this.properties }
  }
}

/** An edge at one point of the two times. */
export class Edge extends Element {
  readonly type: string
  /** Id of the node it leaves. */
  readonly source: number
  /** Id of the node it reaches. */
  readonly target: number

  constructor(
    identity: { id: number; type: string; source: number; target: number },
    symbols: SymbolTable,
    slice: PayloadSlice,
  ) {
    super(identity.id, symbols, slice)
    this.type = identity.type
    this.source = identity.source
    this.target = identity.target
  }

  override toJSON(): {
    id: number
    type: string
    source: number
    target: number
    properties: Record<string, Value>
  } {
    const { id, type, source, target, properties } = this
    return { id, type, source, target, properties }
  }
}
