import { latin1ToKey } from '../encoding/ordered-key.ts'
import type { Value } from '../encoding/value.ts'
import type { NameRange } from './key-range.ts'
import { type EntrySource, type KeyEntry, KeyScan } from './key-scan.ts'
import type { KeyPlace, KeyWalk } from './key-walk.ts'

/**
 * The two ends of a range, each of which gives its next entry until they have met: every entry is
 * given once. The front is where an iteration would begin.
 */
export class KeyEnds<V = Value> {
  readonly #source: EntrySource<V>
  readonly #front: KeyScan
  #back: KeyWalk | undefined
  #hasMet = false

  constructor(source: EntrySource<V>) {
    source.mustBeReadable()
    this.#source = source
    this.#front = new KeyScan(source.reader, source.range)
  }

  /** The next entry from the front; undefined when both ends have met. */
  front(): KeyEntry<V> | undefined {
    this.#source.mustBeReadable()
    if (this.#hasMet || !this.#front.step()) return this.#meet()
    return this.#entryOf(this.#front.place)
  }

  /** The next entry from the back; undefined when both ends have met. */
  back(): KeyEntry<V> | undefined {
    this.#source.mustBeReadable()
    if (this.#hasMet) return undefined
    const { isReverse } = this.#source.range
    let back = this.#back
    let isOn = false
    if (back === undefined) {
      const range = this.#rangeOfBack()
      if (range === undefined) return this.#meet()
      back = this.#source.reader.walk(range, { isBounded: true })
      this.#back = back
      isOn = isReverse ? back.seekToFirst() : back.seekToLast()
    } else {
      isOn = isReverse ? back.next() : back.previous()
    }
    return isOn ? this.#entryOf(back) : this.#meet()
  }

  #entryOf(place: KeyPlace): KeyEntry<V> | undefined {
    const front = this.#front.place
    const back = this.#back
    if (front.isOn && back?.isOn === true) {
      const hasPassed = this.#source.range.isReverse
        ? front.name <= back.name
        : front.name >= back.name
      if (hasPassed) return this.#meet()
    }
    return { key: latin1ToKey(place.name), value: this.#source.reader.valueAt(place) }
  }

  #meet(): undefined {
    this.#hasMet = true
    this.#front.end()
    this.#back?.end()
    return undefined
  }

  /** Where skip and limit leave off is found by going there once. */
  #rangeOfBack(): NameRange | undefined {
    const { reader, range } = this.#source
    if (range.skip === 0 && range.limit === Infinity) return range
    const scan = new KeyScan(reader, range)
    if (!scan.step()) return undefined
    const first = scan.place.name
    let last = first
    while (scan.step()) last = scan.place.name
    return range.isReverse ? { from: last, to: `${first}\0` } : { from: first, to: `${last}\0` }
  }
}
