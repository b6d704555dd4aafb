/**
 * A model of keyspaces as naive as can be: a sorted array of keys, each with everything that was
 * ever stated about it. A state is what was stated last up to a commit.
 */
import type { KeyInput, KeyRange, Value } from 'asofdb'
import { compareKeys, hasPrefix } from './naive-key-order.ts'

export interface Statement {
  readonly sequence: number
  /** Undefined: absence. */
  readonly value: Value | undefined
}

export interface NaiveKey {
  readonly key: KeyInput
  /** Oldest first. */
  readonly statements: Statement[]
}

export type NaiveEntry = readonly [key: KeyInput, value: Value]

export class NaiveKeyspaces {
  readonly #spaces = new Map<string, NaiveKey[]>()

  keysOf(space: string): NaiveKey[] {
    let keys = this.#spaces.get(space)
    if (keys === undefined) {
      keys = []
      this.#spaces.set(space, keys)
    }
    return keys
  }

  /** The row of a key, which is made when there is none: one without statements holds nothing. */
  find(space: string, key: KeyInput): NaiveKey {
    const keys = this.keysOf(space)
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const there = keys[middle]
      if (there !== undefined && compareKeys(there.key, key) < 0) low = middle + 1
      else high = middle
    }
    const found = keys[low]
    if (found !== undefined && compareKeys(found.key, key) === 0) return found
    const made: NaiveKey = { key, statements: [] }
    keys.splice(low, 0, made)
    return made
  }

  view(sequence: number): NaiveView {
    return new NaiveView(this, sequence)
  }

  /** Takes over what a transaction stated, as a commit. */
  commit(transaction: NaiveTransaction, sequence: number): void {
    for (const { row, value } of transaction.statements) row.statements.push({ sequence, value })
  }

  /** The first `sequence` commits are all there is. */
  forgetAfter(sequence: number): void {
    for (const keys of this.#spaces.values()) {
      for (const { statements } of keys) {
        while ((statements.at(-1)?.sequence ?? 0) > sequence) statements.pop()
      }
    }
  }
}

/** All keyspaces after a number of commits. */
export class NaiveView {
  readonly keyspaces: NaiveKeyspaces
  readonly sequence: number

  constructor(keyspaces: NaiveKeyspaces, sequence: number) {
    this.keyspaces = keyspaces
    this.sequence = sequence
  }

  protected valueOf(row: NaiveKey): Value | undefined {
    return row.statements.findLast(({ sequence }) => sequence <= this.sequence)?.value
  }

  /** What is to be told of a row: committed statements, and own ones without a commit. */
  statementsOf(row: NaiveKey): readonly Statement[] {
    return row.statements.filter(({ sequence }) => sequence <= this.sequence)
  }

  get(space: string, key: KeyInput): Value | undefined {
    return this.valueOf(this.keyspaces.find(space, key))
  }

  /** Rows within bounds in the direction of the range, whatever they hold. */
  rowsWithin(space: string, range: KeyRange): NaiveKey[] {
    const { gt, gte, lt, lte, prefix, reverse } = range
    const rows = this.keyspaces.keysOf(space).filter(
      ({ key }) =>
        (gt === undefined || compareKeys(key, gt) > 0) &&
        (gte === undefined || compareKeys(key, gte) >= 0) &&
        (lt === undefined || compareKeys(key, lt) < 0) &&
        (lte === undefined || compareKeys(key, lte) <= 0) &&
        (prefix === undefined || hasPrefix(key, prefix)),
    )
    return reverse === true ? rows.reverse() : rows
  }

  range(space: string, range: KeyRange): NaiveEntry[] {
    const { skip = 0, limit = Infinity } = range
    const entries: NaiveEntry[] = []
    for (const row of this.rowsWithin(space, range)) {
      const value = this.valueOf(row)
      if (value !== undefined) entries.push([row.key, value])
    }
    return entries.slice(skip, skip + limit)
  }

  /** Keys with their statements; skip and limit count keys. */
  versions(space: string, range: KeyRange): (readonly [KeyInput, readonly Statement[]])[] {
    const { skip = 0, limit = Infinity } = range
    return this.rowsWithin(space, range)
      .map((row) => [row.key, this.statementsOf(row)] as const)
      .filter(([, statements]) => statements.length > 0)
      .slice(skip, skip + limit)
  }
}

interface OwnStatement {
  readonly space: string
  readonly row: NaiveKey
  readonly value: Value | undefined
}

/** A view with statements of its own on top. */
export class NaiveTransaction extends NaiveView {
  readonly #savepoints: { readonly name: string; readonly count: number }[] = []
  #statements: OwnStatement[] = []

  get statements(): readonly OwnStatement[] {
    return this.#statements
  }

  protected override valueOf(row: NaiveKey): Value | undefined {
    const own = this.#statements.findLast((one) => one.row === row)
    return own === undefined ? super.valueOf(row) : own.value
  }

  override statementsOf(row: NaiveKey): readonly Statement[] {
    const own = this.#statements.filter((one) => one.row === row)
    return [
      ...super.statementsOf(row),
      ...own.map(({ value }) => ({ sequence: Infinity, value })),
    ]
  }

  state(space: string, key: KeyInput, value: Value | undefined): void {
    this.#statements.push({ space, row: this.keyspaces.find(space, key), value })
  }

  get savepointNames(): string[] {
    return this.#savepoints.map(({ name }) => name)
  }

  savepoint(name: string): void {
    this.#savepoints.push({ name, count: this.#statements.length })
  }

  /** Whether there is such a savepoint. */
  rollbackTo(name: string): boolean {
    const index = this.#savepoints.findLastIndex((one) => one.name === name)
    const saved = this.#savepoints[index]
    if (saved === undefined) return false
    this.#savepoints.splice(index + 1)
    this.#statements = this.#statements.slice(0, saved.count)
    return true
  }

  release(name: string): boolean {
    const index = this.#savepoints.findLastIndex((one) => one.name === name)
    if (index >= 0) this.#savepoints.splice(index)
    return index >= 0
  }

  /** A commit since the beginning that stated something of the same keys. */
  get rival(): number | undefined {
    for (const { row } of this.#statements) {
      const last = row.statements.at(-1)?.sequence ?? 0
      if (last > this.sequence) return last
    }
    return undefined
  }
}
