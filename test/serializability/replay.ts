/**
 * The simplest proof there is: committed transactions, done again one after another on a plain
 * Map in the order of their commits, read and return the same. Also what a transaction read from
 * its snapshot, and whether one that was refused would have read the same at its commit.
 */
import type { History, RecordedTransaction, Version } from './history.ts'
import { type Look, NaiveKeys } from './naive-keys.ts'
import type { Cell } from './operations.ts'

export interface Replayed {
  /** The first step whose result differs, in words. */
  readonly difference: string | undefined
  /** What the steps looked at, own statements included. */
  readonly looks: readonly Look[]
  /** What it states in the end. */
  readonly writes: ReadonlyMap<Cell, string | null>
}

export function replay(
  transaction: RecordedTransaction,
  state: ReadonlyMap<Cell, string>,
): Replayed {
  const naive = new NaiveKeys(state)
  const looks: Look[] = []
  let difference: string | undefined
  for (const [index, { operation, result }] of transaction.steps.entries()) {
    const performed = naive.perform(operation)
    looks.push(...performed.looks)
    const [expected, actual] = [JSON.stringify(performed.result), JSON.stringify(result)]
    if (expected === actual) continue
    difference ??=
      `${transaction.name}, step ${index + 1}, ${JSON.stringify(operation)}: ` +
      `returned ${actual}, and is ${expected}`
  }
  const writes = new Map([...naive.written].map((cell) => [cell, naive.valueOf(cell)]))
  return { difference, looks, writes }
}

/** The state after so many commits, as the database's own history tells it. */
export function stateAfter(history: History, sequence: number): Map<Cell, string> {
  const state = new Map(history.before)
  for (const [cell, versions] of history.versions) {
    const last = lastVersion(versions, sequence)
    if (last === undefined) continue
    if (last.value === null) state.delete(cell)
    else state.set(cell, last.value)
  }
  return state
}

function lastVersion(versions: readonly Version[], sequence: number): Version | undefined {
  return versions.findLast((version) => version.sequence <= sequence)
}

export function committedInOrder(history: History): RecordedTransaction[] {
  const place = ({ outcome, base }: RecordedTransaction) =>
    // One that stated nothing has its place right after its snapshot.
    outcome.kind === 'committed' ? outcome.sequence : base + 0.5
  return history.transactions
    .filter(({ outcome }) => outcome.kind === 'committed' || outcome.kind === 'empty')
    .sort((left, right) => place(left) - place(right))
}

/** Where doing it all again, one after another, gives something else; undefined: nowhere. */
export function serialDifference(history: History): string | undefined {
  const state = new Map(history.before)
  for (const transaction of committedInOrder(history)) {
    const { difference, writes } = replay(transaction, state)
    if (difference !== undefined) return `done again in the order of commits: ${difference}`
    for (const [cell, value] of writes) {
      if (value === null) state.delete(cell)
      else state.set(cell, value)
    }
  }
  const [last, again] = [sorted(stateAfter(history, Infinity)), sorted(state)]
  return last === again ? undefined : `in the end there is ${last}, and should be ${again}`
}

function sorted(state: ReadonlyMap<Cell, string>): string {
  return JSON.stringify([...state].sort(([left], [right]) => (left < right ? -1 : 1)))
}

/** Where a transaction, committed or not, read something else than its snapshot and its own. */
export function snapshotDifference(history: History): string | undefined {
  for (const transaction of history.transactions) {
    const { difference } = replay(transaction, stateAfter(history, transaction.base))
    if (difference !== undefined) return `on the snapshot ${transaction.base}: ${difference}`
  }
  return undefined
}

/** Whether the database's own history is what its transactions stated. */
export function historyDifference(history: History): string | undefined {
  const expected = new Map<Cell, Version[]>()
  for (const transaction of committedInOrder(history)) {
    const { outcome, base } = transaction
    const { writes } = replay(transaction, stateAfter(history, base))
    if (outcome.kind === 'empty' && writes.size > 0) {
      return `${transaction.name} stated ${[...writes.keys()].join()} and made no commit`
    }
    if (outcome.kind !== 'committed') continue
    if (writes.size === 0) return `${transaction.name} stated nothing and made a commit`
    for (const [cell, value] of writes) {
      const versions = expected.get(cell) ?? []
      versions.push({ sequence: outcome.sequence, value })
      expected.set(cell, versions)
    }
  }
  const [told, stated] = [shown(history.versions), shown(expected)]
  return told === stated ? undefined : `the history tells ${told}, and is ${stated}`
}

function shown(versions: ReadonlyMap<Cell, readonly Version[]>): string {
  const all = [...versions].sort(([left], [right]) => (left < right ? -1 : 1))
  return JSON.stringify(
    all.map(([cell, list]) => [cell, list.map(({ sequence, value }) => [sequence, value])]),
  )
}

export type Abort =
  /** Nothing it read or wrote had changed. */
  | 'without a cause'
  /** What it was refused for is not what it touched or not what changed. */
  | 'for another cell'
  /** Run at the moment of its commit, it would have read the same. */
  | 'false'
  /** The same, and what it wrote was written by another: first committer wins. */
  | 'blind write'
  | 'needed'

/** Whether a refused transaction was refused for a reason; undefined: it was not refused. */
export function judgeAbort(
  history: History,
  transaction: RecordedTransaction,
): Abort | undefined {
  const { outcome, base } = transaction
  if (outcome.kind !== 'aborted') return undefined
  const changed = new Set<Cell>()
  for (const [cell, versions] of history.versions) {
    const isRival = ({ sequence }: Version) => sequence > base && sequence <= outcome.after
    if (versions.some(isRival)) changed.add(cell)
  }
  const { looks, writes } = replay(transaction, stateAfter(history, base))
  // A look at an own statement counts as a read of the key, also once the statement is taken back.
  const touched = new Set([...looks.map(({ cell }) => cell), ...writes.keys()])
  const causes = [...touched].filter((cell) => changed.has(cell))
  if (causes.length === 0) return 'without a cause'
  if (outcome.cell !== undefined && !causes.includes(outcome.cell)) return 'for another cell'
  const again = replay(transaction, stateAfter(history, outcome.after))
  if (again.difference !== undefined) return 'needed'
  return [...writes.keys()].some((cell) => changed.has(cell)) ? 'blind write' : 'false'
}
