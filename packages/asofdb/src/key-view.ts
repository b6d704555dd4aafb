import { type Instant, microsToInstant } from './encoding/instant.ts'
import { type KeyInput, keyToLatin1 } from './encoding/ordered-key.ts'
import type { Value } from './encoding/value.ts'
import { toldFrom } from './graph/horizons.ts'
import { type Period, spanToPeriod } from './graph/period-options.ts'
import { KeyCursor } from './keys/key-cursor.ts'
import { KeyEntries } from './keys/key-entries.ts'
import { checkKeys, checkRange, type KeyRange } from './keys/key-range.ts'
import { KeyReader } from './keys/key-reader.ts'
import type { EntrySource } from './keys/key-scan.ts'
import { versionsOf } from './keys/key-versions.ts'
import { type ValueCodec, valueCodec, type ValueEncoding } from './keys/value-encoding.ts'
import { must } from './rules/invariant.ts'
import { alwaysSpan } from './versions/periods.ts'
import { rectanglesOf, timelineWithin } from './versions/timeline.ts'
import { selectionOf, type ViewContext, type ViewPoint, type Window } from './view-point.ts'

/** One part of a key's timeline. */
export interface KeyTimelineEntry<V = Value> {
  readonly valid: Period
  readonly value: V
}

/** One rectangle of a key's history. */
export interface KeyProvenanceEntry<V = Value> extends KeyTimelineEntry<V> {
  readonly system: Period
  readonly sequence: number
}

/** One statement about a key: of a value, or of absence. */
export interface KeyVersion<V = Value> {
  readonly key: KeyInput
  /** The commit that stated it; undefined for a statement of the open transaction. */
  readonly sequence: number | undefined
  /** The system time of that commit. */
  readonly system: Instant | undefined
  readonly valid: Period
  /** Not there where absence was stated. */
  readonly value?: V
  readonly isDeleted?: true
}

export interface KeyViewParts<V> {
  /** Without one, `reader` has to be overridden. */
  readonly point?: ViewPoint | undefined
  readonly values?: ValueEncoding<V> | undefined
}

/** One keyspace at one point of the two times. */
export class KeyView<V = Value> {
  readonly keyspace: string
  protected readonly codec: ValueCodec<V>
  readonly #context: ViewContext
  readonly #point: ViewPoint | undefined
  #reader: KeyReader<V> | undefined

  constructor(keyspace: string, context: ViewContext, parts: KeyViewParts<V>) {
    this.keyspace = keyspace
    this.codec = valueCodec(keyspace, parts.values)
    this.#context = context
    this.#point = parts.point
  }

  /** Overridden where compaction changes it. */
  protected get context(): ViewContext {
    return this.#context
  }

  protected get reader(): KeyReader<V> {
    this.#reader ??= this.readerAt(must(this.#point, 'the point of a keyspace'))
    return this.#reader
  }

  protected readerAt(point: ViewPoint): KeyReader<V> {
    const { indexes, keyIndex } = this.context
    const { counts, valid, core } = point
    const { tables } = indexes
    return new KeyReader(this.keyspace, this.codec, { tables, keyIndex, counts, valid, core })
  }

  protected mustBeReadable(): void {
    this.context.mustBeReadable()
    this.#point?.core?.mustBeOpen()
    this.#point?.horizons?.mustSeeAll('key', this.keyspace)
  }

  /** The value of a key; undefined when it has none at this point. */
  get(key: KeyInput): V | undefined {
    this.mustBeReadable()
    return this.reader.get(key)
  }

  /** The values of several keys, in their order; undefined for each that has none. */
  getMany(keys: Iterable<KeyInput>): (V | undefined)[] {
    this.mustBeReadable()
    checkKeys(keys)
    const { reader } = this
    return Array.from(keys, (key) => reader.get(key))
  }

  has(key: KeyInput): boolean {
    this.mustBeReadable()
    return this.reader.has(key)
  }

  /**
   * What lies within bounds, in key order or in reverse, as of this call. Nothing is read before it
   * is iterated. Throws InvalidKey, InvalidArgument.
   */
  range(range?: KeyRange): KeyEntries<V> {
    return new KeyEntries(this.#sourceOf(range))
  }

  /** A cursor over what lies within bounds, as of this call. Direction, skip, limit don't count. */
  cursor(range?: KeyRange): KeyCursor<V> {
    return new KeyCursor(this.#sourceOf(range))
  }

  /**
   * Everything that was ever stated about the keys within bounds, as known at this view's system
   * time: by key, and of each key oldest first. Skip and limit count keys. Lazy.
   */
  versions(range?: KeyRange): Generator<KeyVersion<V>> {
    const source = this.#sourceOf(range)
    return this.#versions(source)
  }

  *#versions(source: EntrySource<V>): Generator<KeyVersion<V>> {
    const { tables } = source.reader.point
    const sequence = this.#point?.sequence ?? tables.commits.sequence
    const horizonOf = (ordinal: number): number =>
      toldFrom(tables, { kind: 'key', ordinal }, sequence)
    for (const version of versionsOf(source, horizonOf)) {
      yield { ...version, valid: spanToPeriod(version.valid) }
    }
  }

  #sourceOf(range: KeyRange | undefined): EntrySource<V> {
    this.mustBeReadable()
    const { context, reader } = this
    return {
      reader,
      range: checkRange(range),
      mustBeReadable: () => {
        context.mustBeReadable()
        reader.point.core?.mustBeOpen()
      },
      yieldTurn: () => context.yieldTurn(),
    }
  }

  /** What the key held when, as known at this view's system time. */
  timeline(key: KeyInput, window: Window = {}): KeyTimelineEntry<V>[] {
    this.mustBeReadable()
    const selection = selectionOf(window, this.context.timeZone)
    const cut = selection.isClamped ? selection : alwaysSpan
    const entries: KeyTimelineEntry<V>[] = []
    const { reader } = this
    const name = keyToLatin1(key)
    for (const part of timelineWithin(reader.events(key), cut)) {
      if (part.to <= selection.from || part.from >= selection.to) continue
      const isInside = part.from >= selection.from && part.to <= selection.to
      if (selection.isDuring && !isInside) continue
      entries.push({ valid: spanToPeriod(part), value: reader.decode(name, part.payload) })
    }
    return entries
  }

  /** Every version of the key known at this view's system time, as rectangles. */
  provenance(key: KeyInput): KeyProvenanceEntry<V>[] {
    this.mustBeReadable()
    const { tables } = this.context.indexes
    const { commits } = tables
    const { reader } = this
    const name = keyToLatin1(key)
    const ordinal = reader.find(name)
    const sequence = this.#point?.sequence ?? commits.sequence
    const horizon = ordinal === undefined ? 0 : toldFrom(tables, { kind: 'key', ordinal }, sequence)
    const instant = (sequence: number | undefined): Instant | null =>
      sequence === undefined || sequence === Infinity
        ? null
        : microsToInstant(commits.systemTime(sequence))
    const rectangles = rectanglesOf(reader.events(key))
    const known = rectangles.filter(({ closed = Infinity }) => closed > horizon)
    return known.map((rectangle) => ({
      valid: spanToPeriod(rectangle.valid),
      system: { from: instant(rectangle.sequence), to: instant(rectangle.closed) },
      sequence: rectangle.sequence,
      value: reader.decode(name, rectangle.payload),
    }))
  }
}
