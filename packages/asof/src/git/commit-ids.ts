import type { Transaction } from 'asofdb'

/** How many commits are kept at hand; parents are nearly always among the latest. */
const rememberedMax = 20_000

/** Finds the nodes of commits by hash, through the index, the latest from memory. */
export class CommitIds {
  readonly #latest = new Map<string, number>()

  remember(hash: string, id: number): void {
    this.#latest.set(hash, id)
    if (this.#latest.size <= rememberedMax) return
    for (const oldest of this.#latest.keys()) {
      this.#latest.delete(oldest)
      break
    }
  }

  find(tx: Transaction, hash: string): number | undefined {
    const known = this.#latest.get(hash)
    if (known !== undefined) return known
    for (const node of tx.nodes('Commit', { hash })) return node.id
    return undefined
  }
}
