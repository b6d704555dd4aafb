import { bytesToLatin1Between } from '../encoding/text.ts'
import { invariant } from '../rules/invariant.ts'
import { absentReference, ByteArena } from './byte-arena.ts'
import { ordinalMax } from './entity.ts'
import { entryEnd, entryStart, type PayloadSlice, sliceOf } from './payload-slice.ts'
import { WordColumn } from './word-column.ts'

/** The keyspace that holds the database's own definitions; no user's has this name. */
export const schemaKeyspace = 'asof:schema'

const keyspaceWord = 0
const nameWord = 1

/** What a key is called: its keyspace (a symbol) and its ordered bytes, [start, end) or all. */
export interface KeyName {
  readonly keyspace: number
  readonly bytes: Uint8Array
  readonly start?: number | undefined
  readonly end?: number | undefined
}

/**
 * The identities of keys, by ordinal: keyspace (a symbol) and the ordered bytes of the key. As with
 * edges, a row may exist before its first commit and is invisible until then.
 */
export class KeyNames {
  readonly column = new WordColumn(2)
  readonly arena = new ByteArena()
  committed = 0
  /** Ordinals that were defined after a later one, in the order in which that happened. */
  readonly late: number[] = []

  /** Whether an ordinal has an identity; one whose transaction never committed may have none. */
  has(ordinal: number): boolean {
    return ordinal < this.column.count && this.column.word(ordinal, nameWord) !== 0
  }

  keyspace(ordinal: number): number {
    return this.column.word(ordinal, keyspaceWord)
  }

  /** Where its bytes lie in the arena, as the word that tables hold. */
  reference(ordinal: number): number {
    return this.column.word(ordinal, nameWord)
  }

  /** The encoded key as a string with one character per byte. */
  text(ordinal: number): string {
    const reference = this.column.word(ordinal, nameWord) >>> 0
    invariant(reference !== absentReference, 'a key that is asked for has a name')
    const chunk = this.arena.chunkOf(reference)
    const offset = this.arena.offsetOf(reference)
    return bytesToLatin1Between(chunk, entryStart(chunk, offset), entryEnd(chunk, offset))
  }

  /** Where the encoded key lies; it never changes. */
  slice(ordinal: number): PayloadSlice {
    return sliceOf(this.arena, this.reference(ordinal) >>> 0)
  }

  /** The encoded key; never changes. */
  bytes(ordinal: number): Uint8Array {
    const reference = this.column.word(ordinal, nameWord) >>> 0
    invariant(reference !== absentReference, 'a key that is asked for has a name')
    const chunk = this.arena.chunkOf(reference)
    const offset = this.arena.offsetOf(reference)
    return chunk.subarray(entryStart(chunk, offset), entryEnd(chunk, offset))
  }

  /** Writes the identity of a key; writing the same one again changes nothing. */
  define(ordinal: number, name: KeyName): void {
    invariant(ordinal >= 0 && ordinal <= ordinalMax, 'a key has an ordinal')
    if (this.has(ordinal)) {
      invariant(this.keyspace(ordinal) === name.keyspace, 'a key stays in its keyspace')
      return
    }
    const { bytes, start = 0, end = bytes.length } = name
    this.#set(ordinal, name.keyspace, this.arena.append(bytes, start, end))
  }

  /** Gives the next ordinal to a name in latin1. */
  add(keyspace: number, name: string): number {
    const ordinal = this.column.count
    invariant(ordinal <= ordinalMax, 'a key has an ordinal')
    this.#set(ordinal, keyspace, this.arena.appendLatin1(name))
    return ordinal
  }

  #set(ordinal: number, keyspace: number, reference: number): void {
    if (ordinal < this.column.count) this.late.push(ordinal)
    this.column.extendTo(ordinal + 1)
    this.column.set(ordinal, keyspaceWord, keyspace)
    this.column.set(ordinal, nameWord, reference)
  }
}
