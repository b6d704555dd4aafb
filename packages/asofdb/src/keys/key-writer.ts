import type { TransactionCore } from '../commit/transaction-core.ts'
import { deleteVersions, nextBoundary, putVersion, type WriteTarget } from '../commit/verbs.ts'
import { idleWriter } from '../encoding/bytes.ts'
import { type KeyInput, keyToLatin1 } from '../encoding/ordered-key.ts'
import { encodeValue, type ValueInput } from '../encoding/value.ts'
import { DatabaseError } from '../rules/errors.ts'
import { payloadBytesMax } from '../versions/byte-arena.ts'
import { dependOnRange } from './key-dependency.ts'
import type { PayloadSlice } from '../versions/payload-slice.ts'
import type { Span } from '../versions/periods.ts'

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

  constructor(keyspace: string, core: TransactionCore) {
    this.keyspace = keyspace
    this.#core = core
  }

  put(key: KeyInput, value: ValueInput, options: KeyPutOptions): number {
    this.#core.mustBeWritable()
    const name = keyToLatin1(key)
    const payload = this.#encode(key, value)
    return putVersion(this.#target(name, options.period, options.skipUnchanged), payload)
  }

  delete(key: KeyInput, period: KeyWritePeriod): number {
    this.#core.mustBeWritable()
    const name = keyToLatin1(key)
    const symbol = this.#core.tables.symbols.find(this.keyspace)
    const isKnown = symbol !== undefined && this.#core.keyIndex.find(symbol, name) !== undefined
    if (isKnown) return deleteVersions(this.#target(name, period, false))
    dependOnRange(this.#core, this.keyspace, { gte: name, lte: name })
    return 0
  }

  #target(name: string, period: KeyWritePeriod, skipUnchanged: boolean): WriteTarget {
    const core = this.#core
    const ordinal = core.allocateKey(core.symbol(this.keyspace), name)
    let { span } = period
    if (period.isUntilNext) {
      const { from } = span
      span = { from, to: nextBoundary({ core, kind: 'key', ordinal }, from) }
    }
    return { core, kind: 'key', ordinal, span, skipUnchanged }
  }

  #encode(key: KeyInput, value: ValueInput): PayloadSlice {
    const writer = idleWriter()
    try {
      encodeValue(writer, value, `${this.keyspace}/${String(key)}`)
      if (writer.length <= payloadBytesMax) return writer.cut()
      throw new DatabaseError(
        'LimitExceeded',
        `the value of ${this.keyspace}/${String(key)} takes ${writer.length} bytes, over the ` +
          `limit of ${payloadBytesMax}; split it`,
      )
    } finally {
      writer.reset()
    }
  }
}
