import type { TransactionCore } from '../commit/transaction-core.ts'
import {
  deleteVersions,
  nextBoundary,
  partsOf,
  putVersion,
  type WriteTarget,
} from '../commit/verbs.ts'
import { idleWriter } from '../encoding/bytes.ts'
import { describeKey } from '../encoding/describe-key.ts'
import { type KeyInput, keyToLatin1 } from '../encoding/ordered-key.ts'
import { encodeValue, type ValueInput } from '../encoding/value.ts'
import { DatabaseError } from '../rules/errors.ts'
import { payloadBytesMax } from '../versions/byte-arena.ts'
import { keyId } from '../versions/entity.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { Span } from '../versions/periods.ts'
import { type ValueCodec, valueCodec } from './value-encoding.ts'

/** The period of one key write; `span` undefined stands for always. */
export interface KeyWritePeriod {
  readonly span: Span
  readonly isUntilNext: boolean
}

export interface KeyPutOptions {
  readonly period: KeyWritePeriod
  readonly skipUnchanged: boolean
}

/** The write verbs on the keys of one keyspace, within one transaction. */
export class KeyWriter {
  readonly keyspace: string
  readonly #core: TransactionCore
  readonly #codec: ValueCodec<unknown>
  /** The key whose value was encoded last, for errors. */
  #encoded: KeyInput = ''
  readonly #describe = (): string =>
    `the value of ${describeKey(this.#encoded)} in keyspace ${this.keyspace}`

  constructor(
    keyspace: string,
    core: TransactionCore,
    codec: ValueCodec<unknown> = valueCodec<unknown>(keyspace, 'value'),
  ) {
    this.keyspace = keyspace
    this.#core = core
    this.#codec = codec
  }

  put(key: KeyInput, value: unknown, options: KeyPutOptions): number {
    this.#core.mustBeWritable()
    const name = keyToLatin1(key)
    const payload = this.encode(key, value)
    return putVersion(this.#target(name, options.period, options.skipUnchanged), payload)
  }

  /** As put, where nothing is yet in all of the period; else AlreadyExists. */
  insert(key: KeyInput, value: unknown, period: KeyWritePeriod): number {
    this.#core.mustBeWritable()
    const name = keyToLatin1(key)
    const payload = this.encode(key, value)
    const target = this.#target(name, period, false)
    if (partsOf(target).length === 0) return putVersion(target, payload)
    throw new DatabaseError(
      'AlreadyExists',
      `the key ${describeKey(key)} of keyspace ${this.keyspace} exists already; put replaces it`,
      { details: { keyspace: this.keyspace, key } },
    )
  }

  delete(key: KeyInput, period: KeyWritePeriod): number {
    this.#core.mustBeWritable()
    const name = keyToLatin1(key)
    const ordinal = this.#find(name)
    const removed = ordinal === undefined ? 0 : this.deleteKnown(ordinal, period)
    if (removed > 0 || !this.#core.tracksReads) return removed
    this.#core.reads.keys.addName({ keyspace: this.keyspace, name })
    return 0
  }

  /** States the absence of a key that was written to before, if it holds anything. */
  deleteKnown(ordinal: number, period: KeyWritePeriod): number {
    const core = this.#core
    const span = this.#spanOf(ordinal, period)
    if (core.newestHolds('key', ordinal, span)) {
      // What is stated over all of the period is one part of it.
      core.reads.add(keyId(ordinal))
      core.record('key', ordinal, { span, payload: undefined })
      return 1
    }
    return deleteVersions({ core, kind: 'key', ordinal, span })
  }

  /** The stored form of a value, for comparison or to be put. */
  encode(key: KeyInput, value: unknown): PayloadSlice {
    const stored: ValueInput = this.#codec.encode(value, key)
    const writer = idleWriter()
    try {
      this.#encoded = key
      encodeValue(writer, stored, this.#describe)
      if (writer.length <= payloadBytesMax) return writer.cut()
      throw new DatabaseError(
        'LimitExceeded',
        `${this.#describe()} takes ${writer.length} bytes, ` +
          `over the limit of ${payloadBytesMax}; split it`,
      )
    } finally {
      writer.reset()
    }
  }

  #find(name: string): number | undefined {
    const symbol = this.#core.tables.symbols.find(this.keyspace)
    return symbol === undefined ? undefined : this.#core.keyIndex.find(symbol, name)
  }

  #target(name: string, period: KeyWritePeriod, skipUnchanged: boolean): WriteTarget {
    const core = this.#core
    const ordinal = core.allocateKey(core.symbol(this.keyspace), name)
    return { core, kind: 'key', ordinal, span: this.#spanOf(ordinal, period), skipUnchanged }
  }

  #spanOf(ordinal: number, { span, isUntilNext }: KeyWritePeriod): Span {
    if (!isUntilNext) return span
    const { from } = span
    return { from, to: nextBoundary({ core: this.#core, kind: 'key', ordinal }, from) }
  }
}
