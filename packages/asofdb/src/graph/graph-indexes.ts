import type { IndexShelf } from '../versions/index-shelf.ts'
import type { KeyIndex } from '../versions/key-index.ts'
import type { Tables } from '../versions/tables.ts'
import { Adjacency } from './adjacency.ts'
import { LabelIndex } from './label-index.ts'
import { Schema } from './schema.ts'

/** The derived state of the graph: each part is built when first asked and follows the tables. */
export class GraphIndexes {
  readonly tables: Tables
  readonly adjacency: Adjacency
  readonly labels: LabelIndex
  readonly schema: Schema

  constructor(tables: Tables, keyIndex: KeyIndex, shelf: IndexShelf) {
    this.tables = tables
    this.adjacency = new Adjacency(tables, shelf)
    this.labels = new LabelIndex(tables, shelf)
    this.schema = new Schema(tables, keyIndex, shelf)
  }

  /** Brings up to date what has been asked of other indexes, so that nobody waits for it later. */
  followAs(used: GraphIndexes): void {
    this.schema.prepareAs(used.schema)
    this.tables.shelf.followAs(used.tables.shelf)
  }
}
