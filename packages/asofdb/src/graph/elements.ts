import { decodeValue, type Value } from '../encoding/value.ts'
import {
  entryStart,
  entryToSlice,
  type PayloadEntry,
  type PayloadSlice,
} from '../versions/payload-slice.ts'
import type { SymbolTable } from '../versions/symbol-table.ts'
import { fieldStart, findField, hasLabel, labelsOf, propertiesOf } from './payload.ts'

/**
 * What an entity is at one point of the two times. Immutable, and independent of later commits.
 * Properties are decoded when asked for: `get` reads one, `properties` all of them.
 */
abstract class Element {
  declare readonly id: number
  protected declare readonly symbols: SymbolTable

  constructor(id: number, symbols: SymbolTable) {
    this.id = id
    this.symbols = symbols
  }

  protected abstract get slice(): PayloadSlice

  /** One property's value; undefined when there is none. */
  abstract get(name: string): Value | undefined

  /** All properties as an object of one's own, decoded at each call. */
  get properties(): Record<string, Value> {
    return propertiesOf(this.slice, this.symbols)
  }

  abstract toJSON(): object

  /** What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }
}

const isEntry = -1

/** A node at one point of the two times. */
export class Node extends Element {
  // Where the payload lies, in parts: one object less for every node read. Of an entry of the
  // arena only its place is kept; the payload stays untouched until it is asked for.
  readonly #bytes: Uint8Array
  readonly #start: number
  /** `isEntry` where an entry of the arena begins at `#start`. */
  readonly #end: number

  constructor(id: number, symbols: SymbolTable, place: PayloadSlice | PayloadEntry) {
    super(id, symbols)
    this.#bytes = place.bytes
    if ('offset' in place) {
      this.#start = place.offset
      this.#end = isEntry
    } else {
      this.#start = place.start
      this.#end = place.end
    }
  }

  protected override get slice(): PayloadSlice {
    const [bytes, start, end] = [this.#bytes, this.#start, this.#end]
    return end === isEntry ? entryToSlice({ bytes, offset: start }) : { bytes, start, end }
  }

  override get(name: string): Value | undefined {
    const symbol = this.symbols.find(name)
    if (symbol === undefined) return undefined
    const bytes = this.#bytes
    let start = this.#start
    if (this.#end === isEntry) start = entryStart(bytes, start)
    else if (this.#end === start) return undefined
    const at = fieldStart(bytes, start, symbol)
    return at < 0 ? undefined : decodeValue(bytes, at)
  }

  /** Label names, sorted. */
  get labels(): string[] {
    return labelsOf(this.slice)
      .map((label) => this.symbols.name(label))
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

/** Where an edge's type and payload are found when they are asked for. */
export interface EdgeOrigin {
  readonly symbols: SymbolTable
  edgeType(id: number): string
  /** The payload at the origin's point, where the edge is present. */
  edgePayload(id: number): PayloadSlice
}

export interface EdgeIdentity {
  readonly id: number
  /** Id of the node it leaves. */
  readonly source: number
  /** Id of the node it reaches. */
  readonly target: number
}

/**
 * An edge at one point of the two times. Walking along edges needs their ends alone, so the type
 * and the properties are looked up when first asked for; what they are is fixed by then already.
 */
export class Edge extends Element {
  /** Id of the node it leaves. */
  declare readonly source: number
  /** Id of the node it reaches. */
  declare readonly target: number
  readonly #origin: EdgeOrigin
  #slice: PayloadSlice | undefined

  constructor(identity: EdgeIdentity, origin: EdgeOrigin, slice?: PayloadSlice) {
    super(identity.id, origin.symbols)
    this.source = identity.source
    this.target = identity.target
    this.#origin = origin
    this.#slice = slice
  }

  override get(name: string): Value | undefined {
    const symbol = this.symbols.find(name)
    if (symbol === undefined) return undefined
    const { slice } = this
    const at = findField(slice, symbol)
    return at < 0 ? undefined : decodeValue(slice.bytes, at)
  }

  get type(): string {
    return this.#origin.edgeType(this.id)
  }

  protected override get slice(): PayloadSlice {
    this.#slice ??= this.#origin.edgePayload(this.id)
    return this.#slice
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
