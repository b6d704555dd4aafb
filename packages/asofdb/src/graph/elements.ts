import { decodeValue, type Value } from '../encoding/value.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'
import { findField, hasLabel, labelsOf, propertiesOf } from './payload.ts'

/**
 * What an entity is at one point of the two times. Immutable, and independent of later commits.
 * Properties are decoded when asked for: `get` reads one, `properties` all of them.
 */
class Element {
  readonly id: number
  protected readonly symbols: SymbolTable
  protected readonly slice: PayloadSlice
  #properties: Record<string, Value> | undefined

  constructor(id: number, symbols: SymbolTable, slice: PayloadSlice) {
    this.id = id
    this.symbols = symbols
    this.slice = slice
  }

  /** One property's value; undefined when there is none. */
  get(name: string): Value | undefined {
    const symbol = this.symbols.find(name)
    if (symbol === undefined) return undefined
    const at = findField(this.slice, symbol)
    return at < 0 ? undefined : decodeValue(this.slice.bytes, at)
  }

  /** All properties as an object, decoded once. */
  get properties(): Record<string, Value> {
    this.#properties ??= propertiesOf(this.slice, this.symbols)
    return this.#properties
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

  toJSON(): { id: number; labels: string[]; properties: Record<string, Value> } {
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

  toJSON(): {
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
