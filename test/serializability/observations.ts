/**
 * What the results of a transaction say about the versions that it read, in Adya's terms: which
 * value it saw at a cell, or only that there was something or nothing. Nothing is taken from a
 * snapshot here, but for what a count or a number of skipped entries hides.
 */
import type { History, RecordedStep, RecordedTransaction, Result } from './history.ts'
import { keysWithin, NaiveKeys } from './naive-keys.ts'
import { allKeys, type Cell, cellOf, type Operation, type Range } from './operations.ts'
import { stateAfter } from './replay.ts'

export const something = Symbol('something')

export interface Observation {
  readonly cell: Cell
  /** A value, null for nothing, or that there was something. */
  readonly saw: string | null | typeof something
  /** As part of a range, not as a key that was asked for by name. */
  readonly isPredicate: boolean
}

export interface Observed {
  /** Of others' versions. */
  readonly observations: readonly Observation[]
  /** What it states in the end. */
  readonly writes: ReadonlyMap<Cell, string | null>
  /** What it stated in between, and replaced by something else or took back. */
  readonly intermediate: ReadonlySet<string>
  /** What no state of the database explains, in words. */
  readonly faults: readonly string[]
}

export function observe(history: History, transaction: RecordedTransaction): Observed {
  const own = new NaiveKeys(stateAfter(history, transaction.base))
  const observations: Observation[] = []
  const faults: string[] = []
  const stated = new Set<string>()
  const cursor = new CursorTrail()
  for (const [index, step] of transaction.steps.entries()) {
    const written = new Set(own.written)
    const { result, looks } = own.perform(step.operation)
    if ('value' in step.operation) stated.add(step.operation.value)
    const claimed = claimsOf(step, cursor)
    const isExplained = JSON.stringify(result) === JSON.stringify(step.result)
    const where = `${transaction.name}, step ${index + 1}, ${JSON.stringify(step.operation)}`
    if (claimed === undefined && !isExplained) {
      faults.push(`unexplained: ${where} returned ${JSON.stringify(step.result)}`)
      continue
    }
    const seen =
      claimed ??
      looks.map(({ cell, at, isPredicate }): Observation => {
        const value = own.valueOf(cell)
        // A write of the same step has changed it since.
        if (at === 'presence' || own.written.has(cell)) {
          return { cell, saw: wasThere(history, transaction, cell), isPredicate }
        }
        return { cell, saw: value, isPredicate }
      })
    for (const observation of seen) {
      if (!written.has(observation.cell)) observations.push(observation)
      else if (!isExplained) faults.push(`own statement not seen: ${where}`)
    }
  }
  const writes = new Map([...own.written].map((cell) => [cell, own.valueOf(cell)]))
  const last = new Set(writes.values())
  const intermediate = new Set([...stated].filter((value) => !last.has(value)))
  return { observations, writes, intermediate, faults }
}

/** Whether something was at a cell in the snapshot: only asked where a result agrees with it. */
function wasThere(
  history: History,
  { base }: RecordedTransaction,
  cell: Cell,
): typeof something | null {
  return stateAfter(history, base).has(cell) ? something : null
}

/** What a result by itself says of cells; undefined where it is too little. */
function claimsOf(step: RecordedStep, cursor: CursorTrail): Observation[] | undefined {
  const { operation, result } = step
  switch (operation.do) {
    case 'get':
      return [claim(cellOf(operation.space, operation.key), textOf(result))]
    case 'getMany':
      return operation.keys.map((key, index) =>
        claim(cellOf(operation.space, key), Array.isArray(result) ? textOf(result[index]) : null),
      )
    case 'has':
      return [claim(cellOf(operation.space, operation.key), result === true ? something : null)]
    case 'delete':
      return [claim(cellOf(operation.space, operation.key), result === 0 ? null : something)]
    case 'insert':
      return [claim(cellOf(operation.space, operation.key), result === 1 ? null : something)]
    case 'compareAndSet':
    case 'compareAndDelete': {
      const { space, key, expected } = operation
      if (result === true) return [claim(cellOf(space, key), expected)]
      return expected === null ? [claim(cellOf(space, key), something)] : undefined
    }
    case 'cursor':
      cursor.open(operation)
      return []
    case 'move':
      return cursor.claims(operation, result)
    case 'range':
      return rangeClaims(operation, result)
    default:
      return operation.do === 'clear' ? undefined : []
  }
}

function claim(cell: Cell, saw: Observation['saw'], isPredicate = false): Observation {
  return { cell, saw, isPredicate }
}

function textOf(result: Result | undefined): string | null {
  return typeof result === 'string' ? result : null
}

function rangeClaims(
  { space, range, form, take }: Extract<Operation, { do: 'range' }>,
  result: Result,
): Observation[] | undefined {
  if (form === 'count' || form === 'values' || (range.skip ?? 0) > 0) return undefined
  const list = form === 'first' ? (result === null ? [] : [result]) : result
  if (!Array.isArray(list)) return undefined
  const seen = new Map<string, Observation['saw']>()
  for (const entry of list) {
    if (form === 'keys') seen.set(String(entry), something)
    else if (Array.isArray(entry)) seen.set(String(entry[0]), textOf(entry[1]))
  }
  const most = Math.min(range.limit ?? Infinity, form === 'first' ? 1 : (take ?? Infinity))
  const claims = claimsUpTo({ range, most }, seen)
  return claims.map(([key, saw]) => claim(cellOf(space, key), saw, true))
}

/** What was seen, and that there is nothing else as far as it was looked. */
function claimsUpTo(
  { range, most }: { readonly range: Range; readonly most: number },
  seen: ReadonlyMap<string, Observation['saw']>,
): (readonly [string, Observation['saw']])[] {
  const claims: (readonly [string, Observation['saw']])[] = []
  let rest = Math.min(most, seen.size >= most ? most : Infinity)
  if (rest === 0) return claims
  for (const key of keysWithin(range)) {
    const saw = seen.get(key)
    claims.push([key, saw ?? null])
    if (saw === undefined) continue
    if (--rest <= 0) break
  }
  return claims
}

/** Where a cursor stands, as its own results say. */
class CursorTrail {
  #opened: Extract<Operation, { do: 'cursor' }> | undefined
  #at: string | undefined
  #isOff = false

  open(operation: Extract<Operation, { do: 'cursor' }>): void {
    this.#opened = operation
    this.#at = undefined
    this.#isOff = false
  }

  claims({ move, key }: Extract<Operation, { do: 'move' }>, result: Result): Observation[] {
    const opened = this.#opened
    if (opened === undefined) return []
    const isStep = move === 'next' || move === 'prev'
    if (isStep && this.#isOff) return []
    const isBack = move === 'prev' || move === 'seekForPrev' || move === 'seekToLast'
    const found = Array.isArray(result) ? String(result[0]) : undefined
    const bounds: Range[] = [opened.range]
    if (move === 'seek') bounds.push({ gte: key })
    if (move === 'seekForPrev') bounds.push({ lte: key })
    if (isStep && this.#at !== undefined) {
      bounds.push(isBack ? { lt: this.#at } : { gt: this.#at })
    }
    if (found !== undefined) bounds.push(isBack ? { gte: found } : { lte: found })
    this.#at = found
    this.#isOff = found === undefined
    const within = bounds.map((range) => new Set(keysWithin(range)))
    const value = Array.isArray(result) ? textOf(result[1]) : null
    return allKeys
      .filter((one) => within.every((keys) => keys.has(one)))
      .map((one) => claim(cellOf(opened.space, one), one === found ? value : null, true))
  }
}
