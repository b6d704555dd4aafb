/**
 * The whole meaning of the operations on a plain Map, run by one at a time: what they return, what
 * they change, and which cells they had to look at. Nothing here knows the engine.
 */
import type { Result } from './history.ts'
import {
  allKeys,
  type Cell,
  cellOf,
  type CursorMove,
  type Operation,
  type Range,
  type Space,
} from './operations.ts'

/** A look at one cell: at its value, or only at whether anything is there. */
export interface Look {
  readonly cell: Cell
  readonly at: 'value' | 'presence'
  /** Part of a range, not a key that was asked for by name. */
  readonly isPredicate: boolean
}

export interface Performed {
  readonly result: Result
  readonly looks: readonly Look[]
}

interface CursorState {
  readonly space: Space
  readonly range: Range
  readonly position: { readonly at: string } | 'unpositioned' | 'off'
}

interface Saved {
  readonly name: string
  readonly cells: ReadonlyMap<Cell, string>
  readonly written: ReadonlySet<Cell>
}

/** A state of all cells, and one transaction at work on it. */
export class NaiveKeys {
  #cells: Map<Cell, string>
  #written = new Set<Cell>()
  #saved: Saved[] = []
  #cursor: CursorState | undefined
  #looks: Look[] = []

  constructor(cells: ReadonlyMap<Cell, string>) {
    this.#cells = new Map(cells)
  }

  get cells(): ReadonlyMap<Cell, string> {
    return this.#cells
  }

  /** Cells about which something was stated. */
  get written(): ReadonlySet<Cell> {
    return this.#written
  }

  valueOf(cell: Cell): string | null {
    return this.#cells.get(cell) ?? null
  }

  perform(operation: Operation): Performed {
    this.#looks = []
    const result = this.#perform(operation)
    return { result, looks: this.#looks }
  }

  #perform(operation: Operation): Result {
    switch (operation.do) {
      case 'get':
        return this.#read(cellOf(operation.space, operation.key))
      case 'getMany':
        return operation.keys.map((key) => this.#read(cellOf(operation.space, key)))
      case 'has':
        return this.#isPresent(cellOf(operation.space, operation.key))
      case 'range':
        return this.#range(operation)
      case 'cursor':
        this.#cursor = {
          space: operation.space,
          range: operation.range,
          position: 'unpositioned',
        }
        return null
      case 'move':
        return this.#move(operation.move, operation.key)
      case 'savepoint':
      case 'rollbackTo':
      case 'release':
        return this.#savepoint(operation.do, operation.name)
      default:
        return this.#write(operation)
    }
  }

  #write(operation: Operation): Result {
    switch (operation.do) {
      case 'put':
        this.#set(cellOf(operation.space, operation.key), operation.value)
        return 1
      case 'insert': {
        const cell = cellOf(operation.space, operation.key)
        if (this.#isPresent(cell)) return { error: 'AlreadyExists' }
        this.#set(cell, operation.value)
        return 1
      }
      case 'compareAndSet': {
        const cell = cellOf(operation.space, operation.key)
        if (this.#read(cell) !== operation.expected) return false
        this.#set(cell, operation.value)
        return true
      }
      case 'delete': {
        const cell = cellOf(operation.space, operation.key)
        if (!this.#isPresent(cell)) return 0
        this.#set(cell, undefined)
        return 1
      }
      case 'compareAndDelete': {
        const cell = cellOf(operation.space, operation.key)
        if (this.#read(cell) !== operation.expected) return false
        if (operation.expected !== null) this.#set(cell, undefined)
        return true
      }
      case 'clear': {
        const keys = this.#walk(operation.space, operation.range, 'presence')
        for (const key of keys) this.#set(cellOf(operation.space, key), undefined)
        return keys.length
      }
      default:
        throw new Error(`${operation.do} is no write`)
    }
  }

  #set(cell: Cell, value: string | undefined): void {
    this.#written.add(cell)
    if (value === undefined) this.#cells.delete(cell)
    else this.#cells.set(cell, value)
  }

  #read(cell: Cell): string | null {
    this.#looks.push({ cell, at: 'value', isPredicate: false })
    return this.valueOf(cell)
  }

  #isPresent(cell: Cell): boolean {
    this.#looks.push({ cell, at: 'presence', isPredicate: false })
    return this.#cells.has(cell)
  }

  #range({ space, range, form, take }: Extract<Operation, { do: 'range' }>): Result {
    const most = form === 'first' ? 1 : (take ?? Infinity)
    const limit = Math.min(range.limit ?? Infinity, most)
    const isOfValues = form === 'entries' || form === 'values' || form === 'first'
    const keys = this.#walk(space, { ...range, limit }, isOfValues ? 'value' : 'presence')
    const value = (key: string) => this.valueOf(cellOf(space, key))
    const entries = keys.map((key): Result => [key, value(key)])
    if (form === 'count') return keys.length
    if (form === 'keys') return keys
    if (form === 'values') return keys.map(value)
    return form === 'first' ? (entries[0] ?? null) : entries
  }

  /** The present keys of a range; looks no farther than it must. */
  #walk(space: Space, range: Range, at: Look['at']): string[] {
    const { limit = Infinity } = range
    let { skip = 0 } = range
    const found: string[] = []
    if (limit === 0) return found
    for (const key of keysWithin(range)) {
      const cell = cellOf(space, key)
      const isPresent = this.#cells.has(cell)
      const isSkipped = isPresent && skip-- > 0
      const isShown = isPresent && !isSkipped
      this.#looks.push({ cell, at: 'presence', isPredicate: true })
      if (!isShown) continue
      if (at === 'value') this.#looks.push({ cell, at, isPredicate: true })
      if (found.push(key) >= limit) break
    }
    return found
  }

  #move(move: CursorMove, to: string): Result {
    const cursor = this.#cursor
    if (cursor === undefined) throw new Error('no cursor is open')
    const { space, range, position } = cursor
    const isBack = move === 'prev' || move === 'seekForPrev' || move === 'seekToLast'
    const bounds: Range[] = [boundsOf(range)]
    if (move === 'seek') bounds.push({ gte: to })
    if (move === 'seekForPrev') bounds.push({ lte: to })
    if (move === 'next' || move === 'prev') {
      if (position === 'off') return null
      if (position !== 'unpositioned') {
        bounds.push(isBack ? { lt: position.at } : { gt: position.at })
      }
    }
    const isWithin = (key: string) => bounds.every((one) => isKeyWithin(key, one))
    const candidates = isBack ? [...allKeys].reverse() : allKeys
    for (const key of candidates.filter(isWithin)) {
      const cell = cellOf(space, key)
      this.#looks.push({ cell, at: 'presence', isPredicate: true })
      if (!this.#cells.has(cell)) continue
      this.#looks.push({ cell, at: 'value', isPredicate: true })
      this.#cursor = { ...cursor, position: { at: key } }
      return [key, this.valueOf(cell)]
    }
    this.#cursor = { ...cursor, position: 'off' }
    return null
  }

  #savepoint(how: 'savepoint' | 'rollbackTo' | 'release', name: string): Result {
    if (how === 'savepoint') {
      const saved = { name, cells: new Map(this.#cells), written: new Set(this.#written) }
      this.#saved.push(saved)
      return null
    }
    const index = this.#saved.findLastIndex((saved) => saved.name === name)
    const saved = this.#saved[index]
    if (saved === undefined) return { error: 'NoSavepoint' }
    this.#saved.splice(how === 'release' ? index : index + 1)
    if (how === 'rollbackTo') {
      this.#cells = new Map(saved.cells)
      this.#written = new Set(saved.written)
    }
    return null
  }
}

/** The keys that a range is about, in its direction. */
export function keysWithin(range: Range): string[] {
  const keys = allKeys.filter((key) => isKeyWithin(key, range))
  return range.reverse === true ? keys.reverse() : keys
}

function isKeyWithin(key: string, { gt, gte, lt, lte, prefix }: Range): boolean {
  if (gt !== undefined && key <= gt) return false
  if (gte !== undefined && key < gte) return false
  if (lt !== undefined && key >= lt) return false
  if (lte !== undefined && key > lte) return false
  return prefix === undefined || key.startsWith(prefix)
}

function boundsOf({ reverse: _, skip: __, limit: ___, ...bounds }: Range): Range {
  return bounds
}
