import { invariant } from '../rules/invariant.ts'
import { piecesOfNumbers, piecesOfWords, wordsOfSection } from '../versions/index-shelf.ts'
import { WordColumn, wordColumnChunkMask } from '../versions/word-column.ts'

const poolChunkBits = 18
const poolChunkWords = 1 << poolChunkBits
const chunkMask = wordColumnChunkMask

/** In place of a start: the list owns its memory. No block begins with the last word there is. */
const isLong = -1

/** Longer lists own their memory instead of a block of the pool. A capacity by itself. */
const pooledCountMax = 1 << 12

/**
 * A growing list of postings for each owner 0, 1, 2 …, for very many short lists: blocks of a
 * shared pool that fit a short list exactly and a long one up to an eighth, so that little is
 * reserved in vain; outgrown blocks are used again.
 *
 * A block is the count of its postings, then the postings; so one word tells of an owner where they
 * are, and for many owners these words stay in the caches.
 *
 * A posting is `width` words: a number, by which the list is ascending, and with width 2 a
 * companion beside it.
 */
export class PostingLists {
  readonly width: 1 | 2
  /** For each owner: where its block starts; 0: it has none. */
  readonly #lists = new WordColumn(1)
  readonly #pool: Int32Array[] = []
  readonly #free = new Map<number, number[]>()
  readonly #long = new Map<number, Int32Array>()
  // A start of 0 means none.
  #poolEnd = 1

  constructor(width: 1 | 2) {
    this.width = width
  }

  get byteLength(): number {
    let bytes = this.#lists.byteLength
    for (const chunk of this.#pool) bytes += chunk.byteLength
    for (const list of this.#long.values()) bytes += list.byteLength
    return bytes
  }

  /** Postings of an owner. */
  count(owner: number): number {
    if (owner >= this.#lists.count) return 0
    const place = this.#placeOf(owner)
    if (place === isLong) return this.blockOf(owner)[0] as number
    if (place === 0) return 0
    const chunk = this.#pool[place >>> poolChunkBits] as Int32Array
    return chunk[place & (poolChunkWords - 1)] as number
  }

  /** The memory that holds the postings of an owner that has some, from `startOf(owner)` on. */
  blockOf(owner: number): Int32Array {
    const place = this.#placeOf(owner)
    if (place === isLong) return this.#long.get(owner) as Int32Array
    return this.#pool[place >>> poolChunkBits] as Int32Array
  }

  startOf(owner: number): number {
    const place = this.#placeOf(owner)
    return place === isLong ? 1 : (place & (poolChunkWords - 1)) + 1
  }

  #placeOf(owner: number): number {
    return this.#lists.chunkOf(owner)[owner & chunkMask] as number
  }

  /** Adds a posting in its place; false when that was not at the end. */
  append(owner: number, posting: Posting): boolean {
    this.#lists.extendTo(owner + 1)
    const count = this.count(owner)
    const capacity = count === 0 ? 0 : capacityFor(count)
    if (count === capacity) this.#move(owner, capacityFor(count + 1))
    const block = this.blockOf(owner)
    const start = this.startOf(owner)
    block[start - 1] = count + 1
    return this.#insert(block, { start, count }, posting)
  }

  /**
   * Loads the lists of owners `first` and up, which have none yet, from triples of owner, number
   * and companion. Triples of neighbouring owners are best loaded together: then what is written
   * lies together too, and the loading is bound by the processor instead of by memory.
   */
  load(triples: Int32Array, first: number): void {
    let last = first
    for (let at = 0; at < triples.length; at += 3) last = Math.max(last, triples[at] as number)
    this.#lists.extendTo(last + 1)
    const counts = new Int32Array(last - first + 1)
    for (let at = 0; at < triples.length; at += 3) {
      const index = (triples[at] as number) - first
      counts[index] = (counts[index] as number) + 1
    }
    for (let index = 0; index < counts.length; index++) {
      const count = counts[index] as number
      if (count > 0) this.#reserve(first + index, count)
    }
    const { width } = this
    for (let at = 0; at < triples.length; at += 3) {
      const owner = triples[at] as number
      const block = this.blockOf(owner)
      const start = this.startOf(owner)
      const count = block[start - 1] as number
      const number = triples[at + 1] as number
      const end = start + count * width
      if (count > 0 && (block[end - width] as number) > number) {
        const companion = triples[at + 2] as number
        this.#insert(block, { start, count }, { number, companion })
      } else {
        block[end] = number
        if (width === 2) block[end + 1] = triples[at + 2] as number
      }
      block[start - 1] = count + 1
    }
  }

  /**
   * What is in memory, as sections: the end of the pool; the places of the owners; the pool; the
   * long lists, each after its owner and its length in words; the blocks that are free, each kind
   * after its length and how many there are.
   */
  *save(): Generator<Iterable<Uint8Array>> {
    yield piecesOfNumbers([this.#poolEnd])
    yield this.#lists.byteRanges(0, this.#lists.count)
    yield this.#poolPieces()
    yield this.#longPieces()
    yield piecesOfNumbers(this.#freeNumbers())
  }

  /** Takes over what `save` gave, into empty lists. False where it does not fit together. */
  restore(sections: readonly Uint8Array[]): boolean {
    invariant(this.#lists.count === 0, 'only empty lists take over what was saved')
    const [end, places, pool, long, free] = sections.map(wordsOfSection)
    if (end?.length !== 1 || places === undefined || pool === undefined) return false
    const poolEnd = (end[0] as number) >>> 0
    const longLists = long === undefined ? undefined : longListsOf(long)
    const freeBlocks = free === undefined ? undefined : freeBlocksOf(free)
    if (pool.length !== poolEnd || longLists === undefined || freeBlocks === undefined) return false
    const isPlace = (place: number, owner: number): boolean =>
      place === isLong ? longLists.has(owner) : place >>> 0 < poolEnd
    if (!places.every(isPlace)) return false
    this.#poolEnd = poolEnd
    this.#lists.extendTo(places.length)
    let from = 0
    for (const range of this.#lists.byteRanges(0, places.length)) {
      range.set(new Uint8Array(places.buffer, places.byteOffset + from, range.length))
      from += range.length
    }
    for (let start = 0; start < poolEnd; start += poolChunkWords) {
      this.#pool.push(pool.subarray(start, start + poolChunkWords))
    }
    for (const [owner, list] of longLists) this.#long.set(owner, list)
    for (const [words, starts] of freeBlocks) this.#free.set(words, starts)
    return true
  }

  *#poolPieces(): Generator<Uint8Array> {
    for (let start = 0; start < this.#poolEnd; start += poolChunkWords) {
      const chunk = this.#pool[start >>> poolChunkBits] as Int32Array
      const words = Math.min(poolChunkWords, this.#poolEnd - start)
      // A chunk may end before what was left over of it.
      yield* piecesOfWords(chunk.subarray(0, words))
      if (chunk.length < words) yield* piecesOfWords(new Int32Array(words - chunk.length))
    }
  }

  *#longPieces(): Generator<Uint8Array> {
    for (const [owner, list] of this.#long) {
      yield* piecesOfWords(Int32Array.of(owner, list.length))
      yield* piecesOfWords(list)
    }
  }

  *#freeNumbers(): Generator<number> {
    for (const [words, starts] of this.#free) {
      yield words
      yield starts.length
      yield* starts
    }
  }

  #reserve(owner: number, count: number): void {
    const words = this.#blockWords(capacityFor(count))
    if (count > pooledCountMax) {
      this.#long.set(owner, new Int32Array(words))
      this.#lists.set(owner, 0, isLong)
    } else {
      this.#lists.set(owner, 0, this.#allocate(words))
      // A block used before says how many postings it had.
      this.blockOf(owner)[this.startOf(owner) - 1] = 0
    }
  }

  #blockWords(capacity: number): number {
    return 1 + capacity * this.width
  }

  /** Postings come nearly sorted: only overlapping transactions commit them in another order. */
  #insert(block: Int32Array, list: { start: number; count: number }, posting: Posting): boolean {
    const { width } = this
    const end = list.start + list.count * width
    let at = end
    while (at > list.start && (block[at - width] as number) > posting.number) {
      for (let word = 0; word < width; word++) block[at + word] = block[at + word - width] as number
      at -= width
    }
    block[at] = posting.number
    if (width === 2) block[at + 1] = posting.companion
    return at === end
  }

  #move(owner: number, capacity: number): void {
    const count = this.count(owner)
    const old = count === 0 ? noWords : this.blockOf(owner)
    const oldStart = count === 0 ? 0 : this.startOf(owner) - 1
    const words = count === 0 ? 0 : this.#blockWords(count)
    if (capacity > pooledCountMax) {
      const list = new Int32Array(this.#blockWords(capacity))
      list.set(old.subarray(oldStart, oldStart + words))
      if (count > 0 && count <= pooledCountMax) this.#release(owner, count)
      this.#long.set(owner, list)
      this.#lists.set(owner, 0, isLong)
      return
    }
    const start = this.#allocate(this.#blockWords(capacity))
    const chunk = this.#pool[start >>> poolChunkBits] as Int32Array
    const at = start & (poolChunkWords - 1)
    for (let index = 0; index < words; index++) chunk[at + index] = old[oldStart + index] as number
    if (count > 0) this.#release(owner, count)
    this.#lists.set(owner, 0, start)
  }

  #release(owner: number, count: number): void {
    const words = this.#blockWords(capacityFor(count))
    const start = this.#placeOf(owner)
    const free = this.#free.get(words)
    if (free === undefined) this.#free.set(words, [start])
    else free.push(start)
  }

  #allocate(words: number): number {
    const reused = this.#free.get(words)?.pop()
    if (reused !== undefined) return reused
    const left = poolChunkWords - (this.#poolEnd & (poolChunkWords - 1))
    if (words > left) this.#poolEnd += left
    const start = this.#poolEnd
    const index = start >>> poolChunkBits
    const needed = (start & (poolChunkWords - 1)) + words
    const chunk = this.#pool[index]
    if (chunk === undefined || chunk.length < needed) this.#enlarge(index, needed)
    this.#poolEnd += words
    invariant(this.#poolEnd <= 2 ** 32, 'a place in the pool fits in 32 bits')
    return start
  }

  #enlarge(index: number, needed: number): void {
    const old = this.#pool[index]
    let size = index > 0 ? poolChunkWords : old === undefined ? 256 : old.length * 2
    while (size < needed) size *= 2
    const larger = new Int32Array(Math.min(size, poolChunkWords))
    if (old !== undefined) larger.set(old)
    this.#pool[index] = larger
  }
}

/** Runs of numbers, each after two words: what it is of, and its length. */
function* runsOf(words: Int32Array): Generator<[of: number, run: Int32Array] | undefined> {
  for (let at = 0; at < words.length; ) {
    const length = words[at + 1] ?? -1
    const end = at + 2 + length
    if (length < 0 || end > words.length) return yield undefined
    yield [words[at] as number, words.subarray(at + 2, end)]
    at = end
  }
}

function longListsOf(words: Int32Array): Map<number, Int32Array> | undefined {
  const lists = new Map<number, Int32Array>()
  for (const run of runsOf(words)) {
    if (run === undefined) return undefined
    lists.set(...run)
  }
  return lists
}

function freeBlocksOf(words: Int32Array): Map<number, number[]> | undefined {
  const blocks = new Map<number, number[]>()
  for (const run of runsOf(words)) {
    if (run === undefined) return undefined
    const [length, starts] = run
    // Places are unsigned.
    blocks.set(length, Array.from(starts, (start) => start >>> 0))
  }
  return blocks
}

/** What a list holds. Width 1 drops the companion. */
export interface Posting {
  readonly number: number
  readonly companion: number
}

const noWords = new Int32Array(0)

/** How many postings a block for `count` holds: as many up to 16, then in steps of an eighth. */
function capacityFor(count: number): number {
  if (count <= 16) return count
  const step = 1 << (28 - Math.clz32(count - 1))
  return Math.ceil(count / step) * step
}
