import type { Timers } from '../host/host.ts'
import type { ByteArena } from '../versions/byte-arena.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { entryEnd } from '../versions/payload-slice.ts'
import type { RowCounts } from '../versions/commit-table.ts'
import type { Tables } from '../versions/tables.ts'
import type { VersionTable } from '../versions/version-table.ts'

/** Something that is not as it must be. */
export interface Problem {
  /** A file, relative to the directory of the database; a table; or an index. */
  readonly where: string
  readonly what: string
  /** Bytes from the start of the file. */
  readonly offset?: number
}

/** Rows looked at before others get their turn. */
const rowsAtATime = 50_000

/**
 * Checks that the rows up to the newest commit are such as commits make them: links, references
 * and periods. Yields to the event loop; rows that are added meanwhile are not looked at.
 */
export async function* verifyTables(tables: Tables, timers: Timers): AsyncGenerator<Problem> {
  const { commits } = tables
  const counts = commits.counts(commits.sequence)
  yield* verifyCommits(tables, commits.sequence)
  for (const kind of entityKinds) {
    const last = new Map<number, number>()
    for (let from = 0; from < counts[kind]; from += rowsAtATime) {
      const to = Math.min(from + rowsAtATime, counts[kind])
      yield* verifyRows({ tables, kind, from, to, last })
      await timers.yieldTurn()
    }
  }
}

function* verifyCommits(tables: Tables, sequence: number): Generator<Problem> {
  const { commits } = tables
  let before: RowCounts = { node: 0, edge: 0, key: 0 }
  for (let number = 1; number <= sequence; number++) {
    const counts = commits.counts(number)
    const where = `commit ${number}`
    if (number > 1 && commits.systemTime(number) <= commits.systemTime(number - 1)) {
      yield { where, what: 'its system time is not later than that of the commit before' }
    }
    for (const kind of entityKinds) {
      if (counts[kind] < before[kind]) yield { where, what: `it takes ${kind} rows away` }
      if (counts[kind] > tables.versions(kind).count) {
        yield { where, what: `${kind} rows of it are missing` }
      }
    }
    if (!isEntry(commits.arena, commits.metaOf(number))) {
      yield { where, what: 'its metadata lies outside the arena' }
    }
    before = counts
  }
}

interface RowRange {
  readonly tables: Tables
  readonly kind: EntityKind
  readonly from: number
  readonly to: number
  /** The newest row so far of each entity. */
  readonly last: Map<number, number>
}

function* verifyRows({ tables, kind, from, to, last }: RowRange): Generator<Problem> {
  const table = tables.versions(kind)
  for (let row = from; row < to; row++) {
    const what = faultOfRow(table, row, last)
    const entity = table.entityOf(row)
    if (what !== undefined) yield { where: `${kind} row ${row}`, what }
    // An identity is looked at once, with the first version of its entity.
    else if (!last.has(entity)) {
      const fault = faultOfIdentity(tables, kind, entity)
      if (fault !== undefined) yield { where: `${kind} ${entity}`, what: fault }
    }
    last.set(entity, row)
  }
}

function faultOfRow(
  table: VersionTable,
  row: number,
  last: ReadonlyMap<number, number>,
): string | undefined {
  if (table.previous(row) !== (last.get(table.entityOf(row)) ?? -1)) {
    return 'it is not linked to the version before'
  }
  const period = table.periodOf(row)
  if (period < 0 || period >= table.periods.column.count) return 'its period does not exist'
  if (table.periods.from(period) >= table.periods.to(period)) return 'its period is empty'
  if (isEntry(table.arena, table.payloadOf(row))) return undefined
  return 'its payload lies outside the arena'
}

function faultOfIdentity(tables: Tables, kind: EntityKind, entity: number): string | undefined {
  const { edgeEnds, keyNames, symbols, node } = tables
  if (kind === 'edge') {
    if (entity >= edgeEnds.committed) return 'it has no type and no ends'
    if (!symbols.isLogged(edgeEnds.type(entity))) return 'its type has no name'
    const { source, target } = edgeEnds.ends(entity)
    // Nothing is left to tell of a node that was erased after the commits that are here.
    if (tables.edge.isErased(entity)) return undefined
    if (node.head(source) >= 0 && node.head(target) >= 0) return undefined
    return 'a node at its end is missing'
  }
  if (kind === 'key') {
    if (entity >= keyNames.committed) return 'it has no name'
    if (!symbols.isLogged(keyNames.keyspace(entity))) return 'its keyspace has no name'
    const reference = keyNames.column.word(entity, 1) >>> 0
    return isEntry(keyNames.arena, reference) ? undefined : 'its name lies outside the arena'
  }
  return undefined
}

/** Whether a reference is the absent one or that of an entry that lies inside the arena. */
function isEntry(arena: ByteArena, reference: number): boolean {
  if (reference === 0) return true
  const position = reference * 8
  if (position >= arena.length) return false
  const chunk = arena.chunkOf(reference)
  const offset = arena.offsetOf(reference)
  const end = position - offset + entryEnd(chunk, offset)
  return end <= arena.length && end - (position - offset) <= chunk.length
}
