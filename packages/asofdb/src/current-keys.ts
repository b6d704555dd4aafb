import type { KeyInput } from './encoding/ordered-key.ts'
import type { Value } from './encoding/value.ts'
import { KeyView } from './key-view.ts'
import { checkKeys } from './keys/key-range.ts'
import type { KeyReader } from './keys/key-reader.ts'
import type { ValueEncoding } from './keys/value-encoding.ts'
import type { ViewContext, ViewPoint } from './view-point.ts'

interface CurrentPoints {
  /** Another one after each compaction. */
  context(): ViewContext
  now(): ViewPoint
  /** The same point while no commit follows. */
  atLastCommit(): ViewPoint
}

/** A keyspace that follows the commits. */
export class CurrentKeys<V = Value> extends KeyView<V> {
  readonly #points: CurrentPoints
  #lastCommit: ViewPoint | undefined
  #lastReader: KeyReader<V> | undefined
  #now: ViewPoint | undefined
  #nowReader: KeyReader<V> | undefined

  constructor(keyspace: string, points: CurrentPoints, values?: ValueEncoding<V>) {
    super(keyspace, points.context(), { values })
    this.#points = points
  }

  protected override get context(): ViewContext {
    return this.#points.context()
  }

  protected override get reader(): KeyReader<V> {
    const point = this.#points.now()
    if (this.#nowReader === undefined || point !== this.#now) {
      this.#now = point
      this.#nowReader = this.readerAt(point)
    }
    return this.#nowReader
  }

  /** As with nodes: what holds from the last commit on for ever needs no look at the clock. */
  override get(key: KeyInput): V | undefined {
    return this.#readerAtLastCommit().getOpenEnded(key) ?? super.get(key)
  }

  override getMany(keys: Iterable<KeyInput>): (V | undefined)[] {
    this.mustBeReadable()
    checkKeys(keys)
    const atLastCommit = this.#readerAtLastCommit()
    const { reader } = this
    return Array.from(keys, (key) => atLastCommit.getOpenEnded(key) ?? reader.get(key))
  }

  override has(key: KeyInput): boolean {
    return this.#readerAtLastCommit().hasOpenEnded(key) || super.has(key)
  }

  #readerAtLastCommit(): KeyReader<V> {
    const point = this.#points.atLastCommit()
    if (this.#lastReader === undefined || point !== this.#lastCommit) {
      this.#lastCommit = point
      this.#lastReader = this.readerAt(point)
    }
    return this.#lastReader
  }
}
