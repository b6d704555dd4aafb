import type { VersionPoint } from './version-point.ts'
import { WordColumn, wordColumnChunkMask } from './word-column.ts'

/** Entities come in zones of 1,024, of four words each (the last one is not used). */
const zoneBits = 10
const zoneWords = 4
const chunkMask = wordColumnChunkMask
const rowMaxWord = 0
const highMaxWord = 1
const lowMaxWord = 2

/**
 * The payloads of entities whose newest version never ends, found by four bytes an entity: so
 * reading the present of a large table seldom leaves the caches for more than the payload itself.
 *
 * Each zone of consecutive entities keeps bounds of the rows and the starts of those versions: a
 * point beyond the bounds sees every one of them, and of any other point nothing is said here. The
 * bounds only ever widen, which keeps them true. Derived state.
 */
export class EndlessPayloads {
  readonly #references = new WordColumn(1)
  #zones = new Int32Array(0)

  get byteLength(): number {
    return this.#references.byteLength + this.#zones.byteLength
  }

  /** Takes in the newest version of an entity: endless from an instant on, and not absent. */
  set(entity: number, reference: number, version: EndlessVersion): void {
    this.#references.extendTo(entity + 1)
    this.#references.set(entity, 0, reference)
    const zone = (entity >>> zoneBits) * zoneWords
    if (zone >= this.#zones.length) this.#grow(zone + zoneWords)
    const zones = this.#zones
    const { row, high, low } = version
    if (row > (zones[zone + rowMaxWord] as number)) zones[zone + rowMaxWord] = row
    const highMax = zones[zone + highMaxWord] as number
    if (high < highMax) return
    if (high === highMax && low >>> 0 <= (zones[zone + lowMaxWord] as number) >>> 0) return
    zones[zone + highMaxWord] = high
    zones[zone + lowMaxWord] = low
  }

  /** The newest version of an entity is absent or ends. */
  clear(entity: number): void {
    if (entity < this.#references.count) this.#references.set(entity, 0, 0)
  }

  /** The payload that holds at a point, as the word that tables hold; 0 says nothing. */
  payloadAt(entity: number, point: VersionPoint): number {
    if (entity >= this.#references.count) return 0
    const zones = this.#zones
    const zone = (entity >>> zoneBits) * zoneWords
    if ((zones[zone + rowMaxWord] as number) >= point.rows) return 0
    const highMax = zones[zone + highMaxWord] as number
    if (highMax >= point.high) {
      if (highMax > point.high) return 0
      if ((zones[zone + lowMaxWord] as number) >>> 0 > point.low >>> 0) return 0
    }
    return this.#references.chunkOf(entity)[entity & chunkMask] as number
  }

  /**
   * Fetches what `payloadAt` will look at of several entities: one after another each would be
   * waited for. What it gives has no meaning, but is not left out as useless.
   */
  lookAhead(entities: Int32Array, count: number): number {
    const references = this.#references
    const known = references.count
    let seen = 0
    for (let at = 0; at < count; at++) {
      const entity = entities[at] as number
      if (entity < known) seen |= references.chunkOf(entity)[entity & chunkMask] as number
    }
    return seen
  }

  #grow(words: number): void {
    const larger = new Int32Array(Math.max(this.#zones.length * 2, words, zoneWords))
    larger.set(this.#zones)
    for (let zone = this.#zones.length; zone < larger.length; zone += zoneWords) {
      larger[zone + rowMaxWord] = -1
      larger[zone + highMaxWord] = -(2 ** 31)
    }
    this.#zones = larger
  }
}

/** Where a version was appended, and the start of its period in two words. */
interface EndlessVersion {
  readonly row: number
  readonly high: number
  readonly low: number
}
