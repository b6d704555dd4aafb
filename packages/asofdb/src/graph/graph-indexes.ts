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

  constructor(tables: Tables, keyIndex: KeyIndex) {
    this.tables = tables
    this.adjacency = new Adjacency(tables)
    this.labels = new LabelIndex(tables)
    this.schema = new Schema(tables, keyIndex)
  }
}
