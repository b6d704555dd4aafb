import type { KeyInput } from './encoding/ordered-key.ts'
import type { Value } from './encoding/value.ts'
import type { KeyReader } from './keys/key-reader.ts'
import { keyReaderAt, KeyView, View, type ViewContext, type ViewPoint } from './view.ts'

interface CurrentPoints {
  /** Another one after each compaction. */
  context(): ViewContext
  now(): ViewPoint
  /** The same view while no commit follows. */
  atLastCommit(): View
}

/** A keyspace that follows the commits. */
export class CurrentKeys extends KeyView {
  readonly #points: CurrentPoints
  #lastCommit: View | undefined
  #lastReader: KeyReader | undefined

  constructor(keyspace: string, points: CurrentPoints) {
    super(keyspace, points.context())
    this.#points = points
  }

  protected override get context(): ViewContext {
    return this.#points.context()
  }

  protected override get reader(): KeyReader {
    return keyReaderAt(this.keyspace, this.context, this.#points.now())
  }

  /** As with nodes: what holds from the last commit on for ever needs no look at the clock. */
  override get(key: KeyInput): Value | undefined {
    const view = this.#points.atLastCommit()
    if (this.#lastReader === undefined || view !== this.#lastCommit) {
      this.#lastCommit = view
      this.#lastReader = keyReaderAt(this.keyspace, this.context, View.pointOf(view))
    }
    return this.#lastReader.getOpenEnded(key) ?? super.get(key)
  }
}
