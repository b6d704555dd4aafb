/**
 * Work that was begun and is not durable yet, at most so much of it. The first failure is thrown
 * by the next call, and nothing is left unhandled.
 */
export class InFlight {
  readonly #max: number
  readonly #pending = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** Resolves when there is room for more. */
  async add(work: Promise<unknown>): Promise<void> {
    const pending = work.then(
      () => {
        this.#pending.delete(pending)
      },
      (error: unknown) => {
        this.#failure ??= { error }
        this.#pending.delete(pending)
      },
    )
    this.#pending.add(pending)
    while (this.#pending.size >= this.#max) await Promise.race(this.#pending)
    this.#mustBeWell()
  }

  /** Resolves when everything is done. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending)
    this.#mustBeWell()
  }

  #mustBeWell(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
