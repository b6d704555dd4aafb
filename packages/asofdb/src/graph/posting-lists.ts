import { WordColumn } from '../versions/word-column.ts'

const poolChunkBits = 18
const poolChunkWords = 1 << poolChunkBits
/** Longer lists own their memory instead of a block of the pool. */
const pooledCapacityMax = 1 << 12

/**
 * A growing list of 32-bit numbers for each owner 0, 1, 2 …, for very many short lists: blocks of
 * a shared pool in capacities that grow by a half at most, so that little is reserved in vain;
 * outgrown blocks are used again. A list is in ascending order.
 */
export class PostingLists {
  readonly #starts = new WordColumn(1)
  readonly #counts = new WordColumn(1)
  readonly #pool: Int32Array[] = []
  readonly #free = new Map<number, number[]>()
  readonly #long = new Map<number, Int32Array>()
  #poolEnd = 0

  get byteLength(): number {
    let bytes = this.#starts.byteLength + this.#counts.byteLength
    for (const chunk of this.#pool) bytes += chunk.byteLength
    for (const list of this.#long.values()) bytes += list.byteLength
    return bytes
  }

  count(owner: number): number {
    return owner < this.#counts.count ? this.#counts.word(owner, 0) : 0
  }

  /** The memory that holds the owner's list, from `startOf(owner)` on. */
  blockOf(owner: number): Int32Array {
    const count = this.count(owner)
    if (capacityFor(count) > pooledCapacityMax) return this.#long.get(owner) as Int32Array
    return this.#pool[this.#starts.word(owner, 0) >>> poolChunkBits] as Int32Array
  }

  startOf(owner: number): number {
    if (capacityFor(this.count(owner)) > pooledCapacityMax) return 0
    return this.#starts.word(owner, 0) & (poolChunkWords - 1)
  }

  /** Adds a number in ascending order; false when it did not belong at the end. */
  append(owner: number, value: number): boolean {
    if (owner >= this.#counts.count) {
      this.#counts.extendTo(owner + 1)
      this.#starts.extendTo(owner + 1)
    }
    const count = this.#counts.word(owner, 0)
    const capacity = count === 0 ? 0 : capacityFor(count)
    if (count === capacity) this.#move(owner, capacityFor(count + 1))
    this.#counts.set(owner, 0, count + 1)
    const start = this.startOf(owner)
    return insertAscending(this.blockOf(owner), { start, end: start + count }, value)
  }

  /** Gives each owner a block for exactly the numbers it is going to get. Only when empty. */
  reserve(counts: Int32Array): void {
    this.#counts.extendTo(counts.length)
    this.#starts.extendTo(counts.length)
    for (let owner = 0; owner < counts.length; owner++) {
      const count = counts[owner] as number
      if (count === 0) continue
      const capacity = capacityFor(count)
      if (capacity > pooledCapacityMax) this.#long.set(owner, new Int32Array(capacity))
      else this.#starts.set(owner, 0, this.#allocate(capacity))
    }
  }

  /** Adds to a list that `reserve` has made room for. */
  appendReserved(owner: number, value: number, reserved: Int32Array): void {
    const count = this.#counts.word(owner, 0)
    this.#counts.set(owner, 0, count + 1)
    if (capacityFor(reserved[owner] as number) > pooledCapacityMax) {
      const list = this.#long.get(owner) as Int32Array
      insertAscending(list, { start: 0, end: count }, value)
      return
    }
    const pooled = this.#starts.word(owner, 0)
    const chunk = this.#pool[pooled >>> poolChunkBits] as Int32Array
    const start = pooled & (poolChunkWords - 1)
    insertAscending(chunk, { start, end: start + count }, value)
  }

  #move(owner: number, capacity: number): void {
    const count = this.#counts.word(owner, 0)
    const old = count === 0 ? undefined : this.blockOf(owner)
    const oldStart = count === 0 ? 0 : this.startOf(owner)
    if (capacity > pooledCapacityMax) {
      const list = new Int32Array(capacity)
      if (old !== undefined) list.set(old.subarray(oldStart, oldStart + count))
      if (capacityFor(count) <= pooledCapacityMax) this.#release(owner, count)
      this.#long.set(owner, list)
      return
    }
    const start = this.#allocate(capacity)
    const chunk = this.#pool[start >>> poolChunkBits] as Int32Array
    const at = start & (poolChunkWords - 1)
    if (old !== undefined) {
      for (let index = 0; index < count; index++) {
        chunk[at + index] = old[oldStart + index] as number
      }
      this.#release(owner, count)
    }
    this.#starts.set(owner, 0, start)
  }

  #release(owner: number, count: number): void {
    const capacity = capacityFor(count)
    const start = this.#starts.word(owner, 0)
    const free = this.#free.get(capacity)
    if (free === undefined) this.#free.set(capacity, [start])
    else free.push(start)
  }

  #allocate(capacity: number): number {
    const reused = this.#free.get(capacity)?.pop()
    if (reused !== undefined) return reused
    const left = poolChunkWords - (this.#poolEnd & (poolChunkWords - 1))
    if (capacity > left) this.#poolEnd += left
    const start = this.#poolEnd
    const index = start >>> poolChunkBits
    const chunk = this.#pool[index]
    const needed = (start & (poolChunkWords - 1)) + capacity
    if (chunk === undefined || chunk.length < needed) this.#enlarge(index, needed)
    this.#poolEnd += capacity
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

/** Numbers come nearly sorted: only transactions that overlap commit them in another order. */
function insertAscending(
  block: Int32Array,
  used: { readonly start: number; readonly end: number },
  value: number,
): boolean {
  let at = used.end
  while (at > used.start && (block[at - 1] as number) > value) {
    block[at] = block[at - 1] as number
    at--
  }
  block[at] = value
  return at === used.end
}

/** Capacities 1, 2, 3, 4, 6, 8, 12, 16, 24 …: the smallest that holds `count`. */
function capacityFor(count: number): number {
  if (count <= 4) return count
  const power = 1 << (31 - Math.clz32(count - 1))
  const middle = power + (power >> 1)
  return count <= middle ? middle : power * 2
}
