import { invariant } from '../rules/invariant.ts'
import { absentReference } from '../versions/byte-arena.ts'
import { entityKinds } from '../versions/entity.ts'
import type { Removal } from '../versions/removals.ts'
import type { Tables } from '../versions/tables.ts'
import {
  type BatchSink,
  type DecodedEvent,
  decodeBatch,
  type EdgeDefinition,
  type KeyDefinition,
} from './batch.ts'

export interface LoggedBatch {
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly systemTime: bigint
  readonly payload: Uint8Array
}

/**
 * Applies batches to tables: the fold that makes a database out of a log. A live commit and a
 * replay take this same path, so a recovered database equals the committed one by construction.
 */
export class BatchApplier implements BatchSink {
  readonly #tables: Tables
  #metaReference = 0
  #removals: Removal[] = []

  constructor(tables: Tables) {
    this.#tables = tables
  }

  apply(batch: LoggedBatch): void {
    const { commits } = this.#tables
    invariant(batch.sequence === commits.sequence + 1, 'batches are applied in sequence')
    this.#metaReference = absentReference
    const before = commits.counts(commits.sequence)
    const { node, edge, key } = this.#tables.rowCounts()
    const isWhole = node === before.node && edge === before.edge && key === before.key
    invariant(isWhole, 'a batch is applied to tables that end with a commit')
    this.#removals = []
    decodeBatch(batch.payload, this)
    for (const removal of this.#removals) this.#tables.takeAway(removal)
    commits.append(batch.systemTime, this.#tables.rowCounts(), this.#metaReference)
    invariant(commits.sequence === batch.sequence, 'an applied batch is a commit')
  }

  meta(bytes: Uint8Array): void {
    this.#metaReference = this.#tables.commits.arena.append(bytes, 0, bytes.length)
  }

  symbol(number: number, name: string): void {
    this.#tables.symbols.define(number, name)
  }

  edge(edge: EdgeDefinition): void {
    const { edgeEnds, edge: versions } = this.#tables
    invariant(versions.head(edge.ordinal) < 0, 'an edge is defined before its first version')
    edgeEnds.define(edge.ordinal, edge)
    edgeEnds.committed = Math.max(edgeEnds.committed, edge.ordinal + 1)
  }

  key(key: KeyDefinition): void {
    const { keyNames, key: versions } = this.#tables
    invariant(versions.head(key.ordinal) < 0, 'a key is defined before its first version')
    keyNames.define(key.ordinal, key)
    keyNames.committed = Math.max(keyNames.committed, key.ordinal + 1)
  }

  /** Taken away is what there was before the events of the commit, so those come first. */
  removal(removal: Removal): void {
    this.#removals.push(removal)
  }

  event(event: DecodedEvent): void {
    const kind = entityKinds[event.kind]
    invariant(kind !== undefined, 'an event is about a node, an edge or a key')
    const tables = this.#tables
    const isDefined =
      kind === 'node' ||
      event.ordinal < (kind === 'edge' ? tables.edgeEnds : tables.keyNames).committed
    invariant(isDefined, 'an edge or a key is defined before it is written about')
    if (kind === 'node' && event.ordinal >= tables.nodesAllocated) {
      tables.nodesAllocated = event.ordinal + 1
    }
    const table = tables.versions(kind)
    const { fromHigh, fromLow, toHigh, toLow } = event
    const period = table.periods.intern(fromHigh, fromLow, toHigh, toLow)
    const payload = event.isAbsent
      ? absentReference
      : table.arena.append(event.bytes, event.start, event.end)
    table.append(event.ordinal, period, payload)
  }
}
