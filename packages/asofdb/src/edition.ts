import { BatchApplier } from './commit/apply.ts'
import type { CommitTarget } from './commit/commit-pipeline.ts'
import { GraphIndexes } from './graph/graph-indexes.ts'
import { GraphIntegrity } from './graph/integrity.ts'
import { Uniqueness } from './graph/uniqueness.ts'
import { KeyIndex } from './versions/key-index.ts'
import type { Tables } from './versions/tables.ts'

/** Tables and what is derived from them. Compaction makes another edition. */
export interface Edition extends CommitTarget {
  readonly indexes: GraphIndexes
}

export function editionOf(tables: Tables): Edition {
  const keyIndex = new KeyIndex(tables, tables.shelf)
  const indexes = new GraphIndexes(tables, keyIndex, tables.shelf)
  const checks = [new GraphIntegrity(indexes), new Uniqueness(indexes)]
  return { tables, keyIndex, indexes, applier: new BatchApplier(tables), checks }
}
