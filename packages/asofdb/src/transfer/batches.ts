import type { LoggedBatch } from '../commit/apply.ts'
import {
  type BatchContent,
  type BatchEvent,
  type EdgeDefinition,
  encodeBatch,
  type KeyDefinition,
} from '../commit/batch.ts'
import { ByteWriter } from '../encoding/bytes.ts'
import { fieldsOf, labelsOf } from '../graph/payload.ts'
import { invariant } from '../rules/invariant.ts'
import { absentReference } from '../versions/byte-arena.ts'
import { type EntityKind, entityKinds } from '../versions/entity.ts'
import { type PayloadSlice, sliceOf } from '../versions/payload-slice.ts'
import type { Tables } from '../versions/tables.ts'

/**
 * The batches of the commits up to a sequence, made again from the tables that hold them: the log
 * need not go back that far. Applying them in order gives the same entities, periods, payloads,
 * times and metadata; each name and each identity is defined by the first commit that uses it, so
 * nothing of a later commit comes along.
 */
export class BatchSource {
  readonly #tables: Tables
  readonly #writer = new ByteWriter()
  readonly #known = new Set<number>()
  #sequence = 0

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** The next batch, from the first commit on. Its payload is valid until the next call. */
  next(): LoggedBatch {
    const { commits } = this.#tables
    this.#sequence++
    const sequence = this.#sequence
    invariant(sequence <= commits.sequence, 'there is a commit to make a batch of')
    this.#writer.reset()
    encodeBatch(this.#writer, this.#contentOf(sequence), this.#tables)
    return { sequence, systemTime: commits.systemTime(sequence), payload: this.#writer.view() }
  }

  #contentOf(sequence: number): BatchContent {
    const { commits } = this.#tables
    const start = commits.counts(sequence - 1)
    const end = commits.counts(sequence)
    const symbols: number[] = []
    const edges: EdgeDefinition[] = []
    const keys: KeyDefinition[] = []
    const events: BatchEvent[] = []
    const need = (symbol: number): void => {
      if (this.#known.has(symbol)) return
      this.#known.add(symbol)
      symbols.push(symbol)
    }
    for (const kind of entityKinds) {
      for (let row = start[kind]; row < end[kind]; row++) {
        const event = this.#eventOf(kind, row)
        const { ordinal, payload } = event
        if (this.#tables.versions(kind).previous(row) < 0) {
          if (kind === 'edge') edges.push(this.#edgeOf(ordinal, need))
          else if (kind === 'key') keys.push(this.#keyOf(ordinal, need))
        }
        if (kind !== 'key' && payload !== undefined) needNames(payload, need)
        events.push(event)
      }
    }
    return { meta: this.#metaOf(sequence), symbols, edges, keys, events }
  }

  #eventOf(kind: EntityKind, row: number): BatchEvent {
    const table = this.#tables.versions(kind)
    const reference = table.payloadOf(row)
    return {
      kind,
      ordinal: table.entityOf(row),
      from: table.from(row),
      to: table.to(row),
      payload: reference === absentReference ? undefined : sliceOf(table.arena, reference),
    }
  }

  #edgeOf(ordinal: number, need: (symbol: number) => void): EdgeDefinition {
    const ends = this.#tables.edgeEnds.ends(ordinal)
    need(ends.type)
    return { ordinal, ...ends }
  }

  #keyOf(ordinal: number, need: (symbol: number) => void): KeyDefinition {
    const { keyNames } = this.#tables
    const keyspace = keyNames.keyspace(ordinal)
    need(keyspace)
    return { ordinal, keyspace, bytes: keyNames.bytes(ordinal) }
  }

  #metaOf(sequence: number): Uint8Array | undefined {
    const { commits } = this.#tables
    const reference = commits.metaOf(sequence)
    if (reference === absentReference) return undefined
    const { bytes, start, end } = sliceOf(commits.arena, reference)
    return bytes.subarray(start, end)
  }
}

function needNames(payload: PayloadSlice, need: (symbol: number) => void): void {
  for (const label of labelsOf(payload)) need(label)
  for (const { symbol } of fieldsOf(payload)) need(symbol)
}
