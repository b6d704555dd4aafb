import { invariant } from '../rules/invariant.ts'
import type { EntityKind } from './entity.ts'

/**
 * A derived index that can be kept in a file, so that another opening need not derive it again. It
 * is derived from rows of one version table, the oldest first, and what follows those rows is taken
 * in later; so what was kept of fewer rows than there are is as good, only less.
 */
export interface ImagedIndex {
  /** What it is called, here and by `verify`; no other index of the database is called the same. */
  readonly name: string
  /** Which versions it is derived from. */
  readonly kind: EntityKind
  /** Of the sections: a change of what they hold takes the next number. */
  readonly format: number
  /**
   * Of how many rows, at most `rowsMax`, an image can be made now; 0 where there is nothing to
   * keep, because nobody has asked it yet or it has gone beyond `rowsMax`.
   */
  rowsToSave(rowsMax: number): number
  /** Takes in the rows that are there now. */
  follow(): void
  /** Another number once it has taken in more: a half-made image is worth nothing then. */
  readonly stamp: number
  /**
   * The sections of an image of the first `rows` rows: each some pieces of up to a megabyte or so,
   * in order. They are drawn one by one, over several turns, as long as the stamp is the same.
   */
  save(rows: number): Iterable<Iterable<Uint8Array>>
  /** Takes over sections that `save` gave, before any row. False, with nothing changed, if not. */
  load(sections: readonly Uint8Array[], rows: number): boolean
}

/** Where images are: asked once for each index, at the moment when it would be built. */
export interface ImageSource {
  /** Loads the image of an index, if there is one that fits the tables; else false. */
  load(index: ImagedIndex): boolean
}

/** The derived indexes of a database that images are made of, and where they are had from. */
export class IndexShelf {
  readonly #indexes = new Map<string, ImagedIndex>()
  #source: ImageSource | undefined

  /** All of them, in the order in which they were made. */
  get indexes(): Iterable<ImagedIndex> {
    return this.#indexes.values()
  }

  add(index: ImagedIndex): void {
    invariant(!this.#indexes.has(index.name), 'an index is put on the shelf once')
    this.#indexes.set(index.name, index)
  }

  /** Brings up to date what has been asked of the indexes of the same names on another shelf. */
  followAs(other: IndexShelf): void {
    for (const { name, stamp } of other.indexes) if (stamp > 0) this.#indexes.get(name)?.follow()
  }

  /** From now on indexes that are asked for the first time look there. */
  loadFrom(source: ImageSource): void {
    this.#source = source
  }

  /** Called by an index that nobody has asked before; true when it holds something now. */
  load(index: ImagedIndex): boolean {
    return this.#source?.load(index) === true
  }
}

/** Bytes of a piece, about: half a millisecond of the event loop. */
const pieceBytes = 1024 * 1024

/** The bytes of words, in pieces. */
export function* piecesOfWords(words: Int32Array | Uint32Array): Generator<Uint8Array> {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield bytes.subarray(start, start + pieceBytes)
  }
}

/** Entries that are drawn one by one for a piece: half a millisecond of the event loop as well. */
export const pieceEntries = 8192

/** Words that come one by one, in pieces: those that are not drawn are not made. */
export function* piecesOfNumbers(numbers: Iterable<number>): Generator<Uint8Array> {
  let piece = new Int32Array(pieceEntries)
  let count = 0
  for (const number of numbers) {
    piece[count++] = number
    if (count < piece.length) continue
    yield* piecesOfWords(piece)
    piece = new Int32Array(piece.length)
    count = 0
  }
  yield* piecesOfWords(piece.subarray(0, count))
}

/** The words of a section; undefined when its bytes are no whole words. */
export function wordsOfSection(section: Uint8Array | undefined): Int32Array | undefined {
  if (section === undefined || section.length % 4 !== 0 || section.byteOffset % 4 !== 0) {
    return undefined
  }
  return new Int32Array(section.buffer, section.byteOffset, section.length / 4)
}
