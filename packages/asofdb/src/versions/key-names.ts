import { bytesToLatin1Between } from '../encoding/text.ts'
import { invariant } from '../rules/invariant.ts'
import { absentReference, ByteArena } from './byte-arena.ts'
import { ordinalMax } from './entity.ts'
import { entryEnd, entryStart } from './payload-slice.ts'
import { WordColumn } from './word-column.ts'

const keyspaceWord = 0
const nameWord = 1

/** What a key is called: its keyspace (a symbol) and its ordered bytes. */
export interface KeyName {
  readonly keyspace: number
  readonly bytes: Uint8Array
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

  /** The encoded key as a string with one character per byte. */
  text(ordinal: number): string {
    const reference = this.column.word(ordinal, nameWord) >>> 0
    invariant(reference !== absentReference, 'a key that is asked for has a name')
    const chunk = this.arena.chunkOf(reference)
    const offset = this.arena.offsetOf(reference)
    return bytesToLatin1Between(chunk, entryStart(chunk, offset), entryEnd(chunk, offset))
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
    if (ordinal < this.column.count) this.late.push(ordinal)
    this.column.extendTo(ordinal + 1)
    this.column.set(ordinal, keyspaceWord, name.keyspace)
    const { bytes } = name
    this.column.set(ordinal, nameWord, this.arena.append(bytes, 0, bytes.length))
  }
}
