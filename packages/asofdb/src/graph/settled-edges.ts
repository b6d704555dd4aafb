import { must } from '../rules/invariant.ts'
import { BitSet } from '../versions/bit-set.ts'
import { piecesOfWords, wordsOfSection } from '../versions/index-shelf.ts'
import type { EdgeTable } from '../versions/tables.ts'
import type { VersionPoint } from '../versions/version-point.ts'
import type { VersionTable } from '../versions/version-table.ts'

const blockBits = 10
export type Presence = 'present' | 'absent' | 'unknown'

/**
 * Tells of most edges whether they hold at a point without looking at their versions.
 *
 * An edge is *settled* when it has one version, present, that never ends. Edges come in blocks of
 * consecutive ordinals, and each block keeps the bounds of its settled edges' rows and starts (a
 * zone map): a point beyond the upper bounds sees all of them, one before the lower bounds none.
 * So the present, and most of the past, costs one bit an edge; whatever falls between is left to
 * the versions.
 *
 * The same is kept by source node, for walks that follow all edges of a node: a bit says that one
 * of them is not settled, and blocks of nodes bound the edges that leave them. Derived state.
 */
export class SettledEdges {
  readonly #versions: VersionTable
  readonly #ends: EdgeTable
  readonly #edges = new BitSet()
  readonly #edgeBounds = new BlockBounds()
  /** Nodes that an edge leaves which is not settled, or once was not. */
  readonly #unsettledSources = new BitSet()
  readonly #sourceBounds = new BlockBounds()

  constructor(versions: VersionTable, ends: EdgeTable) {
    this.#versions = versions
    this.#ends = ends
  }

  get byteLength(): number {
    const bits = this.#edges.byteLength + this.#unsettledSources.byteLength
    return bits + this.#edgeBounds.byteLength + this.#sourceBounds.byteLength
  }

  /** Takes in a version row, in row order. */
  follow(row: number): void {
    const versions = this.#versions
    const edge = versions.entityOf(row)
    const source = this.#ends.source(edge)
    const isFirst = versions.previous(row) < 0
    if (!isFirst || versions.payloadOf(row) === 0 || !this.#isEndless(row)) {
      this.#edges.set(edge, false)
      this.#unsettledSources.set(source, true)
      return
    }
    this.#edges.set(edge, true)
    const { column } = versions.periods
    const period = versions.periodOf(row)
    const start = { high: column.word(period, 0), low: column.word(period, 1) }
    this.#edgeBounds.include(edge, row, start)
    this.#sourceBounds.include(source, row, start)
  }

  /** From now on what holds of an edge is for its versions to say. */
  unsettle(edge: number): void {
    this.#edges.set(edge, false)
    this.#unsettledSources.set(this.#ends.source(edge), true)
  }

  /** Whether an edge holds at a point; `unknown` leaves it to the edge's versions. */
  presence(edge: number, point: VersionPoint): Presence {
    return this.#edges.has(edge) ? this.#edgeBounds.presence(edge, point) : 'unknown'
  }

  /** Whether every edge that leaves a node is settled and holds at a point. False says nothing. */
  allPresent(source: number, point: VersionPoint): boolean {
    return !this.#unsettledSources.has(source) && this.#sourceBounds.areWithin(source, point)
  }

  /** What is in memory, as sections. */
  *save(): Generator<Iterable<Uint8Array>> {
    for (const part of this.#parts) yield piecesOfWords(part.words)
  }

  /** Takes over what `save` gave. False where it does not fit together. */
  restore(sections: readonly Uint8Array[]): boolean {
    const words = sections.map(wordsOfSection).filter((one) => one !== undefined)
    if (words.length !== this.#parts.length) return false
    const areBounds = [words[1], words[3]].every((one) => (one?.length ?? 1) % blockWords === 0)
    if (!areBounds) return false
    for (const [index, part] of this.#parts.entries()) part.words = must(words[index], 'a part')
    return true
  }

  get #parts(): { words: Int32Array }[] {
    return [this.#edges, this.#edgeBounds, this.#unsettledSources, this.#sourceBounds]
  }

  #isEndless(row: number): boolean {
    return this.#versions.periods.isEndless(this.#versions.periodOf(row))
  }
}

const blockWords = 6
const rowMin = 0
const rowMax = 1
const firstHigh = 2
const firstLow = 3
const lastHigh = 4
const lastLow = 5
const wordMin = -(2 ** 31)
const wordMax = 2 ** 31 - 1

/**
 * Bounds of the rows and of the starts (high and low word) of the settled edges of each block.
 * They only ever widen, also when an edge stops being settled: that keeps them true.
 */
class BlockBounds {
  words = new Int32Array(0)

  get byteLength(): number {
    return this.words.byteLength
  }

  include(index: number, row: number, start: InstantWords): void {
    const block = (index >>> blockBits) * blockWords
    if (block >= this.words.length) this.#grow(block + blockWords)
    const words = this.words
    const { high, low } = start
    if (row < (words[block + rowMin] as number)) words[block + rowMin] = row
    if (row > (words[block + rowMax] as number)) words[block + rowMax] = row
    const first = this.#instant(block + firstHigh)
    if (isBefore(start, first)) {
      words[block + firstHigh] = high
      words[block + firstLow] = low
    }
    const last = this.#instant(block + lastHigh)
    if (isBefore(last, start)) {
      words[block + lastHigh] = high
      words[block + lastLow] = low
    }
  }

  presence(index: number, point: VersionPoint): Presence {
    if (this.areWithin(index, point)) return 'present'
    const words = this.words
    const block = (index >>> blockBits) * blockWords
    if (block >= words.length) return 'unknown'
    if ((words[block + rowMin] as number) >= point.rows) return 'absent'
    const first = this.#instant(block + firstHigh)
    return isBefore(point, first) ? 'absent' : 'unknown'
  }

  /** Whether a point is beyond the upper bounds of a block, so that it sees all that is settled. */
  areWithin(index: number, point: VersionPoint): boolean {
    const words = this.words
    const block = (index >>> blockBits) * blockWords
    if (block >= words.length || (words[block + rowMax] as number) >= point.rows) return false
    const high = words[block + lastHigh] as number
    if (high !== point.high) return high < point.high
    return (words[block + lastLow] as number) >>> 0 <= point.low >>> 0
  }

  #instant(at: number): InstantWords {
    return { high: this.words[at] as number, low: this.words[at + 1] as number }
  }

  #grow(length: number): void {
    const larger = new Int32Array(Math.max(this.words.length * 2, length))
    larger.set(this.words)
    for (let block = this.words.length; block < larger.length; block += blockWords) {
      larger[block + rowMin] = wordMax
      larger[block + rowMax] = -1
      larger[block + firstHigh] = wordMax
      larger[block + firstLow] = -1
      larger[block + lastHigh] = wordMin
    }
    this.words = larger
  }
}

/** An instant in two words. */
interface InstantWords {
  readonly high: number
  readonly low: number
}

function isBefore(one: InstantWords, other: InstantWords): boolean {
  return one.high < other.high || (one.high === other.high && one.low >>> 0 < other.low >>> 0)
}
