import { invariant } from '../rules/invariant.ts'
import type { Tables } from './tables.ts'

/**
 * The tables in force. Compaction replaces them by others that hold the same commits; whoever works
 * on them for several turns takes them out once, and those stay complete for what they were asked.
 */
export class LiveTables {
  #current: Tables

  constructor(tables: Tables) {
    this.#current = tables
  }

  get current(): Tables {
    return this.#current
  }

  replace(tables: Tables): void {
    const { commits } = this.#current
    invariant(tables.commits.sequence === commits.sequence, 'no commit is lost')
    invariant(tables.commits.lastSystemTime === commits.lastSystemTime, 'the commits are the same')
    invariant(!tables.isReplaced, 'nothing goes back to tables that were replaced')
    this.#current.isReplaced = true
    this.#current = tables
  }
}
