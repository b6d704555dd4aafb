import { invariant } from '../rules/invariant.ts'
import { entryEnd } from './payload-slice.ts'
import type { KeyNames } from './key-names.ts'

/**
 * Words of a slot: the hash of the name, its reference in the arena, the ordinal plus one; that
 * negated for a name that is found no more, 0 for a slot that is free.
 */
const slotWords = 3
const hashWord = 0
const referenceWord = 1
const ordinalWord = 2

const firstSlots = 16
/** A part that would become larger splits in two, so that no step takes more than a few ms. */
const partSlotsMax = 1 << 16
/** Parts that a table may have: each has a hash bit more than the one it was split from. */
const partBitsMax = 16
const hashMultiplier = 0x9e3779b1
const finishMultiplier = 0x85ebca6b
/** Bytes of the length before a name: longer names are hashed and compared byte by byte. */
const shortNameMax = 127

interface Part {
  slots: Int32Array
  /** Slots in use. */
  used: number
  /** How many of the highest hash bits all its names have in common. */
  readonly bits: number
}

/**
 * Which ordinal a name has, within one keyspace: a hash table in words, which holds no name but
 * finds it in the arena of names. A name is compared where it lies, with its length in front, in
 * words. Linear probing in parts that split (extendible hashing): growing moves the names of one
 * part at a time, and there is no limit to how many there are.
 */
export class NameTable {
  readonly #names: KeyNames
  /** By the highest `#bits` bits of a hash; a part that has fewer is there several times. */
  #directory: Part[] = [{ slots: new Int32Array(firstSlots * slotWords), used: 0, bits: 0 }]
  #bits = 0
  #count = 0

  constructor(names: KeyNames) {
    this.#names = names
  }

  /** Names that are found. */
  get count(): number {
    return this.#count
  }

  get byteLength(): number {
    let bytes = 0
    for (const part of new Set(this.#directory)) bytes += part.slots.byteLength
    return bytes
  }

  /** The ordinal of a name, as latin1; -1 when there is none. */
  find(name: string): number {
    const hash = probe.take(name)
    const { slots } = this.#partOf(hash)
    const word = slots[this.#slotOf(slots, hash) + ordinalWord] as number
    return word > 0 ? word - 1 : -1
  }

  /** The ordinal of the name that was asked for last, without another look at the name. */
  add(ordinal: number): void {
    invariant(this.#names.has(ordinal), 'a name that is to be found is there')
    const { hash } = probe
    const part = this.#partOf(hash)
    const { slots } = part
    const at = this.#slotOf(slots, hash)
    const known = slots[at + ordinalWord] as number
    slots[at + hashWord] = hash
    slots[at + referenceWord] = this.#names.reference(ordinal)
    slots[at + ordinalWord] = ordinal + 1
    if (known <= 0) this.#count++
    if (known !== 0) return
    part.used++
    if (part.used * 3 > (slots.length / slotWords) * 2) this.#grow(part, hash)
  }

  /**
   * Has a stored name be found under its ordinal, unless a higher one has the same name: also one
   * that is found no more.
   */
  addStored(ordinal: number): void {
    probe.takeStored(this.#names, ordinal)
    const { slots } = this.#partOf(probe.hash)
    invariant(slots.length >= firstSlots * slotWords, 'a part has room')
    const known = slots[this.#slotOf(slots, probe.hash) + ordinalWord] as number
    if (Math.abs(known) <= ordinal) this.add(ordinal)
  }

  /** Has the name of an ordinal be found no more, if it is under this one that it is found. */
  forget(ordinal: number): void {
    invariant(this.#names.has(ordinal), 'a name that is forgotten was there')
    const { hash } = probe.takeStored(this.#names, ordinal)
    const { slots } = this.#partOf(hash)
    const at = this.#slotOf(slots, hash)
    if (slots[at + ordinalWord] !== ordinal + 1) return
    slots[at + ordinalWord] = -1 - ordinal
    this.#count--
  }

  #partOf(hash: number): Part {
    // A shift by 32 would be one by 0.
    const index = this.#bits === 0 ? 0 : hash >>> (32 - this.#bits)
    return this.#directory[index] as Part
  }

  /** Where the name of the probe is, or would be put. */
  #slotOf(slots: Int32Array, hash: number): number {
    const { words, count } = probe
    const { arena } = this.#names
    const end = slots.length
    let at = firstProbe(hash, end)
    for (;;) {
      if (slots[at + ordinalWord] === 0) return at
      if (slots[at + hashWord] === hash) {
        const reference = (slots[at + referenceWord] as number) >>> 0
        const stored = arena.wordsOf(reference)
        const offset = arena.wordOffsetOf(reference)
        let same = 0
        while (same < count && stored[offset + same] === words[same]) same++
        if (same === count) return at
      }
      at += slotWords
      if (at === end) at = 0
    }
  }

  #grow(part: Part, hash: number): void {
    const { slots } = part
    const slotCount = slots.length / slotWords
    if (slotCount < partSlotsMax || part.bits >= partBitsMax) {
      part.slots = new Int32Array(slots.length * 2)
      const { used } = part
      part.used = 0
      for (let at = 0; at < slots.length; at += slotWords) move(slots, at, part)
      invariant(part.used === used, 'a part that grows keeps its names')
    } else {
      this.#split(part, hash)
    }
  }

  #split(part: Part, hash: number): void {
    if (part.bits === this.#bits) {
      this.#directory = this.#directory.flatMap((one) => [one, one])
      this.#bits++
    }
    const bits = part.bits + 1
    const make = (): Part => ({ slots: new Int32Array(part.slots.length), used: 0, bits })
    const [low, high] = [make(), make()]
    for (let at = 0; at < part.slots.length; at += slotWords) {
      const isHigh = (((part.slots[at + hashWord] as number) >>> (32 - bits)) & 1) === 1
      move(part.slots, at, isHigh ? high : low)
    }
    invariant(low.used + high.used === part.used, 'a split moves every name once')
    invariant(bits <= this.#bits && bits <= partBitsMax, 'a part has no more bits than there are')
    const places = 1 << (this.#bits - part.bits)
    const prefix = part.bits === 0 ? 0 : hash >>> (32 - part.bits)
    const first = prefix * places
    for (let place = 0; place < places; place++) {
      invariant(this.#directory[first + place] === part, 'a part is where its hashes point')
      this.#directory[first + place] = place < places >> 1 ? low : high
    }
  }
}

/** Where the search for a hash begins: by its low bits, the high ones have chosen the part. */
function firstProbe(hash: number, end: number): number {
  return (hash & (end / slotWords - 1)) * slotWords
}

/** Puts a slot that is in use into another part, all of whose names are different. */
function move(slots: Int32Array, from: number, part: Part): void {
  const ordinal = slots[from + ordinalWord] as number
  if (ordinal === 0) return
  const hash = slots[from + hashWord] as number
  const target = part.slots
  let at = firstProbe(hash, target.length)
  while (target[at + ordinalWord] !== 0) {
    at += slotWords
    if (at === target.length) at = 0
  }
  target[at + hashWord] = hash
  target[at + referenceWord] = slots[from + referenceWord] as number
  target[at + ordinalWord] = ordinal
  part.used++
}

/** The name that is looked for, as the arena would hold it: its length, its bytes, zeros. */
class Probe {
  words = new Int32Array(512)
  /** Words in use. */
  count = 0
  hash = 0

  /** Takes a name in latin1; returns its hash. */
  take(name: string): number {
    const { length } = name
    if (length > shortNameMax) return this.#takeLong(name)
    const { words } = this
    let word = length
    let shift = 8
    let count = 0
    let hash = 0
    for (let index = 0; index < length; index++) {
      word |= name.charCodeAt(index) << shift
      shift += 8
      if (shift < 32) continue
      words[count++] = word
      hash = mix(hash, word)
      word = 0
      shift = 0
    }
    if (shift > 0) {
      words[count++] = word
      hash = mix(hash, word)
    }
    this.count = count
    this.hash = finish(hash)
    return this.hash
  }

  /** Takes a name whose length takes more than a byte. */
  #takeLong(name: string): number {
    this.#makeRoom(name.length)
    const bytes = new Uint8Array(this.words.buffer)
    let end = 0
    for (let rest = name.length; ; rest >>>= 7) {
      bytes[end++] = rest < 128 ? rest : (rest & 127) | 128
      if (rest < 128) break
    }
    for (let index = 0; index < name.length; index++) bytes[end++] = name.charCodeAt(index)
    bytes.fill(0, end, (end + 3) & -4)
    return this.#takeWords(this.words, 0, end)
  }

  /** Takes the name that an ordinal has. */
  takeStored(names: KeyNames, ordinal: number): this {
    const reference = names.reference(ordinal) >>> 0
    const chunk = names.arena.chunkOf(reference)
    const offset = names.arena.offsetOf(reference)
    const end = entryEnd(chunk, offset)
    this.#makeRoom(end - offset)
    const first = names.arena.wordOffsetOf(reference)
    this.#takeWords(names.arena.wordsOf(reference), first, end - offset)
    return this
  }

  #takeWords(source: Int32Array, first: number, bytes: number): number {
    const count = (bytes + 3) >>> 2
    let hash = 0
    for (let index = 0; index < count; index++) {
      const word = source[first + index] as number
      this.words[index] = word
      hash = mix(hash, word)
    }
    this.count = count
    this.hash = finish(hash)
    return this.hash
  }

  #makeRoom(bytes: number): void {
    if (bytes + 8 > this.words.byteLength) this.words = new Int32Array((bytes >>> 1) + 2)
  }
}

/** Every bit of a word changes the hash of all that follows, in its high and its low bits. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, hashMultiplier)
  return product ^ (product >>> 15)
}

function finish(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 16), finishMultiplier)
  return product ^ (product >>> 13)
}

const probe = new Probe()
