import { invariant } from '../rules/invariant.ts'

/**
 * Append-only columns of 32-bit words, `stride` words a row, kept in chunks so that growing never
 * copies what is full and a checkpoint can write straight from memory.
 *
 * Words of one row lie side by side: reading a version touches one cache line, not one per field.
 * A row that a commit has published is never changed; only the columns of derived state (heads)
 * use `set` on old rows.
 */
const chunkRowsBits = 16
const chunkRows = 1 << chunkRowsBits
const chunkMask = chunkRows - 1
const firstChunkRows = 64

/** References to rows are stored as signed words, some of them plus one. */
export const rowsMax = 2 ** 31 - 1

export class WordColumn {
  readonly stride: number
  #chunks: Int32Array[] = []
  #count = 0
  #capacity = 0

  constructor(stride: number) {
    invariant(Number.isInteger(stride) && stride > 0, 'a row has at least one word')
    this.stride = stride
  }

  get count(): number {
    return this.#count
  }

  /** Bytes reserved in memory. */
  get byteLength(): number {
    let bytes = 0
    for (const chunk of this.#chunks) bytes += chunk.byteLength
    return bytes
  }

  word(row: number, index: number): number {
    const chunk = this.#chunks[row >>> chunkRowsBits] as Int32Array
    return chunk[(row & chunkMask) * this.stride + index] as number
  }

  set(row: number, index: number, value: number): void {
    const chunk = this.#chunks[row >>> chunkRowsBits] as Int32Array
    chunk[(row & chunkMask) * this.stride + index] = value
  }

  /** Adds one row of zeros and returns its number. */
  extend(): number {
    const row = this.#count
    if (row === this.#capacity) this.#grow(row + 1)
    this.#count = row + 1
    return row
  }

  /** Makes rows 0 … count-1 exist; added ones are zero. */
  extendTo(count: number): void {
    if (count <= this.#count) return
    if (count > this.#capacity) this.#grow(count)
    this.#count = count
  }

  /** Forgets the rows from `count` on, which nothing may refer to. */
  shrinkTo(count: number): void {
    invariant(Number.isInteger(count) && count >= 0, 'a column keeps a number of rows')
    for (let row = count; row < this.#count; row++) {
      for (let index = 0; index < this.stride; index++) this.set(row, index, 0)
    }
    this.#count = Math.min(this.#count, count)
  }

  /** The bytes of rows [from, to), in order, as views of the chunks. */
  *byteRanges(from: number, to: number): Generator<Uint8Array> {
    invariant(from >= 0 && from <= to && to <= this.#count, 'the rows asked for exist')
    for (let row = from; row < to;) {
      const chunkEnd = ((row >>> chunkRowsBits) + 1) << chunkRowsBits
      const end = Math.min(chunkEnd, to)
      const chunk = this.#chunks[row >>> chunkRowsBits] as Int32Array
      const start = chunk.byteOffset + (row & chunkMask) * this.stride * 4
      yield new Uint8Array(chunk.buffer, start, (end - row) * this.stride * 4)
      row = end
    }
  }

  /** The chunk that holds `row`, and the index of the row's first word in it. */
  chunkOf(row: number): Int32Array {
    return this.#chunks[row >>> chunkRowsBits] as Int32Array
  }

  #grow(count: number): void {
    invariant(Number.isInteger(count) && count <= rowsMax, 'a row number fits in 32 bits')
    while (this.#capacity < count) {
      const last = this.#chunks.length - 1
      const lastRows = this.#capacity - last * chunkRows
      if (last >= 0 && lastRows < chunkRows) {
        const wanted = count - last * chunkRows
        const rows = Math.min(chunkRows, Math.max(lastRows * 2, nextPowerOfTwo(wanted)))
        const larger = new Int32Array(rows * this.stride)
        larger.set(this.#chunks[last] as Int32Array)
        this.#chunks[last] = larger
        this.#capacity = last * chunkRows + rows
      } else {
        const wanted = nextPowerOfTwo(count - this.#capacity)
        const first = last < 0 ? firstChunkRows : chunkRows
        const rows = Math.min(chunkRows, Math.max(first, wanted))
        this.#chunks.push(new Int32Array(rows * this.stride))
        this.#capacity += rows
      }
    }
  }
}

/** A row's number within its chunk is its low bits. */
export const wordColumnChunkMask = chunkMask

function nextPowerOfTwo(value: number): number {
  return value <= 1 ? 1 : 2 ** Math.ceil(Math.log2(value))
}
