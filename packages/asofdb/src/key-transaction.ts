import type { TransactionCore } from './commit/transaction-core.ts'
import type { KeyInput } from './encoding/ordered-key.ts'
import type { Value, ValueInput } from './encoding/value.ts'
import { type PeriodOptions, writePeriod } from './graph/period-options.ts'
import { KeyView } from './key-view.ts'
import { checkRange, type KeyRange } from './keys/key-range.ts'
import { KeyScan } from './keys/key-scan.ts'
import type { ValueEncoding } from './keys/value-encoding.ts'
import { type KeyWritePeriod, KeyWriter } from './keys/key-writer.ts'
import { keyToLatin1 } from './encoding/ordered-key.ts'
import { DatabaseError } from './rules/errors.ts'
import { schemaKeyspace } from './versions/key-names.ts'
import { slicesEqual } from './versions/payload-slice.ts'
import { alwaysSpan } from './versions/periods.ts'
import type { ViewContext, ViewPoint } from './view-point.ts'

export interface KeyWriteOptions extends PeriodOptions {
  /** Record nothing where nothing would change. */
  readonly skipUnchanged?: boolean | undefined
}

/** A key write that gives no period is about all of time. */
export const alwaysPeriod: KeyWritePeriod = { span: alwaysSpan, isUntilNext: false }

/** Refuses what is no name of a user's keyspace. */
export function checkKeyspace(keyspace: unknown): void {
  if (typeof keyspace === 'string' && keyspace !== '' && keyspace !== schemaKeyspace) return
  throw new DatabaseError(
    'InvalidArgument',
    `a keyspace is a non-empty name other than '${schemaKeyspace}'`,
  )
}

export interface KeyTransactionParts<V> {
  readonly point: ViewPoint
  readonly core: TransactionCore
  readonly timeZone: string
  readonly values?: ValueEncoding<V> | undefined
}

/**
 * One keyspace within a transaction. Writes hold always, unless a period is given. A condition that
 * is not met leaves the transaction open and as it was; what it looked at counts as read.
 */
export class KeyTransaction<V = Value, I = ValueInput> extends KeyView<V> {
  readonly #writer: KeyWriter
  readonly #core: TransactionCore
  readonly #timeZone: string

  constructor(keyspace: string, context: ViewContext, parts: KeyTransactionParts<V>) {
    super(keyspace, context, parts)
    this.#writer = new KeyWriter(keyspace, parts.core, this.codec)
    this.#core = parts.core
    this.#timeZone = parts.timeZone
  }

  /** Gives a key a value, whether it has one or not. Returns the statements made: 0 or 1. */
  put(key: KeyInput, value: I, options: KeyWriteOptions = {}): number {
    const skipUnchanged = options.skipUnchanged === true
    return this.#writer.put(key, value, { period: this.#period(options), skipUnchanged })
  }

  /**
   * As put, for a key that has no value: AlreadyExists if it has one at any time of the period. One
   * that this transaction deleted has none.
   */
  insert(key: KeyInput, value: I, options: PeriodOptions = {}): number {
    return this.#writer.insert(key, value, this.#period(options))
  }

  /**
   * Puts a value where `get` would give `expected`; undefined stands for none. Equal is what is
   * stored as the same bytes. Whether it did.
   */
  compareAndSet(key: KeyInput, expected: I | undefined, value: I): boolean {
    if (!this.#holds(key, expected)) return false
    this.#writer.put(key, value, { period: alwaysPeriod, skipUnchanged: false })
    return true
  }

  /** Takes the value of a key away. Returns the parts removed; 0 is no error and states nothing. */
  delete(key: KeyInput, options: PeriodOptions = {}): number {
    return this.#writer.delete(key, this.#period(options))
  }

  /**
   * Deletes a key where `get` would give `expected`. With undefined it is true where there is no
   * value, and states nothing.
   */
  compareAndDelete(key: KeyInput, expected: I | undefined): boolean {
    if (!this.#holds(key, expected)) return false
    if (expected !== undefined) this.#writer.delete(key, alwaysPeriod)
    return true
  }

  /** Deletes what `range` would give. Returns how many keys. */
  clear(range?: KeyRange): number {
    this.mustBeReadable()
    const checked = checkRange(range)
    this.#core.mustBeWritable()
    const scan = new KeyScan(this.reader, checked)
    let count = 0
    for (; scan.step(); count++) this.#writer.deleteKnown(scan.place.ordinal, alwaysPeriod)
    return count
  }

  #holds(key: KeyInput, expected: I | undefined): boolean {
    this.#core.mustBeWritable()
    const name = keyToLatin1(key)
    const wanted = expected === undefined ? undefined : this.#writer.encode(key, expected)
    const found = this.reader.sliceOf(name)
    if (wanted === undefined || found === undefined) return wanted === found
    return slicesEqual(wanted, found)
  }

  #period(options: PeriodOptions): KeyWritePeriod {
    const { validFrom, validTo, valid, until } = options
    const isDefault =
      validFrom === undefined && validTo === undefined && valid === undefined && until === undefined
    if (isDefault) return alwaysPeriod
    const context = { now: this.#core.now, timeZone: this.#timeZone }
    const { span, isUntilNext } = writePeriod({ validFrom, validTo, valid, until }, context)
    return { span, isUntilNext }
  }
}
