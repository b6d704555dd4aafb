import type { TransactionCore } from './commit/transaction-core.ts'
import type { CommitMeta } from './graph/history.ts'
import type { GraphSettings } from './graph/graph-writer.ts'
import type { Instant } from './encoding/instant.ts'
import { Transaction } from './transaction.ts'
import type { ViewContext } from './view-point.ts'

/** A commit: its number, its system time and what its writer said about it. */
export interface CommitInfo {
  readonly sequence: number
  readonly system: Instant
  readonly meta: CommitMeta | undefined
}

interface OpenTransactionParts {
  readonly settings: GraphSettings
  readonly commit: () => Promise<CommitInfo | undefined>
}

/** A transaction that its owner ends. */
export class OpenTransaction extends Transaction {
  readonly #core: TransactionCore
  readonly #commit: () => Promise<CommitInfo | undefined>

  constructor(context: ViewContext, core: TransactionCore, parts: OpenTransactionParts) {
    super(context, core, parts.settings)
    this.#core = core
    this.#commit = parts.commit
  }

  /**
   * Commits; resolves when durable, with undefined if nothing was stated. An error of
   * kind `retry` when it lost a race: begin again.
   */
  commit(): Promise<CommitInfo | undefined> {
    return this.#commit()
  }

  /** Forgets everything stated. Harmless after the end. */
  cancel(): void {
    this.#core.cancel()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel()
  }
}
