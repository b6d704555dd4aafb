import { invariant } from '../rules/invariant.ts'

/** A set of small numbers, one bit each. */
export class BitSet {
  /** What it is made of, to be kept and given back. */
  words = new Int32Array(64)

  get byteLength(): number {
    return this.words.byteLength
  }

  has(index: number): boolean {
    const word = index >>> 5
    const words = this.words
    return word < words.length && ((words[word] ?? 0) & (1 << (index & 31))) !== 0
  }

  set(index: number, isMember: boolean): void {
    invariant(index >>> 0 === index, 'a member is a row or an ordinal')
    const word = index >>> 5
    if (word >= this.words.length) {
      if (!isMember) return
      const larger = new Int32Array(Math.max(this.words.length * 2, word + 1))
      larger.set(this.words)
      this.words = larger
    }
    const others = (this.words[word] ?? 0) & ~(1 << (index & 31))
    this.words[word] = isMember ? others | (1 << (index & 31)) : others
  }
}
