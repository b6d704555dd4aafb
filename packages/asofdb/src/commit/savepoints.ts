import { DatabaseError } from '../rules/errors.ts'
import { invariant } from '../rules/invariant.ts'

/** What savepoints are set in: something that can go back to where it stood. */
export interface Undoable<Position> {
  mustBeOpen(): void
  position(): Position
  /** Undoes what was stated since. What was read since stays read. */
  takeBackTo(position: Position): void
}

interface Mark<Position> {
  readonly name: string
  readonly position: Position
  /** Its place among those that are set; no longer its own once it was released. */
  readonly depth: number
}

/**
 * The savepoints of a transaction, as a stack: to roll back to one or to release it ends those that
 * were set after it. A name that is given twice stands for the later one until that is released, as
 * in SQL.
 */
export class Savepoints<Position> {
  readonly #of: Undoable<Position>
  readonly #marks: Mark<Position>[] = []
  #unnamed = 0

  constructor(of: Undoable<Position>) {
    this.#of = of
  }

  set(name: string | undefined): Savepoint {
    this.#of.mustBeOpen()
    if (name !== undefined && (typeof name !== 'string' || name === '')) {
      throw new DatabaseError('InvalidArgument', 'a savepoint has a non-empty name, or none')
    }
    const given = name ?? `savepoint ${++this.#unnamed}`
    const mark = { name: given, position: this.#of.position(), depth: this.#marks.length }
    this.#marks.push(mark)
    return new Savepoint(given, {
      rollback: () => this.#rollback(this.#mustBeSet(mark)),
      release: () => this.#release(this.#mustBeSet(mark)),
    })
  }

  rollbackTo(name: string): void {
    this.#rollback(this.#mustFind(name))
  }

  release(name: string): void {
    this.#release(this.#mustFind(name))
  }

  /** The savepoint itself stays, to be gone back to again. */
  #rollback(mark: Mark<Position>): void {
    invariant(mark.depth < this.#marks.length, 'a savepoint that is gone back to is set')
    this.#marks.length = mark.depth + 1
    this.#of.takeBackTo(mark.position)
  }

  #release(mark: Mark<Position>): void {
    invariant(mark.depth < this.#marks.length, 'a savepoint that is released is set')
    this.#marks.length = mark.depth
  }

  #mustFind(name: string): Mark<Position> {
    this.#of.mustBeOpen()
    const mark = this.#marks.findLast((one) => one.name === name)
    if (mark === undefined) throw noSavepoint(name)
    invariant(this.#marks[mark.depth] === mark, 'a savepoint knows its place')
    return mark
  }

  #mustBeSet(mark: Mark<Position>): Mark<Position> {
    this.#of.mustBeOpen()
    if (this.#marks[mark.depth] !== mark) throw noSavepoint(mark.name)
    return mark
  }
}

/** A point within a transaction that it can go back to. */
export class Savepoint {
  readonly name: string
  readonly #ways: { readonly rollback: () => void; readonly release: () => void }

  constructor(name: string, ways: { readonly rollback: () => void; readonly release: () => void }) {
    this.name = name
    this.#ways = ways
  }

  /**
   * Undoes everything that was stated since, of all models, and releases the savepoints that were
   * set after this one; this one stays. What was read stays read. `NoSavepoint` once it is
   * released.
   */
  rollback(): void {
    this.#ways.rollback()
  }

  /** Forgets the savepoint and those set after it; what was stated stays. */
  release(): void {
    this.#ways.release()
  }
}

function noSavepoint(name: string): DatabaseError {
  return new DatabaseError(
    'NoSavepoint',
    `there is no savepoint '${String(name)}' in this transaction, or it was released; set it ` +
      'with savepoint, before what is to be undone',
    { details: { name } },
  )
}
