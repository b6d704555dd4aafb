import { invariant } from '../rules/invariant.ts'
import { CommitTable, type RowCounts } from './commit-table.ts'
import { type EntityKind, ordinalMax } from './entity.ts'
import { IndexShelf } from './index-shelf.ts'
import { KeyNames } from './key-names.ts'
import { erasedKindOf, type Removal, Removals } from './removals.ts'
import { symbolMax, SymbolTable } from './symbol-table.ts'
import { VersionTable } from './version-table.ts'
import { WordColumn } from './word-column.ts'

/** What an edge is for ever: its type (a symbol) and the ordinals of its two nodes. */
export interface EdgeEnds {
  readonly type: number
  readonly source: number
  readonly target: number
}

const typeWord = 0
const sourceWord = 1
const targetWord = 2

/**
 * The identities of edges, by ordinal. A row is written when a transaction creates the edge,
 * before its commit: an identity without a version is invisible, so these rows need no snapshot.
 * Rows up to `committed` are final; only those beyond may be taken back by a transaction that
 * ends without a commit.
 */
export class EdgeTable {
  readonly column = new WordColumn(3)
  committed = 0

  type(ordinal: number): number {
    return this.column.word(ordinal, typeWord)
  }

  source(ordinal: number): number {
    return this.column.word(ordinal, sourceWord)
  }

  target(ordinal: number): number {
    return this.column.word(ordinal, targetWord)
  }

  ends(ordinal: number): EdgeEnds {
    return { type: this.type(ordinal), source: this.source(ordinal), target: this.target(ordinal) }
  }

  /** Writes the identity of an edge; rows skipped on the way are identities never committed. */
  define(ordinal: number, ends: EdgeEnds): void {
    invariant(ordinal >= 0 && ordinal <= ordinalMax, 'an edge has an ordinal')
    invariant(ends.type >= 0 && ends.type <= symbolMax, 'a type is a symbol')
    const { source, target } = ends
    const areNodes = source >= 0 && source <= ordinalMax && target >= 0 && target <= ordinalMax
    invariant(areNodes, 'both ends of an edge are ordinals of nodes')
    this.column.extendTo(ordinal + 1)
    this.column.set(ordinal, typeWord, ends.type)
    this.column.set(ordinal, sourceWord, source)
    this.column.set(ordinal, targetWord, target)
  }

  /** Takes back the newest rows, those of a transaction that ends without a commit. */
  takeBack(count: number): void {
    invariant(count >= this.committed && count <= this.column.count, 'what is committed stays')
    this.column.shrinkTo(count)
  }
}

/** The truth: every table of one database. Everything else can be derived from it. */
export class Tables {
  readonly symbols = new SymbolTable()
  readonly commits = new CommitTable()
  readonly edgeEnds = new EdgeTable()
  readonly keyNames = new KeyNames()
  readonly node = new VersionTable({ hasWideHeads: true })
  readonly edge = new VersionTable({ hasWideHeads: false })
  readonly key = new VersionTable({ hasWideHeads: true })
  readonly removals = new Removals()
  /** Whether others have taken over; what is committed since is not in these. */
  isReplaced = false
  /** What is derived from these tables and kept in files. */
  readonly shelf = new IndexShelf()
  /** Nodes have no identity row of their own, so the next ordinal is kept here. */
  nodesAllocated = 0

  versions(kind: EntityKind): VersionTable {
    return kind === 'node' ? this.node : kind === 'edge' ? this.edge : this.key
  }

  /** Takes something away from the past: from now on no point shows it. */
  takeAway(removal: Removal): void {
    this.removals.append(removal)
    this.#hide(removal)
  }

  /** Takes away what the removals of a checkpoint say; only then may anybody read. */
  hideErased(): void {
    for (let index = 0; index < this.removals.count; index++) {
      const removal = this.removals.at(index)
      if (removal !== undefined) this.#hide(removal)
    }
  }

  #hide({ kind, subject }: Removal): void {
    const erased = erasedKindOf(kind)
    if (erased === undefined) return
    const table = this.versions(erased)
    const head = table.head(subject)
    if (head >= 0) table.hideBefore(subject, head)
  }

  rowCounts(): RowCounts {
    return { node: this.node.count, edge: this.edge.count, key: this.key.count }
  }
}
