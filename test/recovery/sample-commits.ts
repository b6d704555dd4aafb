import { BatchApplier } from '../../packages/asofdb/src/commit/apply.ts'
import {
  type BatchContent,
  type BatchEvent,
  encodeBatch,
} from '../../packages/asofdb/src/commit/batch.ts'
import { ByteWriter } from '../../packages/asofdb/src/encoding/bytes.ts'
import { entityKinds, type EntityKind } from '../../packages/asofdb/src/versions/entity.ts'
import { beginningMicros, foreverMicros } from '../../packages/asofdb/src/versions/periods.ts'
import { sliceOf } from '../../packages/asofdb/src/versions/payload-slice.ts'
import { Tables } from '../../packages/asofdb/src/versions/tables.ts'
import { RandomStream } from '../../simulation/random.ts'

export interface SampleBatch {
  readonly sequence: number
  readonly systemTime: bigint
  readonly payload: Uint8Array
}

/** Tables that grow by made-up commits: a function of the seed. */
export class SampleCommits {
  readonly tables: Tables
  readonly applier: BatchApplier
  readonly #random: RandomStream

  constructor(seed: string, tables = new Tables()) {
    this.tables = tables
    this.applier = new BatchApplier(tables)
    this.#random = new RandomStream(seed)
  }

  /** Makes and applies one commit. */
  commit(payloadBytesMax = 40): SampleBatch {
    const { tables } = this
    const sequence = tables.commits.sequence + 1
    const writer = new ByteWriter()
    encodeBatch(writer, this.#content(sequence, payloadBytesMax), tables)
    const batch = {
      sequence,
      systemTime: BigInt(sequence) * 1_000_000n,
      payload: writer.copy(),
    }
    this.applier.apply(batch)
    return batch
  }

  commits(count: number, payloadBytesMax?: number): SampleBatch[] {
    return Array.from({ length: count }, () => this.commit(payloadBytesMax))
  }

  #content(sequence: number, payloadBytesMax: number): BatchContent {
    const { tables } = this
    const symbol = tables.symbols.intern(`name-${sequence}`)
    const events: BatchEvent[] = []
    const state = (kind: EntityKind, ordinal: number, isAbsent = false) => {
      const from = this.#random.chance(0.3) ? beginningMicros : BigInt(this.#random.below(1000))
      const to = this.#random.chance(0.5) ? foreverMicros : BigInt(1000 + this.#random.below(1000))
      const bytes = this.#random.bytes(this.#random.below(payloadBytesMax))
      const payload = isAbsent ? undefined : { bytes, start: 0, end: bytes.length }
      events.push({ kind, ordinal, from, to, payload })
    }
    const node = tables.nodesAllocated
    state('node', node)
    state('node', this.#random.below(node + 1), this.#random.chance(0.3))
    const edge = tables.edgeEnds.column.count
    const target = this.#random.below(node + 1)
    state('edge', edge)
    const key = tables.keyNames.column.count
    state('key', key)
    return {
      meta: this.#random.chance(0.5) ? this.#random.bytes(5) : undefined,
      symbols: [symbol],
      edges: [{ ordinal: edge, type: symbol, source: node, target }],
      keys: [{ ordinal: key, keyspace: symbol, bytes: this.#random.bytes(4), start: 0, end: 4 }],
      events,
    }
  }
}

/** Everything that the tables say, in a form that compares. */
export function describeTables(tables: Tables): unknown {
  const { commits, edgeEnds, keyNames } = tables
  return {
    symbols: [...tables.symbols.definitions()],
    commits: Array.from({ length: commits.sequence }, (_, index) => {
      const meta = commits.metaOf(index + 1)
      return [
        commits.systemTime(index + 1),
        commits.counts(index + 1),
        meta === 0 ? undefined : textOf(commits.arena, meta),
      ]
    }),
    edges: Array.from({ length: edgeEnds.committed }, (_, ordinal) => edgeEnds.ends(ordinal)),
    keys: Array.from({ length: keyNames.committed }, (_, ordinal) => [
      keyNames.keyspace(ordinal),
      Buffer.from(keyNames.bytes(ordinal)).toString('hex'),
    ]),
    nodesAllocated: tables.nodesAllocated,
    versions: entityKinds.map((kind) => describeVersions(tables, kind)),
  }
}

function describeVersions(tables: Tables, kind: EntityKind): unknown {
  const table = tables.versions(kind)
  return {
    heads: Array.from({ length: table.entityCount }, (_, entity) => table.head(entity)),
    rows: Array.from({ length: table.count }, (_, row) => {
      const payload = table.payloadOf(row)
      return [
        table.entityOf(row),
        table.previous(row),
        table.from(row),
        table.to(row),
        payload === 0 ? undefined : textOf(table.arena, payload),
      ]
    }),
  }
}

function textOf(arena: Tables['node']['arena'], reference: number): string {
  const { bytes, start, end } = sliceOf(arena, reference)
  return Buffer.from(bytes.subarray(start, end)).toString('hex')
}
