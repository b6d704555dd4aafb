import { DatabaseError } from './errors.ts'

/**
 * States what must hold whatever the input is. Always on: a broken invariant stops the work
 * before it can reach the disk. A failure is a bug of the database, never of its caller.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new DatabaseError('Bug', `invariant broken: ${message}`)
}

/** The value, which the caller has proved to be there. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) {
    throw new DatabaseError('Bug', `invariant broken: ${what} is missing`)
  }
  return value
}

/** Marks a branch that the types prove impossible. */
export function unreachable(value: never): never {
  throw new DatabaseError('Bug', `invariant broken: unexpected ${String(value)}`)
}
