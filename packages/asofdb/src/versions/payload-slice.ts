import type { ByteArena } from './byte-arena.ts'

/** Where a payload lies: immutable bytes [start, end). */
export interface PayloadSlice {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** Where an entry of the arena lies, without a look at it: its length is read when needed. */
export interface PayloadEntry {
  readonly bytes: Uint8Array
  /** Where the entry, its length first, starts. */
  readonly offset: number
}

/** Where the content of an arena entry starts. */
export function entryStart(chunk: Uint8Array, offset: number): number {
  let at = offset
  while ((chunk[at] as number) >= 128) at++
  return at + 1
}

/** Where the content of an arena entry ends. */
export function entryEnd(chunk: Uint8Array, offset: number): number {
  let length = 0
  let shift = 1
  for (let at = offset; ; at++) {
    const byte = chunk[at] as number
    length += (byte & 127) * shift
    if (byte < 128) return at + 1 + length
    shift *= 128
  }
}

export function sliceOf(arena: ByteArena, reference: number): PayloadSlice {
  return entryToSlice(entryOf(arena, reference))
}

export function entryOf(arena: ByteArena, reference: number): PayloadEntry {
  return { bytes: arena.chunkOf(reference), offset: arena.offsetOf(reference) }
}

export function entryToSlice({ bytes, offset }: PayloadEntry): PayloadSlice {
  return { bytes, start: entryStart(bytes, offset), end: entryEnd(bytes, offset) }
}

/** Payload equality of the semantics (2.2): encodings are canonical, so equal bytes it is. */
export function slicesEqual(a: PayloadSlice, b: PayloadSlice): boolean {
  const length = a.end - a.start
  if (length !== b.end - b.start) return false
  if (a.bytes === b.bytes && a.start === b.start) return true
  for (let index = 0; index < length; index++) {
    if (a.bytes[a.start + index] !== b.bytes[b.start + index]) return false
  }
  return true
}
