import { ByteReader, ByteWriter } from '../encoding/bytes.ts'
import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'
import type { Tables } from '../versions/tables.ts'

/**
 * What the tables consist of, as ranges of bytes: each section is one append-only sequence, so
 * "everything since the last checkpoint" is a range of each. The position in this list plus one is
 * the number of the section in a file; the list only ever grows at its end.
 */
export const sectionNames = [
  'symbols',
  'commits',
  'commitBytes',
  'edgeEnds',
  'keyNames',
  'keyNameBytes',
  'nodeRows',
  'nodePeriods',
  'nodeBytes',
  'edgeRows',
  'edgePeriods',
  'edgeBytes',
  'keyRows',
  'keyPeriods',
  'keyBytes',
  'removals',
] as const

export type SectionName = (typeof sectionNames)[number]

/** How far each section reaches: rows, bytes of an arena, or definitions of symbols. */
export type TableCounts = Readonly<Record<SectionName, number>>

/** A column or an arena. */
export interface SectionStore {
  byteRanges(from: number, to: number): Iterable<Uint8Array>
  extendTo(count: number): void
  shrinkTo(count: number): void
}

/** Every section but the symbols, whose bytes are encoded for the file. */
export type StoredSectionName = Exclude<SectionName, 'symbols'>

/** Bytes of a unit: of a row, or 1 in an arena. */
export const unitBytes: Readonly<Record<StoredSectionName, number>> = {
  commits: 24,
  commitBytes: 1,
  edgeEnds: 12,
  keyNames: 8,
  keyNameBytes: 1,
  nodeRows: 16,
  nodePeriods: 16,
  nodeBytes: 1,
  edgeRows: 16,
  edgePeriods: 16,
  edgeBytes: 1,
  keyRows: 16,
  keyPeriods: 16,
  keyBytes: 1,
  removals: 16,
}

export function storeOf(tables: Tables, name: StoredSectionName): SectionStore {
  switch (name) {
    case 'commits':
      return tables.commits.rows
    case 'commitBytes':
      return tables.commits.arena
    case 'edgeEnds':
      return tables.edgeEnds.column
    case 'keyNames':
      return tables.keyNames.column
    case 'keyNameBytes':
      return tables.keyNames.arena
    case 'nodeRows':
      return tables.node.rows
    case 'nodePeriods':
      return tables.node.periods.column
    case 'nodeBytes':
      return tables.node.arena
    case 'edgeRows':
      return tables.edge.rows
    case 'edgePeriods':
      return tables.edge.periods.column
    case 'edgeBytes':
      return tables.edge.arena
    case 'keyRows':
      return tables.key.rows
    case 'keyPeriods':
      return tables.key.periods.column
    case 'keyBytes':
      return tables.key.arena
    case 'removals':
      return tables.removals.column
  }
}

/**
 * How far the tables reach now. Taken in one turn, so that it belongs to the sequence of that
 * turn; everything before these counts never changes again.
 *
 * Identities below `committed` may belong to a transaction that is still open: their rows are
 * written already and stay as they are whether it commits or not.
 */
export function countTables(tables: Tables): TableCounts {
  const { symbols, commits, edgeEnds, keyNames, node, edge, key } = tables
  const last = commits.counts(commits.sequence)
  invariant(node.count === last.node, 'every node row belongs to a commit')
  invariant(edge.count === last.edge, 'every edge row belongs to a commit')
  invariant(key.count === last.key, 'every key row belongs to a commit')
  invariant(edgeEnds.committed <= edgeEnds.column.count, 'committed edges have their ends')
  invariant(keyNames.committed <= keyNames.column.count, 'committed keys have their names')
  return {
    symbols: symbols.count,
    commits: commits.rows.count,
    commitBytes: commits.arena.length,
    edgeEnds: edgeEnds.committed,
    keyNames: keyNames.committed,
    keyNameBytes: keyNames.arena.length,
    nodeRows: node.rows.count,
    nodePeriods: node.periods.column.count,
    nodeBytes: node.arena.length,
    edgeRows: edge.rows.count,
    edgePeriods: edge.periods.column.count,
    edgeBytes: edge.arena.length,
    keyRows: key.rows.count,
    keyPeriods: key.periods.column.count,
    keyBytes: key.arena.length,
    removals: tables.removals.count,
  }
}

/** Where the first checkpoint starts. */
export function zeroCounts(): TableCounts {
  return sectionRecord(() => 0)
}

export function sectionRecord(value: (name: SectionName) => number): TableCounts {
  return {
    symbols: value('symbols'),
    commits: value('commits'),
    commitBytes: value('commitBytes'),
    edgeEnds: value('edgeEnds'),
    keyNames: value('keyNames'),
    keyNameBytes: value('keyNameBytes'),
    nodeRows: value('nodeRows'),
    nodePeriods: value('nodePeriods'),
    nodeBytes: value('nodeBytes'),
    edgeRows: value('edgeRows'),
    edgePeriods: value('edgePeriods'),
    edgeBytes: value('edgeBytes'),
    keyRows: value('keyRows'),
    keyPeriods: value('keyPeriods'),
    keyBytes: value('keyBytes'),
    removals: value('removals'),
  }
}

export function countsEqual(a: TableCounts, b: TableCounts): boolean {
  return sectionNames.every(name => a[name] === b[name])
}

/** Bytes between two counts, the symbols apart. */
export function bytesBetween(from: TableCounts, to: TableCounts): number {
  let bytes = 0
  for (const name of sectionNames) {
    invariant(from[name] <= to[name], 'tables only grow')
    if (name !== 'symbols') bytes += (to[name] - from[name]) * unitBytes[name]
  }
  return bytes
}

/** The definitions [from, to) in the order in which they were logged: varuint number, string. */
export function encodeSymbols(tables: Tables, from: number, to: number): Uint8Array {
  invariant(from <= to && to <= tables.symbols.count, 'only logged symbols are encoded')
  const writer = new ByteWriter()
  for (const [symbol, name] of tables.symbols.definitionsLogged(from, to)) {
    writer.varuint(symbol)
    writer.string(name)
  }
  return writer.copy()
}

invariant(new Set(sectionNames).size === sectionNames.length, 'a section has one number')
invariant(
  Object.values(unitBytes).every(bytes => bytes === 1 || bytes % 4 === 0),
  'a row consists of whole words',
)

/** Symbols are 32-bit numbers in rows; a larger one would be the work of no encoder. */
const symbolMax = 2 ** 31 - 1

/** `bytes` holds `count` definitions and then nothing but the zeros that fill it up. */
export function decodeSymbols(bytes: Uint8Array, count: number): [symbol: number, name: string][] {
  invariant(count >= 0, 'a section does not end before it starts')
  const reader = new ByteReader(bytes)
  const definitions: [number, string][] = []
  for (let rest = count; rest > 0; rest--) {
    const symbol = reader.varuint()
    if (symbol > symbolMax) throw new DatabaseError('Corrupt', `symbol ${symbol} is out of range`)
    definitions.push([symbol, reader.string()])
  }
  const isFilledUp = reader.remaining < 8 && reader.take(reader.remaining).every(byte => byte === 0)
  if (!isFilledUp) throw new DatabaseError('Corrupt', 'bytes follow the definitions of symbols')
  return definitions
}
