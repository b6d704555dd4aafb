/** One transaction of a history, on the public API of the database. */
import { inspect } from 'node:util'
import {
  type Database,
  isDatabaseError,
  type KeyCursor,
  type KeyEntry,
  type KeyTransaction,
  type KeyView,
  type OpenTransaction,
  type Savepoint,
  type View,
} from 'asofdb'
import type { Isolation, Outcome, Result } from './history.ts'
import { type Cell, cellOf, type Operation, type Space } from './operations.ts'

/** Where the cells of one history are in a database: many histories share one. */
export interface Ground {
  readonly database: Database
  keyspaceOf(space: Space): string
  readonly label: string
  readonly nodes: ReadonlyMap<string, number>
  /** Commits before the history. */
  readonly start: number
}

export interface SessionOptions {
  readonly isolation: Isolation
  readonly isReadonly: boolean
}

const always = { valid: 'always' } as const

/** Bugs are planted by overriding what it does. */
export class Session {
  protected readonly ground: Ground
  protected readonly options: SessionOptions
  protected readonly transaction: OpenTransaction
  #cursor: KeyCursor | undefined
  readonly #savepoints = new Map<string, Savepoint[]>()

  constructor(ground: Ground, options: SessionOptions) {
    this.ground = ground
    this.options = options
    this.transaction = this.begin()
  }

  protected begin(): OpenTransaction {
    const { isolation, isReadonly } = this.options
    return this.ground.database.begin({ isolation, readonly: isReadonly })
  }

  /** Commits of its snapshot, since the start of the history. */
  get base(): number {
    return this.transaction.sequence - this.ground.start
  }

  perform(operation: Operation): Result {
    return this.performOn(this.transaction, operation)
  }

  async commit(): Promise<Outcome> {
    const { database, start } = this.ground
    try {
      const done = await this.transaction.commit()
      if (done === undefined) return { kind: 'empty' }
      return { kind: 'committed', sequence: done.sequence - start }
    } catch (error) {
      if (!isDatabaseError(error) || error.kind !== 'retry') throw error
      const { code, details } = error
      const after = database.begin()
      after.cancel()
      return {
        kind: 'aborted',
        code,
        cell: this.#cellOf(details),
        after: after.sequence - start,
      }
    }
  }

  cancel(): Promise<Outcome> {
    this.transaction.cancel()
    return Promise.resolve({ kind: 'cancelled' })
  }

  /** Reads may be asked of any view; writes only of the transaction. */
  protected performOn(view: View, operation: Operation): Result {
    switch (operation.do) {
      case 'savepoint':
        this.#savepoints.set(operation.name, [this.transaction.savepoint(operation.name)])
        return null
      case 'rollbackTo':
      case 'release':
        return this.#refusable(() => {
          if (operation.do === 'release') this.transaction.release(operation.name)
          else this.transaction.rollbackTo(operation.name)
          return null
        })
      case 'cursor':
        this.#cursor = view.keys(this.#keyspace(operation.space)).cursor(operation.range)
        return null
      case 'move':
        return this.#move(operation)
      default:
        if (operation.space === 'nodes') return this.#onNodes(view, operation)
        return this.#isRead(operation)
          ? this.#readKeys(view.keys(this.#keyspace(operation.space)), operation)
          : this.#writeKeys(this.transaction.keys(this.#keyspace(operation.space)), operation)
    }
  }

  #keyspace(space: Space): string {
    return this.ground.keyspaceOf(space)
  }

  #isRead({ do: verb }: Operation): boolean {
    return ['get', 'getMany', 'has', 'range'].includes(verb)
  }

  #readKeys(keys: KeyView, operation: Operation): Result {
    switch (operation.do) {
      case 'get':
        return textOf(keys.get(operation.key))
      case 'getMany':
        return keys.getMany(operation.keys).map(textOf)
      case 'has':
        return keys.has(operation.key)
      case 'range':
        return readRange(keys, operation)
      default:
        throw new Error(`${operation.do} is no read of keys`)
    }
  }

  #writeKeys(keys: KeyTransaction, operation: Operation): Result {
    switch (operation.do) {
      case 'put':
        return keys.put(operation.key, operation.value)
      case 'insert':
        return this.#refusable(() => {
          keys.insert(operation.key, operation.value)
          return 1
        })
      case 'compareAndSet':
        return keys.compareAndSet(
          operation.key,
          operation.expected ?? undefined,
          operation.value,
        )
      case 'delete':
        return keys.delete(operation.key)
      case 'compareAndDelete':
        return keys.compareAndDelete(operation.key, operation.expected ?? undefined)
      case 'clear':
        return keys.clear(operation.range)
      default:
        throw new Error(`${operation.do} is no write of keys`)
    }
  }

  #onNodes(view: View, operation: Operation): Result {
    const { label, nodes } = this.ground
    if (operation.do === 'range') {
      const found = [...view.nodes(label)]
      const names = new Map([...nodes].map(([key, id]) => [id, key]))
      if (operation.form === 'count') return found.length
      // Nodes come in no order that is promised.
      const entries = found.map((node) => [names.get(node.id) ?? '', textOf(node.get('v'))])
      return entries.sort(([left], [right]) => ((left ?? '') < (right ?? '') ? -1 : 1))
    }
    if (!('key' in operation)) throw new Error(`${operation.do} is nothing for nodes`)
    const id = nodes.get(operation.key) ?? 0
    switch (operation.do) {
      case 'get':
        return textOf(view.node(id)?.get('v'))
      case 'has':
        return view.node(id) !== undefined
      case 'put':
        return this.transaction.put(id, { v: operation.value }, { ...always, labels: [label] })
      case 'insert':
        return this.#refusable(() =>
          this.transaction.create(id, { v: operation.value }, { ...always, labels: [label] }),
        )
      case 'delete':
        return this.transaction.delete(id, always)
      default:
        throw new Error(`${operation.do} is nothing for nodes`)
    }
  }

  #move({ move, key }: Extract<Operation, { do: 'move' }>): Result {
    const cursor = this.#cursor
    if (cursor === undefined) return null
    const isThere =
      move === 'seek' || move === 'seekForPrev' ? cursor[move](key) : cursor[move]()
    if (isThere !== cursor.isValid) return { error: 'a cursor that is valid and is not' }
    return isThere ? [textOf(cursor.key), textOf(cursor.value)] : null
  }

  #refusable(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      if (!isDatabaseError(error) || error.kind !== 'invalid') throw error
      return { error: error.code }
    }
  }

  /** The cell that an error names. */
  #cellOf(details: Readonly<Record<string, unknown>>): Cell | undefined {
    const { keyspace, key, id } = details
    const { nodes } = this.ground
    for (const space of ['left', 'right'] as const) {
      if (keyspace !== this.#keyspace(space) || typeof key !== 'string') continue
      return cellOf(space, key)
    }
    for (const [key, node] of nodes) if (id === node) return cellOf('nodes', key)
    return undefined
  }
}

function readRange(
  keys: KeyView,
  { range, form, take }: Extract<Operation, { do: 'range' }>,
): Result {
  const entries = keys.range(range)
  const stopped = <T>(list: Iterable<T>): T[] => {
    if (take === undefined) return [...list]
    const taken: T[] = []
    for (const one of list) if (taken.push(one) >= take) break
    return taken
  }
  switch (form) {
    case 'count':
      return entries.count()
    case 'first': {
      const first = entries.first()
      return first === undefined ? null : entryOf(first)
    }
    case 'keys':
      return stopped(entries.keys()).map(textOf)
    case 'values':
      return stopped(entries.values()).map(textOf)
    default:
      return stopped(entries).map(entryOf)
  }
}

function entryOf({ key, value }: KeyEntry): Result {
  return [textOf(key), textOf(value)]
}

function textOf(value: unknown): string | null {
  if (value === undefined) return null
  return typeof value === 'string' ? value : `not a text: ${inspect(value)}`
}
