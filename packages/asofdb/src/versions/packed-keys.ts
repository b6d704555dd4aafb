import { bytesToLatin1Between, latin1ToBytes } from '../encoding/text.ts'
import { pieceEntries, piecesOfNumbers, wordsOfSection } from './index-shelf.ts'
import type { OrderedIndex, PackedEntries } from './ordered-index.ts'

/** Bytes of a piece, about. */
const pieceBytes = 256 * 1024

/**
 * The entries of an index in order, as three sections: the bytes of all keys, one behind another;
 * where each ends, as an unsigned word; the values.
 */
export function* savePackedKeys(index: OrderedIndex): Generator<Iterable<Uint8Array>> {
  const ends: number[] = []
  const values: number[] = []
  yield bytesOfKeys(index, ends, values)
  yield piecesOfNumbers(ends)
  yield piecesOfNumbers(values)
}

function* bytesOfKeys(
  index: OrderedIndex,
  ends: number[],
  values: number[],
): Generator<Uint8Array> {
  let end = 0
  let piece = ''
  for (const { key, value } of index.range({})) {
    end += key.length
    ends.push(end)
    values.push(value)
    piece += key
    if (piece.length < pieceBytes && ends.length % pieceEntries !== 0) continue
    yield latin1ToBytes(piece)
    piece = ''
  }
  yield latin1ToBytes(piece)
}

/** Reads what `savePackedKeys` gave; undefined where it does not fit together. */
export function packedKeysOf(sections: readonly Uint8Array[]): PackedEntries | undefined {
  const [keys] = sections
  const ends = wordsOfSection(sections[1])
  const values = wordsOfSection(sections[2])
  if (keys === undefined || ends === undefined || values === undefined) return undefined
  if (sections.length !== 3 || ends.length !== values.length) return undefined
  const endOf = (index: number): number => (index < 0 ? 0 : (ends[index] ?? 0) >>> 0)
  if (endOf(ends.length - 1) !== keys.length) return undefined
  return {
    count: values.length,
    key: (index) => bytesToLatin1Between(keys, endOf(index - 1), endOf(index)),
    value: (index) => values[index] ?? 0,
  }
}
