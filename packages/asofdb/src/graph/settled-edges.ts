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
 * the versions. Derived state.
 */
export class SettledEdges {
  readonly #versions: VersionTable
  #bits = new Int32Array(64)
  #blocks: Block[] = []

  constructor(versions: VersionTable) {
    this.#versions = versions
  }

  get byteLength(): number {
    return this.#bits.byteLength + this.#blocks.length * 64
  }

  /** Takes in a version row, in row order. */
  follow(row: number): void {
    const versions = this.#versions
    const edge = versions.entityOf(row)
    if (edge >>> 5 >= this.#bits.length) {
      const larger = new Int32Array(Math.max(this.#bits.length * 2, (edge >>> 5) + 1))
      larger.set(this.#bits)
      this.#bits = larger
    }
    const isFirst = versions.previous(row) < 0
    if (!isFirst || versions.payloadOf(row) === 0 || !this.#isEndless(row)) {
      this.#bits[edge >>> 5] = (this.#bits[edge >>> 5] ?? 0) & ~(1 << (edge & 31))
      return
    }
    this.#bits[edge >>> 5] = (this.#bits[edge >>> 5] ?? 0) | (1 << (edge & 31))
    const block = (this.#blocks[edge >>> blockBits] ??= new Block())
    const { column } = versions.periods
    const period = versions.periodOf(row)
    const from = { high: column.word(period, 0), low: column.word(period, 1) >>> 0 }
    block.include(row, from)
  }

  /** Whether an edge holds at a point; `unknown` leaves it to the edge's versions. */
  presence(edge: number, point: VersionPoint): Presence {
    if (((this.#bits[edge >>> 5] ?? 0) & (1 << (edge & 31))) === 0) return 'unknown'
    const block = this.#blocks[edge >>> blockBits]
    return block === undefined ? 'unknown' : block.presence(point)
  }

  #isEndless(row: number): boolean {
    return this.#versions.periods.isEndless(this.#versions.periodOf(row))
  }
}

/**
 * Bounds of the rows and of the starts (high and low word) of the settled edges of a block. They
 * only ever widen, also when an edge stops being settled: that keeps them true.
 */
class Block {
  #rowMin = Infinity
  #rowMax = -1
  #firstHigh = Infinity
  #firstLow = 0
  #lastHigh = -Infinity
  #lastLow = 0

  include(row: number, from: { readonly high: number; readonly low: number }): void {
    const { high, low } = from
    if (row < this.#rowMin) this.#rowMin = row
    if (row > this.#rowMax) this.#rowMax = row
    if (high < this.#firstHigh || (high === this.#firstHigh && low < this.#firstLow)) {
      this.#firstHigh = high
      this.#firstLow = low
    }
    if (high > this.#lastHigh || (high === this.#lastHigh && low > this.#lastLow)) {
      this.#lastHigh = high
      this.#lastLow = low
    }
  }

  presence(point: VersionPoint): Presence {
    const { rows, high } = point
    const low = point.low >>> 0
    const startsLast = this.#lastHigh < high || (this.#lastHigh === high && this.#lastLow <= low)
    if (startsLast && this.#rowMax < rows) return 'present'
    const startsFirst = this.#firstHigh > high || (this.#firstHigh === high && this.#firstLow > low)
    return startsFirst || this.#rowMin >= rows ? 'absent' : 'unknown'
  }
}
