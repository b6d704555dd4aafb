import { AbstractSnapshot } from 'abstract-level'
import type { KeyView } from '../key-view.ts'
import type { InstantInput } from '../encoding/instant.ts'

/** A point of system time: a commit by its number, or an instant. Neither: now. */
export interface AsOfPoint {
  readonly sequence?: number | undefined
  readonly system?: InstantInput | undefined
}

/** What abstract-level gives to the private method that makes a snapshot. */
export interface SnapshotOptions extends AsOfPoint {
  /** The database that closes it. */
  readonly owner: unknown
}

/** The types leave out that a snapshot is made with options. */
const SnapshotBase: new (options: SnapshotOptions) => AbstractSnapshot = AbstractSnapshot

/** What a Level held at one point. */
export class LevelSnapshot extends SnapshotBase {
  /** Whose keys they are. */
  readonly level: unknown
  #keys: KeyView<Uint8Array> | undefined

  constructor(level: unknown, keys: KeyView<Uint8Array>, options: SnapshotOptions) {
    super(options)
    this.level = level
    this.#keys = keys
  }

  /** Undefined once it is closed. */
  get keys(): KeyView<Uint8Array> | undefined {
    return this.#keys
  }

  /** What was overwritten since can be given back. */
  protected _close(): void {
    this.#keys = undefined
  }
}
